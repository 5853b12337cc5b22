/** A practice n8n's credentials: made, told of, written, tested, deleted. The scope is looked at before the body. */
import { refusal, told } from './n8n-answers.ts';
import { newId, type N8nCredential, type N8nData, type N8nState } from './n8n-state.ts';
import { testCredential } from './n8n-use.ts';
import type { Route } from './routes.ts';
import { bodyMembers, type PracticeRequest, type Reply } from './server.ts';

export interface Scope {
  readonly state: N8nState;
  readonly scopes: readonly string[];
}

export type N8nRoute = Route<Scope, Reply | Promise<Reply>>;
type Ability = keyof N8nState['abilities'];

export const credentialRoutes: readonly N8nRoute[] = [
  { method: 'GET', path: '/api/v1/credentials/schema/:type', answer: ({ state }, _, { type }) => schema(state, type ?? '') },
  { method: 'POST', path: '/api/v1/credentials', answer: withScope('credential:create', create) },
  { method: 'GET', path: '/api/v1/credentials', answer: known('list', withScope('credential:list', list)) },
  { method: 'GET', path: '/api/v1/credentials/:id', answer: known('getOne', withScope('credential:read', ({ state }, _, { id }) => found(state, id, (one) => told(view(one))))) },
  { method: 'PATCH', path: '/api/v1/credentials/:id', answer: known('update', withScope('credential:update', update)) },
  { method: 'DELETE', path: '/api/v1/credentials/:id', answer: withScope('credential:delete', remove) },
  { method: 'POST', path: '/api/v1/credentials/:id/test', answer: known('test', withScope('credential:read', test)) },
  { method: 'GET', path: '/api/v1/projects', answer: () => refusal(403, 'Forbidden') },
];

/** Refuses what the key's scopes do not hold. */
export function withScope(needed: string, go: N8nRoute['answer']): N8nRoute['answer'] {
  return (scope, request, parts) => scope.scopes.includes(needed) ? go(scope, request, parts) : refusal(403, 'Forbidden');
}

/** What an older version has no route for. */
function known(ability: Ability, go: N8nRoute['answer']): N8nRoute['answer'] {
  return (scope, request, parts) => scope.state.abilities[ability] ? go(scope, request, parts) : refusal(405, `${request.method} method not allowed`);
}

function schema({ schemas }: N8nState, type: string): Reply {
  const properties = schemas.get(type);
  if (properties === undefined) return refusal(404, 'Not Found');
  return told({ additionalProperties: false, type: 'object', properties, required: [] });
}

function create({ state }: Scope, request: PracticeRequest): Reply {
  const { name, type, data, id, projectId } = bodyMembers(request);
  const fault = ['name', 'type', 'data'].find((member) => bodyMembers(request)[member] === undefined);
  const wrongId = state.abilities.ownId && id !== undefined ? idFault(id) : undefined;
  if (wrongId !== undefined) return refusal(400, `request/body/id ${wrongId}`);
  if (fault !== undefined) return refusal(400, `request/body must have required property '${fault}'`);
  const wrong = faultOf(state, type, data);
  if (wrong !== undefined) return refusal(400, wrong);
  if (projectId !== undefined && !state.projects.some((one) => one === projectId)) return refusal(404, 'Project not found');
  const own = state.abilities.ownId && typeof id === 'string' ? id : newId();
  if (state.credentials.some((other) => other.id === own)) return refusal(409, 'A credential with this ID already exists');
  const now = new Date().toISOString();
  const one: N8nCredential = { id: own, name: String(name), type: String(type), data: data as N8nData, createdAt: now, updatedAt: now };
  state.credentials.push(one);
  return told(view(one));
}

function idFault(id: unknown): string | undefined {
  if (typeof id !== 'string') return `Expected string, received ${typeof id}`;
  if (id === '') return 'String must contain at least 1 character(s)';
  if (id.length > 16) return 'String must contain at most 16 character(s)';
  return /^[A-Za-z0-9_-]+$/.test(id) ? undefined : 'Use only letters, digits, underscores, and hyphens for the ID';
}

function update({ state }: Scope, request: PracticeRequest, { id }: Readonly<Record<string, string>>): Reply {
  const { name, type, data, isPartialData } = bodyMembers(request);
  if (state.abilities.partialData && isPartialData !== undefined && typeof isPartialData !== 'boolean') {
    return refusal(400, `request/body/isPartialData Expected boolean, received ${typeof isPartialData}`);
  }
  return found(state, id, (one) => {
    if (type !== undefined && type !== one.type && data === undefined) {
      return refusal(400, 'req.body.data is required when changing credential type. The existing data cannot be used with the new type.');
    }
    const fault = data === undefined ? undefined : faultOf(state, type ?? one.type, data);
    if (fault !== undefined) return refusal(400, fault);
    const length = (typeof name === 'string' ? name : one.name).length;
    if (length < 3 || length > 128) return refusal(400, 'Credential name must be 3 to 128 characters long.');
    if (typeof name === 'string') one.name = name;
    if (typeof type === 'string') one.type = type;
    if (data !== undefined) one.data = isPartialData === true && state.abilities.partialData ? merged(one.data, data as N8nData) : data as N8nData;
    one.updatedAt = new Date().toISOString();
    return told(view(one));
  });
}

/** A sign-in that is there is not written over by a part. */
function merged(before: N8nData, part: N8nData): N8nData {
  const { oauthTokenData } = before;
  return { ...before, ...part, ...(oauthTokenData === undefined ? {} : { oauthTokenData }) };
}

function remove({ state }: Scope, _: PracticeRequest, { id }: Readonly<Record<string, string>>): Reply {
  const at = state.credentials.findIndex((one) => one.id === id);
  const [one] = at < 0 ? [] : state.credentials.splice(at, 1);
  // The one refusal of a missing credential that says no more.
  return one === undefined ? refusal(404, 'Not Found') : told({ ...view(one), usageScope: 'project' });
}

/** The newest first; the cursor is where to go on. */
function list({ state }: Scope, { query }: PracticeRequest): Reply {
  const cursor = query.get('cursor');
  const from = cursor === null ? undefined : JSON.parse(Buffer.from(cursor, 'base64').toString('utf8')) as { readonly limit: number; readonly offset: number };
  const limit = from?.limit ?? Math.min(Number(query.get('limit') ?? 100), 250);
  const offset = from?.offset ?? 0;
  const all = [...state.credentials].reverse();
  const page = all.slice(offset, offset + limit).map(({ id, name, type, createdAt, updatedAt }) => ({ id, name, type, createdAt, updatedAt, shared: [] }));
  const next = Buffer.from(JSON.stringify({ limit, offset: offset + limit })).toString('base64');
  return told({ data: page, nextCursor: offset + limit < all.length ? next : null });
}

async function test({ state }: Scope, _: PracticeRequest, { id = '' }: Readonly<Record<string, string>>): Promise<Reply> {
  const one = state.credentials.find((other) => other.id === id);
  return one === undefined ? refusal(404, `Credential with ID "${id}" was not found.`) : told(await testCredential(state, one));
}

function found(state: N8nState, id: string | undefined, go: (one: N8nCredential) => Reply): Reply {
  const one = state.credentials.find((other) => other.id === id);
  return one === undefined ? refusal(404, 'Credential not found') : go(one);
}

/** Never the data. */
function view({ id, name, type, createdAt, updatedAt }: N8nCredential): N8nData {
  return { id, name, type, isManaged: false, isGlobal: false, isResolvable: false, resolvableAllowFallback: false, resolverId: null, createdAt, updatedAt };
}

function faultOf({ schemas }: N8nState, type: unknown, data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return `request/body/data Expected object, received ${typeof data}`;
  const properties = schemas.get(String(type));
  if (properties === undefined) return 'req.body.type is not a known type';
  for (const [member, value] of Object.entries(data)) {
    const wanted = properties[member]?.type;
    if (wanted === undefined) return `request.body.data is not allowed to have the additional property "${member}"`;
    if (wanted !== 'json' && typeof value !== wanted) return `request.body.data.${member} is not of a type(s) ${wanted}`;
  }
  return undefined;
}
