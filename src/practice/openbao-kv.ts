/** The key/value engine of a practice OpenBao, version 2: what each path below a mount answers. */
import { timeText, type Capability, type KvSecret, type Mount, type OpenBaoState, type SecretVersion } from './openbao-state.ts';
import type { PracticeRequest, Reply } from './server.ts';

const keptVersions = 10;
const largestRaftValue = 1_048_576;

export interface KvScope {
  readonly state: OpenBaoState;
  readonly mount: Mount;
  /** Below `data/`, `metadata/` and so on. */
  readonly path: string;
  readonly list: boolean;
  readonly body: Readonly<Record<string, unknown>>;
  readonly request: PracticeRequest;
}

export const failed = (status: number, ...errors: readonly string[]): Reply => ({ status, body: { errors } });
const none = failed(404);
const nothing: Reply = { status: 204, headers: { 'content-type': 'application/json' } };

type Answer = (scope: KvScope) => Reply;

/** By kind of path and capability. */
const answers: Readonly<Record<string, Readonly<Partial<Record<Capability, Answer>>>>> = {
  data: { read, create: write, update: write, delete: deleteSoft },
  metadata: { read: readMetadata, list, create: writeMetadata, update: writeMetadata, delete: deleteAll },
  'detailed-metadata': { list: listDetailed },
  destroy: { create: destroy, update: destroy },
  delete: { create: deleteVersions, update: deleteVersions },
  undelete: { create: undelete, update: undelete },
};

/** What a request needs the right to do; a write is `create` where nothing is yet. */
export function capabilityOf(method: string, listed: boolean, exists: boolean): Capability {
  if (listed) return 'list';
  if (method === 'GET') return 'read';
  if (method === 'DELETE') return 'delete';
  return exists ? 'update' : 'create';
}

export function answerKv(kind: string, capability: Capability, scope: KvScope): Reply {
  if (kind === 'detailed-metadata' && !scope.mount.detailed) return failed(404);
  const answer = answers[kind]?.[capability];
  return answer === undefined ? failed(405, 'unsupported operation') : answer(scope);
}

function told(version: number, { createdTime, deletionTime, destroyed }: SecretVersion, { customMetadata }: KvSecret): Record<string, unknown> {
  return { created_time: createdTime, custom_metadata: customMetadata, deletion_time: deletionTime, destroyed, version };
}

function read({ mount, path, request, state }: KvScope): Reply {
  const secret = mount.secrets.get(path);
  if (secret === undefined) return none;
  const wanted = Number(request.query.get('version') ?? 0);
  const number = wanted === 0 ? secret.currentVersion : wanted;
  const version = secret.versions.get(number);
  if (version === undefined) return none;
  const gone = version.destroyed || (version.deletionTime !== '' && Date.parse(version.deletionTime) <= state.now());
  return { status: gone ? 404 : 200, body: { data: { data: gone ? null : version.data, metadata: told(number, version, secret) } } };
}

function write({ state, mount, path, body }: KvScope): Reply {
  const { data, options } = body;
  if (typeof data !== 'object' || data === null) return failed(400, 'no data provided');
  const cas = typeof options === 'object' && options !== null && 'cas' in options ? options.cas : undefined;
  const secret = mount.secrets.get(path);
  if (cas === undefined && mount.casRequired) return failed(400, 'check-and-set parameter required for this call');
  if (cas !== undefined && cas !== (secret?.currentVersion ?? 0)) return failed(400, 'check-and-set parameter did not match the current version');
  if (state.raft && JSON.stringify(data).length >= largestRaftValue) return failed(500, 'put failed due to value being too large');
  const kept = secret ?? newSecret(state);
  mount.secrets.set(path, kept);
  const version: SecretVersion = { createdTime: timeText(state.now()), deletionTime: '', destroyed: false, data: sorted(Object.entries(data)) };
  kept.currentVersion += 1;
  kept.updatedTime = version.createdTime;
  kept.versions.set(kept.currentVersion, version);
  for (const number of kept.versions.keys()) {
    if (number > kept.currentVersion - keptVersions) continue;
    kept.versions.delete(number);
    kept.oldestVersion = number + 1;
  }
  return { status: 200, body: { data: told(kept.currentVersion, version, kept) } };
}

/** As Go writes a map: its names in order. */
function sorted<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries([...entries].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function newSecret(state: OpenBaoState): KvSecret {
  const time = timeText(state.now());
  return { createdTime: time, updatedTime: time, currentVersion: 0, oldestVersion: 0, customMetadata: null, versions: new Map() };
}

function deleteSoft({ state, mount, path }: KvScope): Reply {
  const secret = mount.secrets.get(path);
  const version = secret?.versions.get(secret.currentVersion);
  if (version?.deletionTime === '' && !version.destroyed) version.deletionTime = timeText(state.now());
  return nothing;
}

function changeVersions({ mount, path, body }: KvScope, change: (version: SecretVersion) => void): Reply {
  const secret = mount.secrets.get(path);
  if (secret === undefined) return none;
  for (const number of Array.isArray(body['versions']) ? body['versions'] : []) {
    const version = secret.versions.get(Number(number));
    if (version !== undefined) change(version);
  }
  return nothing;
}

function destroy(scope: KvScope): Reply {
  return changeVersions(scope, (version) => {
    version.destroyed = true;
    version.data = null;
  });
}

function deleteVersions(scope: KvScope): Reply {
  return changeVersions(scope, (version) => { version.deletionTime = timeText(scope.state.now()); });
}

function undelete(scope: KvScope): Reply {
  return changeVersions(scope, (version) => { version.deletionTime = ''; });
}

function deleteAll({ mount, path }: KvScope): Reply {
  mount.secrets.delete(path);
  return nothing;
}

function metadataOf(secret: KvSecret): Record<string, unknown> {
  const versions = Object.fromEntries([...secret.versions].map(([number, { createdTime, deletionTime, destroyed }]) => (
    [String(number), { created_time: createdTime, deletion_time: deletionTime, destroyed }])));
  return {
    cas_required: false, created_time: secret.createdTime, current_metadata_version: 0, current_version: secret.currentVersion,
    custom_metadata: secret.customMetadata, delete_version_after: '0s', max_versions: 0, metadata_cas_required: false,
    oldest_version: secret.oldestVersion, updated_time: secret.updatedTime, versions,
  };
}

function readMetadata({ mount, path }: KvScope): Reply {
  const secret = mount.secrets.get(path);
  return secret === undefined ? none : { status: 200, body: { data: metadataOf(secret) } };
}

function writeMetadata({ state, mount, path, body }: KvScope): Reply {
  const given = body['custom_metadata'];
  if (typeof given !== 'object' || given === null) return nothing;
  const entries = Object.entries(given);
  if (entries.length > 64) return failed(400, `custom_metadata validation failed: payload must contain at most 64 keys, provided ${entries.length}`);
  const wrong = entries.find(([, value]) => typeof value !== 'string' || value === '' || Buffer.byteLength(value) > 512 || /[^\P{C}]/u.test(value));
  if (wrong !== undefined) return failed(400, `custom_metadata validation failed: length of value for key "${wrong[0]}" is ${String(wrong[1]).length} but max len is 512`);
  const secret = mount.secrets.get(path) ?? newSecret(state);
  mount.secrets.set(path, secret);
  secret.customMetadata = Object.fromEntries(entries);
  return nothing;
}

/** Names of a folder, `sub/` for what has more below it. */
function namesIn({ mount, path }: KvScope): string[] {
  const folder = path === '' || path.endsWith('/') ? path : `${path}/`;
  const below = [...mount.secrets.keys()].filter((one) => one.startsWith(folder)).map((one) => one.slice(folder.length));
  const names = below.map((one) => (one.includes('/') ? one.slice(0, one.indexOf('/') + 1) : one));
  return [...new Set(names)].sort();
}

function list(scope: KvScope): Reply {
  const keys = namesIn(scope);
  return keys.length === 0 ? none : { status: 200, body: { data: { keys } } };
}

function listDetailed(scope: KvScope): Reply {
  const keys = namesIn(scope);
  if (keys.length === 0) return none;
  const folder = scope.path === '' || scope.path.endsWith('/') ? scope.path : `${scope.path}/`;
  const info = keys.flatMap((name) => {
    const secret = scope.mount.secrets.get(folder + name);
    return secret === undefined ? [] : [[name, metadataOf(secret)] as const];
  });
  return { status: 200, body: { data: { key_info: Object.fromEntries(info), keys } } };
}
