/**
 * What may stand in front of a service, or in its place: sign-in gateways, firewalls, pages for
 * maintenance, another web site. From the products' documentation and their usual answers.
 */
import { html, startServer, type PracticeRequest, type PracticeServer, type Reply, type ServerOptions } from './server.ts';

export interface GatewayOptions extends ServerOptions {
  /** Where `redirect` points; the path of the request is added unless `keepPath` is false. */
  readonly to?: string;
  readonly keepPath?: boolean;
  /** The status of `redirect` (302) and of `html` (200). */
  readonly status?: number;
  /** Seconds for `rate-limit`; undefined: no Retry-After header. */
  readonly retryAfter?: number | string;
  /** For `json-cut`: the JSON text of which the last part is missing, or for `html` the whole page. */
  readonly text?: string;
}

type Gateway = (request: PracticeRequest, options: GatewayOptions) => Reply;

const nginx = (status: number, title: string, headers: Reply['headers'] = {}): Reply =>
  html(status, `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>nginx/1.24.0</center>\r\n</body>\r\n</html>\r\n`, { server: 'nginx/1.24.0', 'content-type': 'text/html', ...headers });

const found = (location: string, headers: Reply['headers'] = {}): Reply =>
  html(302, `<a href="${location.replaceAll('&', '&amp;')}">Found</a>.\n\n`, { location, 'content-type': 'text/html; charset=utf-8', ...headers });

/** The address that was asked for, as a gateway hands it to its sign-in page. */
const asked = ({ target, url }: PracticeRequest): string => encodeURIComponent(new URL(target, url).href);
const proxyCookie = { 'set-cookie': '_oauth2_proxy_csrf=bWFkZSB1cA; Path=/; Max-Age=900; HttpOnly; SameSite=Lax' };

const gateways = {
  /** oauth2-proxy that sends to its sign-in at once (skip_provider_button, or behind nginx's auth_request). */
  'oauth2-proxy-redirect': (request) => found(`${new URL(request.url).origin}/oauth2/sign_in?rd=${asked(request)}`, proxyCookie),
  /** oauth2-proxy that shows its own sign-in page. */
  'oauth2-proxy-page': () => html(403, '<!DOCTYPE html>\n<html lang="en" charset="utf-8">\n<head><title>Sign In</title></head>\n<body><form method="GET" action="/oauth2/start"><input type="hidden" name="rd" value="/"><button type="submit">Sign in with OpenID Connect</button></form><footer>Secured with <a href="https://github.com/oauth2-proxy/oauth2-proxy#oauth2_proxy">OAuth2 Proxy</a></footer></body>\n</html>\n', { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache, no-store, must-revalidate, max-age=0', ...proxyCookie }),
  'cloudflare-access': (request) => found(`https://team.cloudflareaccess.com/cdn-cgi/access/login/${new URL(request.url).host}?kid=0123456789abcdef&redirect_url=${encodeURIComponent(request.target)}`, { server: 'cloudflare', 'cf-ray': '8f0123456789abcd-FRA', 'set-cookie': 'CF_AppSession=n0123456789; Path=/; Secure; HttpOnly' }),
  /** Cloudflare's check for browsers. */
  'cloudflare-challenge': () => html(403, '<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body><noscript>Enable JavaScript and cookies to continue</noscript></body></html>', { server: 'cloudflare', 'cf-ray': '8f0123456789abcd-FRA', 'cf-mitigated': 'challenge' }),
  'authelia-redirect': (request) => found(`https://auth.example.com/?rd=${asked(request)}&rm=${request.method}`, { 'set-cookie': 'authelia_session=made-up; path=/; secure; HttpOnly; SameSite=Lax' }),
  /** Authelia for requests that ask for no page. */
  'authelia-401': (request) => {
    const location = `https://auth.example.com/?rd=${asked(request)}&rm=${request.method}`;
    return html(401, `<a href="${location.replaceAll('&', '&amp;')}">401 Unauthorized</a>`, { location, 'content-type': 'text/html; charset=utf-8' });
  },
  /** The web server's own password. */
  'basic-auth': () => nginx(401, 'Authorization Required', { 'www-authenticate': 'Basic realm="Restricted"' }),
  maintenance: () => html(503, '<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>We will be back soon</h1></body></html>', { 'retry-after': '3600' }),
  'bad-gateway': () => nginx(502, 'Bad Gateway'),
  /** A firewall, or fail2ban's page. */
  firewall: () => nginx(403, 'Forbidden'),
  /** A web site that shows its start page for every address. */
  website: () => html(200, '<!DOCTYPE html><html><head><title>Example Ltd</title></head><body><h1>Welcome to Example Ltd</h1></body></html>'),
  'website-404': () => nginx(404, 'Not Found'),
  html: (_request, { status = 200, text = '<!DOCTYPE html><title>A page</title>' }) => html(status, text),
  /** JSON that ends in the middle, as when a proxy loses the upstream. */
  'json-cut': (_request, { text = '{"id":"abcdefghijklmnopqrstuvwxyz","username":"joe","email":"joe@example.org"}' }) => ({ status: 200, headers: { 'content-type': 'application/json' }, body: text.slice(0, Math.floor(text.length / 2)) }),
  redirect: (request, { to = 'https://elsewhere.example.com', keepPath = true, status = 302 }) => ({ ...found(keepPath ? `${to}${request.target}` : to), status }),
  'rate-limit': (_request, { retryAfter }) => ({ status: 429, headers: { 'content-type': 'text/html', ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }) }, body: '<html><head><title>429 Too Many Requests</title></head></html>' }),
  /** Takes the request and ends the connection. */
  'hang-up': () => ({ status: 500, hangUp: true }),
} as const satisfies Record<string, Gateway>;

export type GatewayKind = keyof typeof gateways;

/** Every kind, for tests that go through them all. */
export const gatewayKinds = Object.keys(gateways) as GatewayKind[];

/**
 * Starts one on 127.0.0.1. `redirect` with `to` (and `status`) sends on to another address,
 * `rate-limit` takes `retryAfter`; the rest need nothing.
 */
export async function startGateway(kind: GatewayKind, options: GatewayOptions = {}): Promise<PracticeServer> {
  return startServer(inFront(kind, options), options);
}

/** The same before a practice service: `server.intercept = inFront('firewall')`, or the option of that name. */
export function inFront(kind: GatewayKind, options: GatewayOptions = {}): (request: PracticeRequest) => Reply {
  const gateway: Gateway = gateways[kind];
  return (request) => gateway(request, options);
}
