/** Pages from which nothing comes back: provoked in Chromium, told to the wizard, repaired, and signed in in the end. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { startMautic, type PracticeMautic } from '../../src/practice/mautic.ts';
import { after } from '../http/harness.ts';
import { has } from '../tools.ts';
import { atSignIn, browse, logIn, shownText, withChromium, type Ready } from './oauth-support.ts';

const question = 'What does the browser show?';
const account = 'Is that the account that n8n should use?';

interface Row {
  readonly name: string;
  /** The choice in the list. */
  readonly seen: string;
  readonly code: string;
  /** What the person does until the page is there. */
  readonly provoke: (page: Page, server: PracticeMautic, ready: Ready) => Promise<void>;
  readonly status: number;
  /** The registered Redirect URI, when it is wrong. */
  readonly registered?: (port: number) => string;
  readonly repair: string;
  /** From there until another browser page is opened. */
  readonly goOn: (ready: Ready, server: PracticeMautic) => Promise<void>;
}

async function accept(page: Page): Promise<void> {
  await logIn(page);
  await page.getByRole('button', { name: 'Accept' }).click();
}

const compare = (registered: (port: number) => string, told: RegExp) => async ({ wizard, client, port }: Ready): Promise<void> => {
  await wizard.answer('What stands there as Redirect URI?', registered(port));
  await wizard.sees(told);
  await wizard.sees(`http://127.0.0.1:${port}/callback,http://localhost:5678/rest/oauth2-credential/callback`);
  client.redirectUris = [`http://127.0.0.1:${port}/callback`];
  await wizard.press('Enter: saved; sign in again', 'enter');
};
const otherHost = (port: number): string => `http://localhost:${port}/callback`;
const otherPort = (port: number): string => `http://127.0.0.1:${port}1/callback`;

const rows: readonly Row[] = [
  {
    name: 'refused', seen: '"API authorization denied."', code: 'AUTHORIZATION_DENIED', status: 302, repair: 'Sign in once more',
    provoke: async (page) => {
      await logIn(page);
      await page.getByRole('button', { name: 'Deny' }).click();
    },
    goOn: () => Promise.resolve(),
  },
  {
    name: 'another host is registered', seen: '"The redirect URI provided', code: 'REDIRECT_URI_MISMATCH', status: 400, repair: 'Compare the Redirect URI', registered: otherHost,
    provoke: accept, goOn: compare(otherHost, /registered: http:\/\/localhost:.*\n\s+sent: +http:\/\/127\.0\.0\.1:.*\n\s{23}\^ differs from here on/),
  },
  {
    name: 'another port is registered, and the application was allowed before', seen: '"Looks like I encountered an error', code: 'REDIRECT_URI_MISMATCH', status: 500, repair: 'Compare the Redirect URI', registered: otherPort,
    provoke: async (page, server, { client }) => {
      client.allowedBy.push(server.user('contacts').id);
      await logIn(page);
    },
    goOn: compare(otherPort, /\^ differs from here on/),
  },
  {
    name: 'the client is gone', seen: '"Client not found."', code: 'CLIENT_NOT_FOUND', status: 404, repair: 'Enter Client ID and Client Secret again',
    provoke: async (page, server, { client }) => {
      server.deleteClient(client);
      await logIn(page);
    },
    goOn: async ({ wizard, port }, server) => {
      const other = server.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`] });
      await wizard.answer('Client ID', other.clientId);
      await wizard.answer('Client Secret', other.clientSecret);
    },
  },
  {
    name: 'the role has no API access', seen: '"403 Forbidden"', code: 'API_ACCESS_MISSING', status: 403, repair: 'Go on after the role was changed',
    provoke: (page) => logIn(page, 'bare'),
    goOn: async ({ wizard }) => {
      await wizard.press('m: message for your admin', 'm');
      await wizard.sees('Please give my Mautic role access to the API');
      await wizard.press('Enter: sign in again', 'enter');
    },
  },
  {
    name: 'the API was turned off', seen: '"API disabled.', code: 'API_DISABLED', status: 403, repair: 'Go back to the switch of the API',
    provoke: async (page, server) => {
      server.state.apiEnabled = false;
      await page.reload();
    },
    goOn: async ({ wizard }, server) => {
      await wizard.sees('waiting for Mautic: Enable the API');
      server.state.apiEnabled = true;
    },
  },
];

async function mautic(version: string): Promise<PracticeMautic> {
  const server = await startMautic({ version, hostname: 'localhost' });
  after(() => server.close());
  return server;
}

describe.skipIf(!has('chromium') || !has('terminal'))('Mautic\'s page, told to the wizard', () => {
  const chromium = withChromium();

  it.each(rows)('$name', async ({ seen, code, status, provoke, registered, repair, goOn }) => {
    const server = await mautic('7.0.0');
    const ready = await atSignIn(server);
    const { wizard, client, port } = ready;
    if (registered !== undefined) client.redirectUris = [registered(port)];
    const page = await chromium.page();
    const statuses: number[] = [];
    page.on('response', (response) => statuses.push(response.status()));
    await page.goto(await wizard.opened());
    await provoke(page, server, ready);
    await expect.poll(() => statuses.at(-1)).toBe(status);

    // Its text under "something else" is recognised, and the wait can go on.
    await wizard.press('waiting for the browser', 'enter');
    await wizard.choose(question, 'Something else');
    await wizard.answer('The page\'s text, or its address', await shownText(page));
    await wizard.sees(`(${code})`);
    await wizard.choose('What now?', 'Keep waiting');
    // And so is the choice in plain words, which leads to the repair.
    await wizard.press('waiting for the browser', 'enter');
    await wizard.choose(question, seen);
    await wizard.sees(`(${code})`, 2);
    await wizard.choose('What now?', repair);
    await goOn(ready, server);
    expect((await browse(await wizard.opened())).callback?.ok).toBe(true);
    await wizard.sees(`Signed in as contacts. ${account}`);
  });

  it('a wrong password: the page lets the person go on, and so does the wizard', async () => {
    const server = await mautic('7.0.0');
    const { wizard } = await atSignIn(server);
    const page = await chromium.page();
    await page.goto(await wizard.opened());
    await logIn(page, 'contacts', 'not the password');
    await page.getByText('Invalid login. Please verify credentials.').waitFor();
    for (const [choice, text] of [['Something else', await shownText(page)], ['Something else', page.url()], ['It asks for username and password', undefined]] as const) {
      await wizard.press('waiting for the browser', 'enter');
      await wizard.choose(question, choice);
      if (text !== undefined) await wizard.answer('The page\'s text, or its address', text);
    }
    await wizard.sees('once more on this page, even when you are signed in', 3);
    await accept(page);
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    await wizard.sees(account);
  });

  it('Mautic 5 lets an account without API access through, and asks every time', async () => {
    const server = await mautic('5.1.0');
    const { wizard, client } = await atSignIn(server);
    client.allowedBy.push(server.user('bare').id);
    const page = await chromium.page();
    await page.goto(await wizard.opened());
    await logIn(page, 'bare');
    await page.getByRole('button', { name: 'Accept' }).click();
    await wizard.sees(`Signed in as bare. ${account}`);
    await wizard.sees('✖ contacts  ✖ companies  ✖ segments  ✖ campaigns  ✖ webhooks');
  });

  it('a page that nobody knows is an error, and the sign-in stays open', async () => {
    const { wizard } = await atSignIn(await mautic('7.0.0'));
    const startUrl = await wizard.opened();
    await wizard.press('waiting for the browser', 'enter');
    await wizard.choose(question, 'Something else');
    await wizard.answer('The page\'s text, or its address', 'Welcome to nginx!');
    await wizard.sees('(INPUT_INVALID)');
    await wizard.sees('waiting for the browser');
    expect((await browse(startUrl)).callback?.ok).toBe(true);
    await wizard.sees(account);
  });

  it('"No, sign in as another one" asks the browser again, as another account', async () => {
    const server = await mautic('7.0.0');
    const { wizard } = await atSignIn(server);
    const page = await chromium.page();
    await page.goto(await wizard.opened());
    await accept(page);
    await wizard.choose(`Signed in as contacts. ${account}`, 'No, sign in as another one');
    const startUrl = await wizard.opened();
    await wizard.sees(`${server.url}/s/logout`);
    // The session is remembered: without signing out it would be the same account again.
    await page.goto(`${server.url}/s/logout`);
    await page.goto(startUrl);
    await logIn(page, 'apionly');
    await page.getByRole('button', { name: 'Accept' }).click();
    await wizard.sees(`Signed in as apionly. ${account}`);
  });

  it('an application that was allowed before comes straight back from Mautic 7; a second tab changes nothing', async () => {
    const server = await mautic('7.0.0');
    const { wizard, client } = await atSignIn(server);
    client.allowedBy.push(server.user('contacts').id);
    const page = await chromium.page();
    await page.goto(await wizard.opened());
    await wizard.press('o: open it again', 'o');
    const second = await page.context().newPage();
    await second.goto(await wizard.opened());
    await logIn(second);
    await second.getByRole('heading', { name: 'Signed in' }).waitFor();
    await logIn(page);
    // The first callback took the cookie away.
    await page.getByRole('heading', { name: 'Another browser' }).waitFor();
    await wizard.sees(account);
  });
});
