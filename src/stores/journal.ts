/**
 * The journal: secrets that a run began to make at a service. An entry is written before the
 * service is asked and taken away when the secret is saved or ended, so that what a run that was
 * cut off left at the service is found by the next one. It holds no secret.
 */
import { join } from 'node:path';
import type { Begun, Journal } from '../context.ts';
import { readRegular, writeAtomic } from './atomic.ts';
import { parseDocument } from './document.ts';
import { ensureHome, homeExists, type Machine } from './home.ts';
import { serviceWord, urlText } from './index-file.ts';
import { withLock, type LockOptions } from './lock.ts';
import { listOf, members, text, time, versionOne, type Check } from './shape.ts';

export interface JournalOptions {
  /** CREDSETUP_HOME. Created by the first write. */
  readonly home: string;
  readonly machine: Machine;
  readonly signal: AbortSignal;
  /** Times of the lock, for tests. */
  readonly lock?: Pick<LockOptions, 'timeoutMs' | 'heartbeatMs' | 'staleMs'>;
}

interface Document {
  readonly version: 1;
  readonly begun: readonly Begun[];
}

const fileName = 'journal.json';
const largest = 1024 * 1024;
const short = text({ most: 256 });
const checkDocument: Check<Document> = members<Document>({
  version: versionOne,
  begun: listOf(members<Begun>({ mark: text({ pattern: /^[0-9a-f]{12}$/ }), service: serviceWord, url: urlText, ownerId: short, at: time }, { old: short })),
}, {});

/** The journal of a home. Reading creates nothing. */
export function createJournal({ home, machine, signal, lock }: JournalOptions): Journal {
  const path = join(home, fileName);
  const list = async (): Promise<readonly Begun[]> => {
    const bytes = await homeExists(home, machine.uid) ? await readRegular(path, largest) : undefined;
    return bytes === undefined ? [] : parseDocument(bytes, path, checkDocument).begun;
  };
  const write = (begun: readonly Begun[]): Promise<void> => writeAtomic(path, `${JSON.stringify({ version: 1, begun }, undefined, 2)}\n`, 'STORE_UNWRITABLE');
  return {
    list,
    alone: async (task) => {
      await ensureHome(home, machine.uid);
      return await withLock(join(home, 'journal.lock'), { machine, signal, ...lock }, task);
    },
    add: async (begun) => write([...await list(), begun]),
    remove: async (mark) => {
      const before = await list();
      const after = before.filter((one) => one.mark !== mark);
      if (after.length < before.length) await write(after);
    },
  };
}
