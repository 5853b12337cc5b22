/**
 * Personal access tokens by the API: making, listing, ending. The switch answers 501, a missing
 * right 403 (recorded: create-token-disabled, create-token-no-permission); the expiry is 11.9's.
 */
import { CredsetupError } from '../../errors.ts';
import { get, textOf } from '../answer.ts';
import type { Listed, Made, Owner, Request, Session } from '../provisioning.ts';
import type { Api } from '../api.ts';
import { objectOf, objectsOf, refused, type Refusals } from './answers.ts';
import { about, idIn, isAtLeast } from './api.ts';
import { expiresIn } from './fields.ts';

const day = 86_400_000;
const longest = 36_500;
const perPage = 200;
const mostPages = 20;
const demanded = 'Give the days with --expires-in DAYS (CREDSETUP_MATTERMOST_EXPIRES_IN). Rotate the token before they are over: credsetup rotate NAME';

const refusals: Refusals = {
  'app.user_access_token.disabled': {
    code: 'TOKENS_DISABLED', message: 'Personal access tokens are off on this Mattermost.',
    hint: 'An admin sets System Console > Integrations > Integration Management > "Enable personal access tokens" to true: {base}/admin_console/integrations/integration_management. As an admin, let credsetup do it with --repair.',
  },
  'api.context.permissions.app_error': {
    code: 'PERMISSION_DENIED', message: 'This account may not make personal access tokens.',
    hint: 'An admin allows it: System Console > User Management > Users, the account, Manage roles, "Allow this account to generate personal access tokens": {base}/admin_console/user_management/users. With an admin\'s token, let credsetup do it: --repair --admin-token-file FILE.',
  },
  'app.user_access_token.expires_at_required.app_error': {
    code: 'EXPIRY_REQUIRED', field: expiresIn.key, message: 'This Mattermost demands that a token expires.', hint: demanded,
  },
  'app.user_access_token.expires_at_too_far.app_error': {
    code: 'EXPIRY_INVALID', field: expiresIn.key, message: 'This Mattermost does not let a token live that long.', hint: `Give fewer days. ${demanded}`,
  },
  'app.user_access_token.expires_at_in_past.app_error': {
    code: 'EXPIRY_INVALID', field: expiresIn.key, message: 'For this Mattermost, that expiry lies in the past.',
    hint: 'Check the clocks of the server and of what stands in front of it, or give more days with --expires-in DAYS.',
  },
};

/** Makes a token. Throws TOKENS_DISABLED, PERMISSION_DENIED, EXPIRY_REQUIRED, EXPIRY_INVALID. */
export async function createToken(api: Api, session: Session, owner: Owner, request: Request, protect: (secret: string) => void): Promise<Made> {
  const { description, expiresAt } = request;
  const response = await api.send({
    method: 'POST', path: `/api/v4/users/${owner.id}/tokens`, headers: { authorization: session.authorization },
    json: { description, ...(expiresAt === undefined ? {} : { expires_at: expiresAt.getTime() }) },
  });
  if (response.status !== 200 && response.status !== 201) {
    const error = refused(api, response, refusals, 'the making of a token');
    throw error.details.field === expiresIn.key ? await withLimit(api, session, error) : error;
  }
  return madeOf(api, objectOf(api, response, 'a new token'), protect);
}

/** Every session may read how many days the server allows. */
async function withLimit(api: Api, session: Session, error: CredsetupError): Promise<CredsetupError> {
  const days = await longestLifetime(api, session);
  return days === undefined ? error : new CredsetupError(error.code, `${error.message} At most ${days} days.`, error.details);
}

async function longestLifetime(api: Api, session: Session): Promise<number | undefined> {
  const response = await get(api, '/api/v4/config/client?format=old', session.authorization);
  if (response.status !== 200) return undefined;
  const days = Number(textOf(objectOf(api, response, 'its client configuration'), 'MaximumPersonalAccessTokenLifetimeDays'));
  return Number.isInteger(days) && days > 0 ? days : undefined;
}

/** The answer that holds a new secret. Its `expires_at` is 0 for never. */
export function madeOf(api: Api, body: Readonly<Record<string, unknown>>, protect: (secret: string) => void): Made {
  const token = textOf(body, 'token');
  protect(token);
  return { ...listedOf(api, body, 'a new token'), secrets: { token: idIn(api, body, 'token', 'a new token') } };
}

function listedOf(api: Api, body: Readonly<Record<string, unknown>>, what: string): Listed {
  const at = body['expires_at'];
  return {
    id: idIn(api, body, 'id', what), description: textOf(body, 'description'),
    ...(typeof at === 'number' && at > 0 && at < 8.64e15 ? { expiresAt: new Date(at).toISOString() } : {}),
  };
}

/** Every token of an account, without secrets; undefined when the session may not see them. */
export async function listTokens(api: Api, session: Pick<Session, 'authorization'>, ownerId: string): Promise<readonly Listed[] | undefined> {
  const owner = idIn(api, { ownerId }, 'ownerId', 'the tokens of an account');
  const found = new Map<string, Listed>();
  for (let page = 0; page < mostPages; page += 1) {
    const response = await get(api, `/api/v4/users/${owner}/tokens?page=${page}&per_page=${perPage}`, session.authorization);
    if (response.status === 401 || response.status === 403 || response.status === 501) return undefined;
    if (response.status !== 200) throw refused(api, response, {}, 'the list of tokens');
    const what = 'the list of tokens';
    const listed = objectsOf(api, response, what).map((one) => listedOf(api, one, what));
    for (const one of listed) found.set(one.id, one);
    if (listed.length < perPage) break;
  }
  return [...found.values()];
}

/** Ends a token. One that is not there any more is ended. */
export async function revokeToken(api: Api, session: Pick<Session, 'authorization'>, id: string): Promise<void> {
  const response = await api.send({ method: 'POST', path: '/api/v4/users/tokens/revoke', headers: { authorization: session.authorization }, json: { token_id: id } });
  if (response.status === 200 || response.status === 404) return;
  throw refused(api, response, {}, 'the end of a token');
}

/**
 * The days of `--expires-in` as a date, counted from the server's time: it judges the end by its own
 * clock, to the millisecond, and a bot's end not at all. Throws EXPIRY_INVALID.
 */
export function expiryOf(days: string | undefined, version: string | undefined, now: Date): Date | undefined {
  if (days === undefined || days === '') return undefined;
  const count = /^-?\d{1,7}$/.test(days) ? Number(days) : Number.NaN;
  if (!(count > 0 && count <= longest)) {
    throw new CredsetupError('EXPIRY_INVALID', Number.isNaN(count) ? '--expires-in takes a number of days.' : `${days} days is no time in the future that a token can have.`, {
      service: about.id, field: expiresIn.key, hint: `Give whole days, 1 to ${longest}.`,
    });
  }
  if (version !== undefined && !isAtLeast(version, 11, 9)) {
    throw new CredsetupError('EXPIRY_INVALID', `Mattermost ${version} knows no expiry of tokens; 11.9 and later do.`, {
      service: about.id, field: expiresIn.key, hint: 'Leave --expires-in out, and end the token yourself when it is time: credsetup remove NAME --revoke',
    });
  }
  return new Date(now.getTime() + count * day);
}
