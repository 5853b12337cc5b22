/**
 * Mautic's API, as far as a credential needs it. Source: recorded exchanges of a real 7.0.0 and a
 * real 5.1.0 (test/wire/mautic-7.json, test/wire/mautic-5.json).
 */
import type { HttpResponse } from '../../context.ts';
import type { Account, Warning } from '../../credential.ts';
import { CredsetupError } from '../../errors.ts';
import { throwForStatus } from '../../http/status.ts';
import { get, invalidAnswer, isJson, isObject, nameOf, textOf } from '../answer.ts';
import type { Api } from '../api.ts';
import type { Validation } from '../service.ts';
import { about } from './fields.ts';

export { about };

/** Answers of Mautic are told apart by status and `errors[0].type`; its messages are translated. */
export interface MauticError {
  readonly status: number;
  /** `api_disabled`, `access_denied`, `invalid_grant`...; absent for a missing permission. */
  readonly type?: string;
}

/** GET /api/users/self, as far as it is used. */
export interface User {
  readonly id: string | undefined;
  readonly username: string;
  readonly name: string;
  readonly email: string;
  readonly admin: boolean;
  readonly role: string;
}

export const selfPath = '/api/users/self';

/** The fixed, made-up user name of the probe, so that an admin finds out who it was in the log. */
export const probeUser = 'credsetup-probe';

/** An `Authorization: Basic` value; RFC 7617 §2.1: user name and password in UTF-8. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** Mautic's `{"errors": [{message, code, type}]}`; undefined when the answer is none. */
export function mauticError(response: HttpResponse): MauticError | undefined {
  if (response.status < 400 || !isJson(response) || response.text.trim() === '') return undefined;
  const body = response.json();
  const first: unknown = isObject(body) && Array.isArray(body['errors']) ? body['errors'][0] : undefined;
  if (!isObject(first) || typeof first['message'] !== 'string') return undefined;
  return { status: response.status, ...(typeof first['type'] === 'string' ? { type: first['type'] } : {}) };
}

/**
 * Mautic's own "not found" (recorded: unknown-path-ok) for what it is asked for: on some installs
 * the API's routes are in the cache only after it was cleared.
 */
export function lacksRoutes(response: HttpResponse): boolean {
  if (response.status !== 404 || mauticError(response) === undefined) return false;
  const body = response.json();
  const [first] = isObject(body) && Array.isArray(body['errors']) ? body['errors'] as unknown[] : [];
  return isObject(first) && first['code'] === 404 && first['type'] === null;
}

/** Why a Mautic that answers does not work as it is; undefined for every other answer. */
export function outOfOrder(response: HttpResponse): CredsetupError | undefined {
  const base = response.url.slice(0, -selfPath.length);
  if (lacksRoutes(response)) return routesMissing(base);
  const { status } = response;
  if (status >= 300 && status < 400 && leadsToInstaller(response.header('location') ?? '')) return notInstalled(base);
  // Recorded: database-away-s-login, config-write-fails-then; the page is English everywhere.
  if (status === 500 && /<title>\s*Site is offline\s*<\/title>/i.test(response.text)) return offline(base);
  return undefined;
}

/** Source: not-installed-s-login. */
export const leadsToInstaller = (location: string): boolean => /^[^?#]*\/installer(\/|\?|#|$)/.test(location);

/** NOT_MAUTIC: its files lie there, and it is none yet. */
export function notInstalled(base: string): CredsetupError {
  return new CredsetupError('NOT_MAUTIC', `The Mautic at ${base} is not installed yet: it sends on to its installer.`, {
    service: about.id, url: base, field: 'url', hint: 'Open the address in a browser and finish the installation first.',
  });
}

/** SERVER_ERROR, with what the page stands for. */
function offline(base: string): CredsetupError {
  return new CredsetupError('SERVER_ERROR', `The Mautic at ${base} says that it is offline (500): its database is away, or its configuration (config/local.php) cannot be read.`, {
    service: about.id, url: base, field: 'url', hint: 'Nothing here can change that: tell who runs the server; Mautic\'s log says more (var/logs).',
  });
}

/** API_DISABLED, with the cache that has to be cleared. */
export function routesMissing(base: string): CredsetupError {
  return new CredsetupError('API_DISABLED', `A Mautic answers at ${base}, and it does not know its own API: its routes are not in its cache.`, {
    service: about.id, url: base, field: 'url',
    hint: 'Ask who runs it to clear the cache, as some installs need after the API was turned on: php bin/console cache:clear in its folder, or delete var/cache/prod. Is the API on at all? Settings > Configuration > API Settings.',
  });
}

/** Only answers after a successful sign-in carry the version. */
export function versionOf(response: HttpResponse): string | undefined {
  return /^\d+(\.\d+)+/.exec(response.header('mautic-version') ?? '')?.[0];
}

/** An id of a client, a user or a role: the number of a row, which some answers give as a text. */
export const idPattern = /^\d{1,18}$/;

/** The one way in for every id: what else stands there is never made a path of, sent or kept. Throws RESPONSE_INVALID. */
export function idIn(api: Api, { id }: Readonly<Record<string, unknown>>, what: string): string {
  const text = typeof id === 'number' ? String(id) : id;
  if (typeof text !== 'string' || !idPattern.test(text)) throw invalidAnswer(api, about, what);
  return text;
}

/** Throws RESPONSE_INVALID when what answers 200 is no user. */
export function parseUser(api: Api, body: unknown): User {
  if (!isObject(body) || typeof body['username'] !== 'string') throw invalidAnswer(api, about, 'the account');
  const role = isObject(body['role']) ? body['role'] : {};
  return {
    // A user that client credentials act as has no id.
    id: (body['id'] ?? undefined) === undefined ? undefined : idIn(api, body, 'the account'),
    username: nameOf(body['username']), name: `${nameOf(body['firstName'])} ${nameOf(body['lastName'])}`.trim(), email: nameOf(body['email']),
    admin: role['isAdmin'] === true, role: textOf(role, 'name'),
  };
}

/** The user as a credential names its account. */
export function accountOf({ id, username, name, email, admin }: User): Account {
  return { ...(id === undefined ? {} : { id }), username, ...(name === '' ? {} : { name }), ...(email === '' ? {} : { email }), admin };
}

/** What n8n's nodes ask for, by capability. `hooks/triggers` answers 200 to everybody, so the list is asked for. */
export const capabilityPaths = {
  contacts: '/api/contacts?limit=1',
  companies: '/api/companies?limit=1',
  segments: '/api/segments?limit=1',
  campaigns: '/api/campaigns?limit=1',
  webhooks: '/api/hooks?limit=1',
} as const;

/** What `users/self` says of the account with this authorization. Throws RESPONSE_INVALID, RATE_LIMITED, SERVER_ERROR. */
export async function validationBy(
  api: Api, authorization: string, response: HttpResponse, warningsOf: (user: User) => readonly Warning[] = () => [],
): Promise<Validation> {
  const user = parseUser(api, response.json());
  const capabilities = await askCapabilities(api, authorization, user);
  const version = versionOf(response);
  return { account: accountOf(user), ...(version === undefined ? {} : { version }), capabilities, warnings: warningsOf(user) };
}

/**
 * Which of n8n's requests the account may make. An admin may make all, and is not asked for.
 * Throws RATE_LIMITED, SERVER_ERROR.
 */
export async function askCapabilities(api: Api, authorization: string, user: User): Promise<Record<string, boolean>> {
  const names = Object.entries(capabilityPaths);
  if (user.admin) return Object.fromEntries(names.map(([name]) => [name, true]));
  const answers = await Promise.all(names.map(async ([name, path]) => {
    const response = await get(api, path, authorization);
    throwForStatus(response);
    return [name, response.status === 200] as const;
  }));
  return Object.fromEntries(answers);
}
