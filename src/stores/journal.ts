/**
 * The journal: secrets that a run began to make at a service. An entry is written before the
 * service is asked and taken away when the secret is saved or ended, so that what a run that was
 * cut off left at the service is found by the next one. It holds no secret.
 */
import { join } from 'node:path';
import type { Begun, Journal } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { readRegular, writeAtomic, type Fence } from './atomic.ts';
import { parseDocument, tooLarge } from './document.ts';
import { ensureHome, homeExists, homeFiles, sweepTemporaries, type Machine } from './home.ts';
import { serviceWord, urlText } from './index-file.ts';
import { placeName, withLock, type LockOptions } from './lock.ts';
import { listOf, members, ShapeError, text, time, versionOne, type Check } from './shape.ts';

export interface JournalOptions {
  /** CREDSETUP_HOME. Created by the first write. */
  readonly home: string;
  readonly machine: Machine;
  readonly signal: AbortSignal;
  /** Times of the lock, for tests. */
  readonly lock?: Pick<LockOptions, 'timeoutMs' | 'heartbeatMs' | 'staleMs'>;
}

const largest = 1024 * 1024;
const short = text({ most: 256 });
const checkBegun: Check<Begun> = members<Begun>({ mark: text({ pattern: /^[0-9a-f]{12}$/ }), service: serviceWord, url: urlText, ownerId: short, at: time }, { old: short, by: text({ most: 512 }) });

/** What a file holds: each entry checked by itself, so that one that is damaged is in nobody's way. */
interface Document {
  readonly version: 1;
  readonly begun: readonly unknown[];
}

const checkDocument: Check<Document> = members<Document>({ version: versionOne, begun: listOf((value) => value) }, {});

function begunIn(entries: readonly unknown[]): readonly Begun[] {
  return entries.filter((one): one is Begun => {
    try {
      checkBegun(one, 'it');
      return true;
    } catch (error) {
      if (error instanceof ShapeError) return false;
      throw error;
    }
  });
}

/** The journal of a home. Reading creates nothing. */
export function createJournal({ home, machine, signal, lock: times }: JournalOptions): Journal {
  const path = join(home, homeFiles.journal);
  /** Of the lock that `alone` holds. */
  let fence: Fence | undefined;
  const entries = async (): Promise<readonly unknown[]> => {
    const bytes = await homeExists(home, machine.uid) ? await readRegular(path, largest) : undefined;
    return bytes === undefined ? [] : parseDocument(bytes, path, checkDocument).begun;
  };
  const write = async (begun: readonly unknown[]): Promise<void> => {
    const bytes = Buffer.from(`${JSON.stringify({ version: 1, begun }, undefined, 2)}\n`);
    if (bytes.length > largest) throw tooLarge(path, bytes.length, largest);
    await writeAtomic(path, bytes, { code: 'STORE_UNWRITABLE', fence });
  };
  return {
    list: async () => begunIn(await entries()),
    alone: async (task) => {
      await ensureHome(home, machine.uid);
      return await withLock(join(home, 'journal.lock'), { machine, signal, ...times }, async (lock) => {
        fence = lock.fence;
        await sweepTemporaries(home, [homeFiles.journal]);
        return await task();
      });
    },
    add: async (begun) => {
      // Before anything is made: what could not be read again would be found by nobody.
      const noted = { ...begun, by: `${machine.pid} ${placeName()}` };
      if (begunIn([noted]).length === 0) throw notKept(path);
      await write([...await entries(), noted]);
    },
    remove: async (mark) => {
      const before = await entries();
      const after = before.filter((one) => begunIn([one])[0]?.mark !== mark);
      if (after.length < before.length) await write(after);
    },
    isAtWork: ({ by = '' }) => {
      const [, pid = '', place = ''] = /^(\d{1,10}) (.+)$/.exec(by) ?? [];
      return place === placeName() ? machine.isAlive(Number(pid)) : undefined;
    },
  };
}

function notKept(path: string): CredsetupError {
  return new CredsetupError('UNEXPECTED', `credsetup was about to note in ${path} what it could not read again; nothing was made at the service.`, { hint: 'Report this with what --debug prints.' });
}
