/** A person at a browser, for tests: goes through a practice Mautic's login and consent pages. */

export interface Decisions {
  readonly username: string;
  readonly password: string;
  /** What is pressed on the consent page. Default `accept`. */
  readonly press?: 'accept' | 'deny';
}

export interface Visit {
  /** Every answer on the way, in order. */
  readonly pages: readonly { readonly status: number; readonly url: string }[];
  readonly consentPage: boolean;
  /** What the person reads at last; '' after a redirect away. */
  readonly text: string;
  /** The address that the service sent the browser to, with the code; undefined when it never left. */
  readonly redirectedTo: string | undefined;
}

/** Opens an authorization address. The redirect URI itself is not requested: the caller does that. */
export async function authorizeAs(address: string, { username, password, press = 'accept' }: Decisions): Promise<Visit> {
  const browser = new Browser(new URL(address).origin);
  let page = await browser.open(address);
  if (page.includes('name="_username"')) page = await browser.submit(page, { _username: username, _password: password });
  const consentPage = page.includes('name="accepted"');
  if (consentPage) page = await browser.submit(page, press === 'accept' ? { accepted: 'Accept' } : { rejected: 'Deny' });
  return { pages: browser.pages, consentPage, text: readable(page), redirectedTo: browser.left };
}

class Browser {
  readonly pages: { status: number; url: string }[] = [];
  left: string | undefined;
  readonly #cookies = new Map<string, string>();
  #at = '';

  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Requests and follows redirects until a page is shown or the browser is sent elsewhere. */
  async open(url: string, form?: URLSearchParams): Promise<string> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { method: form === undefined ? 'GET' : 'POST', body: form ?? null, headers: { cookie }, redirect: 'manual' });
    this.#at = url;
    this.pages.push({ status: response.status, url });
    for (const [name, value] of response.headers.getSetCookie().map((line) => (line.split(';')[0] ?? '').split('='))) this.#cookies.set(name ?? '', value ?? '');
    const text = await response.text();
    const location = response.headers.get('location');
    if (location === null) return text;
    const next = new URL(location, url);
    if (next.origin === this.#origin) return this.open(next.href);
    this.left = next.href;
    return '';
  }

  /** Fills in the page's form: its hidden fields and what the person adds. */
  async submit(page: string, fields: Readonly<Record<string, string>>): Promise<string> {
    const action = /<form[^>]*action="([^"]*)"/.exec(page)?.[1] ?? '';
    const form = new URLSearchParams(fields);
    for (const [input] of page.matchAll(/<input type="hidden"[^>]*>/g)) {
      const attribute = (name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(input)?.[1] ?? '';
      form.set(attribute('name'), unescaped(attribute('value')));
    }
    return this.open(new URL(action, this.#at).href, form);
  }
}

const unescaped = (text: string): string => text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&');

/** A page's text as a person reads it. */
function readable(page: string): string {
  return unescaped(page.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ').trim();
}
