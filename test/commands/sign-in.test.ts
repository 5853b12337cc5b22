/** Mautic by OAuth2 in scripts: waiting for a person, the client's own grant, and tokens that are renewed. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PracticeMautic } from '../../src/practice/mautic.ts';
import { inFront, type GatewayKind } from '../../src/practice/gateways.ts';
import type { Reply } from '../../src/practice/server.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { unusedPort } from '../ports.ts';
import { has } from '../tools.ts';
import { makeCertificates } from '../certificates.ts';
import { printedAddress, refreshes, startRun, storeOAuth2 } from './oauth.ts';
import { errorOf, expectCredential, expectNoSecret, folder, mauticServer, script, storeMautic, type Script } from './support.ts';

const codesOf = (list: unknown): string[] => (list as { readonly code: string }[]).map(({ code }) => code);
const lastToken = (server: PracticeMautic): string => server.state.accessTokens.at(-1)!.token;

describe('A script that waits for a person', () => {
  it.each(['7.0.0', '5.1.0'])('prints the address, opens nothing, and saves who signed in (Mautic %s)', async (version) => {
    const server = await mauticServer({ version });
    const one = script();
    const { credential, client, port } = await storeOAuth2(one, server);
    expectCredential(credential);
    expect(credential).toMatchObject({
      name: 'crm', method: 'oauth2', grant: 'authorization-code', account: { username: 'contacts' },
      fields: { clientId: client.clientId, redirectUri: `http://127.0.0.1:${port}/callback` }, expiresAt: expect.any(String),
    });
    expect(Date.parse(String(credential['expiresAt'])) - Date.now()).toBeGreaterThan(13.9 * 86_400_000);
    expect((await one.run(['get', 'crm'], { reveals: true })).stdout).toBe(`${lastToken(server)}\n`);
  });

  it('says INPUT_MISSING without --login-timeout, and asks nobody', async () => {
    const server = await mauticServer();
    const done = await script().run(['mautic', '--method', 'oauth2', '--url', server.url, '--json']);
    expect(errorOf(done)).toMatchObject({ code: 'INPUT_MISSING' });
    expect(errorOf(done)['missing']).toEqual([
      { field: 'clientId', option: '--client-id', variable: 'CREDSETUP_MAUTIC_CLIENT_ID' },
      { field: 'clientSecret', option: '--client-secret-file', variable: 'CREDSETUP_MAUTIC_CLIENT_SECRET' },
      { field: 'sign-in', option: '--login-timeout' },
    ]);
    expect(server.log).toEqual([]);
  });

  it('ends with the causes and with what was turned away', async () => {
    const server = await mauticServer();
    const port = await unusedPort();
    const { clientId, clientSecret } = server.makeClient();
    const running = startRun(script(), ['mautic', '--method', 'oauth2', '--url', server.url, '--client-id', clientId, '--callback-port', String(port), '--login-timeout', '2', '--json'], { CREDSETUP_CLIENT_SECRET: clientSecret });
    await running.said(printedAddress);
    for (const path of ['callback?state=x&code=y', 'callback?error=access_denied', 'elsewhere']) expect((await fetch(`http://127.0.0.1:${port}/${path}`)).ok).toBe(false);
    expect(await running.exitCode).toBe(14);
    const { error } = JSON.parse(running.stdout()) as { readonly error: { readonly code: string; readonly message: string; readonly causes: unknown } };
    expect(error).toMatchObject({ code: 'AUTHORIZATION_TIMEOUT', message: expect.stringContaining('3 callbacks were turned away') });
    expect(codesOf(error.causes)).toEqual(expect.arrayContaining(['AUTHORIZATION_DENIED', 'REDIRECT_URI_MISMATCH', 'CLIENT_NOT_FOUND', 'API_ACCESS_MISSING', 'API_DISABLED']));
  });

  it('asks the server nothing twice, and probes it once', async () => {
    const server = await mauticServer();
    await storeOAuth2(script(), server);
    const made = server.log.map(({ method, path, authorization, body }) => `${method} ${path.replace(/\?.*/, '')} ${authorization ?? ''} ${new URLSearchParams(body).get('code') ?? ''}`).filter((one) => !one.includes('/oauth/v2/authorize'));
    expect(made).toEqual([...new Set(made)]);
    expect(made.filter((one) => one.includes('credsetup-probe'))).toHaveLength(2);
  });

  it('finishes the sign-in with a clock that is an hour off', async () => {
    const one = script();
    const server = await mauticServer({ now: () => Date.now() + 3_600_000 });
    await storeOAuth2(one, server);
    expect((await one.run(['test', 'crm', '--json'])).exitCode).toBe(0);
    expect(refreshes(server)).toBe(0);
  });

  it.each(['API_DISABLED', 'CLIENT_REJECTED'] as const)('stops at %s before it prints an address', async (code) => {
    const server = await mauticServer({ apiEnabled: code !== 'API_DISABLED' });
    const { clientId } = server.makeClient();
    const done = await script().run(['mautic', '--method', 'oauth2', '--url', server.url, '--client-id', clientId, '--callback-port', String(await unusedPort()), '--login-timeout', '20', '--json'], { env: { CREDSETUP_CLIENT_SECRET: 'z'.repeat(50) } });
    expect(errorOf(done).code).toBe(code);
    expect(done.stderr).not.toContain('/oauth/v2/authorize');
  });
});

describe('--grant client-credentials', () => {
  const setUp = async (server: PracticeMautic, { one = script(), owner = 'admin', args = [] as readonly string[] } = {}) => {
    const { clientId, clientSecret } = server.makeClient({ owner });
    const done = await one.run(['mautic', '--method', 'oauth2', '--grant', 'client-credentials', '--url', server.url, '--client-id', clientId, '--name', 'ci', ...args], { env: { CREDSETUP_CLIENT_SECRET: clientSecret }, reveals: args.includes('--export') });
    return { done, one, clientId, clientSecret };
  };

  it.runIf(has('openssl'))('says each time that a token is renewed over TLS that is not checked', async () => {
    const server = await mauticServer({ tls: makeCertificates(join(folder(), 'certificates')).selfSigned, accessTokenMinutes: 1 });
    const { done, one } = await setUp(server, { args: ['--ignore-ssl-issues'] });
    expect(done.exitCode, done.stderr).toBe(0);
    for (const args of [['get', 'ci'], ['export', 'ci'], ['exec', 'ci', '--', process.execPath, '-e', '0']]) {
      const { stderr, exitCode } = await one.run(args, { reveals: true });
      expect(exitCode, stderr).toBe(0);
      expect(stderr, args[0]).toContain('The certificate of 127.0.0.1 is not checked');
      expect(stderr).toContain('TLS_UNCHECKED');
    }
  });

  it('needs no person, and says what it means', async () => {
    const server = await mauticServer();
    const { done, one } = await setUp(server, { args: ['--json'] });
    expect(done.exitCode, done.stderr).toBe(0);
    expectCredential(done.json());
    expect(done.json()).toMatchObject({ grant: 'client-credentials', account: { username: 'n8n integration [1]' }, capabilities: { contacts: true, webhooks: true } });
    expect(done.json()).not.toHaveProperty('expiresAt');
    expect(codesOf(done.json()['warnings'])).toContain('N8N_GRANT_UNSUPPORTED');
    expect(codesOf(done.json()['warnings'])).toContain('CLIENT_ACTS_AS_ADMIN');
    expect((await one.run(['test', 'ci', '--json'])).exitCode).toBe(0);
  });

  it('is refused for a client that no admin made, and says so', async () => {
    const { done } = await setUp(await mauticServer(), { owner: 'contacts', args: ['--json'] });
    expect(errorOf(done)).toMatchObject({ code: 'CLIENT_REJECTED', hint: expect.stringContaining('an admin made') as string });
  });

  it('hands the token on, as JSON and as dotenv, and gets the next one by itself', async () => {
    const server = await mauticServer({ accessTokenMinutes: 1 });
    const { done, one, clientId, clientSecret } = await setUp(server, { args: ['--export', 'dotenv'] });
    expect(done.stdout).toContain(lastToken(server));
    expect(done.stdout).toContain(clientId);
    const json = await setUp(server, { args: ['--store', 'none', '--export', 'json'] });
    expect(json.done.json()).toMatchObject({ credentials: [{ secrets: { accessToken: lastToken(server), accessTokenExpiresAt: expect.any(String) } }] });
    server.state.accessTokenMinutes = 60;
    const got = await one.run(['get', 'ci'], { reveals: true });
    expect(got.stdout).toBe(`${lastToken(server)}\n`);
    expect(server.log.at(-1)!.body).toContain('grant_type=client_credentials');
    expect((await one.run(['get', 'ci', 'client-secret'], { reveals: true })).stdout).toBe(`${clientSecret}\n`);
  });

  it('works behind /index.php only', async () => {
    const server = await mauticServer({ prefix: '/index.php' });
    const { done } = await setUp(server, { args: ['--json'] });
    expect(done.json()).toMatchObject({ url: server.url, grant: 'client-credentials' });
  });

  const tokens = (change: (body: Record<string, unknown>) => unknown) => (reply: Reply): Reply => ({
    ...reply, body: change(reply.body as Record<string, unknown>),
  });
  it.each([
    ['without a type', tokens((body) => Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'token_type')))],
    ['with null members', tokens((body) => ({ ...body, refresh_token: null, scope: null, token_type: null }))],
  ])('takes a token answer %s', async (_name, change) => {
    const server = await mauticServer();
    server.intercept = async (request, answer) => (request.path === '/oauth/v2/token' ? change(await answer()) : answer());
    expect((await setUp(server)).done.exitCode).toBe(0);
  });

  it.each([
    ['too large', 'RESPONSE_INVALID', tokens((body) => ({ ...body, filler: 'x'.repeat(20_000_000) }))],
    ['without a token', 'RESPONSE_INVALID', tokens(() => ({ token_type: 'bearer' }))],
    ['with a token that is no text', 'RESPONSE_INVALID', tokens((body) => ({ ...body, access_token: 5 }))],
  ] as const)('names a token answer %s', async (_name, code, change) => {
    const server = await mauticServer();
    server.intercept = async (request, answer) => (request.path === '/oauth/v2/token' ? change(await answer()) : answer());
    expect(errorOf((await setUp(server, { args: ['--json'] })).done).code).toBe(code);
  });

  it.each([['maintenance', 'SERVER_ERROR'], ['firewall', 'GATEWAY_IN_FRONT'], ['redirect', 'REDIRECTED'], ['rate-limit', 'RATE_LIMITED'], ['website', 'RESPONSE_INVALID']] as const)('names %s in front of the token endpoint', async (kind: GatewayKind, code) => {
    const server = await mauticServer();
    const gateway = inFront(kind, { to: 'https://sso.example.com/login' });
    server.intercept = (request, answer) => (request.path === '/oauth/v2/token' ? gateway(request) : answer());
    expect(errorOf((await setUp(server, { args: ['--json'] })).done).code).toBe(code);
    expect(server.log.filter(({ path }) => path === '/oauth/v2/token')).toHaveLength(1);
  });
});

describe('An access token', () => {
  /** Stored when tokens lived a minute: it is about to end from the beginning. */
  async function ending(): Promise<{ readonly one: Script; readonly server: PracticeMautic; readonly token: string }> {
    const [one, server] = [script(), await mauticServer({ accessTokenMinutes: 1 })];
    await storeOAuth2(one, server);
    server.state.accessTokenMinutes = 60;
    return { one, server, token: lastToken(server) };
  }

  it('that is about to end is renewed by get, and the new one is kept', async () => {
    const { one, server, token } = await ending();
    const first = await one.run(['get', 'crm'], { reveals: true });
    expect(first.stdout).toBe(`${lastToken(server)}\n`);
    expect(first.stdout).not.toBe(`${token}\n`);
    expect((await one.run(['get', 'crm', 'access-token'], { reveals: true })).stdout).toBe(first.stdout);
    expect(refreshes(server)).toBe(1);
  });

  it('that is refused is renewed by test', async () => {
    const [one, server] = [script(), await mauticServer()];
    await storeOAuth2(one, server);
    server.state.accessTokens.length = 0;
    const tested = await one.run(['test', 'crm', '--json']);
    expect(tested.json()).toMatchObject({ results: [{ status: 'ok' }] });
    expect(refreshes(server)).toBe(1);
  });

  it('is renewed by refresh at once; what has none is skipped', async () => {
    const [one, server] = [script(), await mauticServer()];
    await storeOAuth2(one, server);
    await storeMautic(one, server, 'basic');
    const before = lastToken(server);
    const done = await one.run(['refresh', 'crm', 'basic', '--json']);
    expect(done.json()).toMatchObject({ results: [{ name: 'crm', status: 'ok' }, { name: 'basic', status: 'skipped' }] });
    expect(lastToken(server)).not.toBe(before);
    expectNoSecret(done.stdout + done.stderr, [lastToken(server), server.state.refreshTokens.at(-1)!.token]);
  });

  it('is renewed once by eight processes at once, and all get the same', async () => {
    const { one, server } = await ending();
    const all = await Promise.all(Array.from({ length: 8 }, () => one.run(['get', 'crm'], { reveals: true })));
    expect(all.map(({ stdout }) => stdout)).toEqual(all.map(() => `${lastToken(server)}\n`));
    expect(refreshes(server)).toBe(1);
  });

  it('that is refused is renewed once by eight tests at once', async () => {
    const [one, server] = [script(), await mauticServer()];
    await storeOAuth2(one, server);
    server.state.accessTokens.length = 0;
    const all = await Promise.all(Array.from({ length: 8 }, () => one.run(['test', 'crm', '--json'])));
    expect(all.map(({ exitCode }) => exitCode)).toEqual(all.map(() => 0));
    expect(refreshes(server)).toBe(1);
  });

  it('REFRESH_REJECTED and CLIENT_REJECTED name their causes and the way back', async () => {
    const { one, server } = await ending();
    server.state.refreshTokens.length = 0;
    const rejected = await one.run(['get', 'crm', '--json']);
    expect(errorOf(rejected)).toMatchObject({ code: 'REFRESH_REJECTED', exitCode: 7, hint: expect.stringContaining('credsetup reconnect crm') });
    expect(codesOf(errorOf(rejected)['causes'])).toEqual(expect.arrayContaining(['REFRESH_TOKEN_USED', 'REFRESH_TOKEN_EXPIRED']));
    server.deleteClient(server.state.clients[0]!);
    const refreshed = await one.run(['refresh', 'crm', '--json']);
    expect(refreshed.exitCode).toBe(7);
    expect(refreshed.json()).toMatchObject({ results: [{ status: 'failed', error: { code: 'CLIENT_REJECTED', hint: expect.stringContaining('credsetup reconnect crm') } }] });
    const tested = await one.run(['test', 'crm', '--json']);
    expect(tested.json()).toMatchObject({ results: [{ error: { code: 'CLIENT_REJECTED', hint: expect.stringContaining('credsetup reconnect crm') } }] });
  });

  it.skipIf(!has('terminal'))('is not renewed where the new one could not be kept: the refresh token stays good', async () => {
    const { one, server } = await ending();
    // Files of more than 512 bytes cannot be written: room for a lock, none for the index.
    const full = spawnSync('sh', ['-c', 'ulimit -f 1; exec "$@"', 'sh', process.execPath, programPath, 'get', 'crm', '--json'], { env: cleanEnvironment(one.env), encoding: 'utf8' });
    expect(full.status, full.stdout + full.stderr).toBe(10);
    expect(JSON.parse(full.stdout)).toMatchObject({ error: { code: 'STORE_UNWRITABLE' } });
    expect(refreshes(server)).toBe(0);
    expect((await one.run(['get', 'crm'], { reveals: true })).exitCode).toBe(0);
  });
});

describe('The fourteen days', () => {
  it('are announced from the tenth day on, by list and by test', async () => {
    const [one, server] = [script(), await mauticServer()];
    await storeOAuth2(one, server);
    const warnings = async (): Promise<readonly string[][]> => {
      const listed = (await one.run(['list', '--json'])).json()['credentials'] as { readonly warnings: unknown }[];
      const tested = (await one.run(['test', 'crm', '--json'])).json()['results'] as { readonly credential: { readonly warnings: unknown } }[];
      return [codesOf(listed[0]!.warnings), codesOf(tested[0]!.credential.warnings)];
    };
    const endsIn = (days: number): void => {
      const path = join(one.home, 'index.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace(/("expiresAt": ?)"[^"]+"/, `$1"${new Date(Date.now() + days * 86_400_000).toISOString()}"`));
    };
    endsIn(4.1);
    for (const codes of await warnings()) expect(codes).not.toContain('EXPIRES_SOON');
    endsIn(3.9);
    for (const codes of await warnings()) expect(codes).toContain('EXPIRES_SOON');
    expect((await one.run(['list'])).stdout).toContain('ends soon');
    expect((await one.run(['refresh', 'crm'])).exitCode).toBe(0);
    for (const codes of await warnings()) expect(codes).not.toContain('EXPIRES_SOON');
  });
});
