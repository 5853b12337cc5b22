/** n8n alone signs in: its client is made and checked here, connected in n8n's own pages, and proved by a run. `npm run test:n8n`. */
import { beforeAll, expect, it } from 'vitest';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes } from '../../src/practice/n8n.ts';
import { atTheEnd, folder, mauticServer, script, type Script } from '../commands/support.ts';
import { withChromium } from '../e2e/oauth-support.ts';
import { makeApiKey, owner, realN8n } from './installed.ts';

let base: string;
/** What n8n calls itself, unless it is told another address. */
let own: string;
let key: string;
let home: Script;
let mautic: PracticeMautic;
const chromium = withChromium();

beforeAll(async () => {
  const n8n = await realN8n(folder());
  atTheEnd(() => n8n.stop());
  base = await n8n.start();
  own = base.replace('127.0.0.1', 'localhost');
  key = await makeApiKey(base, allScopes);
  mautic = await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true });
  home = script();
  const stored = await home.run(['n8n', '--url', base, '--name', 'work'], { env: { CREDSETUP_API_KEY: key }, secrets: [key] });
  expect(stored.exitCode, stored.stderr).toBe(0);
}, 1_200_000);

it('is connected in n8n\'s own page by a person, and then a workflow there reads with it', async () => {
  const client = mautic.makeClient({ redirectUris: [`${own}/rest/oauth2-credential/callback`], owner: 'contacts' });
  const args = ['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', client.clientId, '--sign-in', 'n8n', '--n8n-callback-url', 'work', '--name', 'crm'];
  const done = await home.run(args, { env: { CREDSETUP_CLIENT_SECRET: client.clientSecret } });
  expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining(`\n${own}/rest/oauth2-credential/callback\n`)]);
  const push = async (more: readonly string[] = []) => (await home.run(['push', 'work', 'crm', '--json', ...more], { secrets: [key] })).json()['results'] as [{ credential: { pushed: [{ id: string }] } }];
  const pushed = await push();
  expect(pushed).toMatchObject([{ status: 'created', inN8n: [{ status: 'not-connected' }] }]);

  const page = await chromium.page();
  await page.goto(`${own}/signin`);
  await page.locator('input[name=emailOrLdapLoginId]').fill(owner.email);
  await page.locator('input[name=password]').fill(owner.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/home|workflow/);
  await page.goto(`${own}/home/credentials/${pushed[0].credential.pushed[0].id}`);
  const popup = page.waitForEvent('popup');
  await page.getByRole('button', { name: /^(Connect|Sign in)/ }).first().click();
  const window = await popup;
  await window.getByLabel('Username or email').fill('contacts');
  await window.getByLabel('Password:').fill(mauticPassword);
  await window.getByRole('button', { name: /^login$/i }).click();
  await window.getByRole('button', { name: 'Accept' }).click();

  const test = async (more: readonly string[]) => (await home.run(['test', 'crm', '--in-n8n', '--json', ...more], { secrets: [key] })).json()['results'] as [{ inN8n: [{ status: string }] }];
  await expect.poll(async () => (await test([]))[0].inN8n[0].status, { timeout: 60_000, interval: 1000 }).toBe('connected');
  expect(await test(['--run'])).toMatchObject([{ status: 'ok', inN8n: [{ status: 'ok', proof: 'run' }] }]);
  // Written again, it stays connected.
  expect(await push(['--replace', '--run'])).toMatchObject([{ status: 'replaced', inN8n: [{ status: 'ok', proof: 'run' }] }]);
}, 300_000);
