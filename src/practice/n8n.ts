/**
 * A small n8n for practice and tests: the part of its public API that keeps credentials. Answers
 * as n8n 2.41.1 was measured to; the refusals differ by the key's scopes as they do there.
 */
import { findRoute, type Route } from './routes.ts';
import { bodyMembers, html, startServer, type PracticeRequest, type PracticeServer, type Reply, type ServerOptions } from './server.ts';

export interface N8nCredential {
  readonly id: string;
  name: string;
  type: string;
  data: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
  updatedAt: string;
}

/** What the server is like: itself, before version 2, starting, without its public API, or its editor's page for everything. */
export type N8nMode = 'running' | 'old' | 'starting' | 'api-off' | 'editor';

export interface N8nState {
  mode: N8nMode;
  /** API keys and their scopes. */
  readonly keys: Map<string, readonly string[]>;
  readonly credentials: N8nCredential[];
}

export interface PracticeN8n extends PracticeServer {
  readonly state: N8nState;
}

/** The key that every practice n8n takes, with all scopes. */
export const n8nApiKey = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.cHJhY3RpY2U.n8n-practice-key';
const allScopes = ['credential:create', 'credential:delete', 'credential:list', 'credential:read', 'credential:update'];

const text = { type: 'string' };
const always = { allowedHttpRequestDomains: { type: 'string', enum: ['all', 'domains', 'none'] }, allowedDomains: text };
/** The properties of the types, as the schema's answer has them. */
const types: Readonly<Record<string, Readonly<Record<string, { readonly type: string }>>>> = {
  mattermostApi: { accessToken: text, baseUrl: text, allowUnauthorizedCerts: { type: 'boolean' }, ...always },
  mauticApi: { url: text, username: text, password: text, ...always },
  mauticOAuth2Api: { serverUrl: text, clientId: text, clientSecret: text, ...always, oauthTokenData: { type: 'json' }, url: text },
};

const editor = html(200, '<!DOCTYPE html>\n<html lang="en">\n<head><title>n8n.io - Workflow Automation</title></head>\n<body><div id="app"></div></body>\n</html>\n', { 'content-type': 'text/html; charset=utf-8' });
const refusal = (status: number, message: string): Reply => ({ status, headers: { 'content-type': 'application/json; charset=utf-8' }, body: { message } });

/** Starts one; `state` may be changed while it runs. */
export async function startN8n(options: ServerOptions & { readonly mode?: N8nMode } = {}): Promise<PracticeN8n> {
  const state: N8nState = { mode: options.mode ?? 'running', keys: new Map([[n8nApiKey, allScopes]]), credentials: [] };
  const server = await startServer((request) => answer(state, request), options);
  return Object.assign(server, { state });
}

interface Scope {
  readonly state: N8nState;
  readonly scopes: readonly string[];
}

const routes: readonly Route<Scope>[] = [
  { method: 'GET', path: '/api/v1/credentials/schema/:type', answer: (_, __, { type }) => schema(type ?? '') },
  { method: 'POST', path: '/api/v1/credentials', answer: create },
  { method: 'GET', path: '/api/v1/credentials/:id', answer: (scope, _, { id }) => withScope(scope, 'credential:read', () => found(scope, id, told)) },
  { method: 'PATCH', path: '/api/v1/credentials/:id', answer: update },
  { method: 'DELETE', path: '/api/v1/credentials/:id', answer: (scope, _, { id }) => withScope(scope, 'credential:delete', () => found(scope, id, (one) => {
    scope.state.credentials.splice(scope.state.credentials.indexOf(one), 1);
    return told(one);
  })) },
];

function answer(state: N8nState, request: PracticeRequest): Reply {
  if (state.mode === 'starting') return html(200, 'n8n is starting up. Please wait', { 'content-type': 'text/html; charset=utf-8' });
  if (state.mode === 'editor' || !request.path.startsWith('/api/')) return editor;
  if (state.mode === 'api-off') return html(404, `<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot ${request.method} ${request.path}</pre>\n</body>\n</html>\n`);
  const match = findRoute(routes, request.method, request.path);
  if (match === undefined) return refusal(404, 'not found');
  const key = request.headers['x-n8n-api-key'];
  const scopes = state.keys.get(typeof key === 'string' ? key : '');
  if (scopes === undefined) return refusal(401, state.mode === 'old' && key === undefined ? '\'X-N8N-API-KEY\' header required' : 'Unauthorized');
  if (state.mode === 'old' && match.route.path.endsWith('/:id') && request.method !== 'DELETE') return refusal(405, `${request.method} method not allowed`);
  return match.route.answer({ state, scopes }, request, match.parts);
}

function schema(type: string): Reply {
  const properties = types[type];
  if (properties === undefined) return refusal(404, 'Not Found');
  return { status: 200, body: { additionalProperties: false, type: 'object', properties, required: [] } };
}

/** Type and data are looked at before the key's scopes, as n8n does it. */
function create(scope: Scope, request: PracticeRequest): Reply {
  const { name, type, data } = bodyMembers(request);
  const fault = faultOf(type, data);
  if (fault !== undefined) return refusal(400, fault);
  return withScope(scope, 'credential:create', () => {
    const now = new Date().toISOString();
    const one: N8nCredential = { id: newId(), name: String(name), type: String(type), data: data as N8nCredential['data'], createdAt: now, updatedAt: now };
    scope.state.credentials.push(one);
    return told(one);
  });
}

function update(scope: Scope, request: PracticeRequest, { id }: Readonly<Record<string, string>>): Reply {
  const { name, type, data } = bodyMembers(request);
  const fault = data === undefined ? undefined : faultOf(type, data);
  if (fault !== undefined) return refusal(400, fault);
  return withScope(scope, 'credential:update', () => found(scope, id, (one) => {
    if (typeof name === 'string') one.name = name;
    if (typeof type === 'string') one.type = type;
    if (data !== undefined) one.data = data as N8nCredential['data'];
    one.updatedAt = new Date().toISOString();
    return told(one);
  }));
}

function withScope({ scopes }: Scope, needed: string, go: () => Reply): Reply {
  return scopes.includes(needed) ? go() : refusal(403, 'Forbidden');
}

function found({ state }: Scope, id: string | undefined, go: (one: N8nCredential) => Reply): Reply {
  const one = state.credentials.find((other) => other.id === id);
  return one === undefined ? refusal(404, 'Credential not found') : go(one);
}

/** Never the data. */
function told({ id, name, type, createdAt, updatedAt }: N8nCredential): Reply {
  return { status: 200, body: { id, name, type, isManaged: false, isGlobal: false, isResolvable: false, resolvableAllowFallback: false, resolverId: null, createdAt, updatedAt } };
}

function faultOf(type: unknown, data: unknown): string | undefined {
  const properties = types[String(type)];
  if (properties === undefined) return 'req.body.type is not a known type';
  if (typeof data !== 'object' || data === null) return 'request.body.data is not of a type(s) object';
  for (const [member, value] of Object.entries(data)) {
    const wanted = properties[member]?.type;
    if (wanted === undefined) return `request.body.data is not allowed to have the additional property "${member}"`;
    if (wanted !== 'json' && typeof value !== wanted) return `request.body.data.${member} is not of a type(s) ${wanted}`;
  }
  return undefined;
}

function newId(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length: 16 }, () => letters.charAt(Math.floor(Math.random() * letters.length))).join('');
}
