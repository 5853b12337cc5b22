import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CredsetupError } from '../../src/errors.ts';
import { defaultPorts, startRedirectServer, type RedirectServer } from '../../src/oauth/redirect-server.ts';
import { after, allOf, failureOf } from '../http/harness.ts';
import { unusedPort } from '../ports.ts';
import { ask, authorizationUrl, begin, callback, isRefused, open, otherState, raw, right, startServer, state } from './support.ts';

/** Takes a port and keeps it until the test ends. */
async function occupy(port = 0): Promise<number> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  after(() => { server.close(); });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The callback comes, and the wait ends with it: whatever was sent before did no harm. */
async function takesTheRightOne(server: RedirectServer, cookie: string): Promise<void> {
  const waiting = server.waitForCallback({ timeoutMs: 40_000 });
  expect((await ask(right(server), { headers: { cookie } })).status).toBe(303);
  expect(await waiting).toMatchObject({ kind: 'code', code: 'the-code', callbackUrl: right(server) });
}

describe('the port', () => {
  it('is on the literal loopback address, and so is the redirect URI', async () => {
    const server = await startServer();
    expect(server.redirectUri).toBe(`http://127.0.0.1:${server.port}/callback`);
    expect(await isRefused(server.port, '127.0.0.1')).toBe(false);
  });

  const others = Object.values(networkInterfaces()).flat().flatMap((one) => (one?.internal === false && !one.address.startsWith('fe80') ? [one.address] : []));
  it.skipIf(others.length === 0)('refuses a connection to another address of this machine', async () => {
    const server = await startServer();
    for (const address of [...others, '127.0.0.2']) expect(await isRefused(server.port, address), address).toBe(true);
  });

  const six = Object.values(networkInterfaces()).flat().some((one) => one?.address === '::1');
  it.skipIf(!six)('can be on ::1 instead', async () => {
    const server = await startServer({ host: '::1' });
    expect(server.redirectUri).toBe(`http://[::1]:${server.port}/callback`);
    expect(await isRefused(server.port, '127.0.0.1')).toBe(true);
    await takesTheRightOne(server, (await begin(server)).cookie);
  });

  it('is the first free one of several', async () => {
    const taken = await occupy();
    const free = await unusedPort();
    expect((await startServer({ ports: [taken, free] })).port).toBe(free);
    expect(defaultPorts).toEqual([18265, 18266, 18267, 18268, 18269]);
  });

  it('names the port and the option that changes it when it is taken', async () => {
    const taken = await occupy();
    const error = await failureOf(startServer({ ports: [taken] }));
    expect(error).toMatchObject({ code: 'PORT_IN_USE', exitCode: 14, message: `Port ${taken} is in use.` });
    expect(error.hint).toMatch(new RegExp(`--callback-port ${taken + 1} and register http://127.0.0.1:${taken + 1}/callback`));
  });

  it('names all of them when all are taken', async () => {
    const taken = [await occupy(), await occupy()];
    const error = await failureOf(startServer({ ports: taken }));
    expect(error.message).toContain(taken.join(', '));
    expect(error.hint).toContain('--callback-port');
  });

  it('is free at once after the end, although browsers are connected', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const [preconnected, held] = [await open(server.port), await open(server.port)];
    const { headers } = await ask(right(server), { headers: { cookie } });
    held.write(`GET ${String(headers['location'])} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`);
    const gone = Promise.all([preconnected, held].map((socket) => new Promise((resolve) => { socket.once('close', resolve); })));
    const began = performance.now();
    await server.close();
    expect(performance.now() - began).toBeLessThan(500);
    await gone;
    expect(await isRefused(server.port, '127.0.0.1')).toBe(true);
    expect(await occupy(server.port)).toBe(server.port);
    await server.close();
  });

  it('is closed by the signal, whose reason the wait throws', async () => {
    const stop = new AbortController();
    const server = await startServer({ signal: stop.signal });
    server.expect({ authorizationUrl, state });
    const failure = failureOf(server.waitForCallback({ timeoutMs: 60_000 }));
    stop.abort(new CredsetupError('CANCELLED', 'Ctrl-C'));
    expect(await failure).toMatchObject({ code: 'CANCELLED', message: 'Ctrl-C' });
    await server.close();
    expect(await isRefused(server.port, '127.0.0.1')).toBe(true);
  });

  it('is never opened when the signal has ended', async () => {
    const port = await unusedPort();
    const signal = AbortSignal.abort(new CredsetupError('CANCELLED', 'Ctrl-C'));
    expect((await failureOf(startRedirectServer({ ports: [port], signal }))).message).toBe('Ctrl-C');
    expect(await isRefused(port, '127.0.0.1')).toBe(true);
  });

  it('ends a wait when it is closed', async () => {
    const server = await startServer();
    const failure = failureOf(server.waitForCallback({ timeoutMs: 60_000 }));
    await server.close();
    expect((await failure).code).toBe('CANCELLED');
  });
});

describe('the start page', () => {
  it('sets a cookie that scripts and other sites do not get, and goes on to the service', async () => {
    const server = await startServer();
    const { startUrl } = server.expect({ authorizationUrl, state });
    expect(startUrl).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${server.port}/start/[\\w-]{43}$`));
    expect(startUrl).not.toContain(state);
    const told = await ask(startUrl);
    expect(told.status).toBe(303);
    expect(told.headers['location']).toBe(authorizationUrl);
    expect(String(told.headers['set-cookie'])).toMatch(/^credsetup-\d+=[\w-]{43}; Path=\/callback; Max-Age=3600; HttpOnly; SameSite=Lax$/);
    expect(told.headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
  });

  it('works once', async () => {
    const server = await startServer();
    const { startUrl } = server.expect({ authorizationUrl, state });
    expect((await ask(startUrl)).status).toBe(303);
    const again = await ask(startUrl);
    expect(again.status).toBe(410);
    expect(again.headers['location']).toBeUndefined();
    expect(again.headers['set-cookie']).toBeUndefined();
    expect(again.text).not.toContain('crm.example.com');
  });

  it('is opened once more at another address, for the same sign-in', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const told = await ask(server.startAgain().startUrl);
    expect(String(told.headers['set-cookie']).split(';')[0]).toBe(cookie);
    await takesTheRightOne(server, cookie);
  });

  it('ends with its sign-in', async () => {
    const server = await startServer();
    const { startUrl } = server.expect({ authorizationUrl, state });
    server.expect({ authorizationUrl, state: otherState });
    expect((await ask(startUrl)).status).toBe(410);
  });

  it('cannot be guessed', async () => {
    const server = await startServer();
    server.expect({ authorizationUrl, state });
    for (const path of ['/start', '/start/', '/start/x', `/start/${'A'.repeat(43)}`, '/start//callback']) {
      expect((await ask(`http://127.0.0.1:${server.port}${path}`)).status, path).toBeGreaterThanOrEqual(400);
    }
  });

  it('sets no cookie where the full address is printed, and the callback needs none', async () => {
    const server = await startServer();
    const { startUrl } = server.expect({ authorizationUrl, state, cookie: false });
    expect((await ask(startUrl)).headers['set-cookie']).toBeUndefined();
    expect(server.secrets).toEqual([]);
    await takesTheRightOne(server, '');
  });

  it('takes no state that could be guessed', async () => {
    const server = await startServer();
    expect(() => server.expect({ authorizationUrl, state: 'x'.repeat(21) })).toThrow();
  });
});

describe('a callback', () => {
  it('is 404 until a sign-in begins', async () => {
    const server = await startServer();
    expect((await ask(right(server))).status).toBe(404);
    expect(server.counts).toEqual({ 'too-early': 1 });
    await takesTheRightOne(server, (await begin(server)).cookie);
  });

  const unwanted: readonly { readonly name: string; readonly query: string; readonly status: number; readonly kind: string; readonly cookie?: 'none' | 'wrong' | 'named otherwise' }[] = [
    { name: 'a wrong state', query: `state=${otherState}&code=c`, status: 400, kind: 'wrong-state' },
    { name: 'a state that is longer', query: `state=${state}x&code=c`, status: 400, kind: 'wrong-state' },
    { name: 'a state that is cut', query: `state=${state.slice(0, -1)}&code=c`, status: 400, kind: 'wrong-state' },
    { name: 'an empty state', query: 'state=&code=c', status: 400, kind: 'wrong-state' },
    { name: 'no state', query: 'code=c', status: 400, kind: 'wrong-state' },
    { name: 'a forged error', query: 'error=access_denied', status: 400, kind: 'wrong-state' },
    { name: 'a forged error with a wrong state', query: `error=access_denied&state=${otherState}`, status: 400, kind: 'wrong-state' },
    { name: 'an error without the cookie', query: `error=access_denied&state=${state}`, status: 403, kind: 'missing-cookie', cookie: 'none' },
    { name: 'no cookie', query: `state=${state}&code=c`, status: 403, kind: 'missing-cookie', cookie: 'none' },
    { name: 'a wrong cookie', query: `state=${state}&code=c`, status: 403, kind: 'missing-cookie', cookie: 'wrong' },
    { name: 'the cookie under another name', query: `state=${state}&code=c`, status: 403, kind: 'missing-cookie', cookie: 'named otherwise' },
    { name: 'a wrong state and no cookie (the state is looked at first)', query: `state=${otherState}&code=c`, status: 400, kind: 'wrong-state', cookie: 'none' },
    { name: 'two codes', query: `state=${state}&code=c&code=d`, status: 400, kind: 'repeated-parameter' },
    { name: 'two states, one of them right', query: `state=${otherState}&state=${state}&code=c`, status: 400, kind: 'repeated-parameter' },
    { name: 'the right state twice', query: `state=${state}&state=${state}&code=c`, status: 400, kind: 'repeated-parameter' },
    { name: 'any parameter twice', query: `state=${state}&code=c&x=1&x=2`, status: 400, kind: 'repeated-parameter' },
    { name: 'neither code nor error', query: `state=${state}`, status: 400, kind: 'malformed' },
    { name: 'an empty code', query: `state=${state}&code=`, status: 400, kind: 'malformed' },
    { name: 'code and error', query: `state=${state}&code=c&error=access_denied`, status: 400, kind: 'malformed' },
    { name: 'a code with a line end', query: `state=${state}&code=c%0d%0aSet-Cookie:x`, status: 400, kind: 'malformed' },
    { name: 'an error with quotes', query: `state=${state}&error=%22%3E`, status: 400, kind: 'malformed' },
  ];
  it.each(unwanted)('with $name is turned away, and the wait goes on', async ({ query, status, kind, cookie: kindOfCookie }) => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const [name = '', value = ''] = cookie.split('=');
    const brought = { 'none': {}, 'wrong': { cookie: `${name}=${'A'.repeat(value.length)}` }, 'named otherwise': { cookie: `x${name}=${value}; ${name}x=${value}; ${name}=` } };
    const told = await ask(callback(server, query), { headers: kindOfCookie === undefined ? { cookie } : brought[kindOfCookie] });
    expect(told.status).toBe(status);
    expect(told.headers['set-cookie']).toBeUndefined();
    expect(told.text).not.toContain(state);
    expect(server.counts).toEqual({ [kind]: 1 });
    await takesTheRightOne(server, cookie);
  });

  it('finds its cookie among others of the same name', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const [name] = cookie.split('=');
    await takesTheRightOne(server, `a=b; ${name}=tossed; ${cookie}; c=d`);
  });

  it('of an older sign-in is turned away', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    server.expect({ authorizationUrl, state: otherState });
    const told = await ask(right(server), { headers: { cookie } });
    expect(told.status).toBe(400);
    expect(told.text).toMatch(/<h1>Not this one<\/h1>[^]*older one/);
  });

  it.each(['/', '/callback/', '/Callback', '/callback/more', '//callback', '/%63allback', '/done/x', '/.well-known/x', '/callback%3f'])('for the path %s is turned away', async (path) => {
    const server = await startServer();
    const { cookie } = await begin(server);
    expect((await ask(`http://127.0.0.1:${server.port}${path}?state=${state}&code=c`, { headers: { cookie } })).status).toBe(404);
    expect(server.counts).toEqual({ 'wrong-path': 1 });
    await takesTheRightOne(server, cookie);
  });

  it('is not counted when a browser asks for the icon', async () => {
    const server = await startServer();
    expect((await ask(`http://127.0.0.1:${server.port}/favicon.ico`)).status).toBe(404);
    expect(server.counts).toEqual({});
  });

  it.each(['POST', 'HEAD', 'PUT', 'OPTIONS', 'DELETE', 'TRACE'])('by %s is turned away', async (method) => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const told = await ask(right(server), { method, headers: { cookie } });
    expect(told.status).toBe(405);
    expect(told.headers['allow']).toBe('GET');
    expect(server.counts).toEqual({ 'wrong-method': 1 });
    await takesTheRightOne(server, cookie);
  });

  it('for another host is turned away', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const hosts = ['evil.example', `evil.example:${server.port}`, `localhost:${server.port}`, '127.0.0.1', '127.0.0.1:1', `127.0.0.1:${server.port}.evil.example`, `[::1]:${server.port}`];
    for (const host of hosts) expect((await ask(right(server), { headers: { host, cookie } })).status, host).toBe(421);
    const { pathname, search } = new URL(right(server));
    const own = `Host: 127.0.0.1:${server.port}\r\n`;
    const bytes = [
      `GET ${pathname}${search} HTTP/1.1\r\nCookie: ${cookie}\r\n\r\n`,
      `GET ${pathname}${search} HTTP/1.1\r\nHost:\r\nCookie: ${cookie}\r\n\r\n`,
      `GET ${pathname}${search} HTTP/1.0\r\nCookie: ${cookie}\r\n\r\n`,
      `GET ${pathname}${search} HTTP/1.1\r\n${own}Host: evil.example\r\nCookie: ${cookie}\r\n\r\n`,
      `GET ${pathname}${search} HTTP/1.1\r\nHost: evil.example\r\n${own}Cookie: ${cookie}\r\n\r\n`,
    ];
    for (const one of bytes) expect(await raw(server.port, one)).toMatch(/^HTTP\/1\.1 421 /);
    // The absolute form names another host beside the right header.
    expect(await raw(server.port, `GET http://evil.example${pathname}${search} HTTP/1.1\r\n${own}Cookie: ${cookie}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 404 /);
    expect(server.counts).toEqual({ 'wrong-host': hosts.length + bytes.length, 'wrong-path': 1 });
    await takesTheRightOne(server, cookie);
  });

  it('from another site\'s page is turned away, the start page too', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    for (const origin of ['https://evil.example', 'null', `http://localhost:${server.port}`, 'http://127.0.0.1:1', '']) {
      expect((await ask(right(server), { headers: { cookie, origin } })).status, origin).toBe(403);
    }
    const { startUrl } = server.startAgain();
    expect((await ask(startUrl, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
    expect((await ask(startUrl)).status).toBe(303);
    await takesTheRightOne(server, cookie);
  });

  it('is accepted exactly once', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(right(server, `code-${index}`), { headers: { cookie } })));
    expect(answers.map(({ status }) => status).sort()).toEqual([303, ...Array.from({ length: 19 }, () => 409)]);
    expect(server.counts).toEqual({ 'already-received': 19 });
    const first = await server.waitForCallback({ timeoutMs: 1000 });
    expect(await server.waitForCallback({ timeoutMs: 1000 })).toBe(first);
  });

  it('tells who has no cookie nothing about what came before', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    await takesTheRightOne(server, cookie);
    expect((await ask(right(server))).status).toBe(403);
  });

  it('with an error of the service ends the wait', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const waiting = server.waitForCallback({ timeoutMs: 40_000 });
    await ask(callback(server, `state=${state}&error=access_denied&error_description=Nein%0Adanke%00%E2%80%AE`), { headers: { cookie } });
    expect(await waiting).toMatchObject({ kind: 'error', error: 'access_denied', errorDescription: 'Nein danke' });
  });

  it('ignores parameters that it does not know, and keeps them out of the callback URL', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    await ask(callback(server, `state=${state}&code=the-code&iss=https://evil.example&id_token=x&session_state=y`), { headers: { cookie } });
    expect(await server.waitForCallback({ timeoutMs: 1000 })).toMatchObject({ kind: 'code', callbackUrl: right(server) });
  });

  it('that comes while nobody waits is not lost', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    expect((await failureOf(server.waitForCallback({ timeoutMs: 20 }))).code).toBe('AUTHORIZATION_TIMEOUT');
    await ask(right(server), { headers: { cookie } });
    expect(await server.waitForCallback({ timeoutMs: 1000 })).toMatchObject({ kind: 'code' });
  });

  it('comes through after 500 wrong ones, and the timeout says how many there were', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const queries = [`state=${otherState}&code=c`, 'error=access_denied', `state=${state}&code=c&code=d`, 'code=c'];
    const failure = failureOf(server.waitForCallback({ timeoutMs: 4000 }));
    for (let round = 0; round < 10; round += 1) {
      const wrong = Array.from({ length: 50 }, (_, index) => ask(callback(server, queries[index % 4]!), { headers: { cookie } }));
      expect((await Promise.all(wrong)).every(({ status }) => status === 400)).toBe(true);
    }
    const error = await failure;
    expect(error).toMatchObject({ code: 'AUTHORIZATION_TIMEOUT', exitCode: 14 });
    expect(error.message).toContain('500 callbacks were turned away: 380 with the wrong state, 120 with a parameter twice.');
    expect(error.message).toContain(server.redirectUri);
    expect(error.hint).toContain('--login-timeout');
    await takesTheRightOne(server, cookie);
  });

  it('leaves neither state nor code nor cookie in the log or in an error', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    await ask(callback(server, `state=${state}&code=secret-code`), { headers: { cookie } });
    await ask(callback(server, `state=${otherState}&code=secret-code`), { headers: { cookie } });
    server.expect({ authorizationUrl, state: otherState });
    const said = server.lines.join('\n') + allOf(await failureOf(server.waitForCallback({ timeoutMs: 10 })));
    for (const secret of [state, otherState, 'secret-code', cookie.split('=')[1]!]) {
      expect(said).not.toContain(secret);
      expect(server.secrets).toContain(secret);
    }
    expect(server.lines).toHaveLength(3);
  });
});

describe('a slow, broken or greedy client', () => {
  const limits = { requestMs: 150, headerBytes: 16_384, connections: 8 };

  it('that sends its request too slowly is ended', async () => {
    const server = await startServer({ limits });
    const began = performance.now();
    expect(await raw(server.port, 'GET /callback HTTP/1.1\r\nHost: ')).toMatch(/^HTTP\/1\.1 408 [^]*cache-control: no-store/);
    expect(performance.now() - began).toBeLessThan(3000);
  });

  it('that connects and says nothing is ended', async () => {
    const server = await startServer({ limits });
    const idle = await open(server.port);
    await once(idle.resume(), 'close');
  });

  it('that sends a body is answered without reading it', async () => {
    const server = await startServer({ limits });
    expect(await raw(server.port, `POST /callback HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Length: 1000000000\r\n\r\nxxx`)).toMatch(/^HTTP\/1\.1 405 /);
  });

  it('that sends huge headers is refused', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    expect(await raw(server.port, `GET /callback HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw(server.port, `GET /callback?${'x'.repeat(20_000)} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    await takesTheRightOne(server, cookie);
  });

  it('that speaks something else is refused', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    for (const bytes of ['\u0016\u0003\u0001\u0002\u0000\u0001', 'SSH-2.0-x\r\n\r\n', 'GET\r\n\r\n', `GET /callback HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n`]) {
      expect(await raw(server.port, bytes)).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    await takesTheRightOne(server, cookie);
  });

  it('that takes every connection does not keep the callback out', async () => {
    const server = await startServer({ limits: { ...limits, requestMs: 60_000 } });
    const { cookie } = await begin(server);
    await Promise.all(Array.from({ length: 40 }, () => open(server.port)));
    await takesTheRightOne(server, cookie);
  });

  it('that sends the next request along gets one answer', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const one = `GET /callback?state=${otherState} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`;
    expect((await raw(server.port, one + one)).match(/HTTP\/1\.1/g)).toHaveLength(1);
    await takesTheRightOne(server, cookie);
  });
});
