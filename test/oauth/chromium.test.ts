/** The way of a real browser: start page, another site's login and consent, callback, result. */
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorizationRequest } from '../../src/oauth/authorization.ts';
import { exchangeCode } from '../../src/oauth/tokens.ts';
import type { RedirectServer } from '../../src/oauth/redirect-server.ts';
import { mauticPassword, startMautic, type PracticeMautic } from '../../src/practice/mautic.ts';
import { repairTokenAnswer } from '../../src/services/mautic/token-answer.ts';
import { after, failureOf, makeClient, plain } from '../http/harness.ts';
import { has } from '../tools.ts';
import { startServer } from './support.ts';

// Another site than 127.0.0.1, so that SameSite and Referer matter as they do in life.
const hostname = 'crm.example.test';
const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--no-proxy-server', `--host-resolver-rules=MAP ${hostname} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`,
];

interface Way {
  readonly server: RedirectServer;
  readonly mautic: PracticeMautic;
  readonly page: Page;
  readonly startUrl: string;
  /** Every address that the browser's address bar and its history could have held. */
  readonly navigated: string[];
  readonly complaints: string[];
  /** Exchanges the code, and tells the browser how it went. */
  readonly finish: () => Promise<void>;
}

describe.skipIf(!has('chromium'))('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
  });
  afterAll(() => browser.close());

  async function watched(context: BrowserContext): Promise<{ readonly page: Page; readonly navigated: string[]; readonly complaints: string[] }> {
    after(() => context.close());
    const navigated: string[] = [];
    const complaints: string[] = [];
    const page = await context.newPage();
    page.setDefaultTimeout(25_000);
    page.on('framenavigated', (frame) => navigated.push(frame.url()));
    // What the service's own page brings about is not ours.
    page.on('console', (message) => {
      const text = message.text();
      if (message.location().url.startsWith('http://127.0.0.1') || /CSP|Content.Security/i.test(text)) complaints.push(text);
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.addInitScript('document.addEventListener("securitypolicyviolation", (event) => console.error("CSP", event.violatedDirective, event.blockedURI))');
    return { page, navigated, complaints };
  }

  async function way(version: string, { registered = true, cookie = true } = {}): Promise<Way> {
    const server = await startServer({ pageMs: 5000 });
    // A browser asks for the icon, and the practice Mautic's 404 page would begin a new session.
    const mautic = await startMautic({ version, hostname, intercept: (request, answer) => (request.path === '/favicon.ico' ? { status: 404 } : answer()) });
    after(() => mautic.close());
    const client = mautic.makeClient({ redirectUris: [registered ? server.redirectUri : 'http://127.0.0.1:1/callback'] });
    const request = await authorizationRequest({ authorizationEndpoint: `${mautic.url}/oauth/v2/authorize`, clientId: client.clientId, redirectUri: server.redirectUri });
    const { startUrl } = server.expect({ authorizationUrl: request.url, state: request.state, cookie });
    const finish = async (): Promise<void> => {
      const came = await server.waitForCallback({ timeoutMs: 40_000 });
      if (came.kind !== 'code') throw new Error(came.error);
      const tokens = await exchangeCode({
        tokenEndpoint: `http://127.0.0.1:${mautic.port}/oauth/v2/token`, clientId: client.clientId, clientSecret: client.clientSecret,
        http: makeClient(), connection: plain, repair: repairTokenAnswer,
        callbackUrl: came.callbackUrl, state: request.state, codeVerifier: request.codeVerifier,
      });
      await came.finish(tokens.accessToken === '' ? { ok: false, message: 'no token' } : { ok: true });
    };
    const context = await browser.newContext();
    return { server, mautic, startUrl, finish, ...await watched(context) };
  }

  async function signIn(page: Page): Promise<void> {
    await page.fill('[name=_username]', 'admin');
    await page.fill('[name=_password]', mauticPassword);
    await page.click('button');
  }

  it.each(['7.0.0', '5.1.0'])('the cookie comes back over another site, and the address bar keeps no code (Mautic %s)', async (version) => {
    const { server, mautic, page, startUrl, navigated, complaints, finish } = await way(version);
    const finished = finish();
    await page.goto(startUrl);
    expect(new URL(page.url()).hostname).toBe(hostname);
    await signIn(page);
    await page.click('[name=accepted]');
    await page.waitForURL('**/done/*');
    await finished;
    await server.close();
    // The server has ended, and the page is whole.
    expect(await page.textContent('h1')).toBe('Signed in');
    expect(await page.title()).toBe('Signed in – credsetup');
    expect(page.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/done\/[\w-]+$/);
    const own = navigated.filter((url) => url.startsWith('http://127.0.0.1'));
    expect(own).toEqual([page.url()]);
    expect(complaints).toEqual([]);
    expect(server.counts).toEqual({});
    // The style is applied: its hash fits the policy.
    expect(await page.evaluate('getComputedStyle(document.querySelector("main")).borderRadius')).toBe('16px');
    expect(await page.context().cookies(server.redirectUri)).toEqual([]);
    // The way to the service names neither the terminal's port nor the nonce.
    expect(mautic.log.some(({ headers }) => headers.referer?.startsWith('http://127.0.0.1') === true)).toBe(false);
  });

  it('an account that allowed before comes straight back, with the cookie', async () => {
    const first = await way('7.0.0');
    const finished = first.finish();
    await first.page.goto(first.startUrl);
    await signIn(first.page);
    await first.page.click('[name=accepted]');
    await finished;
    await first.page.waitForURL('**/done/*');
    const client = first.mautic.state.clients[0]!;
    const request = await authorizationRequest({ authorizationEndpoint: `${first.mautic.url}/oauth/v2/authorize`, clientId: client.clientId, redirectUri: first.server.redirectUri });
    const { startUrl } = first.server.expect({ authorizationUrl: request.url, state: request.state });
    const arrived = first.server.waitForCallback({ timeoutMs: 40_000 }).then((came) => came.finish({ ok: false, message: 'Mautic refused the code.' }));
    await first.page.goto(startUrl);
    await arrived;
    expect(await first.page.textContent('h1')).toBe('Not signed in');
    expect(await first.page.textContent('main')).toContain('Mautic refused the code.');
  });

  it('another browser cannot finish the sign-in, the first one can', async () => {
    const { server, page, startUrl, finish } = await way('7.0.0');
    await page.goto(startUrl);
    const authorizationUrl = page.url();
    await signIn(page);
    // A second profile gets hold of the authorization address and is signed in as well.
    const other = await watched(await browser.newContext());
    const target = await page.evaluate<string>('String(new URLSearchParams([...document.querySelectorAll("input[type=hidden]")].map(({ name, value }) => [name.match(/\\[(.*)\\]/)[1], value])))');
    await other.page.goto(`${new URL(authorizationUrl).origin}/oauth/v2/authorize?${target}`);
    await signIn(other.page);
    await other.page.click('[name=accepted]');
    await other.page.waitForURL('**/callback?*');
    expect(await other.page.textContent('h1')).toBe('Another browser');
    expect(other.complaints.filter((text) => text.includes('CSP'))).toEqual([]);
    expect(server.counts).toEqual({ 'missing-cookie': 1 });
    const finished = finish();
    await page.click('[name=accepted]');
    await finished;
    expect(await page.textContent('h1')).toBe('Signed in');
  });

  it('a refusal and a wrong redirect URI stay on the service\'s page: nothing comes back', async () => {
    for (const options of [{ registered: true, press: 'rejected' }, { registered: false, press: 'accepted' }]) {
      const { server, page, startUrl } = await way('7.0.0', options);
      await page.goto(startUrl);
      await signIn(page);
      await page.click(`[name=${options.press}]`);
      await page.waitForURL('**/oauth/v2/authorize');
      expect(new URL(page.url()).hostname).toBe(hostname);
      expect(await failureOf(server.waitForCallback({ timeoutMs: 50 }))).toMatchObject({ code: 'AUTHORIZATION_TIMEOUT' });
      expect(server.counts).toEqual({});
    }
  });

  it('connections that the browser keeps ready do not hold up the end', async () => {
    const { server, page, startUrl, finish } = await way('7.0.0');
    const finished = finish();
    await page.goto(startUrl);
    // The service's page tells the browser to connect beforehand.
    await page.evaluate(`for (let index = 0; index < 4; index += 1) {
      document.head.append(Object.assign(document.createElement('link'), { rel: 'preconnect', href: '${new URL(server.redirectUri).origin}' }));
    }`);
    await signIn(page);
    await page.click('[name=accepted]');
    await finished;
    const began = performance.now();
    await server.close();
    expect(performance.now() - began).toBeLessThan(500);
    expect(await page.textContent('h1')).toBe('Signed in');
  });

  it('a page of another site gets nothing out of the server and ends nothing', async () => {
    const { server, page, startUrl } = await way('7.0.0');
    await page.goto(startUrl);
    const told = await page.evaluate(async (redirectUri) => {
      const tries = [`${redirectUri}?error=access_denied`, `${redirectUri}?state=x&code=y`].map((url) => fetch(url).then(() => 'read', () => 'refused'));
      return Promise.all(tries);
    }, server.redirectUri);
    expect(told).toEqual(['refused', 'refused']);
    expect((await failureOf(server.waitForCallback({ timeoutMs: 50 }))).code).toBe('AUTHORIZATION_TIMEOUT');
    expect(Object.keys(server.counts).every((kind) => kind === 'foreign-origin' || kind === 'wrong-method')).toBe(true);
  });

  it.each(['light', 'dark'] as const)('the page can be read in %s', async (colorScheme) => {
    const server = await startServer();
    const context = await browser.newContext({ colorScheme });
    const { page, complaints } = await watched(context);
    await page.goto(`http://127.0.0.1:${server.port}/nothing`);
    const colours = await page.evaluate<{ readonly name: string; readonly colour: string; readonly ground: string }[]>(`['main', 'h1', 'p', 'footer', 'svg'].map((name) =>
      ({ name, colour: getComputedStyle(document.querySelector(name)).color, ground: getComputedStyle(document.querySelector('main')).backgroundColor }))`);
    for (const { name, colour, ground } of colours) expect(contrast(colour, ground), `${name}: ${colour} on ${ground}`).toBeGreaterThanOrEqual(4.5);
    expect(luminance(colours[0]!.ground) > 0.5).toBe(colorScheme === 'light');
    expect(complaints.filter((text) => text.includes('CSP'))).toEqual([]);
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
    expect(await page.getByRole('status').textContent()).toContain('Nothing here');
    expect(await page.getByRole('main').count()).toBe(1);
    expect(await page.getByRole('img').count()).toBe(0);
  });
});

/** WCAG 2.1, relative luminance and contrast ratio. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number).map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}
