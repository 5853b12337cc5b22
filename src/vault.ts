/**
 * The vault: credentials by name over the index and the stores. It is the only holder of the
 * locks, and the only one that knows in which order a save is committed.
 *
 * A save goes under a new random key: index entry pending, secret written and read back, index
 * committed, old key deleted. Killed between any two steps, the old secret still loads or the new
 * one does, and the next save that uses the same store finishes or undoes the rest.
 */
import { join } from 'node:path';
import { checkName, sameName } from './credential-name.ts';
import type { Credential, FullCredential, StoreKind, Vault } from './context.ts';
import { CredsetupError, isCredsetupError } from './errors.ts';
import { errorCode } from './stores/atomic.ts';
import { ensureHome, homeExists, sweepTemporaries, type Machine } from './stores/home.ts';
import { certificatesDigest, emptyIndex, idText, indexName, readIndex, writeIndex, type Index, type IndexEntry, type KeptIn, type Place } from './stores/index-file.ts';
import { withLock, type HeldLock, type LockOptions } from './stores/lock.ts';
import { readRecord, recordOfCredential } from './stores/record.ts';
import { checkValue, newKey, wroteAndLost, type SecretStore } from './stores/store.ts';

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
  /** Told after each step of a save, for tests that kill the process there. */
  onStep?(step: SaveStep): void | Promise<void>;
}

const lockName = 'write.lock';
/** Files of the home that only the holder of the write lock writes. */
const writtenFiles = [indexName, 'credentials.age'];
const namesShown = 10;

/** The vault of a home. Nothing is read, asked or created before it is used. */
export function createVault(options: VaultOptions): Vault {
  return new HomeVault(options);
}

class HomeVault implements Vault {
  readonly #options: VaultOptions;
  readonly #stores = new Map<KeptIn, Promise<SecretStore>>();
  /** Writers of this process come one after another and need not knock at the lock. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: VaultOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly Credential[]> {
    const { entries } = await this.#index();
    return entries.map(({ credential }) => credential).sort((one, other) => compareNames(one.name, other.name));
  }

  async find(name: string): Promise<Credential | undefined> {
    return entryOf(await this.#index(), name)?.credential;
  }

  async load(name: string): Promise<FullCredential> {
    const index = await this.#index();
    const entry = entryOrThrow(index, name);
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
    const entry = entryOrThrow(index, before.credential.name);
    const stored = await (await this.#store(entry.credential.store)).read(entry.key);
    if (stored === undefined) throw secretMissing(entry.credential);
    return fullOf(stored, entry, index);
  }

  async prepare(kind: StoreKind): Promise<void> {
    if (kind === 'none') return;
    // A damaged index is told before a passphrase is asked for.
    await this.#index();
    const store = await this.#store(kind);
    await this.#create(store);
    // A keychain may show a dialog, which no lock should wait for; the file is shared and needs it.
    if (kind === 'keychain') await store.prepare();
    await this.#writing(async (lock, index) => {
      // Written although nothing changed: that proves that a save will find room and permission.
      await this.#write(lock, index);
      if (kind === 'file') await store.prepare();
    });
  }

  async save(full: FullCredential, mayReplace: (there: Credential) => boolean): Promise<{ status: 'created' | 'replaced'; credential: Credential }> {
    checkName(full.credential.name);
    const kind = keptIn(full.credential.store);
    const store = await this.#store(kind);
    await this.#create(store);
    return await this.#writing(async (lock, index) => {
      await this.#options.onStep?.('locked');
      const there = entryOf(index, full.credential.name);
      if (there !== undefined && !mayReplace(there.credential)) throw nameTaken(there.credential.name);
      const next = entryFor(full, kind, there);
      const value = JSON.stringify(recordOfCredential({ ...full, credential: next.credential }));
      checkValue(value);
      const clean = await this.#finish(index, new Set([kind]));
      await this.#commit({ lock, index: clean, next, there, value, store, certificates: full.certificates });
      return { status: there === undefined ? 'created' : 'replaced', credential: next.credential };
    });
  }

  async update(name: string, change: (there: Credential) => Credential): Promise<Credential> {
    return await this.#writing(async (lock, index) => {
      const entry = entryOrThrow(index, name);
      const credential = { ...change(entry.credential), store: entry.credential.store };
      if (boundPart(credential) !== boundPart(entry.credential)) {
        throw new CredsetupError('UNEXPECTED', `An update of ${entry.credential.name} would have changed what its secret is bound to.`, { hint: 'Report this with what --debug prints.' });
      }
      await this.#write(lock, withEntry(index, entry, { ...entry, credential }));
      return credential;
    });
  }

  async rename(from: string, to: string): Promise<Credential> {
    checkName(to);
    return await this.#writing(async (lock, index) => {
      const entry = entryOrThrow(index, from);
      const there = entryOf(index, to);
      if (there !== undefined && there !== entry) throw nameTaken(there.credential.name, `Choose another name, or take that one away first: credsetup remove ${there.credential.name}`);
      const credential = { ...entry.credential, name: to };
      await this.#write(lock, withEntry(index, entry, { ...entry, credential }));
      return credential;
    });
  }

  async remove(name: string): Promise<Credential> {
    const kind = entryOrThrow(await this.#index(), name).credential.store;
    await (await this.#store(kind)).open('open');
    return await this.#writing(async (lock, index) => {
      const entry = entryOrThrow(index, name);
      const store = await this.#store(entry.credential.store);
      const deleted = await store.delete(entry.key);
      if (!deleted) await store.confirmAbsence();
      const clean = await this.#finish(index, new Set([entry.credential.store]));
      await this.#write(lock, { ...clean, entries: clean.entries.filter(({ key }) => key !== entry.key) });
      return entry.credential;
    });
  }

  async withRefreshLock<T>(id: string, task: () => Promise<T>): Promise<T> {
    const { home, machine } = this.#options;
    await ensureHome(home, machine.uid);
    return await withLock(join(home, `refresh-${idText(id, 'the id')}.lock`), this.#lockOptions(), task);
  }

  async close(): Promise<void> {
    const stores = await Promise.all(this.#stores.values());
    await Promise.all(stores.map((store) => store.close()));
  }

  // -------------------------------------------------------------- inside

  async #index(): Promise<Index> {
    const { home, machine } = this.#options;
    return await homeExists(home, machine.uid) ? await readIndex(home) : emptyIndex;
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

  async #write(lock: HeldLock, index: Index): Promise<void> {
    if (!await lock.stillHeld()) {
      throw new CredsetupError('STORE_BUSY', 'Another credsetup took over while this one was held up, so nothing was saved.', { hint: 'Run the same command again.' });
    }
    await writeIndex(this.#options.home, index);
  }

  async #commit(save: Save): Promise<void> {
    const { lock, index, next, there, value, store, certificates } = save;
    const fresh: Place = { key: next.key, store: store.kind };
    const step = async (name: SaveStep): Promise<void> => this.#options.onStep?.(name);

    await this.#write(lock, { ...index, pending: [...index.pending, fresh] });
    await step('pending');
    try {
      await store.write(fresh.key, value);
      await step('written');
      if (await store.read(fresh.key) !== value) throw wroteAndLost(store.kind);
      await step('verified');
      await this.#write(lock, committed(index, next, there, certificates));
    } catch (error) {
      await this.#undo(lock, index, fresh);
      throw error;
    }
    await step('committed');
    if (there === undefined) return;
    await this.#deleteOld(lock, placeOf(there), step);
  }

  /** Takes a failed save back. Where that fails too, the key stays pending and the next save deletes it. */
  async #undo(lock: HeldLock, index: Index, fresh: Place): Promise<void> {
    try {
      // The file is shared: without the lock it is somebody else's turn to write it.
      const held = await lock.stillHeld();
      if (!held && fresh.store === 'file') return;
      // The commit may have arrived although it was reported as failed (a folder that does not sync).
      const { entries } = await readIndex(this.#options.home);
      if (entries.some(({ key }) => key === fresh.key)) return;
      if (await this.#tryDelete(fresh)) await this.#write(lock, index);
    } catch (error) {
      // The error of the save itself is the one to tell.
      if (!isCredsetupError(error) && errorCode(error) === undefined) throw error;
    }
  }

  /** The save stands already: what fails here is left to the next one. */
  async #deleteOld(lock: HeldLock, old: Place, step: (name: SaveStep) => Promise<void>): Promise<void> {
    if (!await this.#tryDelete(old)) return;
    await step('deleted');
    const index = await readIndex(this.#options.home);
    await this.#write(lock, { ...index, leftovers: index.leftovers.filter(({ key }) => key !== old.key) });
    await step('cleared');
  }

  /** Deletes what cut-off saves left in the stores that this run uses anyway. */
  async #finish(index: Index, used: ReadonlySet<KeptIn>): Promise<Index> {
    const gone = new Set<string>();
    for (const place of [...index.pending, ...index.leftovers]) {
      if (used.has(place.store) && await this.#tryDelete(place)) gone.add(place.key);
    }
    const kept = (places: readonly Place[]): Place[] => places.filter(({ key }) => !gone.has(key));
    return { ...index, pending: kept(index.pending), leftovers: kept(index.leftovers) };
  }

  /** False when the store did not do it, or would first ask for its passphrase. */
  async #tryDelete({ key, store: kind }: Place): Promise<boolean> {
    try {
      const store = await this.#store(kind);
      if (store.asks) return false;
      if (!await store.delete(key)) await store.confirmAbsence();
      return true;
    } catch {
      // No error for the person: their save stands or failed for its own reason, and the index remembers the key.
      return false;
    }
  }
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
  if (store !== 'none') return store;
  throw new CredsetupError('UNEXPECTED', 'A credential without a store was to be saved.', { hint: 'Report this with what --debug prints.' });
}

function compareNames(one: string, other: string): number {
  const [left, right] = [one.toLowerCase(), other.toLowerCase()];
  return left < right ? -1 : Number(left > right);
}

function placeOf({ key, credential: { store } }: IndexEntry): Place {
  return { key, store };
}

function entryOf(index: Index, name: string): IndexEntry | undefined {
  return index.entries.find(({ credential }) => sameName(credential.name, name));
}

function entryOrThrow(index: Index, name: string): IndexEntry {
  const entry = entryOf(index, name);
  if (entry !== undefined) return entry;
  const names = index.entries.map(({ credential }) => credential.name).sort(compareNames);
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : '';
  const known = names.length === 0 ? 'Nothing is stored yet.' : `There are ${names.slice(0, namesShown).join(', ')}${more}.`;
  throw new CredsetupError('NOT_FOUND', `No credential is named ${JSON.stringify(name)}. ${known}`, {
    hint: names.length === 0 ? 'Set one up with credsetup mautic or credsetup mattermost.' : 'Choose one of them; credsetup list shows all.',
    name,
  });
}

/** A replaced credential keeps its id, so that locks and exports know it again, its birthday, and where copies of it are. */
function entryFor({ credential, certificates }: FullCredential, kind: KeptIn, there: IndexEntry | undefined): IndexEntry {
  const kept = there === undefined ? {} : {
    id: there.credential.id, createdAt: there.credential.createdAt,
    ...(there.credential.pushed === undefined ? {} : { pushed: there.credential.pushed }),
  };
  return {
    credential: { ...credential, ...kept, store: kind, caCertificates: certificates.length },
    key: newKey(),
    ...(certificates.length === 0 ? {} : { caSha256: certificatesDigest(certificates) }),
  };
}

function withEntry(index: Index, before: IndexEntry, after: IndexEntry): Index {
  return { ...index, entries: index.entries.map((entry) => entry === before ? after : entry) };
}

function committed(index: Index, next: IndexEntry, there: IndexEntry | undefined, certificates: readonly string[]): Index {
  return {
    ...index,
    entries: there === undefined ? [...index.entries, next] : index.entries.map((entry) => entry.key === there.key ? next : entry),
    certificates: next.caSha256 === undefined ? index.certificates : { ...index.certificates, [next.caSha256]: certificates },
    leftovers: there === undefined ? index.leftovers : [...index.leftovers, placeOf(there)],
  };
}

/** What must not change without the secret, in one text to compare. */
function boundPart({ id, name, service, method, grant, url, fields, store, ignoreSslIssues, allowHttp, caCertificates }: Credential): string {
  const { username, clientId, redirectUri, tokenId } = fields;
  return JSON.stringify([id, name, service, method, grant, url, username, clientId, redirectUri, tokenId, store, ignoreSslIssues, allowHttp, caCertificates]);
}

function fullOf(stored: string, entry: IndexEntry, index: Index): FullCredential {
  const { secrets, caSha256 } = readRecord(stored, entry);
  return { credential: entry.credential, secrets, certificates: caSha256 === undefined ? [] : index.certificates[caSha256] ?? [] };
}

function nameTaken(name: string, hint = 'Choose another name with --name, or add --replace to replace it.'): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `A credential named ${name} exists already.`, { hint, name });
}

function secretMissing({ name, store }: Credential): CredsetupError {
  const where = store === 'keychain' ? 'the keychain' : 'the encrypted file';
  const check = store === 'keychain'
    ? 'Look into the keychain for the service "credsetup" (on Linux: seahorse, or secret-tool search service credsetup): is it unlocked, and the one of the user who saved it?'
    : 'Was credentials.age brought back from an older backup?';
  return new CredsetupError('SECRET_MISSING', `The secret of ${name} is not in ${where}: it was deleted there, or that part of it is locked.`, {
    hint: `${check} Otherwise set it up again with credsetup reconnect ${name}, or credsetup remove ${name}.`, name,
  });
}
