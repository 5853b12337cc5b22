/** What a practice OpenBao holds: mounts with versioned secrets, tokens with policies, roles. */
import { randomBytes, randomUUID } from 'node:crypto';

export interface SecretVersion {
  readonly createdTime: string;
  deletionTime: string;
  destroyed: boolean;
  data: Readonly<Record<string, unknown>> | null;
}

export interface KvSecret {
  readonly createdTime: string;
  updatedTime: string;
  currentVersion: number;
  oldestVersion: number;
  customMetadata: Record<string, string> | null;
  readonly versions: Map<number, SecretVersion>;
}

export interface Mount {
  /** `secret/`. */
  readonly path: string;
  readonly version: '1' | '2';
  /** Demands `cas` at every write. */
  casRequired: boolean;
  /** Answers `detailed-metadata`: OpenBao does, other engines do not. */
  detailed: boolean;
  readonly uuid: string;
  /** Version 2: by path below the mount. */
  readonly secrets: Map<string, KvSecret>;
  /** Version 1: what was sent, as it was sent. */
  readonly plain: Map<string, unknown>;
}

export type Capability = 'create' | 'read' | 'update' | 'delete' | 'list' | 'deny';
export interface Rule {
  /** Without `/v1/`; a `*` at the end stands for anything, `+` for one part. */
  readonly path: string;
  readonly capabilities: readonly Capability[];
}

export interface Token {
  readonly token: string;
  readonly policies: readonly string[];
  readonly createdAt: number;
  /** Seconds; undefined for one that never ends. */
  ttl: number | undefined;
  revoked: boolean;
  /** undefined: any number. */
  usesLeft: number | undefined;
  readonly path: string;
  readonly roleName: string | undefined;
}

export interface AppRole {
  readonly roleName: string;
  readonly policies: readonly string[];
  /** Secret IDs and how often each may still be used. */
  readonly secretIds: Map<string, number>;
}

export interface OpenBaoState {
  /** As a server stands: `standby` redirects to the active one. */
  seal: 'open' | 'sealed' | 'uninitialized';
  standby: boolean;
  /** Every request over the quota: 429. */
  overQuota: boolean;
  /** Storage that refuses values of a mebibyte (raft). */
  raft: boolean;
  readonly namespaces: Set<string>;
  readonly mounts: Mount[];
  readonly policies: Map<string, readonly Rule[]>;
  readonly tokens: Map<string, Token>;
  readonly appRoles: Map<string, AppRole>;
  /** JWTs that a role takes, by mount: `jwt`, `kubernetes`. */
  readonly jwts: { readonly mount: string; readonly role: string; readonly jwt: string; readonly policies: readonly string[] }[];
  readonly now: () => number;
}

export function newMount(path: string, version: Mount['version']): Mount {
  return { path, version, casRequired: false, detailed: true, uuid: randomUUID(), secrets: new Map(), plain: new Map() };
}

/** A server as `bao server -dev` starts it, with a mount of version 1 beside. */
export function newState(now: () => number, rootToken: string): OpenBaoState {
  const state: OpenBaoState = {
    seal: 'open', standby: false, overQuota: false, raft: false, namespaces: new Set(), mounts: [newMount('secret/', '2'), newMount('kv1/', '1')],
    policies: new Map([['default', defaultPolicy]]), tokens: new Map(), appRoles: new Map(), jwts: [], now,
  };
  addToken(state, { token: rootToken, policies: ['root'], ttl: undefined, path: 'auth/token/root' });
  return state;
}

/** Of the default policy, what concerns a program that keeps secrets. */
const defaultPolicy: readonly Rule[] = [
  { path: 'auth/token/lookup-self', capabilities: ['read'] },
  { path: 'auth/token/renew-self', capabilities: ['update'] },
  { path: 'auth/token/revoke-self', capabilities: ['update'] },
];

export function addToken(state: OpenBaoState, { token = `s.${randomBytes(12).toString('hex')}`, policies, ttl = 3600, usesLeft, path = 'auth/token/create', roleName }: Partial<Token> & Pick<Token, 'policies'> & { readonly ttl?: number | undefined }): Token {
  const made: Token = { token, policies, createdAt: state.now(), ttl: policies.includes('root') ? undefined : ttl, revoked: false, usesLeft, path, roleName };
  state.tokens.set(token, made);
  return made;
}

/** The token of a request; undefined when it is missing, unknown, ended, revoked or used up. */
export function liveToken(state: OpenBaoState, text: string | undefined): Token | undefined {
  const found = text === undefined ? undefined : state.tokens.get(text);
  if (found === undefined || found.revoked) return undefined;
  if (found.ttl !== undefined && state.now() >= found.createdAt + found.ttl * 1000) return undefined;
  if (found.usesLeft !== undefined) {
    if (found.usesLeft === 0) return undefined;
    found.usesLeft -= 1;
  }
  return found;
}

/** Whether a token's policies allow it; the longest path that fits decides, as there. */
export function allows(state: OpenBaoState, token: Token, path: string, capability: Capability): boolean {
  if (token.policies.includes('root')) return true;
  const rules = token.policies.flatMap((name) => state.policies.get(name) ?? []).filter((rule) => fits(rule.path, path));
  const longest = Math.max(...rules.map((rule) => rule.path.length));
  const deciding = rules.filter((rule) => rule.path.length === longest).flatMap((rule) => rule.capabilities);
  return deciding.includes(capability) && !deciding.includes('deny');
}

/** Whether any rule is for something below a mount: such a token may ask about the mount. */
export function knowsMount(state: OpenBaoState, token: Token, mount: string): boolean {
  return token.policies.includes('root') || token.policies.flatMap((name) => state.policies.get(name) ?? []).some((rule) => rule.path.startsWith(mount));
}

function fits(pattern: string, path: string): boolean {
  const open = pattern.endsWith('*');
  const wanted = (open ? pattern.slice(0, -1) : pattern).split('/');
  const given = path.split('/');
  if (!open && wanted.length !== given.length) return false;
  return wanted.every((part, index) => {
    const one = given[index];
    if (one === undefined) return false;
    if (part === '+') return true;
    return open && index === wanted.length - 1 ? one.startsWith(part) : one === part;
  });
}

/** A time as the server writes it, in nanoseconds. */
export function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', `${String(Math.floor(Math.random() * 1e6)).padStart(6, '0')}Z`);
}
