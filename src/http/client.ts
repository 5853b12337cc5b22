/**
 * The HTTP client. Load it lazily: it imports undici, which costs start-up time.
 *
 * Redirects are never followed, every limit is finite, TLS is checked unless the connection says
 * otherwise for its own origin, and this machine is never reached through a proxy.
 */
import { createHash } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import type { Connection, HttpClient, HttpRequest, HttpResponse } from '../context.ts';
import type { CredsetupError } from '../errors.ts';
import { parseAddress, placeOf } from './address.ts';
import { createAuthorities, type Authorities } from './authorities.ts';
import { factsOfGiven, lookAtCertificates } from './certificate.ts';
import { isAboutClientCertificate, wantsClientCertificate } from './client-certificate.ts';
import { createRoute, type Route } from './dispatchers.ts';
import { limitsFor, startExchange, type Flight, type Limits } from './exchange.ts';
import { ClientCertificateFailure, codesOf, isAboutCertificate, mayWantClientCertificate, translateFailure } from './failure.ts';
import { isLoopbackHost } from './loopback.ts';
import { readProxies, type Proxies } from './proxy.ts';
import { createResponse, loggable, summary, textOf } from './response.ts';
import { wireRequest } from './wire.ts';

export interface HttpClientOptions {
  /** `--proxy`: an http(s) address without user info; wins over the variables. */
  readonly proxy?: string | undefined;
  /** `--timeout`: for one whole request. Default 30. */
  readonly timeoutSeconds?: number | undefined;
  /** Where the proxy variables and NODE_EXTRA_CA_CERTS are read, instead of the process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends everything in flight at once; its reason is what `send` then throws. */
  readonly signal: AbortSignal;
  /** Gets one line a request: no body, no header, no value of a query. */
  /** Undefined where nobody reads it: to say what an answer holds takes as long as reading it. */
  readonly debug: ((line: string) => void) | undefined;
  /** Gets the proxies' passwords. */
  readonly protect: (secret: string) => void;
  /** Hears of each way that is opened, before its first request. */
  readonly opened?: ((url: URL, connection: Connection) => void) | undefined;
  /** Narrower limits than the defaults. */
  readonly limits?: Partial<Limits> | undefined;
  /** How names become addresses; the system's way by default. */
  readonly lookup?: LookupFunction | undefined;
}

/**
 * A client for a whole run. Throws USAGE for a --proxy that is no proxy's address. `send` throws
 * CredsetupErrors: URL_INVALID, URL_INSECURE, INPUT_INVALID (a header that HTTP cannot carry),
 * the codes of exits 3 and 4, RESPONSE_INVALID, or the signal's reason. No status is an error.
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const parts: Parts = {
    options,
    limits: { ...limitsFor(options.timeoutSeconds ?? 30), ...options.limits },
    proxies: readProxies(options),
    authorities: createAuthorities(options.env['NODE_EXTRA_CA_CERTS'], (line) => options.debug?.(line)),
    routes: new Map(),
  };
  // One listener for all requests: more than ten on one signal make node print a warning.
  const stop = (): void => void closeRoutes(parts.routes);
  options.signal.addEventListener('abort', stop);
  return {
    send: (request, connection) => send(parts, request, connection),
    async close() {
      options.signal.removeEventListener('abort', stop);
      await closeRoutes(parts.routes);
    },
  };
}

interface Parts {
  readonly options: HttpClientOptions;
  readonly limits: Limits;
  readonly proxies: Proxies;
  readonly authorities: Authorities;
  /** By origin and connection: what one connection allows, no other does. */
  readonly routes: Map<string, Promise<Route>>;
}

async function closeRoutes(routes: Map<string, Promise<Route>>): Promise<void> {
  const open = await Promise.allSettled(routes.values());
  routes.clear();
  await Promise.all(open.flatMap((route) => (route.status === 'fulfilled' ? [route.value.destroy()] : [])));
}

async function send(parts: Parts, request: HttpRequest, connection: Connection): Promise<HttpResponse> {
  const { options: { signal, debug }, limits } = parts;
  const url = parseAddress(request.url, connection);
  const wire = wireRequest(request, url);
  const route = await routeTo(parts, url, connection);
  signal.throwIfAborted();
  const began = performance.now();
  const took = (): string => `${Math.round(performance.now() - began)} ms`;
  const flight = startExchange(route.dispatcher, wire, limits);
  try {
    const answer = await flight.answer;
    const response = createResponse(url, answer, await textOf(answer, limits.responseBytes));
    if (connection.identity === undefined && isAboutClientCertificate(response)) throw new ClientCertificateFailure();
    debug?.(`${wire.method} ${loggable(url)}: ${summary(response, answer.body.length)}, ${took()}`);
    return response;
  } catch (error) {
    signal.throwIfAborted();
    const failure = await explain(parts, { url, toN8n: request.toN8n === true }, connection, route, flight, error);
    signal.throwIfAborted();
    debug?.(`${wire.method} ${loggable(url)}: ${[failure.code, ...new Set(codesOf(error))].join(' ')}, ${took()}`);
    throw failure;
  }
}

function routeTo(parts: Parts, url: URL, connection: Connection): Promise<Route> {
  const { ignoreSslIssues, allowHttp, certificates, identity } = connection;
  const trust = createHash('sha256').update(JSON.stringify([certificates, identity])).digest('hex');
  const key = `${url.origin} ${String(ignoreSslIssues)} ${String(allowHttp)} ${trust}`;
  const known = parts.routes.get(key);
  if (known !== undefined) return known;
  const route = openRoute(parts, url, connection);
  parts.routes.set(key, route);
  return route;
}

async function openRoute({ options, limits, proxies, authorities }: Parts, url: URL, connection: Connection): Promise<Route> {
  options.opened?.(url, connection);
  const proxy = isLoopbackHost(url.hostname) ? undefined : proxies.forScheme(url.protocol);
  return createRoute({
    ignoreSslIssues: connection.ignoreSslIssues,
    loopbackOnly: url.protocol === 'http:' && !connection.allowHttp,
    proxy,
    noProxy: proxies.noProxy,
    target: url.protocol === 'https:' ? await authorities.context(connection.certificates, connection.identity) : undefined,
    roots: proxy?.uri.startsWith('https:') === true ? await authorities.context([]) : undefined,
    connectMs: limits.connectMs,
    lookup: options.lookup,
  });
}

async function explain(
  { options, limits, authorities }: Parts, { url, toN8n }: { readonly url: URL; readonly toN8n: boolean }, connection: Connection,
  route: Route, { stage }: Flight, error: unknown,
): Promise<CredsetupError> {
  const place = placeOf(url);
  const proxy = route.proxy();
  const complaint = authorities.complaint();
  const look = proxy === undefined && isAboutCertificate(error);
  const looking = { ...place, lookup: options.lookup, milliseconds: Math.min(limits.totalMs, 3000), signal: options.signal };
  const chain = look ? await lookAtCertificates(looking) : [];
  const ask = place.secure && proxy === undefined && connection.identity === undefined && mayWantClientCertificate(error);
  const reason = ask && await wantsClientCertificate(looking) ? new ClientCertificateFailure() : error;
  return translateFailure(reason, {
    ...place,
    via: proxy === undefined ? '' : ` through the proxy ${proxy.at}`,
    stage,
    totalSeconds: limits.totalMs / 1000,
    responseBytes: limits.responseBytes,
    chain,
    given: look ? factsOfGiven(connection.certificates) : [],
    unreadBundle: authorities.unreadBundle(),
    complaint: complaint === undefined ? '' : ` ${complaint}`,
    toN8n,
    now: new Date(),
  }, proxy);
}
