import { describe, expect, it } from 'vitest';
import { identity } from '../commands/support.ts';
import { credsetup } from '../program.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, expectNothingSaved, expectUnseen, mattermost, toStep, toToken, wizard } from './support.ts';

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
