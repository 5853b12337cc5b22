/**
 * A key/value engine of version 2 in an OpenBao or Vault: the few requests that a store needs, on
 * our own HTTP client. Names are single parts of a path below the folder.
 */
import type { Connection, HttpClient, HttpRequest, HttpResponse } from '../../context.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import { errorsIn, mountUnknown, noKeyValue, refusal, sealed, signInRejected, uninitialized, versionOne, type Asked } from './failures.ts';
import { connectionFrom, placeFrom, signInFrom, type Env, type Files, type Place, type SignIn } from './settings.ts';

export interface EngineOptions extends Files {
  readonly env: Env;
  /** Called once, when first needed. */
  http(): Promise<HttpClient>;
  /** From now on this value is masked. */
  readonly protect: (secret: string) => void;
}

export type Data = Readonly<Record<string, unknown>>;
export type CustomMetadata = Readonly<Record<string, string>>;

interface Version {
  /** The current version's number, for check-and-set; 0 when there is none. */
  readonly version: number;
  readonly createdAt: number;
  /** The engine's own clock at this answer: of the same hand as `createdAt`. undefined when it did not say. */
  readonly answeredAt: number | undefined;
  readonly customMetadata: CustomMetadata;
}

/** What lies under a name: nothing, one that somebody deleted and can bring back, or data. */
export type Found =
  | { readonly kind: 'nothing'; readonly version: 0 }
  | Version & { readonly kind: 'deleted'; readonly deletedAt: string; readonly destroyed: boolean }
  | Version & { readonly kind: 'there'; readonly data: Data };

/** The public side of a secret: nothing of the secret was read for it. */
export interface Described {
  readonly name: string;
  readonly createdAt: number;
  readonly version: number;
  /** The current version was deleted or destroyed. */
  readonly deleted: boolean;
  readonly customMetadata: CustomMetadata;
  /** Versions that can still be read, or be brought back. */
  readonly readable: readonly number[];
}

interface Opened {
  readonly http: HttpClient;
  readonly connection: Connection;
  readonly token: string;
  readonly tokenFrom: string;
}

interface Mount {
  /** `secret`. */
  readonly mount: string;
  /** `credsetup/`, or '' for the mount itself. */
  readonly folder: string;
}

interface Call {
  readonly method: HttpRequest['method'];
  readonly path: string;
  readonly capabilities: readonly string[];
  readonly json?: unknown;
  readonly query?: string;
}

const empty: CustomMetadata = {};

/** An engine; nothing is read or asked before the first call. */
export class Engine {
  readonly place: Place;
  readonly #options: EngineOptions;
  #opened: Promise<Opened> | undefined;
  #mount: Promise<Mount> | undefined;

  /** @throws what {@link placeFrom} throws */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.place = placeFrom(options.env);
  }

  /** Where a name lies, as its own clients write it: `secret/credsetup/chat`. */
  pathOf(name: string): string {
    return `${this.place.path}/${name}`;
  }

  /** The current version under a name. Throws what the engine refuses. */
  async read(name: string): Promise<Found> {
    const response = await this.#ask({ method: 'GET', path: await this.#path('data', name), capabilities: ['read'] }, [200, 404]);
    const { data, metadata } = memberOf(response.status === 404 && errorsIn(response) !== undefined ? undefined : this.#body(response), 'data');
    if (metadata === undefined) {
      if (response.status === 404) return { kind: 'nothing', version: 0 };
      throw this.#unreadable(response);
    }
    const common: Version = {
      version: numberOf(metadata, 'version'), createdAt: timeOf(textOf(metadata, 'created_time')), answeredAt: clockOf(response),
      customMetadata: customOf(metadata),
    };
    if (isObject(data)) return { ...common, kind: 'there', data };
    return { ...common, kind: 'deleted', deletedAt: textOf(metadata, 'deletion_time'), destroyed: metadata['destroyed'] === true };
  }

  /** Writes where the current version is this one (0: nothing is there); undefined when it is another. */
  async write(name: string, data: Data, cas: number): Promise<number | undefined> {
    const path = await this.#path('data', name);
    const response = await this.#send({ method: 'POST', path, capabilities: ['create', 'update'], json: { options: { cas }, data } });
    if (response.status === 400 && errorsIn(response)?.some((one) => one.includes('check-and-set parameter did not match')) === true) return undefined;
    if (response.status !== 200) throw await this.#refused(response, path, ['create', 'update']);
    return numberOf(memberOf(this.#body(response), 'data'), 'version');
  }

  /** Ends versions for good. Throws STORE_FORBIDDEN. */
  async destroy(name: string, versions: readonly number[]): Promise<void> {
    await this.#ask({ method: 'POST', path: await this.#path('destroy', name), capabilities: ['create', 'update'], json: { versions } }, [200, 204, 404]);
  }

  /** Takes a name away with all its versions; also where nothing is. */
  async delete(name: string): Promise<void> {
    await this.#ask({ method: 'DELETE', path: await this.#path('metadata', name), capabilities: ['delete'] }, [204, 404]);
  }

  /** Replaces the custom metadata. */
  async describe(name: string, customMetadata: CustomMetadata): Promise<void> {
    await this.#ask({ method: 'POST', path: await this.#path('metadata', name), capabilities: ['create', 'update'], json: { custom_metadata: customMetadata } }, [200, 204]);
  }

  /** The public side of one name; undefined when nothing is there. */
  async described(name: string): Promise<Described | undefined> {
    const response = await this.#ask({ method: 'GET', path: await this.#path('metadata', name), capabilities: ['read'] }, [200, 404]);
    return response.status === 404 ? undefined : describedFrom(name, memberOf(this.#body(response), 'data'));
  }

  /** The public side of every name of the folder: one request where the engine has it, else one for each name. */
  async list(): Promise<readonly Described[]> {
    const { mount, folder } = await this.#at();
    const query = '?list=true';
    const detailed = await this.#send({ method: 'GET', path: `${mount}/detailed-metadata/${folder}`, capabilities: ['list'], query });
    if (detailed.status === 200) {
      const { key_info: info } = memberOf(this.#body(detailed), 'data');
      if (isObject(info)) return Object.entries(info).flatMap(([name, one]) => (isObject(one) ? [describedFrom(name, one)] : []));
    }
    // Not there in Vault (404 or 405), or for this token alone not (403): the longer way.
    else if (![403, 404, 405].includes(detailed.status)) throw await this.#refused(detailed, `${mount}/detailed-metadata/${folder}`, ['list']);
    const path = `${mount}/metadata/${folder}`;
    const listed = await this.#ask({ method: 'GET', path, capabilities: ['list'], query }, [200, 404]);
    const { keys } = listed.status === 404 ? { keys: [] } : memberOf(this.#body(listed), 'data');
    const names = (Array.isArray(keys) ? keys : []).filter((one): one is string => typeof one === 'string' && !one.endsWith('/'));
    const found: (Described | undefined)[] = [];
    for (let at = 0; at < names.length; at += 8) found.push(...await Promise.all(names.slice(at, at + 8).map((name) => this.described(name))));
    return found.filter((one) => one !== undefined);
  }

  /** Proves that the token is good and the mount is one to keep secrets in. */
  async check(): Promise<void> {
    await this.#at();
  }

  // -------------------------------------------------------------- inside

  async #path(kind: string, name: string): Promise<string> {
    const { mount, folder } = await this.#at();
    return `${mount}/${kind}/${folder}${encodeURIComponent(name)}`;
  }

  #at(): Promise<Mount> {
    this.#mount ??= this.#findMount();
    // What failed may be asked again.
    this.#mount.catch(() => { this.#mount = undefined; });
    return this.#mount;
  }

  /** A version 2 write on version 1 is taken and loses its safety: asked before anything is written. */
  async #findMount(): Promise<Mount> {
    const { address, path } = this.place;
    const asked = `sys/internal/ui/mounts/${encodedPath(path)}`;
    const response = await this.#send({ method: 'GET', path: asked, capabilities: ['read'] });
    if (response.status === 403 && errorsIn(response)?.some((one) => one.includes('preflight')) === true) throw mountUnknown({ address, path: path.split('/')[0] ?? path });
    if (response.status !== 200) throw await this.#refused(response, asked, ['read']);
    const about = memberOf(this.#body(response), 'data');
    const mount = textOf(about, 'path').replace(/\/$/, '');
    const type = textOf(about, 'type');
    if (mount === '' || !`${path}/`.startsWith(`${mount}/`)) throw this.#unreadable(response);
    if (type !== 'kv' && type !== 'generic') throw noKeyValue(address, mount, type);
    const options = about['options'];
    if (!isObject(options) || options['version'] !== '2') throw versionOne(address, mount);
    const folder = path.slice(mount.length + 1);
    return { mount: encodedPath(mount), folder: folder === '' ? '' : `${encodedPath(folder)}/` };
  }

  async #ask(call: Call, expected: readonly number[]): Promise<HttpResponse> {
    const response = await this.#send(call);
    const fits = expected.includes(response.status);
    // A 404 is "nothing there" only when it has no words, or the body of a deleted version.
    if (fits && (response.status !== 404 || (errorsIn(response)?.length ?? (response.text.startsWith('{') ? 0 : 1)) === 0)) return response;
    throw await this.#refused(response, call.path, call.capabilities);
  }

  async #send({ method, path, json, query = '' }: Call): Promise<HttpResponse> {
    const { http, connection, token } = await this.#open();
    return await this.#raw(http, connection, { method, url: `${this.place.address}/v1/${path}${query}`, headers: { ...this.#headers(), 'x-vault-token': token }, ...(json === undefined ? {} : { json }) });
  }

  #headers(): Readonly<Record<string, string>> {
    const { namespace } = this.place;
    return { 'x-vault-request': 'true', ...(namespace === undefined || namespace === '' ? {} : { 'x-vault-namespace': namespace }) };
  }

  /** Its own words for where the engine is: the hints of a credential's address do not fit. */
  async #raw(http: HttpClient, connection: Connection, request: HttpRequest): Promise<HttpResponse> {
    try {
      return await http.send(request, connection);
    } catch (error) {
      if (!isCredsetupError(error) || error.exitCode > 128) throw error;
      throw unreachable(error, this.place);
    }
  }

  async #open(): Promise<Opened> {
    this.#opened ??= this.#signIn();
    try {
      return await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #signIn(): Promise<Opened> {
    const { env, protect } = this.#options;
    const connection = await connectionFrom(env, this.#options);
    const way = await signInFrom(env, this.#options);
    const http = await this.#options.http();
    if (way.kind === 'token') {
      protect(way.token);
      return { http, connection, token: way.token, tokenFrom: way.from };
    }
    const token = await this.#tokenBy(way, http, connection);
    protect(token);
    return { http, connection, token, tokenFrom: `the sign-in with ${way.from}` };
  }

  async #tokenBy(way: Exclude<SignIn, { kind: 'token' }>, http: HttpClient, connection: Connection): Promise<string> {
    const json = way.kind === 'approle' ? { role_id: way.roleId, secret_id: way.secretId } : { role: way.role, jwt: way.jwt };
    for (const secret of way.kind === 'approle' ? [way.secretId] : [way.jwt]) this.#options.protect(secret);
    const path = `auth/${encodedPath(way.mount)}/login`;
    const response = await this.#raw(http, connection, { method: 'POST', url: `${this.place.address}/v1/${path}`, headers: this.#headers(), json });
    const errors = errorsIn(response);
    // 403: that is how a wrong JWT and an auth method that is not mounted answer to some versions.
    if (errors !== undefined && [400, 403].includes(response.status)) throw signInRejected(this.place.address, way.kind, way.mount, way.from, harmless(errors.join(' ')));
    if (response.status !== 200) throw await this.#refusedBy(response, { address: this.place.address, tokenFrom: way.from, path, capabilities: ['update'], namespace: this.place.namespace });
    const token = memberOf(this.#body(response), 'auth')['client_token'];
    if (typeof token === 'string' && token !== '') return token;
    throw this.#unreadable(response);
  }

  async #refused(response: HttpResponse, path: string, capabilities: readonly string[]): Promise<CredsetupError> {
    const { tokenFrom } = await this.#open();
    return await this.#refusedBy(response, { address: this.place.address, tokenFrom, path: decodeURI(path), capabilities, namespace: this.place.namespace });
  }

  /** 503 is "sealed" and "never initialised" alike: the health answer tells them apart. */
  async #refusedBy(response: HttpResponse, asked: Asked): Promise<CredsetupError> {
    if (response.status !== 503 || errorsIn(response) === undefined) return refusal(response, asked);
    const health = await this.health();
    return health === 'uninitialized' ? uninitialized(asked.address) : sealed(asked);
  }

  /** How the server stands, asked without a token. Throws the network's errors. */
  async health(): Promise<'active' | 'sealed' | 'uninitialized' | 'standby' | 'unknown'> {
    const http = await this.#options.http();
    const connection = await connectionFrom(this.#options.env, this.#options);
    const { status } = await this.#raw(http, connection, { method: 'GET', url: `${this.place.address}/v1/sys/health` });
    return ({ 200: 'active', 503: 'sealed', 501: 'uninitialized', 429: 'standby', 472: 'standby', 473: 'standby' } as const)[status] ?? 'unknown';
  }

  #body(response: HttpResponse): unknown {
    try {
      return response.json();
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      throw this.#unreadable(response);
    }
  }

  #unreadable({ status }: HttpResponse): CredsetupError {
    const { address } = this.place;
    return new CredsetupError('RESPONSE_INVALID', `What ${address} answered (status ${status}) is not what an OpenBao or Vault answers.`, { url: address, hint: 'Check BAO_ADDR; does a gateway or a sign-in page stand in front of it?' });
  }
}

function unreachable(error: CredsetupError, { address, addressFrom }: Place): CredsetupError {
  const hints: Readonly<Partial<Record<string, string>>> = {
    URL_INSECURE: `Set BAO_ADDR=${address.replace(/^http:/, 'https:')}: over http:// everybody on the way would read the token and every credential.`,
    CONNECTION_REFUSED: `Does it run, and is ${address} the right address? It comes from ${addressFrom}; set BAO_ADDR to another.`,
    HOST_NOT_FOUND: `Check BAO_ADDR; ${address} comes from ${addressFrom}.`,
    TLS_SELF_SIGNED: 'Name its certificate authority: BAO_CACERT=/path/to/ca.pem', TLS_UNKNOWN_CA: 'Name its certificate authority: BAO_CACERT=/path/to/ca.pem',
  };
  return new CredsetupError(error.code, `The OpenBao or Vault at ${address} could not be asked: ${error.message}`, { ...error.details, url: address, hint: hints[error.code] ?? error.hint });
}

function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** A server's sentence, short and without what could hold a value. */
function harmless(said: string): string {
  return /^[\w "'().,:/-]{1,160}$/.test(said) ? said.replaceAll(/"[^"]*"/g, '"..."') : '';
}

// ---------------------------------------------------------------- answers

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object's member that is an object; empty when it is none. */
function memberOf(value: unknown, name: string): Record<string, unknown> & { readonly metadata?: Record<string, unknown> } {
  const member = isObject(value) ? value[name] : undefined;
  if (!isObject(member)) return {};
  const { metadata, ...rest } = member;
  return isObject(metadata) ? { ...rest, metadata } : rest;
}

function textOf(value: Readonly<Record<string, unknown>>, name: string): string {
  const member = value[name];
  return typeof member === 'string' ? member : '';
}

function numberOf(value: Readonly<Record<string, unknown>>, name: string): number {
  const member = value[name];
  return typeof member === 'number' && Number.isSafeInteger(member) && member >= 0 ? member : 0;
}

function timeOf(text: string): number {
  const time = Date.parse(text);
  return Number.isNaN(time) ? 0 : time;
}

function clockOf(response: HttpResponse): number | undefined {
  const time = timeOf(response.header('date') ?? '');
  return time === 0 ? undefined : time;
}

function customOf(value: Readonly<Record<string, unknown>>): CustomMetadata {
  const custom = value['custom_metadata'];
  if (!isObject(custom)) return empty;
  return Object.fromEntries(Object.entries(custom).filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}

function describedFrom(name: string, metadata: Readonly<Record<string, unknown>>): Described {
  const version = numberOf(metadata, 'current_version');
  const versions = isObject(metadata['versions']) ? metadata['versions'] : {};
  const gone = (one: unknown): boolean => isObject(one) && (one['destroyed'] === true || textOf(one, 'deletion_time') !== '');
  const destroyed = (one: unknown): boolean => isObject(one) && one['destroyed'] === true;
  return {
    name, version, createdAt: timeOf(textOf(metadata, 'created_time')), deleted: gone(versions[String(version)]), customMetadata: customOf(metadata),
    readable: Object.entries(versions).filter(([, one]) => !destroyed(one)).map(([number]) => Number(number)),
  };
}
