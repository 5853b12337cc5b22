import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { identity } from '../commands/support.ts';
import { credsetup } from '../program.ts';
import { startSession } from '../stores/keychain-session.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, atTheEnd, commandLines, expectUnseen, filesIn, folder, holdAnswers, mattermost, toStep, toToken, wizard } from './support.ts';

/** A clipboard of the test's own: keeps its arguments, its input, its environment and the process list of that moment. */
function standInClipboard(): { readonly env: Record<string, string>; readonly saw: (what: 'args' | 'stdin' | 'env' | 'processes') => string } {
  const path = folder();
  const script = `#!/bin/sh\nprintf '%s\\n' "$@" > '${path}/args'\nenv > '${path}/env'\ncat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' > '${path}/processes'\ncat > '${path}/stdin'\n`;
  writeFileSync(join(path, 'xclip'), script);
  chmodSync(join(path, 'xclip'), 0o755);
  return { env: { PATH: `${path}:${process.env['PATH'] ?? ''}`, DISPLAY: ':99' }, saw: (what) => readFileSync(join(path, what), 'utf8') };
}

describe.skipIf(!has('terminal') || !has('keychain'))('The Mattermost wizard', () => {
  it('goes from what the browser shows to the keychain, and shows what to type in n8n', async () => {
    const { server, token } = await mattermost();
    const keychain = await startSession();
    atTheEnd(() => keychain.stop());
    const clipboard = standInClipboard();
    const env = { ...keychain.env, ...clipboard.env, CREDSETUP_KEYCHAIN_SERVICE: 'credsetup-e2e', CREDSETUP_HOME: join(folder(), 'new', 'data') };
    const { session, left } = wizard(['mattermost'], { env });

    await session.waitFor('? Mattermost address');
    session.paste(` ${server.url.replace('http', 'HTTP')}/practice/channels/town-square?from=mail#top \n`);
    await session.waitFor('#top');
    session.press('enter');
    await session.waitFor(`✔ Mattermost answers at ${server.url} (version 6.7.0)`);
    await toStep(session);
    await session.waitFor('Copy the Access Token. It is shown only now; the Token ID beside it does not work.');
    await session.waitFor('Enter: I have it, go on');
    session.type('m');
    await session.waitFor('Please allow me to create a Personal Access Token in Mattermost');
    await session.waitFor(`${server.url}/admin_console/integrations/integration_management\n`);
    await session.waitFor('Enter: I have it, go on', 2);
    session.press('enter');
    await answerSecret(session, 'Access Token', ` \t${token}\r\n\r\n`);
    await session.waitFor('✔ Signed in as maker');
    await session.waitFor('✔ teams  ✔ channels  ✔ posts  ✔ users');
    await answer(session, 'Save as', 'chat');
    await session.waitFor('✔ Saved as chat in the OS keychain.');
    await session.waitFor('? Where do you need it?');
    expect(commandLines().filter(({ words }) => words.join(' ').includes(token))).toEqual([]);
    session.press('down');
    await session.waitFor('❯ In n8n: show me');
    session.press('enter');
    await session.waitFor('c: copy it to the clipboard');
    session.type('c');
    await left(0);

    expect(session.screen()).toContain([
      '  In n8n, create a credential of the type Mattermost API (for Mattermost) and type:',
      '    Access Token                  (hidden, 26 characters)',
      '      Copied. Paste it into n8n now; what is in the clipboard can be read by every program.',
      `    Base URL                      ${server.url}`,
      '    Ignore SSL Issues (Insecure)  off',
      '  Save there; n8n then tests the credential.',
    ].join('\n'));
    expect(clipboard.saw('stdin')).toBe(token);
    for (const what of ['args', 'env', 'processes'] as const) expect(clipboard.saw(what)).not.toContain(token);
    expect(clipboard.saw('env')).not.toContain('CREDSETUP_');
    expectUnseen(session, token);
    expect(keychain.count('credsetup-e2e')).toBe(1);
    expect((await credsetup(['get', 'chat'], { env })).stdout).toBe(`${token}\n`);
  });

  it('proposes a free name where another account has the name, and keeps what is there', async () => {
    const { server, token } = await mattermost();
    const other = server.makeToken('joe').token;
    const env = { CREDSETUP_HOME: join(folder(), 'data'), CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity };
    const first = await credsetup(['mattermost', '--url', server.url, '--name', 'chat'], { env: { ...env, CREDSETUP_TOKEN: other } });
    expect(first.exitCode, first.stderr).toBe(0);

    const { session, left } = wizard(['mattermost', '--name', 'Chat'], { env });
    await toToken(session, server.url);
    await answerSecret(session, 'Access Token', token);
    await session.waitFor(`The name chat holds another credential: mattermost at ${server.url} as joe.`);
    await answer(session, 'Save as', 'CHAT');
    await session.waitFor('holds another credential', 2);
    await session.waitFor(/\? Save as \(\S+-2\)/);
    session.press('enter');
    await session.waitFor('? Where do you need it?');
    session.press('escape');
    await left(0);
    expect((await credsetup(['get', 'chat'], { env })).stdout).toBe(`${other}\n`);
    const listed = (await credsetup(['list', '--json'], { env })).json()['credentials'] as { name: string; account: { username: string } }[];
    expect(listed.map(({ name, account }) => [name.toLowerCase(), account.username])).toEqual([['chat', 'joe'], ['chat-2', 'maker']]);
  });
});

describe.skipIf(!has('terminal'))('What is typed or pasted where nothing asks', () => {
  it('is neither shown nor carried into the next question', async () => {
    const { server, token } = await mattermost();
    const stray = 'stray-s3cret-value';
    const { session, left, home } = wizard(['mattermost', '--store', 'none'], { env: {} });
    const locating = holdAnswers(server, '/api/v4/system/ping');
    await answer(session, 'Mattermost address', server.url);
    await locating.reached;
    session.paste(`${stray}\n`);
    session.type(`${stray}\r`);
    session.press('escape');
    locating.letGo();
    await session.waitFor('❯ I have a token');
    session.paste('3\n');
    session.press('enter');

    // The step is still open: none of it was Enter. Letters of a paste are no keys, but what the next question is to judge.
    await session.waitFor('Enter: I have it, go on');
    session.paste(`mmm ${stray}\ns\ny`);
    await session.waitFor('What came has a line end after 22 characters and was not taken.');
    expect(session.screen()).not.toContain('for your admin ────');

    await session.waitFor('? Access Token (hidden, 0 characters)');
    session.paste(`${token}\n${stray}`);
    await session.waitFor('The paste has a line end after 26 characters and was not taken.');
    session.paste('x'.repeat(100_000));
    await session.waitFor('The paste has 100,000 characters: at most 512 characters are taken.');
    const validating = holdAnswers(server, '/api/v4/users/me');
    await answerSecret(session, 'Access Token', token);
    await validating.reached;
    session.paste(stray.repeat(2_000));
    session.type(`${stray}\ry\r`);
    session.press('escape');
    validating.letGo();

    await session.waitFor('? Where do you need it?');
    session.paste(`${stray}\r\r`);
    session.press('down');
    await session.waitFor('❯ Only here');
    session.press('enter');
    await left(0);
    expect(session.raw).not.toContain('s3cret');
    expect(session.raw).not.toContain('xxxx');
    expectUnseen(session, token);
    expect(filesIn(home)).toEqual([]);
  });

  it('does not answer the question for a name with a pasted "y" or a letter typed ahead', async () => {
    const { server, token } = await mattermost();
    const { session, left, home } = wizard(['mattermost'], { env: { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity } });
    await toToken(session, server.url);
    const validating = holdAnswers(server, '/api/v4/users/me');
    await answerSecret(session, 'Access Token', token);
    await validating.reached;
    session.paste('y');
    session.type('wrong-name\r');
    validating.letGo();
    await session.waitFor(/\? Save as \(mattermost-127\.0\.0\.1-\d+\)/);
    session.paste('two\nlines');
    await session.waitFor('The paste has a line end after 3 characters and was not taken.');
    session.press('enter');
    await session.waitFor(/✔ Save as mattermost-127\.0\.0\.1-\d+\n/);
    await session.waitFor('? Where do you need it?');
    session.press('escape');
    await left(0);
    expect(session.raw).not.toContain('wrong-name');
    expect(filesIn(home)).not.toEqual([]);
  });
});
