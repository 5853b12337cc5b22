/** What a practice n8n knows: switches, API keys, credentials with their data, workflows and what they did. */
import { randomBytes } from 'node:crypto';

/** What answers there: itself, its text of the first moment, its 404 of the seconds after, no public API, or its editor's page for everything. */
export type N8nMode = 'running' | 'starting' | 'starting-api' | 'api-off' | 'editor';

/** What this n8n's version can; the recorded one can all. What it does not know it answers by 405, or does not look at. */
export interface N8nAbilities {
  /** GET of one credential. */
  getOne: boolean;
  update: boolean;
  /** `isPartialData` of an update. Where it is not known, `data` replaces everything. */
  partialData: boolean;
  /** An `id` of the sender's at the creation. Where it is not known, n8n chooses one all the same. */
  ownId: boolean;
  test: boolean;
  list: boolean;
}

export const n8n241: Readonly<N8nAbilities> = { getOne: true, update: true, partialData: true, ownId: true, test: true, list: true };
/** Writes whole credentials and tells nothing of them. */
export const oldN8n: Readonly<N8nAbilities> = { getOne: false, update: true, partialData: false, ownId: false, test: false, list: false };
/** Before that: makes and deletes them. */
export const firstN8n: Readonly<N8nAbilities> = { ...oldN8n, update: false };

export type N8nData = Readonly<Record<string, unknown>>;

export interface N8nCredential {
  readonly id: string;
  name: string;
  type: string;
  data: N8nData;
  readonly createdAt: string;
  updatedAt: string;
}

export interface N8nNode {
  readonly name: string;
  readonly type: string;
  readonly credentials?: Readonly<Record<string, { readonly id?: string; readonly name?: string }>>;
}

export interface N8nWorkflow {
  readonly id: string;
  readonly name: string;
  readonly nodes: readonly N8nNode[];
  readonly connections: unknown;
  readonly settings: unknown;
  readonly createdAt: string;
  updatedAt: string;
  active: boolean;
  /** How often it was set off. */
  triggerCount: number;
  timer: NodeJS.Timeout | undefined;
  /** In Unix milliseconds: until then it cannot be deleted. */
  unpublishedAt: number;
}

export interface N8nExecution {
  readonly id: string;
  readonly workflowId: string;
  readonly startedAt: string;
  stoppedAt: string | undefined;
  status: 'running' | 'success' | 'error';
  error: N8nData | undefined;
  /** What the node read; never looked at by anybody who keeps it. */
  output: unknown;
}

export interface N8nState {
  mode: N8nMode;
  /** The address that it has for itself (N8N_EDITOR_BASE_URL); undefined: it does not tell it. */
  ownAddress: string | undefined;
  readonly abilities: N8nAbilities;
  /** API keys and their scopes. */
  readonly keys: Map<string, readonly string[]>;
  readonly credentials: N8nCredential[];
  readonly workflows: N8nWorkflow[];
  readonly executions: N8nExecution[];
  /** Ids of projects, the owner's own first. */
  readonly projects: string[];
  /** Names that this n8n knows and the rest of the machine does not, as in Docker Compose: `http://mautic` and the origin that answers. */
  readonly hosts: Map<string, string>;
  /** Origins, such as `http://127.0.0.1:8065`, that refuse this n8n's connections. */
  readonly unreachable: Set<string>;
  /** PEM texts of what this n8n trusts (NODE_EXTRA_CA_CERTS). */
  readonly authorities: string[];
  /** False: no workflow is ever set off. */
  executionsCome: boolean;
  /** How long one second of a schedule is, in milliseconds. */
  second: number;
  /** How long a workflow is "still being unpublished", in milliseconds. */
  unpublishing: number;
  /** The properties of each credential type that this n8n knows. */
  readonly schemas: Map<string, Readonly<Record<string, { readonly type: string }>>>;
}

/** Every scope that credsetup has a use for. */
export const allScopes: readonly string[] = [
  'credential:create', 'credential:delete', 'credential:list', 'credential:read', 'credential:update',
  'execution:list', 'workflow:activate', 'workflow:create', 'workflow:deactivate', 'workflow:delete',
];

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** An API key as n8n makes it: a JWT of its own. `expiresAt` in Unix seconds; without it the key never ends. `owner`: the account that made it. */
export function newApiKey(expiresAt?: number, owner = 'practice'): string {
  const payload = { sub: owner, iss: 'n8n', aud: 'public-api', jti: randomBytes(8).toString('hex'), iat: Math.floor(Date.now() / 1000) };
  return [encoded({ alg: 'HS256', typ: 'JWT' }), encoded({ ...payload, ...(expiresAt === undefined ? {} : { exp: expiresAt }) }), randomBytes(32).toString('base64url')].join('.');
}

/** When a key ends, in Unix seconds; undefined for one that does not. */
export function endOf(key: string): number | undefined {
  const payload = JSON.parse(Buffer.from(key.split('.')[1] ?? '', 'base64url').toString('utf8') || '{}') as { exp?: number };
  return payload.exp;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** n8n's ids: 16 letters and digits. */
export function newId(): string {
  return Array.from(randomBytes(16), (byte) => letters.charAt(byte % letters.length)).join('');
}

const text = { type: 'string' };
const always = { allowedHttpRequestDomains: { type: 'string', enum: ['all', 'domains', 'none'] }, allowedDomains: text };

/** The properties of the types, as the schema's answer has them. */
export function credentialTypes(): N8nState['schemas'] {
  return new Map(Object.entries({
    mattermostApi: { accessToken: text, baseUrl: text, allowUnauthorizedCerts: { type: 'boolean' }, ...always },
    mauticApi: { url: text, username: text, password: text, ...always },
    mauticOAuth2Api: {
      serverUrl: text, clientId: text, clientSecret: text, sendAdditionalBodyProperties: { type: 'boolean' }, additionalBodyProperties: { type: 'json' },
      ...always, oauthTokenData: { type: 'json' }, url: text,
    },
    n8nApi: { apiKey: text, baseUrl: text, ...always },
    httpBasicAuth: { user: text, password: text, ...always },
  }));
}
