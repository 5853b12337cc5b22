/** How an n8n is told from everything else that answers HTTP, before it gets the key. Measured with n8n 2.41.1. */
import type { HttpResponse } from '../context.ts';
import { isJson, isObject } from '../services/answer.ts';
import type { Addressed } from '../services/service.ts';
import { url } from './fields.ts';

export const schemaPath = '/api/v1/credentials/schema/';

export const n8n: Addressed = {
  id: 'n8n', title: 'n8n',
  address: {
    field: url,
    pages: [/\/(home|workflow|workflows|credentials|executions|settings|projects|signin|setup|forgot-password|templates|variables|insights)(\/|$)/, /\/(api|rest|webhook|webhook-test|form|mcp)(\/|$)/],
    frontControllers: [],
    proofPath: `${schemaPath}httpBasicAuth`,
    // Without a key: {"message": "Unauthorized"}; before version 2 it named the missing header.
    proves: (response) => isStarting(response) || (response.status === 401 && /^unauthorized$|X-N8N-API-KEY/i.test(messageOf(response) ?? '')),
    resembles: (response) => /<title>n8n[ .]/.test(response.text) || isStarting(response),
    notThisService: 'NOT_N8N',
    isN8n: true,
  },
};

/** While n8n starts it answers 200 with this text, whatever it is asked. */
export function isStarting(response: HttpResponse): boolean {
  return response.status === 200 && response.text.startsWith('n8n is starting up');
}

/** `{"message": "..."}`, the form of all its refusals. */
export function messageOf(response: HttpResponse): string | undefined {
  if (!isJson(response)) return undefined;
  const body = response.json();
  return isObject(body) && typeof body['message'] === 'string' ? body['message'] : undefined;
}
