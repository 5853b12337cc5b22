/** The client of n8n's public API, against the practice n8n in its generations. */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startMattermost, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { mauticPassword, startMautic, type PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes, firstN8n, n8nApiKey, newApiKey, oldN8n, startN8n, type N8nOptions, type PracticeN8n } from '../../src/practice/n8n.ts';
import { apiOf } from '../../src/server/connection.ts';
import { createN8nApi, idTaken, type N8nApi } from '../../src/services/n8n/api.ts';
import { capabilitiesOf, capabilityScopes, requireScopes } from '../../src/services/n8n/capabilities.ts';
import { endOfKey } from '../../src/services/n8n/key.ts';
import { verdictOfRun, verdictOfTest, type N8nVerdict } from '../../src/services/n8n/outcome.ts';
import { runInN8n, workflowName, type RunDeps } from '../../src/services/n8n/run.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import { makeCertificates } from '../certificates.ts';
import { after, failureOf, makeClient, plain } from '../http/harness.ts';
import { folder } from '../commands/support.ts';

async function n8n(options: N8nOptions = {}): Promise<PracticeN8n> {
  const server = await startN8n(options);
  after(() => server.close());
  return server;
}
async function mautic(): Promise<PracticeMautic> {
  const server = await startMautic();
  after(() => server.close());
  return server;
}
async function mattermost(tls?: { readonly key: string; readonly cert: string }): Promise<PracticeMattermost> {
  const server = await startMattermost({ tokensEnabled: true, ...(tls === undefined ? {} : { tls }) });
  after(() => server.close());
  return server;
}
const apiTo = (server: PracticeN8n, key = n8nApiKey): N8nApi => createN8nApi(apiOf(server.url, makeClient(), plain), key);

const proofs = {
  mattermostApi: findMethod(findService('mattermost'), 'access-token').n8n.proof!,
  mauticApi: findMethod(findService('mautic'), 'basic').n8n.proof!,
  mauticOAuth2Api: findMethod(findService('mautic'), 'oauth2').n8n.proof!,
};
type Type = keyof typeof proofs;

const data = { url: 'https://crm.example.com', username: 'a', password: 'b' };
const create = async (api: N8nApi, type: Type = 'mauticApi', members: Readonly<Record<string, unknown>> = data, id?: string) => {
  const made = await api.create({ name: 'made', type, data: members, ...(id === undefined ? {} : { id }) });
  if (made === idTaken) throw new Error('taken');
  return made;
};

describe('credentials in n8n', () => {
  it('are made under an id of our own, told of, changed in part and deleted', async () => {
    const server = await n8n();
    const api = apiTo(server);
    expect(await api.abilities()).toEqual({ ownId: true, partialData: true });
    expect(await create(api, 'mauticApi', data, 'our-own_id')).toEqual({ id: 'our-own_id', name: 'made', type: 'mauticApi' });
    expect(await api.create({ name: 'other', type: 'mauticApi', data, id: 'our-own_id' })).toBe(idTaken);
    await api.update('our-own_id', { data: { password: 'new' }, partial: true });
    expect(server.credential('made').data).toEqual({ ...data, password: 'new' });
    expect(await api.find('our-own_id')).toEqual({ id: 'our-own_id', name: 'made', type: 'mauticApi' });
    expect([await api.remove('our-own_id'), await api.remove('our-own_id')]).toEqual([true, false]);
    expect([await api.find('our-own_id'), await api.update('our-own_id', {}), await api.test('our-own_id')]).toEqual([undefined, undefined, undefined]);
  });

  it('of an older n8n are told of by a change of nothing, and it knows no id of ours', async () => {
    const server = await n8n({ abilities: oldN8n });
    const api = apiTo(server);
    expect(await api.abilities()).toEqual({ ownId: false, partialData: false });
    const { id } = await create(api, 'mauticApi', data, 'our-own_id');
    expect(id).not.toBe('our-own_id');
    expect(await api.find(id)).toEqual({ id, name: 'made', type: 'mauticApi' });
    expect(server.credential('made').data).toEqual(data);
    expect(await api.test(id)).toMatchObject({ status: 'untested' });
    expect((await failureOf(api.list())).code).toBe('UNSUPPORTED');
  });

  it('of the first n8n cannot be changed, and it says so', async () => {
    const api = apiTo(await n8n({ abilities: firstN8n }));
    const { id } = await create(api);
    expect((await failureOf(api.find(id))).code).toBe('UNSUPPORTED');
  });

  it('are all told, page by page, or those of our types', async () => {
    const server = await n8n();
    const api = apiTo(server);
    for (let count = 0; count < 230; count += 1) server.state.credentials.push({ id: `made-${count}`, name: `n${count}`, type: count % 2 === 0 ? 'mauticApi' : 'slackApi', data: {}, createdAt: '', updatedAt: '' });
    expect(await api.list()).toHaveLength(230);
    expect(await api.list(new Set(['mauticApi']))).toHaveLength(115);
    expect(server.log.filter(({ path }) => path.includes('cursor='))).not.toEqual([]);
  });

  it('end although an answer names a next page for ever', async () => {
    const server = await n8n();
    let page = 0;
    server.intercept = (request, answer) => request.path !== '/api/v1/credentials' ? answer() : { status: 200, body: { data: [], nextCursor: `page ${page += 1}` } };
    expect(await apiTo(server).list()).toEqual([]);
    expect(page).toBe(200);
  });

  it.each(['../users', 'a/b', '', 'x'.repeat(65), '\ud800', 'a\nb', '..', 7, null, { a: 1 }])('are no credentials with an id such as %j', async (id) => {
    const server = await n8n();
    server.intercept = (request, answer) => request.method === 'POST' ? { status: 200, body: `{"id":${JSON.stringify(id)},"name":"made","type":"mauticApi"}`, headers: { 'content-type': 'application/json' } } : answer();
    const outcome = await failureOf(createThenAsk(apiTo(server)));
    expect(outcome.code).toBe('RESPONSE_INVALID');
    expect(server.log.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /api/v1/credentials']);
  });

  /** `..` has an id's form, and must not lead out of the path all the same. */
  async function createThenAsk(api: N8nApi): Promise<void> {
    const { id } = await create(api);
    await api.find(id);
  }

  it('go into no project that there is not', async () => {
    const error = await failureOf(apiTo(await n8n()).create({ name: 'made', type: 'mauticApi', data, projectId: 'nope' }));
    expect([error.code, error.hint]).toEqual(['NOT_FOUND', expect.stringContaining('--project')]);
  });
});

describe('a key', () => {
  it.each(Object.entries(capabilityScopes))('may not %s without its scope, and that is found without a change', async (capability, scopes) => {
    const server = await n8n();
    for (const scope of scopes) {
      server.state.keys.set('narrow', allScopes.filter((one) => one !== scope));
      const may = await capabilitiesOf(apiTo(server, 'narrow').requests);
      expect(Object.entries(may).filter(([, allowed]) => !allowed).map(([name]) => name)).toEqual([capability]);
    }
    expect([server.state.credentials, server.state.workflows]).toEqual([[], []]);
  });

  it('that lacks several scopes is told all of them at once', async () => {
    const server = await n8n();
    server.state.keys.set('narrow', ['credential:create']);
    const error = await failureOf(requireScopes(apiTo(server, 'narrow').requests, ['credential:create', 'credential:read', 'credential:update']));
    expect([error.code, error.message]).toEqual(['PERMISSION_DENIED', expect.stringContaining('credential:read, credential:update')]);
    expect(error.message).not.toContain('credential:create');
  });

  it('of an old n8n, which lacks requests and no scopes, is not blamed', async () => {
    await requireScopes(apiTo(await n8n({ abilities: oldN8n })).requests, ['credential:create', 'credential:read', 'credential:list']);
  });

  it('ends when its own text says so', () => {
    expect(endOfKey(newApiKey(1_798_205_396))).toBe('2026-12-25T13:29:56.000Z');
    expect([newApiKey(), n8nApiKey, 'wrong', 'a.b.c', 'a.!.c', '..', `a.${Buffer.from('{"exp":"1"}').toString('base64url')}.c`, `a.${Buffer.from('{"exp":1e300}').toString('base64url')}.c`, `a.${Buffer.from('[null]').toString('base64url')}.c`].map(endOfKey))
      .toEqual(Array.from({ length: 9 }, () => undefined));
  });

  it('that has ended is refused with its end, and the switched-off API as the other cause', async () => {
    const server = await n8n();
    const key = newApiKey(1_700_000_000);
    server.state.keys.set(key, allScopes);
    const error = await failureOf(apiTo(server, key).members('mauticApi'));
    expect([error.code, error.message]).toEqual(['API_KEY_REJECTED', expect.stringContaining('2023-11-14')]);
    expect(error.details.causes?.map(({ code }) => code)).toEqual(['API_KEY_ENDED', 'PUBLIC_API_OFF']);
    server.state.mode = 'api-off';
    expect((await failureOf(apiTo(server).members('mauticApi'))).details.causes?.map(({ code }) => code)).toContain('PUBLIC_API_OFF');
  });

  it.each(['starting', 'starting-api'] as const)('is not blamed while n8n starts (%s)', async (mode) => {
    const error = await failureOf(apiTo(await n8n({ mode })).members('mauticApi'));
    expect([error.code, error.details.starting]).toEqual(['SERVER_ERROR', true]);
  });
});

interface Noted { readonly notes: string[]; readonly deps: RunDeps }

function depsOf(
  server: PracticeN8n, { key = n8nApiKey, signal = new AbortController().signal }: { readonly key?: string; readonly signal?: AbortSignal } = {},
): Noted {
  const notes: string[] = [];
  const { requests } = apiTo(server, key);
  const log = (word: string) => async (mark: string, id = ''): Promise<void> => {
    // The note stands before n8n is asked.
    notes.push(`${word} ${mark}${id === '' ? '' : ' id'} (${server.state.workflows.length} there)`);
  };
  return { notes, deps: { requests, cleanUp: requests, mark: 'aabbccddeeff', signal, notes: { begin: log('begin'), made: log('made'), gone: log('gone') }, pause: async (ms) => { await pause(Math.min(ms, 20)); } } };
}

const about = (service: string, url: string, signsIn = false) => ({ service, url, signsIn });
const shortly = ({ status, causes }: N8nVerdict): readonly (string | undefined)[] => [status, causes?.[0]?.code];

describe('what n8n says of a credential', () => {
  /** n8n's own test and a run of the same credential. */
  async function both(server: PracticeN8n, type: Type, members: Readonly<Record<string, unknown>>): Promise<readonly (readonly (string | undefined)[])[]> {
    const api = apiTo(server);
    const made = await create(api, type, members);
    const it = about('the service', String(members['url'] ?? members['baseUrl']), type === 'mauticOAuth2Api');
    const { deps } = depsOf(server);
    const run = await runInN8n(made, proofs[type], it, deps);
    expect(server.state.workflows).toEqual([]);
    return [shortly(verdictOfTest((await api.test(made.id))!, it)), shortly(run)];
  }

  it('is ok where both signed in, and a test that only looked for a sign-in is no proof', async () => {
    const [server, crm, chat] = await Promise.all([n8n(), mautic(), mattermost()]);
    expect(await both(server, 'mattermostApi', { baseUrl: chat.url, accessToken: chat.makeToken('maker').token })).toEqual([['ok', undefined], ['ok', undefined]]);
    const client = crm.makeClient({ owner: 'contacts' });
    const { accessToken, refreshToken } = crm.makeTokens(client, 'contacts');
    const known = { url: crm.url, clientId: client.clientId, clientSecret: client.clientSecret };
    expect(await both(server, 'mauticOAuth2Api', { ...known, oauthTokenData: { access_token: accessToken, refresh_token: refreshToken } })).toEqual([['connected', undefined], ['ok', undefined]]);
    expect(await both(server, 'mauticOAuth2Api', known)).toEqual([['not-connected', 'N8N_NOT_CONNECTED'], ['not-connected', 'N8N_NOT_CONNECTED']]);
    expect(await both(server, 'mauticOAuth2Api', { ...known, oauthTokenData: { access_token: 'dead', refresh_token: 'dead' } })).toEqual([['connected', undefined], ['failed', 'N8N_SIGN_IN_DEAD']]);
  });

  it('is told by its cause: refused, out of reach, not trusted, not allowed', async () => {
    const [server, crm, chat] = await Promise.all([n8n(), mautic(), mattermost(makeCertificates(folder()).selfSigned)]);
    const basic = { url: crm.url, username: 'contacts', password: mauticPassword };
    expect(await both(server, 'mauticApi', { ...basic, password: 'wrong' })).toEqual([['failed', 'N8N_REFUSED_BY_SERVICE'], ['failed', 'N8N_REFUSED_BY_SERVICE']]);
    expect(await both(server, 'mauticApi', { ...basic, url: 'http://127.0.0.1:9' })).toEqual([['failed', 'N8N_CANNOT_REACH'], ['failed', 'N8N_CANNOT_REACH']]);
    expect(await both(server, 'mauticApi', { ...basic, username: 'apionly' })).toEqual([['ok', undefined], ['failed', 'N8N_LACKS_PERMISSION']]);
    expect(await both(server, 'mattermostApi', { baseUrl: chat.url, accessToken: 'x' })).toEqual([['failed', 'N8N_DISTRUSTS_CERTIFICATE'], ['failed', 'N8N_DISTRUSTS_CERTIFICATE']]);
  });

  it.each([
    ['ENOTFOUND', 'N8N_CANNOT_REACH'], ['ETIMEDOUT', 'N8N_CANNOT_REACH'], ['ECONNRESET', 'N8N_CANNOT_REACH'], ['EPROTO', 'N8N_CANNOT_REACH'], ['CERT_HAS_EXPIRED', 'N8N_DISTRUSTS_CERTIFICATE'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'N8N_DISTRUSTS_CERTIFICATE'], ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'N8N_DISTRUSTS_CERTIFICATE'], ['Not Found', 'N8N_CANNOT_REACH'],
    ['Received HTTP status code: 401', 'N8N_REFUSED_BY_SERVICE'], ['Forbidden', 'N8N_LACKS_PERMISSION'], ['constructor', 'N8N_REFUSED_BY_SERVICE'], ['', 'N8N_REFUSED_BY_SERVICE'],
  ])('%j is %s', (message, code) => {
    expect(shortly(verdictOfTest({ status: 'Error', message }, about('Mautic', 'https://crm.example.com')))).toEqual(['failed', code]);
  });

  it('repeats none of a server\'s words, in which a secret may stand', () => {
    const verdicts = [verdictOfTest({ status: 'Error', message: 'geheim1234 is wrong' }, about('M', 'u')), verdictOfRun({ httpCode: 'geheim1234', message: 'geheim1234' }, about('M', 'u'))];
    expect(JSON.stringify(verdicts)).not.toContain('geheim1234');
  });
});

describe('a run of ours', () => {
  async function good(options: N8nOptions = {}): Promise<{
    readonly server: PracticeN8n; readonly made: { readonly id: string; readonly name: string; readonly type: string }; readonly url: string
  }> {
    const [server, crm] = await Promise.all([n8n(options), mautic()]);
    return { server, url: crm.url, made: await create(apiTo(server), 'mauticApi', { url: crm.url, username: 'contacts', password: mauticPassword }) };
  }

  it('is noted before it is made, and gone from n8n and the notes after', async () => {
    const { server, made, url } = await good();
    const { notes, deps } = depsOf(server);
    expect(await runInN8n(made, proofs.mauticApi, about('Mautic', url), deps)).toMatchObject({ status: 'ok', proof: 'run' });
    expect(notes).toEqual(['begin aabbccddeeff (0 there)', 'made aabbccddeeff id (1 there)', 'gone aabbccddeeff (0 there)']);
    expect([server.state.workflows, server.state.executions]).toEqual([[], []]);
    expect(server.log.find(({ path }) => path === '/api/v1/workflows')?.body).toContain(workflowName('aabbccddeeff'));
  });

  it.each(['workflow:activate', 'execution:list'])('removes the workflow when the key lacks %s after it was made', async (scope) => {
    const { server, made, url } = await good();
    server.state.keys.set('narrow', allScopes.filter((one) => one !== scope));
    const { notes, deps } = depsOf(server, { key: 'narrow' });
    expect(await failureOf(runInN8n(made, proofs.mauticApi, about('Mautic', url), deps))).toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining(scope) as string });
    expect([server.state.workflows, notes.at(-1)]).toEqual([[], 'gone aabbccddeeff (0 there)']);
  });

  it('that is stopped meanwhile is removed', async () => {
    const { server, made, url } = await good();
    server.state.executionsCome = false;
    const stop = new AbortController();
    server.intercept = (request, answer) => {
      if (request.path === '/api/v1/executions') stop.abort(new Error('stopped'));
      return answer();
    };
    const { deps } = depsOf(server, { signal: stop.signal });
    await expect(runInN8n(made, proofs.mauticApi, about('Mautic', url), deps)).rejects.toThrow('stopped');
    expect(server.state.workflows).toEqual([]);
  });

  it('stays noted when nobody knows whether it was made', async () => {
    const { server, made, url } = await good();
    server.intercept = async (request, answer) => {
      const reply = await answer();
      return request.path === '/api/v1/workflows' ? { ...reply, hangUp: true } : reply;
    };
    const { notes, deps } = depsOf(server);
    expect((await failureOf(runInN8n(made, proofs.mauticApi, about('Mautic', url), deps))).code).toBe('CONNECTION_LOST');
    expect(notes).toEqual(['begin aabbccddeeff (0 there)']);
  });

  it('reads nothing of what the node read', async () => {
    const { server, made, url } = await good();
    const verdict = await runInN8n(made, proofs.mauticApi, about('Mautic', url), depsOf(server).deps);
    expect(Object.keys(verdict).sort()).toEqual(['message', 'proof', 'status']);
  });
});
