/**
 * Notes of exports that are being written. The temporary file of an export holds secrets in clear in
 * somebody's folder; while it is there, a note in the home says in which, so that one whose process was
 * killed goes with the next run, and not only with the next export into the same folder.
 */
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { errorCode } from './atomic.ts';
import type { Machine } from './home.ts';
import { placeName } from './lock.ts';

const [before, after] = ['.credsetup-export-', '.tmp'];
const noted = /^export-([0-9a-f]{8}-\d{1,10}-[0-9a-f]{16})\.note$/;

/** A name for the temporary file of an export: it says whose process makes it. */
export function temporaryOf({ pid }: Machine): string {
  return `${before}${place()}-${pid}-${randomBytes(8).toString('hex')}${after}`;
}

/** Whether a file is the temporary one of an export whose process, of this machine, is gone (or is this one, which writes one at a time). */
export function isCutOff(file: string, machine: Machine): boolean {
  if (!file.startsWith(before) || !file.endsWith(after)) return false;
  return isGone(file.slice(before.length, -after.length), machine);
}

function isGone(owner: string, machine: Machine): boolean {
  const [, where, pid] = /^([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{16}$/.exec(owner) ?? [];
  return where === place() && (Number(pid) === machine.pid || !machine.isAlive(Number(pid)));
}

/** This machine and process namespace: a process number means something only there. */
function place(): string {
  return createHash('sha256').update(placeName()).digest('hex').slice(0, 8);
}

/** Runs a task that writes `temporary`, noted meanwhile. A home that takes no note (none is there, or it may only be read) is no reason not to export. */
export async function whileNoted<T>(temporary: string, home: string | undefined, task: () => Promise<T>): Promise<T> {
  if (home === undefined) return await task();
  const note = join(home, `export-${basename(temporary).slice(before.length, -after.length)}.note`);
  quietly(() => { writeFileSync(note, dirname(temporary), { mode: 0o600, flag: 'wx' }); });
  try {
    return await task();
  } finally {
    quietly(() => { rmSync(note, { force: true }); });
  }
}

/** Takes away what cut-off exports left, by the notes among the home's files. */
export function sweepExports(home: string, files: readonly string[], machine: Machine): void {
  for (const file of files) {
    const [, owner] = noted.exec(file) ?? [];
    if (owner === undefined || Number(owner.split('-')[1]) === machine.pid || !isGone(owner, machine)) continue;
    quietly(() => {
      const note = join(home, file);
      const folder = lstatSync(note).isFile() ? readFileSync(note, 'utf8') : '';
      if (isAbsolute(folder)) rmSync(join(folder, `${before}${owner}${after}`), { force: true });
      rmSync(note);
    });
  }
}

function quietly(work: () => void): void {
  try {
    work();
  } catch (error) {
    // Nothing but tidiness depends on it, and the next run tries it again.
    if (errorCode(error) === undefined) throw error;
  }
}
