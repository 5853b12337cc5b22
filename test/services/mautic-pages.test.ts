/** Mautic's own pages, walked by HTTP: what works on both generations, and each way in which it does not. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { inFront } from '../../src/practice/gateways.ts';
import { mauticPassword, startMautic, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { savedValues } from '../../src/practice/mautic-configuration.ts';
import type { Reply } from '../../src/practice/server.ts';
import { cutRole, createAccount, deleteAccount, deleteRole, findAccounts, newPassword, n8nPermissions, proveAccount, withAdminKey } from '../../src/services/mautic/pages/accounts.ts';
import { addRedirectUris, createClient, deleteClient, findClients, readClient } from '../../src/services/mautic/pages/clients.ts';
import { readConfiguration, rehearse, saveConfiguration } from '../../src/services/mautic/pages/configuration.ts';
import { consent } from '../../src/services/mautic/pages/consent.ts';
import { readDocument, type Pairs } from '../../src/services/mautic/pages/document.ts';
import { setPassword } from '../../src/services/mautic/pages/password.ts';
import { signInToPages, signOutOfPages } from '../../src/services/mautic/pages/sign-in.ts';
import { repairs } from '../../src/services/mautic/repairs.ts';
import { signIn as signInTo } from '../../src/services/mautic/session.ts';
import type { Visit } from '../../src/services/mautic/pages/visit.ts';
import type { Api } from '../../src/services/api.ts';
import { apiOf } from '../../src/server/connection.ts';
import { after, failureOf, makeClient, plain } from '../http/harness.ts';
import { makeCertificates, type Certificates } from '../certificates.ts';
import { temporaryHome } from '../program.ts';
import { has } from '../tools.ts';

async function mautic(options: MauticOptions = {}): Promise<PracticeMautic> {
  const server = await startMautic(options);
  after(() => server.close());
  return server;
}
const apiTo = (server: PracticeMautic): Api => apiOf(server.url, makeClient(), plain);
const signIn = async (server: PracticeMautic, username = 'admin', password = mauticPassword): Promise<Visit> => signInToPages(apiTo(server), { username, password });
const protect = (): void => undefined;
const redirectUri = 'http://127.0.0.1:18265/callback';
const mark = '0123456789ab';
const html = (reply: Reply, change: (body: string) => string): Reply => ({ ...reply, body: change(String(reply.body)) });
const sentTo = (server: PracticeMautic, method: string, path: string): number => server.log.filter((one) => one.method === method && one.path.split('?')[0] === path).length;
const logins = (server: PracticeMautic): number => sentTo(server, 'POST', '/s/login_check');
const versions = ['7.0.0', '5.1.0'] as const;
const openSessions = ({ state }: PracticeMautic): number => [...state.browsers.values()].filter(
  ({ signedIn, user }) => signedIn !== undefined || user !== undefined,
).length;
const certificates: Certificates = makeCertificates(join(temporaryHome(), 'certificates'));

/** Speaks TLS to the outside and http to what lies behind, whose redirects it leaves as they are. */
async function tlsProxy(server: PracticeMautic): Promise<{ readonly port: number; readonly passed: () => number }> {
  let passed = 0;
  const proxy = createHttpsServer(certificates.good, (incoming, outgoing) => {
    passed += 1;
    const behind = request({ host: '127.0.0.1', port: server.port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(behind);
  });
  await new Promise<void>((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
  after(() => new Promise<void>((resolve) => {
    proxy.close(() => { resolve(); });
    proxy.closeAllConnections();
  }));
  return { port: (proxy.address() as AddressInfo).port, passed: () => passed };
}

describe.each(versions)('Mautic %s', (version) => {
  it('signs in once, and leaves no session behind', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    expect([...server.state.browsers.values()].filter(({ signedIn }) => signedIn !== undefined)).toHaveLength(1);
    await signOutOfPages(visit);
    expect([...server.state.browsers.values()].filter(({ signedIn }) => signedIn !== undefined)).toHaveLength(0);
    expect(logins(server)).toBe(1);
  });

  it.each(['', '/crm'])('is walked whole in the folder "%s" behind a real TLS proxy that it does not know of: nothing goes by http', async (folder) => {
    const server = await mautic({ version, apiEnabled: false, prefix: folder });
    const proxy = await tlsProxy(server);
    // As it names itself by the Host header that the proxy passes on.
    server.state.siteUrl = `http://127.0.0.1:${proxy.port}${folder}`;
    const api = apiOf(`https://127.0.0.1:${proxy.port}${folder}`, makeClient(), { ...plain, allowHttp: false, certificates: [certificates.ca] });
    const visit = await signInToPages(api, { username: 'admin', password: mauticPassword });
    await saveConfiguration(visit, await rehearse(visit, { api: true }), { api: true });
    const client = await createClient(visit, { name: `n8n [credsetup ${mark}]`, redirectUris: [redirectUri] }, protect);
    const url = `${api.base}/oauth/v2/authorize?${new URLSearchParams({ client_id: client.clientId, redirect_uri: redirectUri, response_type: 'code', state: 'st4te' }).toString()}`;
    expect(new URL(await consent(api, url, redirectUri, { username: 'contacts', password: mauticPassword })).searchParams.get('code')).toBe(server.state.codes[0]?.code);
    await deleteClient(visit, client.number);
    await signOutOfPages(visit);
    expect(openSessions(server)).toBe(0);
    expect(server.log).toHaveLength(proxy.passed());
  });

  it('lies in a folder, behind a TLS proxy that it does not know of', async () => {
    const server = await mautic({ version, prefix: '/crm' });
    const { port } = new URL(server.url);
    // Its redirects name another scheme or port of the same host where they are absolute.
    server.state.siteUrl = `http://127.0.0.1:${port}/crm`;
    const visit = await signIn(server);
    expect((await createClient(visit, { name: 'one', redirectUris: [redirectUri] }, protect)).clientId).toBe(server.state.clients[0]!.clientId);
  });

  it.each([['a wrong password', 'admin', 'Not-It-1234'], ['no such account', 'nobody', mauticPassword]])('tells %s, and sends it once', async (_what, username, password) => {
    const server = await mautic({ version });
    const error = await failureOf(signIn(server, username, password));
    expect(error.code).toBe('PASSWORD_REJECTED');
    expect(error.details.causes?.map(({ code }) => code)).toContain('PASSWORD_WRONG');
    expect(logins(server)).toBe(1);
  });

  it('tells a deactivated account', async () => {
    const server = await mautic({ version });
    server.user('contacts').published = false;
    expect((await failureOf(signIn(server, 'contacts'))).details.causes?.map(({ code }) => code)).toContain('ACCOUNT_DEACTIVATED');
  });

  it('tells a password that is right and too weak for Mautic\'s rule', async () => {
    const server = await mautic({ version });
    server.user('contacts').password = 'password1';
    const error = await failureOf(signIn(server, 'contacts', 'password1'));
    expect(error.code).toBe('PASSWORD_REJECTED');
    expect(error.details.causes?.[0]?.code).toBe('PASSWORD_TOO_WEAK');
  });

  it('speaks of nothing but what it sees when the pages are in Spanish', async () => {
    const server = await mautic({ version, language: 'es' });
    const visit = await signIn(server);
    const made = await createClient(visit, { name: 'es', redirectUris: [redirectUri] }, protect);
    expect(made.clientSecret).toBe(server.state.clients[0]!.clientSecret);
    expect((await failureOf(createClient(visit, { name: '', redirectUris: [redirectUri] }, protect))).message).toContain('Se requiere un nombre');
  });

  it('makes a client while the API is off, finds it, changes it and deletes it', async () => {
    const server = await mautic({ version, apiEnabled: false });
    for (let count = 0; count < 35; count += 1) server.makeClient({ name: `older ${count}` });
    const visit = await signIn(server);
    const made = await createClient(visit, { name: `n8n [credsetup ${mark}]`, redirectUris: [redirectUri, 'https://n8n.example.com/rest/oauth2-credential/callback'] }, protect);
    expect(made).toMatchObject({ redirectUris: [redirectUri, 'https://n8n.example.com/rest/oauth2-credential/callback'] });
    expect((await findClients(visit, mark, protect)).map(({ number }) => number)).toEqual([made.number]);
    expect(await addRedirectUris(visit, made.number, ['https://other.example.com/callback'], protect)).toBe(true);
    expect(await addRedirectUris(visit, made.number, ['https://other.example.com/callback'], protect)).toBe(false);
    expect(server.state.clients.at(-1)).toMatchObject({ clientSecret: made.clientSecret, redirectUris: [...made.redirectUris, 'https://other.example.com/callback'] });
    await deleteClient(visit, made.number);
    await deleteClient(visit, made.number);
    expect(await readClient(visit, made.number, protect)).toBeUndefined();
    expect(server.state.clients).toHaveLength(35);
  });

  it.each([
    ['its list as it is', (body: string) => body, 8],
    ['a list that shows no names', (body: string) => body.replace(/<td>[^<]*<\/td>/g, ''), 260],
    ['a list that fails at a search', undefined, 10],
  ] as const)('finds a client by its mark among 240 others by %s', async (_what, change, most) => {
    const server = await mautic({ version });
    for (let count = 0; count < 240; count += 1) server.makeClient({ name: `other ${count}` });
    const mine = server.makeClient({ name: `n8n [credsetup ${mark}]` });
    for (let count = 240; count < 250; count += 1) server.makeClient({ name: `other ${count}` });
    const visit = await signIn(server);
    server.intercept = async (request, answer) => {
      if (!/^\/s\/credentials(\/\d+)?$/.test(request.path)) return answer();
      return change === undefined && !['', null].includes(request.query.get('search')) ? { status: 500, body: 'x' } : html(await answer(), change ?? ((body) => body));
    };
    server.log.length = 0;
    const found = await findClients(visit, mark, protect);
    expect(found.map(({ clientId, clientSecret }) => ({ clientId, clientSecret }))).toEqual([{ clientId: mine.clientId, clientSecret: mine.clientSecret }]);
    expect(server.log.length).toBeLessThanOrEqual(most);
    expect(await findClients(visit, 'fedcba987654', protect)).toEqual([]);
    expect((await findClients(visit, '[credsetup ', protect)).map(({ number }) => number)).toEqual([String(mine.number)]);
  }, 30_000);

  it('tells a redirect URI that Mautic refuses, and makes nothing', async () => {
    const server = await mautic({ version });
    const error = await failureOf(createClient(await signIn(server), { name: 'one', redirectUris: ['foo/bar'] }, protect));
    expect([error.code, error.details.field]).toEqual(['INPUT_INVALID', 'redirect']);
    expect(server.state.clients).toEqual([]);
  });

  it('tells an account that may not make clients', async () => {
    const server = await mautic({ version });
    expect((await failureOf(createClient(await signIn(server, 'contacts'), { name: 'one', redirectUris: [redirectUri] }, protect))).code).toBe('PERMISSION_DENIED');
  });

  it('finds the client that was made although the answer said 403', async () => {
    const server = await mautic({ version });
    server.addUser('creator', { 'api:clients': ['create'] });
    server.makeClient({ name: 'other' });
    const made = await createClient(await signIn(server, 'creator'), { name: `n8n [credsetup ${mark}]`, redirectUris: [redirectUri] }, protect);
    expect(made).toMatchObject({ number: '2', clientId: server.state.clients[1]!.clientId, clientSecret: server.state.clients[1]!.clientSecret });
    expect(sentTo(server, 'POST', '/s/credentials/new')).toBe(1);
    server.addUser('editor', { 'api:clients': ['view', 'edit', 'create'] });
    expect((await createClient(await signIn(server, 'editor'), { name: 'two', redirectUris: [redirectUri] }, protect)).name).toBe('two');
  });

  it('looks for the client whose answer was lost, and sends the form once', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    server.intercept = async (request, answer) => {
      const reply = await answer();
      return request.method === 'POST' && request.path === '/s/credentials/new' ? { status: 500, hangUp: true } : reply;
    };
    const made = await createClient(visit, { name: `n8n [credsetup ${mark}]`, redirectUris: [redirectUri] }, protect);
    expect(server.state.clients.map(({ clientId }) => clientId)).toEqual([made.clientId]);
  });

  it('gets a code by the OAuth pages, the second time as well', async () => {
    const server = await mautic({ version });
    const client = server.makeClient({ redirectUris: [redirectUri] });
    const url = `${server.url}/oauth/v2/authorize?${new URLSearchParams({ client_id: client.clientId, redirect_uri: redirectUri, response_type: 'code', state: 'st4te' }).toString()}`;
    for (let time = 0; time < 2; time += 1) {
      const callback = new URL(await consent(apiTo(server), url, redirectUri, { username: 'contacts', password: mauticPassword }));
      expect(callback.searchParams.get('state')).toBe('st4te');
      expect(server.state.codes.at(-1)).toMatchObject({ code: callback.searchParams.get('code'), user: server.user('contacts') });
    }
    expect([...server.state.browsers.values()].filter(({ user }) => user !== undefined)).toHaveLength(0);
  });

  it.each([
    ['a wrong password', 'PASSWORD_REJECTED', { password: 'Not-It-1234' }], ['the API off', 'API_DISABLED', { off: true }],
    ['another redirect URI', 'REDIRECT_URI_MISMATCH', { uri: 'http://localhost:1/callback' }], ['an unknown client', 'CLIENT_NOT_FOUND', { client: '99_nope' }],
    ...(version === '7.0.0' ? [['a role without API access', 'API_ACCESS_MISSING', { username: 'bare' }] as const] : []),
  ] as const)('tells %s at the OAuth pages', async (_what, code, given) => {
    const { password = mauticPassword, off = false, uri = redirectUri, client: id, username = 'contacts' } = given as { password?: string; off?: boolean; uri?: string; client?: string; username?: string };
    const server = await mautic({ version, apiEnabled: !off });
    const client = server.makeClient({ redirectUris: [redirectUri] });
    const url = `${server.url}/oauth/v2/authorize?${new URLSearchParams({ client_id: id ?? client.clientId, redirect_uri: uri, response_type: 'code', state: 'x' }).toString()}`;
    expect((await failureOf(consent(apiTo(server), url, uri, { username, password }))).code).toBe(code);
  });

  it('makes a role and an account that may do what n8n does and nothing else, and deletes both', async () => {
    const server = await mautic({ version, basicEnabled: false });
    const visit = await signIn(server);
    const password = newPassword();
    const made = await withAdminKey(visit, mark, protect, (key) => createAccount(visit.api, key, { username: 'n8n', password, mark, makesClient: true }));
    expect(server.state.clients).toEqual([]);
    const client = await createClient(await signIn(server, 'n8n', password), { name: `n8n [credsetup ${mark}]`, redirectUris: [redirectUri] }, protect);
    await withAdminKey(visit, mark, protect, (key) => cutRole(visit.api, key, made.roleId, 'n8n'));
    expect(server.user('n8n').role.rawPermissions).toEqual(n8nPermissions);
    const tokens = server.makeTokens(server.state.clients.find(({ clientId }) => clientId === client.clientId)!, 'n8n');
    await proveAccount(visit.api, `Bearer ${tokens.accessToken}`, client);
    await withAdminKey(visit, 'ffffffffffff', protect, async (key) => {
      expect((await findAccounts(visit.api, key)).map(({ id }) => id)).toEqual([`user:${made.userId}`, `role:${made.roleId}`]);
      await deleteAccount(visit.api, key, made.userId);
      await deleteClient(visit, client.number);
      await deleteRole(visit.api, key, made.roleId);
      await deleteRole(visit.api, key, made.roleId);
    });
    expect(server.state.users.map(({ username }) => username)).not.toContain('n8n');
    expect(server.state.roles.map(({ name }) => name)).not.toContain('n8n (n8n)');
    expect(server.state.clients).toEqual([]);
  });

  it('never deletes an account or a role that credsetup did not make, an admin\'s least of all', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    await withAdminKey(visit, mark, protect, async (key) => {
      for (const id of ['1', '7']) expect((await failureOf(deleteAccount(visit.api, key, id))).code).toBe('PERMISSION_DENIED');
      expect((await failureOf(deleteRole(visit.api, key, '7'))).code).toBe('PERMISSION_DENIED');
    });
    expect(server.state.users.map(({ id }) => id)).toEqual([1, 5, 6, 7]);
  });

  it('says of an account that is no admin what it may not do, and deletes its client again', async () => {
    const server = await mautic({ version });
    server.addUser('maker', { 'api:clients': ['full'] });
    const error = await failureOf(withAdminKey(await signIn(server, 'maker'), mark, protect, () => Promise.resolve()));
    expect(error.code).toBe('PERMISSION_DENIED');
    expect(server.state.clients).toEqual([]);
  });

  it('tells a name that is taken, and a role name that exists three times is no matter', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    await withAdminKey(visit, mark, protect, async (key) => {
      for (const name of ['a', 'b', 'c']) Object.assign(server.addUser(name, {}).role, { name: 'n8n (contacts)' });
      expect((await failureOf(createAccount(visit.api, key, { username: 'contacts', password: newPassword(), mark, makesClient: false }))).code).toBe('ACCOUNT_NAME_TAKEN');
      expect((await findAccounts(visit.api, key)).map(({ id }) => id)).toEqual([`role:${server.state.roles.at(-1)!.id}`]);
    });
  });

  it('finds its account and its role among hundreds, however few Mautic gives at a time', async () => {
    const server = await mautic({ version });
    for (let count = 0; count < 120; count += 1) server.addUser(`other${count}`, {});
    const visit = await signIn(server);
    server.intercept = async (request, answer) => {
      request.query.set('limit', '50');
      return answer();
    };
    await withAdminKey(visit, mark, protect, async (key) => {
      const made = await createAccount(visit.api, key, { username: 'n8n', password: newPassword(), mark, makesClient: false });
      expect((await findAccounts(visit.api, key)).map(({ id }) => id)).toEqual([`user:${made.userId}`, `role:${made.roleId}`]);
    });
  });

  it('sets a new password at the account\'s form, which stays unlocked for other admins', async () => {
    const server = await mautic({ version });
    const id = String(server.user('contacts').id);
    expect((await failureOf(setPassword(await signIn(server), id, 'contacts', 'Another-Word-99'))).code).toBe('PERMISSION_DENIED');
    server.user('contacts').email = `contacts.${mark}@credsetup.invalid`;
    expect(await setPassword(await signIn(server), id, undefined, 'Another-Word-99')).toBe('contacts');
    expect(server.user('contacts')).toMatchObject({ password: 'Another-Word-99', published: true, firstName: 'contacts' });
    expect(server.user('contacts')).not.toHaveProperty('checkedOutBy');
    expect((await failureOf(setPassword(await signIn(server), id, 'somebody', 'Another-Word-99'))).code).toBe('PERMISSION_DENIED');
    Object.assign(server.user('contacts'), { checkedOutBy: 99 });
    expect((await failureOf(setPassword(await signIn(server), id, 'contacts', 'Another-Word-99'))).code).toBe('NOT_FOUND');
  });
});

describe.each(versions)('The configuration of Mautic %s', (version) => {
  const off = { version, apiEnabled: false, basicEnabled: false } as const;

  it('is saved whole with one switch changed, after a rehearsal that changes nothing', async () => {
    const server = await mautic(off);
    const visit = await signIn(server);
    const before = savedValues(server.state);
    const rehearsed = await rehearse(visit, { api: true });
    expect([server.state.configuration, server.state.apiEnabled]).toEqual([undefined, false]);
    await saveConfiguration(visit, rehearsed, { api: true });
    expect([server.state.apiEnabled, server.state.basicEnabled]).toEqual([true, false]);
    const changed = [...savedValues(server.state)].filter(
      ([name, values]) => JSON.stringify(before.get(name)) !== JSON.stringify(values),
    ).map(([name]) => name);
    expect(changed).toEqual(['config[apiconfig][api_enabled]']);
    expect(server.state.audit.map(({ what }) => what)).toEqual(['config update']);
  });

  it('turns HTTP basic auth on where that is wanted, and off again', async () => {
    const server = await mautic({ ...off, apiEnabled: true });
    const visit = await signIn(server);
    await saveConfiguration(visit, await rehearse(visit, { basic: true }), { basic: true });
    expect(server.state.basicEnabled).toBe(true);
    await saveConfiguration(visit, await rehearse(visit, { basic: false }), { basic: false });
    expect([server.state.basicEnabled, server.state.apiEnabled]).toEqual([false, true]);
  });

  it('stops before the Save when somebody changed a setting since the rehearsal', async () => {
    const server = await mautic(off);
    const visit = await signIn(server);
    const rehearsed = await rehearse(visit, { api: true });
    server.state.accessTokenMinutes = 90;
    expect((await failureOf(saveConfiguration(visit, rehearsed, { api: true }))).code).toBe('PERMISSION_DENIED');
    expect([server.state.apiEnabled, server.state.accessTokenMinutes]).toEqual([false, 90]);
  });

  it.each([
    ['another tab in error', { otherTabInError: true }, 'CONFIGURATION_INVALID'], ['a file that cannot be written', { configNotWritable: true }, 'CONFIGURATION_NOT_WRITABLE'],
    ['switches that are taken out of the form', { switchesRestricted: 'remove' }, 'SWITCH_RESTRICTED'], ['switches that are shown and fixed', { switchesRestricted: 'mask' }, 'SWITCH_RESTRICTED'],
  ] as const)('tells %s while everything is as it was', async (_what, settings, cause) => {
    const server = await mautic({ ...off, ...settings });
    const error = await failureOf(rehearse(await signIn(server), { api: true }));
    expect([error.code, error.details.causes?.[0]?.code]).toEqual(['API_DISABLED', cause]);
    expect([server.state.configuration, server.state.audit]).toEqual([undefined, []]);
  });

  it('tells a switch that another file forces, by asking the API after the Save', async () => {
    const server = await mautic({ ...off, apiForcedOff: true });
    const visit = await signIn(server);
    const error = await failureOf(saveConfiguration(visit, await rehearse(visit, { api: true }), { api: true }));
    expect([error.code, error.details.causes?.[0]?.code]).toEqual(['API_DISABLED', 'SWITCH_FORCED']);
  });

  it.each([['a full disk', { diskFull: true }], ['a mailbox password with two %', { mailbox: 'percent' }]] as const)('says plainly that Mautic is ill after %s', async (_what, settings) => {
    const server = await mautic({ ...off, ...settings });
    const visit = await signIn(server);
    const error = await failureOf(saveConfiguration(visit, await rehearse(visit, { api: true }), { api: true }));
    expect(error.code).toBe('SERVER_ERROR');
    expect(error.hint).toContain('local.php');
  });

  it.each([['after it was saved', true], ['before it arrived', false]] as const)('is looked at where the answer of the Save was lost %s, and the form is sent once', async (_what, arrives) => {
    const server = await mautic(off);
    const visit = await signIn(server);
    const rehearsed = await rehearse(visit, { api: true });
    server.intercept = async (request, answer) => {
      if (request.method === 'GET') return answer();
      if (arrives) await answer();
      return { status: 500, hangUp: true };
    };
    const save = saveConfiguration(visit, rehearsed, { api: true });
    if (arrives) await save;
    else expect((await failureOf(save)).code).toBe('CONNECTION_LOST');
    expect([server.state.apiEnabled, sentTo(server, 'POST', '/s/config/edit')]).toEqual([arrives, 2]);
  });

  it('is left as it is by an undo of what was never done, and a switch without effect is set back', async () => {
    const server = await mautic({ ...off, apiForcedOff: true });
    const session = await signInTo(apiTo(server), { username: 'admin', password: mauticPassword }, protect);
    const [repair] = await repairs(apiTo(server), session, false, ['api']);
    const change = await repair!.change!(apiTo(server), session);
    await change.undo(apiTo(server), session);
    expect(server.state.configuration).toBeUndefined();
    const error = await failureOf(change.apply(apiTo(server), session));
    expect(error.details.causes?.map(({ code }) => code)).toEqual(['SWITCH_FORCED', 'CACHE_STALE']);
    expect(error.hint).toContain('set back to No');
    expect([server.state.apiEnabled, server.state.audit.length]).toEqual([false, 2]);
  });

  it('names a monitored mailbox before anything is sent', async () => {
    const visit = await signIn(await mautic({ ...off, mailbox: 'plain' }));
    expect((await readConfiguration(visit)).mailboxes).toEqual(['imap.example.com']);
    expect((await readConfiguration(await signIn(await mautic(off)))).mailboxes).toEqual([]);
  });

  it('is no matter of who is no admin, and the session that ended is told as such', async () => {
    const server = await mautic(off);
    expect((await failureOf(readConfiguration(await signIn(server, 'contacts')))).code).toBe('PERMISSION_DENIED');
    const visit = await signIn(server);
    const rehearsed = await rehearse(visit, { api: true });
    server.state.browsers.clear();
    expect((await failureOf(saveConfiguration(visit, rehearsed, { api: true }))).code).toBe('CONNECTION_LOST');
    expect(server.state.apiEnabled).toBe(false);
  });

  it('keeps a script of Google Analytics through any number of Saves', async () => {
    const server = await mautic(off);
    const name = 'config[pageconfig][google_analytics]';
    const shown = version === '5.1.0' ? '&lt;script src="a?b&amp;c"&gt;' : '<script src="a?b&c">';
    server.state.configuration = new Map([...savedValues(server.state), [name, [shown]]]);
    const visit = await signIn(server);
    for (const api of [true, false, true]) await saveConfiguration(visit, await rehearse(visit, { api }), { api });
    expect(server.state.configuration.get(name)).toEqual([version === '5.1.0' ? shown.replaceAll('&amp;c', '&amp;c') : shown]);
  });

  it.skipIf(!has('chromium'))('is after our Save what it is after Chromium\'s, field by field', async () => {
    const [ours, theirs] = [await mautic(off), await mautic(off)];
    for (const server of [ours, theirs]) {
      server.state.configuration = new Map([...savedValues(server.state), ['config[leadconfig][contact_columns][]', ['email', 'name', 'id']], ['config[emailconfig][unsubscribe_text]', ['two\nlines & <b>']]]);
      if (version === '7.0.0') server.state.configuration.set('config[themeconfig][accent]', ['']);
    }
    const visit = await signIn(ours);
    await saveConfiguration(visit, await rehearse(visit, { api: true, basic: true }), { api: true, basic: true });
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-proxy-server'] });
    try {
      const page = await browser.newPage();
      await page.goto(`${theirs.url}/s/config/edit`);
      await page.fill('[name=_username]', 'admin');
      await page.fill('[name=_password]', mauticPassword);
      await page.click('button[type=submit]');
      for (const name of ['api_enabled', 'api_enable_basic_auth']) await page.check(`[name="config[apiconfig][${name}]"][value="1"]`);
      await Promise.all([page.waitForResponse((response) => response.request().method() === 'POST'), page.click('[name="config[buttons][apply]"]')]);
      await page.waitForLoadState();
    } finally {
      await browser.close();
    }
    expect([...ours.state.configuration!]).toEqual([...theirs.state.configuration!]);
    expect(ours.state.configuration!.size).toBeGreaterThan(150);
    expect([ours.state.apiEnabled, ours.state.basicEnabled, theirs.state.apiEnabled, theirs.state.basicEnabled]).toEqual([true, true, true, true]);
  });
});

describe.each(versions)('What answers in place of the pages of Mautic %s', (version) => {
  it.each([
    ['its installer', { notInstalled: true }, 'NOT_MAUTIC'], ['a database that is away', { offline: true }, 'SERVER_ERROR'],
  ] as const)('is %s', async (_what, settings, code) => {
    expect((await failureOf(signIn(await mautic({ version, ...settings })))).code).toBe(code);
  });

  it.each([
    ['basic-auth', 'GATEWAY_IN_FRONT'], ['firewall', 'GATEWAY_IN_FRONT'], ['oauth2-proxy-page', 'GATEWAY_IN_FRONT'], ['authelia-redirect', 'GATEWAY_IN_FRONT'], ['cloudflare-access', 'GATEWAY_IN_FRONT'],
    ['website', 'RESPONSE_INVALID'], ['rate-limit', 'RATE_LIMITED'], ['maintenance', 'SERVER_ERROR'],
  ] as const)('is %s, and it gets no password', async (kind, code) => {
    const server = await mautic({ version });
    server.intercept = inFront(kind);
    expect((await failureOf(signIn(server))).code).toBe(code);
    expect(logins(server)).toBe(0);
  });

  it('is SAML, which is then the likeliest cause of a refused password', async () => {
    const causes = async (options: MauticOptions): Promise<unknown> => (await failureOf(signIn(await mautic({ version, ...options }), 'admin', 'Not-It-1234'))).details.causes?.[0]?.code;
    expect([await causes({ saml: true }), await causes({})]).toEqual(['SIGN_IN_ELSEWHERE', 'PASSWORD_WRONG']);
  });

  it('is SAML, whose own login page works for local passwords', async () => {
    const server = await mautic({ version, saml: true });
    expect((await createClient(await signIn(server), { name: 'one', redirectUris: [redirectUri] }, protect)).number).toBe('1');
  });

  it.each([
    ['another host', 'https://evil.example.com/s/login_check'], ['another port', 'http://127.0.0.1:1/s/login_check'], ['a scheme of its own', 'javascript:alert(1)'], ['no address', 'http://'],
  ])('is a form that leads to %s: nothing is sent', async (_what, action) => {
    const server = await mautic({ version });
    server.intercept = async (request, answer) => request.path === '/s/login' ? html(await answer(), (body) => body.replace('action="/s/login_check"', `action="${action}"`)) : answer();
    expect((await failureOf(signIn(server))).code).toBe('RESPONSE_INVALID');
    expect(server.log.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is a redirect to another host: no cookie and no page goes there', async () => {
    const server = await mautic({ version });
    server.intercept = async (request, answer) => {
      const reply = await answer();
      return request.path === '/s/login_check' ? { ...reply, headers: { ...reply.headers, location: 'https://evil.example.com/s/dashboard' } } : reply;
    };
    expect((await failureOf(signIn(server))).code).toBe('GATEWAY_IN_FRONT');
  });

  it('is a theme that took a field away: it is named, and nothing is half sent', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    server.intercept = async (request, answer) => request.path === '/s/credentials/new' ? html(await answer(), (body) => body.replaceAll('client[redirectUris]', 'client[uris]')) : answer();
    const error = await failureOf(createClient(visit, { name: 'one', redirectUris: [redirectUri] }, protect));
    expect([error.code, error.message]).toEqual(['RESPONSE_INVALID', expect.stringContaining('client[redirectUris]')]);
    expect(sentTo(server, 'POST', '/s/credentials/new')).toBe(0);
  });

  it('is a plugin that adds a field: it goes along as it stands', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    server.intercept = async (request, answer) => request.method === 'GET' && request.path === '/s/config/edit' ? html(await answer(), (body) => body.replace('<button type="submit" name="config[buttons][apply]"', '<input name="config[pluginconfig][extra]" value="kept"><button type="submit" name="config[buttons][apply]"')) : answer();
    const pairs = new Map((await readConfiguration(visit)).pairs);
    expect(pairs.get('config[pluginconfig][extra]')).toBe('kept');
  });

  it('is a list whose order is no JSON: it is named, and nothing is sent', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    server.intercept = async (_request, answer) => html(await answer(), (body) => body.replace(/data-order="[^"]*"/, 'data-order="name,email"'));
    const error = await failureOf(rehearse(visit, { api: true }));
    expect([error.code, error.message]).toEqual(['RESPONSE_INVALID', expect.stringContaining('contact_columns')]);
    expect(sentTo(server, 'POST', '/s/config/edit')).toBe(0);
  });

  it('is an answer larger than any page', async () => {
    const server = await mautic({ version });
    server.intercept = async (_request, answer) => html(await answer(), (body) => body + ' '.repeat(6_000_000));
    expect((await failureOf(signIn(server))).code).toBe('RESPONSE_INVALID');
  });

  it.each([
    ['a second factor', '/s/2fa/check', 'SIGN_IN_UNSUPPORTED', '/s/2fa/check'], ['the end of the session', '/s/login', 'CONNECTION_LOST', 'leads to the login page'],
    ['the end of it where nothing is rewritten', '/index.php/s/login', 'CONNECTION_LOST', 'leads to the login page'],
  ] as const)('is %s after the right password: told as such, and signed out of', async (_what, to, code, text) => {
    const server = await mautic({ version });
    server.intercept = async (request, answer) => ['/s/config/edit', '/s/credentials/new'].includes(request.path) ? { status: 302, headers: { location: to }, body: '' } : answer();
    const session = signInTo(apiTo(server), { username: 'admin', password: mauticPassword }, protect);
    expect(await failureOf(session)).toMatchObject({ code, message: expect.stringContaining(text) as string });
    expect(sentTo(server, 'GET', '/s/logout')).toBe(1);
    server.intercept = undefined;
    const visit = await signIn(server);
    server.intercept = async (request, answer) => request.path === '/s/credentials/new' ? { status: 302, headers: { location: to }, body: '' } : answer();
    expect((await failureOf(createClient(visit, { name: 'one', redirectUris: [redirectUri] }, protect))).code).toBe(code);
  });

  it.each(['/s/config/edit', '/s/credentials/new'])('is a firewall that takes the form of %s for an attack: it is no matter of a right', async (path) => {
    const server = await mautic({ version, apiEnabled: false });
    const visit = await signIn(server);
    server.intercept = async (request, answer) => request.method === 'POST' && request.path === path ? { status: 403, headers: { 'content-type': 'text/html' }, body: '<h1>Forbidden</h1>' } : answer();
    const error = await failureOf(path.includes('config') ? rehearse(visit, { api: true }) : createClient(visit, { name: `one [credsetup ${mark}]`, redirectUris: [redirectUri] }, protect));
    expect([error.code, error.message]).toEqual(['GATEWAY_IN_FRONT', expect.stringContaining(path)]);
    expect([server.state.clients, server.state.configuration]).toEqual([[], undefined]);
  });

  it('is a server that is under maintenance in the middle: its database is not blamed', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    server.intercept = () => ({ status: 503, headers: { 'content-type': 'text/html' }, body: '<h1>Be right back</h1>' });
    expect(await failureOf(readConfiguration(visit))).toMatchObject({ code: 'SERVER_ERROR', message: expect.stringContaining('maintenance') as string });
  });

  it('is an answer to the form without what it should show: it does not say that nothing was sent', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    server.intercept = async (request, answer) => request.method === 'POST' || request.path.startsWith('/s/credentials/edit') ? html(await answer(), (body) => body.replaceAll('client_secret', 'client_hidden')) : answer();
    const error = await failureOf(createClient(visit, { name: `n8n [credsetup ${mark}]`, redirectUris: [redirectUri] }, protect));
    expect([error.code, error.message]).toEqual(['RESPONSE_INVALID', expect.not.stringContaining('nothing was sent')]);
  });

  it('is a session that ends between the form and what was typed into it: nothing is made', async () => {
    const server = await mautic({ version });
    const visit = await signIn(server);
    server.intercept = (request, answer) => {
      if (request.method === 'POST') server.state.browsers.clear();
      return answer();
    };
    expect((await failureOf(createClient(visit, { name: 'one', redirectUris: [redirectUri] }, protect))).code).toBe('CONNECTION_LOST');
    expect(server.state.clients).toEqual([]);
  });
});

describe('What answers in place of any Mautic\'s pages', () => {
  it('is a page of 5 MB, nested without an end or with a million fields: read in seconds, or told', async () => {
    const started = Date.now();
    for (const nested of ['<div>', '<b>', '<table><td>', '</x><span>', '<svg><g>']) {
      expect((await failureOf(readDocument(`<form name="login">${nested.repeat(5_000_000 / nested.length)}`, '/s/login'))).code).toBe('RESPONSE_INVALID');
    }
    // What the parser closes by itself is not deep.
    expect((await readDocument(`<form name="login">${'<p><b id=1><i id=2>'.repeat(40_000)}`, '/s/login')).form('login')?.pairs()).toEqual([]);
    const wide = await readDocument(`<form name="login">${'<input name=a value=b>'.repeat(100_000)}</form>`, '/s/login');
    expect(wide.form('login')?.pairs()).toHaveLength(100_000);
    expect(Date.now() - started).toBeLessThan(60_000);
  });

  it('is a login page that never takes its token back: tried twice, and told', async () => {
    const server = await mautic({ version: '5.1.0' });
    server.intercept = async (request, answer) => request.path === '/s/login' ? html(await answer(), (body) => body.replace(/name="_csrf_token" value="[^"]*"/, 'name="_csrf_token" value="old"')) : answer();
    expect((await failureOf(signIn(server))).code).toBe('RESPONSE_INVALID');
    expect(logins(server)).toBe(2);
  });
});

describe.each([['7.0.0', 'mautic-forms-7.json'], ['5.1.0', 'mautic-forms-5.json']])('A recorded page of Mautic %s', (_version, file) => {
  const all = JSON.parse(readFileSync(new URL(`../wire/${file}`, import.meta.url), 'utf8')) as { name: string; request: { form?: Pairs }; response: { body: string } }[];
  const one = (name: string): (typeof all)[number] => all.find((exchange) => exchange.name === name)!;
  /** What the person changed, the button and the token, which is each page's own. */
  const byPerson = ([name]: readonly [string, string]): boolean => /\[_token\]$|\[buttons\]|\[api_enabled\]|\[api_enable_basic_auth\]|\[name\]$|\[redirectUris\]$|^_/.test(name);

  it.each([
    ['config-page', 'config', 'config-save', 170], ['client-page', 'client', 'client-made', 1], ['client-edit-page', 'client', 'client-edited', 2], ['login-page', 'login', 'login', 0],
    ['oauth-own-session-then', 'fos_oauth_server_authorize_form', 'oauth-own-session-accepted', 5],
  ])('%s is sent with the very fields that were sent to the real one', async (page, form, sent, least) => {
    const pairs = (await readDocument(one(page).response.body, '/x')).form(form)!.pairs();
    const recorded = one(sent).request.form!.filter(([name]) => name !== 'accepted');
    expect(pairs.filter((pair) => !byPerson(pair))).toEqual(recorded.filter((pair) => !byPerson(pair)));
    expect(new Set(pairs.map(([name]) => name))).toEqual(new Set(recorded.map(([name]) => name).filter((name) => !name.includes('[buttons]'))));
    expect(pairs.length).toBeGreaterThanOrEqual(least);
  });
});

describe('A form as a browser sends it', () => {
  const pairsOf = async (inner: string): Promise<unknown> => (await readDocument(`<form id="f" name="f">${inner}</form><input form="f" name="outside" value="1">`, '/x')).form('f')?.pairs().filter(([name]) => name !== 'outside');

  it.each([
    ['ticked boxes alone', '<input type=checkbox name=a><input type=checkbox name=b checked><input type=checkbox name=c value=3 checked>', [['b', 'on'], ['c', '3']]],
    ['no buttons and no files', '<input type=submit name=a value=1><button name=b>x</button><input type=file name=c><input type=image name=d>', []],
    ['nothing disabled, a fieldset\'s legend excepted', '<input disabled name=a><fieldset disabled><legend><input name=b value=1></legend><input name=c></fieldset>', [['b', '1']]],
    ['the first choice where none is made', '<select name=a><option disabled>x<option value=2>y<option>z</select>', [['a', '2']]],
    ['the last of several marked ones', '<select name=a><option selected>x<option selected> y  z </select>', [['a', 'y z']]],
    ['every marked one of a list', '<select multiple name=a><option selected>x<option>y<option selected>z</select><select multiple name=b><option>x</select>', [['a', 'x'], ['a', 'z']]],
    ['text areas with line ends of the network', '<textarea name=a>\nx\ny</textarea>', [['a', 'x\r\ny']]],
    ['an order that the script makes of its own', '<select multiple name=a data-order=\'["b","a"]\'><option>a<option>b</select>', [['a', 'b'], ['a', 'a']]],
    ['nothing whose switch is off', '<input type=radio id=on name=s value=1><input type=radio id=off name=s value=0 checked><input name=a value=1 data-enable-on=\'{"on":"checked"}\'><input name=b value=1 data-enable-on=\'{"off":"checked"}\'>', [['s', '0'], ['b', '1']]],
  ])('holds %s', async (_what, inner, expected) => {
    expect(await pairsOf(inner)).toEqual(expected);
  });
});
