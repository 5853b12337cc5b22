/** A new secret for what credsetup made at Mautic: every copy in n8n written and proved, and only then the old one ended. */
import { describe, expect, it } from 'vitest';
import { mauticPassword, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { n8nPermissions } from '../../src/services/mautic/pages/accounts.ts';
import type { Finished } from '../program.ts';
import { atTheEnd, errorOf, journalOf, mauticServer, script, type Script } from './support.ts';

const versions = ['7.0.0', '5.1.0'] as const;
const env = { CREDSETUP_PASSWORD: mauticPassword };
const n8n: PracticeN8n = await startN8n();
atTheEnd(() => n8n.close());
const callback = `${n8n.url}/rest/oauth2-credential/callback`;

interface Case {
  readonly server: PracticeMautic;
  readonly home: Script;
  run(args: readonly string[]): Promise<Finished>;
  rotate(args?: readonly string[]): Promise<Finished>;
}

/** A credential named crm, made by `args`; pushed when `push` is given. */
async function made(options: MauticOptions, args: readonly string[], push?: readonly string[]): Promise<Case> {
  const [server, home] = [await mauticServer(options), script()];
  n8n.state.credentials.length = 0;
  n8n.state.unreachable.clear();
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, allScopes);
  const all: Case = {
    server, home,
    run: (line) => home.run(line, { env, secrets: [mauticPassword, n8nApiKey] }),
    rotate: (line = []) => all.run(['rotate', 'crm', '--username', 'admin', '--grace', '0', '--json', ...line]),
  };
  const lines = [
    ['mautic', '--url', server.url, '--username', 'admin', '--name', 'crm', ...args],
    ...(push === undefined ? [] : [['n8n', '--url', n8n.url, '--name', 'work'], ['push', 'work', 'crm', ...push]]),
  ];
  for (const line of lines) {
    const done = await home.run(line, { env: { ...env, CREDSETUP_API_KEY: n8nApiKey }, secrets: [mauticPassword, n8nApiKey] });
    expect(done.exitCode, done.stderr).toBe(0);
  }
  return all;
}

const ofAccount = ['--method', 'oauth2', '--create-user', 'n8n', '--n8n-callback-url', callback];
const own = ['--method', 'oauth2', '--create-client', '--n8n-callback-url', callback];
const clientsOf = ({ server }: Case): readonly string[] => server.state.clients.map(({ clientId }) => clientId);
const inN8n = (): string => String(n8n.credential('crm').data['clientId']);

function expectClean({ server, home }: Case): void {
  expect([...server.state.browsers.values()].filter(({ signedIn, user }) => signedIn !== undefined || user !== undefined)).toEqual([]);
  expect(journalOf(home)).toEqual([]);
}

describe.each(versions)('rotate with Mautic %s', (version) => {
  it('replaces the client by one that the same account made, and leaves the role as it was', async () => {
    const all = await made({ version }, ofAccount);
    const [before] = clientsOf(all);
    const done = await all.rotate();
    expect(done.exitCode, done.stderr).toBe(0);
    const [now, ...others] = all.server.state.clients;
    expect([now?.clientId === before, others, now?.byAdmin]).toEqual([false, [], false]);
    expect(now?.redirectUris).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/), callback]);
    expect(done.json()).toMatchObject({ account: { username: 'n8n' }, fields: { clientId: now?.clientId, tokenId: expect.stringMatching(new RegExp(`^client-${now?.number}_user-\\d+_role-\\d+$`)) as string } });
    expect(all.server.user('n8n').role.rawPermissions).toEqual(n8nPermissions);
    expect((await all.run(['test', 'crm'])).exitCode).toBe(0);
    expectClean(all);
    const removed = await all.run(['remove', 'crm', '--revoke', '--yes', '--username', 'admin']);
    expect([removed.exitCode, all.server.state.clients, all.server.state.users.length, all.server.state.roles.length]).toEqual([0, [], 4, 4]);
  });

  it('gives the new sign-in to the n8n that had the one before, proves it by a run, and only then deletes the old client', async () => {
    const all = await made({ version }, own, ['--hand-over', '--run']);
    const [before] = clientsOf(all);
    let alive = false;
    n8n.intercept = async (request, answer) => {
      if (request.method === 'POST' && request.path === '/api/v1/workflows') alive = clientsOf(all).includes(before!);
      return answer();
    };
    const done = await all.rotate();
    n8n.intercept = undefined;
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr).toContain('gets the new sign-in by hand-over');
    expect(alive).toBe(true);
    expect(clientsOf(all)).toEqual([inN8n()]);
    expect(inN8n()).not.toBe(before);
    expect(done.json()).toMatchObject({ handedOver: { to: n8n.url, state: 'done' }, pushed: [{ clientId: inN8n(), test: { status: 'ok', proof: 'run' } }] });
    expectClean(all);
  });

  it('sets a new password for an account that it made, says the gap before, and writes the copy', async () => {
    const all = await made({ version }, ['--method', 'basic', '--create-user', 'n8n'], []);
    const before = all.server.user('n8n').password;
    const done = await all.rotate();
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr).toContain('ends when the new one is set');
    expect(all.server.user('n8n').password).not.toBe(before);
    expect(n8n.credential('crm').data['password']).toBe(all.server.user('n8n').password);
    expect((await all.run(['test', 'crm'])).exitCode).toBe(0);
    expectClean(all);
  });
});

describe('rotate', () => {
  it('says before anything is made that n8n\'s own sign-in would end, and how it gets the new one', async () => {
    const all = await made({}, own, []);
    const before = clientsOf(all);
    const error = errorOf(await all.rotate());
    expect(error).toMatchObject({ code: 'INPUT_MISSING', missing: [{ option: '--hand-over' }, { option: '--disconnect' }] });
    expect(clientsOf(all)).toEqual(before);
    expect((await all.rotate(['--hand-over'])).exitCode).toBe(0);
    expect(clientsOf(all)).toEqual([inN8n()]);
    expectClean(all);
  });

  it('leaves the old client where a person has to press Connect, and goes on when that was done', async () => {
    const all = await made({}, own, []);
    const failed = errorOf(await all.rotate(['--disconnect']));
    expect([failed.code, failed.hint]).toEqual(['N8N_TEST_FAILED', expect.stringContaining('credsetup rotate crm again')]);
    expect(all.server.state.clients).toHaveLength(2);
    const client = all.server.state.clients.find(({ clientId }) => clientId === inN8n())!;
    const { accessToken, refreshToken } = all.server.makeTokens(client, 'admin');
    Object.assign(n8n.credential('crm').data, { oauthTokenData: { access_token: accessToken, refresh_token: refreshToken } });
    const done = await all.rotate(['--disconnect']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(clientsOf(all)).toEqual([inN8n()]);
    expect(n8n.credential('crm').data['oauthTokenData']).toMatchObject({ refresh_token: refreshToken });
    expectClean(all);
  });

  it('leaves the old client alive where n8n does not prove the new one', async () => {
    const all = await made({}, own, ['--hand-over', '--run']);
    n8n.state.unreachable.add(all.server.url);
    expect(errorOf(await all.rotate()).code).toBe('N8N_TEST_FAILED');
    expect(all.server.state.clients).toHaveLength(2);
    n8n.state.unreachable.clear();
    const done = await all.rotate();
    expect(done.exitCode, done.stderr).toBe(0);
    expect(clientsOf(all)).toEqual([inN8n()]);
    expectClean(all);
  });

  it('takes the new client back where it would be another account\'s', async () => {
    const all = await made({}, own);
    all.server.addUser('maker', { 'api:access': ['full'], 'api:clients': ['full'] });
    const before = clientsOf(all);
    const error = errorOf(await all.rotate(['--username', 'maker']));
    expect([error.code, error.message]).toEqual(['PERMISSION_DENIED', expect.stringContaining('The new sign-in is maker\'s')]);
    expect(clientsOf(all)).toEqual(before);
    expectClean(all);
  });

  it('makes another client where only n8n signs in, for a person to press Connect', async () => {
    const all = await made({}, [...ofAccount, '--sign-in', 'n8n'], []);
    const [before] = clientsOf(all);
    expect(errorOf(await all.rotate())).toMatchObject({ code: 'INPUT_MISSING', missing: [{ option: '--disconnect' }] });
    expect(errorOf(await all.rotate(['--disconnect'])).code).toBe('N8N_TEST_FAILED');
    expect(clientsOf(all)).toEqual([before, inN8n()]);
    expect(all.server.state.clients[1]).toMatchObject({ redirectUris: [callback], byAdmin: false });
  });

  it('keeps what an admin gave the role since', async () => {
    const all = await made({}, ofAccount);
    const { role } = all.server.user('n8n');
    const wider = { ...n8nPermissions, 'lead:lists': ['viewown', 'viewother', 'create'] };
    role.rawPermissions = wider;
    expect((await all.rotate()).exitCode).toBe(0);
    expect(role.rawPermissions).toEqual(wider);
  });

  it('changes no account that credsetup did not make', async () => {
    const [server, home] = [await mauticServer({}), script()];
    expect((await home.run(['mautic', '--method', 'basic', '--url', server.url, '--username', 'contacts', '--name', 'crm'], { env, secrets: [mauticPassword] })).exitCode).toBe(0);
    server.log.length = 0;
    const run = (line: readonly string[]): Promise<Finished> => home.run([...line, '--username', 'admin', '--json'], { env, secrets: [mauticPassword] });
    expect(errorOf(await run(['rotate', 'crm'])).code).toBe('UNSUPPORTED');
    expect((await run(['remove', 'crm', '--revoke', '--yes'])).json()).toMatchObject({ results: [{ status: 'failed', error: { code: 'UNSUPPORTED' } }] });
    expect(server.log.filter(({ method, path }) => method !== 'GET' && !path.includes('login_check'))).toEqual([]);
    expect(server.user('contacts').password).toBe(mauticPassword);
  });
});
