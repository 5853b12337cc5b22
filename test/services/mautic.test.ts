import { describe, expect, it } from 'vitest';
import { inFront, type GatewayKind } from '../../src/practice/gateways.ts';
import { mauticPassword, startMautic, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { withoutMarks } from '../../src/foreign.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import type { Api, ServerState } from '../../src/services/api.ts';
import type { Validation } from '../../src/services/service.ts';
import { apiOf } from '../../src/server/connection.ts';
import { after, failureOf, makeClient, plain } from '../http/harness.ts';

const service = findService('mautic');
const method = findMethod(service, 'basic');
const unknown: ServerState = { done: {}, warnings: [], says: [] };

async function mautic(options: MauticOptions = {}): Promise<PracticeMautic> {
  const server = await startMautic(options);
  after(() => server.close());
  return server;
}

const apiTo = (server: PracticeMautic): Api => apiOf(server.url, makeClient(), plain);
const inspect = (server: PracticeMautic): Promise<ServerState> => service.inspect(apiTo(server), method, undefined);
const validate = (
  server: PracticeMautic, username: string, password = mauticPassword, state = unknown,
): Promise<Validation> => method.validate(apiTo(server), { fields: { username }, secrets: { password } }, state);

/** The credentials of every request, in order. */
const sent = (server: PracticeMautic): string[] => server.log.map(({ authorization }) => {
  const [scheme = '', value = ''] = (authorization ?? 'none').split(' ');
  return scheme === 'Basic' ? `Basic ${Buffer.from(value, 'base64').toString()}` : `${scheme} ${value}`.trim();
});

const versions = ['7.0.0', '5.1.0'] as const;

describe.each(versions)('Mautic %s before any secret is sent', (version) => {
  it('says with two made-up credentials that all is on', async () => {
    const server = await mautic({ version });
    const state = await inspect(server);
    expect(state).toMatchObject({ done: { api: true, 'basic-auth': true } });
    expect(state.fault).toBeUndefined();
    expect(sent(server)).toEqual(['none', 'Bearer credsetup-probe', 'Basic credsetup-probe:credsetup-probe']);
  });

  it('says of an API whose routes are not in the cache that it has to be cleared, with one question', async () => {
    const server = await mautic({ version });
    server.intercept = (request) => ({ status: 404, headers: { 'content-type': 'application/json' }, body: { errors: [{ message: `Requested URL not found: ${request.target}`, code: 404, type: null }] } });
    const { fault } = await inspect(server);
    expect([fault?.code, fault?.hint]).toEqual(['API_DISABLED', expect.stringContaining('cache:clear')]);
    expect(sent(server)).toEqual(['none']);
    expect((await failureOf(validate(server, 'admin'))).hint).toContain('cache:clear');
  });

  it('says with none that the API is off', async () => {
    const server = await mautic({ version, apiEnabled: false });
    expect((await inspect(server)).done).toEqual({ api: false });
    expect(sent(server)).toEqual(['none']);
  });

  it('says that basic auth is off', async () => {
    expect((await inspect(await mautic({ version, basicEnabled: false }))).done).toMatchObject({ api: true, 'basic-auth': false });
  });

  it('says that the Authorization header is lost, and is not asked about basic auth, which would look on', async () => {
    const server = await mautic({ version, headerDropped: true });
    const { fault, done } = await inspect(server);
    expect(fault?.code).toBe('AUTHORIZATION_HEADER_DROPPED');
    expect(fault?.hint).toContain('CGIPassAuth On');
    expect(done['basic-auth']).toBeUndefined();
    expect(sent(server)).toEqual(['none', 'Bearer credsetup-probe']);
  });
});

describe('a step that is waited for', () => {
  const steps = method.steps.flatMap(({ id, isDone }) => (isDone === undefined ? [] : [[id, isDone] as const]));

  it.each(steps)('%s is asked for no more once something else answers in place of Mautic', async (_, isDone) => {
    const server = await mautic();
    for (const kind of ['firewall', 'html', 'basic-auth'] as const) {
      server.intercept = inFront(kind);
      expect((await failureOf(isDone(apiTo(server)))).code, kind).toBe('GATEWAY_IN_FRONT');
    }
    server.intercept = inFront('rate-limit');
    expect((await failureOf(isDone(apiTo(server)))).code).toBe('RATE_LIMITED');
  });

  it.each(steps)('%s is not done while Mautic says so, and done when it is on', async (id, isDone) => {
    const off = await mautic(id === 'api' ? { apiEnabled: false } : { basicEnabled: false });
    expect(await isDone(apiTo(off))).toBe(false);
    expect(await isDone(apiTo(await mautic()))).toBe(true);
  });
});

it('a Mautic that moves while it is asked is REDIRECTED, with its new address', async () => {
  const server = await mautic();
  server.intercept = (request, answer) => (request.authorization === undefined ? answer() : { status: 301, headers: { location: `https://crm.example.com${request.target}` }, body: '' });
  const error = await failureOf(validate(server, 'contacts'));
  expect(error).toMatchObject({ code: 'REDIRECTED', details: { location: 'https://crm.example.com' }, message: expect.stringContaining('https://crm.example.com') });
  expect(withoutMarks(error.hint)).toContain('edit NAME --url https://crm.example.com');
});

describe.each(versions)('a password at Mautic %s', (version) => {
  it('that is right tells the account, its role and the version', async () => {
    expect(await validate(await mautic({ version }), 'admin')).toEqual({
      account: { id: '1', username: 'admin', name: 'Ada Admin', email: 'admin@example.com', admin: true }, version,
      capabilities: { contacts: true, companies: true, segments: true, campaigns: true, webhooks: true },
      warnings: [expect.objectContaining({ code: 'ADMIN_ACCOUNT' })],
    });
  });

  it.each([
    ['bare', {}, []],
    ['apionly', { 'api:access': ['full'] }, []],
    ['contacts', { 'lead:leads': ['viewown', 'viewother'] }, ['contacts', 'companies']],
    ['lists', { 'lead:lists': ['viewother'], 'campaign:campaigns': ['view'] }, ['segments', 'campaigns']],
    ['hooks', { 'webhook:webhooks': ['full'] }, ['webhooks']],
  ] as const)('of the role %s means what its permissions allow, whatever 200 says', async (name, rawPermissions, may) => {
    const server = await mautic({ version });
    const username = ['bare', 'apionly', 'contacts'].includes(name) ? name : server.addUser(name, rawPermissions).username;
    const { capabilities, warnings } = await validate(server, username);
    expect(Object.keys(capabilities).filter((one) => capabilities[one] === true)).toEqual(may);
    expect(Object.keys(capabilities)).toEqual(service.capabilities);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['is wrong', 'contacts', 'wrong', () => undefined],
    ['is of nobody', 'nobody', mauticPassword, () => undefined],
    ['is of a deactivated account', 'contacts', mauticPassword, (server: PracticeMautic) => { server.user('contacts').published = false; }],
  ] as const)('that %s is PASSWORD_REJECTED with its causes, and is sent once', async (_what, username, password, prepare) => {
    const server = await mautic({ version });
    prepare(server);
    const error = await failureOf(validate(server, username, password));
    expect(error).toMatchObject({ code: 'PASSWORD_REJECTED', details: { field: 'password', service: 'mautic', url: server.url } });
    expect((error.details.causes ?? []).map(({ code }) => code)).toEqual(['PASSWORD_WRONG', 'USERNAME_WRONG', 'ACCOUNT_DEACTIVATED', 'SIGN_IN_ELSEWHERE']);
    expect(sent(server)).toEqual([`Basic ${username}:${password}`, 'Bearer credsetup-probe']);
  });

  it('is not asked about with a made-up token when the set-up has asked already', async () => {
    const server = await mautic({ version });
    const state = await inspect(server);
    server.log.length = 0;
    expect((await failureOf(validate(server, 'contacts', 'wrong', state))).code).toBe('PASSWORD_REJECTED');
    expect(sent(server)).toEqual(['Basic contacts:wrong']);
  });

  it('that a lost header looks like is told apart', async () => {
    const server = await mautic({ version, headerDropped: true });
    const api = apiTo(server);
    for (const password of [mauticPassword, 'another']) {
      expect((await failureOf(method.validate(api, { fields: { username: 'contacts' }, secrets: { password } }, unknown))).code).toBe('AUTHORIZATION_HEADER_DROPPED');
    }
    // Both refusals of one run share the one made-up token.
    expect(sent(server).filter((one) => one.startsWith('Bearer'))).toHaveLength(1);
  });

  it.each([['apiEnabled', 'API_DISABLED', 'API enabled?'], ['basicEnabled', 'BASIC_AUTH_DISABLED', 'Enable HTTP basic auth?']] as const)('tells that %s was turned off since', async (option, code, label) => {
    const server = await mautic({ version, [option]: false });
    const error = await failureOf(validate(server, 'contacts'));
    expect(error.code).toBe(code);
    expect(error.hint).toContain(label);
    expect(error.hint).toContain(`${server.url}/s/config/edit?tab=apiconfig`);
    expect(server.log).toHaveLength(1);
  });

  it('may hold anything that a person types', async () => {
    const server = await mautic({ version });
    server.user('contacts').password = ' pâss:wörd "\'%\\ 🔑 ';
    expect((await validate(server, 'contacts', ' pâss:wörd "\'%\\ 🔑 ')).account.username).toBe('contacts');
  });

  it('behind a username with a colon is never sent', async () => {
    const server = await mautic({ version });
    expect(await failureOf(validate(server, 'a:b'))).toMatchObject({ code: 'INPUT_INVALID', details: { field: 'username' } });
    expect(server.log).toEqual([]);
  });
});

describe('something between us and Mautic', () => {
  const kinds: Readonly<Partial<Record<GatewayKind, readonly [validating: string, inspecting: string]>>> = {
    'basic-auth': ['RESPONSE_INVALID', 'GATEWAY_IN_FRONT'], firewall: ['RESPONSE_INVALID', 'GATEWAY_IN_FRONT'], website: ['RESPONSE_INVALID', 'GATEWAY_IN_FRONT'], 'json-cut': ['RESPONSE_INVALID', 'GATEWAY_IN_FRONT'],
    'rate-limit': ['RATE_LIMITED', 'RATE_LIMITED'], maintenance: ['SERVER_ERROR', 'SERVER_ERROR'], 'hang-up': ['CONNECTION_LOST', 'CONNECTION_LOST'],
  };

  it.each(Object.entries(kinds))('(%s) that answers the password is told, and the password is sent once', async (kind, [code]) => {
    const server = await mautic();
    server.intercept = inFront(kind as GatewayKind);
    const error = await failureOf(validate(server, 'contacts'));
    expect(error.code, error.message).toBe(code);
    expect(server.log).toHaveLength(1);
  });

  it.each(Object.entries(kinds))('(%s) that answers the first made-up credential ends the questions', async (kind, [, code]) => {
    const server = await mautic();
    const bad = inFront(kind as GatewayKind);
    server.intercept = (request, answer) => (request.authorization === undefined ? answer() : bad(request));
    const error = await failureOf(inspect(server));
    expect(error.code, error.message).toBe(code);
    expect(sent(server)).toEqual(['none', 'Bearer credsetup-probe']);
  });

  it('that slows the account down while its rights are asked is RATE_LIMITED, not a missing right', async () => {
    const server = await mautic();
    const bad = inFront('rate-limit', { retryAfter: 30 });
    server.intercept = (request, answer) => (request.path.startsWith('/api/users') ? answer() : bad(request));
    expect((await failureOf(validate(server, 'contacts'))).code).toBe('RATE_LIMITED');
  });
});
