/**
 * n8n's own OAuth Callback URL, which is registered beside ours. People have n8n's address in hand
 * or in a store, and a client that is registered with the address alone fails at Connect, weeks
 * later: the path is n8n's and known.
 */
import type { Context, Vault } from '../../context.ts';
import type { Credential } from '../../credential.ts';
import { isName } from '../../credential-name.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import { unwrapped } from '../../given-value.ts';
import { isLoopbackHost } from '../../http/loopback.ts';
import { apiOf, checkedConnection } from '../../server/connection.ts';
import { candidateBases, parseAddress } from '../../server/address.ts';
import type { Api } from '../../services/api.ts';
import { services } from '../../services/registry.ts';
import type { AddressKnowledge } from '../../services/service.ts';
import { isN8n } from '../../stored/copies/open.ts';
import type { Draft } from '../draft.ts';
import { withoutTrailingSlashes } from '../../slashes.ts';

/** As n8n shows it in a new credential, on the port that it has at first. */
export const usualAddress = 'http://localhost:5678';

function n8nAddress(): AddressKnowledge {
  const found = services.find(({ address }) => address.isN8n === true);
  if (found === undefined) throw new Error('no service is an n8n');
  return found.address;
}

/** The end of every such URL, whatever n8n's REST endpoint is called. */
const ending = /\/oauth2-credential\/callback$/;

/** Whether an address is where an n8n takes an answer. */
export function isN8nCallback(url: string): boolean {
  return URL.canParse(url) && ending.test(withoutTrailingSlashes(new URL(url).pathname));
}

/**
 * The callback URL for n8n's address, any page of it, or the URL itself. An address without a
 * scheme is https, on this machine http. Throws INPUT_INVALID.
 */
export function callbackUrlFor(text: string): string {
  const { url, schemeGiven } = parsed(text);
  if (!schemeGiven && isLoopbackHost(url.hostname)) url.protocol = 'http:';
  const path = withoutTrailingSlashes(url.pathname);
  if (ending.test(path)) return `${url.origin}${path}`;
  const knowledge = n8nAddress();
  return `${url.origin}${candidateBases(path, knowledge)[0] ?? ''}${knowledge.oauthCallbackPath ?? ''}`;
}

function parsed(text: string): ReturnType<typeof parseAddress> {
  if (text.includes(',')) throw invalid('One address is asked for; a comma separates several where they are registered.');
  try {
    return parseAddress(text);
  } catch (error) {
    throw isCredsetupError(error) ? invalid(error.message) : error;
  }
}

function invalid(why: string): CredsetupError {
  return new CredsetupError('INPUT_INVALID', `This is no address of an n8n: ${why}`, {
    field: 'redirect', hint: `Give n8n's address, such as ${usualAddress}, or what n8n shows as OAuth Redirect URL, or the name of a stored n8n.`,
  });
}

/** A sentence when an answer is no such address; undefined when it is. */
export function callbackProblem(text: string): string | undefined {
  try {
    callbackUrlFor(text);
    return undefined;
  } catch (error) {
    if (isCredsetupError(error)) return error.message;
    throw error;
  }
}

/** The callback that the n8n of an address or of a stored name says. Throws INPUT_INVALID. */
export async function callbackUrlOf(given: string, asking: Asking): Promise<string> {
  const name = unwrapped(given);
  const stored = isName(name) ? await asking.vault.find(name) : undefined;
  return stored !== undefined && isN8n(stored) ? callbackOfStored(stored, asking) : callbackOfTyped(given, asking);
}

type Asking = Pick<Draft, 'vault' | 'http' | 'context'> & { readonly options: Pick<Draft['options'], 'proxy'> };

/** Nobody waits long for an n8n that may only be reached from elsewhere. */
const patience = 5;

/** The callback that the n8n of an address sends, which is asked for; what is a callback is copied from n8n, and taken as it is. Throws INPUT_INVALID. */
export async function callbackOfTyped(text: string, { context, options: { proxy } }: Asking): Promise<string> {
  const [ours, typed] = [callbackUrlFor(text), parsed(text).url.pathname];
  if (ending.test(withoutTrailingSlashes(typed))) return ours;
  const base = ours.slice(0, -(n8nAddress().oauthCallbackPath ?? '').length);
  return callbackOfN8n(base, async () => apiOf(base, await context.http({ proxy, timeout: patience }), checkedConnection), context);
}

/** The callback that a stored n8n sends. One that does not tell it is taken by the address that is stored. */
export async function callbackOfStored({ name, url }: Pick<Credential, 'name' | 'url'>, { vault, http, context }: Pick<Asking, 'vault' | 'http' | 'context'>): Promise<string> {
  return callbackOfN8n(url, async () => {
    const { credential: { ignoreSslIssues, allowHttp }, certificates } = await vault.load(name);
    return apiOf(url, http, { ignoreSslIssues, allowHttp, certificates });
  }, context);
}

/**
 * The callback that the n8n at an address sends, which it is asked for: behind a proxy or in Docker its
 * own address is another one than the one it is reached by here.
 */
export async function callbackOfN8n(url: string, open: () => Promise<Api>, context: Context): Promise<string> {
  const ours = callbackUrlFor(url);
  const told = n8nAddress().oauthCallbackTold;
  if (told === undefined) return ours;
  try {
    const answer = told.read(await (await open()).send({ method: 'GET', path: told.path }));
    const theirs = answer === undefined ? ours : callbackUrlFor(answer);
    if (theirs !== ours) context.output.say(`  That n8n calls itself ${new URL(theirs).origin}, so its OAuth Callback URL is not below ${url}.`);
    return theirs;
  } catch (error) {
    if (!isCredsetupError(error) || context.signal.aborted) throw error;
    context.output.debug(`what that n8n's OAuth Callback URL is could not be asked: ${error.code}`);
    return ours;
  }
}

/** The n8ns that are stored here. */
export async function storedN8ns(vault: Vault): Promise<readonly Credential[]> {
  return (await vault.list()).filter(isN8n);
}
