/** How an n8n is told from everything else that answers HTTP, before it gets the key. Measured with n8n 2.41.1. */
import type { HttpResponse } from '../../context.ts';
import { isJson, isObject } from '../answer.ts';
import type { AddressKnowledge, Addressed } from '../service.ts';
import { about, url } from './fields.ts';

export const schemaPath = '/api/v1/credentials/schema/';

export const address: AddressKnowledge = {
  field: url,
  pages: [
    /\/(home|workflow|workflows|credentials|executions|settings|projects|signin|setup|forgot-password|templates|variables|insights)(\/|$)/,
    /\/(api|rest|webhook|webhook-test|form|mcp)(\/|$)/,
  ],
  frontControllers: [],
  proofPath: `${schemaPath}httpBasicAuth`,
  // Without a key: {"message": "Unauthorized"}; before version 2 it named the missing header.
  proves: (response) => response.status === 401 && /^unauthorized$|X-N8N-API-KEY/i.test(messageOf(response) ?? ''),
  resembles: (response) => /<title>n8n[ .]/.test(response.text) || saysStarting(response),
  starting: { path: '/healthz/readiness', seen: isStarting },
  notThisService: 'NOT_N8N',
  isN8n: true,
  oauthCallbackPath: '/rest/oauth2-credential/callback',
  oauthCallbackTold: { path: '/rest/settings', read: callbackTold },
};

/** Its settings for anybody name one address below its own: that of a sign-in by OpenID Connect. Measured with n8n 2.41.1. */
function callbackTold(response: HttpResponse): string | undefined {
  const member = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);
  const data = response.status === 200 && isJson(response) ? member(response.json(), 'data') : undefined;
  const login = member(member(member(data, 'sso'), 'oidc'), 'loginUrl');
  return typeof login === 'string' && /\/sso\/oidc\/login$/.test(login) ? login.replace(/\/sso\/oidc\/login$/, '/oauth2-credential/callback') : undefined;
}

/** What is found by its address without the rest of the service. */
export const n8n: Addressed = { ...about, address };

/** In the first tenth of a second it answers 200 with this text, whatever it is asked. */
function saysStarting(response: HttpResponse): boolean {
  return response.status === 200 && response.text.startsWith('n8n is starting up');
}

/** Then its API is not there for some seconds, and it is healthy and not ready: 503 `{"status": "error"}`. */
export function isStarting(response: HttpResponse): boolean {
  return saysStarting(response) || (response.status === 503 && statusOf(response) === 'error');
}

function statusOf(response: HttpResponse): unknown {
  if (!isJson(response)) return undefined;
  const body = response.json();
  return isObject(body) ? body['status'] : undefined;
}

/** `{"message": "..."}`, the form of all its refusals. */
export function messageOf(response: HttpResponse): string | undefined {
  if (!isJson(response)) return undefined;
  const body = response.json();
  return isObject(body) && typeof body['message'] === 'string' ? body['message'] : undefined;
}
