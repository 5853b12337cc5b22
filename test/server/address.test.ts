import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CredsetupError, errorDocument, isCredsetupError, type ErrorCode } from '../../src/errors.ts';
import { withoutMarks } from '../../src/foreign.ts';
import { gatewayKinds, startGateway, type GatewayKind, type GatewayOptions } from '../../src/practice/gateways.ts';
import { startMattermost } from '../../src/practice/mattermost.ts';
import { startMautic } from '../../src/practice/mautic.ts';
import type { PracticeServer } from '../../src/practice/server.ts';
import { findService, services } from '../../src/services/registry.ts';
import { candidateBases, locate, locateWithProof, parseAddress } from '../../src/server/address.ts';
import { makeCertificates, type Certificates } from '../certificates.ts';
import { inputs } from '../generated.ts';
import { after, allOf, failureOf, lookupAs, makeClient, plain } from '../http/harness.ts';
import { unusedPort } from '../ports.ts';
import { temporaryHome } from '../program.ts';
import { has } from '../tools.ts';

const mattermost = findService('mattermost');
const mautic = findService('mautic');

/** Every name leads to this machine; no name server is asked. */
const here = { lookup: lookupAs('127.0.0.1'), limits: { connectMs: 5000, totalMs: 10_000 } };

function find(pasted: string, service = mattermost, connection = plain): Promise<string> {
  return locate(pasted, service, services, makeClient(here), connection);
}

async function refused(pasted: string, code: ErrorCode, service = mattermost, connection = plain): Promise<CredsetupError> {
  const error = await failureOf(find(pasted, service, connection));
  expect(error.code, error.message).toBe(code);
  expect(error.hint).not.toBe('');
  expect(error.details.field).toBe('url');
  // As the sink shows it: the marks of a server's words are for it alone.
  return new CredsetupError(error.code, withoutMarks(error.message), { ...error.details, hint: withoutMarks(error.hint) });
}

async function practice<T extends PracticeServer>(server: Promise<T>): Promise<T> {
  const started = await server;
  after(() => started.close());
  return started;
}

describe('a pasted address', () => {
  it('is a URL or a CredsetupError, whatever is pasted', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl({ withQueryParameters: true, withFragments: true }), hostile), (text) => {
      const result = outcome(text);
      if (isCredsetupError(result)) expect(result.code).toBe('URL_INVALID');
      else expect(['https:', 'http:']).toContain(result.protocol);
    }), inputs(2000));
  });

  it('with a user name or a password is refused without repeating them', () => {
    const scheme = fc.constantFrom('https://', 'http://', 'HTTPS://', '', '//', 'https:/', 'https:\\\\', 'https:///', 'ftp://', 'https:\\', ' https://', 'https//', 'http//', 'https;//', 'https/');
    // Words that stand in no message and in no stack of ours by themselves.
    const word = fc.stringMatching(/^Q7[A-Za-z0-9%!$&'()*+,;=._~-]{8,20}$/);
    const rest = fc.constantFrom('', '/', '/team/channels/town-square', ':8065/login', '?a=b', '#x', '\\x');
    fc.assert(fc.property(scheme, word, word, rest, fc.constantFrom(':', '', '%3A'), (start, user, password, end, between) => {
      const result = outcome(`${start}${user}${between}${password}@chat.example.com${end}`);
      if (!isCredsetupError(result)) return expect.fail(`taken: ${result.href}`);
      expect(allOf(result)).not.toContain(password);
      expect(JSON.stringify(errorDocument(result))).not.toContain(user);
      return undefined;
    }), inputs(1000));
  });

  it('has its letters made small, its international name made ASCII, query and fragment cut', () => {
    expect(parseAddress(' HTTPS://CHAT.Example.COM/Team/channels/x?token=1#here\n').url.href).toBe('https://chat.example.com/Team/channels/x');
    expect(parseAddress('bücher.example').url.href).toBe('https://xn--bcher-kva.example/');
    expect(parseAddress('http://[::1]:8065').url.href).toBe('http://[::1]:8065/');
    expect(parseAddress('::1').url.href).toBe('https://[::1]/');
    expect(parseAddress('https:/chat.example.com/login').url.href).toBe('https://chat.example.com/login');
    expect(parseAddress('https//chat.example.com/login').url.href).toBe('https://chat.example.com/login');
    expect(parseAddress('http//127.0.0.1:8065').url.href).toBe('http://127.0.0.1:8065/');
  });

  it.each(['', '   ', 'https://', 'https', 'http', 'https:', 'https://http', 'chat example.com', 'chat.exa\u200bmple.com', 'ftp://chat.example.com', 'https://a:99999', 'https://[::1', 'file:///etc/passwd', 'javascript:alert(1)'])('%j is no address', (text) => {
    const error = outcome(text);
    expect(isCredsetupError(error) && error.code).toBe('URL_INVALID');
  });
});

describe('the bases that a path may belong to', () => {
  it('are few, each once, the root among them, without a slash at the end', () => {
    const segment = fc.constantFrom('s', 'api', 'v4', 'login', 'index.php', 'team', 'channels', 'mautic', 'chat', 'app', 'oauth', '', '%2e', 'x');
    fc.assert(fc.property(fc.array(segment, { maxLength: 12 }), fc.constantFrom(mattermost, mautic), (segments, service) => {
      const bases = candidateBases(`/${segments.join('/')}`, service.address);
      expect(bases.length).toBeLessThanOrEqual(6);
      expect(new Set(bases).size).toBe(bases.length);
      expect(bases).toContain('');
      expect(bases.every((base) => base === '' || /^\/.*[^/]$/.test(base))).toBe(true);
    }), inputs(1000));
  });
});

describe('Mattermost is found by asking', () => {
  const pages = ['', '/', '/team/channels/town-square', '/login', '/login?redirect_to=%2Fteam', '/api/v4/', '/api/v4/users/me', '/admin_console/integrations/integration_management', '/team/messages/@kim', '//login'];

  it.each(pages)('from %j below its root', async (page) => {
    const server = await practice(startMattermost());
    expect(await find(server.url + page)).toBe(server.url);
  });

  it.each(pages)('from %j in a folder', async (page) => {
    const server = await practice(startMattermost({ prefix: '/company/chat' }));
    expect(await find(server.url + page)).toBe(server.url);
  });

  it.each(['/login', '/api', '/plugins', '/team/channels'])('in the folder %s, which is named like a page of its own', async (prefix) => {
    const server = await practice(startMattermost({ prefix }));
    expect(await find(`${server.url}/team/channels/town-square`)).toBe(server.url);
  });

  it('without a scheme on this machine, where no TLS is spoken', async () => {
    const server = await practice(startMattermost());
    expect(await find(`127.0.0.1:${server.port}/login`)).toBe(server.url);
    expect(await find(`  LOCALHOST:${server.port}  `)).toBe(`http://localhost:${server.port}`);
  });

  it('at an IPv6 address', async () => {
    const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'application/json', 'x-version-id': '10.5.0.1.abc.true' }).end('{"status":"OK"}'));
    await new Promise<void>((resolve) => { server.listen(0, '::1', resolve); });
    after(() => new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }));
    const { port } = server.address() as AddressInfo;
    const base = `http://[::1]:${port}`;
    expect(await locate(`[::1]:${port}/login`, mattermost, services, makeClient(), plain)).toBe(base);
    expect(await locate(`http://[0:0:0:0:0:0:0:1]:${port}/api/v4`, mattermost, services, makeClient(), plain)).toBe(base);
  });

  it('not over http:// on another machine, unless that is allowed', async () => {
    const server = await practice(startMattermost());
    await refused(`http://chat.example.com:${server.port}`, 'URL_INSECURE');
    expect(server.log).toEqual([]);
    expect(await find(`http://chat.example.com:${server.port}/login`, mattermost, { ...plain, allowHttp: true })).toBe(`http://chat.example.com:${server.port}`);
    // No scheme means https:// there, and http:// only where it was allowed.
    await refused(`chat.example.com:${server.port}`, 'TLS_FAILED');
    expect(await find(`chat.example.com:${server.port}`, mattermost, { ...plain, allowHttp: true })).toBe(`http://chat.example.com:${server.port}`);
  });

  it('names the port that nothing listens on', async () => {
    const port = await unusedPort();
    const error = await refused(`127.0.0.1:${port}`, 'CONNECTION_REFUSED');
    expect(error.message).toContain(String(port));
  });
});

describe('Mautic is found by asking', () => {
  const pages = ['', '/s/login', '/s/dashboard', '/s/contacts/view/5', '/index.php', '/index.php/s/login', '/api', '/api/users/self', '/oauth/v2/authorize?client_id=1_x', '/s/config/edit?tab=apiconfig'];

  it.each(pages)('from %j below its root', async (page) => {
    const server = await practice(startMautic());
    expect(await find(server.url + page, mautic)).toBe(server.url);
  });

  it.each(pages)('from %j in a folder, with the API off', async (page) => {
    const server = await practice(startMautic({ prefix: '/mautic', apiEnabled: false }));
    expect(await find(server.url + page, mautic)).toBe(server.url);
  });

  it.each(['/s', '/api', '/app', '/oauth'])('in the folder %s, which is named like a page of its own', async (prefix) => {
    const server = await practice(startMautic({ prefix }));
    expect(await find(`${server.url}/s/login`, mautic)).toBe(server.url);
  });

  it('behind index.php, where the web server rewrites nothing', async () => {
    const server = await practice(startMautic({ prefix: '/index.php' }));
    expect(await find(`${server.url}/s/login`, mautic)).toBe(server.url);
  });
});

it('the answer that proved an address is handed on', async () => {
  const server = await practice(startMautic({ apiEnabled: false }));
  const { base, proof } = await locateWithProof(`${server.url}/s/login`, mautic, services, makeClient(here), plain);
  expect(base).toBe(server.url);
  expect(proof.json()).toMatchObject({ errors: [{ type: 'api_disabled' }] });
});

describe('another service', () => {
  it.each([true, false])('is named: a Mautic whose API is on (%s) is no Mattermost', async (apiEnabled) => {
    const server = await practice(startMautic({ apiEnabled }));
    const error = await refused(`${server.url}/s/login`, 'NOT_MATTERMOST');
    expect(error.message).toContain('is a Mautic');
    expect(error.hint).toContain('credsetup mautic');
  });

  it('is named: a Mattermost is no Mautic', async () => {
    const server = await practice(startMattermost());
    const error = await refused(`${server.url}/login`, 'NOT_MAUTIC', mautic);
    expect(error.message).toContain('is a Mattermost');
    expect(error.hint).toContain('credsetup mattermost');
  });
});

describe('what stands in front or in place of the service', () => {
  const login = '<html><form><input type="password" name="p"></form></html>';
  const expected: Readonly<Record<GatewayKind, { readonly code: ErrorCode; readonly options?: GatewayOptions }>> = {
    'oauth2-proxy-redirect': { code: 'GATEWAY_IN_FRONT' },
    'oauth2-proxy-page': { code: 'GATEWAY_IN_FRONT' },
    'cloudflare-access': { code: 'GATEWAY_IN_FRONT' },
    'cloudflare-challenge': { code: 'GATEWAY_IN_FRONT' },
    'authelia-redirect': { code: 'GATEWAY_IN_FRONT' },
    'authelia-401': { code: 'GATEWAY_IN_FRONT' },
    'basic-auth': { code: 'GATEWAY_IN_FRONT' },
    firewall: { code: 'GATEWAY_IN_FRONT' },
    html: { code: 'GATEWAY_IN_FRONT', options: { text: login } },
    maintenance: { code: 'SERVER_ERROR' },
    'bad-gateway': { code: 'SERVER_ERROR' },
    website: { code: 'NOT_MATTERMOST' },
    'website-404': { code: 'NOT_MATTERMOST' },
    'json-cut': { code: 'RESPONSE_INVALID' },
    redirect: { code: 'REDIRECTED' },
    'rate-limit': { code: 'RATE_LIMITED', options: { retryAfter: 120 } },
    'hang-up': { code: 'CONNECTION_LOST' },
  };

  it.each(gatewayKinds)('%s is told', async (kind) => {
    const { code, options } = expected[kind];
    const server = await practice(startGateway(kind, { to: 'https://127.0.0.1:1', ...options }));
    const error = await refused(server.url, code);
    if (code === 'GATEWAY_IN_FRONT') expect(`${error.message} ${error.hint}`).toMatch(/n8n cannot pass it/);
    const asMautic = await refused(`${server.url}/s/login`, code === 'NOT_MATTERMOST' ? 'NOT_MAUTIC' : code, mautic);
    expect(asMautic.message).not.toContain('Mattermost');
  });

  it.each(['<input', '<input ', '<input a="', '<', ' ', '/', '"type"', '\u001b[', '{"id":', '[['])('a page of megabytes of %j is judged in a moment', async (pump) => {
    const text = pump.repeat(Math.floor(1_000_000 / pump.length));
    const server = await practice(startGateway('html', { text }));
    const before = process.cpuUsage();
    const error = await failureOf(find(`${server.url}/a/b`));
    const { user } = process.cpuUsage(before);
    expect(['NOT_MATTERMOST', 'GATEWAY_IN_FRONT']).toContain(error.code);
    // A quadratic pattern takes minutes; a linear one milliseconds.
    expect(user / 1e6).toBeLessThan(5);
  });

  it('an answer that says wait is not followed by another request', async () => {
    const server = await practice(startGateway('rate-limit', { retryAfter: 120 }));
    const error = await refused(`${server.url}/a/b/c/d`, 'RATE_LIMITED');
    expect(error.hint).toContain('120');
    expect(server.log).toHaveLength(1);
  });

  it('JSON that is cut short on one base does not hide the service on another', async () => {
    const server = await practice(startMattermost());
    server.intercept = (request, answer) => (request.path.startsWith('/deep') ? { status: 404, headers: { 'content-type': 'application/json' }, body: '{"error": ' } : answer());
    expect(await find(`${server.url}/deep/page`)).toBe(server.url);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('(%i) to the service is named with the address to use', async (status) => {
    const server = await practice(startMattermost());
    const old = await practice(startGateway('redirect', { to: server.url, status }));
    const error = await refused(`${old.url}/login`, 'REDIRECTED');
    expect(error.details.location).toBe(server.url);
    expect(error.hint).toContain(`--url ${server.url}`);
  });

  it('to where no such service answers is named, and not offered', async () => {
    const website = await practice(startGateway('website'));
    const old = await practice(startGateway('redirect', { to: website.url }));
    const error = await refused(old.url, 'REDIRECTED');
    expect(error.details.location).toBeUndefined();
    expect(error.message).toContain(website.url);
  });

  it('to a host that cannot be reached is still a redirect', async () => {
    const old = await practice(startGateway('redirect', { to: `https://127.0.0.1:${await unusedPort()}` }));
    const error = await refused(old.url, 'REDIRECTED');
    expect(error.details.location).toBeUndefined();
    expect(error.message).toContain('CONNECTION_REFUSED');
    expect(error.message).not.toContain('no Mattermost answered');
  });

  it('to itself is a loop, and says whose it is to end', async () => {
    const old = await practice(startGateway('website'));
    old.intercept = (request) => ({ status: 301, headers: { location: new URL(request.target, request.url).href }, body: '' });
    const error = await refused(old.url, 'REDIRECTED');
    expect(error.message).toMatch(/redirects to itself/);
    expect(error.hint).toMatch(/X-Forwarded-Proto.*n8n runs into the same loop/);
    expect(error.details.location).toBeUndefined();
  });

  it('to where it leads back from is a loop too', async () => {
    const one = await practice(startGateway('redirect'));
    const other = await practice(startGateway('redirect', { to: one.url }));
    one.intercept = (request) => ({ status: 302, headers: { location: `${other.url}${request.target}` }, body: '' });
    expect((await refused(one.url, 'REDIRECTED')).message).toMatch(new RegExp(`redirects to ${other.url}, which leads back`));
  });

  it('of thousands of folders is asked for a few', async () => {
    const server = await practice(startGateway('website-404'));
    const old = await practice(startGateway('redirect', { to: `${server.url}${'/a'.repeat(5000)}` }));
    await refused(old.url, 'REDIRECTED');
    expect(server.log.length).toBeLessThanOrEqual(3);
  });

  it('to a sign-in page is a gateway', async () => {
    const old = await practice(startGateway('redirect', { to: 'https://sso.example.com/login', keepPath: false }));
    await refused(old.url, 'GATEWAY_IN_FRONT');
  });

  it('with a folder added is named with the folder', async () => {
    const server = await practice(startMautic({ prefix: '/mautic' }));
    const old = await practice(startGateway('redirect', { to: `${server.url}/s/login`, keepPath: false }));
    expect((await refused(old.url, 'REDIRECTED', mautic)).details.location).toBe(server.url);
  });
});

describe.runIf(has('openssl'))('over TLS', () => {
  let certificates: Certificates;
  beforeAll(() => { certificates = makeCertificates(join(temporaryHome(), 'certificates')); });

  it('an address without a scheme is asked by https://', async () => {
    const server = await practice(startMattermost({ tls: certificates.good, hostname: 'service.test' }));
    expect(await find(`service.test:${server.port}/team/channels/town-square`, mattermost, { ...plain, certificates: [certificates.ca] })).toBe(server.url);
  });

  it('a redirect from https to http is never followed, not even to look', async () => {
    const target = await practice(startMattermost());
    const old = await practice(startGateway('redirect', { to: target.url, tls: certificates.good }));
    const error = await refused(old.url, 'REDIRECTED', mattermost, { ...plain, certificates: [certificates.ca] });
    expect(error.details.location).toBeUndefined();
    expect(error.message).toContain('not encrypted');
    expect(target.log).toEqual([]);
  });

  it('checks that are off for one host are on for the one that it points to', async () => {
    const target = await practice(startMattermost({ tls: certificates.selfSigned, hostname: 'other.test' }));
    const old = await practice(startGateway('redirect', { to: target.url, tls: certificates.selfSigned, hostname: 'service.test' }));
    const error = await refused(old.url, 'REDIRECTED', mattermost, { ...plain, ignoreSslIssues: true });
    expect(error.details.location).toBeUndefined();
    expect(target.log).toEqual([]);
    // That nothing is known of it is no word against it: its certificate was refused, and that is said.
    expect(error.message).toContain(`${old.url} redirects to ${target.url}`);
    expect(error.message).toContain('certificate that signed itself');
    expect(error.message).not.toContain('no Mattermost answered');
    expect(error.hint).toMatch(new RegExp(`--url ${target.url} .*--ca-file`));
  });

  it.each([['selfSigned', 'TLS_SELF_SIGNED'], ['good', 'TLS_UNKNOWN_CA'], ['expired', 'TLS_EXPIRED']] as const)('a redirect to a certificate that is not trusted (%s) is told as that, with what helps', async (which, code) => {
    const target = await practice(startMattermost({ tls: certificates[which], hostname: 'other.test' }));
    const old = await practice(startGateway('redirect', { to: target.url }));
    const error = await refused(old.url, 'REDIRECTED');
    expect(error.message).toContain(`redirects to ${target.url}/`);
    expect(error.message).toContain(code);
    expect(error.message).not.toContain('no Mattermost answered');
    if (which === 'good') expect(error.hint).toContain('--ca-file');
    expect(target.log).toEqual([]);
  });
});

it.each([['', 'at the root'], ['/mautic', 'in a folder']])('a Mautic whose routes are not in its cache says that it has to be cleared (%s, %s)', async (prefix) => {
  const server = await practice(startMautic({ prefix }));
  server.intercept = (request) => ({ status: 404, headers: { 'content-type': 'application/json' }, body: { errors: [{ message: `Requested URL not found: ${request.target}`, code: 404, type: null }] } });
  const error = await refused(`${server.url}/s/dashboard`, 'API_DISABLED', mautic);
  expect(error.message).toContain(server.url);
  expect(error.hint).toContain('cache:clear');
});

it.each([{ errors: [] }, { errors: [{ message: 'Not found' }] }, { errors: [{ message: 'Not found', code: 404, type: 'missing' }] }])('another service\'s 404 in JSON is no such Mautic: %j', async (body) => {
  const server = await practice(startGateway('html', { status: 404, text: JSON.stringify(body) }));
  server.intercept = () => ({ status: 404, headers: { 'content-type': 'application/json' }, body });
  await refused(server.url, 'NOT_MAUTIC', mautic);
});

const hostile = fc.tuple(
  fc.constantFrom('', 'https://', 'http://', 'https:/', '\\\\', 'http:'),
  fc.constantFrom('a@b', '[::1]', '[::1', '1.2.3.4', '%00', 'x%', '\u202e', 'xn--', '..', 'a..b', 'localhost', '０x7f.1'),
  fc.constantFrom('', ':0', ':99999', ':', '/..', '/%2e%2e/', '?', '#', '\\', ' ', '\n'),
).map((parts) => parts.join(''));

function outcome(text: string): URL | CredsetupError {
  try {
    return parseAddress(text).url;
  } catch (error) {
    if (isCredsetupError(error)) return error;
    throw error;
  }
}
