/**
 * What killed runs left in a home, taken away by the next run whatever it does, a run that only reads
 * too. A lock that somebody holds is not waited for: its holder sweeps, or the run after it.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isCredsetupError } from '../errors.ts';
import { errorCode } from './atomic.ts';
import { sweepExports } from './export-notes.ts';
import { homeFiles, isLeft, sweepTemporaries, type Machine } from './home.ts';
import { withLock } from './lock.ts';

/** Which files only the holder of a lock writes. */
const guarded: Readonly<Record<string, readonly string[]>> = {
  'write.lock': [homeFiles.index, homeFiles.data, homeFiles.identity, homeFiles.marker],
  'journal.lock': [homeFiles.journal], 'vault-index.lock': [homeFiles.known],
};

/** Removes temporary files, locks of processes that are gone, and exports that were cut off. What cannot be done is left to the next run. */
export async function tidyHome(home: string, machine: Machine): Promise<void> {
  const files = namesIn(home);
  sweepExports(home, files, machine);
  const left = files.filter(isLeft);
  const locks = new Set(left.flatMap((file) => lockOf(file)));
  for (const name of locks) {
    await withLock(join(home, name), { machine, timeoutMs: 0 }, () => sweepTemporaries(home, guarded[name] ?? [])).catch((error: unknown) => {
      if (!isCredsetupError(error) && errorCode(error) === undefined) throw error;
    });
  }
}

/** A lock is freed by taking it; a temporary file goes under the lock of its file. */
function lockOf(file: string): readonly string[] {
  if (file.endsWith('.lock')) return [file];
  const lock = Object.keys(guarded).find((name) => guarded[name]?.some((own) => file.startsWith(`.${own}.`)));
  return [lock ?? 'write.lock'];
}

function namesIn(home: string): readonly string[] {
  try {
    return readdirSync(home);
  } catch {
    // No home, or one that may not be looked into: whoever reads it says so.
    return [];
  }
}
