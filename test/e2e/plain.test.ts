/** Plain mode, walked whole: nothing is drawn, so that a screen reader, Emacs' shell or a console says each line once. */
import { describe, expect, it } from 'vitest';
import { identity } from '../commands/support.ts';
import { credsetup } from '../program.ts';
import { has } from '../tools.ts';
import type { PtySession } from '../terminal/pty.ts';
import { expectUnseen, folder, mattermost, mautic, toStep, wizard } from './support.ts';

const inFile = { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity };

/** Answers each question when the cursor stands behind it, as a person who listens does. */
async function walk(session: PtySession, answers: readonly (readonly [question: string | RegExp, typed: string])[]): Promise<void> {
  for (const [question, typed] of answers) {
    const words = typeof question === 'string' ? question.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : question.source;
    await session.waitFor(new RegExp(`${words} ?$`));
    session.type(typed);
  }
}

/** Lines one below the other: no sequence that moves the cursor, paints or asks the terminal for something, and no sign beyond ASCII. */
function expectUndrawn(session: PtySession): void {
  const [before = ''] = session.raw.replace(/\u001b\]9997;\d+\u0007/g, '').split(/exit \d+\r\n/);
  expect(before).not.toMatch(/[^\n\r\u0020-\u007e]/);
  // A carriage return stands before a line feed and nowhere else.
  expect(before).not.toMatch(/\r(?![\r\n])/);
}

describe.skipIf(!has('terminal'))('Plain mode', () => {
  it.each([
    ['--plain', ['--plain'], {}], ['TERM=dumb', [], { TERM: 'dumb' }], ['CREDSETUP_PLAIN=1', [], { CREDSETUP_PLAIN: '1' }],
  ] as const)('walks the Mattermost wizard with %s', async (_, more, env) => {
    const { server, token } = await mattermost();
    const { session, left, home } = wizard(['mattermost', ...more], { env: { ...inFile, ...env }, columns: 80 });
    await walk(session, [
      ['Mattermost address:', `${server.url}\r`],
      ['Number, 1 to 3 (Enter: 1, <: back):', '9\r'],
      ['Type a number from 1 to 3.\nNumber, 1 to 3 (Enter: 1, <: back):', '1\r'],
      ['  Enter: I have it, go on\n  o: open the page\n  m: message for your admin\n  <: back', 'm'],
      [/-{24}\nCreate a Personal Access Token\n(?:  .*\n)*  <: back/, '\r'],
      ['Access Token (hidden):', `${token.slice(0, -1)}x\u007f${token.slice(-1)}\r`],
      [/Save as \(\S+\):/, 'my chat\r'],
      ['Save as (my-chat):', '\r'],
      [/Where do you need it\?(?:\n  .*)*\n.*back\):/, 'only here\r'],
    ]);
    await left(0);
    expect(session.screen()).toContain('Access Token (hidden): (26 characters)\n');
    expect(session.screen()).toContain('[ok] Signed in as maker');
    expectUndrawn(session);
    expectUnseen(session, token);
    expect((await credsetup(['get', 'my-chat'], { env: { ...inFile, CREDSETUP_HOME: home } })).stdout).toBe(`${token}\n`);
  });

  it('walks the Mautic wizard, and goes back at <', async () => {
    const server = await mautic({ apiEnabled: false });
    const { password } = server.user('contacts');
    const { session, left } = wizard(['--plain', 'mautic'], { env: inFile, columns: 80 });
    await walk(session, [['Mautic address:', `${server.url}/s/login\r`]]);
    await session.waitFor('How do you want to set up Mautic?\n  1. ');
    await walk(session, [['back):', '<\r'], [`Mautic address (${server.url}):`, '\r'], ['back):', '3\r'], [/1\. OAuth2: (?:.*\n)*.*back\):/, 'basic auth\r']]);
    await session.waitFor('1 of 2  Enable the API');
    await session.waitFor('  s: skip\n  <: back');
    server.state.apiEnabled = true;
    await walk(session, [['Username:', 'contacts\r']]);
    await walk(session, [['Password (hidden):', 'not this one\r']]);
    await session.waitFor('Error: Mautic');
    await walk(session, [['Password (hidden):', `${password}\r`], [/Save as \(\S+\):/, 'crm\r']]);
    await session.waitFor('[ok] Saved as crm');
    await walk(session, [['back):', '<\r']]);
    await left(0);
    expectUndrawn(session);
    expectUnseen(session, password);
  });

  it('takes a paste of two lines for one value, and shows no secret that came with a line end', async () => {
    const { server, token } = await mattermost();
    const { session, left } = wizard(['mattermost', '--plain', '--store', 'none'], { env: {} });
    await walk(session, [['Mattermost address:', `${server.url}\rsecond line\r`]]);
    await session.waitFor('What came has a line end after');
    await walk(session, [['Mattermost address:', `${server.url}\r`], ['back):', '\r'], ['<: back', '\r']]);
    await walk(session, [['Access Token (hidden):', `${token}\rstray\r`]]);
    await session.waitFor('What came has a line end after 26 characters and was not taken.');
    await walk(session, [['Access Token (hidden):', `${token}\r`]]);
    await session.waitFor('[ok] Signed in as maker');
    session.type('\u0003');
    await left(130);
    expectUndrawn(session);
    expectUnseen(session, token);
    expect(session.raw).not.toContain('stray');
  });

  it('shows the causes that are left at ?, and asks again', async () => {
    const { server } = await mattermost();
    const { session, left } = wizard(['mattermost', '--plain', '--store', 'none', '--url', server.url], { env: {} });
    await walk(session, [['back):', '\r'], ['<: back', '\r'], ['Access Token (hidden):', `${'a'.repeat(26)}\r`]]);
    await walk(session, [['Type ? and Enter to see the 4 other causes.\nAccess Token (hidden):', '?\r']]);
    await session.waitFor(/Other possible causes:\n {2}4\. [\s\S]*\nAccess Token \(hidden\): ?$/);
    session.type('\u0003');
    await left(130);
    expectUndrawn(session);
  });

  it('tells of a test of several how far it is by a line as each ends, before the results; a log too', async () => {
    const { server, token } = await mattermost();
    const env = { ...inFile, CREDSETUP_HOME: folder() };
    for (const name of ['one', 'two']) await credsetup(['mattermost', '--url', server.url, '--name', name], { env: { ...env, CREDSETUP_TOKEN: token } });
    const { session, left } = wizard(['test', '--all', '--plain'], { env, columns: 120 });
    await left(0);
    const lines = /^1 of 2: (one|two)\r?\n2 of 2: (?!\1)(one|two)\r?\n(?:\[ok\]|✔) one {2}ok /;
    expect(session.screen()).toMatch(lines);
    expectUndrawn(session);
    const log = await credsetup(['test', '--all'], { env });
    expect(log).toMatchObject({ exitCode: 0, stdout: '', stderr: expect.stringMatching(lines) });
    expect((await credsetup(['test', '--all', '--quiet'], { env })).stderr).not.toContain(' of 2');
  });

  it('hides what is hidden in Emacs, which shows what is typed unless the line asks for a password', async () => {
    const { server } = await mattermost();
    const { session, left } = wizard(['mattermost', '--url', server.url, '--store', 'none'], { env: { TERM: 'dumb', INSIDE_EMACS: '30.1,comint' } });
    await walk(session, [['back):', '1\n'], ['<: back', '\n']]);
    await session.waitFor(/^Password field for Access Token: ?$/m);
    session.type('\u0003');
    await left(130);
  });

  it('ends at Ctrl-C and at the end of input, with the terminal as it was', async () => {
    const stopped = wizard(['mautic', '--plain'], { env: inFile });
    await walk(stopped.session, [['Mautic address:', 'half an addr\u0003']]);
    await stopped.left(130);
    const ended = wizard(['mautic', '--plain'], { env: inFile });
    await walk(ended.session, [['Mautic address:', '\u0004']]);
    await ended.left(2);
    expect(ended.session.screen()).toContain('The input ended at the question "Mautic address".');
  });
});

describe.skipIf(!has('terminal'))('Signs', () => {
  it.each([['LANG=C', { LANG: 'C' }], ['the Linux console', { TERM: 'linux' }]] as const)('are ASCII with %s, and the questions are drawn', async (_, env) => {
    const { server } = await mattermost();
    const { session, left } = wizard(['mattermost', '--url', server.url], { env: { ...inFile, ...env } });
    await session.waitFor(`[ok] Mattermost answers at ${server.url}`);
    await session.waitFor('> I have a token');
    session.press('enter');
    await session.waitFor('Enter: I have it, go on | o: open the page');
    session.press('ctrl-c');
    await left(130);
    expect(session.raw.split('exit ')[0]).not.toMatch(/[\u0080-\uffff]/);
    expect(session.raw).toContain('\u001b[36m');
  });

  it('stay as they are with --no-color', async () => {
    const { server } = await mattermost();
    const { session, left } = wizard(['mattermost', '--url', server.url, '--no-color'], { env: inFile });
    await session.waitFor(`✔ Mattermost answers at ${server.url}`);
    await toStep(session);
    session.press('ctrl-c');
    await left(130);
  });
});
