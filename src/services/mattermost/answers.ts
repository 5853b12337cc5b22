/** Refusals of Mattermost as data: status and error id to what they mean. */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError, type Cause, type ErrorCode } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { throwForStatus } from '../../http/status.ts';
import { invalidAnswer, isObject, ownMember } from '../answer.ts';
import type { Api } from '../api.ts';
import { about, errorId, versionOf } from './api.ts';

/** What one error id stands for. `{base}` is the address. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly field?: string;
  readonly causes?: readonly Cause[];
}

export type Refusals = Readonly<Record<string, Refusal>>;

/** The session has ended while it was used, or the token that stands for it was refused. */
const notAccepted: Refusal = {
  code: 'TOKEN_REJECTED', field: 'adminToken', message: 'Mattermost does not accept this sign-in (any more).',
  hint: 'Sign in again, or give a token that works: it may have been revoked, disabled or have expired, or be the Token ID in place of the Access Token.',
};

export const mfaRequiredId = 'api.context.mfa_required.app_error';

const withoutFactor: Refusal = {
  code: 'MFA_REQUIRED', message: 'This Mattermost demands multi-factor authentication, and the account has not set it up.',
  hint: 'Sign in to {base} once with a browser, set it up as you are told there, and run this again. n8n has no access before that either; a bot account (--bot) is exempt from it.',
};

/** What every call of a signed-in account can be answered with. */
const everywhere: Refusals = {
  'api.context.session_expired.app_error': notAccepted,
  [mfaRequiredId]: withoutFactor,
};

/** A token in place of a sign-in that is not accepted, or what else the answer says. */
export function ended(api: Api, response: HttpResponse): CredsetupError {
  return errorOf(api, everywhere[errorId(response) ?? ''] ?? notAccepted);
}

/** MFA_REQUIRED: no code that somebody could give now helps. */
export function mfaRequired(api: Api): CredsetupError {
  return errorOf(api, withoutFactor);
}

/** A credential arrived at something in front, and Mattermost did not see it. */
export function headerDropped(api: Api): CredsetupError {
  return new CredsetupError('AUTHORIZATION_HEADER_DROPPED', `What stands in front of ${api.base} does not pass the Authorization header on to Mattermost.`, {
    service: about.id, url: api.base,
    hint: 'No token can work until that is repaired. Ask the admin of the web server in front: in nginx no proxy_set_header may set Authorization to something else or to nothing; Apache and others have a setting of their own for it; a sign-in of the web server\'s own on the same path uses the header up.',
  });
}

/** Something in front answered instead of Mattermost. */
export function refusedInFront(api: Api): CredsetupError {
  return new CredsetupError('GATEWAY_IN_FRONT', `Something in front of ${api.base} refused the request before Mattermost saw it.`, {
    service: about.id, url: api.base, hint: 'n8n cannot pass it either, unless it is credsetup\'s name alone that is refused. Ask the admin to let requests to /api/v4 through to Mattermost without a sign-in of their own.',
  });
}

/** Whether a 401 shows that Mattermost tells its client to forget a credential, which it does only when one arrived. */
const forgets = (response: HttpResponse): boolean => response.header('set-cookie')?.includes('MMAUTHTOKEN=') === true;

/**
 * Whether the Authorization header arrived, by comparing answers: with a credential Mattermost
 * empties its cookie, without one it does not (recorded: me-garbage, me-none). A made-up cookie
 * shows whether an emptied cookie would have reached us; no secret is sent for it.
 */
export async function headerSeen(api: Api, response: HttpResponse): Promise<'arrived' | 'dropped' | 'unknown'> {
  if (forgets(response)) return 'arrived';
  const other = await api.send({ method: 'GET', path: '/api/v4/users/me', headers: { cookie: `MMAUTHTOKEN=${madeUp}` } });
  return other.status === 401 && forgets(other) ? 'dropped' : 'unknown';
}
const madeUp = 'credsetupcredsetupcredsetu';

/**
 * The error behind an answer that is not the expected one: by the table, otherwise by status.
 * The server's own words are not repeated: in developer mode they hold the token.
 */
export function refused(api: Api, response: HttpResponse, refusals: Refusals, what: string): CredsetupError {
  const id = errorId(response);
  const known = id === undefined ? undefined : ownMember(refusals, id) ?? ownMember(everywhere, id);
  // A sign-in that was just opened has not ended: it did not arrive.
  if (known === notAccepted && !forgets(response)) return headerDropped(api);
  if (known !== undefined) return errorOf(api, known);
  throwForStatus(response);
  if (response.status === 403 && id !== undefined) {
    return new CredsetupError('PERMISSION_DENIED', `Mattermost does not let this account do this: ${what} (${printable(id)}).`, {
      service: about.id, url: api.base, hint: 'Ask an admin of the server, or sign in as one.',
    });
  }
  if (response.status === 401 && versionOf(response) === undefined) return refusedInFront(api);
  if (id === undefined) return invalidAnswer(api, about, what);
  return new CredsetupError('RESPONSE_INVALID', `Mattermost refused ${what} (status ${response.status}, ${printable(id)}).`, {
    service: about.id, url: api.base, hint: 'Try it in Mattermost\'s own pages; the server\'s log says more. Report it if it works there.',
  });
}

/** A refusal of the table as an error. */
export function errorOf(api: Api, { code, message, hint, field, causes }: Refusal): CredsetupError {
  const fill = (text: string): string => text.replaceAll('{base}', api.base);
  return new CredsetupError(code, fill(message), {
    service: about.id, url: api.base, hint: fill(hint), ...(field === undefined ? {} : { field }),
    ...(causes === undefined ? {} : { causes: causes.map((cause) => ({ ...cause, check: fill(cause.check), fix: fill(cause.fix) })) }),
  });
}

/** A JSON object of a 200 or 201 answer. */
export function objectOf(api: Api, response: HttpResponse, what: string): Readonly<Record<string, unknown>> {
  const body = response.json();
  if (!isObject(body)) throw invalidAnswer(api, about, what);
  return body;
}

/** The objects of a JSON list. */
export function objectsOf(api: Api, response: HttpResponse, what: string): readonly Readonly<Record<string, unknown>>[] {
  const body = response.json();
  if (!Array.isArray(body)) throw invalidAnswer(api, about, what);
  return body.filter(isObject);
}

/** An id of the server's, when it looks like one: a text in its place could hold anything. */
export function printable(id: string): string {
  return /^[\w.-]{1,80}$/.test(id) ? foreign(id) : 'an unknown error';
}
