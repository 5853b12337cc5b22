/**
 * A run that is killed at a random moment: after so many events, which are requests that reach a
 * server and changes in the home, and some milliseconds. The seed is printed with a failure.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, watch } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { PracticeServer } from '../src/practice/server.ts';
import { createEncryptedFile } from '../src/stores/encrypted-file.ts';
import { homeFiles, machineOf } from '../src/stores/home.ts';
import { createVault, type VaultOptions } from '../src/vault.ts';
import type { FullCredential, Vault } from '../src/context.ts';
import { cleanEnvironment, programPath } from './program.ts';
import { identity, type Script } from './commands/support.ts';

/** CREDSETUP_TEST_KILLS of each, as `npm run test:kill` wants; otherwise `few`. */
export function kills(few: number): number {
  const wanted = Number(process.env['CREDSETUP_TEST_KILLS'] ?? '0');
  return Number.isSafeInteger(wanted) && wanted > 0 ? wanted : few;
}

export const killSeed = Number(process.env['CREDSETUP_TEST_SEED'] ?? ((process.env['CI'] ?? '') === '' ? Math.floor(Math.random() * 2 ** 31) : 8252));

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Moment {
  readonly event: number;
  readonly milliseconds: number;
}

export interface Command {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly events: number;
  readonly stderr: string;
}

/** Runs the program, and ends it by force at the moment. */
export async function runUntil(
  one: Script, servers: readonly PracticeServer[], { args, env = {} }: Command, moment?: Moment,
): Promise<Ended> {
  let events = 0;
  const child = spawn(process.execPath, [programPath, ...args], { env: cleanEnvironment({ ...one.env, ...env }), stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
  const ended = once(child, 'close');
  const happened = (): void => {
    events += 1;
    if (events === moment?.event) setTimeout(() => child.kill('SIGKILL'), moment.milliseconds);
  };
  const watcher = watch(one.home, happened);
  for (const server of servers) {
    server.intercept = async (_request, answer) => {
      happened();
      const reply = await answer();
      happened();
      return reply;
    };
  }
  await ended;
  watcher.close();
  for (const server of servers) server.intercept = undefined;
  return { exitCode: child.exitCode, events, stderr };
}

/** The vault of a home, as this process opens it; without `identity` by a passphrase. */
export function vaultOf(home: string, { lock = {}, ...key }: { readonly lock?: NonNullable<VaultOptions['lock']>; readonly identity?: undefined } = {}): Vault {
  const signal = new AbortController().signal;
  const now = (): Date => new Date();
  return createVault({
    home, machine: machineOf(process), now, signal, lock,
    stores: {
      file: async () => createEncryptedFile({
        home, now, workerPath: fileURLToPath(new URL('../dist/scrypt-worker.js', import.meta.url)), workFactor: 10, identity: async () => ('identity' in key ? undefined : identity), passphrase: async () => 'correct horse battery',
      }),
      keychain: async () => { throw new Error('nothing is kept in a keychain here'); },
    },
  });
}

/** What is stored under each name; a record that does not load fails the test. */
export async function storedIn(home: string): Promise<ReadonlyMap<string, FullCredential>> {
  const vault = vaultOf(home);
  try {
    const found = new Map<string, FullCredential>();
    for (const { name } of await vault.list()) found.set(name, await vault.load(name));
    expect(await vault.damaged()).toEqual([]);
    return found;
  } finally {
    await vault.close();
  }
}

/** Nothing is there but the files that a home has: no temporary one, no lock, no note. `written`: a folder for outputs, with no temporary one either. */
export async function expectTidy(home: string, where: string, written?: string): Promise<void> {
  const own: readonly string[] = Object.values(homeFiles);
  const left = (): readonly string[] => [
    ...readdirSync(home).filter((name) => !own.includes(name)), ...(written === undefined ? [] : readdirSync(written).filter((name) => name.startsWith('.'))),
  ];
  // The lock goes when the write is done, which whoever waits for the write does not wait for.
  await expect.poll(left, { timeout: 20_000, message: where }).toEqual([]);
}
