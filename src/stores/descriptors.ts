/**
 * The descriptors that whoever started the program gave it. Node opens some of its own before any
 * of our code runs, and what is written there is lost, or ends the process.
 */
import { fstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { readlink, realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

const standard: readonly number[] = [0, 1, 2];
const mostLinks = 40;

interface Descriptor {
  readonly number: number;
  /** What it leads to: `/tmp/file`, `pipe:[4711]`, `anon_inode:[eventpoll]`. */
  readonly target: string;
  readonly reads: boolean;
  readonly writes: boolean;
}

/**
 * The numbers that can be written to. To be called at the start: later, numbers stand for files
 * that we opened. What each leads to is looked at when it is asked for the first time.
 */
export function inheritedDescriptors(): () => ReadonlySet<number> {
  const open = openIn('/proc/self/fd');
  const before = open === undefined ? elsewhere() : [];
  let found: ReadonlySet<number> | undefined;
  return () => (found ??= new Set([...standard, ...(open === undefined ? before : writable(open))]));
}

/** Without the one that listed the folder, which is closed by now. */
function openIn(folder: string): readonly number[] | undefined {
  try {
    return numbersIn(folder).filter(isOpen);
  } catch {
    // No /proc.
    return undefined;
  }
}

function isOpen(number: number): boolean {
  try {
    fstatSync(number);
    return true;
  } catch {
    return false;
  }
}

function writable(numbers: readonly number[]): readonly number[] {
  const all = numbers.flatMap((number) => descriptor(number) ?? []);
  return all.filter((one) => one.writes && !isNodes(one, all)).map(({ number }) => number);
}

function numbersIn(folder: string): readonly number[] {
  return readdirSync(folder).map(Number).filter((number) => Number.isInteger(number));
}

function descriptor(number: number): Descriptor | undefined {
  try {
    const target = readlinkSync(`/proc/self/fd/${number}`);
    // Octal, the access mode in the last digit: 0 reads, 1 writes, 2 does both (open(2)).
    const mode = Number(/^flags:\s*\d*(\d)$/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'latin1'))?.[1] ?? '0') & 3;
    return { number, target, reads: mode !== 1, writes: mode !== 0 };
  } catch {
    // Closed since.
    return undefined;
  }
}

/** Event queues; and a pipe of which both ends are here, by which Node's threads wake each other. */
function isNodes({ number, target, reads }: Descriptor, all: readonly Descriptor[]): boolean {
  if (standard.includes(number)) return false;
  if (target.startsWith('anon_inode:')) return true;
  return target.startsWith('pipe:') && all.some((other) => other.target === target && other.reads !== reads && !standard.includes(other.number));
}

/** Without /proc only a descriptor's kind is known. Node's pipes have the lowest free numbers, a shell's (`>(command)`) high ones. */
function elsewhere(): readonly number[] {
  try {
    return numbersIn('/dev/fd').filter((number) => {
      try {
        const stats = fstatSync(number);
        return stats.isFile() || stats.isCharacterDevice() || (stats.isFIFO() && number > 40);
      } catch {
        return false;
      }
    });
  } catch {
    // Windows has none by name.
    return [];
  }
}

const named: ReadonlyMap<string, number> = new Map([['/dev/stdin', 0], ['/dev/stdout', 1], ['/dev/stderr', 2]]);

/** The number of our own descriptor that an absolute path leads to, by whatever name or link; undefined when it is none. */
export async function descriptorOf(path: string): Promise<number | undefined> {
  const self = await readlink('/proc/self').catch(() => undefined);
  let at = path;
  for (let links = 0; links < mostLinks; links += 1) {
    const known = named.get(at);
    if (known !== undefined) return known;
    const folder = await realpath(dirname(at)).catch(() => dirname(at));
    if (/^\d{1,6}$/.test(basename(at)) && isOwnFolder(folder, self)) return Number(basename(at));
    const target = await readlink(at).catch(() => undefined);
    if (target === undefined) return undefined;
    at = resolve(dirname(at), target);
  }
  return undefined;
}

function isOwnFolder(folder: string, self: string | undefined): boolean {
  if (folder === '/dev/fd' || folder === '/proc/self/fd') return true;
  return self !== undefined && (folder === `/proc/${self}/fd` || (folder.startsWith(`/proc/${self}/task/`) && folder.endsWith('/fd')));
}
