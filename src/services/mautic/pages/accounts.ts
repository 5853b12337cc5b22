/**
 * The role and the account for n8n, made, found and deleted by Mautic's API. It is asked with the
 * key of a client that is made for that moment and deleted after it, so HTTP basic auth may stay
 * off and no key of an admin is left. Source: role-*, user-* in test/wire/mautic-forms-7.json and -5.json.
 */
import { randomBytes, randomInt } from 'node:crypto';
import type { HttpResponse } from '../../../context.ts';
import { CredsetupError } from '../../../errors.ts';
import { throwForStatus } from '../../../http/status.ts';
import { get, invalidAnswer, isJson, isObject, textOf } from '../../answer.ts';
import type { Api } from '../../api.ts';
import { about, capabilityPaths, idIn, mauticError } from '../api.ts';
import { createClient, deleteClient } from './clients.ts';
import { thenEnd } from './ending.ts';
import { whose, type Visit } from './visit.ts';

type Permissions = Readonly<Record<string, readonly string[]>>;

/** Exactly what n8n's nodes ask for (measured with each of their requests). */
export const n8nPermissions: Permissions = {
  'api:access': ['full'],
  'lead:leads': ['viewown', 'viewother', 'editown', 'editother', 'create', 'deleteown', 'deleteother'],
  'lead:lists': ['viewown', 'viewother'],
  'lead:fields': ['view'],
  'campaign:campaigns': ['viewown', 'viewother'],
  'email:emails': ['viewown', 'viewother'],
  'stage:stages': ['view'],
  'webhook:webhooks': ['viewown', 'create', 'deleteown'],
};

/** For the moment in which the account makes its client. */
const withClients: Permissions = { ...n8nPermissions, 'api:clients': ['view', 'edit', 'create'] };

export interface NewAccount {
  readonly username: string;
  readonly password: string;
  /** Stands in the role's description and in the account's address, by which both are found again. */
  readonly mark: string;
  /** Whether it makes a client of its own: the role may then, until `cutRole`. */
  readonly makesClient: boolean;
}

export interface MadeAccount {
  readonly roleId: string;
  readonly userId: string;
}

/** A password that nobody types: letters of both kinds, digits and others, 28 characters. */
export function newPassword(): string {
  const kinds = ['ABCDEFGHJKLMNPQRSTUVWXYZ', 'abcdefghijkmnopqrstuvwxyz', '23456789', '-_.!+='];
  const pick = (letters: string): string => letters.charAt(randomInt(letters.length));
  // Each kind is there; which stands where is of no use to who guesses 24 random letters.
  return randomBytes(24).toString('base64url').slice(0, 24) + kinds.map(pick).join('');
}

/** RFC 2606 §2: nobody ever has this domain, so no mail for the account reaches a stranger. */
const addressOf = (username: string, mark: string): string => `${username}.${mark}@credsetup.invalid`;
/** Of the role that goes with an account. */
export const roleName = (username: string): string => `n8n (${username})`;
const descriptionOf = (mark: string): string => `Made by credsetup for n8n [credsetup ${mark}]`;

/**
 * Runs a task with an admin's key, which ends with it. Throws PERMISSION_DENIED when who is signed
 * in is no admin: the client then has no key of its own.
 */
export async function withAdminKey<T>(visit: Visit, mark: string, protect: (secret: string) => void, task: (authorization: string) => Promise<T>): Promise<T> {
  const client = await createClient(visit, { name: `for a moment, to make an account for n8n [credsetup ${mark}]`, redirectUris: ['http://127.0.0.1/'] }, protect);
  return thenEnd(async () => task(await ownToken(visit.api, client, protect)), () => deleteClient(visit, client.number));
}

/** The client's token for itself. Throws API_DISABLED, PERMISSION_DENIED. */
async function ownToken(
  api: Api, { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string }, protect: (secret: string) => void,
): Promise<string> {
  const response = await askForOwnToken(api, clientId, clientSecret);
  const body = response.status === 200 && isJson(response) ? response.json() : undefined;
  const token = isObject(body) ? textOf(body, 'access_token') : '';
  if (token !== '') {
    protect(token);
    return `Bearer ${token}`;
  }
  throwForStatus(response);
  const type = mauticError(response)?.type;
  if (type === 'api_disabled') throw new CredsetupError('API_DISABLED', 'The API of this Mautic is off: accounts and roles are made by it.', { ...whose(api), hint: `Let credsetup turn it on with --repair, or do it at ${api.base}/s/config/edit?tab=apiconfig` });
  if (type === 'unauthorized_client') throw notAdmin(api);
  throw invalidAnswer(api, about, 'a token');
}

const askForOwnToken = (api: Api, clientId: string, clientSecret: string): Promise<HttpResponse> =>
  api.send({ method: 'POST', path: '/oauth/v2/token', form: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret } });

/** PERMISSION_DENIED, with the command for somebody who may. */
export function notAdmin(api: Api): CredsetupError {
  return new CredsetupError('PERMISSION_DENIED', 'This account is no administrator of Mautic: it may not make accounts.', {
    ...whose(api), hint: `Sign in as one with --username and --password-file, or ask an admin to run: credsetup mautic --url ${api.base} --create-user n8n --username ADMIN --password-file FILE`,
  });
}

/**
 * A role and an account with it. What was made of the two when it throws is found by the mark.
 * Throws ACCOUNT_NAME_TAKEN, PERMISSION_DENIED, RESPONSE_INVALID.
 */
export async function createAccount(api: Api, authorization: string, wanted: NewAccount): Promise<MadeAccount> {
  const { username, password, mark } = wanted;
  const role = await post(api, authorization, '/api/roles/new', {
    name: roleName(username), description: descriptionOf(mark), isAdmin: false, isPublished: true,
    rawPermissions: wanted.makesClient ? withClients : n8nPermissions,
  }, 'role');
  const user = await post(api, authorization, '/api/users/new', {
    username, firstName: 'n8n', lastName: 'integration', email: addressOf(username, mark), role: Number(role), plainPassword: { password, confirm: password }, isPublished: true,
  }, 'user');
  return { roleId: role, userId: user };
}

async function post(api: Api, authorization: string, path: string, json: unknown, member: 'role' | 'user'): Promise<string> {
  const response = await api.send({ method: 'POST', path, headers: { authorization }, json });
  if (response.status === 201 || response.status === 200) return idOf(api, response, member);
  throwIfRefused(api, response, member);
  throw invalidAnswer(api, about, `a new ${member}`);
}

function idOf(api: Api, response: HttpResponse, member: 'role' | 'user'): string {
  const body = response.json();
  const made = isObject(body) ? body[member] : undefined;
  return idIn(api, isObject(made) ? made : {}, `a new ${member}`);
}

/** The fields are named in English whatever the account's language; the texts are the server's own. */
function throwIfRefused(api: Api, response: HttpResponse, member: string): void {
  if (response.status === 403) throw notAdmin(api);
  if (response.status !== 400 || !isJson(response)) {
    throwForStatus(response);
    return;
  }
  const body = response.json();
  const first: unknown = isObject(body) && Array.isArray(body['errors']) ? body['errors'][0] : undefined;
  const details = isObject(first) && isObject(first['details']) ? Object.keys(first['details']).filter((key) => /^\w{1,40}$/.test(key)) : [];
  const said = isObject(first) ? textOf(first, 'message') : '';
  if (details.some((key) => key === 'username' || key === 'email')) {
    throw new CredsetupError('ACCOUNT_NAME_TAKEN', `Mautic has an account of this name already, or does not take the name. It says: ${said}`, {
      ...whose(api), field: 'createUser', hint: 'Choose another name with --create-user NAME. One that credsetup made before is ended with: credsetup remove NAME --revoke',
    });
  }
  throw new CredsetupError('RESPONSE_INVALID', `Mautic does not take the ${member} for n8n (${details.join(', ')}). It says: ${said}`, { ...whose(api), hint: 'A plugin may demand more than Mautic does. Make the account in Mautic\'s pages, and give its username and password.' });
}

/** Takes the right to make clients from the role: without its permissions in the request it would lose them all. */
export async function cutRole(api: Api, authorization: string, roleId: string, username: string): Promise<void> {
  await changeRole(api, authorization, roleId, { name: roleName(username), rawPermissions: n8nPermissions });
}

/**
 * Gives a role that credsetup made the right to make clients, or takes it away; what else it may,
 * by us or by an admin since, stays. One that is gone is left out.
 */
export async function letMakeClients(api: Api, authorization: string, roleId: string, may: boolean): Promise<void> {
  const role = await read(api, authorization, 'role', roleId);
  if (role === undefined) return;
  if (!isMarked(role)) throw notOurs(api, 'role', roleId);
  // Recorded: a role without any has an empty list.
  const there = Array.isArray(role['rawPermissions']) && role['rawPermissions'].length === 0 ? {} : isObject(role['rawPermissions']) ? role['rawPermissions'] : undefined;
  if (there === undefined) throw invalidAnswer(api, about, 'a role with its permissions');
  const { 'api:clients': rights, ...others } = there;
  if (may ? rights !== undefined : rights === undefined) return;
  const rawPermissions = may ? { ...others, 'api:clients': withClients['api:clients'] } : others;
  await changeRole(api, authorization, roleId, { name: textOf(role, 'name'), rawPermissions });
}

async function changeRole(api: Api, authorization: string, roleId: string, json: unknown): Promise<void> {
  const response = await api.send({ method: 'PATCH', path: `/api/roles/${roleId}/edit`, headers: { authorization }, json });
  if (response.status === 200) return;
  if (response.status === 403) throw notAdmin(api);
  throwForStatus(response);
  throw invalidAnswer(api, about, 'a role with other rights');
}

/** What carries the mark: accounts first, since a role in use cannot be deleted. */
export async function findAccounts(api: Api, authorization: string): Promise<readonly { readonly id: string; readonly description: string }[]> {
  const users = await listed(api, authorization, 'users');
  const roles = await listed(api, authorization, 'roles');
  return [
    ...users.map((one) => ({ id: `user:${idIn(api, one, 'the list of users')}`, description: markOfAddress(textOf(one, 'email')) })),
    ...roles.map((one) => ({ id: `role:${idIn(api, one, 'the list of roles')}`, description: textOf(one, 'description') })),
  ].filter(({ description }) => /\[credsetup [0-9a-f]{12}\]/.test(description));
}

/** The mark in an address that credsetup gave, as a description has it; '' for any other. */
export function markOfAddress(email: string): string {
  const mark = /\.([0-9a-f]{12})@credsetup\.invalid$/.exec(email)?.[1];
  return mark === undefined ? '' : descriptionOf(mark);
}

/** More than a Mautic ever had. */
const mostRows = 50_000;

/** Mautic gives a list as an array, or by id, and as many rows a time as it likes. Throws RESPONSE_INVALID for one that does not end. */
async function listed(api: Api, authorization: string, what: 'users' | 'roles'): Promise<readonly Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  while (found.length < mostRows) {
    const response = await get(api, `/api/${what}?limit=100&start=${found.length}`, authorization);
    if (response.status === 403) throw notAdmin(api);
    throwForStatus(response);
    const body = response.json();
    const list: unknown = isObject(body) ? body[what] : undefined;
    if (!isObject(body) || typeof list !== 'object' || list === null) throw invalidAnswer(api, about, `the list of ${what}`);
    const rows = Object.values(list).filter(isObject);
    found.push(...rows);
    // Recorded: the total is a number here, and a text elsewhere.
    if (rows.length === 0 || found.length >= Number(body['total'] ?? Infinity)) return found;
  }
  throw invalidAnswer(api, about, `a list of ${what} that ends`);
}

/** Deletes an account that credsetup made, never another. One that is gone already is deleted. Throws PERMISSION_DENIED for any other account. */
export async function deleteAccount(api: Api, authorization: string, id: string): Promise<void> {
  const there = await read(api, authorization, 'user', id);
  if (there === undefined) return;
  const role = isObject(there['role']) ? there['role'] : {};
  if (markOfAddress(textOf(there, 'email')) === '' || role['isAdmin'] === true) throw notOurs(api, 'account', id);
  await remove(api, authorization, `/api/users/${id}/delete`, 'account');
}

/** The same for a role. */
export async function deleteRole(api: Api, authorization: string, id: string): Promise<void> {
  const there = await read(api, authorization, 'role', id);
  if (there === undefined) return;
  if (!isMarked(there)) throw notOurs(api, 'role', id);
  await remove(api, authorization, `/api/roles/${id}/delete`, 'role');
}

const isMarked = (role: Readonly<Record<string, unknown>>): boolean => /\[credsetup [0-9a-f]{12}\]/.test(textOf(role, 'description')) && role['isAdmin'] !== true;

async function read(api: Api, authorization: string, member: 'user' | 'role', id: string): Promise<Record<string, unknown> | undefined> {
  const response = await get(api, `/api/${member}s/${id}`, authorization);
  if (response.status === 404) return undefined;
  if (response.status === 403) throw notAdmin(api);
  throwForStatus(response);
  const body = response.json();
  const there: unknown = isObject(body) ? body[member] : undefined;
  if (!isObject(there)) throw invalidAnswer(api, about, `a ${member}`);
  return there;
}

async function remove(api: Api, authorization: string, path: string, what: string): Promise<void> {
  const response = await api.send({ method: 'DELETE', path, headers: { authorization } });
  if (response.status === 200 || response.status === 404) return;
  if (response.status === 403) throw notAdmin(api);
  throwForStatus(response);
  throw new CredsetupError('RESPONSE_INVALID', `Mautic does not delete the ${what} (status ${response.status}): something may still use it.`, { ...whose(api), hint: `Delete it in Mautic's pages: ${api.base}/s/${what === 'role' ? 'roles' : 'users'}` });
}

function notOurs(api: Api, what: string, id: string): CredsetupError {
  return new CredsetupError('PERMISSION_DENIED', `The ${what} ${id} at Mautic is not the one that credsetup made, or somebody changed it; it was left as it is.`, { ...whose(api), hint: `Look at it: ${api.base}/s/${what === 'role' ? 'roles' : 'users'}` });
}

/**
 * Proves that the account may do what n8n asks for and nothing beyond it, and that its client is no
 * key by itself. Throws PERMISSION_DENIED naming what differs.
 */
export async function proveAccount(api: Api, authorization: string, client?: { readonly clientId: string; readonly clientSecret: string }): Promise<void> {
  const status = async (path: string): Promise<number> => {
    const response = await get(api, path, authorization);
    throwForStatus(response);
    return response.status;
  };
  const wrong: string[] = [];
  for (const [name, path] of Object.entries(capabilityPaths)) if (await status(path) !== 200) wrong.push(`${name} is refused`);
  for (const name of ['users', 'roles']) if (await status(`/api/${name}?limit=1`) !== 403) wrong.push(`${name} is not refused`);
  if (client !== undefined && (await askForOwnToken(api, client.clientId, client.clientSecret)).status === 200) wrong.push('its client gets a token by itself');
  if (wrong.length === 0) return;
  throw new CredsetupError('PERMISSION_DENIED', `The account that was made for n8n is not as it should be: ${wrong.join(', ')}. It is taken back.`, { ...whose(api), hint: 'A plugin may change who may do what. Make the account in Mautic\'s pages, and give its username and password.' });
}
