/**
 * The vault: credentials by name over the index and the stores. It is the only holder of the
 * locks, and the only one that knows in which order a save is committed.
 *
 * A save goes under a new random key: index entry pending, secret written and read back, index
 * committed, old key deleted. Killed between any two steps, the old secret still loads or the new
 * one does, and the next save that uses the same store finishes or undoes the rest.
 *
 * What stands in the index is the outcome, however its write was reported: an error means that
 * nothing changed, or says that it cannot be known. What cannot be cleaned up is left to the next run.
 */
import { join } from 'node:path';
import { checkName } from './credential-name.ts';
import type { Credential, FullCredential, StoreKind, Vault } from './context.ts';
import { CredsetupError, isCredsetupError } from './errors.ts';
import { errorCode, proveWritable } from './stores/atomic.ts';
import { committed, compareNames, damagedOf, entryFor, entryOf, entryOrThrow, fullOf, nameTaken, placeOf, secretMissing, updated, withEntry, without } from './stores/entries.ts';
import { ensureHome, homeExists, homeFiles, sweepTemporaries, type Machine } from './stores/home.ts';
import { emptyIndex, idText, readIndex, writeIndex, type DamagedEntry, type Index, type IndexEntry, type KeptIn, type Place } from './stores/index-file.ts';
import { withLock, type HeldLock, type LockOptions } from './stores/lock.ts';
import { recordText } from './stores/record.ts';
import { checkValue, wroteAndLost, type SecretStore } from './stores/store.ts';

/** What has just been done of a save. */
export type SaveStep = 'locked' | 'pending' | 'written' | 'verified' | 'committed' | 'deleted' | 'cleared';

export interface VaultOptions {
  /** CREDSETUP_HOME: an absolute path. Created by the first write. */
  readonly home: string;
  readonly machine: Machine;
  /** Called at most once each, when first used. */
  readonly stores: Readonly<Record<KeptIn, () => Promise<SecretStore>>>;
  now(): Date;
  readonly signal: AbortSignal;
  /** Times of the locks, for tests. */
  readonly lock?: Pick<LockOptions, 'timeoutMs' | 'heartbeatMs' | 'staleMs'>;
  /** Told once a run of entries that are damaged: what works on all others works on less than all. */
  onDamaged?(damaged: readonly DamagedEntry[], path: string): void;
  /** Told after each step of a save, for tests that kill the process there. */
  onStep?(step: SaveStep): void | Promise<void>;
}

const lockName = 'write.lock';
/** Files of the home that only the holder of the write lock writes. */
const writtenFiles = [homeFiles.index, homeFiles.data];
/** Bytes. */
const roomForEntry = 64 * 1024;

/** The vault of a home. Nothing is read, asked or created before it is used. */
export function createVault(options: VaultOptions): Vault {
  return new HomeVault(options);
}

class HomeVault implements Vault {
  readonly #options: VaultOptions;
  readonly #stores = new Map<KeptIn, Promise<SecretStore>>();
  /** Writers of this process come one after another and need not knock at the lock. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #updates: Update[] = [];
  #saidDamaged = false;

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  /** Of the index. */
  get #path(): string {
    return join(this.#options.home, homeFiles.index);
  }

  async damaged(): Promise<readonly { readonly name?: string; readonly why: string }[]> {
    return (await this.#index()).damaged.map(({ name, why }) => ({ why, ...(name === undefined ? {} : { name }) }));
  }

  async list(): Promise<readonly Credential[]> {
    const { entries } = await this.#index();
    return entries.map(({ credential }) => credential).sort((one, other) => compareNames(one.name, other.name));
  }

  async find(name: string): Promise<Credential | undefined> {
    return entryOf(await this.#index(), name, this.#path)?.credential;
  }

  async load(name: string): Promise<FullCredential> {
    const index = await this.#index();
    const entry = entryOrThrow(index, name, this.#path);
    const store = await this.#store(entry.credential.store);
    const stored = await store.read(entry.key);
    if (stored === undefined) {
      await store.confirmAbsence();
      return await this.#loadAgain(entry);
    }
    return fullOf(stored, entry, index);
  }

  /** Another process may have replaced the secret between our look at the index and at the store. */
  async #loadAgain(before: IndexEntry): Promise<FullCredential> {
    const index = await this.#index();
    const entry = entryOrThrow(index, before.credential.name, this.#path);
    const stored = await (await this.#store(entry.credential.store)).read(entry.key);
    if (stored === undefined) throw secretMissing(entry.credential);
    return fullOf(stored, entry, index);
  }

  async prepare(kind: StoreKind): Promise<void> {
    if (kind === 'none') return;
    // A damaged index is told before a passphrase is asked for.
    await this.#index();
    const store = await this.#store(keptIn(kind));
    await this.#create(store);
    // A keychain may show a dialog, which no lock should wait for; the file is shared and needs it.
    if (kind === 'keychain') await store.prepare();
    await this.#writing(async (lock, index) => {
      // A save will find room and permission: for the index as it is, and an entry more.
      await proveWritable(this.#path, JSON.stringify(index).length + roomForEntry, { code: 'STORE_UNWRITABLE', fence: lock.fence });
      if (kind === 'file') await store.prepare(lock.fence);
    });
  }

  async save(full: FullCredential, mayReplace: (there: Credential) => boolean): Promise<{ status: 'created' | 'replaced'; credential: Credential }> {
    checkName(full.credential.name);
    const kind = keptIn(full.credential.store);
    const store = await this.#store(kind);
    await this.#create(store);
    return await this.#writing(async (lock, index) => {
      await this.#options.onStep?.('locked');
      const there = entryOf(index, full.credential.name, this.#path);
      if (there !== undefined && !mayReplace(there.credential)) throw nameTaken(there.credential.name);
      const next = entryFor(full, kind, there);
      const value = recordText({ ...full, credential: next.credential });
      checkValue(value);
      const clean = await this.#finish(lock, index, new Set([kind]));
      await this.#commit({ lock, index: clean, next, there, value, store, certificates: full.certificates });
      return { status: there === undefined ? 'created' : 'replaced', credential: next.credential };
    });
  }

  async update(name: string, change: (there: Credential) => Credential): Promise<Credential> {
    return await new Promise((resolve, reject) => {
      this.#updates.push({ name, change, resolve, reject });
      // Whoever comes while an earlier write is under way goes with the next one.
      if (this.#updates.length === 1) this.#writeUpdates().catch(reject);
    });
  }

  /** All that wait, in one write. */
  async #writeUpdates(): Promise<void> {
    let batch: Update[] = [];
    try {
      await this.#writing(async (lock, before) => {
        batch = this.#updates.splice(0);
        let index = before;
        const done: (() => void)[] = [];
        for (const { name, change, resolve, reject } of batch) {
          try {
            const entry = entryOrThrow(index, name, this.#path);
            const credential = updated(entry, change);
            index = withEntry(index, entry, { ...entry, credential });
            done.push(() => { resolve(credential); });
          } catch (error) {
            reject(error);
          }
        }
        if (done.length > 0) await this.#write(lock, index);
        for (const tell of done) tell();
      });
    } catch (error) {
      // Those who waited when the lock could not be had wait no longer.
      for (const { reject } of batch.length > 0 ? batch : this.#updates.splice(0)) reject(error);
    }
  }

  async rename(from: string, to: string): Promise<Credential> {
    checkName(to);
    return await this.#writing(async (lock, index) => {
      const entry = entryOrThrow(index, from, this.#path);
      const there = entryOf(index, to, this.#path);
      if (there !== undefined && there !== entry) throw nameTaken(there.credential.name, `Choose another name, or take that one away first: credsetup remove ${there.credential.name}`);
      const credential = { ...entry.credential, name: to };
      await this.#write(lock, withEntry(index, entry, { ...entry, credential }));
      return credential;
    });
  }

  async remove(name: string): Promise<Credential | undefined> {
    const before = await this.#index();
    if (damagedOf(before.damaged, name) !== undefined) {
      await this.#removeDamaged(name);
      return undefined;
    }
    await (await this.#store(entryOrThrow(before, name, this.#path).credential.store)).open('open');
    return await this.#writing(async (lock, index) => {
      const entry = entryOrThrow(index, name, this.#path);
      const store = await this.#store(entry.credential.store);
      // A store that is locked is told while nothing has changed.
      if (await store.read(entry.key) === undefined) await store.confirmAbsence();
      const clean = await this.#finish(lock, index, new Set([entry.credential.store]));
      await this.#write(lock, without(clean, entry));
      try {
        if (!await store.delete(entry.key, lock.fence)) await store.confirmAbsence();
      } catch (error) {
        if (await this.#putBack(lock, clean, entry)) throw error;
        return entry.credential;
      }
      await this.#clear(lock, entry.key);
      return entry.credential;
    });
  }

  /** With its secret still there, the entry stays too. False where that fails: it is removed, and its secret goes with the next run. */
  async #putBack(lock: HeldLock, before: Index, { key }: IndexEntry): Promise<boolean> {
    try {
      await this.#write(lock, before);
      return true;
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      return await this.#isThere(key, error);
    }
  }

  /** Its secret goes with the next run that uses the store, where its place can be told. */
  async #removeDamaged(name: string): Promise<void> {
    await this.#writing(async (lock, index) => {
      const gone = damagedOf(index.damaged, name);
      if (gone === undefined) return;
      const leftovers = gone.place === undefined ? index.leftovers : [...index.leftovers, gone.place];
      await this.#write(lock, { ...index, damaged: index.damaged.filter((one) => one !== gone), leftovers });
    });
  }

  async withRefreshLock<T>({ id, name, store }: Pick<Credential, 'id' | 'name' | 'store'>, task: (proveWrite: () => Promise<void>) => Promise<T>): Promise<T> {
    const { home, machine } = this.#options;
    await ensureHome(home, machine.uid);
    return await withLock(join(home, `refresh-${idText(id, 'the id')}.lock`), this.#lockOptions(), () => task(async () => this.prepare((await this.find(name))?.store ?? store)));
  }

  async close(): Promise<void> {
    const stores = await Promise.all(this.#stores.values());
    await Promise.all(stores.map((store) => store.close()));
  }

  // -------------------------------------------------------------- inside

  async #index(): Promise<Index> {
    const { home, machine } = this.#options;
    const index = await homeExists(home, machine.uid) ? await readIndex(home) : emptyIndex;
    if (index.damaged.length > 0 && !this.#saidDamaged) {
      this.#saidDamaged = true;
      this.#options.onDamaged?.(index.damaged, this.#path);
    }
    return index;
  }

  async #store(kind: KeptIn): Promise<SecretStore> {
    const known = this.#stores.get(kind) ?? this.#options.stores[kind]();
    this.#stores.set(kind, known);
    return await known;
  }

  /** A new identity needs a folder to lie in, and is made before the lock is taken. */
  async #create(store: SecretStore): Promise<void> {
    const { home, machine } = this.#options;
    if (store.kind === 'file') await ensureHome(home, machine.uid);
    await store.open('create');
  }

  #lockOptions(): LockOptions {
    const { machine, signal, lock } = this.#options;
    return { machine, signal, ...lock };
  }

  /** Runs a task under the write lock with the index as it is then. */
  async #writing<T>(task: (lock: HeldLock, index: Index) => Promise<T>): Promise<T> {
    const { home, machine } = this.#options;
    const mine = this.#turn.then(async () => {
      await ensureHome(home, machine.uid);
      return await withLock(join(home, lockName), this.#lockOptions(), async (lock) => {
        await sweepTemporaries(home, writtenFiles);
        const index = await readIndex(home);
        return await task(lock, index);
      });
    });
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  async #write(lock: HeldLock, index: Index, lasts = true): Promise<void> {
    await lock.fence();
    await writeIndex(this.#options.home, index, { fence: lock.fence, lasts });
  }

  async #commit(save: Save): Promise<void> {
    const { lock, index, next, there, value, store, certificates } = save;
    const fresh = placeOf(next);
    const step = async (name: SaveStep): Promise<void> => this.#options.onStep?.(name);

    // The file's own write syncs the folder that both lie in; a keychain lies elsewhere.
    await this.#write(lock, { ...index, pending: [...index.pending, fresh] }, fresh.store !== 'file');
    await step('pending');
    try {
      await store.write(fresh.key, value, lock.fence);
      await step('written');
      if (await store.read(fresh.key) !== value) throw wroteAndLost(store.kind);
      await step('verified');
      await this.#write(lock, committed(index, next, there, certificates));
    } catch (error) {
      if (!await this.#isThere(fresh.key, error)) {
        await this.#undo(lock, index, fresh);
        throw error;
      }
    }
    await step('committed');
    if (there !== undefined) await this.#deleteOld(lock, placeOf(there), step);
  }

  /** Whether the index names the key after a write failed. Throws that write's error, marked, when the index cannot be read either. */
  async #isThere(key: string, error: unknown): Promise<boolean> {
    try {
      return (await readIndex(this.#options.home)).entries.some((entry) => entry.key === key);
    } catch {
      throw isCredsetupError(error) ? unknownOutcome(error) : error;
    }
  }

  /** Takes a failed save back. Where that fails too, the key stays pending and the next save deletes it. */
  async #undo(lock: HeldLock, index: Index, fresh: Place): Promise<void> {
    try {
      // The file is shared: without the lock it is somebody else's turn to write it.
      if (fresh.store === 'file' && !await lock.stillHeld()) return;
      if (await this.#tryDelete(lock, fresh)) await this.#write(lock, index);
    } catch (error) {
      // The error of the save itself is the one to tell.
      if (!isCredsetupError(error) && errorCode(error) === undefined) throw error;
    }
  }

  /** The save stands already: what fails here is left to the next one. */
  async #deleteOld(lock: HeldLock, old: Place, step: (name: SaveStep) => Promise<void>): Promise<void> {
    if (!await this.#tryDelete(lock, old)) return;
    await step('deleted');
    await this.#clear(lock, old.key);
    await step('cleared');
  }

  /** Forgets a leftover that is deleted. Where that fails, the next save does it. */
  async #clear(lock: HeldLock, key: string): Promise<void> {
    try {
      const index = await readIndex(this.#options.home);
      // Taken back by a power cut, it is cleared by the next save.
      await this.#write(lock, { ...index, leftovers: index.leftovers.filter((one) => one.key !== key) }, false);
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
    }
  }

  /** Deletes what cut-off saves left in the stores that this run uses anyway. */
  async #finish(lock: HeldLock, index: Index, used: ReadonlySet<KeptIn>): Promise<Index> {
    const gone = new Set<string>();
    for (const place of [...index.pending, ...index.leftovers]) {
      if (used.has(place.store) && await this.#tryDelete(lock, place)) gone.add(place.key);
    }
    const kept = (places: readonly Place[]): Place[] => places.filter(({ key }) => !gone.has(key));
    return { ...index, pending: kept(index.pending), leftovers: kept(index.leftovers) };
  }

  /** False when the store did not do it, or would first ask for its passphrase. */
  async #tryDelete(lock: HeldLock, { key, store: kind }: Place): Promise<boolean> {
    try {
      const store = await this.#store(kind);
      if (store.asks) return false;
      if (!await store.delete(key, lock.fence)) await store.confirmAbsence();
      return true;
    } catch {
      // No error for the person: their save stands or failed for its own reason, and the index remembers the key.
      return false;
    }
  }
}

interface Update {
  readonly name: string;
  readonly change: (there: Credential) => Credential;
  readonly resolve: (credential: Credential) => void;
  readonly reject: (error: unknown) => void;
}

interface Save {
  readonly lock: HeldLock;
  readonly index: Index;
  readonly next: IndexEntry;
  readonly there: IndexEntry | undefined;
  readonly value: string;
  readonly store: SecretStore;
  readonly certificates: readonly string[];
}

function keptIn(store: StoreKind): KeptIn {
  if (store === 'keychain' || store === 'file') return store;
  throw new CredsetupError('UNEXPECTED', 'A credential was to be saved at home that is kept elsewhere.', { hint: 'Report this with what --debug prints.' });
}

/** Whoever reads it must not end at a service what may be the stored one. */
function unknownOutcome(error: CredsetupError): CredsetupError {
  return new CredsetupError(error.code, `${error.message} Whether that was done cannot be known now, for the index cannot be read.`, { ...error.details, outcomeUnknown: true });
}
