/**
 * What a practice n8n does with a credential: its own test of it, and what the service's node does
 * in a workflow. Both really ask the service, from where this n8n stands.
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { N8nCredential, N8nData, N8nState } from './n8n-state.ts';

interface Answered { readonly status: number; readonly statusText: string; readonly text: string }
/** The system's or TLS's code, when nothing answered. */
interface Unanswered { readonly code: string; readonly message: string }
type Outcome = Answered | Unanswered;

interface Sent {
  readonly url: string;
  readonly method?: string;
  readonly authorization?: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly unchecked?: boolean;
}

/** One request as n8n makes it: no proxy, its own names and certificates. */
function ask(state: N8nState, { url, method = 'GET', authorization, form, unchecked = false }: Sent): Promise<Outcome> {
  if (!URL.canParse(url)) return Promise.resolve({ code: 'ERR_INVALID_URL', message: 'Invalid URL' });
  const { origin, pathname, search } = new URL(url);
  const there = state.hosts.get(origin) ?? origin;
  if (state.unreachable.has(origin)) return Promise.resolve({ code: 'ECONNREFUSED', message: `connect ECONNREFUSED ${new URL(origin).host}` });
  const body = form === undefined ? undefined : new URLSearchParams(form).toString();
  const headers = {
    accept: 'application/json', ...(authorization === undefined ? {} : { authorization }),
    ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
  };
  const tls = { rejectUnauthorized: !unchecked, ...(state.authorities.length === 0 ? {} : { ca: state.authorities }) };
  return new Promise((resolve) => {
    const send = there.startsWith('https:') ? httpsRequest : httpRequest;
    const outgoing = send(there + pathname + search, { method, headers, ...tls, agent: false }, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, statusText: incoming.statusMessage ?? '', text: Buffer.concat(parts).toString('utf8') }));
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code ?? '', message: error.message }));
    outgoing.end(body);
  });
}

const member = (data: N8nData, name: string): string => typeof data[name] === 'string' ? data[name] : '';
const basic = (data: N8nData): string => `Basic ${Buffer.from(`${member(data, 'username')}:${member(data, 'password')}`).toString('base64')}`;
const withoutSlash = (url: string): string => url.replace(/\/$/, '');

interface Kind {
  /** What n8n's own test asks; none: it only looks whether an access token is there. */
  readonly test?: (data: N8nData) => Sent;
  /** What the service's node asks, with the access token when there is one. */
  readonly node: (data: N8nData, accessToken: string) => Sent;
  readonly tokenUrl?: (data: N8nData) => string;
}

const contacts = (data: N8nData, authorization: string): Sent => ({ url: `${withoutSlash(member(data, 'url'))}/api/contacts?limit=1`, authorization });
const kinds: Readonly<Record<string, Kind>> = {
  mattermostApi: {
    test: (data) => mattermost(data, '/api/v4/users'),
    node: (data) => mattermost(data, '/api/v4/users?page=0&per_page=1'),
  },
  mauticApi: {
    test: (data) => ({ url: `${withoutSlash(member(data, 'url'))}/api/users/self`, authorization: basic(data) }),
    node: (data) => contacts(data, basic(data)),
  },
  mauticOAuth2Api: {
    node: (data, accessToken) => contacts(data, `Bearer ${accessToken}`),
    tokenUrl: (data) => `${withoutSlash(member(data, 'url'))}/oauth/v2/token`,
  },
};

function mattermost(data: N8nData, path: string): Sent {
  return { url: withoutSlash(member(data, 'baseUrl')) + path, authorization: `Bearer ${member(data, 'accessToken')}`, unchecked: data['allowUnauthorizedCerts'] === true };
}

/** POST .../test: `{status, message}`. */
export async function testCredential(state: N8nState, { type, data }: N8nCredential): Promise<N8nData> {
  const kind = kinds[type];
  if (kind === undefined) return { status: 'Error', message: 'No testing function found for this credential.' };
  if (kind.test === undefined) {
    const connected = tokensOf(data)['access_token'] !== undefined;
    return connected ? { status: 'OK', message: 'Connection Successful!' } : { status: 'Error', message: 'This OAuth2 credential was not connected to an account.' };
  }
  const outcome = await ask(state, kind.test(data));
  if ('code' in outcome) return { status: 'Error', message: outcome.code };
  if (outcome.status >= 200 && outcome.status <= 299) return { status: 'OK', message: 'Connection successful!' };
  return { status: 'Error', message: outcome.statusText === '' ? `Received HTTP status code: ${outcome.status}` : outcome.statusText };
}

export interface NodeResult {
  /** The node's error, or undefined when all went well. */
  readonly error: N8nData | undefined;
  readonly output: unknown;
}

/** What an execution of the service's node comes to. An access token that was refused is renewed once, and the new ones are kept. */
export async function useCredential(state: N8nState, credential: N8nCredential): Promise<NodeResult> {
  const kind = kinds[credential.type];
  if (kind === undefined) return failed({ message: 'The credential has a type that this node does not take', httpCode: null, messages: [] });
  const accessToken = tokensOf(credential.data)['access_token'];
  if (kind.tokenUrl !== undefined && accessToken === undefined) {
    const message = 'Unable to sign without access token';
    return failed({ message, httpCode: null, messages: [message] });
  }
  let outcome = await ask(state, kind.node(credential.data, String(accessToken)));
  if (kind.tokenUrl !== undefined && 'status' in outcome && outcome.status === 401) {
    const renewed = await renew(state, credential, kind.tokenUrl(credential.data));
    if ('error' in renewed) return renewed;
    outcome = await ask(state, kind.node(credential.data, renewed.accessToken));
  }
  return resultOf(outcome);
}

/** n8n's refresh: a form with the client in it; the rotated refresh token is kept. */
async function renew(state: N8nState, credential: N8nCredential, url: string): Promise<{ readonly accessToken: string } | NodeResult> {
  const { data } = credential;
  const before = tokensOf(data);
  const form = { refresh_token: String(before['refresh_token']), grant_type: 'refresh_token', client_id: member(data, 'clientId'), client_secret: member(data, 'clientSecret') };
  const outcome = await ask(state, { url, method: 'POST', form });
  if ('code' in outcome) return resultOf(outcome);
  if (outcome.status !== 200) return failed({ message: messages[outcome.status] ?? outcome.statusText, description: `HTTP status ${outcome.status}`, httpCode: String(outcome.status), messages: [`HTTP status ${outcome.status}`] });
  const tokens = JSON.parse(outcome.text) as N8nData;
  credential.data = { ...credential.data, oauthTokenData: { ...before, ...tokens } };
  return { accessToken: String(tokens['access_token']) };
}

function tokensOf(data: N8nData): N8nData {
  const tokens = data['oauthTokenData'];
  return typeof tokens === 'object' && tokens !== null ? tokens as N8nData : {};
}

/** n8n's words for a status or a code. Source: n8n-workflow, errors/node-api.error.js and errors/abstract/node.error.js. */
const messages: Readonly<Record<string, string>> = {
  400: 'Bad request - please check your parameters', 401: 'Authorization failed - please check your credentials', 403: 'Forbidden - perhaps check your credentials?',
  404: 'The resource you are requesting could not be found', 429: 'The service is receiving too many requests from you',
  500: 'The service was not able to process your request', 502: 'Bad gateway - the service failed to handle your request',
  503: 'Service unavailable - try again later or consider setting this node to retry automatically (in the node settings)', 504: 'Gateway timed out - perhaps try again later?',
  ECONNREFUSED: 'The service refused the connection - perhaps it is offline', ETIMEDOUT: "The connection timed out, consider setting the 'Retry on Fail' option in the node settings",
  ECONNRESET: 'The connection to the server was closed unexpectedly, perhaps it is offline. You can retry the request immediately or wait and retry later.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate; if the root CA is installed locally, try running Node.js with --use-system-ca',
  ENOTFOUND: 'The connection cannot be established, this usually occurs due to an incorrect host (domain) value',
};

function resultOf(outcome: Outcome): NodeResult {
  if ('code' in outcome) return failed({ message: messages[outcome.code] ?? outcome.message, httpCode: outcome.code, messages: [outcome.message, outcome.message], context: { itemIndex: 0 } });
  const { status, text } = outcome;
  if (status >= 200 && status <= 299) return { error: undefined, output: parsed(text) };
  const body = parsed(text);
  const mattermostError = typeof body === 'object' && body !== null && 'detailed_error' in body ? body as unknown as { readonly message: string } : undefined;
  const message = messages[status] ?? outcome.statusText;
  if (mattermostError !== undefined) {
    return failed({ message, description: mattermostError.message, httpCode: String(status), messages: [`Request failed with status code ${status}`], context: { data: mattermostError, itemIndex: 0 } });
  }
  const said = (body as { readonly errors?: readonly { readonly message?: string }[] } | undefined)?.errors?.[0]?.message;
  const whole = `${status} - ${JSON.stringify(body ?? '')}`;
  return failed({ message, description: said ?? whole, httpCode: String(status), messages: [whole] });
}

function failed(error: {
  readonly message: string; readonly description?: string; readonly httpCode: string | null; readonly messages: readonly string[]; readonly context?: N8nData
}): NodeResult {
  return { error: { level: 'warning', name: 'NodeApiError', context: {}, ...error }, output: undefined };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // A page, or nothing: the node's error says so by its status.
  }
}
