/**
 * The practice n8n answers every recorded request as n8n 2.41.1 did, in the recorded order: what an
 * earlier request changed is there later. The credentials are used at practice services.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMattermost, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { mauticPassword, startMautic, type PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { makeCertificates } from '../certificates.ts';
import { folder } from '../commands/support.ts';

interface Exchange {
  readonly name: string;
  readonly note: string;
  readonly server?: { readonly credential?: string };
  readonly request: { readonly method: string; readonly path: string; readonly apiKey?: string; readonly authorization?: string; readonly body?: unknown };
  readonly response: { readonly status: number; readonly contentType?: string; readonly headers?: Readonly<Record<string, string>>; readonly body: unknown };
}

const recorded = (file: string): Exchange[] => JSON.parse(readFileSync(new URL(`../wire/${file}`, import.meta.url), 'utf8')) as Exchange[];

const keys: Readonly<Record<string, string>> = {
  good: n8nApiKey, wrong: 'wrong', 'credential:create alone': 'narrow', '<key with the scopes of a run>': n8nApiKey, '<key with credential scopes alone>': 'credentials',
};
const credentialScopes = allScopes.filter((scope) => scope.startsWith('credential:'));

async function send(n8n: PracticeN8n, { method, path, apiKey, authorization, body }: Exchange['request'], fill: (text: string) => string): Promise<Response> {
  const described = apiKey ?? authorization;
  const key = described === undefined ? undefined : keys[described];
  if (described !== undefined && key === undefined) throw new Error(`no key for ${described}`);
  const headers = { ...(key === undefined ? {} : { 'x-n8n-api-key': key }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  return fetch(n8n.url + fill(path), { method, headers, body: body === undefined ? null : fill(JSON.stringify(body)) });
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The same members and values; what stands for a value, ids and times by their form. */
function compare(actual: unknown, expected: unknown, where: string): void {
  if (Array.isArray(expected)) {
    expect(Array.isArray(actual) && actual.length, `${where}: length`).toBe(expected.length);
    expected.forEach((one, index) => compare((actual as unknown[])[index], one, `${where}[${index}]`));
  } else if (typeof expected === 'object' && expected !== null) {
    expect(typeof actual === 'object' && actual !== null, where).toBe(true);
    expect(Object.keys(actual as object).sort(), `${where}: members`).toEqual(Object.keys(expected).sort());
    for (const [name, value] of Object.entries(expected)) compare((actual as Record<string, unknown>)[name], value, `${where}.${name}`);
  } else if (typeof expected === 'string' && (time.test(expected) || expected === '<time>')) {
    expect(actual, where).toMatch(time);
  } else if (typeof expected === 'string' && /^[A-Za-z0-9]{16}$/.test(expected)) {
    expect(actual, where).toMatch(/^[A-Za-z0-9]{16}$/);
  } else if (typeof expected === 'string' && /^[0-9a-f-]{36}$|^[a-z0-9]{26}$/.test(expected)) {
    expect(actual, where).toMatch(/^[0-9a-f-]{36}$|^[a-z0-9]{26}$/);
  } else if (typeof expected === 'string' && /<.*>/.test(expected) && !expected.includes('@')) {
    expect(actual === undefined || actual === null, `${where} stands for a value`).toBe(false);
  } else {
    expect(actual, where).toEqual(expected);
  }
}

/** Of the service's own words to n8n, only that they are there: they are recorded in the service's file. */
function compareAnswer(body: string, { name, response }: Exchange): void {
  const actual = JSON.parse(body) as unknown;
  if (name === 'list') delete (actual as { data: { shared?: unknown }[] }).data[0]!.shared;
  const expected = JSON.parse(JSON.stringify(response.body)) as { data?: { shared?: unknown }[] };
  if (name === 'list') delete expected.data?.[0]!.shared;
  compare(actual, expected, name);
}

describe('n8n 2.41.1', () => {
  const exchanges = recorded('n8n.json');
  const runs = recorded('n8n-run.json');
  const ids = new Map<string, string>([['<own id>', 'own-id_of-ours']]);
  let n8n: PracticeN8n;
  let mattermost: PracticeMattermost;
  let mautic: PracticeMautic;
  let untrusted: PracticeMattermost;
  let token = '';

  beforeAll(async () => {
    n8n = await startN8n();
    mattermost = await startMattermost({ tokensEnabled: true });
    mautic = await startMautic();
    untrusted = await startMattermost({ tokensEnabled: true, tls: makeCertificates(folder()).selfSigned });
    ({ token } = mattermost.makeToken('maker'));
    n8n.state.keys.set('narrow', ['credential:create']).set('credentials', credentialScopes);
  });
  afterAll(() => Promise.all([n8n, mattermost, mautic, untrusted].map((server) => server.close())));

  const fill = (text: string): string => [...ids].reduce((filled, [standIn, id]) => filled.replaceAll(standIn, id), text)
    .replaceAll('<token>', token).replaceAll('http://127.0.0.1:8075', mattermost.url);

  it('has every recorded request', () => {
    expect([exchanges.length, runs.length]).toEqual([34, 18]);
  });

  for (const exchange of exchanges) {
    it(exchange.name, async () => {
      const response = await send(n8n, exchange.request, fill);
      const body = await response.text();
      expect(response.status, body).toBe(exchange.response.status);
      expect(response.headers.get('content-type')).toBe(exchange.response.contentType);
      if (exchange.request.method === 'POST' && response.status === 200 && exchange.name.startsWith('create')) {
        ids.set((exchange.response.body as { id: string }).id, (JSON.parse(body) as { id: string }).id);
      }
      compareAnswer(body, exchange);
    });
  }

  /** Each recorded state of a credential, made at the services that are there. */
  const states: Readonly<Record<string, () => { readonly type: string; readonly data: Readonly<Record<string, unknown>> }>> = {
    'run-mattermost-refused': () => ({ type: 'mattermostApi', data: { baseUrl: mattermost.url, accessToken: 'no-such-token' } }),
    'run-mattermost-unreachable': () => ({ type: 'mattermostApi', data: { baseUrl: 'http://127.0.0.1:9', accessToken: token } }),
    'run-mattermost-distrusted': () => ({ type: 'mattermostApi', data: { baseUrl: untrusted.url, accessToken: token } }),
    'run-mautic-basic-ok': () => ({ type: 'mauticApi', data: { url: mautic.url, username: 'contacts', password: mauticPassword } }),
    'run-mautic-basic-refused': () => ({ type: 'mauticApi', data: { url: mautic.url, username: 'contacts', password: 'wrong' } }),
    'run-no-permission': () => ({ type: 'mauticApi', data: { url: mautic.url, username: 'apionly', password: mauticPassword } }),
    'run-mautic-oauth-not-connected': () => ({ type: 'mauticOAuth2Api', data: { url: mautic.url, clientId: '1_a', clientSecret: 'b' } }),
    'run-mautic-oauth-dead': () => ({ type: 'mauticOAuth2Api', data: { url: mautic.url, clientId: '1_a', clientSecret: 'b', oauthTokenData: { access_token: 'dead', refresh_token: 'dead' } } }),
  };

  const call = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await send(n8n, { method, path, apiKey: 'good', ...(body === undefined ? {} : { body }) }, fill);
    return await response.json() as Record<string, unknown>;
  };

  /** A credential in that state, n8n's own test of it as the note tells it, and a workflow that runs it. */
  async function arrange(name: string, note: string): Promise<void> {
    const { id } = await call('POST', '/api/v1/credentials', { name: 'credsetup check', ...states[name]!() });
    const own = JSON.parse(/: (\{.*\})$/.exec(note)?.[1] ?? '') as unknown;
    expect(await call('POST', `/api/v1/credentials/${String(id)}/test`)).toEqual(own);
    const node = { ...(runs[0]!.request.body as { nodes: object[] }).nodes[1], credentials: { any: { id, name: 'credsetup check' } } };
    const made = await call('POST', '/api/v1/workflows', { ...runs[0]!.request.body as object, nodes: [node] });
    ids.set('<workflow id>', String(made['id']));
    await call('POST', '/api/v1/workflows/<workflow id>/activate');
  }

  const finished = async (): Promise<void> => {
    await expect.poll(() => n8n.state.executions.some((one) => one.workflowId === ids.get('<workflow id>') && one.stoppedAt !== undefined), { timeout: 20_000, interval: 20 }).toBe(true);
  };

  /** What happened at the real one between the recorded requests. */
  const before: Readonly<Record<string, () => Promise<void> | void>> = {
    'run-create': () => {
      ids.set('<credential id>', [...ids.values()][1]!);
    },
    'run-mattermost-ok': () => finished(),
    'run-delete': async () => {
      await expect.poll(() => n8n.state.workflows.every(({ unpublishedAt }) => unpublishedAt < Date.now()), { interval: 20 }).toBe(true);
    },
  };

  for (const exchange of runs) {
    it(exchange.name, async () => {
      await before[exchange.name]?.();
      if (states[exchange.name] !== undefined) {
        await arrange(exchange.name, exchange.note);
        await finished();
      }
      const response = await send(n8n, exchange.request, fill);
      const body = await response.text();
      expect(response.status, body).toBe(exchange.response.status);
      if (exchange.name === 'run-create') ids.set('<workflow id>', (JSON.parse(body) as { id: string }).id);
      if (states[exchange.name] === undefined) compareAnswer(body, exchange);
      else compareRun(body, exchange);
    });
  }

  /** The ports of this run, and the service's message, differ. */
  function compareRun(body: string, exchange: Exchange): void {
    type Answer = { data: { data: { resultData: { error?: { context?: unknown; description?: string; messages?: unknown } } } }[] };
    const [actual, expected] = [JSON.parse(body) as Answer, JSON.parse(JSON.stringify(exchange.response.body)) as Answer];
    for (const answer of [actual, expected]) {
      const { error } = answer.data[0]!.data.resultData;
      if (error === undefined) continue;
      delete error.context;
      delete error.description;
      error.messages = [];
    }
    compare(actual, expected, exchange.name);
  }
});
