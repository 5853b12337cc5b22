/**
 * n8n's public API, as far as credentials need it. Source: measured answers of n8n 2.41.1, and
 * what older ones lack, told by their answers and never by a version.
 */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import { isObject, nameOf } from '../answer.ts';
import type { Api } from '../api.ts';
import { messageOf, schemaPath } from './address.ts';
import { bodyOf, notN8n, requestsTo, type Requests } from './requests.ts';

export interface N8nCredentialBody {
  readonly name: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Of our own: 1 to 16 of `[A-Za-z0-9_-]`. An n8n that knows none chooses one all the same. */
  readonly id?: string;
  readonly projectId?: string;
}

export interface N8nChange {
  readonly name?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  /** Only the members of `data` are written, and all others stay. Only where `abilities` say that this n8n knows it. */
  readonly partial?: boolean;
}

/** What n8n tells of a credential; never its data. */
export interface StoredInN8n {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

/** n8n's own test: its words, or that it has no test at all. */
export interface N8nTested {
  readonly status: 'OK' | 'Error' | 'untested';
  readonly message: string;
}

/** What this n8n knows; an older one does less. */
export interface N8nAbilities {
  /** An id of our own is kept. */
  readonly ownId: boolean;
  /** A change can leave alone what it does not name. */
  readonly partialData: boolean;
}

/** The id is another credential's. */
export const idTaken = Symbol('id taken');

/**
 * Every call throws API_KEY_REJECTED, PERMISSION_DENIED (naming the scope), NOT_N8N, UNSUPPORTED
 * (a type or a member that this n8n does not know), RESPONSE_INVALID, SERVER_ERROR (starting, too),
 * RATE_LIMITED and the network's codes.
 */
export interface N8nApi {
  readonly base: string;
  readonly requests: Requests;
  /** Proves that it is an n8n, that the key works and that the type is known there. Its members. Sends no credential. */
  members(type: string): Promise<ReadonlySet<string>>;
  /** What it knows, found without changing anything. Needs credential:create and credential:update; without them: nothing known. */
  abilities(): Promise<N8nAbilities>;
  /** Throws NOT_FOUND for a project that there is not. */
  create(body: N8nCredentialBody): Promise<StoredInN8n | typeof idTaken>;
  /** undefined when it is not there. */
  find(id: string): Promise<StoredInN8n | undefined>;
  /** When it was written last, in n8n's words; undefined where that cannot be known. */
  changedAt(id: string): Promise<string | undefined>;
  /** undefined when it is not there. */
  update(id: string, change: N8nChange): Promise<StoredInN8n | undefined>;
  /** n8n's own test, from where n8n runs; undefined when the credential is not there. */
  test(id: string): Promise<N8nTested | undefined>;
  /** All of them, or of the types that are named. */
  list(types?: ReadonlySet<string>): Promise<readonly StoredInN8n[]>;
  /** False when it was not there. */
  remove(id: string): Promise<boolean>;
}

const credentials = '/api/v1/credentials';
/** What cannot be an id: nothing is changed by asking for it. */
export const nobody = 'none';

/** The API of one n8n with one key. */
export function createN8nApi(api: Api, key: string): N8nApi {
  const requests = requestsTo(api, key);
  const { base } = api;
  const one = (id: string): string => `${credentials}/${encodeURIComponent(checkedId(id, base))}`;
  let known: Promise<N8nAbilities> | undefined;
  return {
    base, requests,
    members: async (type) => {
      const response = await requests.send('GET', schemaPath + encodeURIComponent(type), 'credential:create');
      if (response.status === 404) throw unknownType(type, base);
      const { properties } = bodyOf(response, base);
      if (!isObject(properties)) throw notN8n(base);
      return new Set(Object.keys(properties));
    },
    abilities: () => known ??= askAbilities(requests),
    create: async (body) => {
      const response = await sendNew(requests, body);
      if (response.status === 409) return idTaken;
      if (response.status === 404) throw unknownProject(body.projectId ?? '', base);
      return stored(response, base);
    },
    find: async (id) => {
      const response = await requests.send('GET', one(id), 'credential:read');
      // An older one knows no GET of one credential; a change of nothing tells the same there.
      const told = response.status === 405 ? await requests.send('PATCH', one(id), 'credential:update', {}) : response;
      if (told.status === 405) throw tooOld(base);
      return told.status === 404 ? undefined : stored(told, base);
    },
    changedAt: async (id) => {
      const response = await requests.send('GET', one(id), 'credential:read');
      const { updatedAt } = response.status === 200 ? bodyOf(response, base) : {};
      return typeof updatedAt === 'string' ? updatedAt : undefined;
    },
    update: async (id, { partial, ...change }) => {
      const response = await requests.send('PATCH', one(id), 'credential:update', { ...change, ...(partial === true ? { isPartialData: true } : {}) });
      if (response.status === 405) throw tooOld(base);
      return response.status === 404 ? undefined : stored(response, base);
    },
    test: async (id) => tested(await requests.send('POST', `${one(id)}/test`, 'credential:read'), base),
    list: (types) => listAll(requests, types),
    remove: async (id) => {
      const response = await requests.send('DELETE', one(id), 'credential:delete');
      if (response.status === 404) return false;
      bodyOf(response, base);
      return true;
    },
  };
}

/** An n8n that refuses an id of ours gets the credential without one. */
async function sendNew(requests: Requests, { id, ...body }: N8nCredentialBody): Promise<HttpResponse> {
  const send = (one: object): Promise<HttpResponse> => requests.send('POST', credentials, 'credential:create', one);
  if (id === undefined) return send(body);
  try {
    return await send({ ...body, id });
  } catch (error) {
    if (isCredsetupError(error) && error.code === 'UNSUPPORTED' && /body\/id\b|must NOT have additional/i.test(error.message)) return send(body);
    throw error;
  }
}

/** By what is wrong on purpose: an n8n that knows the member refuses its value (400), any other does not look at it. */
async function askAbilities(requests: Requests): Promise<N8nAbilities> {
  const says = (response: HttpResponse, member: string): boolean => response.status === 400 && (messageOf(response) ?? '').includes(member);
  const [made, changed] = await Promise.all([
    requests.ask('POST', credentials, { id: '' }), requests.ask('PATCH', `${credentials}/${nobody}`, { isPartialData: 'no' }),
  ]);
  return { ownId: says(made, '/id '), partialData: says(changed, 'isPartialData') };
}

/** Measured: 404 'Credential with ID "..." was not found.' for an unknown id; 404 "not found" or 405 where there is no test. */
function tested(response: HttpResponse, base: string): N8nTested | undefined {
  const message = messageOf(response) ?? '';
  if (response.status === 405 || (response.status === 404 && !/credential/i.test(message))) return { status: 'untested', message: 'this n8n has no test of credentials' };
  if (response.status === 404) return undefined;
  const { status } = bodyOf(response, base);
  if (status !== 'OK' && status !== 'Error') throw strangeAnswer(base, 'how its test of the credential went');
  return { status, message: nameOf(message) };
}

const pageSize = 100;
/** More credentials than any n8n holds: an answer that always names a next page has an end. */
const mostPages = 200;

async function listAll(requests: Requests, types: ReadonlySet<string> | undefined): Promise<readonly StoredInN8n[]> {
  const found = new Map<string, StoredInN8n>();
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page += 1) {
    const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const response = await requests.send('GET', `${credentials}?limit=${pageSize}${query}`, 'credential:list');
    if (response.status === 405) throw tooOld(requests.base);
    const { data, nextCursor } = bodyOf(response, requests.base);
    if (!Array.isArray(data)) throw strangeAnswer(requests.base, 'which credentials it has');
    for (const one of data as readonly unknown[]) {
      const { type } = isObject(one) ? one : {};
      if (types === undefined || (typeof type === 'string' && types.has(type))) {
        const told = toldOf(one, requests.base);
        found.set(told.id, told);
      }
    }
    if (typeof nextCursor !== 'string' || nextCursor === '' || nextCursor === cursor || !isWhole(nextCursor)) break;
    cursor = nextCursor;
  }
  return [...found.values()];
}

function stored(response: HttpResponse, base: string): StoredInN8n {
  return toldOf(bodyOf(response, base), base);
}

function toldOf(value: unknown, base: string): StoredInN8n {
  const { id, name, type } = isObject(value) ? value : {};
  if (!isId(id) || typeof name !== 'string' || typeof type !== 'string') throw strangeAnswer(base, 'under which id it keeps the credential');
  return { id, name: nameOf(name), type: nameOf(type) };
}

/** A lone surrogate cannot be written into an address. */
const isWhole = (text: string): boolean => !/\p{Cs}/u.test(text);

/** n8n's own have 16 letters and digits; its importer takes other texts, of which no path is made. */
function isId(id: unknown): id is string {
  return typeof id === 'string' && /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}/\\?#%]{1,64}$/u.test(id);
}

/** Throws RESPONSE_INVALID: the id came from this n8n or from our own index, and is none. */
function checkedId(id: string, base: string): string {
  if (!isId(id)) throw strangeAnswer(base, 'the id of a credential');
  return id;
}

function strangeAnswer(base: string, what: string): CredsetupError {
  return new CredsetupError('RESPONSE_INVALID', `The n8n at ${base} did not say ${what}.`, {
    service: 'n8n', url: base, hint: 'Look in n8n whether the credential is there before you try again.',
  });
}

function unknownType(type: string, base: string): CredsetupError {
  return new CredsetupError('UNSUPPORTED', `The n8n at ${base} knows no credential of the type ${type}.`, { service: 'n8n', url: base, hint: 'Update that n8n.' });
}

function unknownProject(project: string, base: string): CredsetupError {
  return new CredsetupError('NOT_FOUND', `The n8n at ${base} has no project ${JSON.stringify(project)} that this key may write to.`, {
    service: 'n8n', url: base, hint: `Take the id out of the project's address (${base}/projects/ID/credentials), or leave --project out.`,
  });
}

function tooOld(base: string): CredsetupError {
  return new CredsetupError('UNSUPPORTED', `The n8n at ${base} cannot do this by its API; its version is too old.`, {
    service: 'n8n', url: base, hint: 'Update that n8n, or change the values there by hand: credsetup show NAME --reveal',
  });
}
