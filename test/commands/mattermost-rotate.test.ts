/** Rotating and ending tokens: what is stored works, and the old one ends last. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { expectOnlyStored, made, password, start } from './made-token.ts';
import { errorOf, mattermostServer, script, storeMattermost, type Script } from './support.ts';

const day = 86_400_000;

describe('rotate', () => {
  it('makes, validates, saves, and only then ends the old one', async () => {
    const all = await made();
    const before = all.server.state.tokens[0]!;
    all.server.log.length = 0;
    const done = await all.one.run(['rotate', 'chat', '--json']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.json()).toMatchObject({ name: 'chat', fields: { tokenId: all.server.state.tokens[0]!.id } });
    expect(all.server.state.tokens[0]!.id).not.toBe(before.id);
    expect(done.stderr).toContain('n8n has the old token');
    expect(all.server.log.filter(({ method }) => method === 'POST').map(({ path }) => path.replace(/[a-z0-9]{26}/, 'ID'))).toEqual(['/api/v4/users/ID/tokens', '/api/v4/users/tokens/revoke']);
    await expectOnlyStored(all);
  });

  it('ends what it began when it is stopped by Ctrl-C while the server makes it', async () => {
    const all = await made();
    const stored = all.server.state.tokens[0]!.id;
    const running = start(['rotate', 'chat'], all.one);
    all.server.intercept = async (request, answer) => {
      const reply = await answer();
      if (request.method === 'POST' && /[a-z0-9]{26}\/tokens$/.test(request.path)) running.child.kill('SIGINT');
      return reply;
    };
    expect(await running.end).toBe(130);
    expect(all.server.state.tokens.map(({ id }) => id)).toEqual([stored]);
    all.server.intercept = undefined;
    await expectOnlyStored(all);
  });

  it('ends a sign-in that was under way when it was stopped', async () => {
    const server = await mattermostServer({ tokensEnabled: true });
    const one = script();
    const running = start(['mattermost', '--url', server.url, '--create-token', '--username', 'maker'], one, password);
    server.intercept = async (request, answer) => {
      const reply = await answer();
      if (request.path.endsWith('/login')) running.child.kill('SIGINT');
      return reply;
    };
    expect(await running.end).toBe(130);
    expect(server.log.map(({ path }) => path)).toContain('/api/v4/users/login');
    expect(server.state.sessions).toEqual([]);
  });

  it('takes the Token ID of a pasted token, and never guesses it', async () => {
    const server = await mattermostServer({ tokensEnabled: true });
    const one = script();
    await storeMattermost(one, server);
    const other = server.makeToken('maker', 'of somebody else').id;
    const [pasted] = server.state.tokens;
    const error = errorOf(await one.run(['rotate', 'chat', '--json']));
    expect(error.code).toBe('INPUT_MISSING');
    expect(error['missing']).toMatchObject([{ option: '--token-id' }]);
    expect(errorOf(await one.run(['rotate', 'chat', '--token-id', 'a'.repeat(26), '--json'])).code).toBe('INPUT_INVALID');
    expect(server.state.tokens).toHaveLength(2);
    const done = await one.run(['rotate', 'chat', '--token-id', pasted!.id]);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(server.state.tokens.map(({ id }) => id)).toContain(other);
    expect(server.state.tokens.map(({ id }) => id)).not.toContain(pasted!.id);
  });

  it('needs an admin for a bot\'s token, and says so', async () => {
    const all = await made({}, 'admin', ['--bot', 'n8n']);
    const error = errorOf(await all.one.run(['rotate', 'chat', '--json']));
    expect(error.code).toBe('PERMISSION_DENIED');
    expect(error.hint).toContain('--admin-token-file');
    const done = await all.one.run(['rotate', 'chat', '--username', 'admin'], { env: password });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(all.server.state.sessions.filter(({ tokenId }) => tokenId === undefined)).toEqual([]);
    await expectOnlyStored(all);
  });

  it('keeps the old one when saving or validating fails', async () => {
    const all = await made();
    const before = all.server.state.tokens[0]!.id;
    let asked = 0;
    all.server.intercept = (request, answer) => (request.path === '/api/v4/users/me' && (asked += 1) === 2 ? { status: 503, body: {} } : answer());
    expect(errorOf(await all.one.run(['rotate', 'chat', '--json'])).code).toBe('SERVER_ERROR');
    all.server.intercept = undefined;
    expect(all.server.state.tokens.map(({ id }) => id)).toEqual([before]);
    await expectOnlyStored(all);
  });

  it('gives the new one an expiry', async () => {
    const all = await made({ version: '11.9.0', maxTokenLifetimeDays: 30 }, 'maker', ['--expires-in', '5']);
    const done = await all.one.run(['rotate', 'chat', '--expires-in', '30', '--json']);
    expect(Date.parse(String(done.json()['expiresAt'])) / day).toBeCloseTo(Date.now() / day + 30, 1);
    await expectOnlyStored(all);
  });
});

describe('rotate of a token that ends', () => {
  /** Rewrites times of the stored entry, as if it was made then. */
  const storedSince = ({ home }: Script, times: Readonly<Record<string, number>>): void => {
    const index = join(home, 'index.json');
    const text = Object.entries(times).reduce((all, [name, at]) => all.replace(new RegExp(`("${name}": ")[^"]+"`), (_, begin: string) => `${begin}${new Date(at).toISOString()}"`), readFileSync(index, 'utf8'));
    writeFileSync(index, text);
  };

  it.each([
    ['made 5 days ago', { createdAt: -5, issuedAt: -5 }],
    ['rotated 5 days ago, set up long before', { createdAt: -50, issuedAt: -5 }],
  ])('keeps its length and says so: %s', async (_, ago) => {
    const all = await made({ version: '11.10.0' }, 'maker', ['--expires-in', '30']);
    storedSince(all.one, Object.fromEntries(Object.entries(ago).map(([name, days]) => [name, Date.now() + days * day])));
    all.server.state.tokens[0]!.expiresAt = Date.now() + 25 * day;
    const done = await all.one.run(['rotate', 'chat']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr).toContain('The new token ends after 30 days, as the old one did; --expires-in DAYS changes that.');
    expect(all.server.state.tokens[0]!.expiresAt / day).toBeCloseTo(Date.now() / day + 30, 1);
    await expectOnlyStored(all);
  });

  it('leaves a token without an end without one', async () => {
    const all = await made({ version: '11.10.0' });
    const done = await all.one.run(['rotate', 'chat']);
    expect(done.stderr).not.toContain('ends after');
    expect(all.server.state.tokens[0]!.expiresAt).toBe(0);
  });

  it('asks for the days of a pasted one whose length nobody knows', async () => {
    const server = await mattermostServer({ tokensEnabled: true, version: '11.10.0' });
    const one = script();
    await storeMattermost(one, server);
    server.state.tokens[0]!.expiresAt = Date.now() + 20 * day;
    const { id } = server.state.tokens[0]!;
    const error = errorOf(await one.run(['rotate', 'chat', '--token-id', id, '--json']));
    expect([error.code, error.hint]).toEqual(['EXPIRY_REQUIRED', 'Say how many days the new one gets: --expires-in DAYS']);
    expect(server.state.tokens.map((token) => token.id)).toEqual([id]);
    expect((await one.run(['rotate', 'chat', '--token-id', id, '--expires-in', '30'])).exitCode).toBe(0);
  });

  it.each([['still listed', false], ['deleted by the server', true]] as const)('replaces one that has ended, by a sign-in, %s', async (_, deleted) => {
    let clock = Date.now();
    const all = await made({ version: '11.10.0', now: () => clock }, 'maker', ['--expires-in', '1']);
    clock += 3 * day;
    storedSince(all.one, { issuedAt: Date.now() - day, expiresAt: Date.now() - 1000 });
    if (deleted) all.server.deleteEndedTokens();
    const listed = await all.one.run(['list', '--json']);
    expect(listed.stdout).toContain('credsetup rotate chat --username NAME');
    const alone = errorOf(await all.one.run(['rotate', 'chat', '--json']));
    expect(alone.code).toBe('TOKEN_REJECTED');
    expect(alone.message).toContain('It ended on');
    const done = await all.one.run(['rotate', 'chat', '--username', 'maker'], { env: password });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr.includes('The old token is not at the service any more (it ended on')).toBe(deleted);
    await expectOnlyStored(all);
  });

  it('says that somebody deleted it where it had not ended', async () => {
    const all = await made();
    all.server.state.tokens.length = 0;
    const done = await all.one.run(['rotate', 'chat', '--username', 'maker'], { env: password });
    expect(done.stderr).toContain('somebody deleted it');
    await expectOnlyStored(all);
  });
});

describe('rotate where the account may make no second token', () => {
  it.each([
    ['PERMISSION_DENIED', [], '--admin-token-file FILE', (server: PracticeMattermost) => { server.user('maker').roles = 'system_user'; }],
    ['TOKENS_DISABLED', ['--username', 'maker'], 'Enable personal access tokens', (server: PracticeMattermost) => { server.state.tokensEnabled = false; }],
  ] as const)('ends with %s (%j), offers no exchange that would be refused too, and changes nothing', async (code, args, words, forbid) => {
    const all = await made({ version: '11.10.0' });
    const before = all.server.state.tokens.map(({ id, token }) => [id, token]);
    forbid(all.server);
    const asked = await all.one.run(['rotate', 'chat', ...args, '--yes', '--json'], { env: password });
    const error = errorOf(asked);
    expect(error.code).toBe(code);
    expect(error.hint.toLowerCase()).toContain(words.toLowerCase());
    expect(asked.stderr + error.message + error.hint).not.toContain('exchange');
    expect(all.server.log.map(({ path }) => path)).not.toContain('/api/v4/users/tokens/rotate');
    expect(all.server.state.tokens.map(({ id, token }) => [id, token])).toEqual(before);
  });
});

describe('remove --revoke', () => {
  it('ends the token at the server first', async () => {
    const all = await made();
    const done = await all.one.run(['remove', 'chat', '--revoke', '--yes', '--json']);
    expect(done.json()).toMatchObject({ results: [{ name: 'chat', status: 'removed' }] });
    expect(all.server.state.tokens).toEqual([]);
    expect((await all.one.run(['list', '--json'])).json()).toEqual({ credentials: [] });
  });

  it('keeps the entry when the server is not reached, and --local-only removes it', async () => {
    const all = await made();
    all.server.intercept = () => ({ status: 200, hangUp: true });
    const failed = await all.one.run(['remove', 'chat', '--revoke', '--yes', '--json']);
    expect(failed.json()).toMatchObject({ results: [{ status: 'failed', error: { code: 'CONNECTION_LOST', hint: expect.stringContaining('--local-only') } }] });
    expect(failed.exitCode).toBe(3);
    expect((await all.one.run(['list', '--json'])).stdout).toContain('chat');
    const done = await all.one.run(['remove', 'chat', '--revoke', '--local-only', '--yes', '--json']);
    expect(done.json()).toMatchObject({ results: [{ status: 'removed', reason: 'not ended at the service (CONNECTION_LOST)' }] });
    expect(all.server.state.tokens).toHaveLength(1);
  });

  it('takes --token-id for a pasted one, and for one name alone', async () => {
    const server = await mattermostServer({ tokensEnabled: true });
    const one = script();
    await storeMattermost(one, server);
    expect((await one.run(['remove', 'chat', '--revoke', '--yes', '--json'])).json()).toMatchObject({ results: [{ error: { code: 'INPUT_MISSING' } }] });
    expect(errorOf(await one.run(['remove', 'chat', '--token-id', 'x', '--yes', '--json'])).code).toBe('USAGE');
    expect(errorOf(await one.run(['remove', 'chat', 'chat2', '--revoke', '--token-id', 'x', '--yes', '--json'])).code).toBe('USAGE');
    const done = await one.run(['remove', 'chat', '--revoke', '--token-id', server.state.tokens[0]!.id, '--yes']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(server.state.tokens).toEqual([]);
  });
});
