/** A client, or an account for n8n, made at Mautic by a script: each path with its code, and nothing left behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { mauticPassword, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { n8nPermissions } from '../../src/services/mautic/pages/accounts.ts';
import { cleanEnvironment, programPath, type Finished } from '../program.ts';
import { errorOf, journalOf, mauticServer, script, type Script } from './support.ts';

const versions = ['7.0.0', '5.1.0'] as const;
const env = { CREDSETUP_PASSWORD: mauticPassword };
const callback = 'https://n8n.example.com/rest/oauth2-credential/callback';

interface Case {
  readonly server: PracticeMautic;
  readonly one: Script;
  make(username: string, args?: readonly string[]): Promise<Finished>;
}

async function begin(options: MauticOptions = {}): Promise<Case> {
  const [server, one] = [await mauticServer(options), script()];
  return {
    server, one,
    make: (username, args = []) => one.run(['mautic', '--url', server.url, '--username', username, '--name', 'crm', '--json', ...args], { secrets: [mauticPassword], env }),
  };
}

/** No session of the pages is open, so many clients and accounts are there, and nothing stands in the journal. */
function expectNothingLeft({ server, one }: Case, { clients = 0, accounts = 0 } = {}): void {
  expect([...server.state.browsers.values()].filter(({ signedIn, user }) => signedIn !== undefined || user !== undefined)).toEqual([]);
  expect(server.state.clients).toHaveLength(clients);
  expect(server.state.users).toHaveLength(4 + accounts);
  expect(server.state.roles).toHaveLength(4 + accounts);
  expect(journalOf(one)).toEqual([]);
}

const oauth2 = ['--method', 'oauth2', '--n8n-callback-url', callback];

describe.each(versions)('Mautic %s, made by one command', (version) => {
  it('gives a working OAuth2 credential, the API turned on', async () => {
    const all = await begin({ version, apiEnabled: false, basicEnabled: false });
    const done = await all.make('admin', [...oauth2, '--create-client', '--repair']);
    expect(done.exitCode, done.stderr).toBe(0);
    const [client] = all.server.state.clients;
    expect(client).toMatchObject({ redirectUris: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/), callback] });
    expect(client?.name).toMatch(/^n8n integration \[credsetup [0-9a-f]{12}\]$/);
    expect(done.json()).toMatchObject({ method: 'oauth2', account: { username: 'admin' }, fields: { clientId: client?.clientId, redirectUri: client?.redirectUris[0], tokenId: `client-${client!.number}` } });
    expect([all.server.state.apiEnabled, all.server.state.basicEnabled]).toEqual([true, false]);
    expect((await all.one.run(['test', 'crm', '--json'])).exitCode).toBe(0);
    expect((await all.one.run(['get', 'crm', 'client-secret'], { reveals: true })).stdout.trim()).toBe(client?.clientSecret);
    expectNothingLeft(all, { clients: 1 });
  });

  it('gives a working account for n8n with the client that it made itself', async () => {
    const all = await begin({ version, basicEnabled: false });
    const done = await all.make('admin', [...oauth2, '--create-user', 'n8n']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.json()).toMatchObject({ account: { username: 'n8n', admin: false }, capabilities: { contacts: true, companies: true, segments: true, campaigns: true, webhooks: true } });
    expect(all.server.user('n8n').role).toMatchObject({ rawPermissions: n8nPermissions, isAdmin: false });
    expect(all.server.state.clients[0]?.byAdmin).toBe(false);
    expect((await all.one.run(['test', 'crm', '--json'])).exitCode).toBe(0);
    expectNothingLeft(all, { clients: 1, accounts: 1 });
    const removed = await all.one.run(['remove', 'crm', '--revoke', '--yes', '--json', '--username', 'admin'], { env });
    expect(removed.exitCode, removed.stdout).toBe(0);
    expectNothingLeft(all);
  });

  it('gives an account alone for HTTP basic auth', async () => {
    const all = await begin({ version, apiEnabled: false, basicEnabled: false });
    const done = await all.make('admin', ['--method', 'basic', '--create-user', 'n8n', '--repair']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.json()).toMatchObject({ method: 'basic', account: { username: 'n8n' }, fields: { username: 'n8n' } });
    expect([all.server.state.apiEnabled, all.server.state.basicEnabled]).toEqual([true, true]);
    expect((await all.one.run(['get', 'crm'], { reveals: true })).stdout.trim()).toBe(all.server.user('n8n').password);
    expectNothingLeft(all, { accounts: 1 });
  });
});

/** Every request that can change something. */
const changes = (server: PracticeMautic): number => server.log.filter(({ method, path }) => method !== 'GET' && !path.includes('login_check')).length;

describe('Killed at any of the requests that change something', () => {
  async function killed(at: number): Promise<Case> {
    const all = await begin();
    const child = spawn(process.execPath, [programPath, 'mautic', '--url', all.server.url, '--username', 'admin', '--name', 'crm', ...oauth2, '--create-user', 'n8n'], { env: cleanEnvironment({ ...all.one.env, ...env }), stdio: 'ignore' });
    const ended = once(child, 'close');
    let seen = 0;
    all.server.intercept = async (request, answer) => {
      const reply = await answer();
      if (request.method === 'GET' || request.path.includes('login_check')) return reply;
      seen += 1;
      if (seen !== at) return reply;
      child.kill('SIGKILL');
      await ended;
      return { status: 500, hangUp: true };
    };
    await ended;
    all.server.intercept = undefined;
    return all;
  }

  it('leaves nothing that the next run does not find', async () => {
    const whole = await begin();
    expect((await whole.make('admin', [...oauth2, '--create-user', 'n8n'])).exitCode).toBe(0);
    const count = changes(whole.server);
    expect(count).toBeGreaterThan(8);
    for (let at = 1; at <= count; at += 1) {
      const all = await killed(at);
      expect(journalOf(all.one), `killed at ${at}`).toHaveLength(1);
      all.server.state.browsers.clear();
      const done = await all.make('admin', [...oauth2, '--create-user', 'n8n']);
      expect(done.exitCode, `killed at ${at}: ${done.stderr}`).toBe(0);
      expectNothingLeft(all, { clients: 1, accounts: 1 });
    }
  });

  it('keeps the address and the account of a stop by Ctrl-C as clean', async () => {
    const all = await begin();
    const child = spawn(process.execPath, [programPath, 'mautic', '--url', all.server.url, '--username', 'admin', '--name', 'crm', ...oauth2, '--create-user', 'n8n'], { env: cleanEnvironment({ ...all.one.env, ...env }), stdio: 'ignore' });
    const ended = once(child, 'close');
    all.server.intercept = async (request, answer) => {
      const reply = await answer();
      if (request.path === '/api/users/new') child.kill('SIGINT');
      return reply;
    };
    expect(await ended).toEqual([130, null]);
    expectNothingLeft(all);
  });
});

describe('What stops it', () => {
  it.each([
    ['a wrong password', 'contacts', ['--create-client'], { CREDSETUP_PASSWORD: 'Not-It-1234' }, 'PASSWORD_REJECTED'],
    ['an account that may not make clients', 'contacts', ['--create-client'], env, 'PERMISSION_DENIED'],
    ['an account that is no admin', 'contacts', ['--create-user', 'n8n'], env, 'PERMISSION_DENIED'],
    ['a name that is taken', 'admin', ['--create-user', 'contacts'], env, 'ACCOUNT_NAME_TAKEN'],
    ['a name that is none', 'admin', ['--create-user', 'n 8 n'], env, 'INPUT_INVALID'],
  ] as const)('is %s; nothing is left', async (_what, username, args, variables, code) => {
    const all = await begin();
    const done = await all.one.run(['mautic', '--url', all.server.url, ...oauth2, '--username', username, ...args, '--json'], { env: variables });
    expect(errorOf(done).code, done.stderr).toBe(code);
    expectNothingLeft(all);
  });

  it('is an API that is off, without --repair: nothing is changed', async () => {
    const all = await begin({ apiEnabled: false });
    expect(errorOf(await all.make('admin', [...oauth2, '--create-client'])).code).toBe('API_DISABLED');
    expect(all.server.state.configuration).toBeUndefined();
    expectNothingLeft(all);
  });

  it('is a monitored mailbox, --yes or not', async () => {
    const all = await begin({ apiEnabled: false, mailbox: 'plain' });
    const error = errorOf(await all.make('admin', [...oauth2, '--create-client', '--repair', '--yes']));
    expect(error).toMatchObject({ code: 'API_DISABLED', causes: [{ code: 'MONITORED_MAILBOX' }] });
    expect(all.server.state.configuration).toBeUndefined();
  });

  it('is an option that makes a client where the method wants none', async () => {
    const all = await begin();
    const error = errorOf(await all.make('admin', ['--method', 'basic', '--create-client']));
    expect([error.code, error.hint]).toEqual(['USAGE', 'It is made with --create-user.']);
    expect(all.server.log).toEqual([]);
  });

  it('is TLS that is not checked, or no TLS: no password is sent', async () => {
    const all = await begin();
    const done = await all.one.run(['mautic', '--url', 'http://crm.example.com', '--allow-http', ...oauth2, '--username', 'admin', '--create-client', '--json'], { env });
    expect(errorOf(done).code).toBe('USAGE');
    expect(errorOf(await all.make('admin', [...oauth2, '--create-client', '--ignore-ssl-issues'])).code).toBe('USAGE');
    expect(all.server.log).toEqual([]);
  });
});
