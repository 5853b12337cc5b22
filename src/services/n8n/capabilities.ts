/** What an API key may do, found without changing anything. Measured with a full key and narrow ones of n8n 2.41.1. */
import type { HttpResponse } from '../../context.ts';
import { nobody } from './api.ts';
import { scopesMissing, type Requests, type Scope } from './requests.ts';

interface Probe {
  readonly scope: Scope;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

const credentials = '/api/v1/credentials';
const workflow = `/api/v1/workflows/${nobody}`;

/** Each is refused for its scope (403) before it is refused for what it asks (400, 404). */
const probes: readonly Probe[] = [
  { scope: 'credential:create', method: 'POST', path: credentials, body: {} },
  { scope: 'credential:read', method: 'GET', path: `${credentials}/${nobody}` },
  { scope: 'credential:update', method: 'PATCH', path: `${credentials}/${nobody}`, body: {} },
  { scope: 'credential:delete', method: 'DELETE', path: `${credentials}/${nobody}` },
  { scope: 'credential:list', method: 'GET', path: `${credentials}?limit=1` },
  { scope: 'workflow:create', method: 'POST', path: '/api/v1/workflows', body: {} },
  { scope: 'workflow:activate', method: 'POST', path: `${workflow}/activate` },
  { scope: 'workflow:deactivate', method: 'POST', path: `${workflow}/deactivate` },
  { scope: 'workflow:delete', method: 'DELETE', path: workflow },
  { scope: 'execution:list', method: 'GET', path: '/api/v1/executions?limit=1' },
];

/** The scopes behind each capability of the contract. */
export const capabilityScopes = {
  create: ['credential:create'], read: ['credential:read'], update: ['credential:update'], delete: ['credential:delete'], list: ['credential:list'],
  run: ['workflow:create', 'workflow:activate', 'execution:list', 'workflow:deactivate', 'workflow:delete'],
} as const satisfies Readonly<Record<string, readonly Scope[]>>;

/** What n8n answers about each of these scopes. */
async function answersAbout(requests: Requests, wanted: readonly Scope[]): Promise<readonly { readonly scope: Scope; readonly response: HttpResponse }[]> {
  const asked = probes.filter(({ scope }) => wanted.includes(scope));
  return Promise.all(asked.map(async ({ scope, method, path, body }) => ({ scope, response: await requests.ask(method, path, body) })));
}

/** `create, read, update, delete, list, run`, each true or false. What this n8n does not know yet (405) it may not. */
export async function capabilitiesOf(requests: Requests): Promise<Readonly<Record<string, boolean>>> {
  const answers = await answersAbout(requests, probes.map(({ scope }) => scope));
  const may = new Set(answers.filter(({ response: { status } }) => [200, 400, 404].includes(status)).map(({ scope }) => scope));
  return Object.fromEntries(Object.entries(capabilityScopes).map(([name, scopes]) => [name, scopes.every((scope) => may.has(scope))]));
}

/** Before anything is sent or changed: PERMISSION_DENIED that names all that is missing. */
export async function requireScopes(requests: Requests, wanted: readonly Scope[]): Promise<void> {
  const lacked = (await answersAbout(requests, wanted)).filter(({ response }) => response.status === 403).map(({ scope }) => scope);
  if (lacked.length > 0) throw scopesMissing(requests.base, lacked);
}
