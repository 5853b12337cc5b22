/**
 * A D-Bus session of the test's own, with or without gnome-keyring in it: nobody's keychain is
 * touched, and the bus starts no service by itself.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface KeychainSession {
  /** For the keychain's child. */
  readonly env: Readonly<Record<string, string>>;
  lock(): void;
  /** How many secrets lie under a service name. */
  count(service: string): number;
  /** A new daemon over the same keyring: the old one has no unlocking without a dialog. */
  unlock(): Promise<void>;
  /** The daemon takes no more calls until it goes on, or dies by itself. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void;
  /** What another program does to an item: it goes through keytar as ours does. */
  byAnother(call: 'setPassword' | 'deletePassword', ...words: string[]): void;
  stop(): Promise<void>;
}

const nameOwner = ['--session', '--print-reply', '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.GetNameOwner', 'string:org.freedesktop.secrets'];
const service = ['--session', '--print-reply', '--dest=org.freedesktop.secrets', '/org/freedesktop/secrets'];

// Ends with the test process, however that ends: its end of the pipe closes then. gnome-keyring ends with its bus.
const guarded = '"$@" & read line; kill $!; wait $!';

/** @param keyring false for a bus without any keychain */
export async function startSession({ keyring = true } = {}): Promise<KeychainSession> {
  const folder = await mkdtemp(join(tmpdir(), 'credsetup-bus-'));
  const config = join(folder, 'bus.conf');
  await writeFile(config, `<busconfig><type>session</type><listen>unix:dir=${folder}</listen><policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`);
  const bus = spawn('sh', ['-c', guarded, 'sh', 'dbus-daemon', `--config-file=${config}`, '--nofork', '--print-address'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const [address] = await once(createInterface({ input: bus.stdout }), 'line') as [string];
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_RUNTIME_DIR: folder, XDG_DATA_HOME: folder, DBUS_SESSION_BUS_ADDRESS: address };
  let daemon = keyring ? await startKeyring(env) : undefined;
  const send = (...args: string[]): void => void spawnSync('dbus-send', [...service, ...args], { env });
  const collection = 'array:objpath:/org/freedesktop/secrets/collection/login';
  return {
    env,
    count: (name) => {
      const search = spawnSync('dbus-send', [...service, 'org.freedesktop.Secret.Service.SearchItems', `dict:string:string:service,${name}`], { env, encoding: 'utf8' });
      return search.stdout.match(/object path/g)?.length ?? 0;
    },
    signal: (signal) => void daemon?.kill(signal),
    byAnother: (call, ...words) => {
      const done = spawnSync(process.execPath, ['-e', `require('keytar').${call}(...${JSON.stringify(words)}).catch((error) => { console.error(error.message); process.exit(1); })`], { env, encoding: 'utf8' });
      if (done.status !== 0) throw new Error(done.stderr);
    },
    lock: () => send('org.freedesktop.Secret.Service.Lock', collection),
    unlock: async () => {
      if (daemon !== undefined) await end(daemon);
      daemon = await startKeyring(env);
    },
    stop: async () => {
      if (daemon !== undefined) await end(daemon);
      const ended = once(bus, 'exit');
      bus.stdin.end();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startKeyring(env: Record<string, string>): Promise<ChildProcess> {
  const daemon = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
  daemon.stdin.end('test');
  const until = Date.now() + 30_000;
  // Not spawnSync: it would keep the password from being written.
  while (!await succeeds('dbus-send', nameOwner, env)) {
    if (Date.now() > until) throw new Error('gnome-keyring-daemon does not come up');
  }
  return daemon;
}

async function succeeds(command: string, args: readonly string[], env: Record<string, string>): Promise<boolean> {
  const child = spawn(command, args, { env, stdio: 'ignore' });
  const [code] = await once(child, 'exit') as [number | null];
  return code === 0;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** A bus that takes connections and never says a word. */
export async function startWedgedBus(): Promise<KeychainSession> {
  const folder = await mkdtemp(join(tmpdir(), 'credsetup-bus-'));
  const path = join(folder, 'bus');
  const server = createServer((socket) => socket.on('error', () => undefined));
  server.listen(path);
  await once(server, 'listening');
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_RUNTIME_DIR: folder, DBUS_SESSION_BUS_ADDRESS: `unix:path=${path}` };
  return {
    env, count: () => 0, lock: () => undefined, unlock: async () => undefined, signal: () => undefined, byAnother: () => undefined,
    stop: async () => {
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
