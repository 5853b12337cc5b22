/** The practice n8n's switches, and that it really uses what it holds. */
import { describe, expect, it } from 'vitest';
import { mauticPassword } from '../../src/practice/mautic.ts';
import { allScopes, newApiKey, n8nApiKey, oldN8n, startN8n, type N8nOptions, type PracticeN8n } from '../../src/practice/n8n.ts';
import { kept, mattermost, mautic, send, type Told } from './asking.ts';

const start = async (options: N8nOptions = {}): Promise<PracticeN8n> => kept(await startN8n(options));

function ask(n8n: PracticeN8n, method: string, path: string, body?: unknown, key: string | undefined = n8nApiKey): Promise<Told> {
  const headers = { 'x-n8n-api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  return send(n8n.url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}
const credentials = '/api/v1/credentials';
const make = async (n8n: PracticeN8n, type: string, data: unknown, more: object = {}): Promise<string> =>
  String((await ask(n8n, 'POST', credentials, { name: 'made', type, data, ...more })).body['id']);
const test = async (n8n: PracticeN8n, id: string): Promise<unknown> => (await ask(n8n, 'POST', `${credentials}/${id}/test`)).body;

/** Makes a workflow with the credential, and waits for its first execution. */
async function run(n8n: PracticeN8n, id: string): Promise<{
  readonly status: string; readonly error?: { readonly httpCode: string | null; readonly message: string } | undefined
}> {
  const nodes = [{ name: 'Check', type: 'any', credentials: { any: { id, name: 'made' } } }];
  const { body } = await ask(n8n, 'POST', '/api/v1/workflows', { name: 'w', nodes, connections: {}, settings: {} });
  await ask(n8n, 'POST', `/api/v1/workflows/${String(body['id'])}/activate`);
  const first = () => n8n.state.executions.find(({ workflowId, stoppedAt }) => workflowId === body['id'] && stoppedAt !== undefined);
  await expect.poll(first, { timeout: 20_000, interval: 20 }).toBeDefined();
  await ask(n8n, 'POST', `/api/v1/workflows/${String(body['id'])}/deactivate`);
  return first() as never;
}

describe('what the credential is used for', () => {
  it('renews a refused access token once, and keeps the rotated refresh token', async () => {
    const [n8n, crm] = [await start(), await mautic()];
    const client = crm.makeClient({ owner: 'contacts' });
    const id = await make(n8n, 'mauticOAuth2Api', { url: crm.url, clientId: client.clientId, clientSecret: client.clientSecret });
    expect(await test(n8n, id)).toMatchObject({ status: 'Error', message: 'This OAuth2 credential was not connected to an account.' });
    n8n.connect(id, { ...crm.makeTokens(client, 'contacts'), accessToken: 'ended' });
    expect(await run(n8n, id)).toMatchObject({ status: 'success' });
    const { oauthTokenData } = n8n.credential('made').data as { oauthTokenData: { access_token: string; refresh_token: string } };
    expect(crm.state.refreshTokens.map(({ token }) => token)).toEqual([oauthTokenData.refresh_token]);
    crm.state.accessTokens.length = 0;
    expect(await run(n8n, id)).toMatchObject({ status: 'success' });
  });

  it('calls an OAuth2 credential whose tokens are dead OK, and fails to run it', async () => {
    const [n8n, crm] = [await start(), await mautic()];
    const client = crm.makeClient({ owner: 'contacts' });
    const id = await make(n8n, 'mauticOAuth2Api', { url: crm.url, clientId: client.clientId, clientSecret: client.clientSecret, oauthTokenData: { access_token: 'x', refresh_token: 'y' } });
    expect(await test(n8n, id)).toMatchObject({ status: 'OK' });
    expect(await run(n8n, id)).toMatchObject({ status: 'error', error: { httpCode: '400' } });
  });

  it('reaches a service by the name that only this n8n knows, and not by an address that refuses it', async () => {
    const [n8n, crm] = [await start(), await mautic()];
    n8n.state.hosts.set('http://mautic', crm.url);
    n8n.state.unreachable.add(crm.url);
    const data = { username: 'contacts', password: mauticPassword };
    expect(await test(n8n, await make(n8n, 'mauticApi', { ...data, url: 'http://mautic' }))).toMatchObject({ status: 'OK' });
    expect(await test(n8n, await make(n8n, 'mauticApi', { ...data, url: crm.url }))).toMatchObject({ status: 'Error', message: 'ECONNREFUSED' });
  });

  it('uses a changed credential at its next run', async () => {
    const [n8n, chat] = [await start(), await mattermost({ tokensEnabled: true })];
    const id = await make(n8n, 'mattermostApi', { baseUrl: chat.url, accessToken: 'wrong', allowUnauthorizedCerts: false });
    expect(await run(n8n, id)).toMatchObject({ status: 'error', error: { httpCode: '401' } });
    await ask(n8n, 'PATCH', `${credentials}/${id}`, { data: { accessToken: chat.makeToken('maker').token }, isPartialData: true });
    expect(await run(n8n, id)).toMatchObject({ status: 'success' });
  });

  it('sets no workflow off where executions do not come', async () => {
    const n8n = await start();
    n8n.state.executionsCome = false;
    const { body } = await ask(n8n, 'POST', '/api/v1/workflows', { name: 'w', nodes: [], connections: {}, settings: {} });
    await ask(n8n, 'POST', `/api/v1/workflows/${String(body['id'])}/activate`);
    expect((await ask(n8n, 'DELETE', `/api/v1/workflows/${String(body['id'])}`)).status).toBe(409);
    expect(n8n.state.executions).toEqual([]);
  });
});

describe('an old n8n', () => {
  it('knows no test, no own id, tells nothing of a credential and replaces all of its data', async () => {
    const n8n = await start({ abilities: oldN8n });
    const id = await make(n8n, 'mauticOAuth2Api', { url: 'http://a.test', clientId: '1', clientSecret: '2', oauthTokenData: { access_token: 'x' } }, { id: 'own' });
    expect(id).not.toBe('own');
    const statuses = await Promise.all([ask(n8n, 'POST', `${credentials}/${id}/test`), ask(n8n, 'GET', `${credentials}/${id}`), ask(n8n, 'GET', credentials)]);
    expect(statuses.map(({ status }) => status)).toEqual([405, 405, 405]);
    await ask(n8n, 'PATCH', `${credentials}/${id}`, { data: { url: 'http://b.test' }, isPartialData: true });
    expect(n8n.credential('made').data).toEqual({ url: 'http://b.test' });
  });
});

describe('keys and switches', () => {
  it.each(allScopes)('refuses what %s is missing for', async (scope) => {
    const n8n = await start();
    n8n.state.keys.set('narrow', allScopes.filter((one) => one !== scope));
    const asked = (key: string) => Promise.all([
      ask(n8n, 'POST', credentials, {}, key), ask(n8n, 'PATCH', `${credentials}/none`, {}, key), ask(n8n, 'GET', `${credentials}/none`, undefined, key),
      ask(n8n, 'DELETE', `${credentials}/none`, undefined, key), ask(n8n, 'GET', `${credentials}?limit=1`, undefined, key), ask(n8n, 'POST', '/api/v1/workflows', {}, key),
      ask(n8n, 'POST', '/api/v1/workflows/none/activate', undefined, key), ask(n8n, 'POST', '/api/v1/workflows/none/deactivate', undefined, key),
      ask(n8n, 'DELETE', '/api/v1/workflows/none', undefined, key), ask(n8n, 'GET', '/api/v1/executions?limit=1', undefined, key),
    ]);
    const [full, narrow] = [await asked(n8nApiKey), await asked('narrow')];
    expect(full.map(({ status }) => status)).toEqual([400, 404, 404, 404, 200, 400, 404, 404, 404, 200]);
    expect(narrow.filter(({ status }) => status === 403)).toHaveLength(1);
    expect([n8n.state.credentials, n8n.state.workflows]).toEqual([[], []]);
  });

  it('takes no key that has ended, and none where the public API is off', async () => {
    const n8n = await start();
    const now = Math.floor(Date.now() / 1000);
    for (const end of [now - 1, now + 3600]) n8n.state.keys.set(newApiKey(end), allScopes);
    const statuses = await Promise.all([...n8n.state.keys.keys()].map((key) => ask(n8n, 'GET', credentials, undefined, key)));
    expect(statuses.map(({ status }) => status)).toEqual([200, 401, 200]);
    n8n.state.mode = 'api-off';
    expect(await ask(n8n, 'GET', credentials)).toMatchObject({ status: 401, text: '{"message":"Unauthorized"}' });
  });

  it('is healthy and not ready while its API is not there yet', async () => {
    const n8n = await start({ mode: 'starting-api' });
    const answers = await Promise.all(['/healthz', '/healthz/readiness', credentials].map((path) => ask(n8n, 'GET', path)));
    expect(answers.map(({ status, headers }) => [status, headers.get('content-type')])).toEqual([
      [200, 'application/json; charset=utf-8'], [503, 'application/json; charset=utf-8'], [404, 'text/html; charset=utf-8'],
    ]);
    expect(answers[2]!.text).toContain(`Cannot GET ${credentials}`);
  });
});
