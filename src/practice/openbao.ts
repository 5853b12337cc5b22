/**
 * A small OpenBao for practice and tests: health, tokens, sign-ins, and key/value engines of both
 * versions. Answers as OpenBao 2.6.2 was measured to.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { answerKv, capabilityOf, failed } from './openbao-kv.ts';
import { addToken, allows, knowsMount, liveToken, newState, timeText, type Mount, type OpenBaoState, type Rule, type Token } from './openbao-state.ts';
import { bodyMembers, bodyText, startServer, type PracticeRequest, type PracticeServer, type Reply, type ServerOptions } from './server.ts';

export interface PracticeOpenBao extends PracticeServer {
  readonly state: OpenBaoState;
  /** May do everything. */
  readonly rootToken: string;
  /** A new token with a policy of these rules, or of these names. */
  makeToken(rules: readonly Rule[] | readonly string[], options?: { readonly ttl?: number; readonly uses?: number }): string;
  /** A role and a secret ID that may be used so often. */
  makeAppRole(policies: readonly string[], uses?: number): { readonly roleId: string; readonly secretId: string };
  /** What lies at a path of a mount now, as a program reads it; undefined when nothing does. */
  peek(path: string, mount?: string): {
    readonly version: number; readonly data: Readonly<Record<string, unknown>>; readonly customMetadata: Readonly<Record<string, string>> | null
  } | undefined;
}

export interface OpenBaoOptions extends ServerOptions {
  /** The server's clock, in milliseconds. */
  readonly now?: () => number;
}

const denied = failed(403, 'permission denied');
const forbidden = failed(403, '1 error occurred:\n\t* permission denied\n\n');

/** Starts one; `state` may be changed while it runs. */
export async function startOpenBao(options: OpenBaoOptions = {}): Promise<PracticeOpenBao> {
  const rootToken = `s.root${randomBytes(10).toString('hex')}`;
  const state = newState(options.now ?? Date.now, rootToken);
  // node's parser knows no LIST.
  const server = await startServer((request) => answer(state, request), { ...options, listMethod: true });
  return Object.assign(server, {
    state, rootToken,
    makeToken(rules: readonly Rule[] | readonly string[], { ttl = 3600, uses }: { readonly ttl?: number; readonly uses?: number } = {}) {
      const names = rules.filter((one): one is string => typeof one === 'string');
      const own = rules.filter((one): one is Rule => typeof one !== 'string');
      const policy = `made-${randomBytes(4).toString('hex')}`;
      if (own.length > 0) state.policies.set(policy, own);
      return addToken(state, { policies: [...names, ...(own.length > 0 ? [policy] : []), 'default'], ttl, usesLeft: uses }).token;
    },
    makeAppRole(policies: readonly string[], uses = Number.POSITIVE_INFINITY) {
      const [roleId, secretId] = [randomUUID(), randomUUID()];
      state.appRoles.set(roleId, { roleName: 'ci', policies: [...policies, 'default'], secretIds: new Map([[secretId, uses]]) });
      return { roleId, secretId };
    },
    peek(path: string, mount = 'secret/') {
      const secret = state.mounts.find((one) => one.path === mount)?.secrets.get(path);
      const version = secret?.versions.get(secret.currentVersion);
      if (secret === undefined || version?.data === null || version === undefined || version.deletionTime !== '') return undefined;
      return { version: secret.currentVersion, data: version.data, customMetadata: secret.customMetadata };
    },
  });
}

function answer(state: OpenBaoState, request: PracticeRequest): Reply {
  const reply = answered(state, request);
  return { ...reply, headers: { 'cache-control': 'no-store', date: new Date(state.now()).toUTCString(), ...reply.headers } };
}

function answered(state: OpenBaoState, request: PracticeRequest): Reply {
  const path = request.path.replace(/^\/v1\//, '');
  if (path === 'sys/health') return health(state);
  if (request.path.includes('//')) return { status: 307, headers: { location: request.path.replaceAll(/\/+/g, '/') } };
  if (state.seal !== 'open') return failed(503, 'Vault is sealed');
  if (state.standby) return { status: 307, headers: { location: `https://active.openbao.example${request.target}` } };
  if (state.overQuota) return { ...failed(429, `request path "${path}": rate limit quota exceeded`), headers: { 'retry-after': '1' } };
  const namespace = request.headers['x-vault-namespace'];
  if (typeof namespace === 'string' && namespace !== '' && !state.namespaces.has(namespace)) return failed(404, 'namespace not found');
  const login = /^auth\/([^/]+)\/login$/.exec(path)?.[1];
  if (login !== undefined) return login === 'approle' ? appRoleLogin(state, request) : jwtLogin(state, login, request);
  const given = request.headers['x-vault-token'];
  const token = liveToken(state, typeof given === 'string' ? given : undefined);
  return token === undefined ? denied : withToken(state, token, path, request);
}

function withToken(state: OpenBaoState, token: Token, path: string, request: PracticeRequest): Reply {
  const asked = /^sys\/internal\/ui\/mounts\/(.+)$/.exec(path)?.[1];
  if (asked !== undefined) return aboutMount(state, token, asked);
  if (path === 'auth/token/lookup-self') return whole({ data: lookedUp(state, token) });
  if (path === 'auth/token/renew-self') return token.ttl === undefined ? failed(400, 'lease is not renewable') : whole({ data: null, auth: authOf(token) });
  if (path === 'auth/token/revoke-self') {
    token.revoked = true;
    return { status: 204 };
  }
  const mount = state.mounts.find((one) => path.startsWith(one.path));
  if (mount === undefined) return token.policies.includes('root') ? failed(404, `no handler for route "${path}". route entry not found.`) : forbidden;
  return mount.version === '1' ? plainKv(state, token, mount, path, request) : versionedKv(state, token, mount, path, request);
}

// ---------------------------------------------------------------- engines

function versionedKv(state: OpenBaoState, token: Token, mount: Mount, path: string, request: PracticeRequest): Reply {
  const [, kind = '', below = ''] = /^([^/]+)\/?(.*)$/.exec(path.slice(mount.path.length)) ?? [];
  const list = request.query.get('list') === 'true';
  if (below.endsWith('/') && !list) return failed(500, '1 error occurred:\n\t* cannot read from a path with a trailing slash\n\n');
  const exists = kind === 'data' || kind === 'metadata' ? mount.secrets.has(below) : true;
  const capability = capabilityOf(request.method, list, exists);
  // A listing is asked for with a slash at the end, whether it was sent or not.
  const asked = list && !path.endsWith('/') ? `${path}/` : path;
  if (!allows(state, token, asked, capability)) return forbidden;
  const reply = answerKv(kind, capability, { state, mount, path: below, list, body: bodyMembers(request), request });
  const { body } = reply;
  return typeof body === 'object' && body !== null && 'data' in body ? { ...reply, ...whole({ data: body.data }), status: reply.status } : reply;
}

/** Whatever is sent is kept as it is: `options` and `cas` are members like others. */
function plainKv(state: OpenBaoState, token: Token, mount: Mount, path: string, request: PracticeRequest): Reply {
  if (!allows(state, token, path, capabilityOf(request.method, false, true))) return forbidden;
  const stored = mount.plain.get(path);
  if (request.method === 'GET') return stored === undefined ? failed(404) : whole({ data: stored });
  if (request.method === 'DELETE') mount.plain.delete(path);
  else mount.plain.set(path, bodyMembers(request));
  return { status: 204, headers: { 'content-type': 'application/json' } };
}

function aboutMount(state: OpenBaoState, token: Token, asked: string): Reply {
  const mount = state.mounts.find((one) => `${asked}/`.startsWith(one.path));
  // Measured: a token without any right in it may ask about a mount, about one that is not there nobody may.
  if (mount === undefined || (!knowsMount(state, token, mount.path) && token.policies.length === 0)) {
    return failed(403, `preflight capability check returned 403, please ensure client's policies grant access to path "${asked}/"`);
  }
  return whole({
    data: {
      accessor: `kv_${mount.uuid.slice(0, 8)}`, config: { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0 }, deprecation_status: 'supported',
      description: mount.path === 'secret/' ? 'key/value secret storage' : '', external_entropy_access: false, local: false, options: { version: mount.version },
      path: mount.path, plugin_version: '', running_plugin_version: 'v2.6.2+builtin.bao', running_sha256: '', seal_wrap: false, type: 'kv', uuid: mount.uuid,
    },
  });
}

// ---------------------------------------------------------------- tokens and sign-ins

function lookedUp(state: OpenBaoState, { token, policies, createdAt, ttl, path }: Token): Record<string, unknown> {
  const end = ttl === undefined ? null : timeText(createdAt + ttl * 1000);
  return {
    accessor: 'accessor', creation_time: Math.floor(createdAt / 1000), creation_ttl: ttl ?? 0, display_name: 'token', entity_id: '', expire_time: end,
    explicit_max_ttl: 0, id: token, issue_time: timeText(createdAt), meta: null, num_uses: 0, orphan: true, path, policies, renewable: ttl !== undefined,
    ttl: ttl === undefined ? 0 : Math.max(0, Math.round((createdAt + ttl * 1000 - state.now()) / 1000)), type: 'service',
  };
}

function authOf({ token, policies, ttl, roleName }: Token): Record<string, unknown> {
  return {
    client_token: token, accessor: 'accessor', policies, token_policies: policies, metadata: roleName === undefined ? null : { role_name: roleName },
    lease_duration: ttl ?? 0, renewable: true, entity_id: roleName === undefined ? '' : randomUUID(), token_type: 'service', orphan: true, mfa_requirement: null, num_uses: 0,
  };
}

function appRoleLogin(state: OpenBaoState, request: PracticeRequest): Reply {
  const role = state.appRoles.get(bodyText(request, 'role_id'));
  const secretId = bodyText(request, 'secret_id');
  const left = role?.secretIds.get(secretId) ?? 0;
  if (role === undefined || left === 0) return failed(400, 'invalid role or secret ID');
  role.secretIds.set(secretId, left - 1);
  return whole({ data: null, auth: authOf(addToken(state, { policies: role.policies, ttl: 1200, path: 'auth/approle/login', roleName: role.roleName })) });
}

function jwtLogin(state: OpenBaoState, mount: string, request: PracticeRequest): Reply {
  const role = bodyText(request, 'role');
  const known = state.jwts.filter((one) => one.mount === mount && one.role === role);
  if (known.length === 0) return failed(400, `role "${role}" could not be found`);
  const found = known.find((one) => one.jwt === bodyText(request, 'jwt'));
  if (found === undefined) return failed(400, 'error validating token: invalid audience (aud) claim');
  return whole({ data: null, auth: authOf(addToken(state, { policies: [...found.policies, 'default'], ttl: 1200, path: `auth/${mount}/login`, roleName: role })) });
}

function health({ seal, standby, now }: OpenBaoState): Reply {
  const status = seal === 'sealed' ? 503 : seal === 'uninitialized' ? 501 : standby ? 429 : 200;
  return {
    status,
    body: {
      initialized: seal !== 'uninitialized', sealed: seal !== 'open', standby: standby || seal !== 'open', replication_performance_mode: 'disabled',
      replication_dr_mode: 'disabled', server_time_utc: Math.floor(now() / 1000), version: '2.6.2', cluster_name: 'vault-cluster-practice', cluster_id: randomUUID(),
    },
  };
}

/** The members that every answer has, in their order. */
function whole({ data, auth = null }: { readonly data: unknown; readonly auth?: unknown }): Reply {
  return { status: 200, body: { request_id: randomUUID(), lease_id: '', renewable: false, lease_duration: 0, data, wrap_info: null, warnings: null, auth } };
}
