/** Mautic by OAuth2 in a script: the program prints the address, and a browser is played by HTTP. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import { mauticPassword, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { authorizeAs } from '../../src/practice/person.ts';
import { unusedPort } from '../ports.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { expectNoSecret, type Script } from './support.ts';

export interface Running {
  readonly exitCode: Promise<number | null>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** The first group of the first match on standard error; fails when the program ends without it. */
  said(pattern: RegExp): Promise<string>;
}

/** Starts the program without waiting for its end. */
export function startRun(one: Pick<Script, 'env'>, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [programPath, ...args], { env: cleanEnvironment({ ...one.env, ...env }), stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part: string) => { stdout += part; });
  child.stderr.setEncoding('utf8').on('data', (part: string) => { stderr += part; });
  const exitCode = once(child, 'close').then(([code]) => code as number | null);
  const said = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = pattern.exec(stderr)?.[1];
      if (found !== undefined) return found;
      const more = await Promise.race([once(child.stderr, 'data').then(() => true), exitCode.then(() => false)]);
      if (!more) throw new Error(`it ended before it said ${String(pattern)}: ${stdout}${stderr}`);
    }
  };
  return { exitCode, stdout: () => stdout, stderr: () => stderr, said };
}

/** The address that a script prints for a browser, whole and alone on its line. */
export const printedAddress = /^(http\S+\/oauth\/v2\/authorize\?\S+)\n/m;

/** Plays the person at the printed address, up to the page that the redirect URI answers with. */
export async function signInAt(address: string, username = 'contacts'): Promise<Response> {
  const visit = await authorizeAs(address, { username, password: mauticPassword });
  return fetch(visit.redirectedTo!);
}

/** Runs what prints an address for a sign-in, and signs in there. The exit code, and what the run said to people. */
export async function runWithSignIn(one: Pick<Script, 'env'>, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<{ readonly exitCode: number | null; readonly stderr: string }> {
  const running = startRun(one, [...args, '--login-timeout', '25'], env);
  await signInAt(await running.said(printedAddress));
  return { exitCode: await running.exitCode, stderr: running.stderr() };
}

export interface Stored {
  readonly client: MauticClient;
  readonly port: number;
  readonly credential: Record<string, unknown>;
}

/** Sets up a credential by OAuth2, kept under `name`. */
export async function storeOAuth2(one: Script, server: PracticeMautic, { name = 'crm', username = 'contacts', args = [] as readonly string[] } = {}): Promise<Stored> {
  const port = await unusedPort();
  const client = server.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' });
  const running = startRun(one, ['mautic', '--method', 'oauth2', '--url', server.url, '--client-id', client.clientId, '--callback-port', String(port), '--login-timeout', '30', '--name', name, '--json', ...args], { CREDSETUP_CLIENT_SECRET: client.clientSecret });
  await signInAt(await running.said(printedAddress), username);
  expect(await running.exitCode, running.stderr()).toBe(0);
  expectNoSecret(running.stdout() + running.stderr(), [
    client.clientSecret, mauticPassword, ...server.state.accessTokens.map(({ token }) => token), ...server.state.refreshTokens.map(({ token }) => token),
  ]);
  return { client, port, credential: JSON.parse(running.stdout()) as Record<string, unknown> };
}

/** The refresh requests that reached the server. */
export function refreshes(server: PracticeMautic): number {
  return server.log.filter(({ path, body }) => path.endsWith('/oauth/v2/token') && body.includes('grant_type=refresh_token')).length;
}
