/** A token that the wizard makes, in a real terminal: from a username and a password to what is saved. */
import { describe, expect, it } from 'vitest';
import { mattermostMfaCode, mattermostPassword, startMattermost, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { identity } from '../commands/support.ts';
import { credsetup } from '../program.ts';
import type { PtySession } from '../terminal/pty.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, atTheEnd, commandLines, expectNothingSaved, expectUnseen, wizard, type Wizard } from './support.ts';

const store = { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity };

async function begin(options: MattermostOptions = {}): Promise<{ readonly server: PracticeMattermost } & Wizard> {
  const server = await startMattermost(options);
  atTheEnd(() => server.close());
  server.state.siteUrl = server.url;
  return { server, ...wizard(['mattermost'], { env: store }) };
}

/** From the address to the questions of the sign-in. */
async function toSignIn(session: PtySession, server: PracticeMattermost, way: string): Promise<void> {
  await answer(session, 'Mattermost address', server.url);
  await session.waitFor('❯ I have a token');
  for (let down = way === 'own' ? 1 : 2; down > 0; down -= 1) session.press('down');
  await session.waitFor(way === 'own' ? '❯ Make one for me (sign in once)' : '❯ Make a bot account for n8n (admin)');
  session.press('enter');
  await answer(session, 'Save as', 'chat');
  await session.waitFor('❯ Username and password');
  session.press('enter');
}

async function signIn(session: PtySession, username: string, password = mattermostPassword): Promise<void> {
  await answer(session, 'Username or email', username);
  await answerSecret(session, 'Password', password);
}

function logins(server: PracticeMattermost): unknown[] {
  return server.state.sessions.filter(({ tokenId }) => tokenId === undefined);
}

const sent = (server: PracticeMattermost, end: string): number => server.log.filter(({ method, path }) => method !== 'GET' && path.endsWith(end)).length;

/** Saved, validated, alone at the server, and working. */
async function expectDone(
  { server, home, session }: { readonly server: PracticeMattermost; readonly home: string; readonly session: PtySession }, tokens = 1,
): Promise<void> {
  const got = await credsetup(['get', 'chat'], { env: { ...store, CREDSETUP_HOME: home } });
  const made = server.state.tokens.at(-1)!.token;
  expect(got.stdout.trim()).toBe(made);
  expect((await credsetup(['test', 'chat'], { env: { ...store, CREDSETUP_HOME: home } })).exitCode).toBe(0);
  expect(server.state.tokens).toHaveLength(tokens);
  expect(logins(server)).toEqual([]);
  for (const secret of [mattermostPassword, made]) expectUnseen(session, secret);
}

async function onlyHere(session: PtySession): Promise<void> {
  await session.waitFor('? Where do you need it?');
  session.press('escape');
}

describe.skipIf(!has('terminal'))('The wizard that makes a Mattermost token', () => {
  it('brings an admin from everything off to a working, saved, validated token in one run', async () => {
    const all = await begin({ tokensEnabled: false, botsEnabled: false });
    const { server, session } = all;
    await toSignIn(session, server, 'own');
    await signIn(session, 'admin');
    await session.waitFor('✔ Signed in as admin (admin), for this run only');
    await session.waitFor('Personal access tokens are off on this Mattermost.');
    await session.waitFor(`${server.url}/admin_console/integrations/integration_management`);
    await session.waitFor('r: let credsetup change it');
    session.type('m');
    await session.waitFor('Please enable personal access tokens in Mattermost');
    await session.waitFor('r: let credsetup change it', 2);
    session.type('r');
    await session.waitFor('ServiceSettings.EnableUserAccessTokens: false -> true');
    expect(server.state.tokensEnabled).toBe(false);
    expect(commandLines().filter(({ words }) => words.join(' ').includes(mattermostPassword))).toEqual([]);
    await session.waitFor('? Type repair');
    session.type('repair');
    session.press('enter');
    await session.waitFor('✔ Signed in as admin');
    await session.waitFor('it stays so');
    await session.waitFor('✔ Saved as chat in the encrypted file.');
    await onlyHere(session);
    await all.left(0);
    expect(session.screen()).toContain('To undo it: System Console > Integrations');
    expect(server.state.tokensEnabled).toBe(true);
    await expectDone(all);
    expect([sent(server, '/login'), sent(server, '/logout'), sent(server, '/config/patch')]).toEqual([1, 1, 1]);
  });

  it('goes on by itself when an admin turned the switch on', async () => {
    const all = await begin({ tokensEnabled: false });
    const { server, session } = all;
    await toSignIn(session, server, 'own');
    await signIn(session, 'maker');
    await session.waitFor('a: an admin signs in here');
    server.state.tokensEnabled = true;
    await session.waitFor('✔ Saved as chat');
    await onlyHere(session);
    await all.left(0);
    await expectDone(all);
    expect(sent(server, '/config/patch')).toBe(0);
  });

  it('lets an admin sign in beside a person who lacks the right, and changes that role alone', async () => {
    const all = await begin({ tokensEnabled: true });
    const { server, session } = all;
    await toSignIn(session, server, 'own');
    await signIn(session, 'joe');
    await session.waitFor('joe may not make personal access tokens');
    await session.waitFor('a: an admin signs in here');
    session.type('a');
    await answer(session, 'Admin\'s Username or email', 'admin');
    await answerSecret(session, 'Admin\'s Password', mattermostPassword);
    await session.waitFor('roles of joe: "system_user" -> "system_user system_user_access_token"');
    await session.waitFor('? Type repair');
    session.type('repair');
    session.press('enter');
    await session.waitFor('✔ Saved as chat');
    await onlyHere(session);
    await all.left(0);
    expect(server.user('joe').roles).toBe('system_user system_user_access_token');
    await expectDone(all);
  });

  it('asks for the code only when the server asks, and again when it was wrong', async () => {
    const all = await begin({ tokensEnabled: true, mfa: true });
    const { server, session } = all;
    server.allowTokens('mfa');
    await toSignIn(session, server, 'own');
    await signIn(session, 'mfa');
    await answer(session, 'Multi-factor code', '000000');
    await session.waitFor('towards locking the account.');
    await answer(session, 'Multi-factor code', mattermostMfaCode);
    await session.waitFor('✔ Saved as chat');
    await onlyHere(session);
    await all.left(0);
    await expectDone(all);
    expect(server.user('mfa').failedAttempts).toBe(0);
  });

  it('never sends a refused password twice, and says what locks the account', async () => {
    const all = await begin({ tokensEnabled: true });
    const { server, session } = all;
    await toSignIn(session, server, 'own');
    await signIn(session, 'maker', 'not-this-one');
    await session.waitFor('each refused password counts');
    await answerSecret(session, 'Password', 'not-this-one');
    await session.waitFor('it is not sent a second time');
    expect(sent(server, '/login')).toBe(1);
    await answerSecret(session, 'Password', mattermostPassword);
    await session.waitFor('✔ Saved as chat');
    await onlyHere(session);
    await all.left(0);
    await expectDone(all);
  });

  it('asks for the days where the server demands an end', async () => {
    const all = await begin({ tokensEnabled: true, version: '11.9.0', maxTokenLifetimeDays: 30 });
    const { server, session } = all;
    await toSignIn(session, server, 'own');
    await signIn(session, 'maker');
    await answer(session, 'Days until the new token ends', '31');
    await session.waitFor('does not let a token live that long');
    await answer(session, 'Days until the new token ends', '30');
    await session.waitFor('✔ Saved as chat');
    await onlyHere(session);
    await all.left(0);
    expect(server.state.tokens[0]!.expiresAt).toBeGreaterThan(Date.now());
    await expectDone(all);
  });

  it('makes a bot, and adds it to a team and a channel', async () => {
    const all = await begin({ tokensEnabled: false, botsEnabled: true });
    const { server, session } = all;
    server.joinTeam('admin');
    await toSignIn(session, server, 'bot');
    await signIn(session, 'admin');
    await answer(session, 'Username of the bot', 'n8n');
    await session.waitFor('✔ Made the bot n8n');
    await session.waitFor('❯ practice');
    session.press('enter');
    await session.waitFor('❯ Town Square');
    session.press('enter');
    await session.waitFor('✔ n8n is in Town Square');
    await session.waitFor('❯ No, go on');
    session.press('enter');
    await session.waitFor('✔ teams  ✔ channels  ✔ posts  ✔ users');
    await session.waitFor('✔ Saved as chat');
    await onlyHere(session);
    await all.left(0);
    expect(server.state.teams[0]!.channels[0]!.joined).toEqual([server.user('n8n').id]);
    await expectDone(all);
  });

  it('changes nothing and ends the sign-in when Ctrl-C comes at the word', async () => {
    const all = await begin({ tokensEnabled: false });
    const { server, session } = all;
    await toSignIn(session, server, 'own');
    await signIn(session, 'admin');
    await session.waitFor('r: let credsetup change it');
    session.type('r');
    await session.waitFor('? Type repair');
    session.press('ctrl-c');
    await all.left(130);
    expect(server.state.tokensEnabled).toBe(false);
    expect(logins(server)).toEqual([]);
    expect(sent(server, '/logout')).toBe(1);
    await expectNothingSaved(all.home);
  });

  it('ends the sign-in at one server before it goes on at another, and shows it to that one never', async () => {
    const all = await begin({ tokensEnabled: true });
    const { server, session } = all;
    // Whatever is asked with the session fails, but ending it.
    server.intercept = (request, answerIt) => request.headers['authorization'] === undefined || request.path.endsWith('/logout') ? answerIt() : Promise.resolve({ status: 500, body: '' });
    const other = await startMattermost({ tokensEnabled: true });
    atTheEnd(() => other.close());
    await toSignIn(session, server, 'own');
    await signIn(session, 'maker');
    await session.waitFor('? What now?');
    session.press('down');
    await session.waitFor('❯ Change the address');
    session.press('enter');
    await session.waitFor(`? Mattermost address (${server.url})`);
    await answer(session, 'Mattermost address', other.url);
    await session.waitFor(`✔ Mattermost answers at ${other.url}`);
    await session.waitFor('❯ I have a token');
    expect(logins(server)).toEqual([]);
    session.press('ctrl-c');
    await all.left(130);
    expect(other.log.filter(({ headers }) => headers['authorization'] !== undefined)).toEqual([]);
  });

  it('takes everything back when Ctrl-C comes while the new token is validated', async () => {
    const all = await begin({ tokensEnabled: false });
    const { server, session } = all;
    server.intercept = async (request, answerIt) => {
      const reply = await answerIt();
      if (request.path === '/api/v4/users/me') session.press('ctrl-c');
      return reply;
    };
    await toSignIn(session, server, 'own');
    await signIn(session, 'admin');
    await session.waitFor('r: let credsetup change it');
    session.type('r');
    await session.waitFor('? Type repair');
    session.type('repair');
    session.press('enter');
    await all.left(130);
    expect(server.state.tokens).toEqual([]);
    expect(server.state.tokensEnabled).toBe(false);
    expect(logins(server)).toEqual([]);
    await expectNothingSaved(all.home);
  });
});
