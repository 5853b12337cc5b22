/**
 * Writes exports: atomic and 0600 to regular files, straight through to what is none
 * (`/dev/stdout`, a FIFO, a device). Symbolic links to files are refused.
 */
import { constants, write } from 'node:fs';
import { access, open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CredsetupError } from '../errors.ts';
import { errorCode, statOrUndefined, writeAtomic, writeFailure, writeNew } from './atomic.ts';

// Our own descriptors by name. They are written to directly: opening the name again would begin a
// redirected file anew, and fails where standard output is a socket.
const ownDescriptor = /^\/(?:dev\/fd|proc\/self\/fd)\/(\d{1,4})$/;
const namedDescriptors: Readonly<Record<string, number>> = { '/dev/stdout': 1, '/dev/stderr': 2 };

const pause = 20;

export interface ExportOptions {
  /** Whether a file that is there may be replaced. */
  readonly overwrite: boolean;
  /** The effective user; undefined on Windows. */
  readonly uid?: number | undefined;
  /** Ends the wait for the reader of a FIFO. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes `text` to `path`.
 *
 * @throws FILE_EXISTS without `overwrite`, decided by the file system and not by a look before;
 * FILE_UNWRITABLE; BROKEN_PIPE when the reader went away
 */
export async function writeExport(path: string, text: string, options: ExportOptions): Promise<void> {
  const descriptor = namedDescriptors[path] ?? ownDescriptor.exec(path)?.[1];
  try {
    if (descriptor !== undefined) {
      await writeThrough(Number(descriptor), text, options.signal);
      return;
    }
    if (await isStream(path)) {
      await writeToStream(path, text, options.signal);
      return;
    }
  } catch (error) {
    throw streamFailure(error, path);
  }
  if (options.overwrite) {
    await writeAtomic(path, text, { code: 'FILE_UNWRITABLE', uid: options.uid });
  } else if (!await writeNew(path, text, { code: 'FILE_UNWRITABLE', uid: options.uid })) {
    throw fileExists(path);
  }
}

/** What would be in the way of {@link writeExport}, as far as it can be known before. @throws FILE_EXISTS, FILE_UNWRITABLE */
export async function checkTarget(path: string, overwrite: boolean): Promise<void> {
  try {
    const there = await statOrUndefined(path);
    if (there?.isFile() === true && !overwrite) throw fileExists(path);
    if (there === undefined) await access(dirname(path), constants.W_OK);
  } catch (error) {
    throw writeFailure(error, path, 'FILE_UNWRITABLE');
  }
}

function fileExists(path: string): CredsetupError {
  return new CredsetupError('FILE_EXISTS', `${path} exists.`, { hint: 'Add --overwrite to replace it, or choose another file.' });
}

/** Whether a file of this absolute path would lie in a git work tree: a folder above it holds `.git`, which is a file in a linked one. */
export async function isInWorkTree(path: string): Promise<boolean> {
  const folder = await realpath(dirname(path)).catch(() => dirname(path));
  for (let at = folder; ; at = dirname(at)) {
    // A folder that may not be looked into says nothing.
    const there = await stat(join(at, '.git')).catch(() => undefined);
    if (there !== undefined) return true;
    if (dirname(at) === at) return false;
  }
}

/** Whether bytes pass through: a FIFO, a device, a link to one. Folders and links to files are left to the writer of files, which refuses them. */
async function isStream(path: string): Promise<boolean> {
  const there = await statOrUndefined(path);
  if (there === undefined || there.isFile() || there.isDirectory()) return false;
  if (!there.isSymbolicLink()) return true;
  // A link to nothing is refused like a link to a file.
  const target = await stat(path).catch(() => undefined);
  return target?.isFIFO() === true || target?.isCharacterDevice() === true;
}

async function writeToStream(path: string, text: string, signal: AbortSignal | undefined): Promise<void> {
  const handle = await openStream(path, signal);
  try {
    await writeThrough(handle.fd, text, signal);
  } finally {
    await handle.close();
  }
}

/** Opens without blocking: an open that waits for a FIFO's reader in the thread pool keeps the process from ending. */
async function openStream(path: string, signal: AbortSignal | undefined): Promise<FileHandle> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      // No reader yet.
      if (errorCode(error) !== 'ENXIO') throw error;
    }
    await pauseUnless(signal);
  }
}

async function writeThrough(descriptor: number, text: string, signal: AbortSignal | undefined): Promise<void> {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length;) {
    signal?.throwIfAborted();
    const taken = await writeSome(descriptor, bytes.subarray(sent));
    if (taken === 0) await pauseUnless(signal);
    sent += taken;
  }
}

/** How many bytes were taken; 0 when a pipe is full. */
async function writeSome(descriptor: number, bytes: Buffer): Promise<number> {
  return await new Promise((resolve, reject) => {
    write(descriptor, bytes, (error, taken) => {
      if (error === null) resolve(taken);
      else if (error.code === 'EAGAIN') resolve(0);
      else reject(error);
    });
  });
}

async function pauseUnless(signal: AbortSignal | undefined): Promise<void> {
  await wait(pause, undefined, signal === undefined ? {} : { signal }).catch(() => {
    signal?.throwIfAborted();
  });
}

function streamFailure(error: unknown, path: string): CredsetupError {
  if (errorCode(error) === 'EPIPE') return new CredsetupError('BROKEN_PIPE', `The reader of ${path} went away.`, { hint: 'Let it read to the end.', cause: error });
  return writeFailure(error, path, 'FILE_UNWRITABLE');
}
