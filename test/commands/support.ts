/**
 * What the tests of the commands share: a home of its own with an identity, practice servers, and
 * a run of the built program after which nothing secret may stand in what it printed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { startMattermost, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { startMautic, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { atTheEnd, folder } from '../endings.ts';
import { credsetup, type Finished } from '../program.ts';

export { atTheEnd, folder };

/** The one age identity of the tests, made for them: the encrypted file costs milliseconds with it. */
export const identity = 'AGE-SECRET-KEY-17TE3KDHZ2WJUM07CXQJEPZXAM686U7GWYDH6PTKLFFA32V3XV70Q26QRA6';

export async function mattermostServer(options: MattermostOptions = {}): Promise<PracticeMattermost> {
  const server = await startMattermost(options);
  atTheEnd(() => server.close());
  return server;
}

export async function mauticServer(options: MauticOptions = {}): Promise<PracticeMautic> {
  const server = await startMautic(options);
  atTheEnd(() => server.close());
  return server;
}

export interface ScriptRun {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  readonly cwd?: string;
  /** More secrets that must not be printed. Those in variables are known. */
  readonly secrets?: readonly string[];
  /** Standard output holds secrets on purpose. */
  readonly reveals?: boolean;
  /** The secrets in variables are words that our own sentences hold too. */
  readonly weak?: boolean;
}

export interface Script {
  readonly home: string;
  /** The environment that every run of it has. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly run: (args: readonly string[], options?: ScriptRun) => Promise<Finished>;
}

/** A script with a home of its own, in which credentials are kept in the encrypted file; `more` variables that every run has. */
export function script(home = folder(), more: Readonly<Record<string, string>> = {}): Script {
  const env = { CREDSETUP_HOME: home, CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity, ...more };
  return {
    home, env,
    async run(args, { reveals = false, weak = false, secrets = [], ...options } = {}) {
      const all = { ...env, ...options.env };
      const finished = await credsetup(args, { ...options, env: all });
      const known = [...secrets, ...(weak ? [] : secretsOf(all))];
      expectNoSecret(finished.stderr, known);
      if (!reveals) expectNoSecret(finished.stdout, known);
      return finished;
    },
  };
}

/** What was begun at services and is not done. */
export function journalOf({ home }: Script): readonly unknown[] {
  const path = join(home, 'journal.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { readonly begun: readonly unknown[] }).begun : [];
}

function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).filter(([name]) => /(TOKEN|PASSWORD|PASSPHRASE|IDENTITY)$/.test(name)).map(([, value]) => value ?? '');
}

/** Neither as it is nor in the encodings in which a server or a header carries it. */
export function expectNoSecret(text: string, secrets: readonly string[]): void {
  for (const secret of secrets.filter((one) => one.length >= 4)) {
    const bytes = Buffer.from(secret);
    const cores = [0, 1, 2].map((before) => Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').slice(before === 0 ? 0 : before + 1).replace(/.?=*$/, ''));
    for (const form of [secret, encodeURIComponent(secret), ...cores]) expect(text.includes(form), `a secret stands in: ${text}`).toBe(false);
  }
}

/** Sets up a Mattermost credential of `maker`, and gives its token. */
export async function storeMattermost(one: Script, server: PracticeMattermost, name = 'chat'): Promise<string> {
  const { token } = server.makeToken('maker');
  const done = await one.run(['mattermost', '--url', server.url, '--name', name], { env: { CREDSETUP_TOKEN: token } });
  expect(done.exitCode, done.stderr).toBe(0);
  return token;
}

/** Sets up a Mautic credential, and gives its password. */
export async function storeMautic(one: Script, server: PracticeMautic, name = 'crm', username = 'contacts'): Promise<string> {
  const { password } = server.user(username);
  const done = await one.run(['mautic', '--method', 'basic', '--url', server.url, '--username', username, '--name', name], { env: { CREDSETUP_PASSWORD: password } });
  expect(done.exitCode, done.stderr).toBe(0);
  return password;
}

/** The one error document on standard output, whose exit code is the run's. */
export function errorOf(finished: Finished): ReturnType<Finished['json']>['error'] {
  const document = finished.json();
  expect(Object.keys(document)).toEqual(['error']);
  const { error } = document;
  expect(error.exitCode).toBe(finished.exitCode);
  expect(error.message).not.toBe('');
  expect(error.hint).not.toBe('');
  return error;
}

const credentialMembers = {
  always: ['id', 'name', 'service', 'method', 'url', 'account', 'server', 'fields', 'store', 'createdAt', 'validatedAt', 'ignoreSslIssues', 'allowHttp', 'caCertificates', 'warnings'],
  sometimes: ['grant', 'signIn', 'issuedAt', 'expiresAt', 'capabilities', 'handedOver', 'redirectUris', 'pushed'],
};
const utc = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** The contract's credential: its members and no others, ids as text, times in UTC, nothing null. */
export function expectCredential(value: unknown, more: readonly string[] = []): asserts value is Record<string, never> {
  expectNothingNull(value);
  const one = value as Record<string, unknown>;
  const expected = [...credentialMembers.always, ...more];
  expect(Object.keys(one)).toEqual(expect.arrayContaining(expected));
  expect([...expected, ...credentialMembers.sometimes]).toEqual(expect.arrayContaining(Object.keys(one)));
  expect(one).toMatchObject({ createdAt: expect.stringMatching(utc), validatedAt: expect.stringMatching(utc), id: expect.stringMatching(/^[0-9a-f-]{36}$/), caCertificates: expect.any(Number) });
  const account = one['account'] as Record<string, unknown>;
  expect(Object.keys(account).filter((key) => !['id', 'username', 'name', 'email', 'admin', 'bot'].includes(key))).toEqual([]);
  if ('id' in account) expect(account['id']).toEqual(expect.any(String));
}

function expectNothingNull(value: unknown): void {
  expect(JSON.stringify(value)).not.toMatch(/[:[,]null[,}\]]/);
}
