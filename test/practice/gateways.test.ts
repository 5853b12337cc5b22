/** What stands in front of a service, the practice program, and the server that all of them share. */
import { describe, expect, it } from 'vitest';
import { carryOut, furnish, welcome } from '../../src/practice/console.ts';
import { gatewayKinds, inFront, type GatewayKind } from '../../src/practice/gateways.ts';
import { startServer } from '../../src/practice/server.ts';
import { gateway, get, kept, mattermost, mautic, post } from './asking.ts';

describe('what stands in front', () => {
  const expected: Readonly<Record<GatewayKind, readonly [number, string, string]>> = {
    'oauth2-proxy-redirect': [302, 'location', '/oauth2/sign_in'],
    'oauth2-proxy-page': [403, 'set-cookie', '_oauth2_proxy_csrf'],
    'cloudflare-access': [302, 'location', 'https://team.cloudflareaccess.com/cdn-cgi/access/login/'],
    'cloudflare-challenge': [403, 'cf-mitigated', 'challenge'],
    'authelia-redirect': [302, 'location', 'https://auth.example.com/?rd='],
    'authelia-401': [401, 'location', 'https://auth.example.com/?rd='],
    'basic-auth': [401, 'www-authenticate', 'Basic realm="Restricted"'],
    maintenance: [503, 'retry-after', '3600'],
    'bad-gateway': [502, 'server', 'nginx'],
    firewall: [403, 'server', 'nginx'],
    website: [200, 'content-type', 'text/html'],
    'website-404': [404, 'content-type', 'text/html'],
    html: [200, 'content-type', 'text/html'],
    'json-cut': [200, 'content-type', 'application/json'],
    redirect: [302, 'location', 'https://elsewhere.example.com/api/users/self?x=1'],
    'rate-limit': [429, 'content-type', 'text/html'],
    'hang-up': [0, '', ''],
  };

  it.each(gatewayKinds.filter((kind) => kind !== 'hang-up'))('%s answers as such', async (kind) => {
    const server = await gateway(kind);
    const { status, headers } = await get(`${server.url}/api/users/self?x=1`);
    const [wanted, header, beginning] = expected[kind];
    expect(status).toBe(wanted);
    expect(headers.get(header)).toContain(beginning);
    expect(headers.has('x-version-id') || headers.has('mautic-version')).toBe(false);
  });

  it('hangs up, cuts JSON short, redirects elsewhere and names when to come again', async () => {
    await expect(get((await gateway('hang-up')).url)).rejects.toThrow();
    const { text } = await get((await gateway('json-cut')).url);
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    const moved = await get(`${(await gateway('redirect', { to: 'http://127.0.0.1:9', status: 308 })).url}/a`);
    expect([moved.status, moved.headers.get('location')]).toEqual([308, 'http://127.0.0.1:9/a']);
    expect((await get((await gateway('rate-limit', { retryAfter: 7 })).url)).headers.get('retry-after')).toBe('7');
  });

  it('comes and goes while the service runs, and can lose the answer to what was done', async () => {
    const server = await mattermost();
    server.intercept = inFront('maintenance');
    expect((await get(`${server.url}/api/v4/system/ping`)).status).toBe(503);
    server.intercept = async (_request, answer) => ({ ...await answer(), hangUp: true });
    await expect(post(`${server.url}/api/v4/users/me/tokens`, { description: 'x' }, `Bearer ${server.makeSession('maker')}`)).rejects.toThrow();
    expect(server.state.tokens.length).toBe(1);
    server.intercept = undefined;
    expect((await get(`${server.url}/api/v4/system/ping`)).status).toBe(200);
  });
});

describe('the practice program', () => {
  it('turns its switches, puts a gateway in front and takes it away', async () => {
    const practice = furnish(await mattermost(), await mautic());
    expect(welcome(practice)).toContain(practice.token.token);
    expect(carryOut(practice, 'api off')).toContain('off');
    expect(practice.mautic.state.apiEnabled).toBe(false);
    carryOut(practice, 'header off');
    expect(practice.mautic.state.headerDropped).toBe(true);
    carryOut(practice, 'token off');
    expect((await get(`${practice.mattermost.url}/api/v4/users/me`, `Bearer ${practice.token.token}`)).status).toBe(401);
    carryOut(practice, 'mautic firewall');
    expect((await get(practice.mautic.url)).status).toBe(403);
    carryOut(practice, 'mautic open');
    expect((await get(practice.mautic.url)).status).toBe(302);
    expect(carryOut(practice, 'status')).toMatch(/api +off/);
    expect(carryOut(practice, 'nonsense')).toContain('Commands here');
    expect(carryOut(practice, 'quit')).toBeUndefined();
  });
});

describe('the server below', () => {
  it('keeps a log, takes the port it is given and ends open connections', async () => {
    const server = kept(await startServer(() => ({ status: 204 })));
    await get(`${server.url}/a?b=c`, 'Bearer x');
    expect(server.log.map(({ method, path, authorization }) => ({ method, path, authorization }))).toEqual([{ method: 'GET', path: '/a?b=c', authorization: 'Bearer x' }]);
    await expect(startServer(() => ({ status: 204 }), { port: server.port })).rejects.toThrow('EADDRINUSE');
    await server.close();
    await server.close();
    await expect(get(server.url)).rejects.toThrow();
  });
});
