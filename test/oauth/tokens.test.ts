import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { authorizationRequest } from '../../src/oauth/authorization.ts';
import { createClientCheck, probeCode } from '../../src/oauth/client-check.ts';
import { clientCredentials, exchangeCode, isCodeExpired, refreshTokens, type TokenEndpoint, type TokenSet } from '../../src/oauth/tokens.ts';
import { startMautic, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { repairTokenAnswer } from '../../src/services/mautic/token-answer.ts';
import { after, allOf, failureOf, lookupAs, makeClient, plain, serve, type TestServer } from '../http/harness.ts';
import { unusedPort } from '../ports.ts';
import { makeCertificates, type Certificates } from '../certificates.ts';
import { startProxy } from '../proxy.ts';
import { has } from '../tools.ts';
import { otherState, state } from './support.ts';

const redirectUri = 'http://127.0.0.1:18265/callback';
const codeVerifier = 'verifier-verifier-verifier-verifier-verifier';
const callbackUrl = (code: string): string => `${redirectUri}?state=${state}&code=${code}`;
const exchange = (endpoint: TokenEndpoint, code: string): Promise<TokenSet> => exchangeCode(
  { ...endpoint, callbackUrl: callbackUrl(code), state, codeVerifier },
);
const service = { id: 'mautic', title: 'Mautic' };

interface Practice {
  readonly mautic: PracticeMautic;
  readonly client: MauticClient;
  readonly endpoint: TokenEndpoint;
  readonly secrets: readonly string[];
  /** The practice Mautic's clock, in milliseconds. */
  readonly clock: { now: number };
}

async function practice(version: string, folder = ''): Promise<Practice> {
  const clock = { now: Date.parse('2026-03-01T12:00:00Z') };
  const secrets: string[] = [];
  const mautic = await startMautic({ version, now: () => clock.now, prefix: folder });
  after(() => mautic.close());
  const client = mautic.makeClient({ redirectUris: [redirectUri] });
  const endpoint: TokenEndpoint = {
    tokenEndpoint: `${mautic.url}/oauth/v2/token`, clientId: client.clientId, clientSecret: client.clientSecret,
    http: makeClient(), connection: plain, repair: repairTokenAnswer, service, protect: (secret) => secrets.push(secret), now: () => new Date(clock.now),
  };
  return { mautic, client, endpoint, secrets, clock };
}

/** A token endpoint that answers as a test says. */
async function answering(
  handler: (request: IncomingMessage, response: ServerResponse) => void, more: Partial<TokenEndpoint> = {},
): Promise<{ readonly endpoint: TokenEndpoint; readonly server: TestServer; readonly secrets: readonly string[] }> {
  const server = await serve(handler);
  const secrets: string[] = [];
  const endpoint: TokenEndpoint = {
    tokenEndpoint: `${server.url}/oauth/v2/token`, clientId: '1_abc', clientSecret: 'client-secret', http: makeClient(), connection: plain,
    repair: repairTokenAnswer, service, protect: (secret) => secrets.push(secret), now: () => new Date('2026-03-01T12:00:00Z'), ...more,
  };
  return { endpoint, server, secrets };
}
const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => (_request: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body));
};
const good = { access_token: 'the-access-token', expires_in: 3600, token_type: 'bearer', scope: null, refresh_token: 'the-refresh-token' };

describe.each(['7.0.0', '5.1.0'])('Mautic %s', (version) => {
  it('exchanges a code once, at once, with the client in the body', async () => {
    const { mautic, client, endpoint, secrets } = await practice(version);
    const code = mautic.makeCode(client, 'admin');
    const tokens = await exchange(endpoint, code);
    expect(tokens).toEqual({ accessToken: mautic.state.accessTokens[0]!.token, tokenType: 'bearer', expiresAt: '2026-03-01T13:00:00.000Z', refreshToken: mautic.state.refreshTokens[0]!.token });
    expect(secrets).toEqual([tokens.accessToken, tokens.refreshToken]);
    const [request] = mautic.log;
    expect(request!.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(request!.body))).toEqual({
      grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier, client_id: client.clientId, client_secret: client.clientSecret,
    });
    expect(request!.headers['user-agent']).toBe('credsetup');
    const again = await failureOf(exchange(endpoint, code));
    expect(again).toMatchObject({ code: 'AUTHORIZATION_DENIED', exitCode: 14 });
    expect(again.details.causes?.map((cause) => cause.code)).toContain('CODE_USED');
    expect(isCodeExpired(again)).toBe(false);
  });

  it('works in a folder, with a basic-auth switch that is off', async () => {
    const { mautic, client, endpoint } = await practice(version, '/mautic/index.php');
    mautic.state.basicEnabled = false;
    expect((await exchange(endpoint, mautic.makeCode(client, 'admin'))).tokenType).toBe('bearer');
  });

  it('tells a code that came too late from one that is wrong', async () => {
    const { mautic, client, endpoint, clock } = await practice(version);
    const code = mautic.makeCode(client, 'admin');
    clock.now += 32_000;
    const late = await failureOf(exchange(endpoint, code));
    expect(late).toMatchObject({ code: 'AUTHORIZATION_TIMEOUT', exitCode: 14 });
    expect(isCodeExpired(late)).toBe(true);
    expect(late.details.field).toBe('callback');
    expect(isCodeExpired(await failureOf(exchange(endpoint, 'made-up')))).toBe(false);
  });

  it('keeps a code good that met another redirect URI', async () => {
    const { mautic, client, endpoint } = await practice(version);
    const code = mautic.makeCode(client, 'admin');
    const elsewhere = { ...endpoint, callbackUrl: `http://127.0.0.1:18265/other?state=${state}&code=${code}`, state, codeVerifier };
    expect(await failureOf(exchangeCode(elsewhere))).toMatchObject({ code: 'REDIRECT_URI_MISMATCH', exitCode: 14 });
    expect((await exchange(endpoint, code)).tokenType).toBe('bearer');
  });

  it('refreshes once, and says why a second time is refused', async () => {
    const { mautic, client, endpoint } = await practice(version);
    const { refreshToken } = mautic.makeTokens(client, 'admin');
    const fresh = await refreshTokens({ ...endpoint, refreshToken });
    expect(fresh.refreshToken).toBe(mautic.state.refreshTokens[0]!.token);
    const error = await failureOf(refreshTokens({ ...endpoint, refreshToken }));
    expect(error).toMatchObject({ code: 'REFRESH_REJECTED', exitCode: 7 });
    expect(error.details.causes?.map((cause) => cause.code)).toEqual(['REFRESH_TOKEN_USED', 'ACCESS_TAKEN_BACK', 'WRONG_SERVER', 'REFRESH_TOKEN_EXPIRED']);
    expect(error.hint).toContain('credsetup reconnect');
  });

  it('says that a refresh token is past its days', async () => {
    const { mautic, client, endpoint, clock } = await practice(version);
    const { refreshToken } = mautic.makeTokens(client, 'admin');
    clock.now += 15 * 86_400_000;
    const error = await failureOf(refreshTokens({ ...endpoint, refreshToken }));
    expect(error.code).toBe('REFRESH_REJECTED');
    expect(error.details.causes?.map((cause) => cause.code)).toEqual(['REFRESH_TOKEN_EXPIRED']);
    expect(error.details.causes![0]!.message).toContain('longer than Mautic keeps it');
  });

  it('says that the client is wrong, or was deleted', async () => {
    const { mautic, client, endpoint } = await practice(version);
    const { refreshToken } = mautic.makeTokens(client, 'admin');
    const wrong = { ...endpoint, clientSecret: 'x'.repeat(50) };
    expect(await failureOf(exchange(wrong, 'x'))).toMatchObject({ code: 'CLIENT_REJECTED', exitCode: 7, details: { field: 'clientId' } });
    const mistyped = await failureOf(clientCredentials({ ...wrong, clientSecret: 'x'.repeat(26) }));
    expect(mistyped).toMatchObject({ code: 'CLIENT_REJECTED', details: { causes: [{ code: 'CLIENT_MISTYPED' }, { code: 'CLIENT_DELETED' }, { code: 'WRONG_SERVER' }] } });
    expect(mistyped.details.causes![0]!.check).toContain('the Client Secret 26 characters');
    mautic.deleteClient(client);
    // What was accepted before is whole: the one that stored it copied nothing wrong.
    for (const ask of [refreshTokens({ ...endpoint, refreshToken }), clientCredentials({ ...endpoint, accepted: true })]) {
      expect((await failureOf(ask)).details.causes?.map(({ code }) => code)).toEqual(['CLIENT_DELETED', 'WRONG_SERVER']);
    }
    const deleted = await failureOf(refreshTokens({ ...endpoint, refreshToken }));
    expect(deleted).toMatchObject({ code: 'CLIENT_REJECTED', details: { service: 'mautic' } });
    expect(deleted.details.causes?.[0]?.code).toBe('CLIENT_DELETED');
  });

  it('gives a client a token of its own, without a refresh token', async () => {
    const { endpoint } = await practice(version);
    const tokens = await clientCredentials(endpoint);
    expect(tokens).toMatchObject({ tokenType: 'bearer', expiresAt: '2026-03-01T13:00:00.000Z' });
    expect('refreshToken' in tokens).toBe(false);
  });

  it('says that the API is off, with the page that turns it on', async () => {
    const { mautic, endpoint } = await practice(version, '/mautic');
    mautic.state.apiEnabled = false;
    const error = await failureOf(clientCredentials(endpoint));
    expect(error).toMatchObject({ code: 'API_DISABLED', details: { url: mautic.url } });
    expect(error.hint).toContain(`${mautic.url}/s/config/edit?tab=apiconfig`);
  });

  it('checks a client by a made-up code, once for each pair', async () => {
    const { mautic, client, endpoint } = await practice(version);
    const check = createClientCheck();
    await Promise.all([check(endpoint, redirectUri), check(endpoint, redirectUri)]);
    await check(endpoint, redirectUri);
    expect(mautic.log).toHaveLength(1);
    expect(new URLSearchParams(mautic.log[0]!.body).get('code')).toBe(probeCode);
    const wrong = { ...endpoint, clientSecret: 'x'.repeat(50) };
    for (let round = 0; round < 3; round += 1) expect((await failureOf(check(wrong, redirectUri))).code).toBe('CLIENT_REJECTED');
    expect(mautic.log).toHaveLength(2);
    expect((await failureOf(check({ ...endpoint, clientId: client.clientId.replace(/^\d+_/, '') }, redirectUri))).code).toBe('CLIENT_REJECTED');
    // Another run may ask again.
    await createClientCheck()(endpoint, redirectUri);
    expect(mautic.log).toHaveLength(4);
  });

  it('does not remember a check that could not be made', async () => {
    const { mautic, endpoint } = await practice(version);
    const check = createClientCheck();
    mautic.state.apiEnabled = false;
    expect((await failureOf(check(endpoint, redirectUri))).code).toBe('API_DISABLED');
    mautic.state.apiEnabled = true;
    await check(endpoint, redirectUri);
  });
});

describe('every recorded token answer', () => {
  interface Entry {
    readonly name: string;
    readonly replay: string;
    readonly request?: { readonly path: string; readonly form?: { readonly grant_type?: string } };
    readonly response: { readonly status: number; readonly body: unknown };
  }
  const entries = ['mautic-7.json', 'mautic-5.json'].flatMap((file) => (JSON.parse(readFileSync(new URL(`../wire/${file}`, import.meta.url), 'utf8')) as Entry[])
    .filter(({ replay, request }) => replay === 'http' && request?.path === '/oauth/v2/token')
    .map((entry) => ({ file, ...entry, form: entry.request?.form })));
  const codes: Readonly<Record<string, string>> = {
    'api-off-token': 'API_DISABLED', 'token-basic-header': 'AUTHORIZATION_DENIED', 'token-unknown-client': 'CLIENT_REJECTED', 'token-wrong-secret': 'CLIENT_REJECTED',
    'token-no-grant': 'RESPONSE_INVALID', 'token-unsupported-grant': 'RESPONSE_INVALID', 'token-password-grant': 'CLIENT_REJECTED', 'token-wrong-code': 'AUTHORIZATION_DENIED',
    'token-code-expired': 'AUTHORIZATION_TIMEOUT', 'token-wrong-redirect': 'REDIRECT_URI_MISMATCH', 'token-code-again': 'AUTHORIZATION_DENIED', 'token-refresh-again': 'REFRESH_REJECTED',
    'token-refresh-wrong-secret': 'CLIENT_REJECTED', 'token-refresh-expired': 'REFRESH_REJECTED', 'token-client-deleted': 'CLIENT_REJECTED',
  };

  it('is known by name', () => {
    expect(entries.length).toBeGreaterThanOrEqual(36);
    const names = entries.filter(({ response }) => response.status !== 200).map(({ name }) => name);
    expect([...new Set(names)].sort()).toEqual(Object.keys(codes).sort());
  });
  it.each(entries)('$file $name', async ({ name, form, response }) => {
    const { endpoint } = await answering(json(response.body, response.status));
    const asked = form?.grant_type === 'refresh_token' ? refreshTokens({ ...endpoint, refreshToken: 'r' }) : form?.grant_type === 'authorization_code' ? exchange(endpoint, 'c') : clientCredentials(endpoint);
    if (response.status === 200) {
      const body = response.body as Record<string, unknown>;
      expect(await asked).toMatchObject({ accessToken: body['access_token'], tokenType: 'bearer' });
    } else {
      expect((await failureOf(asked)).code).toBe(codes[name]);
    }
  });
});

describe('a token answer', () => {
  it.each([
    ['without a type', { ...good, token_type: undefined }],
    ['with a type in capitals', { ...good, token_type: 'Bearer' }],
    ['with null members', { ...good, token_type: null, scope: null, expires_in: 3600, id_token: null }],
    ['with members that nobody asked for', { ...good, id_token: 'eyJhbGciOiJub25lIn0.eyJpYXQiOjF9.', extra: { a: 1 } }],
    ['with its seconds as a text', { ...good, expires_in: '3600' }],
  ])('%s is taken', async (_name, body) => {
    const { endpoint } = await answering(json(body));
    expect(await exchange(endpoint, 'c')).toEqual({ accessToken: 'the-access-token', refreshToken: 'the-refresh-token', tokenType: 'bearer', expiresAt: '2026-03-01T13:00:00.000Z' });
  });

  it.each([undefined, null, -1, 1e300, 'soon', '', {}, [], true])('with expires_in %j is taken, since the code is spent by now', async (expiresIn) => {
    const { endpoint } = await answering(json({ ...good, expires_in: expiresIn }));
    const tokens = await exchange(endpoint, 'c');
    expect(tokens.accessToken).toBe('the-access-token');
    expect(tokens).not.toHaveProperty('expiresAt');
  });

  it('without a refresh token leaves it out', async () => {
    const { endpoint } = await answering(json({ ...good, refresh_token: null }));
    expect(await refreshTokens({ ...endpoint, refreshToken: 'old' })).not.toHaveProperty('refreshToken');
  });

  it('counts from before the request or from the answer\'s Date, whichever is earlier: a clock that is ahead lengthens no life', async () => {
    for (const [hours, ends] of [[-2, '2026-03-01T11:00:00.000Z'], [2, '2026-03-01T13:00:00.000Z']] as const) {
      const times = [new Date('2026-03-01T12:00:00Z'), new Date('2026-03-01T12:00:20Z')];
      const date = new Date(Date.parse('2026-03-01T12:00:00Z') + hours * 3_600_000).toUTCString();
      const { endpoint } = await answering(json(good, 200, { date }), { now: () => times.shift()! });
      expect((await exchange(endpoint, 'c')).expiresAt).toBe(ends);
    }
    const { endpoint } = await answering(json(good, 200, { date: 'yesterday' }));
    expect((await exchange(endpoint, 'c')).expiresAt).toBe('2026-03-01T13:00:00.000Z');
  });

  it.each([
    ['without an access token', { ...good, access_token: undefined }],
    ['with an empty access token', { ...good, access_token: '' }],
    ['with a number for an access token', { ...good, access_token: 7 }],
    ['with a line end in its access token', { ...good, access_token: 'the-access-token\r\nX: y' }],
    ['with a refresh token that is no text', { ...good, refresh_token: ['the-refresh-token'] }],
    ['of another type', { ...good, token_type: 'mac' }],
    ['that is a list', [good]],
    ['that is a text', '"the-access-token"'],
    ['that is null', 'null'],
    ['that is cut short', JSON.stringify(good).slice(0, -20)],
    ['that is empty', ''],
    ['that is a page', '<html>the-access-token</html>'],
  ])('%s is RESPONSE_INVALID, and shows no token', async (_name, body) => {
    const { endpoint } = await answering(json(body));
    const error = await failureOf(exchange(endpoint, 'c'));
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(allOf(error)).not.toMatch(/the-access-token|the-refresh-token|client-secret|OAUTH_RESPONSE_BODY/);
    expect(error.cause).toBeUndefined();
  });

  it('over the size limit is refused', async () => {
    const { endpoint } = await answering(json({ ...good, filler: 'x'.repeat(6 * 1024 * 1024) }));
    const error = await failureOf(exchange(endpoint, 'c'));
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(allOf(error)).not.toContain('the-access-token');
  });

  it('whose connection breaks is CONNECTION_LOST, and what refuses is CONNECTION_REFUSED', async () => {
    const { endpoint } = await answering((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"access_token":"the-access-token"');
      response.destroy();
    });
    expect((await failureOf(exchange(endpoint, 'c'))).code).toBe('CONNECTION_LOST');
    const nobody = { ...endpoint, tokenEndpoint: `http://127.0.0.1:${await unusedPort()}/oauth/v2/token` };
    expect((await failureOf(exchange(nobody, 'c'))).code).toBe('CONNECTION_REFUSED');
  });

  it('that never comes ends by the time limit of the HTTP client', async () => {
    const { endpoint } = await answering(() => undefined, { http: makeClient({ timeoutSeconds: 0.2 }) });
    expect((await failureOf(exchange(endpoint, 'c'))).code).toBe('CONNECTION_TIMEOUT');
  });

  it.each([301, 302, 303, 307, 308])('with status %i is REDIRECTED: the secret goes nowhere else', async (status) => {
    const target = await serve();
    const { endpoint } = await answering(json('', status, { location: `${target.url}/oauth/v2/token?leak=1` }));
    const error = await failureOf(exchange(endpoint, 'c'));
    expect(error).toMatchObject({ code: 'REDIRECTED', details: { location: target.url } });
    expect(error.message).toContain(target.url);
    expect(target.requests).toHaveLength(0);
  });

  it.each([
    [429, 'application/json', '{"errors":[{"message":"x","code":429,"type":"x"}]}', 'RATE_LIMITED'],
    [500, 'application/json', '{"errors":[{"message":"x","code":500,"type":null}]}', 'SERVER_ERROR'],
    [503, 'text/html', '<html>maintenance</html>', 'SERVER_ERROR'],
    [403, 'text/html', '<html>blocked</html>', 'GATEWAY_IN_FRONT'],
    [401, 'text/html', '', 'GATEWAY_IN_FRONT'],
    [404, 'text/html', '<html>not found</html>', 'RESPONSE_INVALID'],
    [200, 'text/html', '<html>sign in</html>', 'RESPONSE_INVALID'],
    [404, 'application/json', '{"errors":[{"message":"x","code":404,"type":null}]}', 'RESPONSE_INVALID'],
    [201, 'application/json', '{"access_token":"the-access-token","token_type":"bearer"}', 'RESPONSE_INVALID'],
    [400, 'application/json', '{"error":"invalid_client","error_description":"x"}', 'CLIENT_REJECTED'],
    [401, 'application/json', '{"error":"invalid_client"}', 'CLIENT_REJECTED'],
    [400, 'application/json', '{"error":"x y <b>"}', 'RESPONSE_INVALID'],
    [200, 'application/json', '{"error":"invalid_grant"}', 'AUTHORIZATION_DENIED'],
  ])('with status %i, %s, %s is %4$s', async (status, type, body, code) => {
    const { endpoint } = await answering(json(body, status, { 'content-type': type }));
    const error = await failureOf(exchange(endpoint, 'c'));
    expect(error.code).toBe(code);
    expect(allOf(error)).not.toMatch(/the-access-token|client-secret|<b>/);
  });

  it('is read without the repair as the RFC writes it', async () => {
    const { endpoint } = await answering(json({ ...good, scope: undefined }), { repair: undefined, service: undefined });
    expect((await exchange(endpoint, 'c')).accessToken).toBe('the-access-token');
    const { endpoint: refusing } = await answering(json({ error: 'invalid_client' }, 401), { repair: undefined, service: undefined });
    expect((await failureOf(exchange(refusing, 'c'))).message).toBe('The service does not accept this client.');
  });

  it('never puts its own words into an error or the log', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom('invalid_client', 'invalid_grant', 'redirect_uri_mismatch', 'access_denied', 'x'), fc.string({ minLength: 12 }), async (type, filler) => {
      const marker = `MARK${filler}`;
      const client = makeClient();
      const { endpoint } = await answering(json({ errors: [{ message: marker, code: 400, type }], access_token: 'the-access-token' }, 400), { http: client });
      const error = await failureOf(exchange(endpoint, 'the-code'));
      expect(allOf(error) + client.lines.join('\n')).not.toMatch(/MARK|the-access-token|the-code|client-secret/);
    }), { numRuns: 25 });
  });

  it('leaves every secret out of the log when all is well', async () => {
    const client = makeClient();
    const { endpoint, secrets } = await answering(json(good), { http: client });
    await exchange(endpoint, 'the-code');
    expect(client.lines).toHaveLength(1);
    expect(client.lines.join()).not.toMatch(/the-access-token|the-refresh-token|the-code|client-secret/);
    expect(secrets).toEqual(['the-access-token', 'the-refresh-token']);
  });
});

describe('the state', () => {
  it('is compared once more before the code is sent', async () => {
    const { endpoint, server } = await answering(json(good));
    const error = await failureOf(exchangeCode({ ...endpoint, callbackUrl: `${redirectUri}?state=${otherState}&code=c`, state, codeVerifier }));
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(allOf(error)).not.toMatch(new RegExp(`${state}|${otherState}`));
    expect(server.requests).toHaveLength(0);
  });
});

describe.skipIf(!has('openssl'))('a token request over TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'credsetup-oauth-'));
  let certificates: Certificates;
  beforeAll(() => { certificates = makeCertificates(dir); });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('goes through the proxy and trusts the CA that the credential names, and no other', async () => {
    const server = await serve(json(good), certificates.good);
    const proxy = await startProxy({ target: server.port });
    after(() => proxy.close());
    const endpoint: TokenEndpoint = {
      tokenEndpoint: 'https://service.test/oauth/v2/token', clientId: '1_abc', clientSecret: 'client-secret', repair: repairTokenAnswer,
      http: makeClient({ proxy: proxy.url }), connection: { ...plain, certificates: [certificates.ca] },
    };
    expect((await clientCredentials(endpoint)).accessToken).toBe('the-access-token');
    expect(proxy.asked).toEqual(['service.test:443']);
    expect((await failureOf(clientCredentials({ ...endpoint, connection: plain }))).code).toBe('TLS_UNKNOWN_CA');
    expect(server.requests).toHaveLength(1);
  });
});

describe('http:// to another machine', () => {
  it('is used when it is allowed for this credential', async () => {
    const { endpoint, server } = await answering(json(good), { http: makeClient({ lookup: lookupAs('127.0.0.1') }) });
    const elsewhere = { ...endpoint, tokenEndpoint: `http://crm.example.com:${server.port}/oauth/v2/token` };
    expect((await failureOf(clientCredentials(elsewhere))).code).toBe('URL_INSECURE');
    expect(server.requests).toHaveLength(0);
    expect((await clientCredentials({ ...elsewhere, connection: { ...plain, allowHttp: true } })).accessToken).toBe('the-access-token');
  });
});

describe('the authorization request', () => {
  const ask = { authorizationEndpoint: 'https://crm.example.com/mautic/oauth/v2/authorize', clientId: '1_abc', redirectUri };

  it('has the RFCs\' parameters, a state of 256 bits and PKCE S256', async () => {
    const { url, state: made, codeVerifier: verifier } = await authorizationRequest(ask);
    const { origin, pathname, searchParams } = new URL(url);
    expect(origin + pathname).toBe(ask.authorizationEndpoint);
    expect(Buffer.from(made, 'base64url')).toHaveLength(32);
    const challenge = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(verifier))).toString('base64url');
    expect(Object.fromEntries(searchParams)).toEqual({
      response_type: 'code', client_id: '1_abc', redirect_uri: redirectUri, state: made, code_challenge: challenge, code_challenge_method: 'S256',
    });
  });

  it('is another one each time', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => authorizationRequest(ask)));
    expect(new Set(made.flatMap(({ state: one, codeVerifier: two }) => [one, two])).size).toBe(40);
  });
});
