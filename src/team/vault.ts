/**
 * A team's vault: credentials by name in a key/value engine, which is the index too. Nothing is
 * kept at home and no lock is: each write names the version that it replaces (check-and-set), and
 * who lost reads again and decides anew.
 *
 * What can be spent once (a refresh token) is spent only by who holds the right to write: a version
 * that says so, with the same secrets. It lapses by the engine's clock, so that a run that was
 * killed between any two requests leaves nothing that stays locked.
 */
import { checkName, sameName } from '../credential-name.ts';
import type { Credential, FullCredential, StoreKind, Vault } from '../context.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { boundPart, keptFrom, nameTaken } from '../stores/entries.ts';
import { credentialIn, describe } from '../stores/openbao/description.ts';
import type { Found } from '../stores/openbao/engine.ts';
import { decode, encode, type Entry, type TeamCredential } from '../stores/openbao/entry.ts';
import { rule } from '../stores/openbao/failures.ts';
import type { OpenBaoStore } from '../stores/openbao/store.ts';
import { recordOfCredential } from '../stores/record.ts';
import { Holds, Lost, withoutHold, type Seen } from './holds.ts';
import { merge, sameTexts } from './merge.ts';

export interface TeamVaultOptions {
  readonly store: OpenBaoStore;
  readonly signal: AbortSignal;
  /** A sentence for the person: what could not be done beside what was asked. */
  readonly warn: (sentence: string) => void;
  /** Milliseconds, for tests: see {@link Holds}. */
  readonly times?: ConstructorParameters<typeof Holds>[0]['times'];
}

/** Another writer each time: with so many something else is wrong. */
const attempts = 50;
const keptByDefault = 10;
/** The request may have been carried out although we have no answer. */
const answerLost = new Set<string>(['CONNECTION_LOST', 'CONNECTION_TIMEOUT', 'SERVER_ERROR', 'RESPONSE_INVALID']);

export class TeamVault implements Vault {
  readonly #options: TeamVaultOptions;
  readonly #holds: Holds;
  /** What this run loaded, by id: what a save was made from. */
  readonly #loaded = new Map<string, FullCredential>();
  readonly #said = new Set<string>();

  constructor(options: TeamVaultOptions) {
    this.#options = options;
    this.#holds = new Holds({
      engine: options.store.engine, look: (name) => this.#look(name), signal: options.signal, ...(options.times === undefined ? {} : { times: options.times }),
    });
  }

  /** By the public side of each secret: reads no secret. */
  async list(): Promise<readonly Credential[]> {
    const described = await this.#engine.list();
    const known = described.flatMap((one) => {
      const credential = credentialIn(one.customMetadata);
      if (credential === undefined || pathName(credential.name) !== one.name) return [];
      return [{ at: one.createdAt, credential: one.deleted ? deletedIn(credential) : credential }];
    });
    const foreign = described.filter(({ name, version }) => version > 0 && !known.some(({ credential }) => pathName(credential.name) === name));
    if (foreign.length > 0) this.#warn(`In ${this.#engine.place.path} lies what credsetup did not describe, and is not listed: ${foreign.slice(0, 5).map(({ name }) => name).join(', ')}${foreign.length > 5 ? ', ...' : ''}.`);
    // A rename that was cut off left one id under two names: the newer is the one.
    const newest = known.filter(({ at, credential: { id } }) => !known.some((other) => other.credential.id === id && other.at > at));
    return newest.map(({ credential }) => credential).sort((one, other) => (pathName(one.name) < pathName(other.name) ? -1 : 1));
  }

  /** What somebody changed by hand is told where it is read. */
  async damaged(): Promise<readonly never[]> {
    return await Promise.resolve([]);
  }

  /** From the secret's own version: what is described beside it is for looking. */
  async find(name: string): Promise<Credential | undefined> {
    const found = await this.#engine.read(pathName(name));
    if (found.kind === 'deleted') {
      const credential = credentialIn(found.customMetadata);
      return credential === undefined ? undefined : deletedIn(credential);
    }
    return (await this.#seenIn(name, found))?.entry.credential;
  }

  async load(name: string): Promise<FullCredential> {
    const found = await this.#engine.read(pathName(name));
    if (found.kind === 'deleted') throw this.#deleted(name, found);
    const seen = await this.#seenIn(name, found);
    if (seen === undefined) throw this.#notFound(name);
    const full = fullOf(seen.entry);
    this.#loaded.set(full.credential.id, full);
    // A run that was cut off between the secret and its description left it unlisted.
    if (credentialIn(seen.found.customMetadata) === undefined && seen.entry.hold === undefined) await this.#describe(pathName(name), seen, true);
    return full;
  }

  async prepare(kind: StoreKind): Promise<void> {
    if (kind === 'vault') await this.#options.store.prepare();
  }

  async save(full: FullCredential, mayReplace: (there: Credential) => boolean): Promise<{ status: 'created' | 'replaced'; credential: Credential }> {
    const { name } = full.credential;
    checkName(name);
    const base = this.#loaded.get(full.credential.id);
    await this.#holds.still(full.credential.id);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const found = await this.#engine.read(pathName(name));
      const { there, current } = await this.#standing(name, found);
      if (found.kind === 'there' && current === undefined) throw this.#foreign(name);
      if (current !== undefined && !mayReplace(current)) throw nameTaken(current.name);
      const next = this.#merged(base, full, there);
      if (next === undefined) {
        // Who signed in anew meanwhile has the newer tokens; ours are good for this run.
        if (there !== undefined && this.#holds.has(full.credential.id)) return { status: 'replaced', credential: there.entry.credential };
        throw changedMeanwhile(name);
      }
      const entry = this.#entryFor(next, current, there);
      const version = await this.#write(pathName(name), entry, found.version);
      if (version === undefined) continue;
      this.#holds.ended(full.credential.id);
      const rotated = there !== undefined && !sameTexts(there.entry.record.secrets, entry.record.secrets);
      await this.#settle(pathName(name), version, { destroy: rotated || (there === undefined && found.kind === 'deleted') || there?.entry.hold !== undefined });
      this.#loaded.set(entry.credential.id, fullOf(entry));
      return { status: current === undefined ? 'created' : 'replaced', credential: entry.credential };
    }
    throw busy(name);
  }

  async update(name: string, change: (there: Credential) => Credential): Promise<Credential> {
    return await this.#change(name, (entry) => {
      const credential: TeamCredential = { ...change(entry.credential), store: 'vault' };
      if (boundPart(credential) === boundPart(entry.credential)) return { ...entry, credential };
      throw new CredsetupError('UNEXPECTED', `An update of ${entry.credential.name} would have changed what its secret is bound to.`, { hint: 'Report this with what --debug prints.' });
    });
  }

  async rename(from: string, to: string): Promise<Credential> {
    checkName(to);
    if (sameName(from, to)) return await this.#change(from, (entry) => ({ ...entry, credential: { ...entry.credential, name: to } }));
    const seen = await this.#holds.take(pathName(from), { movingTo: to });
    if (seen === undefined) throw this.#notFound(from);
    const { id } = seen.entry.credential;
    try {
      const target = await this.#engine.read(pathName(to));
      const moved: Entry = { ...withoutHold(seen.entry), movedFrom: pathName(from), credential: { ...seen.entry.credential, name: to } };
      const version = target.kind === 'nothing' ? await this.#write(pathName(to), moved, 0) : undefined;
      if (version === undefined) throw nameTaken(to, `Choose another name, or take that one away first: credsetup remove ${to}`);
      await this.#settle(pathName(to), version, { destroy: false });
      await this.#engine.delete(pathName(from));
      this.#holds.ended(id);
      return moved.credential;
    } finally {
      await this.#holds.release(id);
    }
  }

  async remove(name: string): Promise<Credential> {
    const found = await this.#engine.read(pathName(name));
    const { current } = await this.#standing(name, found);
    if (current === undefined) throw found.kind === 'there' ? this.#foreign(name) : this.#notFound(name);
    await this.#engine.delete(pathName(name));
    return current;
  }

  async withRefreshLock<T>({ id, name }: Pick<Credential, 'id' | 'name'>, task: (proveWrite: () => Promise<void>) => Promise<T>): Promise<T> {
    try {
      for (;;) {
        await this.#holds.waitForOthers(pathName(name), id);
        try {
          return await task(async () => { await this.#holds.prove(pathName(name), id, this.#loaded.get(id)); });
        } catch (error) {
          // Another one was faster: what it did is read again, and decided about anew.
          if (!(error instanceof Lost)) throw error;
        }
      }
    } finally {
      await this.#holds.release(id);
    }
  }

  async close(): Promise<void> {
    this.#holds.close();
    await this.#options.store.close();
  }

  // -------------------------------------------------------------- inside

  get #engine(): OpenBaoStore['engine'] {
    return this.#options.store.engine;
  }

  async #look(path: string): Promise<Seen | undefined> {
    const found = await this.#engine.read(path);
    return found.kind === 'there' ? await this.#seenIn(path, found) : undefined;
  }

  /** What was read under a name, when it is ours and lives here. Throws SECRET_ALTERED and its kind. */
  async #seenIn(name: string, found: Found): Promise<Seen | undefined> {
    if (found.kind !== 'there') return undefined;
    const path = pathName(name);
    const entry = decode(found.data, this.#engine.pathOf(path), found.customMetadata);
    if (entry === undefined || pathName(entry.credential.name) !== path) return undefined;
    const { record, credential, certificates } = entry;
    const differing = differences(recordOfCredential({ credential, secrets: record.secrets, certificates }), record);
    if (differing.length > 0) {
      throw new CredsetupError('SECRET_ALTERED', `${this.#engine.pathOf(path)} was changed by hand: its record and its credential disagree about ${differing.join(', ')}.`, {
        name, hint: `Bring the last good version back: bao kv rollback -version=NUMBER ${this.#engine.pathOf(path)}. Nothing was sent.`,
      });
    }
    if (entry.hold?.movingTo !== undefined && await this.#wasMoved(path, entry, entry.hold.movingTo)) return undefined;
    return { version: found.version, entry, found };
  }

  /**
   * What a save or a removal meets. One that was changed by hand or deleted is still known by its
   * description; what its secret was bound to is not taken over.
   */
  async #standing(name: string, found: Found): Promise<{ readonly there?: Seen; readonly current?: Credential }> {
    if (found.kind === 'nothing') return {};
    try {
      const there = await this.#seenIn(name, found);
      if (there !== undefined) return { there, current: there.entry.credential };
    } catch (error) {
      if (!isCredsetupError(error) || error.code !== 'SECRET_ALTERED') throw error;
    }
    const current = credentialIn(found.customMetadata);
    return current === undefined ? {} : { current };
  }

  /** A rename that was cut off after its new name stood: the old one is taken away now. */
  async #wasMoved(path: string, { credential: { id } }: Entry, to: string): Promise<boolean> {
    const target = await this.#engine.read(pathName(to));
    if (target.kind !== 'there') return false;
    const entry = decode(target.data, this.#engine.pathOf(pathName(to)), target.customMetadata);
    if (entry?.credential.id !== id || entry.movedFrom !== path) return false;
    // Whoever may not take it away passes over it all the same.
    await this.#permitted(() => this.#engine.delete(path), 'metadata', ['delete']);
    return true;
  }

  /** Reads, changes, writes; again when somebody else wrote in between. */
  async #change(name: string, change: (entry: Entry) => Entry): Promise<Credential> {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const seen = await this.#look(pathName(name));
      if (seen === undefined) throw this.#notFound(name);
      const entry = change(seen.entry);
      const version = await this.#write(pathName(name), entry, seen.version);
      if (version === undefined) continue;
      await this.#settle(pathName(name), version, { destroy: false });
      return entry.credential;
    }
    throw busy(name);
  }

  /** A write whose answer did not come may have been done: what stands there now tells. Throws with `outcomeUnknown` where that cannot be read. */
  async #write(path: string, entry: Entry, cas: number): Promise<number | undefined> {
    const data = encode(entry);
    try {
      return await this.#engine.write(path, data, cas);
    } catch (error) {
      if (!isCredsetupError(error) || !answerLost.has(error.code)) throw error;
      const standing = await this.#engine.read(path).catch((second: unknown) => {
        if (!isCredsetupError(second)) throw second;
        return undefined;
      });
      if (standing?.kind === 'there' && standing.version === cas + 1 && standing.data['record'] === data['record'] && standing.data['credential'] === data['credential']) return standing.version;
      if (standing !== undefined) throw error;
      throw new CredsetupError(error.code, `${error.message} Whether ${this.#engine.pathOf(path)} was written cannot be known now, for it cannot be read.`, { ...error.details, outcomeUnknown: true });
    }
  }

  #merged(base: FullCredential | undefined, mine: FullCredential, there: Seen | undefined): FullCredential | undefined {
    if (base === undefined || there === undefined || there.entry.credential.id !== base.credential.id) return mine;
    return merge(base, { ...mine, credential: { ...mine.credential, store: 'vault' } }, fullOf(there.entry));
  }

  /** Somebody else's right to write stays. */
  #entryFor(full: FullCredential, current: Credential | undefined, there: Seen | undefined): Entry {
    const { certificates } = full;
    const kept = current === undefined ? {} : keptFrom(current, full.credential);
    const credential: TeamCredential = { ...full.credential, ...kept, store: 'vault', caCertificates: certificates.length };
    const hold = there === undefined || this.#holds.isMine(there.entry.hold) ? undefined : there.entry.hold;
    return {
      credential, certificates, record: recordOfCredential({ ...full, credential }), others: there?.entry.others ?? {},
      ...(hold === undefined ? {} : { hold }),
    };
  }

  /** After a write: the description of what stands now, and an end to what it replaced. The write itself stands whatever happens here. */
  async #settle(path: string, version: number, { destroy }: { readonly destroy: boolean }): Promise<void> {
    const seen = await this.#look(path).catch((error: unknown) => {
      if (!isCredsetupError(error) || error.exitCode > 128) throw error;
      this.#warn(`${this.#engine.pathOf(path)} was written and could not be read again: ${error.message}`);
      return undefined;
    });
    if (seen !== undefined) await this.#describe(path, seen, false);
    if (destroy) await this.#destroyBefore(path, version);
  }

  /** Until what is described is what stands: of two writers the later one's description stays. */
  async #describe(path: string, seen: Seen, quiet: boolean): Promise<void> {
    let standing: Seen | undefined = seen;
    for (let attempt = 0; attempt < attempts && standing !== undefined; attempt += 1) {
      const described: Seen = standing;
      const wanted = describe(described.entry.credential, described.found.customMetadata);
      // By name: the engine gives them back in an order of its own.
      if (sameTexts(wanted, described.found.customMetadata)) return;
      const may = await this.#permitted(() => this.#engine.describe(path, wanted), 'metadata', ['create', 'update'], quiet ? undefined : `The public side of ${path} could not be written beside it, so lists show it as it was`);
      if (!may) return;
      standing = await this.#look(path);
    }
  }

  async #destroyBefore(path: string, version: number): Promise<void> {
    const oldest = Math.max(1, version - keptByDefault);
    const guess = Array.from({ length: version - oldest }, (_, at) => oldest + at);
    let old: readonly number[] = guess;
    await this.#permitted(async () => { old = (await this.#engine.described(path))?.readable.filter((one) => one < version) ?? []; }, 'metadata', ['read']);
    if (old.length === 0) return;
    await this.#permitted(() => this.#engine.destroy(path, old), 'destroy', ['create', 'update'], `The versions before this one stay readable at ${this.#engine.pathOf(path)}, with the secret that was replaced`);
  }

  /** False when the policy forbids it, which is said once with the rule that is missing. */
  async #permitted(task: () => Promise<void>, kind: string, capabilities: readonly string[], sentence?: string): Promise<boolean> {
    try {
      await task();
      return true;
    } catch (error) {
      if (!isCredsetupError(error) || error.exitCode > 128) throw error;
      const [mount = '', ...folder] = this.#engine.place.path.split('/');
      const missing = error.code === 'STORE_FORBIDDEN' ? `the policy of the token does not allow it: ${rule([mount, kind, ...folder, '*'].join('/'), capabilities)}` : `${error.message} (${error.code})`;
      if (sentence !== undefined) this.#warn(`${sentence}: ${missing}`);
      return false;
    }
  }

  #warn(sentence: string): void {
    if (this.#said.has(sentence)) return;
    this.#said.add(sentence);
    this.#options.warn(sentence);
  }

  // -------------------------------------------------------------- errors

  #notFound(name: string): CredsetupError {
    return new CredsetupError('NOT_FOUND', `No credential has the name ${name} in ${this.#engine.place.path} of ${this.#engine.place.address}.`, { name, hint: 'credsetup list shows the names. Was it renamed or removed by somebody just now?' });
  }

  #foreign(name: string): CredsetupError {
    return new CredsetupError('NAME_TAKEN', `Under the name ${name} lies something at ${this.#engine.pathOf(pathName(name))} that is none of credsetup's credentials; it is never replaced.`, {
      name, hint: 'Choose another name with --name, or another folder with CREDSETUP_VAULT_PATH.',
    });
  }

  #deleted(name: string, { version, deletedAt, destroyed }: Found & { readonly kind: 'deleted' }): CredsetupError {
    const at = this.#engine.pathOf(pathName(name));
    if (destroyed) return new CredsetupError('SECRET_DELETED', `The current version of ${at} was destroyed by somebody: its secret is gone for good.`, { name, hint: `Set it up again, or take the name away: credsetup remove ${name}` });
    return new CredsetupError('SECRET_DELETED', `${at} was deleted by somebody at ${deletedAt.slice(0, 19)}Z, in a way that can be taken back.`, {
      name, hint: `Bring it back: bao kv undelete -versions=${version} ${at}. Or let it go: credsetup remove ${name}`,
    });
  }
}

/** The part of the path that a name has: compared without regard to case, while the engine's paths are not. */
export function pathName(name: string): string {
  return name.toLowerCase();
}

export function fullOf({ credential, record, certificates }: Entry): FullCredential {
  return { credential, secrets: record.secrets, certificates };
}

function differences(one: object, other: object): readonly string[] {
  const [left, right] = [new Map<string, unknown>(Object.entries(one)), new Map<string, unknown>(Object.entries(other))];
  const sorted = (value: unknown): unknown => (typeof value === 'object' && value !== null ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : value);
  return [...new Set([...left.keys(), ...right.keys()])].filter((name) => JSON.stringify(sorted(left.get(name))) !== JSON.stringify(sorted(right.get(name))));
}

function deletedIn(credential: TeamCredential): TeamCredential {
  return { ...credential, warnings: [...credential.warnings, { code: 'SECRET_DELETED', message: 'Somebody deleted its current version in the OpenBao or Vault.' }] };
}

function changedMeanwhile(name: string): CredsetupError {
  return new CredsetupError('STORE_BUSY', `${name} was changed by somebody since this run read it, so nothing was written over it.`, { name, hint: 'Run the same command again: it begins with what stands there now.' });
}

function busy(name: string): CredsetupError {
  return new CredsetupError('STORE_BUSY', `Others wrote ${name} each time before this run could.`, { name, hint: 'Run the same command again.' });
}
