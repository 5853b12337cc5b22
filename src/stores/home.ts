/**
 * The folder that holds index, encrypted file and locks (CREDSETUP_HOME). It is created 0700, and
 * narrowed later only where credsetup made it: a folder that a person chose may be shared on
 * purpose, and its files are 0600 anyway.
 */
import { lstatSync, statSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname, join } from 'node:path';
import { CredsetupError } from '../errors.ts';
import { errorCode, isTemporaryOf, openToOthers, statOrUndefined, writeAtomic, writeFailure } from './atomic.ts';

/** Lies in a home that credsetup made. */
const marker = '.made-by-credsetup';

/** The home's files; beside them lie locks and, after a kill, temporary files. */
export const homeFiles = {
  index: 'index.json', data: 'credentials.age', identity: 'identity.age', journal: 'journal.json', known: 'vault-index.json', marker,
} as const;

/** Whether a file's name is one that credsetup uses in its home; on some file systems in any case. */
export function isNameOfHomes(file: string): boolean {
  const name = file.toLowerCase();
  const own: readonly string[] = Object.values(homeFiles);
  return own.includes(name) || own.some((one) => isTemporaryOf(one, name)) || /\.lock(?:\.|$)|^export-.*\.note$/.test(name);
}

/** Whether a file is there only while somebody writes, or since somebody was killed at it. */
export function isLeft(file: string): boolean {
  return Object.values(homeFiles).some((name) => isTemporaryOf(name, file)) || /\.lock(?:$|\.takeover$|\.[0-9a-f]{16}\.stale$)/.test(file);
}

/** What a home and its locks need to know of the process they run in. */
export interface Machine {
  readonly pid: number;
  /** The effective user, undefined on Windows. */
  readonly uid: number | undefined;
  /** Whether a process of this machine still runs. */
  isAlive(pid: number): boolean;
}

/** {@link Machine} of Node's `process`, which the wiring passes in. */
export function machineOf(host: { readonly pid: number; geteuid?: () => number; kill(pid: number, signal: number): boolean }): Machine {
  return {
    pid: host.pid,
    uid: host.geteuid?.(),
    isAlive(pid) {
      try {
        return host.kill(pid, 0);
      } catch (error) {
        // EPERM: it runs, as somebody else.
        return errorCode(error) !== 'ESRCH';
      }
    },
  };
}

/**
 * Whether the home exists; touches nothing.
 *
 * @throws STORE_UNWRITABLE when it is no folder or belongs to another user
 */
export async function homeExists(home: string, uid: number | undefined): Promise<boolean> {
  return await Promise.resolve().then(() => isOurs(home, uid));
}

function isOurs(home: string, uid: number | undefined): boolean {
  try {
    const link = lstatSync(home);
    const folder = statSync(home);
    if (!folder.isDirectory()) throw unusable(home, 'it is no folder');
    // Root may own the link (a system's own layout) but not the folder: root's home is not ours.
    const foreign = uid !== undefined && (folder.uid !== uid || (link.isSymbolicLink() && link.uid !== uid && link.uid !== 0));
    if (foreign) throw unusable(home, 'it belongs to another user');
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw writeFailure(error, home, 'STORE_UNWRITABLE');
  }
}

function unusable(home: string, why: string): CredsetupError {
  return new CredsetupError('STORE_UNWRITABLE', `credsetup cannot keep anything in ${home}: ${why}.`, {
    hint: 'Set CREDSETUP_HOME to a folder of your own.',
  });
}

/**
 * Makes the home where there is none (0700, missing parents too), and narrows it again where
 * credsetup made it.
 *
 * @throws STORE_UNWRITABLE, also where the file system keeps no rights
 */
export async function ensureHome(home: string, uid: number | undefined): Promise<void> {
  const there = await homeExists(home, uid);
  try {
    if (there) {
      await narrowOwn(home);
      return;
    }
    // Another process may have made it in the meantime; then it is that one's to mark.
    if (!await makeFolder(home)) return;
    await narrow(home);
    await writeAtomic(join(home, marker), '', { code: 'STORE_UNWRITABLE', lasts: false });
  } catch (error) {
    throw writeFailure(error, home, 'STORE_UNWRITABLE');
  }
}

/** The rights are read back: not every file system keeps them. */
async function narrow(home: string): Promise<void> {
  await chmod(home, 0o700).catch((error: unknown) => {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errorCode(error) ?? '')) throw error;
  });
  const { mode } = await stat(home);
  if (platform() !== 'win32' && (mode & 0o077) !== 0) throw openToOthers(home, mode, 'STORE_UNWRITABLE');
}

/**
 * Whether this call made the folder; those above it that are missing are made too. One at a time:
 * Node's own way to make them all never ends where a folder that is there takes no other (/proc).
 */
async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    if (errorCode(error) !== 'ENOENT' || dirname(folder) === folder || await statOrUndefined(dirname(folder)) !== undefined) throw error;
  }
  await makeFolder(dirname(folder));
  return await makeFolder(folder);
}

async function narrowOwn(home: string): Promise<void> {
  const { mode } = await stat(home);
  if (platform() === 'win32' || (mode & 0o077) === 0) return;
  const marked = await statOrUndefined(join(home, marker));
  if (marked?.isFile() === true) await narrow(home);
}

/**
 * Removes the temporary files that killed writes left. To be called under a lock whose holder alone
 * writes the files of these names. Others are written under no lock, and locks are moved away
 * before they are removed, under a guard: of those goes what lies there for longer than any of it takes.
 *
 * @param names the files' own names, `index.json` for example
 */
export async function sweepTemporaries(home: string, names: readonly string[]): Promise<void> {
  const files = await readdir(home);
  await Promise.all(files.map(async (file) => {
    const left = names.some((name) => isTemporaryOf(name, file)) || (isWrittenFreely(file) && await isOld(join(home, file)));
    if (left) await rm(join(home, file), { force: true });
  }));
}

function isWrittenFreely(file: string): boolean {
  return isTemporaryOf(homeFiles.identity, file) || isTemporaryOf(marker, file) || /\.lock\.(?:takeover|[0-9a-f]{16}\.stale)$/.test(file);
}

const longestWrite = 60_000;

/** Not of now, in either direction: a clock may have been set. */
async function isOld(path: string): Promise<boolean> {
  const there = await statOrUndefined(path);
  return there !== undefined && Math.abs(Date.now() - there.mtimeMs) > longestWrite;
}
