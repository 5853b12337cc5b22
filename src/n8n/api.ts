/** n8n's public API, as far as credentials need it. Source: measured answers of n8n 2.41.1. */
import type { HttpResponse } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { throwForStatus } from '../http/status.ts';
import { isJson, isObject } from '../services/answer.ts';
import type { Api } from '../services/service.ts';
import { isStarting, messageOf, schemaPath } from './address.ts';

export interface N8nCredentialBody {
  readonly name: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What n8n tells of a credential; never its data. */
export interface StoredInN8n {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

/**
 * Every call throws API_KEY_REJECTED, PERMISSION_DENIED (naming the scope), NOT_N8N, UNSUPPORTED
 * (a type or a member that this n8n does not know), SERVER_ERROR, RATE_LIMITED and the network's codes.
 */
export interface N8nApi {
  /** Proves that it is an n8n, that the key works and that the type is known there. Sends no credential. */
  checkType(type: string): Promise<void>;
  create(body: N8nCredentialBody): Promise<StoredInN8n>;
  /** undefined when it was deleted there. */
  find(id: string): Promise<StoredInN8n | undefined>;
  update(id: string, body: N8nCredentialBody): Promise<StoredInN8n>;
}

const credentials = '/api/v1/credentials';
/** An id has 16 characters, a name at most 128: what is kept of an answer has an end. */
const longestText = 500;

/** The API of one n8n with one key. */
export function createN8nApi(api: Api, key: string): N8nApi {
  const send = async (method: 'GET' | 'POST' | 'PATCH', path: string, scope: string, json?: unknown): Promise<HttpResponse> => {
    const response = await api.send({ method, path, headers: { 'X-N8N-API-KEY': key, accept: 'application/json' }, ...(json === undefined ? {} : { json }) });
    refuse(response, api.base, scope);
    return response;
  };
  return {
    checkType: async (type) => {
      const response = await send('GET', schemaPath + encodeURIComponent(type), 'credential:create');
      if (response.status === 404) throw unknownType(type, api.base);
      const schema = bodyOf(response, api.base);
      if (!isObject(schema['properties'])) throw notN8n(api.base);
    },
    create: async (body) => stored(await send('POST', credentials, 'credential:create', body), api.base),
    find: async (id) => {
      const response = await send('GET', `${credentials}/${encodeURIComponent(id)}`, 'credential:read');
      // Older versions know no GET of one credential, and say so by 405.
      if (response.status === 405) throw tooOld(api.base);
      return response.status === 404 ? undefined : stored(response, api.base);
    },
    update: async (id, body) => stored(await send('PATCH', `${credentials}/${encodeURIComponent(id)}`, 'credential:update', body), api.base),
  };
}

/** What no call can go on after. */
function refuse(response: HttpResponse, base: string, scope: string): void {
  throwForStatus(response);
  if (isStarting(response)) throw new CredsetupError('SERVER_ERROR', `The n8n at ${base} is still starting.`, { url: base, hint: 'Try again in a minute.' });
  const about = { service: 'n8n', url: base };
  if (response.status === 401) {
    if (messageOf(response) === undefined) throw notN8n(base);
    throw new CredsetupError('API_KEY_REJECTED', `The n8n at ${base} refused the API key.`, {
      ...about, field: 'apiKey', hint: `Make a new one at ${base}/settings/api (Settings > n8n API), and copy the whole key: it is shown once. It may have ended, or belong to another n8n.`,
    });
  }
  if (response.status === 403) {
    if (messageOf(response) === undefined) throw notN8n(base);
    throw new CredsetupError('PERMISSION_DENIED', `The API key may not do this in the n8n at ${base}.`, {
      ...about, hint: `Make an API key with the scope ${scope} at ${base}/settings/api, from an account that may make credentials.`,
    });
  }
  if (response.status === 400) {
    throw new CredsetupError('UNSUPPORTED', `The n8n at ${base} does not take this credential: ${(messageOf(response) ?? 'it does not say why').slice(0, 300)}`, {
      ...about, hint: 'Its version probably has other fields for this type. Update n8n, or type the values there: credsetup show NAME --reveal',
    });
  }
  if (response.status >= 300 && response.status !== 404 && response.status !== 405) throw notN8n(base);
}

function bodyOf(response: HttpResponse, base: string): Record<string, unknown> {
  const body = response.status === 200 && isJson(response) ? response.json() : undefined;
  if (!isObject(body)) throw notN8n(base);
  return body;
}

function stored(response: HttpResponse, base: string): StoredInN8n {
  const { id, name, type } = bodyOf(response, base);
  const short = (text: unknown): text is string => typeof text === 'string' && text.length <= longestText;
  if (short(id) && id !== '' && short(name) && short(type)) return { id, name, type };
  throw new CredsetupError('RESPONSE_INVALID', `The n8n at ${base} did not say under which id it keeps the credential.`, {
    service: 'n8n', url: base, hint: 'Look in n8n whether the credential is there before you try again.',
  });
}

function notN8n(base: string): CredsetupError {
  return new CredsetupError('NOT_N8N', `${base} does not answer as n8n's public API does.`, {
    service: 'n8n', url: base, field: 'url', hint: 'Copy the address from your browser while n8n is open. The public API may also be off there (N8N_PUBLIC_API_DISABLED), or something in front of it answers.',
  });
}

function unknownType(type: string, base: string): CredsetupError {
  return new CredsetupError('UNSUPPORTED', `The n8n at ${base} knows no credential of the type ${type}.`, { service: 'n8n', url: base, hint: 'Update that n8n.' });
}

function tooOld(base: string): CredsetupError {
  return new CredsetupError('UNSUPPORTED', `The n8n at ${base} cannot replace a credential by its API; its version is too old.`, {
    service: 'n8n', url: base, hint: 'Update that n8n, or change the values there by hand: credsetup show NAME --reveal',
  });
}
