/** A client, or an account for n8n, made at Mautic by a script: each path with its code, and nothing left behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mauticPassword, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { n8nPermissions } from '../../src/services/mautic/pages/accounts.ts';
import { cleanEnvironment, programPath, type Finished } from '../program.ts';
import { kills } from '../killed-runs.ts';
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
    expect(done.json()['warnings']).toContainEqual(expect.objectContaining({ code: 'CLIENT_ACTS_AS_ADMIN' }));
    expect([all.server.state.apiEnabled, all.server.state.basicEnabled]).toEqual([true, false]);
    expect((await all.one.run(['test', 'crm', '--json'])).exitCode).toBe(0);
    expect((await all.one.run(['get', 'crm', 'client-secret'], { reveals: true })).stdout.trim()).toBe(client?.clientSecret);
    expectNothingLeft(all, { clients: 1 });
  });

  it('gives a working account for n8n with the client that it made itself', async () => {
    const all = await begin({ version, basicEnabled: false });
    const done = await all.make('admin', [...oauth2, '--create-user', 'n8n']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr).toContain(`Made at Mautic: the account n8n, with the role "n8n (n8n)"\n`);
    expect(done.stderr).toContain(`Made at Mautic: the client ${all.server.state.clients[0]!.clientId}, named "n8n integration [credsetup `);
    expect(done.json()['warnings']).not.toContainEqual(expect.objectContaining({ code: 'CLIENT_ACTS_AS_ADMIN' }));
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

/** Runs the program until its request number `at` was carried out and not yet answered; true when it was killed there. */
async function killedAt(at: number, args: readonly string[], { server, one }: Case): Promise<boolean> {
  const child = spawn(process.execPath, [programPath, ...args], { env: cleanEnvironment({ ...one.env, ...env }), stdio: 'ignore' });
  const ended = once(child, 'close');
  let seen = 0;
  server.intercept = async (_request, answer) => {
    const reply = await answer();
    seen += 1;
    if (seen !== at) return reply;
    child.kill('SIGKILL');
    await ended;
    return { status: 500, hangUp: true };
  };
  await ended;
  server.intercept = undefined;
  return child.signalCode === 'SIGKILL';
}

const isStored = ({ home }: Script): boolean => existsSync(join(home, 'index.json')) && readFileSync(join(home, 'index.json'), 'utf8').includes('"crm"');

/** What is left, without what differs in every run. */
function stateOf({ server: { state: { clients, users, roles } }, one }: Case): string {
  const names = clients.map(({ name }) => name.replace(/[0-9a-f]{12}/, ''));
  const everyRun = ['password', 'email', 'lastLogin', 'dateAdded', 'description'];
  return JSON.stringify([names, users, roles, journalOf(one).length, isStored(one)], (key, value: unknown) => (everyRun.includes(key) ? undefined : value));
}

interface Killing {
  readonly ready: (version: string) => Promise<Case>;
  readonly args: (all: Case) => readonly string[];
  readonly left: { readonly clients?: number; readonly accounts?: number };
  /** One of so many requests is enough in the usual run. */
  readonly oneOf: number;
  /** By `npm run test:kill` alone: what it makes is made by one of the others, too. */
  readonly longOnly?: true;
}

const account = async (version: string): Promise<Case> => {
  const all = await begin({ version });
  const done = await all.make('admin', [...oauth2, '--create-user', 'n8n']);
  expect(done.exitCode, done.stderr).toBe(0);
  return all;
};
const killings: Readonly<Record<string, Killing>> = {
  'a set-up': {
    ready: (version) => begin({ version }), left: { clients: 1, accounts: 1 }, oneOf: 3,
    args: ({ server }) => ['mautic', '--url', server.url, '--username', 'admin', '--name', 'crm', ...oauth2, '--create-user', 'n8n'],
  },
  'rotate': { ready: account, args: () => ['rotate', 'crm', '--username', 'admin'], left: { clients: 1, accounts: 1 }, oneOf: 7 },
  'a set-up that turns the API on': {
    ready: (version) => begin({ version, apiEnabled: false }), left: { clients: 1 }, oneOf: 1, longOnly: true,
    args: ({ server }) => ['mautic', '--url', server.url, '--username', 'admin', '--name', 'crm', ...oauth2, '--create-client', '--repair'],
  },
  'a set-up of an account alone': {
    ready: (version) => begin({ version }), left: { accounts: 1 }, oneOf: 1, longOnly: true,
    args: ({ server }) => ['mautic', '--url', server.url, '--username', 'admin', '--name', 'crm', '--method', 'basic', '--create-user', 'n8n'],
  },
  'rotate of an account alone': {
    ready: async (version) => {
      const all = await begin({ version });
      expect((await all.make('admin', ['--method', 'basic', '--create-user', 'n8n'])).exitCode).toBe(0);
      return all;
    },
    args: () => ['rotate', 'crm', '--username', 'admin'], left: { accounts: 1 }, oneOf: 1, longOnly: true,
  },
  'remove --revoke': { ready: account, args: () => ['remove', 'crm', '--revoke', '--yes', '--username', 'admin'], left: {}, oneOf: 4 },
};

describe.each(Object.entries(killings).filter(([, { longOnly }]) => longOnly !== true || kills(0) > 0))('%s, killed', (what, { ready, args, left, oneOf }) => {
  // Every request by `npm run test:kill`; otherwise some of those that change something, by each generation in turn.
  it('at each of its requests leaves nothing that the next run does not find', async () => {
    for (const [which, version] of versions.entries()) {
      const whole = await ready(version);
      whole.server.log.length = 0;
      expect((await whole.one.run(args(whole), { env })).exitCode).toBe(0);
      const requests = whole.server.log.map(({ method }, index) => ({ method, at: index + 1 }));
      const points = kills(0) > 0 ? requests : requests.filter(({ method }) => method !== 'GET').filter((_one, index) => index % oneOf === which);
      expect(points.length).toBeGreaterThan(1);
      let before = '';
      for (const { at } of points) {
        const all = await ready(version);
        expect(await killedAt(at, args(all), all), `request ${at} of Mautic ${version}`).toBe(true);
        // What the next run does depends on nothing else.
        if (before === stateOf(all)) continue;
        before = stateOf(all);
        all.server.state.browsers.clear();
        // Killed at the sign-out, a set-up is done: the name is there.
        const isDone = what.startsWith('a set-up') && isStored(all.one);
        const done = await all.one.run(args(all), { env });
        expect(done.exitCode, `request ${at} of Mautic ${version}: ${done.stderr}`).toBe(isDone ? 11 : 0);
        if (isDone) expect((await all.one.run(['test', 'crm'])).exitCode).toBe(0);
        expectNothingLeft(all, left);
      }
      if (kills(0) > 0) console.log(`${what} at Mautic ${version}: killed at each of ${points.length} requests`);
    }
  }, 900_000);
});

describe('Stopped', () => {
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

  it.each(versions.flatMap((version) => [
    [version, 'is not installed yet', { notInstalled: true }, 'NOT_MAUTIC', 'not installed yet'], [version, 'is offline', { offline: true }, 'SERVER_ERROR', 'its database is away'],
  ] as const))('is a Mautic %s that %s, said before a password is sent', async (version, _what, settings, code, words) => {
    const all = await begin({ version, ...settings });
    expect(errorOf(await all.make('admin', [...oauth2, '--create-client']))).toMatchObject({ code, message: expect.stringContaining(words) as string });
    expect(all.server.log.filter(({ method }) => method === 'POST')).toEqual([]);
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

describe('A stored sign-in in a script', () => {
  it('names all that is missing at once, and reads standard input once', async () => {
    const all = await begin();
    expect((await all.make('admin', [...oauth2, '--create-client'])).exitCode).toBe(0);
    expect(errorOf(await all.one.run(['rotate', 'crm', '--json']))).toMatchObject({ code: 'INPUT_MISSING', missing: [{ option: '--username' }, { option: '--password-file' }] });
    const done = await all.one.run(['rotate', 'crm', '--username', 'admin', '--password-stdin', '--json'], { stdin: `${mauticPassword}\n`, secrets: [mauticPassword] });
    expect(done.exitCode, done.stderr).toBe(0);
    expectNothingLeft(all, { clients: 1 });
  });
});

describe('remove --revoke', () => {
  const remove = ({ one }: Case, args: readonly string[] = []): Promise<Finished> => one.run(['remove', 'crm', '--revoke', '--yes', '--json', '--username', 'admin', ...args], { env });

  it('asks about a client that others sign in with, and deletes it when that was said', async () => {
    const all = await begin();
    expect((await all.make('admin', [...oauth2, '--create-client'])).exitCode).toBe(0);
    const [client] = all.server.state.clients;
    client!.redirectUris = [...client!.redirectUris, 'https://other.example.com/callback'];
    const refused = await remove(all);
    expect(refused.json()).toMatchObject({ results: [{ status: 'failed', error: { code: 'INPUT_MISSING', missing: [{ option: '--shared' }] } }] });
    expect(refused.stderr).toContain('https://other.example.com/callback');
    expectNothingLeft(all, { clients: 1 });
    expect((await remove(all, ['--shared'])).exitCode).toBe(0);
    expectNothingLeft(all);
  });

  it('deletes the client of what was pasted, and leaves one that has its number by now', async () => {
    const all = await begin();
    const client = all.server.makeClient({ owner: 'contacts' });
    const paste = (): Promise<Finished> => all.one.run(
      ['mautic', '--url', all.server.url, '--method', 'oauth2', '--sign-in', 'n8n', '--client-id', client.clientId, '--name', 'crm'], { env: { CREDSETUP_CLIENT_SECRET: client.clientSecret } },
    );
    expect((await paste()).exitCode).toBe(0);
    Object.assign(client, { clientId: `${client.number}_${'b'.repeat(50)}` });
    expect((await remove(all, ['--shared'])).json()).toMatchObject({ results: [{ error: { code: 'PERMISSION_DENIED' } }] });
    expectNothingLeft(all, { clients: 1 });
  });

  it('never deletes an account of an admin, whatever the record says', async () => {
    const all = await begin();
    expect((await all.make('admin', ['--method', 'basic', '--create-user', 'n8n'])).exitCode).toBe(0);
    all.server.user('n8n').role = all.server.user('admin').role;
    expect((await remove(all)).json()).toMatchObject({ results: [{ error: { code: 'PERMISSION_DENIED' } }] });
    expect(all.server.user('n8n').username).toBe('n8n');
  });
});
