/**
 * The real n8n of the facts, installed once into a folder: CREDSETUP_TEST_N8N, or one below the
 * system's temporary folder. It needs Node 24, which npm's packages bring too.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { unusedPort } from '../ports.ts';

const run = promisify(execFile);
export const n8nVersion = '2.41.1';
const root = process.env['CREDSETUP_TEST_N8N'] ?? join(tmpdir(), `credsetup-n8n-${n8nVersion}`);
/** The `node` package is a script that fetches this one; without scripts it is named itself. */
const nodePackage = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const nodeFolder = join(root, 'node_modules', nodePackage);
const n8nScript = join(root, 'node_modules', 'n8n', 'bin', 'n8n');
const many = { maxBuffer: 64 * 1024 * 1024 };

/** Installs it where it is not yet: some minutes and 2 GB. */
export async function installN8n(): Promise<void> {
  if (existsSync(join(root, 'installed'))) return;
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'package.json'), '{ "private": true }\n');
  // As of a day on which all of it could be had: what it depends on moves.
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--before', '2026-09-30', `n8n@${n8nVersion}`, `${nodePackage}@24`], { cwd: root, ...many });
  await run('npm', ['rebuild', 'sqlite3', '--ignore-scripts=false'], { cwd: root, env: environment(root, { npm_config_nodedir: nodeFolder }), ...many });
  writeFileSync(join(root, 'installed'), '');
}

function environment(home: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH = '', HOME = home } = process.env;
  return {
    // Nothing else of ours: with NODE_ENV=test n8n is silent and ends with 1.
    PATH: [join(nodeFolder, 'bin'), PATH].join(delimiter), HOME, N8N_USER_FOLDER: home,
    N8N_DIAGNOSTICS_ENABLED: 'false', N8N_VERSION_NOTIFICATIONS_ENABLED: 'false', N8N_TEMPLATES_ENABLED: 'false', N8N_PERSONALIZATION_ENABLED: 'false', N8N_SECURE_COOKIE: 'false',
    ...more,
  };
}

export interface RealN8n {
  /** One of its commands, to the end; all that it printed. */
  command(args: readonly string[], stdin?: string): Promise<string>;
  /** Starts the server; its base URL. */
  start(): Promise<string>;
  stop(): Promise<void>;
}

/** An n8n with a home of its own. */
export async function realN8n(home: string): Promise<RealN8n> {
  await installN8n();
  const port = await unusedPort();
  const env = environment(home, { N8N_PORT: String(port), N8N_LISTEN_ADDRESS: '127.0.0.1', N8N_RUNNERS_BROKER_PORT: String(await unusedPort()) });
  let server: ChildProcess | undefined;
  return {
    command: async (args, stdin = '') => {
      // Through cat: what node gives a child is a socket, and /dev/stdin cannot be opened where it is one.
      const child = spawn('sh', ['-c', 'cat | "$@"', 'sh', 'node', n8nScript, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
      const parts: string[] = [];
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => parts.push(text));
      child.stdin.on('error', () => undefined);
      child.stdin.end(stdin);
      await once(child, 'close');
      return parts.join('');
    },
    start: async () => {
      server = spawn('node', [n8nScript, 'start'], { env, stdio: 'ignore' });
      const base = `http://127.0.0.1:${port}`;
      // It answers 200 long before it is ready; only then its API refuses a request without a key. Its pages' API comes later still.
      const statusOf = (path: string): Promise<number> => fetch(base + path).then((response) => response.status, () => 0);
      for (;;) {
        const [api, ready, pages] = await Promise.all(['/api/v1/credentials/schema/mauticApi', '/healthz/readiness', '/rest/login'].map(statusOf));
        if (api === 401 && ready === 200 && pages === 401) return base;
        if (server.exitCode !== null) throw new Error(`n8n ended with ${server.exitCode}`);
        await pause(250);
      }
    },
    stop: async () => {
      if (server === undefined || server.exitCode !== null) return;
      const ended = once(server, 'exit');
      server.kill();
      await ended;
    },
  };
}

/** The account that an n8n of the tests has. */
export const owner = { email: 'owner@example.com', password: 'Passw0rd-of-the-tests', firstName: 'O', lastName: 'wner' };

/** Makes the owner's account, and an API key with these scopes as its page does. */
export async function makeApiKey(base: string, scopes: readonly string[]): Promise<string> {
  const post = async (path: string, body: unknown, cookie = ''): Promise<Response> => fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json', cookie }, body: JSON.stringify(body) });
  await post('/rest/owner/setup', owner);
  const login = await post('/rest/login', { emailOrLdapLoginId: owner.email, password: owner.password });
  const cookie = login.headers.getSetCookie().map((one) => one.split(';', 1)[0]).join('; ');
  const made = await post('/rest/api-keys', { label: `test ${scopes.join(' ')}`.slice(0, 50), expiresAt: null, scopes }, cookie);
  const { data } = await made.json() as { data?: { rawApiKey?: string } };
  if (data?.rawApiKey === undefined) throw new Error(`n8n made no API key (${made.status})`);
  return data.rawApiKey;
}
