import { gzipSync, brotliCompressSync, deflateSync } from 'node:zlib';
import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../src/context.ts';
import { CredsetupError } from '../../src/errors.ts';
import { codesOf } from '../../src/http/failure.ts';
import { allOf, failureOf, gate, lookupAs, lookupFailing, makeClient, plain, serve, serveBytes } from './harness.ts';
import { unusedPort } from '../ports.ts';

const secret = 'token-that-must-not-leak';
const get = (url: string): HttpRequest => ({ method: 'GET', url, headers: { authorization: `Bearer ${secret}` } });
const fast = { timeoutSeconds: 0.4 };

describe('addresses', () => {
  it.each(['', 'service.test', '//service.test/', 'http://', 'ftp://service.test/', 'javascript:alert(1)', 'file:///etc/passwd', 'https://service.test:0/', 'https://service.test:99999/'])('refuses %j', async (url) => {
    expect((await failureOf(makeClient().send(get(url), plain))).code).toBe('URL_INVALID');
  });

  it('refuses user info and never repeats it', async () => {
    await fc.assert(fc.asyncProperty(fc.stringMatching(/^[a-zA-Z0-9]{12,20}$/), fc.constantFrom('http://', 'https://'), async (password, scheme) => {
      for (const url of [`${scheme}ada:${password}@service.test/`, `${scheme}${password}@service.test/`, `${scheme}ada:${password}@service.test:99999/`]) {
        const client = makeClient();
        const error = await failureOf(client.send(get(url), { ...plain, allowHttp: true }));
        expect(error.code).toBe('URL_INVALID');
        expect(allOf(error) + client.lines.join()).not.toContain(password);
      }
    }), { numRuns: 30 });
  });

  it('refuses http:// to another machine, naming the option and what it means', async () => {
    const error = await failureOf(makeClient({ lookup: lookupAs('127.0.0.1') }).send(get('http://service.test/'), plain));
    expect(error.code).toBe('URL_INSECURE');
    expect(error.message).toContain('service.test:80');
    expect(error.hint).toMatch(/--allow-http .*readable/);
  });

  it('takes http:// to another machine when it is allowed', async () => {
    const server = await serve();
    const client = makeClient({ lookup: lookupAs('127.0.0.1') });
    expect((await client.send(get(`http://service.test:${server.port}/`), { ...plain, allowHttp: true })).status).toBe(200);
  });

  it('takes http:// to every spelling of this machine', async () => {
    const server = await serve();
    const client = makeClient({ lookup: lookupAs('127.0.0.1') });
    for (const host of ['127.0.0.1', 'localhost', 'mail.localhost', '[::ffff:127.0.0.1]', '2130706433']) {
      expect((await client.send(get(`http://${host}:${server.port}/`), plain)).status).toBe(200);
    }
  });

  const own = Object.values(networkInterfaces()).flat().find((address) => address?.internal === false && address.family === 'IPv4')?.address;
  it.skipIf(own === undefined)('sends nothing when a name of this machine leads to another address', async () => {
    const server = await serve(undefined, undefined, '0.0.0.0');
    const client = makeClient({ lookup: lookupAs(own!) });
    const error = await failureOf(client.send(get(`http://evil.localhost:${server.port}/`), plain));
    expect(error.code).toBe('URL_INSECURE');
    expect(error.message).toContain(own);
    expect(error.message).toContain('nothing was sent');
    expect(server.requests).toHaveLength(0);
    await server.allClosed();
    expect((await client.send(get(`http://evil.localhost:${server.port}/`), { ...plain, allowHttp: true })).status).toBe(200);
  });
});

const headerText = (min: number, max: number): fc.Arbitrary<string> => fc.array(
  fc.integer({ min, max }), { minLength: 6, maxLength: 20 },
).map((units) => String.fromCharCode(...units));

describe('headers', () => {
  it('are carried whole or refused before they are sent, never repeated', async () => {
    const server = await serve();
    const client = makeClient();
    await fc.assert(fc.asyncProperty(fc.oneof(headerText(0x20, 0x7e), headerText(0, 0xff), headerText(0, 0xffff)), async (value) => {
      const before = server.requests.length;
      const sending = client.send({ method: 'GET', url: server.url, headers: { authorization: value } }, plain);
      if (/^[\t\x20-\x7e]*$/.test(value)) {
        await sending;
        expect(server.requests.at(-1)?.headers.authorization).toBe(value.trim());
      } else {
        const error = await failureOf(sending);
        expect(error.code).toBe('INPUT_INVALID');
        expect(allOf(error)).not.toContain(value);
        expect(server.requests).toHaveLength(before);
      }
    }), { numRuns: 40 });
  });

  it.each([['\r\nX-Evil: 1', 'a line break'], ['\u0000', 'a control character'], ['\u200b', 'outside ASCII'], ['\u00a0', 'outside ASCII'], ['é', 'outside ASCII'], ['\u{1f511}', 'outside ASCII']])('with %j are refused, saying what it is', async (bad, what) => {
    const error = await failureOf(makeClient().send({ method: 'GET', url: 'http://127.0.0.1:9/', headers: { Authorization: `Bearer ${secret}${bad}` } }, plain));
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toContain(what);
    expect(error.message).toContain('authorization');
    expect(allOf(error)).not.toContain(secret);
  });

  it('with a name that is none are refused', async () => {
    expect((await failureOf(makeClient().send({ method: 'GET', url: 'http://127.0.0.1:9/', headers: { 'a b': 'c' } }, plain))).code).toBe('INPUT_INVALID');
  });
});

describe('a server that cannot be talked to', () => {
  it.each([['ENOTFOUND', 'is not known'], ['EAI_AGAIN', 'no name server answers']])('is named when its name fails with %s', async (code, words) => {
    const error = await failureOf(makeClient({ lookup: lookupFailing(code) }).send(get('https://service.test/'), plain));
    expect(error.code).toBe('HOST_NOT_FOUND');
    expect(error.message).toContain('service.test');
    expect(error.message).toContain(words);
    expect(error.hint).toContain('HTTPS_PROXY');
    expect(error.hint).toContain('n8n');
  });

  it.each(['127.0.0.1', 'localhost'])('is named when it refuses connections (%s)', async (host) => {
    const port = await unusedPort();
    const error = await failureOf(makeClient().send(get(`http://${host}:${port}/`), plain));
    expect(error.code).toBe('CONNECTION_REFUSED');
    expect(error.message).toContain(`${host}:${port}`);
    expect(error.hint).toBe('Check the port and that the server runs.');
    expect(error.hint).not.toContain('--proxy');
    expect(error.exitCode).toBe(3);
  });

  it('is named when it closes without an answer, with https as a possible reason', async () => {
    const server = await serveBytes((socket) => socket.once('data', () => socket.end()));
    const error = await failureOf(makeClient().send(get(`http://127.0.0.1:${server.port}/`), plain));
    expect(error.code).toBe('CONNECTION_LOST');
    expect(error.message).toContain('without an answer');
    expect(error.hint).toContain('https://');
    expect(server.connections()).toBe(1);
  });

  it('is named when it resets the connection', async () => {
    const server = await serveBytes((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect((await failureOf(makeClient().send(get(`http://127.0.0.1:${server.port}/`), plain))).code).toBe('CONNECTION_LOST');
  });

  it('is named when it closes in the middle of its answer', async () => {
    const server = await serveBytes((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"token":')));
    const error = await failureOf(makeClient().send(get(`http://127.0.0.1:${server.port}/`), plain));
    expect(error.code).toBe('CONNECTION_LOST');
    expect(error.message).toContain('in the middle of its answer');
  });

  it('is named when a chunked answer stops early', async () => {
    const server = await serveBytes((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":')));
    expect((await failureOf(makeClient().send(get(`http://127.0.0.1:${server.port}/`), plain))).code).toBe('CONNECTION_LOST');
  });

  it.each(['SSH-2.0-OpenSSH_9.2\r\n', '\x15\x03\x01\x00\x02\x02\x46', '<html>no headers</html>\r\n\r\n'])('is named when it does not speak HTTP: %j', async (bytes) => {
    const server = await serveBytes((socket) => socket.end(Buffer.from(bytes, 'latin1')));
    const error = await failureOf(makeClient().send(get(`http://127.0.0.1:${server.port}/`), plain));
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(error.message).toContain('not HTTP');
    expect(error.hint).toContain('https://');
    expect(allOf(error)).not.toContain(bytes.slice(0, 5));
  });

  it.each([
    ['before the headers', 'http', '', 'did not answer'],
    ['within the body', 'http', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{', 'to the end'],
    ['within the TLS handshake', 'https', '', 'did not take the connection'],
  ])('ends in time when it hangs %s', async (_where, scheme, bytes, words) => {
    const server = await serveBytes((socket) => socket.write(bytes));
    const began = performance.now();
    const error = await failureOf(makeClient(fast).send(get(`${scheme}://127.0.0.1:${server.port}/`), plain));
    expect(performance.now() - began).toBeLessThan(3000);
    expect(error.code).toBe('CONNECTION_TIMEOUT');
    expect(error.message).toContain(words);
    expect(error.hint).toContain('--timeout SECONDS');
  });

  it('ends in time, and the connection too, when it sends a byte now and then for ever', async () => {
    const closed = gate();
    const server = await serveBytes((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
      const drip = setInterval(() => socket.write('x'), 50);
      socket.on('close', () => {
        clearInterval(drip);
        closed.open();
      });
    });
    const error = await failureOf(makeClient(fast).send(get(`http://127.0.0.1:${server.port}/`), plain));
    expect(error.code).toBe('CONNECTION_TIMEOUT');
    expect(error.message).toContain('within 0.4 s');
    await closed.opened;
  });

  it.each([['headersMs', '', 'did not answer'], ['bodyMs', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{', 'to the end']] as const)('ends by its own limit %s, before the whole time', async (limit, bytes, words) => {
    const server = await serveBytes((socket) => socket.write(bytes));
    const error = await failureOf(makeClient({ limits: { [limit]: 200 } }).send(get(`http://127.0.0.1:${server.port}/`), plain));
    expect(error.code).toBe('CONNECTION_TIMEOUT');
    expect(error.message).toContain(words);
  });

  it('ends by the limit for connecting, before the whole time', async () => {
    const server = await serveBytes(() => undefined);
    const error = await failureOf(makeClient({ limits: { connectMs: 200 } }).send(get(`https://127.0.0.1:${server.port}/`), plain));
    expect(error.code).toBe('CONNECTION_TIMEOUT');
    expect(error.message).toContain('did not take the connection in time');
  });
});

describe('an answer that is too much', () => {
  const limits = { responseBytes: 1000 };

  it('is refused by its announced length', async () => {
    const server = await serveBytes((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n'));
    const error = await failureOf(makeClient().send(get(`http://127.0.0.1:${server.port}/`), plain));
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(error.message).toContain(`${5 * 1024 * 1024} bytes`);
  });

  it('is refused while it comes without a length', async () => {
    const server = await serve((_request, response) => {
      const more = (): void => { while (!response.destroyed && response.write('x'.repeat(100_000))); };
      response.on('drain', more);
      more();
    });
    expect((await failureOf(makeClient().send(get(server.url), plain))).code).toBe('RESPONSE_INVALID');
  });

  it('is refused when it grows by unpacking', async () => {
    const server = await serve((_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(100_000))));
    const error = await failureOf(makeClient({ limits }).send(get(server.url), plain));
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(error.message).toContain('larger than 1000 bytes');
  });

  it('is accepted at exactly the limit', async () => {
    const server = await serve((_request, response) => response.end('x'.repeat(1000)));
    expect((await makeClient({ limits }).send(get(server.url), plain)).text).toHaveLength(1000);
  });

  it('is refused for its headers', async () => {
    const server = await serveBytes((socket) => socket.write(`HTTP/1.1 200 OK\r\nx-long: ${'x'.repeat(40_000)}\r\n\r\n`));
    const error = await failureOf(makeClient().send(get(`http://127.0.0.1:${server.port}/`), plain));
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(error.message).toContain('headers');
  });
});

describe('packed answers', () => {
  it.each([['gzip', gzipSync], ['deflate', deflateSync], ['br', brotliCompressSync]] as const)('are unpacked: %s', async (encoding, pack) => {
    const server = await serve((_request, response) => response.setHeader('content-encoding', encoding).end(pack('{"grüße":1}')));
    expect((await makeClient().send(get(server.url), plain)).json()).toEqual({ grüße: 1 });
  });

  it('are unpacked in the right order when packed twice, and may be empty', async () => {
    const bodies = [['gzip, br', brotliCompressSync(gzipSync('{"a":1}'))], ['gzip', '']] as const;
    let next = 0;
    const server = await serve((_request, response) => {
      const [encoding, body] = bodies[next]!;
      next += 1;
      response.setHeader('content-encoding', encoding).end(body);
    });
    const client = makeClient();
    expect((await client.send(get(server.url), plain)).text).toBe('{"a":1}');
    expect((await client.send(get(server.url), plain)).text).toBe('');
  });

  it.each([['gzip', Buffer.from('no gzip at all')], ['gzip', gzipSync('{"a":1}').subarray(0, 12)], ['zstd', Buffer.from('x')], ['constructor', Buffer.from('x')], ['br', Buffer.from('no br')]] as const)('are an error when broken: %s', async (encoding, body) => {
    const server = await serve((_request, response) => response.setHeader('content-encoding', encoding).end(body));
    const error = await failureOf(makeClient().send(get(server.url), plain));
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(error.message).toContain('cannot be unpacked');
  });
});

describe('Ctrl-C', () => {
  const reason = new CredsetupError('CANCELLED', 'Stopped.');

  it.each([['connecting', 'https', ''], ['waiting', 'http', ''], ['reading', 'http', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{']])('ends a request at once while it is %s, with its own reason', async (_stage, scheme, bytes) => {
    const controller = new AbortController();
    const connected = gate();
    const closed = gate();
    const server = await serveBytes((socket) => {
      socket.write(bytes);
      socket.once('data', () => connected.open());
      socket.once('close', () => closed.open());
    });
    const client = makeClient({ signal: controller.signal });
    const sending = failureOf(client.send(get(`${scheme}://127.0.0.1:${server.port}/`), plain));
    await connected.opened;
    const began = performance.now();
    controller.abort(reason);
    expect(await sending).toBe(reason);
    expect(performance.now() - began).toBeLessThan(200);
    await closed.opened;
  });

  it('ends twenty requests at once without a warning', async () => {
    const warnings: unknown[] = [];
    const note = (warning: unknown): unknown => warnings.push(warning);
    process.on('warning', note);
    const controller = new AbortController();
    const all = gate();
    let seen = 0;
    const server = await serve(() => { seen += 1; if (seen === 20) all.open(); });
    const client = makeClient({ signal: controller.signal });
    const sending = Array.from({ length: 20 }, () => failureOf(client.send(get(server.url), plain)));
    await all.opened;
    controller.abort(reason);
    expect(new Set(await Promise.all(sending))).toEqual(new Set([reason]));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('sends nothing afterwards', async () => {
    const server = await serve();
    const client = makeClient({ signal: AbortSignal.abort(reason) });
    expect(await failureOf(client.send(get(server.url), plain))).toBe(reason);
    expect(server.requests).toHaveLength(0);
  });
});

describe('the causes of a failure', () => {
  it('are found behind causes, in aggregates and in circles', () => {
    const circle = new Error('outer', { cause: new AggregateError([Object.assign(new Error('a'), { code: 'ENETUNREACH' }), Object.assign(new Error('b'), { code: 'ECONNREFUSED' })]) });
    (circle.cause as Error).cause = circle;
    expect(codesOf(circle)).toEqual(['ENETUNREACH', 'ECONNREFUSED']);
  });

  it('are none when a code is no code', () => {
    expect(codesOf(Object.assign(new Error('x'), { code: `Bearer ${secret}` }))).toEqual([]);
  });
});
