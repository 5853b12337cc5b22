/**
 * Mattermost's API, as far as a credential needs it. Source: recorded exchanges of a real 6.7
 * (test/wire/mattermost.json) and https://api.mattermost.com.
 */
import type { HttpResponse } from '../../context.ts';
import { throwForStatus } from '../../http/status.ts';
import { get, invalidAnswer, isJson, isObject, nameOf, textOf } from '../answer.ts';
import type { Api } from '../api.ts';
import { about, idPattern } from './fields.ts';

export { about };

/** The answer of GET /api/v4/users/me, as far as it is used. */
export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly roles: string;
  readonly is_bot: boolean;
}

/** The error id of an answer, such as `api.context.session_expired.app_error`. */
export function errorId(response: HttpResponse): string | undefined {
  if (!isJson(response)) return undefined;
  const body = response.json();
  return isObject(body) && typeof body['id'] === 'string' ? body['id'] : undefined;
}

/** `X-Version-Id: 6.7.0..<hash>.false` is on every answer of a Mattermost but the unknown API path's. */
export function versionOf(response: HttpResponse): string | undefined {
  return /^(\d+\.\d+\.\d+)/.exec(response.header('x-version-id') ?? '')?.[1];
}

/** Whether a version such as `11.10.0` is at least this one. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [haveMajor = 0, haveMinor = 0] = version.split('.').map(Number);
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
}

/** GET /api/v4/config/client?format=old without credentials: strings by name. */
export async function clientConfig(api: Api): Promise<Readonly<Record<string, string>>> {
  const body = await getJson(api, '/api/v4/config/client?format=old');
  if (!isObject(body)) throw invalidAnswer(api, about, 'its client configuration');
  return Object.fromEntries(Object.entries(body).flatMap(([name, value]) => (typeof value === 'string' ? [[name, nameOf(value)]] : [])));
}

/** The one way in for every id and token: what else stands there is never made a path of, sent or kept. Throws RESPONSE_INVALID. */
export function idIn(api: Api, body: Readonly<Record<string, unknown>>, member: string, what: string): string {
  const id = body[member];
  if (typeof id !== 'string' || !idPattern.test(id)) throw invalidAnswer(api, about, what);
  return id;
}

/** Throws RESPONSE_INVALID when what answers 200 is no user. */
export function parseUser(api: Api, body: unknown): User {
  if (!isObject(body) || typeof body['username'] !== 'string') throw invalidAnswer(api, about, 'the account');
  return {
    id: idIn(api, body, 'id', 'the account'), username: nameOf(body['username']), email: nameOf(body['email']),
    first_name: nameOf(body['first_name']), last_name: nameOf(body['last_name']), roles: textOf(body, 'roles'), is_bot: body['is_bot'] === true,
  };
}

/**
 * A JSON answer of status 200 to a request without credentials.
 * Throws RATE_LIMITED, SERVER_ERROR, RESPONSE_INVALID.
 */
async function getJson(api: Api, path: string): Promise<unknown> {
  const response = await get(api, path);
  throwForStatus(response);
  if (response.status !== 200) throw invalidAnswer(api, about, `${path.replace(/\?.*$/, '')} (status ${response.status})`);
  return response.json();
}
