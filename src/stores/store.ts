/**
 * What every store of secrets promises. A store keeps one text (a whole record as JSON) under a
 * random key and knows nothing of names; the index does. `undefined` means that nothing is there,
 * throwing means that the store did not do its work.
 */
import { randomBytes } from 'node:crypto';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Fence } from './atomic.ts';

export type Purpose = 'create' | 'open';

export interface SecretStore {
  readonly kind: 'keychain' | 'file' | 'vault';
  /** Whether the next operation would first ask a person for something (a passphrase). */
  readonly asks: boolean;
  /**
   * Gets ready what the other calls need and asks for it where it must: `open` what is there,
   * `create` it where nothing is. To be called outside of locks: a person may take long.
   */
  open(purpose: Purpose): Promise<void>;
  /**
   * Proves that the store works: writes, reads back and deletes a random key. May be called
   * again after a failure. Throws STORE_UNAVAILABLE, STORE_LOCKED, STORE_TIMEOUT, STORE_CORRUPT,
   * STORE_TOO_NEW, STORE_UNWRITABLE, PASSPHRASE_REJECTED, INPUT_MISSING, INPUT_INVALID.
   */
  prepare(fence?: Fence): Promise<void>;
  /** The text under a key. A locked keychain may answer undefined too: see {@link confirmAbsence}. */
  read(key: string): Promise<string | undefined>;
  /**
   * Throws SECRET_TOO_LARGE beyond {@link largestSecret}, in every store. A store whose secrets
   * share one file passes the fence before it puts that file in place, here and in delete.
   */
  write(key: string, value: string, fence?: Fence): Promise<void>;
  /** False when nothing was there, or the keychain is locked: see {@link confirmAbsence}. */
  delete(key: string, fence?: Fence): Promise<boolean>;
  /** Where many are no more work than one: all of them written and deleted at once, or none. */
  readonly together?: {
    write(values: ReadonlyMap<string, string>, fence?: Fence): Promise<void>;
    delete(keys: readonly string[], fence?: Fence): Promise<void>;
  };
  /** Throws when an `undefined` or `false` just answered does not mean that nothing is there. */
  confirmAbsence(): Promise<void>;
  /** Ends whatever runs for the store. Safe to call twice. */
  close(): Promise<void>;
}

/** Bytes of UTF-8 that one secret may have: what Windows' keychain holds (CRED_MAX_CREDENTIAL_BLOB_SIZE, 5 * 512). */
export const largestSecret = 2560;

const keyPattern = /^[0-9a-f]{32}$/;

/** A new random key: 128 bits as hex. */
export function newKey(): string {
  return randomBytes(16).toString('hex');
}

/** Whether a text has the form of {@link newKey}. */
export function isKey(text: string): boolean {
  return keyPattern.test(text);
}

/**
 * Refuses before anything is written what a keychain cannot hold.
 *
 * @throws SECRET_TOO_LARGE; UNEXPECTED for an empty text (keytar refuses it) and one with a NUL
 * (keytar cuts there): a record's JSON is never either.
 */
export function checkValue(value: string): void {
  const size = Buffer.byteLength(value);
  if (size > largestSecret) {
    throw new CredsetupError('SECRET_TOO_LARGE', `This credential needs ${size} bytes, and a keychain holds ${largestSecret} for one.`, {
      hint: 'Use a shorter secret: look whether more than the token or password was pasted.',
    });
  }
  if (size === 0 || value.includes('\0')) {
    throw new CredsetupError('UNEXPECTED', 'A store was given a text that no keychain can hold.', { hint: 'Report this with what --debug prints.' });
  }
}

/** Throws at the first that cannot be written. */
export async function writeAll(store: SecretStore, values: ReadonlyMap<string, string>, fence: Fence): Promise<void> {
  if (store.together === undefined || values.size === 1) for (const [key, value] of values) await store.write(key, value, fence);
  else await store.together.write(values, fence);
}

/** Those that are gone: what cannot be deleted is in the way of no other. */
export async function deleteAll(store: SecretStore, keys: readonly string[], fence: Fence): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  const groups = store.together === undefined ? keys.map((key) => [key]) : [keys];
  for (const group of groups) {
    try {
      if (store.together !== undefined && group.length > 1) await store.together.delete(group, fence);
      else for (const key of group) if (!await store.delete(key, fence)) await store.confirmAbsence();
      for (const key of group) gone.add(key);
    } catch {
      // No error for the person: their save stands or failed for its own reason, and the index remembers the keys.
    }
  }
  return gone;
}

/**
 * The one key that is always tried first: what a killed probe leaves lies there, and the next
 * probe takes it away. SHA-256 of `credsetup probe`, its first 128 bits.
 */
export const probeKey = 'c28265da32b510c671eb680ead8ebce9';

/** Writes, reads back and deletes a key. */
export async function probe(store: Pick<SecretStore, 'kind' | 'read' | 'write' | 'delete'>, fence?: Fence): Promise<void> {
  // Another process may probe at the same moment, under the same key: only one of our own convicts.
  if (await givesBack(store, probeKey, fence).catch(goneMeanwhile) || await givesBack(store, newKey(), fence)) return;
  throw wroteAndLost(store.kind);
}

/** An item that the other one deletes in between is an error of the keychain's own; without a keychain the next key tells so too. */
function goneMeanwhile(error: unknown): false {
  if (isCredsetupError(error) && error.code === 'STORE_UNAVAILABLE') return false;
  throw error;
}

async function givesBack(store: Pick<SecretStore, 'read' | 'write' | 'delete'>, key: string, fence: Fence | undefined): Promise<boolean> {
  const value = newKey();
  await store.write(key, value, fence);
  const back = await store.read(key);
  await store.delete(key, fence);
  return back === value;
}

const lost: Readonly<Record<SecretStore['kind'], { readonly where: string; readonly hint: string }>> = {
  keychain: { where: 'The keychain', hint: 'Unlock the keychain and try again, or choose --store file.' },
  file: { where: 'The encrypted file', hint: 'Look at the disk that the file lies on, or choose --store keychain.' },
  vault: { where: 'The OpenBao or Vault', hint: 'Try again; look into its audit log for who else writes there.' },
};

/** The error for a store that takes a secret and does not give it back. */
export function wroteAndLost(kind: SecretStore['kind']): CredsetupError {
  const { where, hint } = lost[kind];
  return new CredsetupError('STORE_UNAVAILABLE', `${where} took a secret and did not give the same back.`, { hint });
}
