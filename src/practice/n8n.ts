/**
 * A small n8n for practice and tests: its public API as far as credentials need it, and workflows
 * whose node really uses the credential. Answers as n8n 2.41.1 does (test/wire/n8n.json and
 * n8n-run.json hold it to that), or as an older one by the `abilities` that are taken from it.
 */
import { cannot, editorPage, refusal, startingPage, told } from './n8n-answers.ts';
import { credentialRoutes, type Scope } from './n8n-credentials.ts';
import { allScopes, credentialTypes, endOf, n8n241, type N8nAbilities, type N8nCredential, type N8nMode, type N8nState } from './n8n-state.ts';
import { stopAll, workflowRoutes } from './n8n-workflows.ts';
import { findRoute } from './routes.ts';
import { startServer, type PracticeRequest, type PracticeServer, type Reply, type ServerOptions } from './server.ts';

export { allScopes, firstN8n, n8n241, newApiKey, oldN8n, type N8nAbilities, type N8nCredential, type N8nMode, type N8nState } from './n8n-state.ts';

export interface PracticeN8n extends PracticeServer {
  /** Switches and contents; change them while the server runs. */
  readonly state: N8nState;
  /** The credential of that name; throws when there is none, or more than one. */
  credential(name: string): N8nCredential;
  /** What pressing Connect leaves in an OAuth2 credential. */
  connect(id: string, tokens: { readonly accessToken: string; readonly refreshToken: string }): void;
}

export interface N8nOptions extends ServerOptions {
  readonly mode?: N8nMode;
  readonly abilities?: Readonly<N8nAbilities>;
}

/** The key that every practice n8n takes, with all scopes: a JWT of n8n's that does not end. */
export const n8nApiKey = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJwcmFjdGljZSIsImlzcyI6Im44biIsImF1ZCI6InB1YmxpYy1hcGkifQ.n8n-practice-key';

/** Starts one; `state` may be changed while it runs. */
export async function startN8n({ mode = 'running', abilities = n8n241, ...options }: N8nOptions = {}): Promise<PracticeN8n> {
  const state: N8nState = {
    mode, ownAddress: undefined, abilities: { ...abilities }, keys: new Map([[n8nApiKey, allScopes]]), credentials: [], workflows: [], executions: [], projects: ['vtqqfq2e7fWBaQXi'],
    hosts: new Map(), unreachable: new Set(), authorities: [], executionsCome: true, second: 100, unpublishing: 100, schemas: credentialTypes(),
  };
  const server = await startServer((request) => answer(state, request), options);
  const close = server.close.bind(server);
  return Object.assign(server, {
    state,
    credential: (name: string): N8nCredential => {
      const found = state.credentials.filter((one) => one.name === name);
      if (found[0] === undefined || found.length > 1) throw new Error(`the practice n8n has ${found.length} credentials ${name}`);
      return found[0];
    },
    connect: (id: string, { accessToken, refreshToken }: { readonly accessToken: string; readonly refreshToken: string }): void => {
      const one = state.credentials.find((other) => other.id === id);
      if (one === undefined) throw new Error(`the practice n8n has no credential ${id}`);
      one.updatedAt = new Date().toISOString();
      one.data = { ...one.data, oauthTokenData: { access_token: accessToken, refresh_token: refreshToken, token_type: 'bearer', expires_in: 3600, scope: null } };
    },
    close: (): Promise<void> => {
      stopAll(state);
      return close();
    },
  });
}

const routes = [...credentialRoutes, ...workflowRoutes];

function answer(state: N8nState, request: PracticeRequest): Reply | Promise<Reply> {
  if (state.mode === 'starting') return startingPage;
  if (request.path === '/rest/settings' && state.ownAddress !== undefined) {
    return told({ data: { settingsMode: 'public', sso: { oidc: { loginEnabled: false, loginUrl: `${state.ownAddress}/rest/sso/oidc/login` } } } });
  }
  if (request.path === '/healthz') return told({ status: 'ok' });
  if (request.path === '/healthz/readiness') return state.mode === 'starting-api' ? { ...refusal(503, ''), body: { status: 'error' } } : told({ status: 'ok' });
  if (state.mode === 'starting-api') return cannot(request);
  if (state.mode === 'editor' || !request.path.startsWith('/api/')) return editorPage;
  const key = keyOf(request);
  const scopes = state.mode === 'api-off' || hasEnded(key) ? undefined : state.keys.get(key ?? '');
  const match = findRoute<Scope, Reply | Promise<Reply>>(routes, request.method, request.path);
  if (match === undefined) return unknown(request, scopes);
  // Before version 2 it named the missing header.
  if (scopes === undefined) return refusal(401, !state.abilities.update && key === undefined ? '\'X-N8N-API-KEY\' header required' : 'Unauthorized');
  return match.route.answer({ state, scopes }, request, match.parts);
}

/** 404 for a path that there is not, 405 for a method that one of its paths does not have. */
function unknown({ method, path }: PracticeRequest, scopes: readonly string[] | undefined): Reply {
  const isThere = ['GET', 'POST', 'PATCH', 'DELETE'].some((other) => findRoute<Scope, Reply | Promise<Reply>>(routes, other, path) !== undefined);
  if (isThere && scopes === undefined) return refusal(401, 'Unauthorized');
  return isThere ? refusal(405, `${method} method not allowed`) : refusal(404, 'not found');
}

function keyOf(request: PracticeRequest): string | undefined {
  const key = request.headers['x-n8n-api-key'];
  return typeof key === 'string' ? key : undefined;
}

function hasEnded(key: string | undefined): boolean {
  if (key?.split('.').length !== 3) return false;
  try {
    return (endOf(key) ?? Infinity) <= Date.now() / 1000;
  } catch {
    return false; // No JWT: unknown like every other made-up key.
  }
}
