/**
 * The vault at home and the team's as one. Where the team's leads (CREDSETUP_STORE=vault), it is
 * the index, and a machine with an empty home has all that the team has; otherwise what was saved
 * there from here is remembered at home and found by its name.
 */
import { sameName } from '../credential-name.ts';
import type { Credential, FullCredential, StoreKind, Vault } from '../context.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { keptFrom, nameTaken } from '../stores/entries.ts';
import type { At, Known, Move } from './known.ts';
import { sameTexts } from './merge.ts';

export interface JoinedOptions {
  readonly home: Vault;
  /** Loaded when first needed. */
  team(): Promise<{ readonly vault: Vault; readonly at: At }>;
  readonly known: Known;
  /** The team's is the index. */
  readonly leads: boolean;
  readonly warn: (sentence: string) => void;
}

/** What a source's secret may have come to without standing in the way of what replaces it. */
const gone = new Set<string>(['SECRET_MISSING', 'SECRET_DELETED', 'SECRET_ALTERED']);

export class JoinedVault implements Vault {
  readonly #options: JoinedOptions;
  #team: ReturnType<JoinedOptions['team']> | undefined;
  readonly #loaded = new Map<string, FullCredential>();

  constructor(options: JoinedOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly Credential[]> {
    const { home, known, leads, warn } = this.#options;
    const here = await home.list();
    const theirs = leads ? await (await this.#theirs()).list() : (await known.list()).map(({ credential }) => credential);
    const move = here.length > 0 ? await known.move() : undefined;
    const first = leads || move?.to === 'vault' ? theirs : here;
    const second = first === theirs ? here : theirs;
    const hidden = second.filter(({ id, name }) => first.some((one) => one.id === id || sameName(one.name, name)));
    for (const { name, store } of hidden.filter(({ id }) => id !== move?.id)) warn(`${name} is in both the team's store and this computer's (${store}); the ${leads ? 'team\'s' : 'one here'} is used.`);
    return [...first, ...second.filter((one) => !hidden.includes(one))].sort((one, other) => (one.name.toLowerCase() < other.name.toLowerCase() ? -1 : 1));
  }

  async damaged(): ReturnType<Vault['damaged']> {
    return await this.#options.home.damaged();
  }

  async find(name: string): Promise<Credential | undefined> {
    const { home, known, leads } = this.#options;
    if (leads) return await (await this.#theirs()).find(name) ?? await home.find(name);
    return await home.find(name) ?? (await known.find(name))?.credential;
  }

  async load(name: string): Promise<FullCredential> {
    await this.#settle();
    const full = await (await this.#whereSecret(name)).load(name);
    this.#loaded.set(full.credential.id, full);
    return full;
  }

  async prepare(kind: StoreKind): Promise<void> {
    await (kind === 'vault' ? await this.#theirs() : this.#options.home).prepare(kind);
  }

  async save(full: FullCredential, mayReplace: (there: Credential) => boolean): Promise<{ status: 'created' | 'replaced'; credential: Credential }> {
    await this.#settle();
    const { name, store } = full.credential;
    const target = store === 'vault' ? await this.#theirs() : this.#options.home;
    const source = await this.#otherThan(store, name);
    const there = await source?.find(name);
    if (source !== undefined && there !== undefined) return await this.#move({ source, target, there, full, mayReplace });
    const saved = await target.save(full, mayReplace);
    await this.#remember(saved.credential);
    return saved;
  }

  async update(name: string, change: (there: Credential) => Credential): Promise<Credential> {
    const credential = await (await this.#whereSecret(name)).update(name, change);
    await this.#remember(credential);
    return credential;
  }

  async rename(from: string, to: string): Promise<Credential> {
    await this.#settle();
    const vault = await this.#whereSecret(from);
    const taken = await this.find(to);
    if (taken !== undefined && !sameName(from, to)) throw nameTaken(taken.name, `Choose another name, or take that one away first: credsetup remove ${taken.name}`);
    const credential = await vault.rename(from, to);
    await this.#remember(credential);
    return credential;
  }

  async remove(name: string): Promise<Credential | undefined> {
    await this.#settle();
    const { home, known } = this.#options;
    const remembered = await known.find(name);
    const vault = await this.#whereSecret(name, true);
    try {
      const credential = await vault.remove(name);
      if (vault !== home && credential !== undefined) await known.drop(credential);
      return credential;
    } catch (error) {
      // Somebody was faster, or it never was at this engine: what is remembered of it goes too.
      if (vault === home || remembered === undefined || !isCredsetupError(error) || error.code !== 'NOT_FOUND') throw error;
      await known.drop(remembered.credential);
      return remembered.credential;
    }
  }

  async withRefreshLock<T>(credential: Pick<Credential, 'id' | 'name' | 'store'>, task: (proveWrite: () => Promise<void>) => Promise<T>): Promise<T> {
    return await (credential.store === 'vault' ? await this.#theirs() : this.#options.home).withRefreshLock(credential, task);
  }

  async close(): Promise<void> {
    await this.#options.home.close();
    const opened = await this.#team?.catch(() => undefined);
    await opened?.vault.close();
  }

  // -------------------------------------------------------------- inside

  async #theirs(): Promise<Vault> {
    this.#team ??= this.#options.team();
    return (await this.#team).vault;
  }

  /** The vault that a name's secret is asked of; the one at home for a name that there is not. `asIs`: what lies there need not be good. */
  async #whereSecret(name: string, asIs = false): Promise<Vault> {
    const { home, known, leads } = this.#options;
    const named = (one: { readonly name?: string }): boolean => one.name !== undefined && sameName(one.name, name);
    const here = asIs ? (await home.list()).some(named) || (await home.damaged()).some(named) : await home.find(name) !== undefined;
    if (leads) {
      const theirs = await this.#theirs();
      if (!here) return theirs;
      const there = asIs ? (await theirs.list()).find((one) => sameName(one.name, name)) : await theirs.find(name);
      return there === undefined ? home : theirs;
    }
    const remembered = here ? undefined : await known.find(name);
    if (remembered === undefined) return home;
    const vault = await this.#theirs();
    const { at } = await (this.#team ?? this.#options.team());
    if (remembered.address === at.address && remembered.path === at.path) return vault;
    throw new CredsetupError('SECRET_MISSING', `${remembered.credential.name} was saved in ${remembered.path} of ${remembered.address}; this run is told of ${at.path} of ${at.address}.`, {
      name: remembered.credential.name, hint: 'Set BAO_ADDR (VAULT_ADDR) and CREDSETUP_VAULT_PATH as they were. The token is sent nowhere that a file alone names.',
    });
  }

  /** The side that a save does not go to, where it may hold the name. */
  async #otherThan(store: StoreKind, name: string): Promise<Vault | undefined> {
    const { home, known, leads } = this.#options;
    if (store === 'vault') return home;
    return leads || await known.find(name) !== undefined ? await this.#theirs() : undefined;
  }

  async #remember(credential: Credential): Promise<void> {
    const { known, leads } = this.#options;
    if (credential.store !== 'vault') return;
    const remembered = (await known.list()).some((one) => one.credential.id === credential.id);
    if (!leads || remembered) await known.put(credential, (await (this.#team ?? this.#options.team())).at);
  }

  /**
   * From one side to the other: written there, then taken away here, as the only one that could
   * spend what is in it. The note of it comes first, so that a run that was cut off is finished.
   */
  async #move({ source, target, there, full, mayReplace }: Moving): Promise<{ status: 'created' | 'replaced'; credential: Credential }> {
    const { known } = this.#options;
    if (!mayReplace(there)) throw nameTaken(there.name);
    const { store } = full.credential;
    if (store === 'none') throw new TypeError('a credential that is kept nowhere was to be moved');
    return await known.alone(async () => await source.withRefreshLock(there, async (proveWrite) => {
      const now = await loadOr(source, there.name, this.#loaded.has(there.id) ? undefined : gone);
      const before = this.#loaded.get(there.id);
      if (before !== undefined && now !== undefined && !sameTexts(before.secrets, now.secrets)) throw changedMeanwhile(there.name);
      if (now !== undefined) await proveWrite();
      await known.begin({ id: there.id, name: there.name, to: store });
      const { credential } = await target.save({ ...full, credential: { ...full.credential, ...keptFrom(there, full.credential) } }, mayReplace);
      await this.#finish(source, { id: there.id, name: there.name, to: store }, credential);
      return { status: 'replaced', credential };
    }));
  }

  /** What a move that was cut off left: one of two copies, or a note. */
  async #settle(): Promise<void> {
    const { home, known } = this.#options;
    if (await known.move() === undefined) return;
    await known.alone(async () => {
      const move = await known.move();
      if (move === undefined) return;
      const theirs = await this.#theirs();
      const [target, source] = move.to === 'vault' ? [theirs, home] : [home, theirs];
      const arrived = await target.find(move.name);
      if (arrived?.id === move.id) await this.#finish(source, move, arrived);
      else await known.done();
    });
  }

  async #finish(source: Vault, { id, name, to }: Move, arrived: Credential): Promise<void> {
    const { known } = this.#options;
    if ((await source.find(name))?.id === id) await source.remove(name);
    if (to === 'vault') await this.#remember(arrived);
    else await known.drop(arrived);
    await known.done();
  }
}

interface Moving {
  readonly source: Vault;
  readonly target: Vault;
  readonly there: Credential;
  readonly full: FullCredential;
  readonly mayReplace: (there: Credential) => boolean;
}

async function loadOr(vault: Vault, name: string, excused: ReadonlySet<string> | undefined): Promise<FullCredential | undefined> {
  try {
    return await vault.load(name);
  } catch (error) {
    if (isCredsetupError(error) && excused?.has(error.code) === true) return undefined;
    throw error;
  }
}

function changedMeanwhile(name: string): CredsetupError {
  return new CredsetupError('STORE_BUSY', `${name} got a new secret since this run read it, so it was not moved.`, { name, hint: 'Run the same command again: it begins with what stands there now.' });
}
