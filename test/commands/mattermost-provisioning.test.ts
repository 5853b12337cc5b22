/** Tokens made at Mattermost by a script: each path with its code, and nothing left behind. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mattermostMfaCode, mattermostPassword, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import type { Finished } from '../program.ts';
import { errorOf, mattermostServer, script, type Script } from './support.ts';

const secrets = [mattermostPassword, mattermostMfaCode];
const password = { CREDSETUP_PASSWORD: mattermostPassword };
const day = 86_400_000;

interface Case {
  readonly server: PracticeMattermost;
  readonly one: Script;
  make(username: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>;
}

async function begin(options: MattermostOptions = {}): Promise<Case> {
  const server = await mattermostServer({ tokensEnabled: true, ...options });
  const one = script();
  return {
    server, one,
    make: (username, args = [], env = {}) => one.run(['mattermost', '--url', server.url, '--create-token', '--username', username, '--name', 'chat', '--json', ...args], {
      secrets: env['CREDSETUP_PASSWORD'] === undefined ? secrets : [], env: { ...password, ...env },
    }),
  };
}

function journalOf({ home }: Script): unknown[] {
  const path = join(home, 'journal.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { begun: unknown[] }).begun : [];
}

/** No login is open, so many tokens are there, and nothing stands in the journal. */
function expectNothingLeft({ server, one }: Case, tokens = 0): void {
  expect(server.state.sessions.filter(({ tokenId }) => tokenId === undefined)).toEqual([]);
  expect(server.state.tokens).toHaveLength(tokens);
  expect(journalOf(one)).toEqual([]);
}

function count(server: PracticeMattermost, method: string, path: RegExp): number {
  return server.log.filter((one) => one.method === method && path.test(one.path)).length;
}

describe('--create-token', () => {
  it('signs in once, makes, validates and saves a token, and signs out', async () => {
    const all = await begin();
    all.server.joinTeam('maker');
    const done = await all.make('maker');
    expect(done.exitCode, done.stderr).toBe(0);
    const [token] = all.server.state.tokens;
    expect(done.json()).toMatchObject({ name: 'chat', account: { username: 'maker' }, fields: { tokenId: token?.id }, capabilities: { teams: true, channels: true, posts: true, users: true } });
    expect(token?.description).toMatch(/^n8n integration \[credsetup [0-9a-f]{12}\]$/);
    expect(done.stdout + done.stderr).not.toContain(token!.token);
    expectNothingLeft(all, 1);
    expect(count(all.server, 'POST', /login$/)).toBe(1);
    expect((await all.one.run(['get', 'chat'], { reveals: true })).stdout.trim()).toBe(token?.token);
  });

  it('uses the description that was given, and the code that the account needs', async () => {
    const all = await begin({ mfa: true });
    all.server.allowTokens('mfa');
    const done = await all.make('mfa', ['--mfa-code', mattermostMfaCode, '--description', 'for the CRM']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(all.server.state.tokens[0]?.description).toMatch(/^for the CRM \[credsetup/);
    expectNothingLeft(all, 1);
  });

  it.each([
    ['MFA_REQUIRED', 'mfa', [], { mfa: true }],
    ['MFA_REJECTED', 'mfa', ['--mfa-code', '000000'], { mfa: true }],
    ['ACCOUNT_LOCKED', 'locked', [], {}],
    ['ACCOUNT_DEACTIVATED', 'gone', [], {}],
    ['PASSWORD_REJECTED', 'nobody', [], {}],
    ['PASSWORD_REJECTED', 'gitlab', [], { sso: ['gitlab'] }],
    ['SIGN_IN_UNSUPPORTED', 'maker', [], { signInWithEmail: false, signInWithUsername: false }],
    ['TOKENS_DISABLED', 'maker', [], { tokensEnabled: false }],
    ['PERMISSION_DENIED', 'joe', [], {}],
    ['EXPIRY_REQUIRED', 'maker', [], { version: '11.9.0', maxTokenLifetimeDays: 30 }],
    ['EXPIRY_INVALID', 'maker', ['--expires-in', '31'], { version: '11.9.0', maxTokenLifetimeDays: 30 }],
    ['EXPIRY_INVALID', 'maker', ['--expires-in', '0'], { version: '11.9.0' }],
    ['EXPIRY_INVALID', 'maker', ['--expires-in', '30'], { version: '6.7.0' }],
  ] as const)('ends with %s (%s, %j, %j), after at most one sign-in, and leaves nothing', async (code, username, args, options) => {
    const all = await begin(options);
    expect(errorOf(await all.make(username, args)).code).toBe(code);
    expectNothingLeft(all);
    expect(count(all.server, 'POST', /login$/)).toBeLessThanOrEqual(1);
    expect((await all.one.run(['list', '--json'])).json()).toEqual({ credentials: [] });
  });

  it('says of a single sign-on both what it can be and what works instead', async () => {
    const error = errorOf(await (await begin({ sso: ['gitlab'] })).make('gitlab'));
    expect((error['causes'] as { code: string }[]).map(({ code }) => code)).toEqual(['PASSWORD_WRONG', 'USERNAME_WRONG', 'SIGN_IN_ELSEWHERE']);
    expect(error.hint).toMatch(/--bot.*--admin-token-file.*locked/s);
  });

  it.each(['admin', 'maker'])('names the longest expiry to %s', async (username) => {
    expect(errorOf(await (await begin({ version: '11.10.0', maxTokenLifetimeDays: 30 })).make(username)).message).toContain('At most 30 days');
  });

  it.each([[-1, 'a minute ahead of the server\'s'], [60 * 24 * 40, 'forty days behind it']])('counts the days from the server\'s time, on a clock that is %d minutes, %s', async (minutes) => {
    const now = (): number => Date.now() + minutes * 60_000;
    const all = await begin({ version: '11.10.0', maxTokenLifetimeDays: 30, now });
    const done = await all.make('maker', ['--expires-in', '30']);
    expect(done.exitCode, done.stderr).toBe(0);
    const end = all.server.state.tokens[0]!.expiresAt;
    expect(end).toBeLessThanOrEqual(now() + 30 * day);
    expect(end).toBeGreaterThan(now() + 30 * day - 60_000);
  });

  it('counts them from its own clock where something in front takes the server\'s time away', async () => {
    const all = await begin({ version: '11.10.0' });
    all.server.intercept = async (_, answer) => {
      const reply = await answer();
      return { ...reply, headers: { ...reply.headers, date: 'soon' } };
    };
    expect(Date.parse(String((await all.make('maker', ['--expires-in', '10'])).json()['expiresAt'])) / day).toBeCloseTo(Date.now() / day + 10, 1);
  });

  it('says of an unverified email address what has to be done with it', async () => {
    const all = await begin({ verifiedEmail: true });
    const error = errorOf(await all.make('unverified'));
    expect(error.code).toBe('EMAIL_NOT_VERIFIED');
    expect(error.hint).toMatch(/link in the message.*admin/);
    expectNothingLeft(all);
  });

  it('keeps the expiry, and warns when it is near, at set-up and by test', async () => {
    const all = await begin({ version: '11.9.0', maxTokenLifetimeDays: 30 });
    const credential = (await all.make('maker', ['--expires-in', '10'])).json();
    expect(Date.parse(String(credential['expiresAt'])) / day).toBeCloseTo(Date.now() / day + 10, 1);
    expect(JSON.stringify(credential['warnings'])).toContain('EXPIRES_SOON');
    expect((await all.one.run(['test', 'chat', '--json'])).stdout).toContain('EXPIRES_SOON');
  });

  it('learns by test when the token ends, and does not warn of an end that is far', async () => {
    const all = await begin({ version: '11.9.0' });
    expect((await all.make('maker')).json()).not.toHaveProperty('expiresAt');
    all.server.state.tokens[0]!.expiresAt = Date.now() + 20 * day;
    const tested = await all.one.run(['test', 'chat', '--json']);
    expect(tested.stdout).toContain('expiresAt');
    expect(tested.stdout).not.toContain('EXPIRES_SOON');
  });

  it('finds out a taken name before anybody signs in', async () => {
    const all = await begin();
    await all.make('maker');
    all.server.log.length = 0;
    const error = errorOf(await all.make('maker'));
    expect(error.code).toBe('NAME_TAKEN');
    expect(error.hint).toContain('credsetup rotate chat');
    expect(count(all.server, 'POST', /./)).toBe(0);
  });

  it('replaces on request, and ends the old token that it had made', async () => {
    const all = await begin();
    await all.make('maker');
    const old = all.server.state.tokens[0]!.id;
    const done = await all.make('maker', ['--replace']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(all.server.state.tokens.map(({ id }) => id)).not.toContain(old);
    expectNothingLeft(all, 1);
  });

  it('leaves at the server what was pasted, and what another home made', async () => {
    const all = await begin();
    const { id, token } = all.server.makeToken('maker');
    await all.one.run(['mattermost', '--url', all.server.url, '--name', 'chat'], { env: { CREDSETUP_TOKEN: token } });
    await all.make('maker', ['--replace']);
    await script().run(['mattermost', '--url', all.server.url, '--create-token', '--username', 'maker', '--name', 'x'], { env: password });
    expect(all.server.state.tokens.map((one) => one.id)).toContain(id);
    expectNothingLeft(all, 3);
  });

  it('tells the ID when the new token cannot be ended, and the next run ends it', async () => {
    const all = await begin();
    all.server.intercept = (request, answer) => request.path.endsWith('/revoke') ? { status: 500, body: {} } : answer();
    const error = errorOf(await all.make('maker', ['--require', 'posts']));
    const [left] = all.server.state.tokens;
    expect(error.code).toBe('PERMISSION_DENIED');
    expect(error.hint).toContain(left!.id);
    expect(journalOf(all.one)).toHaveLength(1);
    all.server.intercept = undefined;
    const done = await all.make('maker');
    expect(done.exitCode, done.stderr).toBe(0);
    expect(all.server.state.tokens.map(({ id }) => id)).not.toContain(left!.id);
    expectNothingLeft(all, 1);
  });

  it('ends the new token when --require is not met, and one whose answer was lost after it was made', async () => {
    const all = await begin();
    expect(errorOf(await all.make('maker', ['--require', 'posts'])).code).toBe('PERMISSION_DENIED');
    expectNothingLeft(all);
    all.server.intercept = async (request, answer) => {
      const reply = await answer();
      return /\/users\/[a-z0-9]{26}\/tokens$/.test(request.path) && request.method === 'POST' ? { ...reply, hangUp: true } : reply;
    };
    expect(errorOf(await all.make('maker')).code).toBe('CONNECTION_LOST');
    expect(count(all.server, 'POST', /revoke$/)).toBe(2);
    expectNothingLeft(all);
  });

  it('takes an admin\'s token in place of a sign-in, for the account that is named', async () => {
    const all = await begin();
    const admin = all.server.makeToken('admin', 'of the admin').token;
    const done = await all.one.run(['mattermost', '--url', all.server.url, '--create-token', '--username', 'kim', '--json'], { env: { CREDSETUP_ADMIN_TOKEN: admin } });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.json()).toMatchObject({ account: { username: 'kim' } });
    expect(count(all.server, 'POST', /login$/)).toBe(0);
    expectNothingLeft(all, 2);
  });

  it('names an admin\'s token that is refused', async () => {
    const all = await begin();
    expect(errorOf(await all.one.run(['mattermost', '--url', all.server.url, '--create-token', '--json'], { env: { CREDSETUP_ADMIN_TOKEN: 'abcdefghijklmnopqrstuvwxyz' } })).code).toBe('TOKEN_REJECTED');
  });

  it.each([
    [['--create-token', '--ignore-ssl-issues'], '--ignore-ssl-issues', {}],
    [['--repair'], '--create-token', { CREDSETUP_TOKEN: 'abcdefghijklmnopqrstuvwxyz' }],
    [['--description', 'x'], '--create-token', { CREDSETUP_TOKEN: 'abcdefghijklmnopqrstuvwxyz' }],
    [['--create-token', '--store', 'none'], '--store none', {}],
  ] as const)('refuses %j before anything is sent', async (args, words, env) => {
    const all = await begin();
    const error = errorOf(await all.one.run(['mattermost', '--url', all.server.url, ...args, '--json'], { env: { CREDSETUP_USERNAME: 'maker', ...password, ...env } }));
    expect(error.code).toBe('USAGE');
    expect(error.message + error.hint).toContain(words);
    expect(all.server.log).toEqual([]);
  });

  it('refuses a token beside the wish for one, and names what is missing', async () => {
    const all = await begin();
    const file = join(all.one.home, 'token');
    writeFileSync(file, 'abcdefghijklmnopqrstuvwxyz');
    expect(errorOf(await all.make('maker', ['--token-file', file])).code).toBe('USAGE');
    const error = errorOf(await all.one.run(['mattermost', '--url', all.server.url, '--create-token', '--json']));
    expect(error.code).toBe('INPUT_MISSING');
    expect((error['missing'] as { field: string }[]).map(({ field }) => field)).toEqual(['username', 'password']);
  });

  it('hands a token on that is kept nowhere', async () => {
    const all = await begin();
    const done = await all.one.run(['mattermost', '--url', all.server.url, '--create-token', '--username', 'maker', '--store', 'none', '--export', 'json', '--yes'], { env: password, reveals: true });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ credentials: [{ secrets: { token: all.server.state.tokens[0]!.token } }] });
    expectNothingLeft(all, 1);
  });
});

describe('--repair', () => {
  it('turns the switch on as its admin, last, and tells how to undo it', async () => {
    const all = await begin({ tokensEnabled: false });
    const done = await all.make('admin', ['--repair']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(all.server.state.tokensEnabled).toBe(true);
    expect(done.stderr).toContain('ServiceSettings.EnableUserAccessTokens: false -> true');
    expect(done.stderr).toContain('To undo it');
    const order = all.server.log.filter(({ method }) => method !== 'GET').map(({ path }) => path.replace(/[a-z0-9]{26}/, 'ID'));
    expect(order).toEqual(['/api/v4/users/login', '/api/v4/config/patch', '/api/v4/users/ID/tokens', '/api/v4/users/logout']);
    expectNothingLeft(all, 1);
  });

  it.each([['a later stage fails', ['--require', 'posts'], 'PERMISSION_DENIED', false], ['the answer to the change was lost', [], 'CONNECTION_LOST', true]] as const)('turns it off again when %s', async (_, args, code, lose) => {
    const all = await begin({ tokensEnabled: false });
    let lost = !lose;
    all.server.intercept = async (request, answer) => {
      const reply = await answer();
      if (request.path !== '/api/v4/config/patch' || lost) return reply;
      lost = true;
      return { ...reply, hangUp: true };
    };
    expect(errorOf(await all.make('admin', ['--repair', ...args])).code).toBe(code);
    expect(count(all.server, 'PUT', /patch$/)).toBe(2);
    expect(all.server.state.tokensEnabled).toBe(false);
    expectNothingLeft(all);
  });

  it('notices a change that the server dropped', async () => {
    const all = await begin({ tokensEnabled: false, configReadOnly: true });
    const error = errorOf(await all.make('admin', ['--repair']));
    expect(error.code).toBe('PERMISSION_DENIED');
    expect(error.message).toContain('without a word');
    expectNothingLeft(all);
  });

  it('is not for who is no admin', async () => {
    const all = await begin({ tokensEnabled: false });
    expect(errorOf(await all.make('maker', ['--repair'])).code).toBe('PERMISSION_DENIED');
    expectNothingLeft(all);
  });

  it('gives the right by an admin\'s token, keeping every role', async () => {
    const all = await begin();
    all.server.user('joe').roles = 'system_user system_post_all';
    const done = await all.make('joe', ['--repair'], { CREDSETUP_ADMIN_TOKEN: all.server.makeToken('admin').token });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(all.server.user('joe').roles).toBe('system_user system_post_all system_user_access_token');
    expectNothingLeft(all, 2);
  });

  it('stops when the roles changed since they were shown', async () => {
    const all = await begin();
    const { id } = all.server.user('joe');
    let reads = 0;
    all.server.intercept = async (request, answer) => {
      const reply = await answer();
      if (request.path === `/api/v4/users/${id}` && (reads += 1) === 1) all.server.user('joe').roles = 'system_user system_manager';
      return reply;
    };
    const error = errorOf(await all.make('joe', ['--repair'], { CREDSETUP_ADMIN_TOKEN: all.server.makeToken('admin').token }));
    expect(error.message).toContain('somebody changed them');
    expect(all.server.user('joe').roles).toBe('system_user system_manager');
    expect(count(all.server, 'PUT', /roles/)).toBe(0);
    expectNothingLeft(all, 1);
  });

  it('takes switch and right away again when the end fails', async () => {
    const all = await begin({ tokensEnabled: false });
    const error = errorOf(await all.make('joe', ['--repair', '--require', 'posts'], { CREDSETUP_ADMIN_TOKEN: all.server.makeSession('admin') }));
    expect(error.code).toBe('PERMISSION_DENIED');
    expect(count(all.server, 'PUT', /./)).toBe(4);
    expect(all.server.state.tokensEnabled).toBe(false);
    expect(all.server.user('joe').roles).toBe('system_user');
    expect(all.server.state.tokens).toEqual([]);
  });
});

describe('--bot', () => {
  const bot = (all: Case, name: string, args: readonly string[] = [], username = 'admin'): Promise<Finished> =>
    all.one.run(['mattermost', '--url', all.server.url, '--bot', name, '--username', username, '--name', 'chat', '--json', ...args], { env: password, secrets });

  it('makes the bot and its token, also while personal access tokens are off', async () => {
    const all = await begin({ tokensEnabled: false, botsEnabled: true });
    const done = await bot(all, 'n8n');
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.json()).toMatchObject({ account: { username: 'n8n', bot: true } });
    expectNothingLeft(all, 1);
  });

  it('gives its token the days that were asked for, on a clock that is far behind the server\'s', async () => {
    const all = await begin({ version: '11.10.0', botsEnabled: true, now: () => Date.now() + 40 * day });
    const done = await all.make('admin', ['--bot', 'n8n', '--expires-in', '30']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(all.server.state.tokens[0]!.expiresAt / day).toBeCloseTo(Date.now() / day + 70, 1);
  });

  it('is named when its token fails on arrival, for it stays', async () => {
    const all = await begin({ version: '11.10.0', botsEnabled: true, now: () => Date.now() + 40 * day });
    // Without the server's time, a bot's token is made with an end that has passed: no check refuses it.
    all.server.intercept = async (_, answer) => {
      const reply = await answer();
      return { ...reply, headers: { ...reply.headers, date: 'soon' } };
    };
    const error = errorOf(await all.make('admin', ['--bot', 'n8n', '--expires-in', '30']));
    expect(error.code).toBe('TOKEN_REJECTED');
    expect(error.hint).toContain('The bot n8n, made in this run, stays at Mattermost without a token; the next run uses it.');
    expectNothingLeft(all);
  });

  it('uses a bot of that name again', async () => {
    const all = await begin({ botsEnabled: true });
    await bot(all, 'n8n');
    await bot(all, 'n8n', ['--replace']);
    expect(all.server.state.users.filter(({ username }) => username === 'n8n')).toHaveLength(1);
    expectNothingLeft(all, 1);
  });

  it.each([
    ['BOTS_DISABLED', { botsEnabled: false }, 'n8n', 'admin'],
    ['BOT_NAME_TAKEN', { botsEnabled: true }, 'joe', 'admin'],
    ['PERMISSION_DENIED', { botsEnabled: true }, 'n8n', 'maker'],
    ['INPUT_INVALID', { botsEnabled: true }, 'n!n', 'admin'],
  ] as const)('ends with %s (%j, %s, as %s)', async (code, options, name, username) => {
    const all = await begin(options);
    expect(errorOf(await bot(all, name, [], username)).code).toBe(code);
    expectNothingLeft(all);
  });

  it('says of a disabled bot that the name is taken', async () => {
    const all = await begin({ botsEnabled: true });
    all.server.addUser({ username: 'old', isBot: true, deleteAt: 1 });
    expect(errorOf(await bot(all, 'old')).code).toBe('BOT_NAME_TAKEN');
  });

  it('turns bots on with --repair', async () => {
    const all = await begin({ botsEnabled: false });
    const done = await bot(all, 'n8n', ['--repair']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(all.server.state.botsEnabled).toBe(true);
    expectNothingLeft(all, 1);
  });
});
