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
import { Groups, outcomeOf, type Outcome } from './concurrency.ts';
import { checkName } from './credential-name.ts';
import type { Credential, FullCredential, StoreKind, Vault } from './context.ts';
import { CredsetupError, isCredsetupError } from './errors.ts';
import { proveWritable } from './stores/atomic.ts';
import { SaveProtocol, type Save, type SaveStep } from './stores/commit.ts';
import { damagedOf, entriesByName, entryFor, entryOf, entryOrThrow, fullOf, nameTaken, secretMissing, sortedByName, updated, withEntry, without } from './stores/entries.ts';
import { ensureHome, homeExists, homeFiles, sweepTemporaries, type Machine } from './stores/home.ts';
import { emptyIndex, idText, readIndex, type DamagedEntry, type Index, type IndexEntry, type KeptIn } from './stores/index-file.ts';
import { withLock, type HeldLock, type LockOptions } from './stores/lock.ts';
import { recordText } from './stores/record.ts';
import { checkValue, type SecretStore } from './stores/store.ts';
import { tidyHome } from './stores/tidy.ts';

export type { SaveStep };

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
  readonly #updates = new Groups<Update, Credential>((updates) => this.#updateTogether(updates));
  readonly #saves: Readonly<Record<KeptIn, Groups<Wanted, Saved>>> = {
    keychain: new Groups((wanted) => this.#saveTogether('keychain', wanted)), file: new Groups((wanted) => this.#saveTogether('file', wanted)),
  };
  readonly #proofs: Readonly<Record<KeptIn, Groups<undefined, undefined>>> = {
    keychain: new Groups((asked) => this.#prove('keychain', asked)), file: new Groups((asked) => this.#prove('file', asked)),
  };
  readonly #protocol: SaveProtocol;
  #saidDamaged = false;
  /** Whether the home is used, and ours. */
  #looked = false;

  constructor(options: VaultOptions) {
    this.#options = options;
    this.#protocol = new SaveProtocol({ get home() { return options.home; }, store: (kind) => this.#store(kind), onStep: (step) => options.onStep?.(step) });
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
    return sortedByName(entries.map(({ credential }) => credential));
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
    await this.#create(await this.#store(keptIn(kind)));
    await this.#proofs[keptIn(kind)].add(undefined);
  }

  /** One proof for all that wait for one: it begins after each of them asked. */
  async #prove(kind: KeptIn, asked: readonly undefined[]): Promise<readonly Outcome<undefined>[]> {
    const store = await this.#store(kind);
    // A keychain may show a dialog, which no lock should wait for; the file is shared and needs it.
    if (kind === 'keychain') await store.prepare();
    await this.#writing(async (lock, index) => {
      // A save will find room and permission: for the index as it is, and an entry more.
      await proveWritable(this.#path, JSON.stringify(index).length + roomForEntry, { code: 'STORE_UNWRITABLE', fence: lock.fence });
      if (kind === 'file') await store.prepare(lock.fence);
    });
    return asked.map(() => ({ value: undefined }));
  }

  /** Those that are asked for while one is under way are committed together, by as many steps as one. */
  async save(full: FullCredential, mayReplace: (there: Credential) => boolean): Promise<Saved> {
    checkName(full.credential.name);
    return await this.#saves[keptIn(full.credential.store)].add({ full, mayReplace });
  }

  async #saveTogether(kind: KeptIn, wanted: readonly Wanted[]): Promise<readonly Outcome<Saved>[]> {
    const store = await this.#store(kind);
    await this.#create(store);
    // The second of one name finds the first: they stand in the order in which they were asked for.
    const names = wanted.map(({ full }) => full.credential.name.toLowerCase());
    const repeated = new Set(wanted.filter((_, at) => names.indexOf(names[at] ?? '') < at));
    const outcomes = await this.#writing(async (lock, index) => {
      await this.#options.onStep?.('locked');
      const entryNamed = entriesByName(index, this.#path);
      const planned = wanted.map((one) => (repeated.has(one) ? undefined : outcomeOf(() => this.#next(one, kind, entryNamed))));
      const saves = planned.flatMap((one) => (one !== undefined && 'value' in one ? [one.value] : []));
      if (saves.length > 0) await this.#protocol.commit({ lock, index: await this.#protocol.finish(lock, index, new Set([kind])), saves, store });
      return planned.map((one): Outcome<Saved> | undefined => {
        if (one === undefined || 'error' in one) return one;
        return { value: { status: one.value.there === undefined ? 'created' : 'replaced', credential: one.value.next.credential } };
      });
    });
    const later = repeated.size === 0 ? [] : await this.#saveTogether(kind, [...repeated]);
    const rest = later.values();
    return outcomes.map((one) => one ?? rest.next().value ?? { error: new TypeError('a save without an outcome') });
  }

  /** Throws NAME_TAKEN, STORE_CORRUPT, SECRET_TOO_LARGE. */
  #next({ full, mayReplace }: Wanted, kind: KeptIn, entryNamed: (name: string) => IndexEntry | undefined): Save {
    const there = entryNamed(full.credential.name);
    if (there !== undefined && !mayReplace(there.credential)) throw nameTaken(there.credential.name);
    const next = entryFor(full, kind, there);
    const value = recordText({ ...full, credential: next.credential });
    checkValue(value);
    return { next, there, value, certificates: full.certificates };
  }

  async update(name: string, change: (there: Credential) => Credential): Promise<Credential> {
    return await this.#updates.add({ name, change });
  }

  async #updateTogether(updates: readonly Update[]): Promise<readonly Outcome<Credential>[]> {
    return await this.#writing(async (lock, index) => {
      const entryNamed = entriesByName(index, this.#path);
      const changed = new Map<string, IndexEntry>();
      const outcomes = updates.map(({ name, change }) => outcomeOf(() => {
        const before = entryNamed(name) ?? entryOrThrow(index, name, this.#path);
        const there = changed.get(before.key) ?? before;
        const credential = updated(there, change);
        changed.set(before.key, { ...there, credential });
        return credential;
      }));
      if (changed.size > 0) await this.#protocol.write(lock, { ...index, entries: index.entries.map((entry) => changed.get(entry.key) ?? entry) });
      return outcomes;
    });
  }

  async rename(from: string, to: string): Promise<Credential> {
    checkName(to);
    return await this.#writing(async (lock, index) => {
      const entry = entryOrThrow(index, from, this.#path);
      const there = entryOf(index, to, this.#path);
      if (there !== undefined && there !== entry) throw nameTaken(there.credential.name, `Choose another name, or take that one away first: credsetup remove ${there.credential.name}`);
      const credential = { ...entry.credential, name: to };
      await this.#protocol.write(lock, withEntry(index, entry, { ...entry, credential }));
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
      const clean = await this.#protocol.finish(lock, index, new Set([entry.credential.store]));
      await this.#protocol.write(lock, without(clean, entry));
      try {
        if (!await store.delete(entry.key, lock.fence)) await store.confirmAbsence();
      } catch (error) {
        if (await this.#putBack(lock, clean, entry)) throw error;
        return entry.credential;
      }
      await this.#protocol.clear(lock, new Set([entry.key]));
      return entry.credential;
    });
  }

  /** With its secret still there, the entry stays too. False where that fails: it is removed, and its secret goes with the next run. */
  async #putBack(lock: HeldLock, before: Index, { key }: IndexEntry): Promise<boolean> {
    try {
      await this.#protocol.write(lock, before);
      return true;
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      return await this.#protocol.isThere(key, error);
    }
  }

  /** Its secret goes with the next run that uses the store, where its place can be told. */
  async #removeDamaged(name: string): Promise<void> {
    await this.#writing(async (lock, index) => {
      const gone = damagedOf(index.damaged, name);
      if (gone === undefined) return;
      const leftovers = gone.place === undefined ? index.leftovers : [...index.leftovers, gone.place];
      await this.#protocol.write(lock, { ...index, damaged: index.damaged.filter((one) => one !== gone), leftovers });
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
    if (this.#looked) await tidyHome(this.#options.home, this.#options.machine);
  }

  // -------------------------------------------------------------- inside

  async #index(): Promise<Index> {
    const { home, machine } = this.#options;
    const there = await homeExists(home, machine.uid);
    this.#looked = there;
    const index = there ? await readIndex(home, 'by-its-file') : emptyIndex;
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
        return await task(lock, await readIndex(home));
      });
    });
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }
}

interface Update {
  readonly name: string;
  readonly change: (there: Credential) => Credential;
}

interface Wanted {
  readonly full: FullCredential;
  readonly mayReplace: (there: Credential) => boolean;
}

interface Saved {
  readonly status: 'created' | 'replaced';
  readonly credential: Credential;
}

function keptIn(store: StoreKind): KeptIn {
  if (store === 'keychain' || store === 'file') return store;
  throw new CredsetupError('UNEXPECTED', 'A credential was to be saved at home that is kept elsewhere.', { hint: 'Report this with what --debug prints.' });
}
