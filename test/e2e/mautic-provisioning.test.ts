/** A client, or an account for n8n, that the wizard makes, in a real terminal: from a username and a password to what is saved. */
import { describe, expect, it } from 'vitest';
import { mauticPassword, startMautic, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { n8nPermissions } from '../../src/services/mautic/pages/accounts.ts';
import { identity } from '../commands/support.ts';
import { credsetup } from '../program.ts';
import type { PtySession } from '../terminal/pty.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, atTheEnd, expectNothingSaved, expectUnseen, inItsPages, wizard, type Wizard } from './support.ts';

const store = { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity };
const versions = ['7.0.0', '5.1.0'] as const;
type All = { readonly server: PracticeMautic } & Wizard;

async function begin(options: MauticOptions = {}, args: readonly string[] = []): Promise<All> {
  const server = await startMautic(options);
  atTheEnd(() => server.close());
  return { server, ...wizard(['mautic', ...args], { env: store, columns: 160 }) };
}

const titles = { own: 'Make it for me (sign in once)', account: 'Make an account for n8n as well (admin)' } as const;

/** From the address to the question of the password. */
async function toSignIn({ session, server }: All, way: keyof typeof titles, method?: 'OAuth2' | 'Basic auth'): Promise<void> {
  await answer(session, 'Mautic address', server.url);
  await session.waitFor('❯ Make');
  if (way === 'account') session.press('down');
  await session.waitFor(`❯ ${titles[way]}`);
  session.press('enter');
  if (method !== undefined) {
    await session.waitFor('? How should the credential sign in?');
    if (method === 'Basic auth') session.press('down');
    await session.waitFor(`❯ ${method}`);
    session.press('enter');
  }
  await answer(session, 'Save as', 'crm');
}

async function signIn(session: PtySession, username: string, password = mauticPassword): Promise<void> {
  await answer(session, 'Username', username);
  await answerSecret(session, 'Password', password);
}

/** The client is this computer's alone. */
async function notForN8n(session: PtySession): Promise<void> {
  await session.waitFor('? Who needs the sign-in?');
  session.press('up');
  await session.waitFor('❯ This computer alone');
  session.press('enter');
}

const openSessions = ({ state }: PracticeMautic): number =>
  [...state.browsers.values()].filter(({ signedIn, user }) => signedIn !== undefined || user !== undefined).length;
const saves = ({ log }: PracticeMautic): number => log.filter(({ method, path }) => method === 'POST' && path.startsWith('/s/config/edit')).length;

async function expectDone({ server, home, session, left }: All): Promise<void> {
  await session.waitFor('✔ Saved as crm in the encrypted file.');
  await session.waitFor('? Where do you need it?');
  session.press('escape');
  await left(0);
  expect((await credsetup(['test', 'crm'], { env: { ...store, CREDSETUP_HOME: home } })).exitCode).toBe(0);
  expect(openSessions(server)).toBe(0);
  for (const secret of [mauticPassword, ...server.state.clients.map(({ clientSecret }) => clientSecret)]) expectUnseen(session, secret);
}

describe.skipIf(!has('terminal')).each(versions)('The wizard that makes what Mautic %s needs', (version) => {
  it('asks how right after the address, and brings an admin from everything off to a working client', async () => {
    const all = await begin({ version, apiEnabled: false, basicEnabled: false });
    const { server, session } = all;
    await toSignIn(all, 'own');
    expect(session.screen()).not.toContain('How should the credential sign in?');
    await signIn(session, 'admin');
    await session.waitFor('✔ Signed in as admin (admin), for this run only');
    await notForN8n(session);
    await session.waitFor('The API of this Mautic is off.');
    await session.waitFor(`${server.url}/s/config/edit?tab=apiconfig`);
    await session.waitFor('r: let credsetup change it');
    session.type('r');
    await session.waitFor('"API enabled?": No -> Yes, for the whole Mautic');
    await session.waitFor('The first Save ever made also writes each setting below');
    await session.waitFor('contact_columns');
    await session.waitFor('? Type repair');
    expect([server.state.apiEnabled, server.state.audit.filter(({ what }) => what === 'config update')]).toEqual([false, []]);
    session.type('repair');
    session.press('enter');
    await session.waitFor('it stays so');
    await expectDone(all);
    expect(server.state.apiEnabled).toBe(true);
    expect(server.state.clients).toHaveLength(1);
  });

  it('goes on by itself when somebody turned the switch on', async () => {
    const all = await begin({ version, apiEnabled: false });
    const { server, session } = all;
    server.addUser('maker', { 'api:access': ['full'], 'api:clients': ['view', 'edit', 'create'] });
    await toSignIn(all, 'own');
    await signIn(session, 'maker');
    await notForN8n(session);
    await session.waitFor('a: an admin signs in here');
    server.state.apiEnabled = true;
    await expectDone(all);
    expect(saves(server)).toBe(0);
  });

  it('makes an account for n8n with its own client', async () => {
    const all = await begin({ version, basicEnabled: false });
    const { server, session } = all;
    await toSignIn(all, 'account', 'OAuth2');
    await signIn(session, 'admin');
    await answer(session, 'Username of the new account', 'n8n');
    await notForN8n(session);
    await session.waitFor('✔ Signed in as n8n');
    await expectDone(all);
    expect(server.user('n8n').role.rawPermissions).toEqual(n8nPermissions);
    expectUnseen(session, server.user('n8n').password);
  });
});

describe.skipIf(!has('terminal'))('The wizard that makes what Mautic needs', () => {
  it('makes an account alone, both switches turned on by an admin\'s word', async () => {
    const all = await begin({ apiEnabled: false, basicEnabled: false });
    const { server, session } = all;
    await toSignIn(all, 'account', 'Basic auth');
    await signIn(session, 'admin');
    await answer(session, 'Username of the new account', 'n8n');
    await session.waitFor('r: let credsetup change it');
    session.type('r');
    await session.waitFor('"Enable HTTP basic auth?": No -> Yes');
    await session.waitFor('? Type repair');
    session.type('repair');
    session.press('enter');
    await expectDone(all);
    expect(server.state.clients).toEqual([]);
    expectUnseen(session, server.user('n8n').password);
  });

  it('says what an account without the right can do, writes the admin\'s message, and goes on when the right is there', async () => {
    const all = await begin();
    const { server, session } = all;
    await toSignIn(all, 'own');
    await signIn(session, 'contacts');
    await notForN8n(session);
    await session.waitFor('This account may not make a client in Mautic.');
    await session.waitFor('Without it: HTTP basic auth takes your own username and password');
    await session.waitFor('Esc: another way');
    expect(session.screen()).not.toContain('r: let credsetup');
    session.type('m');
    await session.waitFor(`credsetup mautic --method oauth2 --url ${server.url} --create-user n8n`);
    const { role } = server.user('contacts');
    role.rawPermissions = { ...role.rawPermissions, 'api:clients': ['view', 'edit', 'create'] };
    await expectDone(all);
    expect(server.state.clients[0]?.byAdmin).toBe(false);
  });

  it('lets who is no admin go another way, with the sign-in ended', async () => {
    const all = await begin();
    const { server, session } = all;
    await toSignIn(all, 'account', 'Basic auth');
    await signIn(session, 'contacts');
    await answer(session, 'Username of the new account', 'n8n');
    await session.waitFor('This account is no administrator of Mautic');
    await session.waitFor('m: message for your admin');
    session.press('escape');
    await inItsPages(session);
    await session.waitFor('? How should the credential sign in?');
    expect(openSessions(server)).toBe(0);
    session.press('ctrl-c');
    await all.left(130);
    await expectNothingSaved(all.home);
  });

  it('wants a word of its own where a mailbox is monitored: the usual one changes nothing', async () => {
    const all = await begin({ apiEnabled: false, mailbox: 'plain' }, ['--repair', '--create-client', '--yes']);
    const { server, session } = all;
    await answer(session, 'Mautic address', server.url);
    await answer(session, 'Save as', 'crm');
    await signIn(session, 'admin');
    await notForN8n(session);
    await session.waitFor('r: let credsetup change it');
    session.type('r');
    await session.waitFor('Careful: a monitored mailbox is set up (imap.example.com)');
    await session.waitFor('? Type mailbox');
    session.type('repair');
    session.press('enter');
    await session.waitFor('That is not the word.');
    expect(server.state.apiEnabled).toBe(false);
    session.press('ctrl-u');
    session.type('mailbox');
    session.press('enter');
    await expectDone(all);
    expect(server.state.apiEnabled).toBe(true);
  });

  it('asks for n8n\'s callback again where Mautic refuses it, without another sign-in', async () => {
    const all = await begin();
    const { server, session } = all;
    const refused = '<form name="client" action="/s/credentials/new"><div class="has-error"><input name="client[redirectUris]"><div class="help-block">an invalid URI</div></div></form>';
    server.intercept = (request, answer) => request.method === 'POST' && request.path === '/s/credentials/new' && request.body.includes('under_score')
      ? { status: 200, headers: { 'content-type': 'text/html' }, body: refused } : answer();
    await toSignIn(all, 'own');
    await signIn(session, 'admin');
    for (const [time, host] of [[1, 'under_score'], [2, 'n8n.example.com']] as const) {
      await session.waitFor('? Who needs the sign-in?');
      session.press('enter');
      await session.waitFor('n8n\'s address is enough.');
      session.press('ctrl-u');
      session.type(host);
      session.press('enter');
      if (time === 1) await session.waitFor('did not take the Redirect URI');
    }
    await expectDone(all);
    expect(server.state.clients.map(({ redirectUris }) => redirectUris)).toEqual([['https://n8n.example.com/rest/oauth2-credential/callback']]);
    expect(server.log.filter(({ path }) => path === '/s/login_check')).toHaveLength(1);
  });

  it('says once what is wrong with a callback of the command line, which no question changes', async () => {
    const { session, server, left } = await begin({}, ['--create-client', '--n8n-callback-url', 'a,b', '--sign-in', 'n8n']);
    await answer(session, 'Mautic address', server.url);
    await answer(session, 'Save as', 'crm');
    await signIn(session, 'admin');
    await session.waitFor('--n8n-callback-url: This is no address of an n8n');
    await session.waitFor('? What now?');
    expect(session.screen().split('--n8n-callback-url: This is no address').length).toBe(2);
    session.press('ctrl-c');
    await left(130);
    expect(openSessions(server)).toBe(0);
  });

  it('never sends a refused password twice', async () => {
    const all = await begin();
    const { server, session } = all;
    await toSignIn(all, 'own');
    await signIn(session, 'admin', 'Not-This-One-1');
    await session.waitFor('(PASSWORD_REJECTED)');
    await answerSecret(session, 'Password', 'Not-This-One-1');
    await session.waitFor('it is not sent a second time');
    expect(server.log.filter(({ path }) => path === '/s/login_check')).toHaveLength(1);
    await answerSecret(session, 'Password', mauticPassword);
    await notForN8n(session);
    await expectDone(all);
  });

  it('changes nothing and ends the sign-in when Ctrl-C comes at the word', async () => {
    const all = await begin({ apiEnabled: false });
    const { server, session } = all;
    await toSignIn(all, 'own');
    await signIn(session, 'admin');
    await notForN8n(session);
    await session.waitFor('r: let credsetup change it');
    session.type('r');
    await session.waitFor('? Type repair');
    session.press('ctrl-c');
    await all.left(130);
    expect([server.state.apiEnabled, server.state.clients.length, openSessions(server)]).toEqual([false, 0, 0]);
    await expectNothingSaved(all.home);
  });
});
