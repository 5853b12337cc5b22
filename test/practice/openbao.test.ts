/** The practice OpenBao answers every recorded request as the real one did; and what it keeps, it keeps as that one does. */
import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startOpenBao, type PracticeOpenBao } from '../../src/practice/openbao.ts';

interface Exchange {
  readonly name: string;
  readonly replay: string;
  readonly request: {
    readonly method: string; readonly path: string; readonly token?: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown
  };
  readonly response: { readonly status: number; readonly contentType: string; readonly body: unknown };
}

const all = JSON.parse(readFileSync(new URL('../wire/openbao.json', import.meta.url), 'utf8')) as Exchange[];
const exchanges = all.filter(({ replay }) => replay === 'http');

interface Answered { readonly status: number; readonly type: string | undefined; readonly body: string }

/** By node's own client: fetch sends no LIST. A connection for each, so that the double sees its method. */
async function send(url: string, { method, path, token, headers = {}, body }: Exchange['request']): Promise<Answered> {
  const content = body === undefined ? undefined : JSON.stringify(body);
  return await new Promise<Answered>((resolve, reject) => {
    const request = httpRequest(url + path, { method, agent: false, headers: { ...headers, ...(token === undefined ? {} : { 'x-vault-token': token }), ...(content === undefined ? {} : { 'content-type': 'application/json' }) } }, (response) => {
      text(response).then((answered) => { resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], body: answered }); }, reject);
    });
    request.on('error', reject);
    request.end(content);
  });
}

const varying: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z$/, 'a time'],
  [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a UUID'],
  [/^kv_[0-9a-f]{8}$|^accessor$|^<accessor>$/, 'an accessor'],
  [/^vault-cluster-[0-9a-z]+$/, 'a cluster'],
];
const counted = new Set(['server_time_utc', 'creation_time', 'ttl']);
/** Members that are empty or a value by how the server was built. */
const unlike = new Set(['entity_id']);

/** A body with what differs from run to run named instead. `tokens` by what they are here. */
function named(value: unknown, tokens: ReadonlyMap<string, string>, key = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => named(one, tokens, key));
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([name, one]) => [name, unlike.has(name) ? 'any' : named(one, tokens, name)]);
  if (typeof value === 'number' && counted.has(key)) return 'a number';
  if (typeof value !== 'string') return value;
  return tokens.get(value) ?? varying.find(([form]) => form.test(value))?.[1] ?? value;
}

describe('OpenBao 2.6.2', () => {
  let server: PracticeOpenBao;
  const tokens = new Map<string, string>();
  let role: { readonly roleId: string; readonly secretId: string };

  const may = (path: string, ...capabilities: readonly ('create' | 'read' | 'update' | 'delete' | 'list')[]) => ({ path, capabilities });

  beforeAll(async () => {
    server = await startOpenBao();
    const policy = [
      ...['data', 'metadata', 'destroy', 'delete', 'undelete', 'detailed-metadata'].map((kind) => may(`secret/${kind}/credsetup/*`, 'create', 'read', 'update', 'delete', 'list')),
      may('secret/metadata/credsetup/', 'list'),
    ];
    server.state.policies.set('credsetup', policy);
    server.state.policies.set('reader', [may('secret/data/credsetup/*', 'read')]);
    tokens.set('<user>', server.makeToken(['credsetup']));
    tokens.set('<nobody>', server.makeToken([]));
    tokens.set('<reader>', server.makeToken(['reader']));
    tokens.set('<root>', server.rootToken);
    tokens.set('<made up>', 's.abcdefghijklmnopqrstuvwx');
    tokens.set('<ended>', server.makeToken(['credsetup'], { ttl: 0 }));
    tokens.set('<revoked>', server.makeToken(['credsetup']));
    server.state.tokens.get(tokens.get('<revoked>')!)!.revoked = true;
    role = server.makeAppRole(['credsetup'], 1);
    // Was there when the exchanges were recorded.
    for (const name of ['lim', 'never2']) await send(server.url, { method: 'POST', path: `/v1/secret/data/credsetup/${name}`, token: server.rootToken, body: { data: { a: 'b' } } });
  });
  afterAll(() => server.close());

  it('has every recorded request', () => {
    expect(exchanges.length).toBe(41);
    expect(all.length).toBe(41);
  });

  for (const { name, request, response } of exchanges) {
    it(name, async () => {
      const values: Readonly<Record<string, string>> = { '<role id>': role.roleId, '<secret id>': role.secretId, '<1,048,576 bytes>': 'x'.repeat(1_048_576) };
      const body = request.body === undefined ? {} : { body: JSON.parse(JSON.stringify(request.body), (_, value: unknown) => (typeof value === 'string' ? values[value] ?? value : value)) as unknown };
      const answered = await send(server.url, { ...request, ...(request.token === undefined ? {} : { token: tokens.get(request.token)! }), ...body });
      expect(answered.status, answered.body).toBe(response.status);
      expect(answered.type).toBe(response.contentType);
      if (response.body === '') {
        expect(answered.body).toBe('');
        return;
      }
      const here = new Map([...tokens].map(([described, token]) => [token, described]));
      const signedIn = (JSON.parse(answered.body) as { auth?: { client_token: string } | null }).auth?.client_token;
      if (signedIn !== undefined && !here.has(signedIn)) here.set(signedIn, '<user>');
      expect(named(JSON.parse(answered.body), here)).toEqual(named(response.body, here));
    });
  }
});
