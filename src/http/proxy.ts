/** Which proxy a request goes through: --proxy, else the proxy variables of the environment given. */
import { CredsetupError } from '../errors.ts';

export interface Proxy {
  /** `http://host:port` or `https://host:port`, without credentials. */
  readonly uri: string;
  /** `host:port`, for messages. */
  readonly at: string;
  /** The value of the Proxy-Authorization header. */
  readonly authorization: string | undefined;
  /** `--proxy` or the variable's name. */
  readonly source: string;
}

export interface Proxies {
  /** Throws PROXY_FAILED when the variable for it is no address. */
  forScheme(protocol: string): Proxy | undefined;
  /** What NO_PROXY says; empty with --proxy, which wins over all the variables. */
  readonly noProxy: string;
}

interface ProxyOptions {
  /** `--proxy` */
  readonly proxy?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly protect: (secret: string) => void;
}

// As undici's EnvHttpProxyAgent documents it: lower case wins, and HTTPS falls back on HTTP_PROXY.
const variables = {
  http: ['http_proxy', 'HTTP_PROXY'],
  https: ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'],
  none: ['no_proxy', 'NO_PROXY'],
} as const;

/**
 * Reads --proxy and the variables. Their passwords are protected here, whether or not they are
 * used. Throws USAGE for a --proxy that is no http(s) address or holds user info (it would stand
 * in the process list); never repeats it.
 */
export function readProxies({ proxy, env, protect }: ProxyOptions): Proxies {
  for (const name of variables.https) protectUserInfo(env[name], protect);
  if (proxy !== undefined) {
    protectUserInfo(proxy, protect);
    const chosen = fromOption(proxy, env);
    return { forScheme: () => chosen, noProxy: '' };
  }
  return {
    forScheme: (protocol) => fromVariable(first(env, protocol === 'https:' ? variables.https : variables.http)),
    noProxy: first(env, variables.none)?.value ?? '',
  };
}

type Variable = { readonly name: string; readonly value: string } | undefined;

// An empty variable is not set.
function first(env: ProxyOptions['env'], names: readonly string[]): Variable {
  for (const name of names) {
    const value = env[name]?.trim();
    if (value !== undefined && value !== '') return { name, value };
  }
  return undefined;
}

function fromOption(option: string, env: ProxyOptions['env']): Proxy {
  const url = proxyUrl(option);
  if (option.includes('@')) {
    const shown = url === undefined ? { origin: 'http://proxy.example.com:3128', at: 'proxy.example.com:3128' } : { origin: url.origin, at: hostAndPort(url) };
    throw new CredsetupError('USAGE', '--proxy holds a username or a password, which every process list would show.', {
      hint: `Give --proxy ${shown.origin} and put the credentials into the environment: HTTPS_PROXY=http://user:password@${shown.at}`,
    });
  }
  if (url === undefined) throw new CredsetupError('USAGE', `--proxy ${whyNot(option).what}.`, { hint: whyNot(option).hint('--proxy ') });
  const known = variables.https.map((name) => proxyUrl(env[name]?.trim() ?? ''));
  const same = known.find((other) => other !== undefined && other.username !== '' && hostAndPort(other) === hostAndPort(url));
  return { uri: url.origin, at: hostAndPort(url), authorization: same && authorizationOf(same), source: '--proxy' };
}

function fromVariable(variable: Variable): Proxy | undefined {
  if (variable === undefined) return undefined;
  const url = proxyUrl(variable.value);
  if (url === undefined) {
    const { what, hint } = whyNot(variable.value);
    throw new CredsetupError('PROXY_FAILED', `The variable ${variable.name} ${what}.`, {
      hint: `${hint(`${variable.name}=`)}, or unset it. --proxy URL wins over it, and NO_PROXY names the hosts that need none. n8n reads the same variables where it runs.`,
    });
  }
  return { uri: url.origin, at: hostAndPort(url), authorization: authorizationOf(url), source: variable.name };
}

/**
 * `proxy:3128` parses as a URL with the scheme `proxy:`; only http and https are proxies. A #, ? or
 * / in a password ends the host for URLs: what stands before it would be taken for the proxy's name.
 */
function proxyUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (`${url.pathname}${url.search}${url.hash}`.includes('@')) return undefined;
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined;
}

/** What is wrong with what is no proxy's address; nothing of it is repeated but a scheme that is known. */
function whyNot(text: string): { readonly what: string; readonly hint: (before: string) => string } {
  const such = (before: string): string => `${before}http://proxy.example.com:3128`;
  const scheme = /^(socks[45]?[ah]?):\/\//i.exec(text.trim())?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    return {
      what: `names a SOCKS proxy (${scheme}://), and only HTTP proxies can be used`,
      hint: (before) => `Most programs that offer SOCKS have a port for HTTP beside it: give that one, such as ${such(before)}`,
    };
  }
  if (/^https?:\/\//i.test(text.trim()) && text.includes('@')) {
    return {
      what: 'is not the address of a proxy: its user name or password holds a character that ends the host of a URL',
      hint: (before) => `In them write # as %23, / as %2F, ? as %3F, @ as %40 and % as %25: ${before}http://user:pass%23word@proxy.example.com:3128`,
    };
  }
  return { what: 'is not the address of a proxy', hint: (before) => `Give it with its scheme, http:// or https://, such as ${such(before)}` };
}

function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port}`;
}

// RFC 7617 §2. undici sends nothing when the password is empty, and its decodeURIComponent throws on `p%ss`.
function authorizationOf(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return `Basic ${Buffer.from(`${decoded(url.username)}:${decoded(url.password)}`).toString('base64')}`;
}

function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => Buffer.from(escapes.replaceAll('%', ''), 'hex').toString());
}

/** Also when the value is no URL: `user:password@proxy:3128` is a usual mistake. */
function protectUserInfo(value: string | undefined, protect: (secret: string) => void): void {
  const text = (value ?? '').trim();
  const end = text.lastIndexOf('@');
  if (end < 0) return;
  const userInfo = text.slice(0, end).replace(/^[a-z][a-z0-9+.-]*:\/\//i, '');
  const colon = userInfo.indexOf(':');
  const secret = userInfo.slice(colon + 1);
  if (secret === '') return;
  const user = colon === -1 ? '' : userInfo.slice(0, colon);
  for (const form of new Set([secret, decoded(secret), Buffer.from(`${decoded(user)}:${decoded(secret)}`).toString('base64')])) protect(form);
}
