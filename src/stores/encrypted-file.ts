/**
 * The encrypted file: `credentials.age`, armored age, encrypted to one X25519 identity. The
 * identity is given (CREDSETUP_IDENTITY), or lies in `identity.age`, wrapped once by a passphrase:
 * so a write costs milliseconds and asks for nothing. The `age` program reads both files.
 *
 * The header carries a stanza of our own, `-> credsetup-recipient <recipient> <origin>`, which age
 * passes over: with it a wrong identity and a damaged file are two clear errors. `origin` is the
 * SHA-256 of identity.age, or `given`.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type * as Age from 'age-encryption';
import { CredsetupError } from '../errors.ts';
import { fileIdentity, proveWritable, readRegular, writeAtomic, writeNew, type Fence } from './atomic.ts';
import { corrupt, parseDocument, tooLarge } from './document.ts';
import { homeFiles } from './home.ts';
import { ageHeader, identityFile, identityIn, identityInvalid, workFactorOf, type AgeHeader } from './identity.ts';
import { runScrypt } from './scrypt.ts';
import { members, recordOf, text, versionOne, type Check } from './shape.ts';
import { checkValue, largestSecret, type Purpose, type SecretStore } from './store.ts';

export interface EncryptedFileOptions {
  /** The home. It must exist when something is written. */
  readonly home: string;
  /** The built `scrypt-worker.js`. */
  readonly workerPath: string;
  /** The text of CREDSETUP_IDENTITY or of the file that _IDENTITY_FILE names; undefined when neither is set. */
  identity(): Promise<string | undefined>;
  /** From a variable, a file or a question. Throws INPUT_MISSING in a script without one. */
  passphrase(purpose: Purpose): Promise<string>;
  now(): Date;
  readonly signal?: AbortSignal | undefined;
  /** scrypt's work factor (base-2 logarithm) for what is written, and the most for what is read. age's own default is 18. */
  readonly workFactor?: number;
}

const recipientStanza = 'credsetup-recipient';
const largestFile = 64 * 1024 * 1024;

interface Contents { readonly version: 1; readonly records: Readonly<Record<string, string>> }
const checkContents: Check<Contents> = members<Contents>({ version: versionOne, records: recordOf(/^[0-9a-f]{32}$/, text()) }, {});

interface Key { readonly identity: string; readonly recipient: string; readonly origin: string }

// Loaded when first used: `list` never is.
const age = async (): Promise<typeof Age> => await import('age-encryption');

/** The store in a home's encrypted file. Whoever writes must hold the home's write lock. */
export function createEncryptedFile(options: EncryptedFileOptions): SecretStore {
  return new EncryptedFile(options);
}

class EncryptedFile implements SecretStore {
  readonly kind = 'file';
  readonly #options: EncryptedFileOptions;
  readonly #path: string;
  readonly #identityPath: string;
  readonly #workFactor: number;
  /** One question a run: whoever comes while it is open waits for its answer. */
  #key: Promise<Key> | undefined;
  #opened = false;
  /** What these bytes were found to hold: read again and unchanged, they are not decrypted again. */
  #decrypted: { readonly file: Buffer; readonly identity: string; readonly contents: Contents } | undefined;

  #read: { readonly file: string | undefined; readonly contents: Contents } | undefined;

  constructor(options: EncryptedFileOptions) {
    this.#options = options;
    this.#path = join(options.home, homeFiles.data);
    this.#identityPath = join(options.home, homeFiles.identity);
    this.#workFactor = options.workFactor ?? 18;
  }

  get asks(): boolean {
    return !this.#opened;
  }

  async open(purpose: Purpose): Promise<void> {
    if (purpose === 'open' && await this.#file() === undefined) return;
    await this.#unlocked();
  }

  async prepare(fence?: Fence): Promise<void> {
    await this.#unlocked();
    const there = await readRegular(this.#path, largestFile, true);
    // What can be opened can be written anew, if the disk takes it: with room for one more secret, armored.
    await proveWritable(this.#path, (there?.length ?? 0) + 2 * largestSecret, { code: 'STORE_UNWRITABLE', fence });
  }

  async read(key: string): Promise<string | undefined> {
    // Many are read one after another: as long as the same file lies there it holds the same.
    const file = fileIdentity(this.#path);
    if (file === undefined || this.#read?.file !== file) this.#read = { file, contents: await this.#contents() };
    return this.#read.contents.records[key];
  }

  async write(key: string, value: string, fence?: Fence): Promise<void> {
    await this.#write(new Map([[key, value]]), fence);
  }

  async delete(key: string, fence?: Fence): Promise<boolean> {
    return await this.#delete([key], fence);
  }

  /** One file, however many records. */
  readonly together: NonNullable<SecretStore['together']> = {
    write: async (values, fence) => { await this.#write(values, fence); },
    delete: async (keys, fence) => { await this.#delete(keys, fence); },
  };

  async #write(values: ReadonlyMap<string, string>, fence: Fence | undefined): Promise<void> {
    for (const value of values.values()) checkValue(value);
    const { records } = await this.#contents();
    await this.#replace({ version: 1, records: { ...records, ...Object.fromEntries(values) } }, fence);
  }

  async #delete(keys: readonly string[], fence: Fence | undefined): Promise<boolean> {
    const { records } = await this.#contents();
    const gone = new Set(keys.filter((key) => records[key] !== undefined));
    if (gone.size === 0) return false;
    // A deletion that a power cut takes back is still among the index's leftovers.
    await this.#replace({ version: 1, records: Object.fromEntries(Object.entries(records).filter(([other]) => !gone.has(other))) }, fence, false);
    return true;
  }

  /** What this file does not hold is not there. */
  async confirmAbsence(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  // -------------------------------------------------------------- the data

  async #contents(): Promise<Contents> {
    const file = await this.#file();
    if (file === undefined) return { version: 1, records: {} };
    return await this.#decrypt(file, await this.#unlocked());
  }

  /** The binary age file; undefined when there is none. */
  async #file(): Promise<Buffer | undefined> {
    const bytes = await readRegular(this.#path, largestFile, true);
    return bytes === undefined ? undefined : await withoutArmor(bytes, this.#path);
  }

  async #replace(contents: Contents, fence: Fence | undefined, lasts = true): Promise<void> {
    const { identity, recipient, origin } = await this.#unlocked();
    const { Encrypter, Stanza, armor, identityToRecipient } = await age();
    const encrypter = new Encrypter();
    // From the identity and never from a file: a file could name another reader.
    encrypter.addRecipient(await identityToRecipient(identity));
    encrypter.addRecipient({ wrapFileKey: () => [new Stanza([recipientStanza, recipient, origin], new Uint8Array())] });
    const file = armor.encode(await wholeOf(await encrypter.encrypt(streamOf(Buffer.from(JSON.stringify(contents))))));
    if (file.length > largestFile) throw tooLarge(this.#path, file.length, largestFile);
    await writeAtomic(this.#path, file, { code: 'STORE_UNWRITABLE', fence, lasts });
  }

  async #decrypt(file: Buffer, key: Pick<Key, 'identity' | 'recipient'>): Promise<Contents> {
    const known = this.#decrypted;
    if (known?.identity === key.identity && known.file.equals(file)) return known.contents;
    const contents = await this.#open(file, key);
    this.#decrypted = { file, identity: key.identity, contents };
    return contents;
  }

  async #open(file: Buffer, key: Pick<Key, 'identity' | 'recipient'>): Promise<Contents> {
    const header = headerOf(file, this.#path);
    const { Decrypter } = await age();
    const decrypter = new Decrypter();
    const asked = { unmatched: false };
    decrypter.addIdentity(key.identity);
    // Asked only after our identity opened nothing: the library's own error has no code.
    decrypter.addIdentity({
      unwrapFileKey: () => {
        asked.unmatched = true;
        return null;
      },
    });
    let plain: Uint8Array;
    try {
      plain = await wholeOf(await decrypter.decrypt(streamOf(file)));
    } catch {
      if (asked.unmatched && await writtenForAnother(header, key.recipient)) throw wrongIdentity(this.#path);
      throw corrupt(this.#path, 'its encrypted contents were altered or cut');
    }
    return parseDocument(plain, this.#path, checkContents);
  }

  // -------------------------------------------------------------- the key

  async #unlocked(): Promise<Key> {
    this.#key ??= this.#findKey();
    try {
      const key = await this.#key;
      this.#opened = true;
      return key;
    } catch (error) {
      // The next call may ask again.
      this.#key = undefined;
      throw error;
    }
  }

  /** A key that opens what is there. */
  async #findKey(): Promise<Key> {
    const given = await this.#options.identity();
    const wrapped = given === undefined ? await readRegular(this.#identityPath, largestFile, true) : undefined;
    const file = await this.#file();
    const key = await this.#keyFrom(given, wrapped, file);
    if (file !== undefined) await this.#decrypt(file, key);
    return key;
  }

  async #keyFrom(given: string | undefined, wrapped: Buffer | undefined, file: Buffer | undefined): Promise<Key> {
    const origin = file === undefined ? undefined : stanzaOf(headerOf(file, this.#path))?.origin;
    if (given !== undefined) {
      const identity = identityIn(given);
      const recipient = identity === undefined ? undefined : await recipientOf(identity);
      if (identity === undefined || recipient === undefined) throw identityInvalid();
      return { identity, recipient, origin: origin ?? 'given' };
    }
    if (wrapped !== undefined) return await this.#unwrap(wrapped, await this.#options.passphrase('open'), origin);
    if (file !== undefined) throw identityGone(this.#path, this.#identityPath, origin === 'given');
    return await this.#create();
  }

  async #create(): Promise<Key> {
    const { generateX25519Identity, armor, identityToRecipient } = await age();
    const { workerPath, signal } = this.#options;
    const chosen = await this.#options.passphrase('create');
    if (chosen === '') {
      throw new CredsetupError('INPUT_INVALID', 'The passphrase of the encrypted file is empty.', { hint: 'Choose one of several words, or give an age identity in CREDSETUP_IDENTITY.', field: 'passphrase' });
    }
    const identity = await generateX25519Identity();
    const recipient = await identityToRecipient(identity);
    const result = await runScrypt(workerPath, { kind: 'wrap', passphrase: chosen, text: identityFile(identity, recipient, this.#options.now()), workFactor: this.#workFactor }, signal);
    if (result.kind !== 'wrapped') throw new TypeError(`the worker answered ${result.kind}`);
    const armored = armor.encode(result.file);
    if (await writeNew(this.#identityPath, armored, { code: 'STORE_UNWRITABLE' })) return { identity, recipient, origin: digest(result.file) };
    // Another process was first: its identity is the one, if the passphrase is the same.
    const there = await readRegular(this.#identityPath, largestFile);
    if (there === undefined) throw corrupt(this.#identityPath, 'it came and went');
    return await this.#unwrap(there, chosen, undefined);
  }

  /** @param origin what the data file says of identity.age, if it does */
  async #unwrap(wrapped: Buffer, passphrase: string, origin: string | undefined): Promise<Key> {
    const file = await withoutArmor(wrapped, this.#identityPath);
    const factor = workFactorOf(headerOf(file, this.#identityPath));
    if (factor === undefined) throw corrupt(this.#identityPath, 'it is no identity that a passphrase wraps');
    if (factor > this.#workFactor) {
      // A hostile header asks for gigabytes.
      throw corrupt(this.#identityPath, `it asks for the scrypt work factor ${factor}, and credsetup takes at most ${this.#workFactor}`);
    }
    if (passphrase === '') throw passphraseRejected(this.#identityPath);
    const result = await runScrypt(this.#options.workerPath, { kind: 'unwrap', passphrase, file }, this.#options.signal);
    if (result.kind === 'opened') {
      const identity = identityIn(result.text);
      const recipient = identity === undefined ? undefined : await recipientOf(identity);
      if (identity === undefined || recipient === undefined) throw corrupt(this.#identityPath, 'it holds no age identity');
      return { identity, recipient, origin: digest(file) };
    }
    const altered = origin !== undefined && origin !== 'given' && origin !== digest(file);
    if (result.kind === 'rejected' && !altered) throw passphraseRejected(this.#identityPath);
    throw corrupt(this.#identityPath, 'it was altered since credsetup wrote it');
  }
}

// Given bytes, the library reads its own streams through `Response`, for which Node loads all of fetch: 30 ms.
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(bytes));
      controller.close();
    },
  });
}

async function wholeOf(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function withoutArmor(bytes: Buffer, path: string): Promise<Buffer> {
  if (bytes.subarray(0, 4).toString('latin1') === 'age-') return bytes;
  const { armor } = await age();
  try {
    return Buffer.from(armor.decode(bytes.toString('latin1')));
  } catch {
    throw corrupt(path, 'it is no age file');
  }
}

function headerOf(file: Buffer, path: string): AgeHeader {
  const header = ageHeader(file);
  if (header === undefined) throw corrupt(path, 'its header is broken');
  if (header.version === 1) return header;
  throw new CredsetupError('STORE_TOO_NEW', `${path} has version ${header.version} of age's format.`, { hint: 'Update credsetup; the file was left as it is.' });
}

function stanzaOf(header: AgeHeader): { readonly recipient: string; readonly origin: string } | undefined {
  const [, recipient, origin] = header.stanzas.find(([type]) => type === recipientStanza) ?? [];
  return recipient === undefined || origin === undefined ? undefined : { recipient, origin };
}

async function recipientOf(identity: string): Promise<string | undefined> {
  const { identityToRecipient } = await age();
  // Its checksum may be wrong; the library's message repeats part of it.
  return await identityToRecipient(identity).catch(() => undefined);
}

/** Whether the header names, undamaged (bech32 has a checksum), another recipient than ours. */
async function writtenForAnother(header: AgeHeader, ours: string): Promise<boolean> {
  const named = stanzaOf(header)?.recipient;
  if (named === undefined || named === ours) return false;
  const { Encrypter } = await age();
  try {
    new Encrypter().addRecipient(named);
    return true;
  } catch {
    return false;
  }
}

function wrongIdentity(path: string): CredsetupError {
  return new CredsetupError('PASSPHRASE_REJECTED', `${path} was encrypted for another identity than this one.`, {
    hint: 'Give the identity that it was written with (CREDSETUP_IDENTITY or CREDSETUP_IDENTITY_FILE), or none to use identity.age beside it.',
  });
}

function passphraseRejected(path: string): CredsetupError {
  return new CredsetupError('PASSPHRASE_REJECTED', `This passphrase does not open ${path}.`, {
    hint: 'Give the passphrase that the encrypted file was set up with. Without it the file cannot be opened; it was left as it is.',
    field: 'passphrase',
  });
}

function identityGone(path: string, identityPath: string, given: boolean): CredsetupError {
  if (!given) return corrupt(identityPath, `it is missing, and without it ${path} cannot be opened`);
  return new CredsetupError('INPUT_MISSING', `${path} was encrypted for an age identity, and none was given.`, {
    hint: 'Give it in CREDSETUP_IDENTITY or CREDSETUP_IDENTITY_FILE.',
    missing: [{ field: 'identity', option: '', variable: 'CREDSETUP_IDENTITY' }],
  });
}
