/**
 * A lock across processes: a file that only one can create, with a heartbeat. A holder that died
 * or stopped beating is taken over. No two waiters take over at once (a second file guards it),
 * and a holder that was taken over while it slept learns so from {@link HeldLock.stillHeld}.
 */
import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { readlinkSync, type Stats } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { errorCode, readRegular, statOrUndefined, writeFailure, type Fence } from './atomic.ts';
import type { Machine } from './home.ts';
import { count, members, text, type Check } from './shape.ts';

export interface LockOptions {
  readonly machine: Machine;
  /** Ends the wait; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until STORE_BUSY. */
  readonly timeoutMs?: number;
  /** Milliseconds between two heartbeats. */
  readonly heartbeatMs?: number;
  /** Milliseconds without a heartbeat after which a lock is nobody's. */
  readonly staleMs?: number;
}

export interface HeldLock {
  /** False when somebody took the lock over: nothing may be committed then. */
  readonly stillHeld: () => Promise<boolean>;
  /** Throws STORE_BUSY when somebody took the lock over. */
  readonly fence: Fence;
}

interface Holder {
  readonly pid: number;
  /** Host name and, on Linux, the process namespace: two containers may share name and folder. */
  readonly host: string;
  readonly nonce: string;
}

interface Seen {
  /** Undefined while the file is being written, or when it is none of ours. */
  readonly holder: Holder | undefined;
  readonly beatAt: number;
}

const checkHolder: Check<Holder> = members<Holder>({ pid: count, host: text({ most: 512 }), nonce: text({ pattern: /^[0-9a-f]{32}$/ }) }, {});
const mostBytes = 4096;

/**
 * Runs a task while holding the lock at `path`, whose folder must exist.
 *
 * @throws STORE_BUSY after the time limit (30 s), naming the holder, and when the task failed
 * because somebody took the lock over; STORE_UNWRITABLE; the signal's reason; whatever the task throws
 */
export async function withLock<T>(path: string, options: LockOptions, task: (lock: HeldLock) => Promise<T>): Promise<T> {
  const held = await acquire(path, options);
  const stopBeating = beat(held.handle, options.heartbeatMs ?? 2000);
  const stillHeld = async (): Promise<boolean> => (await look(path))?.holder?.nonce === held.nonce;
  const fence = async (): Promise<void> => {
    if (!await stillHeld()) throw takenOver();
  };
  try {
    return await task({ stillHeld, fence });
  } catch (error) {
    throw await causeOf(error, stillHeld);
  } finally {
    await stopBeating();
    // What the task did stands, whatever closing says of a file that holds nothing any more.
    await held.handle.close().catch(() => undefined);
    await release(path, held.nonce);
  }
}

/** What went away under a holder that was held up was swept by whoever took over. */
async function causeOf(error: unknown, stillHeld: () => Promise<boolean>): Promise<unknown> {
  if (!isCredsetupError(error) || !['STORE_UNWRITABLE', 'STORE_CORRUPT', 'STORE_UNAVAILABLE'].includes(error.code)) return error;
  const held = await stillHeld().catch(() => true);
  return held ? error : takenOver(error);
}

function takenOver(cause?: unknown): CredsetupError {
  return new CredsetupError('STORE_BUSY', 'Another credsetup took over while this one was held up, so nothing was saved.', { hint: 'Run the same command again.', cause });
}

interface Held { readonly handle: FileHandle; readonly nonce: string }

async function acquire(path: string, options: LockOptions): Promise<Held> {
  const { timeoutMs = 30_000, staleMs = 10_000, machine } = options;
  const began = performance.now();
  const watch = watcher(machine, staleMs);
  const watchGuard = guardWatcher(staleMs);
  for (let pause = 10; ; pause = Math.min(pause * 1.5, 200)) {
    options.signal?.throwIfAborted();
    const held = await create(path, machine);
    if (held !== undefined) return held;
    const seen = await look(path);
    if (seen === undefined) continue;
    if (watch(seen) && await takeOver(path, seen, watchGuard)) continue;
    if (performance.now() - began > timeoutMs) throw busy(path, seen.holder);
    // Waiters that began together must not knock together.
    await wait(pause * (0.5 + Math.random()), undefined, options.signal === undefined ? {} : { signal: options.signal })
      .catch(() => options.signal?.throwIfAborted());
  }
}

async function create(path: string, machine: Machine): Promise<Held | undefined> {
  const nonce = randomBytes(16).toString('hex');
  const holder: Holder = { pid: machine.pid, host: placeName(), nonce };
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'wx', 0o600);
    await handle.writeFile(JSON.stringify(holder));
    return { handle, nonce };
  } catch (error) {
    if (handle !== undefined) {
      await handle.close();
      await rm(path, { force: true });
    } else if (errorCode(error) === 'EEXIST') {
      return undefined;
    }
    throw writeFailure(error, path, 'STORE_UNWRITABLE');
  }
}

/** This machine and, on Linux, this process namespace: a process number means something only there. */
export function placeName(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // No Linux: the host name says it all.
    return hostname();
  }
}

/** What the lock file says now; undefined when there is none. */
async function look(path: string): Promise<Seen | undefined> {
  const stats = await statOrUndefined(path).catch((error: unknown) => { throw writeFailure(error, path, 'STORE_UNWRITABLE'); });
  if (stats === undefined) return undefined;
  const bytes = await readRegular(path, mostBytes);
  return bytes === undefined ? undefined : { holder: parseHolder(bytes), beatAt: stats.mtimeMs };
}

function parseHolder(bytes: Buffer): Holder | undefined {
  try {
    return checkHolder(JSON.parse(bytes.toString()), 'it');
  } catch {
    // Half written, or no lock of ours: only its heartbeat counts.
    return undefined;
  }
}

/**
 * Whether a lock is nobody's: its process of this machine is gone; or its heartbeat is old by the
 * clock and did not move while we watched (a machine that slept, another machine's clock); or it
 * did not move for the whole time by our own clock.
 */
function watcher(machine: Machine, staleMs: number): (seen: Seen) => boolean {
  let last: Seen | undefined;
  let since = 0;
  return (seen) => {
    const now = performance.now();
    if (last?.beatAt !== seen.beatAt || last.holder?.nonce !== seen.holder?.nonce) since = now;
    last = seen;
    if (seen.holder?.host === placeName() && !machine.isAlive(seen.holder.pid)) return true;
    const watched = now - since;
    return watched >= staleMs || (Date.now() - seen.beatAt >= staleMs && watched >= staleMs * 0.3);
  };
}

/**
 * Takes a stale lock away; afterwards everybody may try to create it. Under a guard, so that a
 * waiter that judged the old lock cannot take away the new one. False when another one is at it.
 */
async function takeOver(path: string, stale: Seen, watchGuard: GuardWatcher): Promise<boolean> {
  const guard = `${path}.takeover`;
  if (!await createGuard(guard, watchGuard)) return false;
  try {
    const now = await look(path);
    if (now !== undefined && now.holder?.nonce === stale.holder?.nonce && now.beatAt === stale.beatAt) await takeAway(path, stale);
    return true;
  } catch (error) {
    throw writeFailure(error, path, 'STORE_UNWRITABLE');
  } finally {
    await rm(guard, { force: true });
  }
}

async function createGuard(guard: string, isLeft: GuardWatcher): Promise<boolean> {
  try {
    await (await open(guard, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw writeFailure(error, guard, 'STORE_UNWRITABLE');
  }
  const left = await statOrUndefined(guard);
  if (left !== undefined && isLeft(left)) await rm(guard, { force: true });
  return false;
}

type GuardWatcher = (guard: Stats) => boolean;

/**
 * Whether a guard is nobody's. It is held for a few file operations only: one that is the same for
 * the whole time belongs to a process that was killed at it. By our own clock alone, for the one
 * that dated the file may have been set since.
 */
function guardWatcher(staleMs: number): GuardWatcher {
  let last = '';
  let since = 0;
  return ({ ino, mtimeMs, ctimeMs }) => {
    const now = performance.now();
    const same = `${ino} ${mtimeMs} ${ctimeMs}`;
    if (same !== last) since = now;
    last = same;
    return now - since >= staleMs;
  };
}

/** Moves the file away and looks what it was: its holder may have woken up and made room for another one just now. */
async function takeAway(path: string, stale: Seen): Promise<void> {
  const away = `${path}.${randomBytes(8).toString('hex')}.stale`;
  try {
    await rename(path, away);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await look(away);
  if (taken?.holder?.nonce !== stale.holder?.nonce) {
    // Not the one that was judged: back with it, unless a new one is there; its holder sees that.
    await link(away, path).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error;
    });
  }
  await rm(away, { force: true });
}

/** Beats until the returned function is called. Through the open file: it stays ours even when taken away. */
function beat(handle: FileHandle, everyMs: number): () => Promise<void> {
  let beating = Promise.resolve();
  const timer = setInterval(() => {
    const now = new Date();
    // A beat that fails leaves the lock to grow stale; stillHeld tells before anything is committed.
    beating = beating.then(() => handle.utimes(now, now)).catch(() => undefined);
  }, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await beating;
  };
}

async function release(path: string, nonce: string): Promise<void> {
  try {
    if ((await look(path))?.holder?.nonce === nonce) await rm(path, { force: true });
  } catch (error) {
    // What the task did stands; a lock that cannot be removed grows stale by itself.
    if (!isCredsetupError(error) && errorCode(error) === undefined) throw error;
  }
}

function busy(path: string, holder: Holder | undefined): CredsetupError {
  const host = holder?.host.split(' ')[0] ?? '';
  const who = holder === undefined ? 'Another process' : `Another credsetup (process ${holder.pid} on ${host})`;
  return new CredsetupError('STORE_BUSY', `${who} holds ${path}.`, {
    hint: 'Wait until it has ended, or end it when it hangs, then run the same command again.',
  });
}
