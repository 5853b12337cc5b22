/**
 * What this home knows of a team's store: copies for looking of the credentials that were saved
 * there from here, so that a run that is not told of the store finds them; and a move between a
 * store at home and the team's that is under way. `vault-index.json` holds no secret.
 */
import { join } from 'node:path';
import { sameName } from '../credential-name.ts';
import type { Credential } from '../credential.ts';
import { readRegular, writeAtomic } from '../stores/atomic.ts';
import { parseDocument } from '../stores/document.ts';
import { ensureHome, homeExists, homeFiles, sweepTemporaries, type Machine } from '../stores/home.ts';
import { credentialShape, idText } from '../stores/index-file.ts';
import { withLock, type HeldLock, type LockOptions } from '../stores/lock.ts';
import { listOf, members, oneOf, text, versionOne, type Check } from '../stores/shape.ts';

export interface KnownOptions {
  readonly home: string;
  readonly machine: Machine;
  readonly signal: AbortSignal;
  readonly lock?: Pick<LockOptions, 'timeoutMs' | 'heartbeatMs' | 'staleMs'>;
}

/** Where an engine's secrets lie. */
export interface At {
  readonly address: string;
  readonly path: string;
}

export interface KnownCredential extends At {
  readonly credential: Credential & { readonly store: 'vault' };
}

/** Begun before anything is written, done when one copy is left. */
export interface Move {
  readonly id: string;
  readonly name: string;
  readonly to: 'keychain' | 'file' | 'vault';
}

interface Document {
  readonly version: 1;
  readonly known: readonly KnownCredential[];
  readonly move?: Move;
}

const largest = 16 * 1024 * 1024;
const short = text({ most: 2048 });
const checkDocument: Check<Document> = members<Document>({
  version: versionOne, known: listOf(members<KnownCredential>({ credential: credentialShape(oneOf('vault')), address: short, path: short }, {})),
}, { move: members<Move>({ id: idText, name: text({ most: 64 }), to: oneOf('keychain', 'file', 'vault') }, {}) });

export class Known {
  readonly #options: KnownOptions;

  constructor(options: KnownOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly KnownCredential[]> {
    return (await this.#read()).known;
  }

  async find(name: string): Promise<KnownCredential | undefined> {
    return (await this.list()).find(({ credential }) => sameName(credential.name, name));
  }

  async move(): Promise<Move | undefined> {
    return (await this.#read()).move;
  }

  /** Replaces what was known under this id or name. */
  async put(credential: Credential, { address, path }: At): Promise<void> {
    await this.#change((before) => ({ ...before, known: [...without(before.known, credential), { credential: { ...credential, store: 'vault' }, address, path }] }));
  }

  /** Writes only where it is known. */
  async drop(credential: Pick<Credential, 'id' | 'name'>): Promise<void> {
    if (without(await this.list(), credential).length === (await this.list()).length) return;
    await this.#change((before) => ({ ...before, known: without(before.known, credential) }));
  }

  async begin(move: Move): Promise<void> {
    await this.#change((before) => ({ ...before, move }));
  }

  async done(): Promise<void> {
    await this.#change(({ version, known }) => ({ version, known }));
  }

  /** Runs a task as the only one of this home that moves credentials. Throws STORE_BUSY. */
  async alone<T>(task: () => Promise<T>): Promise<T> {
    return await this.#locked('vault-moves.lock', () => task());
  }

  async #read(): Promise<Document> {
    const { home, machine } = this.#options;
    const path = join(home, homeFiles.known);
    const bytes = await homeExists(home, machine.uid) ? await readRegular(path, largest) : undefined;
    return bytes === undefined ? { version: 1, known: [] } : parseDocument(bytes, path, checkDocument);
  }

  async #change(change: (before: Document) => Document): Promise<void> {
    const { home } = this.#options;
    await this.#locked('vault-index.lock', async ({ fence }) => {
      await sweepTemporaries(home, [homeFiles.known]);
      const after = change(await this.#read());
      await writeAtomic(join(home, homeFiles.known), `${JSON.stringify(after, undefined, 2)}\n`, { code: 'STORE_UNWRITABLE', fence });
    });
  }

  async #locked<T>(name: string, task: (lock: HeldLock) => Promise<T>): Promise<T> {
    const { home, machine, signal, lock } = this.#options;
    await ensureHome(home, machine.uid);
    return await withLock(join(home, name), { machine, signal, ...lock }, task);
  }
}

function without(known: readonly KnownCredential[], { id, name }: Pick<Credential, 'id' | 'name'>): readonly KnownCredential[] {
  return known.filter(({ credential }) => credential.id !== id && !sameName(credential.name, name));
}
