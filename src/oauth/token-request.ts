/**
 * One request to a token endpoint: openid-client's checks over our own HTTP, so that proxy, CA,
 * limits and "no redirects" are the same as for every other request.
 */
import type { Connection, HttpClient, HttpResponse } from '../context.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { throwForStatus } from '../http/status.ts';
import { loadOpenidClient, type CustomFetch, type OpenidClient, type OpenidConfiguration, type TokenEndpointResponse } from './openid.ts';

/** The members of a token answer as RFC 6749 §5.1 and §5.2 name them, from what a server really sent. */
export type RepairTokenAnswer = (answer: HttpResponse) => Readonly<Record<string, unknown>>;

export interface TokenEndpoint {
  readonly tokenEndpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Whether the client was accepted before, so that its values are whole. */
  readonly accepted?: boolean | undefined;
  readonly http: HttpClient;
  readonly connection: Connection;
  /** How the service is named in errors. Default: "the service". */
  readonly service?: ServiceName | undefined;
  /** For a service whose answers differ from the RFC. May throw CredsetupErrors of its own. */
  readonly repair?: RepairTokenAnswer | undefined;
  /** Gets the new tokens before anything else is done with them. */
  readonly protect?: ((secret: string) => void) | undefined;
  /** Default: this machine's clock. */
  readonly now?: (() => Date) | undefined;
}

export interface ServiceName {
  readonly id: string;
  readonly title: string;
}

/** How to speak of it: the first word of a sentence may be the service. */
export function named({ service }: TokenEndpoint): { readonly title: string; readonly about: { readonly service?: string } } {
  return service === undefined ? { title: 'the service', about: {} } : { title: service.title, about: { service: service.id } };
}

/** The endpoint's answer: tokens, or an error of RFC 6749 §5.2 with the server's own words for it. */
export type TokenAnswer =
  | { readonly kind: 'tokens'; readonly response: TokenEndpointResponse; readonly answeredAt: Date | undefined }
  | { readonly kind: 'error'; readonly error: string; readonly text: string };

export type Grant = (openid: OpenidClient, configuration: OpenidConfiguration) => Promise<TokenEndpointResponse>;

/**
 * Asks once. The client's secret is sent in the body: Mautic answers an Authorization: Basic
 * header with 403 while its own basic auth is off (recorded: token-basic-header). Throws the HTTP
 * client's errors, REDIRECTED, GATEWAY_IN_FRONT, RATE_LIMITED, SERVER_ERROR, RESPONSE_INVALID and
 * what `repair` throws; never an error of the library, which prints the tokens (measured).
 */
export async function askTokenEndpoint(endpoint: TokenEndpoint, grant: Grant): Promise<TokenAnswer> {
  const openid = await loadOpenidClient();
  const { tokenEndpoint, clientId, clientSecret } = endpoint;
  const server = { issuer: new URL(tokenEndpoint).origin, token_endpoint: tokenEndpoint };
  const configuration = new openid.Configuration(server, clientId, undefined, openid.ClientSecretPost(clientSecret));
  openid.allowInsecureRequests(configuration);
  // The time limit is the HTTP client's (--timeout).
  configuration.timeout = 0;
  const exchange: Exchange = { failure: undefined, answered: false, answeredAt: undefined };
  configuration[openid.customFetch] = fetchThrough(endpoint, exchange);
  try {
    const response = await grant(openid, configuration);
    return { kind: 'tokens', response, answeredAt: exchange.answeredAt };
  } catch (error) {
    if (exchange.failure !== undefined) throw exchange.failure;
    if (isErrorAnswer(error)) return { kind: 'error', error: error.error, text: error.error_description ?? '' };
    throw refusedByLibrary(endpoint, exchange, error);
  }
}

interface Exchange {
  /** What ended the request, kept beside the library, which would wrap it. */
  failure: CredsetupError | undefined;
  answered: boolean;
  /** By the server's clock: the answer's Date. */
  answeredAt: Date | undefined;
}

function fetchThrough(endpoint: TokenEndpoint, exchange: Exchange): CustomFetch {
  return async (url, { body }) => {
    try {
      const form = Object.fromEntries(body instanceof URLSearchParams ? body : []);
      const answer = await endpoint.http.send({ method: 'POST', url, headers: { accept: 'application/json' }, form }, endpoint.connection);
      refuseStrayAnswer(endpoint, answer);
      const members = membersOf(endpoint.repair === undefined ? answer.json() : endpoint.repair(answer));
      exchange.answered = true;
      exchange.answeredAt = dateOf(answer);
      const isError = typeof members['error'] === 'string';
      if (!isError && answer.status !== 200) throw invalidAnswer(endpoint, `status ${answer.status} without an error`);
      // The library looks at nothing but the status and the members.
      return Response.json(members, { status: isError ? 400 : 200 });
    } catch (error) {
      exchange.failure = isCredsetupError(error) ? error : new CredsetupError('UNEXPECTED', 'Reading the token answer went wrong inside credsetup.');
      throw exchange.failure;
    }
  };
}

function dateOf(answer: HttpResponse): Date | undefined {
  const at = new Date(answer.header('date') ?? '');
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** What is no answer of a token endpoint. A redirect is never followed: the body holds the client's secret. */
function refuseStrayAnswer(endpoint: TokenEndpoint, answer: HttpResponse): void {
  const { origin, pathname } = new URL(answer.url);
  const { title, about: service } = named(endpoint);
  const about = { ...service, url: origin };
  throwForStatus(answer);
  if (answer.status >= 300 && answer.status < 400) {
    const location = answer.header('location') ?? '';
    const target = URL.canParse(location, answer.url) ? new URL(location, answer.url) : undefined;
    throw new CredsetupError('REDIRECTED', `${origin}${pathname} redirects${target === undefined ? '' : ` to ${foreign(target.origin)}`} instead of answering.`, {
      ...about, hint: 'Give the address that your browser ends at. The client\'s secret was not sent on.',
      ...(target === undefined ? {} : { location: target.origin }),
    });
  }
  const json = (answer.header('content-type') ?? '').includes('json');
  if (!json && [401, 403, 407].includes(answer.status)) {
    throw new CredsetupError('GATEWAY_IN_FRONT', `Something in front of ${origin} answered instead of ${title} (status ${answer.status}).`, {
      ...about, hint: `A firewall or a sign-in page stands before ${title}, and n8n cannot pass it either, unless it is credsetup's name alone that is refused. Ask the admin to let requests to ${pathname} through. If this address was blocked for too many tries, wait before the next one.`,
    });
  }
}

// An id_token that nobody asked for would be checked against this machine's clock: only what is used is passed on.
const known = ['access_token', 'token_type', 'expires_in', 'refresh_token', 'scope', 'error', 'error_description'] as const;

function membersOf(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return {};
  const given = body as Readonly<Record<string, unknown>>;
  const members = Object.fromEntries(known.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
  // Recommended only (RFC 6749 §5.1): a strange one must not cost a code or a refresh token that is spent by now.
  const lifetime = members['expires_in'];
  const seconds = typeof lifetime === 'number' || (typeof lifetime === 'string' && /^\d{1,10}$/.test(lifetime)) ? Number(lifetime) : Number.NaN;
  if (seconds >= 0 && seconds < 4_000_000_000) members['expires_in'] = seconds;
  else delete members['expires_in'];
  return members;
}

interface ErrorAnswer {
  readonly error: string;
  readonly error_description?: string;
}

/** The library's ResponseBodyError, by its documented code. */
function isErrorAnswer(error: unknown): error is ErrorAnswer {
  return error instanceof Error && 'code' in error && error.code === 'OAUTH_RESPONSE_BODY_ERROR' && 'error' in error && typeof error.error === 'string';
}

/** The library's error itself is dropped: its causes hold the tokens, and inspecting it prints them (measured). */
function refusedByLibrary(endpoint: TokenEndpoint, { answered }: Exchange, error: unknown): CredsetupError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' && /^OAUTH_[A-Z_]{1,60}$/.test(error.code) ? error.code : undefined;
  if (answered) return invalidAnswer(endpoint, code ?? 'unreadable');
  if (code !== undefined) {
    return new CredsetupError('RESPONSE_INVALID', `What came back from the browser does not belong to this sign-in (${code}).`, {
      ...named(endpoint).about, hint: 'Start the sign-in again.',
    });
  }
  return new CredsetupError('UNEXPECTED', `Asking for a token went wrong inside credsetup (${error instanceof Error ? error.name : typeof error}).`);
}

/** RESPONSE_INVALID: an answer that is neither tokens nor an error. `what` says so without repeating it. */
export function invalidAnswer(endpoint: TokenEndpoint, what: string): CredsetupError {
  const { origin } = new URL(endpoint.tokenEndpoint);
  const { title, about } = named(endpoint);
  return new CredsetupError('RESPONSE_INVALID', `The token answer of ${origin} is not what OAuth2 describes (${what}).`, {
    ...about, url: origin,
    hint: `Check whether something between you and ${title} changes its answers. Otherwise it is another version than those that are known: report it. n8n would get the same answer.`,
  });
}
