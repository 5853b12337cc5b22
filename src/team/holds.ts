/**
 * The right to write, held across machines: a version of the secret that names its holder. Taken
 * with check-and-set, renewed while the work lasts, over by the engine's own clock when it is not.
 */
import { randomBytes } from 'node:crypto';
import type { FullCredential } from '../context.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Engine, Found } from '../stores/openbao/engine.ts';
import { encode, type Entry, type Hold } from '../stores/openbao/entry.ts';
import { sameTexts } from './merge.ts';

/** One that lies there: its version is what a write must name. */
export interface Seen {
  readonly version: number;
  readonly entry: Entry;
  readonly found: Found & { readonly kind: 'there' };
}

export interface HoldsOptions {
  readonly engine: Engine;
  /** What lies under a path now. */
  look(path: string): Promise<Seen | undefined>;
  readonly signal: AbortSignal;
  /** Milliseconds, for tests: how long a hold lasts (20,000), between two looks (300), and how long others are waited for (90,000). */
  readonly times?: { readonly lease?: number; readonly look?: number; readonly patience?: number };
}

/** Another one wrote first: whoever waited looks again. */
export class Lost extends Error {}

interface Held {
  readonly path: string;
  readonly hold: Hold;
  version: number;
  timer: NodeJS.Timeout | undefined;
  /** The renewal that is on its way. */
  renewing: Promise<void>;
  /** The holder's write has taken the hold's place, or the hold was given back. */
  over: boolean;
}

export class Holds {
  readonly #options: HoldsOptions;
  readonly #held = new Map<string, Held>();
  /** Holds that stood still for their whole time: over, whatever the engine's clock seems to say. */
  readonly #over = new Set<string>();

  constructor(options: HoldsOptions) {
    this.#options = options;
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  isMine(hold: Hold | undefined): boolean {
    return hold !== undefined && [...this.#held.values()].some((one) => one.hold.by === hold.by);
  }

  /**
   * Waits until nobody else holds the right to write, or the hold has lapsed.
   *
   * @throws STORE_BUSY
   */
  async waitForOthers(path: string, id: string): Promise<void> {
    const { look = 300, patience = 90_000 } = this.#options.times ?? {};
    const began = performance.now();
    let watched = { by: '', version: 0, since: began };
    for (;;) {
      const seen = await this.#options.look(path);
      const hold = seen?.entry.hold;
      if (seen === undefined || hold === undefined || this.#held.get(id)?.hold.by === hold.by) return;
      if (watched.by !== hold.by || watched.version !== seen.version) watched = { by: hold.by, version: seen.version, since: performance.now() };
      if (performance.now() - watched.since >= hold.seconds * 1000) this.#over.add(`${hold.by} ${seen.version}`);
      if (this.#lapsed(seen, hold)) return;
      if (performance.now() - began > patience) throw busy(path);
      await pause(look, this.#options.signal);
    }
  }

  /** Takes the right to write what a run has loaded. Throws {@link Lost} when that is not what stands there. */
  async prove(path: string, id: string, loaded: FullCredential | undefined): Promise<void> {
    if (loaded === undefined) throw new TypeError(`${path} was to be written and was not read`);
    const seen = await this.#options.look(path);
    const stands = seen !== undefined && seen.entry.credential.id === id && sameTexts(seen.entry.record.secrets, loaded.secrets);
    if (!stands) throw new Lost();
    await this.#hold(path, seen, {});
  }

  /** Waits for others and takes the right to write; undefined when nothing is there. Throws STORE_BUSY. */
  async take(path: string, more: Pick<Hold, 'movingTo'>): Promise<Seen | undefined> {
    for (;;) {
      await this.waitForOthers(path, '');
      const seen = await this.#options.look(path);
      if (seen === undefined) return undefined;
      try {
        await this.#hold(path, seen, more);
        return seen;
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
      }
    }
  }

  async #hold(path: string, seen: Seen, more: Pick<Hold, 'movingTo'>): Promise<void> {
    const { lease = 20_000 } = this.#options.times ?? {};
    const { hold: other } = seen.entry;
    // A live one that came since we looked; a lapsed one is nobody's.
    if (other !== undefined && !this.#lapsed(seen, other)) throw new Lost();
    const hold: Hold = { by: randomBytes(16).toString('hex'), seconds: Math.ceil(lease / 1000), ...more };
    const version = await this.#options.engine.write(path, encode({ ...seen.entry, hold }), seen.version);
    if (version === undefined) throw new Lost();
    const held: Held = { path, hold, version, timer: undefined, renewing: Promise.resolve(), over: false };
    held.timer = setInterval(() => { held.renewing = held.renewing.then(() => this.#renew(held)); }, lease / 4);
    held.timer.unref();
    this.#held.set(seen.entry.credential.id, held);
  }

  /** By two times of one clock, the engine's; and by ours where it stood still for its whole time. */
  #lapsed({ version, found }: Seen, { by, seconds }: Hold): boolean {
    if (this.#over.has(`${by} ${version}`)) return true;
    return found.answeredAt !== undefined && found.answeredAt - found.createdAt >= seconds * 1000;
  }

  /** Says that the work still goes on. Whoever wrote in between kept the hold, or it is lost and the save finds out. */
  async #renew(held: Held): Promise<void> {
    if (held.over) return;
    try {
      const seen = await this.#options.look(held.path);
      if (seen?.entry.hold?.by !== held.hold.by) return;
      held.version = await this.#options.engine.write(held.path, encode(seen.entry), seen.version) ?? held.version;
    } catch (error) {
      // The work itself meets what keeps the engine from answering; a hold that is not renewed lapses.
      if (!isCredsetupError(error)) throw error;
    }
  }

  /** No renewal is on its way any more: what is read now is what a write replaces. */
  async still(id: string): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return;
    clearInterval(held.timer);
    await held.renewing;
  }

  /** The holder's own write took the hold's place. */
  ended(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    clearInterval(held.timer);
    held.over = true;
    this.#held.delete(id);
  }

  /** Gives back what was not used, so that nobody has to wait. */
  async release(id: string): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return;
    await this.still(id);
    this.ended(id);
    try {
      const seen = await this.#options.look(held.path);
      if (seen?.entry.hold?.by !== held.hold.by) return;
      await this.#options.engine.write(held.path, encode(withoutHold(seen.entry)), seen.version);
    } catch (error) {
      // The work's own outcome is the one to tell, and the hold lapses by itself.
      if (!isCredsetupError(error)) throw error;
    }
  }

  close(): void {
    for (const { timer } of this.#held.values()) clearInterval(timer);
  }
}

/** The entry without its holder. */
export function withoutHold(entry: Entry): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => name !== 'hold')) as unknown as Entry;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end, { once: true });
  });
  signal.throwIfAborted();
}

function busy(path: string): CredsetupError {
  return new CredsetupError('STORE_BUSY', `Another credsetup has held the right to write ${path} for long, on this machine or another.`, { hint: 'Run the same command again; nothing has to be unlocked by hand.' });
}
