/**
 * From what people paste to the base URL: cut by what is known of the service's pages, decided
 * by asking the server.
 */
import { isIPv6 } from 'node:net';
import type { Connection, HttpClient, HttpResponse } from '../context.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { unwrapped, withoutUnseen } from '../given-value.ts';
import { isLoopbackHost } from '../http/loopback.ts';
import { redirectTarget, throwForStatus } from '../http/status.ts';
import type { AddressKnowledge, Addressed } from '../services/service.ts';
import { gatewayInFront } from './gateway.ts';
import { withoutTrailingSlashes } from '../slashes.ts';

/** Requests at most for one address and scheme: each asks one possible base. */
const mostCandidates = 6;

/**
 * A pasted address as URL, query and fragment dropped, host lower-case and in its ASCII form.
 * `schemeGiven` is false when `https:` was assumed.
 * Throws URL_INVALID, without repeating user names or passwords in it.
 */
export function parseAddress(pasted: string): { readonly url: URL; readonly schemeGiven: boolean } {
  const { text, ambiguous } = bareAddress(pasted);
  if (text === '') throw invalid('The address is empty.');
  if (/[\s\p{Cc}\p{Cf}]/u.test(text)) throw invalid('The address has spaces, line ends or invisible characters inside.');
  // One slash, a backslash or no colon behind `https` is a slip that must not turn a password into a path of the host "https".
  const [start = '', scheme] = /^(https?|[a-z][a-z0-9+.-]*(?=:\/\/))[:;.]{0,2}[\\/]+/i.exec(text)?.map((part) => part.toLowerCase()) ?? [];
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') throw invalid(`An address begins with https://, not with ${scheme}://.`);
  const rest = text.slice(start.length).replace(/^[\\/]+/, '');
  const authority = /^[^/?#\\]*/.exec(rest)?.[0] ?? '';
  if (authority.includes('@')) throw invalid('The address holds a user name or a password before an @. Give it without; the account is asked for separately.');
  const host = isIPv6(authority) ? `[${authority}]${rest.slice(authority.length)}` : rest;
  const url = parseUrl(`${scheme ?? 'https'}://${host}`);
  url.search = '';
  url.hash = '';
  return { url, schemeGiven: scheme !== undefined && !ambiguous };
}

/** A typed address as a base URL, as it is: nobody is asked whether it is right. Throws URL_INVALID. */
export function baseAsTyped(pasted: string): string {
  const base = withoutTrailingSlashes(parseAddress(pasted).url.href);
  // What stood before the slash may be the end of a sentence in its turn: the same address must come out of what came out.
  return base === pasted ? base : baseAsTyped(base);
}

/** Two schemes, as when an address is pasted behind a `https://` that stands there already. */
const twice = /^(https?)[:;.]{0,2}[\\/]+(?=(https?)[:;.]{0,2}[\\/]+)/i;

/**
 * Without what people add around an address: quotes and names, the rest of a Markdown link, what a
 * sentence ends with, a second scheme. `ambiguous`: two schemes that differ, so neither counts as given.
 */
function bareAddress(pasted: string): { readonly text: string; readonly ambiguous: boolean } {
  const link = /^\[[^\]]{0,200}\]\((?=https?:)|^<(?=https?:)/i.exec(withoutUnseen(pasted));
  const inside = link === null ? pasted : withoutUnseen(pasted).slice(link[0].length).split(/[)>|]/, 1)[0] ?? '';
  const text = unwrapped(inside).replace(/(?<=.)[,;.'"\u201d\u2019\u00bb>)]{1,4}$/u, '');
  const [start, outer = '', inner = ''] = twice.exec(text) ?? [];
  if (start === undefined) return { text, ambiguous: false };
  const differ = outer.toLowerCase() !== inner.toLowerCase();
  const rest = text.slice(start.length);
  return { text: differ ? rest.replace(/^https?/i, 'https') : rest, ambiguous: differ };
}

function parseUrl(text: string): URL {
  try {
    const url = new URL(text);
    // A scheme alone is what is left of a paste that went wrong; no host is called so.
    if (['', 'http', 'https'].includes(url.hostname.replace(/\.$/, ''))) throw invalid('The address has no host name.');
    // The URL standard lets quotes and the like stand in one; DNS does not (RFC 1123 §2.1, and the underscore that some networks have).
    if (!/^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])$/.test(url.hostname)) throw invalid('The host name is none: it has other characters than names have, or nothing between two dots.');
    return url;
  } catch (error) {
    if (isCredsetupError(error)) throw error;
    throw invalid('This is no web address.', error);
  }
}

function invalid(message: string, cause?: unknown): CredsetupError {
  return new CredsetupError('URL_INVALID', message, {
    field: 'url', cause, hint: 'Copy it from your browser while the service is open, such as https://chat.example.com.',
  });
}

/** The bases that a path may belong to, most likely first: '' or '/folder'. */
export function candidateBases(path: string, knowledge: Pick<AddressKnowledge, 'pages' | 'frontControllers'>): readonly string[] {
  const whole = path.replace(/\/{2,}/g, '/').replace(/\/$/, '');
  const cuts = knowledge.pages.map((page) => whole.search(page)).filter((at) => at >= 0).sort((a, b) => a - b);
  const likely = cuts.flatMap((at) => prefixes(whole.slice(0, at)));
  const plain = [...likely, ...prefixes(whole)].map((base) => withoutFrontController(base, knowledge.frontControllers));
  const controlled = knowledge.frontControllers.map((name) => {
    const folder = plain[0] ?? '';
    return `${folder}/${name}`;
  });
  const unique = [...new Set(plain)];
  return [...unique.slice(0, mostCandidates - controlled.length - 1), ...(unique.includes('') ? [''] : []), ...controlled]
    .filter((base, index, all) => all.indexOf(base) === index);
}

/** '/a/b' gives '/a/b', '/a', ''. Of a redirect's thousand segments the longest are as many as are asked for. */
function prefixes(path: string): readonly string[] {
  const segments = path.split('/').filter((segment) => segment !== '');
  const longest = Array.from({ length: Math.min(segments.length, mostCandidates) }, (_, cut) => segments.slice(0, segments.length - cut).map((segment) => `/${segment}`).join(''));
  return [...longest, ''];
}

function withoutFrontController(base: string, names: readonly string[]): string {
  const found = names.find((name) => base.endsWith(`/${name}`));
  return found === undefined ? base : base.slice(0, -found.length - 1);
}

/**
 * The base URL of the service, without a trailing slash, proved by the server's own answer.
 * Throws URL_INVALID, URL_INSECURE, the network's and TLS's codes, REDIRECTED (with `location`,
 * the proved target), GATEWAY_IN_FRONT, NOT_MAUTIC / NOT_MATTERMOST, RATE_LIMITED, SERVER_ERROR.
 */
export async function locate(pasted: string, service: Addressed, others: readonly Addressed[], http: HttpClient, connection: Connection): Promise<string> {
  return (await locateWithProof(pasted, service, others, http, connection)).base;
}

/** A proved base URL, and the answer that proves it: it tells more, and need not be asked for again. */
export interface Located {
  readonly base: string;
  readonly proof: HttpResponse;
}

/** As `locate`, with the answer. */
export async function locateWithProof(
  pasted: string, service: Addressed, others: readonly Addressed[], http: HttpClient, connection: Connection,
): Promise<Located> {
  const { url, schemeGiven } = parseAddress(pasted);
  try {
    return await ask(url, service, others, http, connection);
  } catch (error) {
    const plainAllowed = isLoopbackHost(url.hostname) || connection.allowHttp;
    const noTls = isCredsetupError(error) && ['TLS_FAILED', 'CONNECTION_REFUSED', 'CONNECTION_LOST'].includes(error.code);
    if (schemeGiven || !plainAllowed || !noTls) throw asUrlError(error, service);
    // `localhost:8065` was typed, and no TLS is spoken there.
    const plain = new URL(url.href.replace(/^https:/, 'http:'));
    return await ask(plain, service, others, http, connection).catch((second: unknown) => { throw asUrlError(second, service); });
  }
}

function asUrlError(error: unknown, service: Addressed): unknown {
  return isCredsetupError(error) ? error.with({ field: 'url', service: service.id }) : error;
}

async function ask(url: URL, service: Addressed, others: readonly Addressed[], http: HttpClient, connection: Connection): Promise<Located> {
  const answers: HttpResponse[] = [];
  for (const path of candidateBases(url.pathname, service.address)) {
    const base = `${url.origin}${path}`;
    const response = await http.send({ method: 'GET', url: base + service.address.proofPath, toN8n: service.address.isN8n === true }, connection);
    if (proves(service, response)) return { base, proof: response };
    if (response.status === 429) throwForStatus(response, { toN8n: service.address.isN8n === true });
    answers.push(response);
  }
  throw await explain(answers, url, service, others, http, connection);
}

/** JSON that is cut short proves nothing; another base may still answer. */
function proves(service: Addressed, response: HttpResponse): boolean {
  return parses(response) && service.address.proves(response);
}

/** What calls itself JSON and holds something is JSON. */
function parses(response: HttpResponse): boolean {
  if (!(response.header('content-type') ?? '').includes('json') || response.text.trim() === '') return true;
  try {
    response.json();
    return true;
  } catch (error) {
    if (isCredsetupError(error)) return false;
    throw error;
  }
}

/** Why none of the answers was the service's: what is certain first, then what it looks like. */
async function explain(
  answers: readonly HttpResponse[], url: URL, service: Addressed, others: readonly Addressed[], http: HttpClient, connection: Connection,
): Promise<CredsetupError> {
  const whole = answers.filter(parses);
  const other = others.find((one) => one.id !== service.id && whole.some((answer) => one.address.resembles(answer)));
  if (other !== undefined) return notThisService(url, service, other);
  const gateway = (vague: boolean) => whole.map((answer) => gatewayInFront(answer, service, vague)).find((error) => error !== undefined);
  const named = gateway(false);
  if (named !== undefined) return named;
  const broken = whole.map((answer) => service.address.outOfOrder?.(answer)).find((error) => error !== undefined);
  if (broken !== undefined) return broken;
  const redirects = await redirections(whole, service, http, connection);
  // A redirect to the service's own login page is no gateway's.
  const moved = redirects.find(({ details }) => details.location !== undefined);
  const said = moved ?? gateway(true) ?? redirects[0];
  if (said !== undefined) return said;
  const starting = await startingUp(answers, url, service, http, connection);
  if (starting !== undefined) return starting;
  for (const answer of answers) throwForStatus(answer, { toN8n: service.address.isN8n === true });
  // Throws RESPONSE_INVALID, which says what is wrong with it.
  answers.find((answer) => !parses(answer))?.json();
  return notThisService(url, service, undefined);
}

/** SERVER_ERROR for a service that is there and not ready yet; asked only when nothing better is known. */
async function startingUp(
  answers: readonly HttpResponse[], url: URL, service: Addressed, http: HttpClient, connection: Connection,
): Promise<CredsetupError | undefined> {
  const { starting } = service.address;
  if (starting === undefined) return undefined;
  const bases = candidateBases(url.pathname, service.address).map((path) => url.origin + path);
  for (const [index, base] of bases.entries()) {
    const said = answers[index];
    if (said !== undefined && starting.seen(said)) return notReady(base, service);
    // Whoever answered with a page of its own is asked whether it starts.
    if (said?.status === 404 && starting.seen(await http.send({ method: 'GET', url: base + starting.path }, connection))) return notReady(base, service);
  }
  return undefined;
}

function notReady(base: string, { title, id }: Addressed): CredsetupError {
  return new CredsetupError('SERVER_ERROR', `The ${title} at ${base} is still starting, or its database is not ready.`, {
    service: id, url: base, field: 'url', starting: true, hint: 'Try again in a minute.',
  });
}

async function redirections(
  answers: readonly HttpResponse[], service: Addressed, http: HttpClient, connection: Connection,
): Promise<readonly CredsetupError[]> {
  const found: CredsetupError[] = [];
  for (const answer of answers) {
    const error = await redirection(answer, service, http, connection);
    if (error !== undefined) found.push(error);
    if (error?.details.location !== undefined) break;
  }
  return found;
}

function notThisService(url: URL, service: Addressed, other: Addressed | undefined): CredsetupError {
  const about = { service: service.id, url: url.href, field: 'url' };
  if (other !== undefined) {
    return new CredsetupError(service.address.notThisService, `${url.host} is ${withArticle(other.title)}, not ${withArticle(service.title)}.`, {
      ...about, hint: `Run credsetup ${other.id} for it, or give the address of ${service.title}.`,
    });
  }
  return new CredsetupError(service.address.notThisService, `${url.href} answers, but no ${service.title} answers there.`, {
    ...about, hint: `Open ${service.title} in your browser and copy the address from there. If it lies in a folder, the folder belongs to the address.`,
  });
}

/** "an n8n" is how it is spoken. */
function withArticle(title: string): string {
  return `${/^[aeio]|^n8n/i.test(title) ? 'an' : 'a'} ${title}`;
}

/** A redirect whose target proved to be the service is named; any other says nothing. */
async function redirection(answer: HttpResponse, service: Addressed, http: HttpClient, connection: Connection): Promise<CredsetupError | undefined> {
  const target = redirectTarget(answer);
  if (target === undefined) return undefined;
  const from = new URL(answer.url);
  const about = { service: service.id, url: answer.url, field: 'url' };
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    return new CredsetupError('REDIRECTED', `${from.origin} redirects from https to ${foreign(target.origin)}, which is not encrypted.`, {
      ...about, hint: 'It is not followed. Ask the admin to repair the redirect: it would send the credential in clear.',
    });
  }
  if (isSamePage(target, from)) return redirectLoop(from, from, about);
  const there = await provedTarget(target, from, service, http, connection);
  if (there.kind === 'back') return redirectLoop(from, target, about);
  if (there.kind === 'proved') {
    return new CredsetupError('REDIRECTED', `${from.origin} redirects to ${foreign(there.base)}.`, {
      ...about, location: there.base, hint: `Use that address: --url ${foreign(there.base)}. n8n does not keep the credential across a redirect either.`,
    });
  }
  const shown = foreign(`${target.origin}${target.pathname}`);
  if (there.kind === 'failed') {
    return new CredsetupError('REDIRECTED', `${from.origin} redirects to ${shown}, and what is there could not be asked (${there.error.code}): ${there.error.message}`, {
      ...about, hint: `It may be the right address all the same: give it with --url ${foreign(target.origin)} and what it needs. ${there.error.hint}`,
    });
  }
  return new CredsetupError('REDIRECTED', `${from.origin} redirects to ${shown}, and no ${service.title} answered there.`, {
    ...about, hint: `Open the address in your browser and copy the one that ${service.title} then has.`,
  });
}

function isSamePage(one: URL, other: URL): boolean {
  return one.origin === other.origin && one.pathname === other.pathname && one.search === other.search;
}

/** No browser gets out of it either. A proxy that ends TLS and does not say so to the service is the usual reason. */
function redirectLoop(from: URL, over: URL, about: { readonly service: string; readonly url: string; readonly field: string }): CredsetupError {
  const way = isSamePage(over, from) ? 'to itself' : `to ${foreign(over.origin)}, which leads back to where it came from`;
  return new CredsetupError('REDIRECTED', `${from.origin}${from.pathname} redirects ${way}: nothing ever answers there.`, {
    ...about, hint: 'Whoever runs it must end the loop: look at its redirects, and whether a proxy that ends TLS in front of it tells it so (X-Forwarded-Proto: https, and the service set to trust it). n8n runs into the same loop.',
  });
}

type Target =
  | { readonly kind: 'proved'; readonly base: string }
  /** It answers, as something else. */
  | { readonly kind: 'other' }
  | { readonly kind: 'back' }
  | { readonly kind: 'failed'; readonly error: CredsetupError };

/** What was allowed for one host is not allowed for the one that it points to. A target that cannot be reached proves nothing. */
async function provedTarget(target: URL, from: URL, service: Addressed, http: HttpClient, given: Connection): Promise<Target> {
  const connection = target.hostname === from.hostname ? given : { ...given, ignoreSslIssues: false, allowHttp: false };
  try {
    for (const path of candidateBases(target.pathname, service.address).slice(0, 3)) {
      const base = `${target.origin}${path}`;
      const answer = await http.send({ method: 'GET', url: base + service.address.proofPath, toN8n: service.address.isN8n === true }, connection);
      if (proves(service, answer)) return { kind: 'proved', base };
      const next = redirectTarget(answer);
      if (next !== undefined && (isSamePage(next, from) || isSamePage(next, new URL(answer.url)))) return { kind: 'back' };
    }
  } catch (error) {
    if (!isCredsetupError(error) || error.exitCode > 128) throw error;
    return { kind: 'failed', error };
  }
  return { kind: 'other' };
}
