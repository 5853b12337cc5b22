/**
 * What stands in front of a service and answers instead of it: sign-in proxies, the web server's
 * own password, firewalls. n8n cannot pass them either, but for a firewall that knows programs by name.
 */
import type { HttpResponse } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { redirectTarget } from '../http/status.ts';
import type { Addressed } from '../services/service.ts';

interface Gateway {
  readonly name: string;
  /** What other servers answer too: only when nothing better explains the answer. */
  readonly vague?: boolean;
  readonly seen: (answer: HttpResponse, location: URL | undefined) => boolean;
  /** What to ask the admin for; {path} is the path that n8n needs. */
  readonly ask: string;
}

/** Of what does not say what it is, and may know programs by their names. */
const mayPass = 'n8n cannot pass it either, unless it is credsetup\'s name alone that is refused.';

const bypass = 'Ask the admin to let requests to {path} through to {service} without that sign-in; {service} checks the credential itself.';

const gateways: readonly Gateway[] = [
  {
    name: 'oauth2-proxy',
    seen: (answer, location) => /_oauth2_proxy/.test(answer.header('set-cookie') ?? '') || /\/oauth2\/(start|sign_in|auth)/.test(location?.pathname ?? '') || /oauth2[-_]proxy|action="\/oauth2\//i.test(answer.text),
    ask: `${bypass} In oauth2-proxy that is skip_auth_routes.`,
  },
  {
    name: 'Cloudflare Access',
    seen: (answer, location) => (location?.hostname.endsWith('.cloudflareaccess.com') ?? false) || (location?.pathname.startsWith('/cdn-cgi/access/') ?? false) || answer.header('www-authenticate')?.includes('Cloudflare-Access') === true,
    ask: `${bypass} In Cloudflare Access that is a bypass policy for the path, best limited to n8n's IP address.`,
  },
  {
    name: 'a Cloudflare challenge',
    seen: (answer) => answer.header('cf-mitigated') === 'challenge',
    ask: 'Ask the admin to turn the challenge off for {path}: no program can pass it.',
  },
  {
    name: 'Authelia',
    seen: (answer, location) => /authelia/i.test(`${location?.hostname ?? ''} ${answer.header('set-cookie') ?? ''} ${answer.text.slice(0, 4096)}`) || (location?.searchParams.has('rd') ?? false),
    ask: `${bypass} In Authelia that is an access_control rule with the policy bypass.`,
  },
  {
    name: 'the web server\'s own password',
    seen: (answer) => answer.status === 401 && /^(basic|digest|negotiate|ntlm)\b/i.test(answer.header('www-authenticate') ?? ''),
    ask: 'It takes the place of the credential that n8n sends in the same header. Ask the admin to switch it off for {path}; {service} checks the credential itself.',
  },
  {
    name: 'a sign-in page', vague: true,
    // A redirect that keeps the path keeps the login page that was pasted.
    seen: (answer, location) => location !== undefined && !location.pathname.endsWith(new URL(answer.url).pathname) && /(^|[/.])(login|log-in|signin|sign-in|sso|saml2?|oauth2?|openid-connect|authorize|auth|adfs|realms)([/.?]|$)/i.test(`${location.hostname}${location.pathname}`),
    ask: bypass,
  },
  {
    name: 'a sign-in page', vague: true,
    seen: (answer) => isPage(answer) && answer.status < 500 && /<input[^<>]+type=["']?password/i.test(answer.text),
    ask: bypass,
  },
  {
    name: 'a firewall or a sign-in page (it does not say which)', vague: true,
    seen: (answer) => (answer.status === 401 || answer.status === 403) && isPage(answer),
    ask: 'Open the address in a browser to see. Ask the admin to let requests to {path} through to {service}; if your address was blocked for too many tries, wait before the next one.',
  },
];

/** GATEWAY_IN_FRONT when the answer is such a thing's; undefined otherwise. `vague` takes what only looks like one, too. */
export function gatewayInFront(answer: HttpResponse, service: Addressed, vague: boolean): CredsetupError | undefined {
  const location = redirectTarget(answer);
  // The service's own sign-in page is no gateway: what it redirects to lies below the same base.
  const gateway = service.address.resembles(answer) ? undefined : gateways.find((one) => (vague || one.vague !== true) && one.seen(answer, location));
  if (gateway === undefined) return undefined;
  const { origin } = new URL(answer.url);
  const path = service.address.proofPath.split('/').slice(0, 2).join('/');
  const ask = gateway.ask.replaceAll('{path}', path).replaceAll('{service}', service.title);
  return new CredsetupError('GATEWAY_IN_FRONT', `In front of ${origin} stands ${gateway.name}; ${service.title} was not reached.${service.address.isN8n === true ? '' : ` ${gateway.vague === true ? mayPass : 'n8n cannot pass it either.'}`}`, {
    service: service.id, url: answer.url, field: 'url', hint: ask,
  });
}

function isPage(answer: HttpResponse): boolean {
  return (answer.header('content-type') ?? '').includes('html');
}
