/**
 * Writes exports: atomic and 0600 to regular files, straight through to what is none
 * (`/dev/stdout`, a FIFO, a device). Symbolic links to files are refused.
 */
import { constants, write, type Stats } from 'node:fs';
import { access, open, readdir, realpath, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CredsetupError } from '../errors.ts';
import { errorCode, statOrUndefined, writeAtomic, writeFailure, writeNew } from './atomic.ts';
import { descriptorOf } from './descriptors.ts';
import { isCutOff, temporaryOf, whileNoted } from './export-notes.ts';
import { isNameOfHomes, type Machine } from './home.ts';

const pause = 20;

export interface ExportOptions {
  /** Whether a file that is there may be replaced. */
  readonly overwrite: boolean;
  /** Whose process this is. */
  readonly machine: Machine;
  /** Its own files are never an output; undefined when there is no home. */
  readonly home: string | undefined;
  /** The descriptors that can be an output: see inheritedDescriptors. */
  readonly descriptors: () => ReadonlySet<number>;
  /** Ends the wait for the reader of a FIFO. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes `text` to `path`, which is absolute.
 *
 * @throws FILE_EXISTS without `overwrite`, decided by the file system and not by a look before;
 * FILE_UNWRITABLE; BROKEN_PIPE when the reader went away
 */
export async function writeExport(path: string, text: string, options: ExportOptions): Promise<void> {
  const { overwrite, machine, signal, home } = options;
  try {
    const descriptor = await outputOf(path, options);
    if (descriptor !== undefined) {
      await writeThrough(descriptor, text, signal);
      return;
    }
    if (await isStream(path)) {
      await writeToStream(path, text, signal);
      return;
    }
  } catch (error) {
    throw streamFailure(error, path);
  }
  await sweepKilled(dirname(path), machine);
  const temporary = temporaryOf(machine);
  const file = { code: 'FILE_UNWRITABLE', uid: machine.uid, temporary } as const;
  await whileNoted(join(dirname(path), temporary), home, async () => {
    if (overwrite) await writeAtomic(path, text, file);
    else if (!await writeNew(path, text, file)) throw fileExists(path);
  });
}

/** What would be in the way of {@link writeExport}, as far as it can be known before. @throws FILE_EXISTS, FILE_UNWRITABLE */
export async function checkTarget(path: string, options: ExportOptions): Promise<void> {
  try {
    if (await outputOf(path, options) !== undefined) return;
    const there = await statOrUndefined(path);
    if (there?.isFile() === true && !options.overwrite) throw fileExists(path);
    if (there === undefined) await access(dirname(path), constants.W_OK);
  } catch (error) {
    throw writeFailure(error, path, 'FILE_UNWRITABLE');
  }
}

/**
 * The descriptor that a path leads to, or undefined for a path that is opened. Our descriptors are
 * written to directly: opening the name again would begin a redirected file anew, and fails where
 * standard output is a socket. Throws FILE_UNWRITABLE for what is no output.
 */
async function outputOf(path: string, { descriptors, home }: ExportOptions): Promise<number | undefined> {
  const descriptor = await descriptorOf(path);
  if (descriptor !== undefined && !descriptors().has(descriptor)) {
    throw new CredsetupError('FILE_UNWRITABLE', `${path} was not open for writing when credsetup was started.`, { hint: `Open it where credsetup is started, as in: credsetup export NAME --output /dev/fd/3 3>FILE` });
  }
  if (home !== undefined && await isHomes(path, home)) {
    throw new CredsetupError('FILE_UNWRITABLE', `${path} is one of credsetup's own files; an export in its place would destroy what is stored.`, { hint: 'Choose another file.' });
  }
  return descriptor;
}

/** By its name in the home, or by what it leads to: a link, a second name, a descriptor. */
async function isHomes(path: string, home: string): Promise<boolean> {
  const [folder, there, homes] = await Promise.all([statOf(dirname(path)), statOf(path), statOf(home)]);
  if (homes === undefined) return false;
  if (folder !== undefined && isSame(folder, homes) && isNameOfHomes(basename(path))) return true;
  if (there === undefined) return false;
  const own = await Promise.all((await readdir(home)).filter(isNameOfHomes).map((file) => statOf(join(home, file))));
  return own.some((one) => one !== undefined && isSame(one, there));
}

/** What a path leads to; undefined when nothing can be seen there. */
async function statOf(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}

function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

async function sweepKilled(folder: string, machine: Machine): Promise<void> {
  const files = await readdir(folder).catch(() => []);
  const left = files.filter((file) => isCutOff(file, machine));
  await Promise.all(left.map((file) => rm(join(folder, file), { force: true }).catch(() => undefined)));
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
