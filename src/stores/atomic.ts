/**
 * Files that are there whole or not at all: a temporary file in the same folder (0600), fsync,
 * rename or link, fsync of the folder. Symbolic links are refused as targets.
 */
import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { copyFile, link, lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CredsetupError, isCredsetupError } from '../errors.ts';

/** Which code a failed write has: the home's files are a store, exports are files. */
export type WriteCode = 'STORE_UNWRITABLE' | 'FILE_UNWRITABLE';

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
 * A regular file's bytes, undefined when there is none.
 *
 * @param limit bytes; a larger file is STORE_CORRUPT, for we never write one
 * @param narrow takes the file's rights away from everybody else, where that can be done
 * @throws STORE_UNWRITABLE for links and whatever is no regular file, or cannot be read; STORE_CORRUPT
 */
export async function readRegular(path: string, limit: number, narrow = false): Promise<Buffer | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, constants.O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stats = await handle.stat();
    if (!stats.isFile()) throw notRegular(path, 'STORE_UNWRITABLE');
    if (stats.size > limit) {
      throw new CredsetupError('STORE_CORRUPT', `${path} has ${stats.size} bytes, more than credsetup ever writes there.`, {
        hint: 'Move that file away or bring it back from a backup; it was left as it is.',
      });
    }
    // A read-only disk or another owner: then it stays as wide as somebody made it.
    if (narrow && (stats.mode & 0o077) !== 0) await handle.chmod(0o600).catch(() => undefined);
    return await handle.readFile();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'ELOOP') throw notRegular(path, 'STORE_UNWRITABLE');
    throw readFailure(error, path);
  } finally {
    await handle?.close();
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

async function writeTemporary(temporary: string, text: string | Uint8Array): Promise<void> {
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
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
    await handle.close();
  }
}

async function place(path: string, text: string | Uint8Array, code: WriteCode, put: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryFor(path);
  try {
    await writeTemporary(temporary, text);
    await put(temporary);
    await syncFolder(dirname(path));
  } catch (error) {
    throw writeFailure(error, path, code);
  } finally {
    // Already renamed when all went well; when not, the first error is the one to tell.
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/**
 * Writes a file in place of the one that is there, whole or not at all, 0600 whatever the mode was.
 *
 * @throws STORE_UNWRITABLE or FILE_UNWRITABLE as `code` says; what was there is untouched then
 */
export async function writeAtomic(path: string, text: string | Uint8Array, code: WriteCode): Promise<void> {
  await place(path, text, code, async (temporary) => {
    await refuseOther(path, code);
    await rename(temporary, path);
  });
}

/**
 * Writes a new file, whole or not at all, 0600. False when something is there already, even if it
 * came only this moment.
 */
export async function writeNew(path: string, text: string | Uint8Array, code: WriteCode): Promise<boolean> {
  let created = true;
  await place(path, text, code, async (temporary) => {
    try {
      await linkOrCopy(temporary, path);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
      await refuseOther(path, code);
      created = false;
    }
  });
  return created;
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
