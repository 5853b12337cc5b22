import { describe, expect, it } from 'vitest';
import { identity } from '../commands/support.ts';
import { credsetup } from '../program.ts';
import { unusedPort } from '../ports.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, expectNothingSaved, expectUnseen, folder, mattermost, mautic, toStep, toToken, wizard } from './support.ts';

const inFile = { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity };

describe.skipIf(!has('terminal'))('credsetup alone', () => {
  it('sets up, lists and tests what is stored, and quits', async () => {
    const { server, token } = await mattermost();
    const { session, left, home } = wizard([], { env: inFile, columns: 140 });
    await session.waitFor('? What would you like to do?');
    await session.waitFor('❯ Set up Mautic');
    session.press('down');
    await session.waitFor('❯ Set up Mattermost');
    session.press('enter');
    await toToken(session, server.url);
    await answerSecret(session, 'Access Token', token);
    await answer(session, 'Save as', 'chat');
    await session.waitFor('? Where do you need it?');
    session.press('escape');
    await session.waitFor('❯ Set up Mautic');
    session.press('down');
    await session.waitFor('❯ Set up Mattermost');
    session.press('down');
    await session.waitFor('❯ Set up n8n');
    session.press('down');
    await session.waitFor('❯ See what is stored and how it is');
    session.press('enter');
    await session.waitFor(/chat +mattermost +access-token +http:\S+ +maker/);
    await session.waitFor(`✔ chat  ok  ${server.url} as maker`);
    await session.waitFor('❯ Set up Mautic');
    session.press('up');
    await session.waitFor('❯ Quit');
    session.press('enter');
    await left(0);
    expectUnseen(session, token);
    expect((await credsetup(['get', 'chat'], { env: { ...inFile, CREDSETUP_HOME: home } })).stdout).toBe(`${token}\n`);
  });

  it('comes back to the menu at Esc, and after what went wrong', async () => {
    const { session, left, home } = wizard([], { env: inFile });
    await session.waitFor('❯ Set up Mautic');
    session.press('enter');
    await session.waitFor('? Mautic address');
    session.press('escape');
    await session.waitFor('Back to the menu. Nothing was saved.');
    await session.waitFor('❯ Set up Mautic');
    session.press('escape');
    await left(0);
    await expectNothingSaved(home);
  });

  it('ends at Ctrl-C inside a set-up, and not in the menu', async () => {
    const { session, left } = wizard([], { env: inFile });
    await session.waitFor('❯ Set up Mautic');
    session.press('enter');
    await session.waitFor('? Mautic address');
    session.press('ctrl-c');
    await left(130);
  });
});

describe.skipIf(!has('terminal'))('On a terminal where nobody may be asked', () => {
  it.each([['CI=1', [], { CI: '1' }], ['--no-input', ['--no-input'], {}]] as const)('%s names what is missing at once', async (_, more, env) => {
    const { session, left } = wizard(['mattermost', ...more], { env });
    await left(2);
    expect(session.screen()).toContain('(INPUT_MISSING)');
    for (const name of ['--url', 'CREDSETUP_MATTERMOST_URL', '--token-file', 'CREDSETUP_MATTERMOST_TOKEN']) expect(session.screen().replace(/\s+/g, ' ')).toContain(name);
    expect(session.raw).not.toContain('\u001b[?2004h');
    const menu = wizard(more, { env });
    await menu.left(2);
    expect(menu.session.screen()).toContain('Usage: credsetup');
  });

  it('CI=false is no CI', async () => {
    const { session, left } = wizard(['mattermost'], { env: { CI: 'false' } });
    await session.waitFor('? Mattermost address');
    session.press('ctrl-c');
    await left(130);
  });
});

describe.skipIf(!has('terminal'))('At 80 columns', () => {
  it('a refused token names three causes, as possible ones, and the others by a key or when it is refused again', async () => {
    const { server } = await mattermost();
    const { session, left } = wizard(['mattermost', '--url', server.url], { env: inFile, columns: 80 });
    await toStep(session);
    await session.waitFor('Enter: I have it, go on');
    session.press('enter');
    await answerSecret(session, 'Access Token', 'a'.repeat(26));
    await session.waitFor('Down: show the 4 other causes');
    const said = session.screen().slice(session.screen().indexOf('✖')).split('\n');
    const list = said.findIndex((line) => line.includes('Possible causes'));
    expect(list).toBeLessThanOrEqual(3);
    expect(said.filter((line) => /^ {2}\d+\. /.test(line))).toHaveLength(3);
    expect(said.slice(0, said.findIndex((line) => line.includes('? Access Token'))).length).toBeLessThanOrEqual(20);
    expect(session.screen()).not.toContain('This is the Token ID');
    session.press('down');
    await session.waitFor('Other possible causes:\n  4. ');
    await session.waitFor('? Access Token (hidden, 0 characters)');
    expect(session.screen().split('? Access Token').at(-1)).not.toContain('Down:');
    await answerSecret(session, 'Access Token', 'b'.repeat(26));
    await session.waitFor(/Other possible causes:[\s\S]*Other possible causes:\n {2}4\. /);
    session.press('ctrl-c');
    await left(130);
  });

  it.each([80, 40])('the list breaks no word in a terminal of %i columns', async (columns) => {
    const { server, token } = await mattermost();
    const env = { ...inFile, CREDSETUP_HOME: folder() };
    const named = `mattermost-${'a-team-with-a-long-name-'.repeat(2)}`.slice(0, 38);
    expect((await credsetup(['mattermost', '--url', server.url, '--name', named], { env: { ...env, CREDSETUP_TOKEN: token } })).exitCode).toBe(0);
    const { session, left } = wizard(['list'], { env, columns });
    await left(0);
    const listed = session.screen().split('\nexit 0')[0]!.split('\n');
    expect(listed[0]).toBe(named);
    expect(Math.max(...listed.map((line) => line.length))).toBeLessThanOrEqual(columns);
    for (const word of ['account maker', `address ${server.url}`, 'service mattermost', 'store file']) expect(listed.join('\n')).toContain(word);
    const wide = wizard(['list'], { env, columns: 160 });
    await wide.left(0);
    expect(wide.session.screen()).toMatch(/^NAME +SERVICE +METHOD +ADDRESS +ACCOUNT +VALIDATED +STORE/);
  });

  it('a Redirect URI stands alone on its line, unindented and unbroken', async () => {
    const server = await mautic();
    const n8n = 'https://n8n.a-long-name-of-a-company.example.com/with/a/folder/rest/oauth2-credential/callback';
    const { session, left } = wizard(
      ['mautic', '--method', 'oauth2', '--url', server.url, '--callback-port', String(await unusedPort()), '--n8n-callback-url', n8n], { env: inFile, columns: 80 },
    );
    await session.waitFor('? Where does the client come from?');
    session.press('up');
    await session.waitFor('❯ I do it');
    session.press('enter');
    await session.waitFor('Create a client');
    await session.waitFor('c: copy the Redirect URI');
    expect(session.raw).toMatch(/\r\nhttp:\/\/127\.0\.0\.1:\d+\/callback,https:\/\/n8n\.a-long-name-of-a-company\.example\.com\/with\/a\/folder\/rest\/oauth2-credential\/callback\r\n/);
    session.press('ctrl-c');
    await left(130);
  });

  it('a secret can be had without a clipboard, without leaving, and is nowhere on the screen then', async () => {
    const { server, token } = await mattermost();
    const { session, left } = wizard(['mattermost', '--url', server.url, '--name', 'chat'], { env: { ...inFile, PATH: '/usr/bin:/bin' }, columns: 80 });
    await toStep(session);
    await session.waitFor('Enter: I have it, go on');
    session.press('enter');
    await answerSecret(session, 'Access Token', token);
    await session.waitFor('? Save as (chat)');
    session.press('enter');
    await session.waitFor('❯ In n8n: put it there now');
    session.press('down');
    await session.waitFor('❯ In n8n: show me');
    session.press('enter');
    await session.waitFor('c: copy it to the clipboard');
    expectUnseen(session, token);
    session.type('c');
    await session.waitFor('      credsetup get chat\n');
    await session.waitFor('s: show it here until Enter');
    expectUnseen(session, token);
    session.type('s');
    await session.waitFor(`\n${token}\n`);
    session.press('enter');
    await left(0);
    expect(session.screen()).not.toContain(token);
  });
});

describe.skipIf(!has('terminal'))('The screens', () => {
  it('have no colours with NO_COLOR', async () => {
    const { server, token } = await mattermost();
    const { session, left } = wizard(['mattermost'], { env: { ...inFile, NO_COLOR: '1' } });
    await toToken(session, server.url);
    await answerSecret(session, 'Access Token', token);
    await session.waitFor('? Save as');
    session.press('ctrl-c');
    await left(130);
    expect(session.raw).not.toMatch(/\u001b\[(?:[0-9;]*;)?(?:1|2|3\d|9\d)m/);
  });

  it('cut no word in a terminal of 40 columns, and no address is broken', async () => {
    const { server, token } = await mattermost();
    const { session, left } = wizard(['mattermost', '--require', 'posts'], { env: inFile, columns: 40 });
    await session.waitFor('? Mattermost address');
    session.type(server.url);
    await session.waitFor(/\? Mattermost address http/);
    session.press('enter');
    await toStep(session);
    await session.waitFor('Enter: I have it, go on');
    session.type('m');
    await session.waitFor('──── for your admin ────');
    await session.waitFor('Enter: I have it, go on', 2);
    session.press('enter');
    await session.waitFor(/^have 26 characters, and the Access Token$/m);
    await answerSecret(session, 'Access Token', token);
    await session.waitFor('? Save as');
    session.press('enter');
    await session.waitFor('? Where do you need it?');
    session.press('down');
    await session.waitFor('❯ In n8n: show me');
    session.press('enter');
    await session.waitFor('c: copy it to the clipboard');
    session.press('enter');
    await left(0);
    const screen = session.screen().split(/\nexit \d/)[0]!;
    const lines = screen.split('\n');
    // What the terminal itself broke fills its line to the last column and goes on without an indent.
    const broken = lines.flatMap((text, index) => (text.length === 40 && /\S$/.test(text) && /^\S/.test(lines[index + 1] ?? '') ? [text] : []));
    expect(broken.filter((text) => !text.includes('/'))).toEqual([]);
    expect(session.raw).toContain(`${server.url}/admin_console/integrations/integration_management\r\n`);
  });
});
