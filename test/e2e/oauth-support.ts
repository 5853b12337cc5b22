/**
 * A person before two windows: the wizard in a real terminal, and the browser that it opens. What
 * BROWSER names is a stand-in that notes the address; the test goes there in Chromium, or by HTTP.
 */
import { mkdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { mauticPassword, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { authorizeAs, type Decisions, type Visit } from '../../src/practice/person.ts';
import { folder, identity } from '../commands/support.ts';
import { after } from '../http/harness.ts';
import { unusedPort } from '../ports.ts';
import { programPath } from '../program.ts';
import { PtySession } from '../terminal/pty.ts';

export const versions = ['7.0.0', '5.1.0'] as const;

/** Flags of a Chromium that does nothing but what the test does, and reaches this machine alone. */
const flags = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--no-proxy-server', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

/** A browser for the tests of a file; each page has a profile of its own. */
export function withChromium(): { readonly page: () => Promise<Page> } {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
  });
  afterAll(() => browser?.close());
  return {
    page: async () => {
      const context = await browser!.newContext();
      context.setDefaultTimeout(25_000);
      after(() => context.close());
      return context.newPage();
    },
  };
}

export interface WizardOptions {
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether there is a display, so that a browser can be opened. Default true. */
  readonly display?: boolean;
}

/** The wizard in its terminal. */
export class Wizard {
  readonly session: PtySession;
  readonly home: string;
  readonly #opened: string[] = [];
  #taken = 0;
  #arrived: () => void = () => undefined;

  constructor(args: readonly string[], { home = folder(), env = {}, display = true }: WizardOptions = {}) {
    this.home = home;
    const desktop = folder();
    const notes = join(desktop, 'opened');
    mkdirSync(notes);
    // Written beside and moved, so that a note is whole when it is seen.
    writeFileSync(join(desktop, 'browser'), `#!/bin/sh\nprintf '%s' "$1" > "${desktop}/note.$$" && mv "${desktop}/note.$$" "${notes}/$$"\n`, { mode: 0o755 });
    const seen = new Set<string>();
    const watcher = watch(notes, (_event, name) => {
      if (name === null || seen.has(name)) return;
      seen.add(name);
      this.#opened.push(readFileSync(join(notes, name), 'utf8'));
      this.#arrived();
    });
    after(() => { watcher.close(); });
    this.session = new PtySession({
      command: process.execPath, args: [programPath, ...args], columns: 600, rows: 60,
      env: {
        HOME: desktop, XDG_DATA_HOME: desktop, XDG_DATA_DIRS: desktop, XDG_CONFIG_HOME: desktop, XDG_CONFIG_DIRS: desktop,
        ...(display ? { DISPLAY: ':99', BROWSER: join(desktop, 'browser') } : {}),
        CREDSETUP_HOME: home, CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity, ...env,
      },
    });
    after(() => { this.session.kill(); });
  }

  /** The next address that the wizard opened a browser with. */
  async opened(): Promise<string> {
    while (this.#opened.length <= this.#taken) await new Promise<void>((resolve) => { this.#arrived = resolve; });
    this.#taken += 1;
    return this.#opened[this.#taken - 1]!;
  }

  sees(wanted: string | RegExp, times = 1): Promise<void> {
    return this.session.waitFor(wanted, times);
  }

  /** Answers a question that is open. */
  async answer(question: string, text: string): Promise<void> {
    await this.sees(`? ${question}`);
    this.session.paste(text);
    this.session.press('enter');
    await this.sees(`✔ ${question}`);
  }

  /** Moves to the choice that begins with `label` in the list that is open, and takes it. */
  async choose(question: string, label: string): Promise<void> {
    await this.sees(`? ${question}`);
    for (;;) {
      const marked = /❯ (.*)/.exec(this.session.screen())?.[1] ?? '';
      if (marked.startsWith(label)) break;
      this.session.press('down');
      await this.sees(new RegExp(`❯ (?!${marked.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')})`));
    }
    this.session.press('enter');
  }

  /** The address that stands alone on its line for a browser anywhere, the last one of them. */
  async printed(times = 1): Promise<string> {
    await this.sees(/Open this address in a browser:\s+http\S+\n/, times);
    return [...this.session.screen().matchAll(/Open this address in a browser:\s+(http\S+)\n/g)].at(-1)![1]!;
  }

  /** Presses a key at a wait that shows `hint`. */
  async press(hint: string, key: string): Promise<void> {
    await this.sees(hint);
    if (key === 'enter' || key === 'escape') this.session.press(key);
    else this.session.type(key);
  }

  /** The exit code. */
  async ends(): Promise<number> {
    return (await this.session.ended()).code;
  }
}

/** A set-up that asks for nothing before the sign-in. */
export function signInArgs(server: PracticeMautic, client: MauticClient, port: number, more: readonly string[] = []): string[] {
  return ['mautic', '--method', 'oauth2', '--url', server.url, '--client-id', client.clientId, '--callback-port', String(port), '--n8n-callback-url', 'http://localhost:5678/rest/oauth2-credential/callback', '--name', 'crm', ...more];
}

export interface Ready {
  readonly port: number;
  readonly client: MauticClient;
  readonly wizard: Wizard;
}

/** A wizard that has come to "waiting for the browser" with a client that was made before. */
export async function atSignIn(server: PracticeMautic, options: WizardOptions & { readonly client?: Parameters<PracticeMautic['makeClient']>[0]; readonly args?: readonly string[]; readonly at?: string } = {}): Promise<Ready> {
  const port = await unusedPort();
  const client = server.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts', ...options.client });
  const wizard = new Wizard(
    signInArgs(server, client, port, options.args), { ...options, env: { CREDSETUP_CLIENT_SECRET: client.clientSecret, ...options.env } },
  );
  await wizard.sees(options.at ?? 'waiting for the browser');
  return { port, client, wizard };
}

/** Signs in on Mautic's page for the authorization. */
export async function logIn(page: Page, username = 'contacts', password = mauticPassword): Promise<void> {
  await page.getByLabel('Username or email').fill(username);
  await page.getByLabel('Password:').fill(password);
  await page.getByRole('button', { name: /^login$/i }).click();
}

/** Everything that the browser shows, as it would be copied. */
export async function shownText(page: Page): Promise<string> {
  return page.locator('body').innerText();
}

/** A browser played by HTTP from the start page on: brings the cookie, the consent, and the callback back. */
export async function browse(startUrl: string, decisions: Partial<Decisions> = {}): Promise<Visit & { readonly callback: Response | undefined }> {
  const start = await fetch(startUrl, { redirect: 'manual' });
  const cookie = start.headers.get('set-cookie')?.split(';')[0] ?? '';
  const visit = await authorizeAs(start.headers.get('location')!, { username: 'contacts', password: mauticPassword, ...decisions });
  return { ...visit, callback: visit.redirectedTo === undefined ? undefined : await fetch(visit.redirectedTo, { headers: { cookie } }) };
}

/** Nothing listens there any more. */
export async function expectClosed(port: number): Promise<void> {
  const open = await new Promise<boolean>((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => { socket.destroy(); resolve(true); }).once('error', () => resolve(false));
  });
  expect(open, `port ${port} is open`).toBe(false);
}
