/**
 * The demo: the real program, run as a script would run it, against practice servers on loopback.
 * Home and identity are thrown away at the end. Ends with 0 when every command did what it should.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../child-environment.ts';
import { newIdentity } from '../stores/new-identity.ts';
import { mauticPassword, startMautic } from './mautic.ts';
import { startMattermost } from './mattermost.ts';
import { authorizeAs } from './person.ts';

const program = fileURLToPath(new URL('../bin/credsetup.js', import.meta.url));

interface Show {
  readonly title: string;
  readonly args: readonly string[];
  /** Variables of this command alone. Secrets travel here, never in arguments. */
  readonly env?: Readonly<Record<string, string>>;
  readonly exitCode: number;
  /** Who signs in at the address that the command prints for a browser. */
  readonly signsIn?: string;
}

const home = await mkdtemp(join(tmpdir(), 'credsetup-demo-'));
const mattermost = await startMattermost({ tokensEnabled: true });
const mautic = await startMautic({ version: '7.0.0', apiEnabled: true, basicEnabled: true });
mattermost.joinTeam('maker');
const { id, token } = mattermost.makeToken('maker');
// Whichever of its ports is free: all are registered.
const client = mautic.makeClient({ owner: 'contacts', redirectUris: [18265, 18266, 18267, 18268, 18269].map((port) => `http://127.0.0.1:${port}/callback`) });

const base = {
  ...childEnvironment(process.env),
  CREDSETUP_HOME: home, CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: await newIdentity(), NO_COLOR: '1',
};

const shows: readonly Show[] = [
  {
    title: 'Mattermost: the address is what a browser shows, the token comes from a variable',
    args: ['mattermost', '--url', `${mattermost.url}/team/channels/town-square`, '--name', 'chat'], env: { CREDSETUP_MATTERMOST_TOKEN: token }, exitCode: 0,
  },
  {
    title: 'Mautic with HTTP basic auth',
    args: ['mautic', '--method', 'basic', '--url', `${mautic.url}/s/login`, '--username', 'contacts', '--name', 'crm'], env: { CREDSETUP_MAUTIC_PASSWORD: mauticPassword }, exitCode: 0,
  },
  {
    title: 'Mautic by OAuth2: a browser is sent to Mautic and comes back (here it is played by HTTP requests)',
    args: ['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', client.clientId, '--login-timeout', '60', '--name', 'crm-oauth2'],
    env: { CREDSETUP_MAUTIC_CLIENT_SECRET: client.clientSecret }, exitCode: 0, signsIn: 'contacts',
  },
  {
    title: 'Mautic by OAuth2 without a browser: a sign-in with a password makes the client and gets its tokens',
    args: ['mautic', '--method', 'oauth2', '--url', mautic.url, '--create-client', '--username', 'admin', '--name', 'crm-made'], env: { CREDSETUP_MAUTIC_PASSWORD: mauticPassword }, exitCode: 0,
  },
  { title: 'A new access token', args: ['refresh', 'crm-oauth2'], exitCode: 0 },
  { title: 'What is stored (no secret is read)', args: ['list'], exitCode: 0 },
  { title: 'All of them, validated with their servers', args: ['test', '--all'], exitCode: 0 },
  { title: 'For another program: validated credentials as JSON', args: ['export', 'chat', '--format', 'json', '--yes'], exitCode: 0 },
  {
    title: 'What was made can be ended: the client and its tokens at Mautic, and the credential here',
    args: ['remove', 'crm-made', '--revoke', '--yes', '--username', 'admin'], env: { CREDSETUP_MAUTIC_PASSWORD: mauticPassword }, exitCode: 0,
  },
  { title: 'A wrong value: the Token ID in place of the Access Token', args: ['mattermost', '--url', mattermost.url, '--name', 'wrong'], env: { CREDSETUP_TOKEN: id }, exitCode: 7 },
  { title: 'Nothing given: all that is missing, at once', args: ['mautic', '--json'], exitCode: 2 },
];

function run({ args, env, signsIn }: Show): Promise<{ readonly exitCode: number | null; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { env: { ...base, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const parts: string[] = [];
    let visit: Promise<void> | undefined;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        parts.push(text);
        const address = /^(http\S+\/oauth\/v2\/authorize\?\S+)\n/m.exec(parts.join(''))?.[1];
        if (signsIn !== undefined && address !== undefined) visit ??= signIn(address, signsIn).catch(reject);
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode) => { resolve({ exitCode, text: parts.join('') }); });
  });
}

/** Logs in, presses Accept, and brings the code back to the redirect URI. */
async function signIn(address: string, username: string): Promise<void> {
  const { redirectedTo, text } = await authorizeAs(address, { username, password: mauticPassword });
  if (redirectedTo === undefined) throw new Error(`The practice Mautic did not send the browser back: ${text}`);
  await fetch(redirectedTo);
}

let failed = 0;
try {
  for (const show of shows) {
    console.log(`\n# ${show.title}`);
    const names = Object.keys(show.env ?? {});
    console.log(`$ ${[...names.map((name) => `${name}=...`), 'credsetup', ...show.args].join(' ')}`);
    const { exitCode, text } = await run(show);
    console.log(text.trimEnd());
    console.log(`(exit code ${exitCode ?? 'none'})`);
    if (exitCode !== show.exitCode) {
      failed += 1;
      console.log(`!! expected exit code ${show.exitCode}`);
    }
  }
} finally {
  await Promise.all([mattermost.close(), mautic.close()]);
  await rm(home, { recursive: true, force: true });
}
console.log(failed === 0 ? '\nEverything above ran against practice servers on this computer; nothing of it is left.' : `\n${failed} of ${shows.length} commands did not do what they should.`);
process.exitCode = failed === 0 ? 0 : 1;
