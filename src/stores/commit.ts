/**
 * The steps of a save, of one credential or of many at once, under the home's write lock: pending,
 * written, read back, committed, deleted, cleared.
 *
 * Which of their writes a power cut may take back. Every file's contents are synced before they
 * are put in place, so that no file is ever half of itself; what is left out is the sync of the
 * folder after a rename, where nothing outside of the folder and no deletion builds on it:
 * - "pending" before a keychain's write is synced: that lies elsewhere and may last longer. Before
 *   the encrypted file's, not: its own write syncs the folder, which holds both renames.
 * - the secret's write and the commit are synced: after the first the index names it, after the
 *   second the old secret goes.
 * - deleting the old secret and clearing the index are not: taken back, they are leftovers that the
 *   next save deletes. The order of two renames in one folder is the file system's journal's.
 */
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { errorCode } from './atomic.ts';
import { committed, placeOf } from './entries.ts';
import { readIndex, writeIndex, type Index, type IndexEntry, type KeptIn, type Place } from './index-file.ts';
import type { HeldLock } from './lock.ts';
import { deleteAll, wroteAndLost, writeAll, type SecretStore } from './store.ts';

/** What has just been done of a save. */
export type SaveStep = 'locked' | 'pending' | 'written' | 'verified' | 'committed' | 'deleted' | 'cleared';

export interface Save {
  readonly next: IndexEntry;
  readonly there: IndexEntry | undefined;
  readonly value: string;
  readonly certificates: readonly string[];
}

interface Commit {
  readonly lock: HeldLock;
  readonly index: Index;
  /** At least one, of different names, all in this store. */
  readonly saves: readonly Save[];
  readonly store: SecretStore;
}

export interface ProtocolOptions {
  readonly home: string;
  store(kind: KeptIn): Promise<SecretStore>;
  readonly onStep?: ((step: SaveStep) => void | Promise<void>) | undefined;
}

export class SaveProtocol {
  readonly #options: ProtocolOptions;

  constructor(options: ProtocolOptions) {
    this.#options = options;
  }

  /** @param lasts false where a power cut may take it back */
  async write(lock: HeldLock, index: Index, lasts = true): Promise<void> {
    await lock.fence();
    await writeIndex(this.#options.home, index, { fence: lock.fence, lasts });
  }

  /** All or none of them. Throws what the stores and the index do; the error is marked where the outcome cannot be known. */
  async commit({ lock, index, saves, store }: Commit): Promise<void> {
    const fresh = saves.map(({ next }) => placeOf(next));
    await this.write(lock, { ...index, pending: [...index.pending, ...fresh] }, store.kind !== 'file');
    await this.#step('pending');
    try {
      await writeAll(store, new Map(saves.map(({ next, value }) => [next.key, value])), lock.fence);
      await this.#step('written');
      for (const { next, value } of saves) if (await store.read(next.key) !== value) throw wroteAndLost(store.kind);
      await this.#step('verified');
      await this.write(lock, committed(index, saves));
    } catch (error) {
      if (!await this.isThere(fresh[0]?.key ?? '', error)) {
        await this.#undo(lock, index, fresh);
        throw error;
      }
    }
    await this.#step('committed');
    await this.#deleteOld(lock, saves.flatMap(({ there }) => (there === undefined ? [] : [placeOf(there)])));
  }

  /** Whether the index names the key after a write failed. Throws that write's error, marked, when the index cannot be read either. */
  async isThere(key: string, error: unknown): Promise<boolean> {
    try {
      return (await readIndex(this.#options.home)).entries.some((entry) => entry.key === key);
    } catch {
      throw isCredsetupError(error) ? unknownOutcome(error) : error;
    }
  }

  /** Takes a failed save back. Where that fails too, the keys stay pending and the next save deletes them. */
  async #undo(lock: HeldLock, index: Index, fresh: readonly Place[]): Promise<void> {
    try {
      // The file is shared: without the lock it is somebody else's turn to write it.
      if (fresh.some(({ store }) => store === 'file') && !await lock.stillHeld()) return;
      if ((await this.#tryDelete(lock, fresh)).size === fresh.length) await this.write(lock, index);
    } catch (error) {
      // The error of the save itself is the one to tell.
      if (!isCredsetupError(error) && errorCode(error) === undefined) throw error;
    }
  }

  /** The save stands already: what fails here is left to the next one. */
  async #deleteOld(lock: HeldLock, old: readonly Place[]): Promise<void> {
    const gone = await this.#tryDelete(lock, old);
    if (gone.size === 0) return;
    await this.#step('deleted');
    await this.clear(lock, gone);
    await this.#step('cleared');
  }

  /** Forgets leftovers that are deleted. Where that fails, the next save does it. */
  async clear(lock: HeldLock, keys: ReadonlySet<string>): Promise<void> {
    try {
      const index = await readIndex(this.#options.home);
      await this.write(lock, { ...index, leftovers: index.leftovers.filter(({ key }) => !keys.has(key)) }, false);
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
    }
  }

  /** Deletes what cut-off saves left in the stores that this run uses anyway. */
  async finish(lock: HeldLock, index: Index, used: ReadonlySet<KeptIn>): Promise<Index> {
    const gone = await this.#tryDelete(lock, [...index.pending, ...index.leftovers].filter(({ store }) => used.has(store)));
    const kept = (places: readonly Place[]): Place[] => places.filter(({ key }) => !gone.has(key));
    return { ...index, pending: kept(index.pending), leftovers: kept(index.leftovers) };
  }

  /** The keys that are gone: none of a store that did not do it, or would first ask for its passphrase. */
  async #tryDelete(lock: HeldLock, places: readonly Place[]): Promise<ReadonlySet<string>> {
    const gone = new Set<string>();
    for (const kind of new Set(places.map(({ store }) => store))) {
      const store = await this.#options.store(kind).catch(() => undefined);
      if (store === undefined || store.asks) continue;
      const keys = places.filter((place) => place.store === kind).map(({ key }) => key);
      for (const key of await deleteAll(store, keys, lock.fence)) gone.add(key);
    }
    return gone;
  }

  async #step(name: SaveStep): Promise<void> {
    await this.#options.onStep?.(name);
  }
}

/** Whoever reads it must not end at a service what may be the stored one. */
function unknownOutcome(error: CredsetupError): CredsetupError {
  return new CredsetupError(error.code, `${error.message} Whether that was done cannot be known now, for the index cannot be read.`, { ...error.details, outcomeUnknown: true });
}
