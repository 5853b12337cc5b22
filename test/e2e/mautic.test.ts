import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PracticeMautic } from '../../src/practice/mautic.ts';
import { identity } from '../commands/support.ts';
import { credsetup } from '../program.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, expectUnseen, expectNothingSaved, folder, holdAnswers, inItsPages, mautic, wizard, type Wizard } from './support.ts';

const args = ['mautic', '--method', 'basic'];
const inFile = { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity };

/** Requests that carried this user, `credsetup-probe` for the made-up one. */
function sent(server: PracticeMautic, authorization: string): number {
  return server.log.filter((request) => request.authorization === authorization).length;
}
const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const madeUp = { bearer: 'Bearer credsetup-probe', basic: basic('credsetup-probe', 'credsetup-probe') };

/** Past the steps of a server on which all is done. */
async function toPassword({ session }: Wizard, server: PracticeMautic, username = 'contacts'): Promise<void> {
  await answer(session, 'Mautic address', `${server.url}/s/dashboard`);
  await inItsPages(session);
  await session.waitFor('✔ HTTP basic auth is on');
  await answer(session, 'Username', username);
  await session.waitFor('? Password (hidden, 0 characters)');
}

describe.skipIf(!has('terminal'))('The Mautic wizard with a username and a password', () => {
  it('goes on by itself when the switches are turned on, and asks the server sparingly', async () => {
    const server = await mautic({ apiEnabled: false, basicEnabled: false });
    const { password } = server.user('contacts');
    const env = { ...inFile, CREDSETUP_HOME: join(folder(), 'data') };
    const { session, left } = wizard(args, { env });
    await answer(session, 'Mautic address', `${server.url}/s/login`);
    await session.waitFor(`✔ Mautic answers at ${server.url} (the API is off)`);
    await inItsPages(session);
    await session.waitFor('1 of 2  Enable the API');
    await session.waitFor(`Open   ${server.url}/s/config/edit?tab=apiconfig`);
    await session.waitFor('waiting for Mautic: Enable the API');
    server.state.apiEnabled = true;
    await session.waitFor('✔ Mautic answers at', 2);
    await session.waitFor('2 of 2  Enable HTTP basic auth');
    await session.waitFor('waiting for Mautic: Enable HTTP basic auth');
    const before = server.log.length;
    session.press('enter');
    await session.waitFor('Not yet.');
    expect(server.log.length).toBe(before + 1);
    await session.waitFor('waiting for Mautic: Enable HTTP basic auth');
    session.type('m');
    await session.waitFor('Please enable HTTP basic auth for the API in Mautic');
    server.state.basicEnabled = true;
    await session.waitFor('(the API is on, HTTP basic auth is on)');
    await session.waitFor('✔ The API is on');
    await answer(session, 'Username', 'contacts');
    await answerSecret(session, 'Password', password);
    await session.waitFor('✔ Signed in as contacts');
    await answer(session, 'Save as', 'crm');
    await session.waitFor('✔ Saved as crm in the encrypted file.');
    await session.waitFor('? Where do you need it?');
    session.press('escape');
    await left(0);
    expectUnseen(session, password);
    expectUnseen(session, `contacts:${password}`);
    expect((await credsetup(['get', 'crm'], { env })).stdout).toBe(`${password}\n`);
    // Each made-up one once, and the basic one again as often as the step was asked for.
    expect(sent(server, madeUp.bearer)).toBe(1);
    expect(sent(server, madeUp.basic)).toBeLessThanOrEqual(4);
    expect(sent(server, basic('contacts', password))).toBeGreaterThan(0);
  });

  it('skips a step on s, and says what is off when the server then refuses', async () => {
    const server = await mautic({ basicEnabled: false });
    const { session, left, home } = wizard(args, { env: inFile });
    await answer(session, 'Mautic address', server.url);
    await inItsPages(session);
    await session.waitFor('waiting for Mautic: Enable HTTP basic auth');
    session.type('s');
    await answer(session, 'Username', 'contacts');
    await answerSecret(session, 'Password', server.user('contacts').password);
    await session.waitFor('HTTP basic auth is off in this Mautic. (BASIC_AUTH_DISABLED)');
    await session.waitFor('? What now?');
    session.press('enter');
    await session.waitFor('waiting for Mautic: Enable HTTP basic auth', 1);
    session.press('ctrl-c');
    await left(130);
    expect(session.screen()).toContain('Nothing was saved.');
    await expectNothingSaved(home);
  });

  it('goes back to the password that was refused, keeps the rest, and sends no refused one twice', async () => {
    const server = await mautic();
    const { password } = server.user('contacts');
    const run = wizard(args, { env: inFile });
    const { session, left } = run;
    await toPassword(run, server);
    await answerSecret(session, 'Password', 'not this one');
    await session.waitFor('(PASSWORD_REJECTED)');
    await session.waitFor('1. The password may not be this account\'s.');
    await answerSecret(session, 'Password', 'not this one');
    await session.waitFor('? Password (hidden, 0 characters)');
    expect(sent(server, basic('contacts', 'not this one'))).toBe(1);
    await answerSecret(session, 'Password', password);
    await session.waitFor('✔ Signed in as contacts');
    await session.waitFor('? Save as');
    expect(sent(server, madeUp.bearer)).toBe(1);
    expect(sent(server, madeUp.basic)).toBe(1);
    session.press('enter');
    await session.waitFor('? Where do you need it?');
    session.press('escape');
    await left(0);
    expect(session.screen().match(/✔ Username contacts/g)).toHaveLength(1);
    expectUnseen(session, 'not this one');
  });

  it('goes back one question at each Esc, and proposes what was typed before unless it is secret', async () => {
    const server = await mautic();
    const { password } = server.user('contacts');
    const run = wizard(args, { env: inFile });
    const { session, left } = run;
    await toPassword(run, server);
    await answerSecret(session, 'Password', password);
    await session.waitFor('? Save as (mautic-127');
    session.press('escape');
    await session.waitFor('? Password (hidden, 0 characters)');
    session.press('escape');
    await session.waitFor('? Username (contacts)');
    session.press('escape');
    await session.waitFor('? Where does the account come from?');
    session.press('escape');
    await session.waitFor(`? Mautic address (${server.url})`);
    session.press('enter');
    await inItsPages(session);
    await session.waitFor('? Username (contacts)');
    session.press('enter');
    await answerSecret(session, 'Password', password);
    await answer(session, 'Save as', 'kept');
    await session.waitFor('✔ Saved as kept');
    await session.waitFor('? Where do you need it?');
    session.press('escape');
    await left(0);
    expect(sent(server, madeUp.basic)).toBe(1);
  });

  it('does not make a person wait for a poll that a slow server has not answered', async () => {
    const server = await mautic({ apiEnabled: false });
    const { session, left } = wizard(args, { env: inFile });
    await answer(session, 'Mautic address', server.url);
    await inItsPages(session);
    await session.waitFor('waiting for Mautic: Enable the API');
    const held = holdAnswers(server, '/api/users/self');
    await held.reached;
    session.press('escape');
    await session.waitFor('? Where does the account come from?');
    session.press('ctrl-c');
    await left(130);
    held.letGo();
  });
});
