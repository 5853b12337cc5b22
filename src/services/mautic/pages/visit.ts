/**
 * A visit to Mautic's own pages, as a browser makes it: cookies are kept, redirects are followed by
 * hand, and nothing is ever sent to another host. Mautic behind a TLS proxy that it does not trust
 * names `http://` in its redirects: scheme and host stay the given ones, the path is taken.
 */
import type { CookieJar } from 'tough-cookie';
import type { HttpResponse } from '../../../context.ts';
import { CredsetupError } from '../../../errors.ts';
import { throwForStatus } from '../../../http/status.ts';
import type { Api } from '../../api.ts';
import { about, leadsToInstaller, notInstalled } from '../api.ts';
import { readDocument, type Form, type PageDocument, type Pairs } from './document.ts';

export interface Page {
  /** Of the request that it answers. */
  readonly method: 'GET' | 'POST';
  readonly status: number;
  /** What was asked for, below Mautic's folder. */
  readonly path: string;
  /** Where a redirect leads: path and query below Mautic's folder. Throws GATEWAY_IN_FRONT for another host. */
  redirect(): string | undefined;
  /** As it was sent, for an address that is not Mautic's own: the redirect URI. */
  readonly location: string | undefined;
  readonly response: HttpResponse;
  document(): Promise<PageDocument>;
}

export interface Visit {
  readonly api: Api;
  get(path: string): Promise<Page>;
  post(path: string, pairs: Pairs): Promise<Page>;
  /** Sends a form of a page to its own action. Throws RESPONSE_INVALID for one that leads to another host. */
  submit(form: Form, at: Page, pairs: Pairs): Promise<Page>;
}

/** A new visit, with no cookie. */
export async function openVisit(api: Api): Promise<Visit> {
  // Loaded with the first visit.
  const { CookieJar: Jar } = await import('tough-cookie');
  // One host is visited, so no cookie can reach another; a name without a dot is a public suffix to the library.
  const jar = new Jar(undefined, { rejectPublicSuffixes: false });
  const visit: Visit = {
    api,
    get: (path) => request(api, jar, { method: 'GET', path }),
    post: (path, pairs) => request(api, jar, { method: 'POST', path, form: pairs }),
    submit: (form, at, pairs) => visit.post(form.action === '' ? at.path : actionPath(api, form, at), pairs),
  };
  return visit;
}

interface Asked {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly form?: Pairs;
}

async function request(api: Api, jar: CookieJar, asked: Asked): Promise<Page> {
  const url = `${api.base}${asked.path}`;
  const cookie = await jar.getCookieString(url);
  const response = await api.send({ ...asked, headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }) } });
  for (const line of (response.header('set-cookie') ?? '').split('\n').filter((one) => one !== '')) await jar.setCookie(line, url, { ignoreError: true });
  if (response.status === 429) throwForStatus(response);
  const location = response.status >= 300 && response.status < 400 ? response.header('location') : undefined;
  return {
    method: asked.method, status: response.status, path: asked.path, response, location,
    redirect: () => {
      if (location === undefined) return undefined;
      const own = ownPath(api, location, asked.path);
      if (own === undefined) throw elsewhere(api, asked.path, location);
      return own;
    },
    document: () => readDocument(response.text, asked.path.split('?', 1)[0] ?? ''),
  };
}

/** The path below Mautic's folder, or undefined for another host or another folder. */
export function ownPath(api: Api, target: string, from: string): string | undefined {
  const base = new URL(api.base);
  const here = `${api.base}${from}`;
  if (!URL.canParse(target, here)) return undefined;
  const url = new URL(target, here);
  // The same host by http: the proxy in front speaks TLS, and Mautic does not know. The port is then its own.
  const sameHost = url.host === base.host || (base.protocol === 'https:' && url.protocol === 'http:' && url.hostname === base.hostname);
  const folder = base.pathname.replace(/\/$/, '');
  if (!sameHost || !/^https?:$/.test(url.protocol) || url.username !== '' || !(url.pathname === folder || url.pathname.startsWith(`${folder}/`))) return undefined;
  return `${url.pathname.slice(folder.length) || '/'}${url.search}`;
}

function actionPath(api: Api, form: Form, at: Page): string {
  const own = ownPath(api, form.action, at.path);
  if (own !== undefined) return own;
  throw new CredsetupError('RESPONSE_INVALID', `The form ${JSON.stringify(form.name)} of ${at.path.split('?', 1)[0] ?? ''} leads to another address than ${api.base}; nothing was sent.`, {
    ...whose(api), hint: 'Something changes Mautic\'s pages on the way, or its address is another one. Open the page in a browser, and give credsetup the address that stands there.',
  });
}

function elsewhere(api: Api, path: string, location: string): CredsetupError {
  const host = URL.canParse(location, api.base) ? new URL(location, api.base).host : 'an address that is none';
  return new CredsetupError('GATEWAY_IN_FRONT', `${api.base}${path.split('?', 1)[0] ?? ''} sends on to ${host}; it was not followed.`, {
    ...whose(api), hint: 'A sign-in page stands in front of Mautic, or Mautic has another address. What is made for n8n must be reachable without it: ask who runs the server, or do this step in a browser.',
  });
}

/** Whom an error is about. */
export const whose = (api: Api): { readonly service: string; readonly url: string } => ({ service: about.id, url: api.base });

/** A page that is there, for who is signed in. Throws for everything that stands in the way of any page. */
export function checkPage(api: Api, page: Page): void {
  const { status, response, path } = page;
  const where = `${api.base}${path.split('?', 1)[0] ?? ''}`;
  if (status === 401) {
    throw new CredsetupError('GATEWAY_IN_FRONT', `The web server in front of Mautic asks for a password of its own at ${where}.`, {
      ...whose(api), hint: 'credsetup cannot sign in through it, and neither can n8n: ask who runs the server to let /s, /api and /oauth through, or do this step in a browser.',
    });
  }
  if (status >= 502 && status <= 504) {
    throw new CredsetupError('SERVER_ERROR', `${where} answers ${status}: Mautic is under maintenance, starts anew, or takes too long for the server in front of it.`, {
      ...whose(api), hint: 'Open the address in a browser, and run this again when Mautic is there.',
    });
  }
  if (status >= 500) {
    throw new CredsetupError('SERVER_ERROR', `Mautic answers ${status} at ${where}: its database is away, or its configuration cannot be read.`, {
      ...whose(api), hint: 'Open the address in a browser. Its log says more (var/logs); who runs the server repairs it.',
    });
  }
  if (status >= 300 && status < 400 && leadsToInstaller(page.redirect() ?? '')) throw notInstalled(api.base);
  if (status === 403 && !(response.header('content-type') ?? '').includes('json') && response.text.length < 200 && response.header('server')?.includes('cloudflare') === true) {
    throw new CredsetupError('GATEWAY_IN_FRONT', `A firewall in front of Mautic refuses ${where}.`, { ...whose(api), hint: 'Ask who runs it to let this computer through, or do this step in a browser.' });
  }
}

/** A page that is not as Mautic's are, with the name that is missing. Where it is a page that was asked for, nothing was sent. */
export function pageDiffers(api: Api, { method, path, status }: Pick<Page, 'method' | 'path' | 'status'>, missing: string): CredsetupError {
  const where = `${api.base}${path.split('?', 1)[0] ?? ''}`;
  const what = method === 'GET'
    ? `The page ${where} has no ${missing}, which Mautic 5 and 7 have there (status ${status}); nothing was sent.`
    : `What Mautic answers to the form of ${where} has no ${missing}, which Mautic 5 and 7 have there (status ${status}).`;
  return new CredsetupError('RESPONSE_INVALID', what, {
    ...whose(api), hint: 'Another version, a theme or a plugin may have changed it. Do this step in a browser, and tell the project which version it is.',
  });
}

/**
 * For a page with a form, which who is signed in may see: it leads nowhere else. Throws
 * SIGN_IN_UNSUPPORTED where something more is wanted after the password.
 */
export function checkShown(api: Api, page: Page): void {
  const to = page.redirect();
  if (to === undefined) return;
  throw new CredsetupError('SIGN_IN_UNSUPPORTED', `Mautic took the password and leads from ${page.path.split('?', 1)[0] ?? ''} to ${to.split('?', 1)[0] ?? ''}: it wants something more first, such as a second factor, a new password or an agreement.`, {
    ...whose(api), hint: `Sign in at ${api.base}/s/login with a browser and see what it asks for. An account without that can be used here; or do this step in the browser: ${api.base}/s/credentials/new`,
  });
}

/** Its page was shown, so Mautic lets the account: what refuses the form stands in front. */
export function formRefused(api: Api, page: Page): CredsetupError {
  return new CredsetupError('GATEWAY_IN_FRONT', `The form of ${api.base}${page.path.split('?', 1)[0] ?? ''} is refused (403), though its page was shown: a firewall in front of Mautic does not let it through.`, {
    ...whose(api), hint: 'Ask who runs it to let forms of /s through from this computer (ModSecurity and its like take Mautic\'s own texts for an attack). A browser\'s Save may be refused as well.',
  });
}
