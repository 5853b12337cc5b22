/**
 * The store in a key/value engine of version 2: what the other stores promise, and beside it the
 * engine itself, whose versions are the lock of a team (see team/vault.ts).
 */
import { CredsetupError } from '../../errors.ts';
import { checkValue, newKey, wroteAndLost, type SecretStore } from '../store.ts';
import { Engine, type EngineOptions } from './engine.ts';

const attempts = 20;

export class OpenBaoStore implements SecretStore {
  readonly kind = 'vault';
  readonly asks = false;
  readonly engine: Engine;

  /** @throws URL_INVALID, USAGE for variables that name no engine */
  constructor(options: EngineOptions) {
    this.engine = new Engine(options);
  }

  /** Signs in and looks at the mount. */
  async open(): Promise<void> {
    await this.engine.check();
  }

  /**
   * A write whose check-and-set cannot fit is refused for that alone where the token may write:
   * the proof leaves nothing behind, whenever the run is ended.
   */
  async prepare(): Promise<void> {
    await this.engine.check();
    const name = `.probe-${newKey()}`;
    const version = await this.engine.write(name, { probe: 'credsetup' }, 1);
    if (version === undefined && (await this.engine.read(name)).kind === 'nothing') return;
    await this.engine.delete(name);
    throw new CredsetupError('STORE_UNAVAILABLE', `The engine at ${this.engine.place.path} of ${this.engine.place.address} took a write that its check-and-set must refuse.`, {
      url: this.engine.place.address, hint: 'Is something in front of it that changes requests? Without check-and-set two people would overwrite each other.',
    });
  }

  async read(key: string): Promise<string | undefined> {
    const found = await this.engine.read(key);
    if (found.kind !== 'there') return undefined;
    const { record } = found.data;
    return typeof record === 'string' ? record : undefined;
  }

  async write(key: string, value: string): Promise<void> {
    checkValue(value);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const { version } = await this.engine.read(key);
      if (await this.engine.write(key, { record: value }, version) !== undefined) return;
    }
    throw wroteAndLost(this.kind);
  }

  async delete(key: string): Promise<boolean> {
    const there = (await this.engine.read(key)).kind === 'there';
    await this.engine.delete(key);
    return there;
  }

  /** Its 404 means that nothing is there. */
  async confirmAbsence(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
