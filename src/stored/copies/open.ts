/** An n8n that is reached with a key: a stored one, or what a command was given. */
import { createHash } from 'node:crypto';
import type { Connection, Context, HttpOptions } from '../../context.ts';
import type { Credential, Pushed } from '../../credential.ts';
import { isCredsetupError, type CredsetupError } from '../../errors.ts';
import { isLoopbackHost } from '../../http/loopback.ts';
import { apiOf } from '../../server/connection.ts';
import type { Api } from '../../services/api.ts';
import { createN8nApi, type N8nApi } from '../../services/n8n/api.ts';
import { endOfKey } from '../../services/n8n/key.ts';
import { keyPage, requestsTo, type Requests } from '../../services/n8n/requests.ts';
import { findService } from '../../services/registry.ts';
import { withoutTrailingSlashes } from '../../slashes.ts';

/** So many requests to one n8n at once: it runs on one processor, and more gain nothing. */
export const atOnceInN8n = 4;

/** How an n8n is reached that is not stored; what is stored has its own TLS settings. */
export interface ToN8n extends HttpOptions {
  readonly connection?: Connection;
}

export interface OpenN8n {
  readonly base: string;
  /** The stored n8n's name; absent for one that was only given. */
  readonly name?: string;
  readonly api: N8nApi;
  /** Without the key, for what anybody may ask. */
  readonly open: Api;
  /** For what must be taken away there although the program was stopped. */
  readonly cleanUp: Requests;
}

/** An n8n at a proved address with this key. */
export async function openAt(base: string, key: string, connection: Connection, network: HttpOptions, context: Context, name?: string): Promise<OpenN8n> {
  context.output.protect(key);
  sayKeyEnds(base, key, name, context);
  const [http, outliving] = await Promise.all([context.http(network), context.http({ ...network, outlivesStop: true })]);
  const open = apiOf(base, http, connection);
  return {
    base, open, api: createN8nApi(open, key), cleanUp: requestsTo(apiOf(base, outliving, connection), key),
    ...(name === undefined ? {} : { name }),
  };
}

const day = 86_400_000;
/** As long before its end as of every other secret that a person has to replace. */
const announcedDays = 14;

/** A rotation in a month needs the key, too. One that has ended is refused, which says more. */
function sayKeyEnds(base: string, key: string, name: string | undefined, context: Context): void {
  const { output } = context;
  const end = endOfKey(key);
  const left = end === undefined ? Infinity : Date.parse(end) - context.now().getTime();
  if (end === undefined || left <= 0 || left > announcedDays * day) return;
  const next = name === undefined ? 'take the new one from then on' : `then: credsetup reconnect ${name}`;
  output.warn(`  ${output.style.caution('!')} The API key of the n8n at ${base} ends on ${end.slice(0, 10)}. Make a new one at ${keyPage(base)}; ${next} (EXPIRES_SOON)`);
}

/** Whether a stored credential is an n8n. */
export function isN8n({ service }: Pick<Credential, 'service'>): boolean {
  try {
    return findService(service).address.isN8n === true;
  } catch {
    return false; // A service of a newer version is none that this one can push to.
  }
}

/** With its stored key. Throws what loading does. */
export async function openStored({ name }: Credential, network: HttpOptions, context: Context): Promise<OpenN8n> {
  const { credential, secrets, certificates } = await (await context.vault()).load(name);
  const { ignoreSslIssues, allowHttp, url } = credential;
  return openAt(url, Object.values(secrets)[0] ?? '', { ignoreSslIssues, allowHttp, certificates }, network, context, name);
}

/** Another service is down, speaks other TLS, is something else, or refuses the key: the exit codes of what may be so for every request. */
const ofAll: readonly number[] = [3, 4, 5, 7];

/**
 * Why no request to this n8n would go better than the one that failed; undefined when it was that
 * one alone. Told by asking for what is always there: a service that hangs makes n8n's test of one credential hang.
 */
export async function whyAway(failure: CredsetupError | undefined, { api, base }: OpenN8n): Promise<CredsetupError | undefined> {
  if (failure === undefined || failure.details.url !== base || !ofAll.includes(failure.exitCode)) return undefined;
  try {
    await api.members('httpBasicAuth');
    return undefined;
  } catch (error) {
    if (isCredsetupError(error) && ofAll.includes(error.exitCode)) return error;
    throw error;
  }
}

/** The address as one n8n has it, however it is written: this computer has several names, and a port that goes without saying. */
function normal(url: string): string {
  const { protocol, hostname, port, pathname } = new URL(url);
  return `${protocol}//${isLoopbackHost(hostname) ? 'localhost' : hostname}:${port}${withoutTrailingSlashes(pathname)}`;
}

export function sameN8n(one: string, other: string): boolean {
  return normal(one) === normal(other);
}

/** The copy that was written to this n8n, by whichever of its names. */
export function copyIn({ pushed = [] }: Credential, base: string): Pushed | undefined {
  return pushed.find(({ url }) => sameN8n(url, base));
}

/** The id that a copy gets where n8n takes one: the same on every computer that has the credential. */
export function ownIdOf({ id }: Pick<Credential, 'id'>): string {
  return createHash('sha256').update(`n8n copy of ${id}`).digest('base64url').replace(/[-_]/g, '0').slice(0, 16);
}

/** n8n's editor and its changes want 3 characters. */
export function nameInN8n({ name }: Pick<Credential, 'name'>): string {
  return name.length < 3 ? `${name} (credsetup)` : name;
}

/** n8n's page on which the copy is seen. */
export const pageOf = (base: string, id: string): string => `${base}/home/credentials/${encodeURIComponent(id)}`;
