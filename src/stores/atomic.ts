/**
 * Files that are there whole or not at all: a temporary file in the same folder (0600), fsync,
 * rename or link, fsync of the folder. Symbolic links are refused as targets.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { copyFile, link, lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { CredsetupError, isCredsetupError } from '../errors.ts';

/** Which code a failed write has: the home's files are a store, exports are files. */
export type WriteCode = 'STORE_UNWRITABLE' | 'FILE_UNWRITABLE';

/**
 * The last look before a file takes its place: throws when it must not any more. It comes after
 * the temporary file was made: whoever takes the home's lock over sweeps that away, so a writer
 * that is held up behind this look has nothing left to put in the place.
 */
export type Fence = () => Promise<void>;

export interface WriteOptions {
  readonly code: WriteCode;
  readonly fence?: Fence | undefined;
  /**
   * False where a power cut may take the rename back (its contents are synced all the same), for
   * what comes after does not build on it, or is in the same folder and syncs that. Default true.
   */
  readonly lasts?: boolean | undefined;
  /** The name of the temporary file beside it; usually one that {@link isTemporaryOf} knows again. */
  readonly temporary?: string | undefined;
  /** Whose the file must be, where somebody else's could read it: the effective user. */
  readonly uid?: number | undefined;
}

// Windows has neither; a FIFO must not block us, and a link must not be followed.
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants>;

/** The `code` of an error of Node's own, else undefined. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const reasons: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOSPC: ['the disk is full', 'Make room on that disk and try again.'],
  EDQUOT: ['your disk quota is used up', 'Make room and try again.'],
  EFBIG: ['the file would be larger than this process may write', 'Raise the limit (ulimit -f) and try again.'],
  EACCES: ['permission denied', 'Make the folder writable for you, or choose another one.'],
  EPERM: ['not permitted', 'Make the folder writable for you, or choose another one.'],
  EROFS: ['the file system is read-only', 'Choose a folder on another file system.'],
  ENOENT: ['its folder does not exist', 'Create the folder, or choose another one.'],
  ENOTDIR: ['part of its path is no folder', 'Choose another path.'],
  EISDIR: ['it is a folder', 'Choose another path.'],
  ELOOP: ['it is a symbolic link', 'Name the file itself.'],
  ENAMETOOLONG: ['the name is too long', 'Choose a shorter name.'],
  EBADF: ['it is not open for writing', 'Open it for writing where credsetup is started, as in: 3>FILE.'],
};

/** A failure of the file system as an error that says which file, why, and what to do. */
export function writeFailure(error: unknown, path: string, code: WriteCode): CredsetupError {
  if (isCredsetupError(error)) return error;
  const known = errorCode(error);
  if (known === undefined) throw error;
  const [reason, hint] = reasons[known] ?? [`the system said ${known}`, 'Look at that folder and its disk, then try again.'];
  return new CredsetupError(code, `Cannot write ${path}: ${reason}.`, { hint, cause: error });
}

/** What is at a path, the link itself where it is one; undefined when nothing is. */
export async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * A regular file's bytes, undefined when there is none. Read at once and not by Node's threads,
 * which take as long to start as a small file takes to read.
 *
 * @param limit bytes; a larger file is STORE_CORRUPT, for we never write one
 * @param narrow takes the file's rights away from everybody else, where that can be done
 * @throws STORE_UNWRITABLE for links and whatever is no regular file, or cannot be read; STORE_CORRUPT
 */
export async function readRegular(path: string, limit: number, narrow = false): Promise<Buffer | undefined> {
  return await Promise.resolve().then(() => readAtOnce(path, limit, narrow));
}

function readAtOnce(path: string, limit: number, narrow: boolean): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw notRegular(path, 'STORE_UNWRITABLE');
    if (stats.size > limit) {
      throw new CredsetupError('STORE_CORRUPT', `${path} has ${stats.size} bytes, more than credsetup ever writes there.`, {
        hint: 'Move that file away or bring it back from a backup; it was left as it is.',
      });
    }
    if (narrow && (stats.mode & 0o077) !== 0) narrowOpen(descriptor);
    return readFileSync(descriptor);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'ELOOP') throw notRegular(path, 'STORE_UNWRITABLE');
    throw readFailure(error, path);
  } finally {
    if (descriptor !== undefined) closeRead(descriptor);
  }
}

/** The same for the same file, another one after any write: every write of ours puts a new file in place. Undefined where none is. */
export function fileIdentity(path: string): string | undefined {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    // Whoever reads it says why it cannot be read.
    return undefined;
  }
}

function narrowOpen(descriptor: number): void {
  try {
    fchmodSync(descriptor, 0o600);
  } catch {
    // A read-only disk or another owner: then it stays as wide as somebody made it.
  }
}

function closeRead(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // Read is read, whatever closing says.
  }
}

function readFailure(error: unknown, path: string): CredsetupError {
  if (isCredsetupError(error)) return error;
  const known = errorCode(error);
  if (known === undefined) throw error;
  return new CredsetupError('STORE_UNWRITABLE', `Cannot read ${path}: ${reasons[known]?.[0] ?? `the system said ${known}`}.`, {
    hint: 'Make it readable for you, or choose another folder with CREDSETUP_HOME.', cause: error,
  });
}

function notRegular(path: string, code: WriteCode): CredsetupError {
  return new CredsetupError(code, `${path} is a symbolic link or no regular file; credsetup does not use it.`, {
    hint: 'Put a regular file there, or name the file itself.',
  });
}

/** Throws where something is that no file can take the place of. */
async function refuseOther(path: string, code: WriteCode): Promise<void> {
  const there = await statOrUndefined(path);
  if (there !== undefined && !there.isFile()) throw notRegular(path, code);
}

/** The name of a temporary file beside `path`; {@link isTemporaryOf} knows it again. */
function temporaryFor(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(8).toString('hex')}.tmp`);
}

/** Whether a file's name is one of those that a killed write of `name` may have left. */
export function isTemporaryOf(name: string, file: string): boolean {
  return file.startsWith(`.${name}.`) && /^[0-9a-f]{16}\.tmp$/.test(file.slice(name.length + 2));
}

/** Gives back which file it made. */
async function writeTemporary(temporary: string, text: string | Uint8Array, path: string, options: WriteOptions): Promise<Stats> {
  const handle = await open(temporary, 'wx', 0o600);
  try {
    const made = await narrowed(handle, path, options);
    await handle.writeFile(text);
    await handle.sync();
    return made;
  } finally {
    await handle.close();
  }
}

/** Before a byte is in it: the rights are read back, for not every file system keeps them. */
async function narrowed(handle: FileHandle, path: string, { code, uid }: WriteOptions): Promise<Stats> {
  const made = await handle.stat();
  // Windows has access lists in place of modes, and a file gets its folder's.
  if (platform() === 'win32') return made;
  // A file system without rights may refuse the change or take it without a word.
  if ((made.mode & 0o777) !== 0o600) await handle.chmod(0o600).catch(() => undefined);
  const { mode, uid: owner } = await handle.stat();
  if ((mode & 0o077) !== 0) throw openToOthers(path, mode, code);
  if (uid !== undefined && owner !== uid) throw somebodyElses(path, owner, code);
  return made;
}

const elsewhere: Readonly<Record<WriteCode, string>> = {
  STORE_UNWRITABLE: 'Set CREDSETUP_HOME to a folder on a file system that keeps rights (where chmod 600 has an effect).',
  FILE_UNWRITABLE: 'Name a file on another file system, or leave --output away and pipe the export to the program that needs it.',
};

/** The error for a file system on which nothing can be kept from others. */
export function openToOthers(path: string, mode: number, code: WriteCode): CredsetupError {
  const rights = (mode & 0o777).toString(8).padStart(4, '0');
  return new CredsetupError(code, `${path} would be open to others on this machine: its file system keeps no rights (mode ${rights} in place of the one that was set). Nothing was written.`, { hint: elsewhere[code] });
}

function somebodyElses(path: string, owner: number, code: WriteCode): CredsetupError {
  return new CredsetupError(code, `${path} would belong to another user (${owner}): its file system gives files away. Nothing was written.`, { hint: elsewhere[code] });
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folders; there a rename is as durable as it gets.
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle === undefined) return;
  try {
    await handle.sync();
  } catch (error) {
    // Network file systems may refuse to sync a folder; the file itself is synced.
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EACCES', 'EISDIR'].includes(errorCode(error) ?? '')) throw error;
  } finally {
    await handle.close().catch(() => undefined);
  }
}

/** True when all went well; false when `put` says that its place is taken. */
async function place(path: string, text: string | Uint8Array, options: WriteOptions, put: (temporary: string) => Promise<boolean>): Promise<boolean> {
  const temporary = options.temporary === undefined ? temporaryFor(path) : join(dirname(path), options.temporary);
  let made: Stats | undefined;
  let placed: boolean | undefined;
  try {
    made = await writeTemporary(temporary, text, path, options);
    await options.fence?.();
    placed = await put(temporary);
    if (placed && options.lasts !== false) await syncFolder(dirname(path));
    return placed;
  } catch (error) {
    // What was reported as failed may be done (a folder that does not sync, a rename whose answer
    // was lost): what stands there decides, not the report.
    if (placed === true || (made !== undefined && await isAt(path, made))) return true;
    throw writeFailure(error, path, options.code);
  } finally {
    // Renamed already when all went well; when not, the first error is the one to tell.
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/**
 * Proves that a file of so many bytes can be written at a path: room, rights, a disk that takes it.
 * Nothing is put there.
 *
 * @throws as {@link writeAtomic}
 */
export async function proveWritable(path: string, bytes: number, options: WriteOptions): Promise<void> {
  await place(path, Buffer.alloc(bytes), options, async () => {
    await refuseOther(path, options.code);
    return false;
  });
}

async function isAt(path: string, { dev, ino }: Stats): Promise<boolean> {
  const there = await statOrUndefined(path).catch(() => undefined);
  return there !== undefined && there.dev === dev && there.ino === ino;
}

/**
 * Writes a file in place of the one that is there, whole or not at all, 0600 whatever the mode was.
 *
 * @throws STORE_UNWRITABLE or FILE_UNWRITABLE as `code` says, also where the file system keeps no
 * rights; what the fence throws. What was there is untouched then.
 */
export async function writeAtomic(path: string, text: string | Uint8Array, options: WriteOptions): Promise<void> {
  await place(path, text, options, async (temporary) => {
    await refuseOther(path, options.code);
    await rename(temporary, path);
    return true;
  });
}

/**
 * Writes a new file, whole or not at all, 0600. False when something is there already, even if it
 * came only this moment.
 */
export async function writeNew(path: string, text: string | Uint8Array, options: WriteOptions): Promise<boolean> {
  return await place(path, text, options, async (temporary) => {
    try {
      await linkOrCopy(temporary, path);
      return true;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      await refuseOther(path, options.code);
      return false;
    }
  });
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    // FAT, exFAT and some network shares know no links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? '')) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}
