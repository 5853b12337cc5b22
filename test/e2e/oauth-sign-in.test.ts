/** Signing in to Mautic by OAuth2, with the wizard in a terminal and Chromium at its side. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { mauticPassword, startMautic } from '../../src/practice/mautic.ts';
import { script } from '../commands/support.ts';
import { after } from '../http/harness.ts';
import { unusedPort } from '../ports.ts';
import { has } from '../tools.ts';
import { expectClosed, logIn, versions, withChromium, Wizard } from './oauth-support.ts';

async function freshMautic(version: string) {
  // Another site than the redirect URI's, as in life.
  const server = await startMautic({ version, hostname: 'localhost', apiEnabled: false, basicEnabled: false });
  after(() => server.close());
  return server;
}

async function enterMautic(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByPlaceholder('Username or email').fill('admin');
  await page.getByPlaceholder('Password').fill(mauticPassword);
  await page.getByRole('button', { name: 'Login' }).click();
}

/** The form under API Credentials, filled in with what the wizard shows; gives what it shows then. */
async function makeClient(page: Page, redirectUris: string): Promise<{ readonly id: string; readonly secret: string }> {
  await page.getByLabel('Authorization Protocol').selectOption('OAuth 2');
  await page.getByLabel('Name').fill('n8n integration');
  // What somebody types from memory is refused.
  await page.getByLabel('Redirect URI').fill('127.0.0.1/callback');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('127.0.0.1/callback is an invalid URI.').waitFor();
  await page.getByLabel('Redirect URI').fill(redirectUris);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  return { id: await page.getByLabel('Client ID').inputValue(), secret: await page.getByLabel('Client Secret').inputValue() };
}

const n8nCallback = 'https://n8n.example.com/rest/oauth2-credential/callback';

describe.skipIf(!has('chromium') || !has('terminal'))('from "API off" to "signed in"', () => {
  const { page: newPage } = withChromium();

  it.each(versions)('as Mautic %s, every step in the browser', async (version) => {
    const server = await freshMautic(version);
    const port = await unusedPort();
    const wizard = new Wizard(['mautic', '--callback-port', String(port)]);
    const page = await newPage();
    await wizard.answer('Mautic address', `${server.url}/s/login`);
    await wizard.choose('How do you want to set up Mautic?', 'I do it');
    await wizard.choose('How should the credential sign in?', 'OAuth2');
    await wizard.choose('Will n8n sign in with this client too?', 'Yes');
    await wizard.answer('n8n\'s OAuth Callback URL', n8nCallback);

    await wizard.sees('Enable the API');
    await wizard.press('o: open the page', 'o');
    await enterMautic(page, await wizard.opened());
    // The switch "API enabled?", as the recorded pages of both versions name it.
    await page.locator('#config_apiconfig_api_enabled_1').check();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    // Nobody presses anything in the terminal: the server says so.
    await wizard.sees('✔ The API is on');

    await wizard.sees('Create a client');
    const registered = `http://127.0.0.1:${port}/callback,${n8nCallback}`;
    await wizard.sees(registered);
    await wizard.press('o: open the page', 'o');
    await page.goto(await wizard.opened());
    const { id, secret } = await makeClient(page, registered);
    await wizard.press('Enter: I have it, go on', 'enter');
    await wizard.answer('Client ID', id);
    await wizard.answer('Client Secret', secret);
    await wizard.sees('Mautic accepts this client');

    // The session in Mautic does not count: its own page asks once more.
    await page.goto(await wizard.opened());
    expect(page.url()).toBe(`${server.url}/oauth/v2/authorize_login`);
    await logIn(page, 'contacts');
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    expect(page.url()).not.toContain('code');
    await wizard.choose('Signed in as contacts. Is that the account that n8n should use?', 'Yes');
    await wizard.sees('CLIENT_ACTS_AS_ADMIN');
    await wizard.sees('✔ contacts  ✔ companies  ✖ segments  ✖ campaigns  ✖ webhooks');
    await expectClosedAfter(wizard, port);

    const stored = (await script(wizard.home).run(['show', 'crm', '--json'])).json();
    expect(stored).toMatchObject({
      method: 'oauth2', grant: 'authorization-code', url: server.url, account: { username: 'contacts' }, server: { version },
      fields: { clientId: id, redirectUri: `http://127.0.0.1:${port}/callback` }, capabilities: { contacts: true, webhooks: false },
    });
    expect(server.state.clients).toMatchObject([{ clientId: id, redirectUris: [`http://127.0.0.1:${port}/callback`, n8nCallback] }]);
    const screen = wizard.session.raw;
    for (const hidden of [secret, mauticPassword, server.state.accessTokens.at(-1)!.token, server.state.refreshTokens.at(-1)!.token]) {
      expect(screen).not.toContain(hidden);
    }
  });
});

async function expectClosedAfter(wizard: Wizard, port: number): Promise<void> {
  await wizard.answer('Save as', 'crm');
  await wizard.choose('Where do you need it?', 'In n8n: show me');
  await wizard.press('c: copy it to the clipboard', 'enter');
  await wizard.sees('Then press Connect there');
  expect(await wizard.ends()).toBe(0);
  await expectClosed(port);
}
