/** Requests to n8n's public API with a key, and what its refusals mean. Source: measured answers of n8n 2.41.1. */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError, isCredsetupError, type Cause } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { throwForStatus } from '../../http/status.ts';
import { isJson, isObject, nameOf } from '../answer.ts';
import type { Api } from '../api.ts';
import { isStarting, messageOf, n8n } from './address.ts';
import { endOfKey } from './key.ts';

/** A scope of an API key, as n8n's own list names it. */
export type Scope = 'credential:create' | 'credential:read' | 'credential:update' | 'credential:delete' | 'credential:list'
  | 'workflow:create' | 'workflow:activate' | 'workflow:deactivate' | 'workflow:delete' | 'workflow:list' | 'execution:list';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface Requests {
  readonly base: string;
  /** One answer as it is, whatever its status: for who asks what the key may and what this n8n knows. Throws what ends every call. */
  ask(method: Method, path: string, json?: unknown): Promise<HttpResponse>;
  /** As `ask`; what lacks the scope, or is not taken, throws. 404, 405 and 409 are the caller's. */
  send(method: Method, path: string, scope: Scope, json?: unknown): Promise<HttpResponse>;
}

/** With one key at one n8n. */
export function requestsTo(api: Api, key: string): Requests {
  const ask = async (method: Method, path: string, json?: unknown): Promise<HttpResponse> => {
    const response = await answer({ method, path, toN8n: true, headers: { 'X-N8N-API-KEY': key, accept: 'application/json' }, ...(json === undefined ? {} : { json }) }, api);
    if (isStarting(response) || (isMissingRoute(response) && isStarting(await api.send({ method: 'GET', toN8n: true, path: n8n.address.starting?.path ?? '' })))) throw stillStarting(api.base);
    if (response.status === 401) throw messageOf(response) === undefined ? notN8n(api.base) : keyRejected(api.base, key);
    return response;
  };
  return {
    base: api.base, ask,
    send: async (method, path, scope, json) => {
      const response = await ask(method, path, json);
      refuse(response, api.base, scope);
      return response;
    },
  };
}

/** Of several n8ns, a failure names the one that it is about. */
async function answer(request: Parameters<Api['send']>[0], api: Api): Promise<HttpResponse> {
  try {
    const response = await api.send(request);
    throwForStatus(response, { toN8n: true });
    return response;
  } catch (error) {
    throw isCredsetupError(error) ? error.with({ service: 'n8n', url: api.base }) : error;
  }
}

/** Express's page for a path that there is not: all that an n8n without its API answers. */
function isMissingRoute(response: HttpResponse): boolean {
  return response.status === 404 && !isJson(response) && response.text.includes('Cannot ');
}

function refuse(response: HttpResponse, base: string, scope: Scope): void {
  const { status } = response;
  if (status < 300 || ([404, 405, 409].includes(status) && messageOf(response) !== undefined)) return;
  if (status === 403 && messageOf(response) !== undefined) throw scopesMissing(base, [scope]);
  if (status === 400) {
    throw new CredsetupError('UNSUPPORTED', `The n8n at ${base} does not take this: ${foreign(nameOf(messageOf(response) ?? 'it does not say why'))}`, {
      service: 'n8n', url: base, hint: 'Its version probably has other fields for this type. Update n8n, or type the values there: credsetup show NAME --reveal',
    });
  }
  throw notN8n(base);
}

/** The JSON object of an answer 200. Throws NOT_N8N. */
export function bodyOf(response: HttpResponse, base: string): Record<string, unknown> {
  const body = response.status === 200 && isJson(response) ? response.json() : undefined;
  if (!isObject(body)) throw notN8n(base);
  return body;
}

/** Where an API key is made, and its scopes are chosen. */
export const keyPage = (base: string): string => `${base}/settings/api`;

/** PERMISSION_DENIED that names every scope that is missing, so that one new key is enough. */
export function scopesMissing(base: string, scopes: readonly Scope[]): CredsetupError {
  return new CredsetupError('PERMISSION_DENIED', `The API key lacks ${scopes.length === 1 ? 'the scope' : 'the scopes'} ${scopes.join(', ')} in the n8n at ${base}.`, {
    service: 'n8n', url: base,
    hint: `Make an API key with ${scopes.join(', ')} at ${keyPage(base)} (scopes are under "Custom")${scopes.includes('credential:list') ? ', as an owner or admin' : ''}.`,
  });
}

function keyRejected(base: string, key: string): CredsetupError {
  const end = endOfKey(key);
  const ended = end !== undefined && Date.parse(end) <= Date.now();
  const causes: Cause[] = [
    {
      code: 'API_KEY_ENDED', check: `Look at the list of keys at ${keyPage(base)}.`, fix: 'Make a new one (Settings > n8n API > Create API key) and copy all of it: it is shown once.',
      message: ended ? `The key ended on ${end.slice(0, 10)}.` : `The key may have been deleted there, or belong to another n8n${end === undefined ? ', or not have been copied whole' : ''}.`,
    },
    { code: 'PUBLIC_API_OFF', message: 'The public API may be switched off in that n8n: a good key is refused in the same words.', check: 'Ask who runs it whether N8N_PUBLIC_API_DISABLED is true there.', fix: 'Have it set to false, and n8n restarted.' },
  ];
  return new CredsetupError('API_KEY_REJECTED', `The n8n at ${base} refused the API key${ended ? `, which ended on ${end.slice(0, 10)}` : ''}.`, {
    service: 'n8n', url: base, field: 'apiKey', causes,
    hint: `Make a new one at ${keyPage(base)} and copy the whole key: it is shown once.`,
  });
}

function stillStarting(base: string): CredsetupError {
  return new CredsetupError('SERVER_ERROR', `The n8n at ${base} is still starting, or its database is not ready.`, { service: 'n8n', url: base, starting: true, hint: 'Try again in a minute.' });
}

/** What answers is no n8n's public API. */
export function notN8n(base: string): CredsetupError {
  return new CredsetupError('NOT_N8N', `${base} does not answer as n8n's public API does.`, {
    service: 'n8n', url: base, field: 'url', hint: 'Copy the address from your browser while n8n is open. Something in front of it may answer in its place.',
  });
}
