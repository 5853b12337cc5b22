/**
 * Mautic's answers of its token endpoint, in the words of RFC 6749. Source: the recorded token
 * exchanges (test/wire/mautic-7.json, mautic-5.json).
 */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError } from '../../errors.ts';
import { isObject, textOf } from '../answer.ts';
import { about } from './api.ts';
import { enableApi } from './steps.ts';

/**
 * The members of a token answer (§5.1) or of an error (§5.2). Mautic sends `"scope": null`, where
 * the RFC wants a string or nothing, and errors as `{"errors": [{message, code, type}]}` with the
 * RFC's code in `type`; the message becomes error_description, to sharpen a hint. Throws
 * API_DISABLED, and RESPONSE_INVALID for an answer that is no JSON.
 */
export function repairTokenAnswer(response: HttpResponse): Readonly<Record<string, unknown>> {
  const body = response.json();
  if (!isObject(body)) return {};
  const first: unknown = Array.isArray(body['errors']) ? body['errors'][0] : undefined;
  if (isObject(first)) return errorMembers(first, response);
  const members = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  return members['access_token'] === undefined ? members : { token_type: 'bearer', ...members };
}

function errorMembers(error: Record<string, unknown>, { url, status }: HttpResponse): Readonly<Record<string, unknown>> {
  const type = textOf(error, 'type');
  if (type === 'api_disabled') {
    const base = url.replace(/\/oauth\/v2\/token.*$/, '');
    throw new CredsetupError('API_DISABLED', 'The API of this Mautic is off.', {
      service: about.id, url: base, hint: `${enableApi.instructions.join(': ')} ${enableApi.page(base)}`,
    });
  }
  return { error: type === '' ? `status_${status}` : type, error_description: textOf(error, 'message') };
}
