import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { HttpRequest } from '../../src/context.ts';
import type { CredsetupError } from '../../src/errors.ts';
import { makeCertificates, type Certificates } from '../certificates.ts';
import { startProxy, type ProxyOptions, type TestProxy } from '../proxy.ts';
import { has } from '../tools.ts';
import { after, allOf, failureOf, lookupAs, lookupFailing, makeClient, plain, serve, type TestClient } from './harness.ts';
import { unusedPort } from '../ports.ts';

const secret = 'token-that-must-not-leak';
const password = 'p%ss/wörd';
const encoded = 'p%25ss%2Fw%C3%B6rd';
const get = (url: string): HttpRequest => ({ method: 'GET', url, headers: { authorization: `Bearer ${secret}` } });
const http = { ...plain, allowHttp: true };
// A name that only the proxy knows.
const lookup = lookupFailing('ENOTFOUND');

async function proxy(options: ProxyOptions = {}): Promise<TestProxy> {
  const started = await startProxy(options);
  after(() => started.close());
  return started;
}

function silent(client: TestClient, error: CredsetupError): void {
  const told = `${allOf(error)} ${client.lines.join(' ')}`;
  for (const word of [secret, password, encoded, ...client.secrets]) expect(told).not.toContain(word);
}

describe('this machine', () => {
  it.each(['127.0.0.1', 'localhost', '127.9.9.9', 'mattermost.localhost', '[::ffff:127.0.0.1]'])('is never reached through a proxy: %s', async (host) => {
    const server = await serve(undefined, undefined, '0.0.0.0');
    const between = await proxy({ target: server.port });
    const local = lookupAs('127.0.0.1');
    for (const options of [
      { proxy: between.url }, { env: { HTTP_PROXY: between.url, HTTPS_PROXY: between.url, http_proxy: between.url, https_proxy: between.url } },
    ]) {
      for (const connection of [plain, http]) {
        const client = makeClient({ lookup: local, ...options });
        expect((await client.send(get(`http://${host}:${server.port}/`), connection)).status).toBe(200);
      }
    }
    expect(between.asked).toEqual([]);
  });

  it('is reached although a proxy variable is broken', async () => {
    const server = await serve();
    expect((await makeClient({ env: { HTTP_PROXY: 'nonsense' } }).send(get(server.url), plain)).status).toBe(200);
  });
});

describe('the choice of a proxy', () => {
  /** Which of the proxies, by name, a request for http://service.test went through. */
  async function taken(scheme: 'http' | 'https', settings: (url: (name: string) => string) => { proxy?: string; env?: Record<string, string> }): Promise<string> {
    const proxies = new Map<string, TestProxy>();
    for (const name of ['first', 'second']) proxies.set(name, await proxy({ status: 418 }));
    const client = makeClient({ lookup, ...settings((name) => proxies.get(name)!.url) });
    const error = await failureOf(client.send(get(`${scheme}://service.test/`), http));
    const asked = [...proxies].filter(([, { asked: names }]) => names.length > 0).map(([name]) => name);
    if (asked.length > 0) expect(error.code).toBe('PROXY_FAILED');
    return asked.join(' and ');
  }

  it.each<[string, 'http' | 'https', string, (url: (name: string) => string) => { proxy?: string; env?: Record<string, string> }]>([
    ['HTTP_PROXY for http', 'http', 'first', (url) => ({ env: { HTTP_PROXY: url('first'), HTTPS_PROXY: url('second') } })],
    ['HTTPS_PROXY for https', 'https', 'second', (url) => ({ env: { HTTP_PROXY: url('first'), HTTPS_PROXY: url('second') } })],
    ['HTTP_PROXY for https too when it is alone', 'https', 'first', (url) => ({ env: { HTTP_PROXY: url('first') } })],
    ['not HTTPS_PROXY for http', 'http', '', (url) => ({ env: { HTTPS_PROXY: url('first') } })],
    ['the lower case before the upper', 'https', 'second', (url) => ({ env: { HTTPS_PROXY: url('first'), https_proxy: url('second') } })],
    ['the upper case when the lower is empty', 'https', 'first', (url) => ({ env: { HTTPS_PROXY: url('first'), https_proxy: '' } })],
    ['--proxy before all variables', 'https', 'second', (url) => ({ proxy: url('second'), env: { https_proxy: url('first') } })],
    ['--proxy even where NO_PROXY says none', 'https', 'second', (url) => ({ proxy: url('second'), env: { NO_PROXY: '*' } })],
    ['none where NO_PROXY names the host', 'https', '', (url) => ({ env: { HTTPS_PROXY: url('first'), NO_PROXY: 'example.com,.test' } })],
    ['no_proxy before NO_PROXY', 'https', '', (url) => ({ env: { HTTPS_PROXY: url('first'), NO_PROXY: 'example.com', no_proxy: 'service.test' } })],
    ['none when nothing says so', 'https', '', () => ({})],
  ])('is %s', async (_what, scheme, name, settings) => {
    expect(await taken(scheme, settings)).toBe(name);
  });

  it('reads the environment it was given, not the one of the process', async () => {
    const between = await proxy({ status: 418 });
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) vi.stubEnv(name, between.url);
    after(() => { vi.unstubAllEnvs(); });
    expect((await failureOf(makeClient({ lookup }).send(get('https://service.test/'), plain))).code).toBe('HOST_NOT_FOUND');
    vi.stubEnv('NO_PROXY', '*');
    expect((await failureOf(makeClient({ lookup, env: { HTTPS_PROXY: between.url } }).send(get('https://service.test/'), plain))).code).toBe('PROXY_FAILED');
    expect(between.asked).toEqual(['service.test:443']);
  });

  it.each(['proxy.test:3128', 'ada:hush-hush@proxy.test:3128', '//proxy.test', 'socks5://ada:hush-hush@proxy.test', 'http://'])('names the variable that is no address, never what stands in it: %s', async (value) => {
    const client = makeClient({ lookup, env: { https_proxy: value } });
    const error = await failureOf(client.send(get('https://service.test/'), plain));
    expect(error.code).toBe('PROXY_FAILED');
    expect(error.message).toContain('https_proxy');
    expect(error.hint).toContain('https_proxy=http://');
    expect(allOf(error)).not.toContain('hush');
    if (value.includes('hush')) expect(client.secrets).toContain('hush-hush');
  });

  it.each(['http://ada:hu#sh-pass@proxy.test:3128', 'http://ada:h@hu#sh-pass@proxy.test:3128', 'http://ada:12/sh-pass@proxy.test:3128', 'http://ada:12?sh-pass@proxy.test', 'http://ada#hu:sh-pass@proxy.test'])('takes no part of a password for the proxy\'s name: %s', async (value) => {
    const client = makeClient({ lookup, env: { https_proxy: value } });
    const error = await failureOf(client.send(get('https://service.test/'), plain));
    expect(error).toMatchObject({ code: 'PROXY_FAILED', message: expect.stringContaining('https_proxy is not the address of a proxy: its user name or password holds a character') });
    expect(error.hint).toContain('# as %23');
    for (const part of ['hu', '12', 'sh-pass']) expect(allOf(error)).not.toMatch(new RegExp(`\\b${part}\\b`));
    expect(() => makeClient({ proxy: value })).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('a username or a password') }));
  });

  it.each(['socks5://proxy.test:1080', 'socks5h://ada:hush-hush@proxy.test', 'SOCKS4://proxy.test'])('says of %s that it is a SOCKS proxy, and not that its scheme is missing', async (value) => {
    const error = await failureOf(makeClient({ lookup, env: { HTTPS_PROXY: value } }).send(get('https://service.test/'), plain));
    expect(error.message).toMatch(/names a SOCKS proxy \(socks[45]h?:\/\/\), and only HTTP proxies can be used/);
    expect(error.hint).toMatch(/port for HTTP.*HTTPS_PROXY=http:/);
    expect(error.hint).not.toContain('with its scheme');
    expect(allOf(error)).not.toContain('hush');
  });

  it.each(['proxy.test:3128', 'socks5://proxy.test', '', 'http://'])('refuses --proxy %j', (value) => {
    expect(() => makeClient({ proxy: value })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('refuses --proxy with user info, and never repeats it', () => {
    fc.assert(fc.property(fc.stringMatching(/^[a-zA-Z0-9]{10,20}$/), (word) => {
      for (const url of [`http://ada:${word}@proxy.test:3128`, `http://${word}@proxy.test:3128`, `https://${word}:@proxy.test`]) {
        const secrets: string[] = [];
        try {
          makeClient({ proxy: url, protect: (value) => secrets.push(value) });
          expect.fail('it should have refused');
        } catch (error) {
          expect(error).toMatchObject({ code: 'USAGE' });
          expect(allOf(error as CredsetupError)).not.toContain(word);
        }
      }
    }));
  });
});

describe('a proxy', () => {
  it('leads to the server, and says who it leads through when that fails', async () => {
    const server = await serve((_request, response) => response.end('through'));
    const between = await proxy({ target: server.port });
    const client = makeClient({ lookup, proxy: between.url });
    expect((await client.send(get('http://service.test:8080/'), http)).text).toBe('through');
    expect(between.asked).toEqual(['service.test:8080']);
  });

  it('gets credentials from its variable, masked from then on', async () => {
    const server = await serve();
    const between = await proxy({ target: server.port, credentials: `ada:${password}` });
    const url = between.url.replace('//', `//ada:${encoded}@`);
    const client = makeClient({ lookup, env: { HTTP_PROXY: url } });
    expect((await client.send(get('http://service.test/'), http)).status).toBe(200);
    expect(between.authorizations).toHaveLength(1);
    expect(server.requests[0]?.headers['proxy-authorization']).toBeUndefined();
    expect(client.secrets).toEqual(expect.arrayContaining([password, encoded, Buffer.from(`ada:${password}`).toString('base64')]));
    expect(client.lines.join()).not.toContain('proxy');
  });

  it('gets them from the variable for the same host and port when --proxy names it', async () => {
    const server = await serve();
    const between = await proxy({ target: server.port, credentials: 'ada:hush' });
    const env = { HTTPS_PROXY: between.url.replace('//', '//ada:hush@') };
    expect((await makeClient({ lookup, proxy: between.url, env }).send(get('http://service.test/'), http)).status).toBe(200);
    const other = await proxy({ status: 418 });
    await failureOf(makeClient({ lookup, proxy: other.url, env }).send(get('http://service.test/'), http));
    expect(other.asked).toHaveLength(1);
    expect(other.authorizations).toEqual([]);
  });

  it.each([407, 403, 502, 503, 504, 405, 418])('that answers %i is named, with what to do', async (status) => {
    const between = await proxy({ status });
    const client = makeClient({ lookup, env: { HTTPS_PROXY: between.url.replace('//', `//ada:${encoded}@`) } });
    const error = await failureOf(client.send(get('https://service.test/'), plain));
    expect(error.code).toBe('PROXY_FAILED');
    expect(error.message).toContain(`127.0.0.1:${between.port} (from HTTPS_PROXY)`);
    expect(error.message).toContain(String(status));
    expect(error.message).toContain('service.test:443');
    expect(error.hint).toContain('NO_PROXY=service.test');
    expect(error.hint).toContain('n8n');
    if (status === 407) expect(error.hint).toContain(`HTTPS_PROXY=http://user:password@127.0.0.1:${between.port}`);
    expect(between.asked).toHaveLength(1);
    await between.allClosed();
    silent(client, error);
  });

  it('that asks for credentials says so when it got none', async () => {
    const between = await proxy({ credentials: 'ada:hush' });
    const error = await failureOf(makeClient({ lookup, proxy: between.url }).send(get('https://service.test/'), plain));
    expect(error.message).toContain('asks for credentials');
    expect(error.hint).toContain('--proxy takes them from there');
  });

  it.each([['close', 'closed the connection'], ['garbage', 'not HTTP'], ['hang', 'in time']] as const)('that does something else (%s) fails once, without being tried again and again', async (instead, words) => {
    const between = await proxy({ instead });
    const client = makeClient({ lookup, proxy: between.url, timeoutSeconds: 3, limits: { connectMs: 300 } });
    const error = await failureOf(client.send(get('https://service.test/'), plain));
    expect(error.code).toBe('PROXY_FAILED');
    expect(error.message).toContain(words);
    expect(between.asked).toHaveLength(1);
    silent(client, error);
  });

  it('that hangs until the whole time is over is named', async () => {
    const between = await proxy({ instead: 'hang' });
    const error = await failureOf(makeClient({ lookup, proxy: between.url, timeoutSeconds: 0.3 }).send(get('https://service.test/'), plain));
    expect(error.code).toBe('CONNECTION_TIMEOUT');
    expect(error.message).toContain(`through the proxy 127.0.0.1:${between.port}`);
    expect(error.hint).toContain('NO_PROXY=service.test');
  });

  it('that nobody runs is named, and so is one with an unknown name', async () => {
    const refused = await failureOf(makeClient({ lookup, proxy: `http://127.0.0.1:${await unusedPort()}` }).send(get('https://service.test/'), plain));
    expect(refused.code).toBe('PROXY_FAILED');
    expect(refused.message).toContain('nothing listens there');
    const unknown = await failureOf(makeClient({ lookup, proxy: 'http://proxy.test:3128' }).send(get('https://service.test/'), plain));
    expect(unknown.code).toBe('PROXY_FAILED');
    expect(unknown.message).toContain('its name is not known');
  });
});

describe.skipIf(!has('openssl'))('TLS and proxies', () => {
  const dir = mkdtempSync(join(tmpdir(), 'credsetup-proxy-'));
  let certificates: Certificates;
  beforeAll(() => { certificates = makeCertificates(dir); });
  afterAll(() => rmSync(dir, { recursive: true }));

  it('are end to end: the server\'s certificate is checked for its own name', async () => {
    const server = await serve(undefined, certificates.good);
    const between = await proxy({ target: server.port });
    const names: string[] = [];
    const client = makeClient({ lookup: (...args) => { names.push(args[0]); lookup(...args); }, proxy: between.url });
    const trusting = { ...plain, certificates: [certificates.ca] };
    expect((await client.send(get('https://service.test/'), trusting)).status).toBe(200);
    const mismatch = await failureOf(client.send(get('https://elsewhere.example/'), trusting));
    expect(mismatch.code).toBe('TLS_HOST_MISMATCH');
    const unknown = await failureOf(client.send(get('https://service.test/'), plain));
    expect(unknown.code).toBe('TLS_UNKNOWN_CA');
    expect(unknown.message).toContain(`through the proxy 127.0.0.1:${between.port}`);
    expect(unknown.hint).toContain('A proxy that opens TLS');
    // Not even to look at the certificate is the server connected to directly.
    expect(names).toEqual([]);
    expect(server.requests).toHaveLength(1);
    expect((await client.send(get('https://elsewhere.example/'), { ...plain, ignoreSslIssues: true })).status).toBe(200);
  });

  it('stay checked between us and the proxy, whatever the connection ignores', async () => {
    const server = await serve(undefined, certificates.good);
    const between = await proxy({ target: server.port, tls: certificates.good });
    const url = `https://localhost:${between.port}`;
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    after(() => { vi.unstubAllEnvs(); });
    for (const connection of [{ ...plain, ignoreSslIssues: true }, { ...plain, certificates: [certificates.ca] }]) {
      const error = await failureOf(makeClient({ proxy: url }).send(get('https://service.test/'), connection));
      expect(error.code).toBe('PROXY_FAILED');
      expect(error.message).toContain('its own certificate comes from an unknown CA');
      expect(error.hint).toContain('NODE_EXTRA_CA_CERTS');
    }
    expect(between.asked).toEqual([]);
    const trusted = makeClient({ proxy: url, env: { NODE_EXTRA_CA_CERTS: certificates.caFile } });
    expect((await trusted.send(get('https://service.test/'), plain)).status).toBe(200);
  });

  it('name a proxy whose own certificate is for another name, once', async () => {
    const between = await proxy({ tls: certificates.wrongHost });
    const error = await failureOf(makeClient({ proxy: `https://localhost:${between.port}`, env: { NODE_EXTRA_CA_CERTS: certificates.caFile } }).send(get('https://service.test/'), plain));
    expect(error.code).toBe('PROXY_FAILED');
    expect(error.message).toContain('for another name');
  });
});
