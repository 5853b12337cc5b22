/** The shapes of a practice Mautic's answers. */
import type { Reply } from './server.ts';
import { isSeven, type MauticState } from './mautic-state.ts';

const noCache = { 'cache-control': 'no-cache, private' };

/** `{"errors": [{message, code, type}]}` */
export function failure(status: number, type: string | null, message: string): Reply {
  return { status, headers: noCache, body: { errors: [{ message, code: status, type }] } };
}

export const apiDisabled = failure(403, 'api_disabled', "API disabled. You need to enable the API in the API settings of Mautic's Configuration.");
export const basicDisabled = failure(403, 'access_denied', "Basic Auth disabled. You need to enable HTTP basic auth in the API settings of Mautic's Configuration.");
export const authorizationDenied = failure(401, 'access_denied', 'API authorization denied.');
export const tokenInvalid = failure(401, 'invalid_grant', 'The access token provided is invalid.');
export const tokenExpired = failure(401, 'invalid_grant', 'The access token provided has expired.');

/** A refused password: Mautic 7 leaves it to Symfony, Mautic 5 words it itself. */
export function passwordRefused(state: MauticState): Reply {
  if (!isSeven(state)) return failure(401, 'access_denied', 'Authorization denied, invalid credentials.');
  return { status: 401, headers: { ...noCache, 'www-authenticate': 'Basic realm="Secured Area"', 'content-type': 'application/json' }, body: '' };
}

/** Answers after a successful sign-in carry the version. */
export function authorized(state: MauticState, body: unknown): Reply {
  return { status: 200, headers: { ...noCache, 'mautic-version': state.version }, body };
}

/** A missing permission: no type, and the version all the same. */
export function notPermitted(state: MauticState): Reply {
  const error = { code: 403, message: 'You do not have access to the requested area/action.', details: [] };
  return { status: 403, headers: { ...noCache, 'mautic-version': state.version }, body: { errors: [error] } };
}
