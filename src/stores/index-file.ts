/**
 * The index: what is known of the stored credentials without their secrets, the CA certificates,
 * and what a cut-off save left to do. One file, `index.json`, written atomically and read as
 * untrusted: whoever can edit it must get no further than an error.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isName } from '../credential-name.ts';
import type { Account, Credential, PublicFields, Pushed, StoreKind, Warning } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { fileIdentity, readRegular, writeAtomic, type WriteOptions } from './atomic.ts';
import { corrupt, parseDocument, tooLarge } from './document.ts';
import { homeFiles } from './home.ts';
import { count, flag, listOf, members, oneOf, recordOf, ShapeError, text, textThat, time, versionOne, type Check } from './shape.ts';
import { isKey } from './store.ts';

export type KeptIn = 'keychain' | 'file';

/** A secret's place: the random key in one of the stores. */
export interface Place {
  readonly key: string;
  readonly store: KeptIn;
}

export interface IndexEntry {
  readonly credential: Credential & { readonly store: KeptIn };
  readonly key: string;
  /** Names the credential's CA certificates in {@link Index.certificates}. */
  readonly caSha256?: string;
}

/** An entry that is not what it should be: kept as it is, and in the way of no other. */
export interface DamagedEntry {
  /** What stands in the file. */
  readonly raw: unknown;
  readonly why: string;
  /** As far as it can be told. */
  readonly name?: string;
  readonly place?: Place;
}

export interface Index {
  readonly version: 1;
  readonly entries: readonly IndexEntry[];
  readonly damaged: readonly DamagedEntry[];
  /** PEM texts by {@link certificatesDigest}: Windows' keychain has no room for them. */
  readonly certificates: Readonly<Record<string, readonly string[]>>;
  /** Keys that a save is about to write, or was when it was cut off. */
  readonly pending: readonly Place[];
  /** Keys whose credential was replaced and whose secret is still to be deleted. */
  readonly leftovers: readonly Place[];
}

export const emptyIndex: Index = { version: 1, entries: [], damaged: [], certificates: {}, pending: [], leftovers: [] };

/** Bytes. Some 60,000 credentials. */
const largestIndex = 64 * 1024 * 1024;

/** SHA-256 (hex) over the PEM texts as a JSON list, so that no two lists have the same. */
export function certificatesDigest(certificates: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(certificates)).digest('hex');
}

// ---------------------------------------------------------------- what each member must be

/** It becomes part of a lock's file name. */
export const idText = text({ pattern: /^[A-Za-z0-9_-]{1,64}$/ });
export const serviceWord = text({ pattern: /^[a-z][a-z0-9-]{0,31}$/ });
export const urlText = textThat((value) => {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return (protocol === 'https:' || protocol === 'http:') && username === '' && password === '';
});
export const publicFields = members<PublicFields>({}, { username: text(), clientId: text(), redirectUri: text(), tokenId: text() });

const storeWord = oneOf('keychain', 'file');
const keyText = textThat(isKey);
const digestPattern = /^[0-9a-f]{64}$/;
const word = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

const account = members<Account>({}, { id: text(), username: text(), name: text(), email: text(), admin: flag, bot: flag });
const warning = members<Warning>({ code: text({ pattern: /^[A-Z][A-Z0-9_]{0,63}$/ }), message: text() }, {});
/** A public credential that lies in one of these stores. */
export const credentialShape = <S extends StoreKind>(store: Check<S>): Check<Credential & { readonly store: S }> => members<Credential>({
  id: idText, name: textThat(isName), service: serviceWord, method: serviceWord, url: urlText,
  account, server: members<Credential['server']>({}, { version: text() }), fields: publicFields, store,
  createdAt: time, validatedAt: time, ignoreSslIssues: flag, allowHttp: flag, caCertificates: count, warnings: listOf(warning),
}, {
  grant: serviceWord, signIn: oneOf('n8n'), issuedAt: time, expiresAt: time, capabilities: recordOf(word, flag), redirectUris: listOf(text()),
  pushed: listOf(members<Pushed>({ url: urlText, id: text(), name: text(), type: text(), at: time }, {
    urlInN8n: urlText, clientId: text(), test: members<NonNullable<Pushed['test']>>({ status: text(), message: text(), at: time }, { proof: text() }),
  })),
  handedOver: members<NonNullable<Credential['handedOver']>>({ to: text(), at: time, state: text() }, {}),
}) as Check<Credential & { readonly store: S }>;
const entry = members<IndexEntry>({ credential: credentialShape(storeWord), key: keyText }, { caSha256: text({ pattern: digestPattern }) });
const place = members<Place>({ key: keyText, store: storeWord }, {});
/** The file, its entries still unchecked. */
interface Document extends Omit<Index, 'entries' | 'damaged'> {
  readonly entries: readonly unknown[];
}

const checkDocument: Check<Document> = members<Document>({
  version: versionOne, entries: listOf((value) => value), certificates: recordOf(digestPattern, listOf(text({ most: 256 * 1024 }))),
  pending: listOf(place), leftovers: listOf(place),
}, {});

// ---------------------------------------------------------------- reading and writing

/**
 * An index from its bytes, every member checked and held against the others. An entry that is
 * damaged by itself is told apart, so that the others stay usable.
 *
 * @throws STORE_CORRUPT, STORE_TOO_NEW
 */
export function parseIndex(bytes: Uint8Array, path: string): Index {
  const document = parseDocument(bytes, path, checkDocument);
  const altered = Object.entries(document.certificates).some(([digest, list]) => certificatesDigest(list) !== digest);
  if (altered) throw corrupt(path, 'a CA certificate was altered');
  const entries: IndexEntry[] = [];
  const damaged: DamagedEntry[] = [];
  for (const [number, raw] of document.entries.entries()) {
    const found = entryOrDamage(raw, `entries[${number}]`, document);
    if ('why' in found) damaged.push(found);
    else entries.push(found);
  }
  const index = { ...document, entries, damaged };
  const fault = contradiction(index);
  if (fault !== undefined) throw corrupt(path, fault);
  return index;
}

/** Entries that passed their check in this process: what is written again needs no second one. */
const sound = new WeakSet<IndexEntry>();

function entryOrDamage(raw: unknown, where: string, { certificates }: Document): IndexEntry | DamagedEntry {
  try {
    const found = entry(raw, where);
    sound.add(found);
    const list = found.caSha256 === undefined ? [] : certificates[found.caSha256];
    if (list?.length !== found.credential.caCertificates) throw new ShapeError(`the CA certificates of ${where} are missing`);
    return found;
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    return { raw, why: error.message, ...nameIn(raw), ...placeIn(raw) };
  }
}

function nameIn(raw: unknown): Pick<DamagedEntry, 'name'> {
  const name = memberOf(memberOf(raw, 'credential'), 'name');
  return typeof name === 'string' && isName(name) ? { name } : {};
}

function placeIn(raw: unknown): Pick<DamagedEntry, 'place'> {
  const [key, store] = [memberOf(raw, 'key'), memberOf(memberOf(raw, 'credential'), 'store')];
  return typeof key === 'string' && isKey(key) && (store === 'keychain' || store === 'file') ? { place: { key, store } } : {};
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function contradiction({ entries, damaged, pending, leftovers }: Index): string | undefined {
  const names = [
    ...entries.map(({ credential: { name } }) => name), ...damaged.map(({ name }) => name),
  ].filter((name) => name !== undefined).map((name) => name.toLowerCase());
  if (new Set(names).size !== names.length) return 'it holds a name twice';
  // A key in two places would have a live secret deleted as a leftover.
  const keys = [...entries, ...damaged.map((one) => one.place), ...pending, ...leftovers].filter((one) => one !== undefined).map(({ key }) => key);
  return new Set(keys).size === keys.length ? undefined : 'it holds a key twice';
}

/**
 * The index of a home; empty when there is none.
 *
 * @param again `by-its-file`: what was read before holds as long as the same file lies there, for
 * looking things up; whoever is to write reads the bytes
 * @throws STORE_CORRUPT, STORE_TOO_NEW, STORE_UNWRITABLE when it cannot be read
 */
export async function readIndex(home: string, again: 'by-its-bytes' | 'by-its-file' = 'by-its-bytes'): Promise<Index> {
  const path = join(home, homeFiles.index);
  // Before it is read: what is put in its place meanwhile is read the next time.
  const file = fileIdentity(path);
  const before = lastRead?.path === path ? lastRead : undefined;
  if (again === 'by-its-file' && file !== undefined && before?.file === file) return before.index;
  const bytes = await readRegular(path, largestIndex);
  if (bytes === undefined) return emptyIndex;
  const index = before?.bytes.equals(bytes) === true ? before.index : parseIndex(bytes, path);
  lastRead = { path, file, bytes, index };
  return index;
}

/** One run reads the index again before every change: the same bytes need no second parsing. */
let lastRead: { readonly path: string; readonly file: string | undefined; readonly bytes: Buffer; readonly index: Index } | undefined;

/**
 * Writes the index, without the certificates that no entry names any more, through the same check
 * as it is read. What was damaged stays as it is.
 *
 * @throws STORE_UNWRITABLE, also when it would be larger than what is read; UNEXPECTED rather than
 * writing what could not be read again; what the fence throws
 */
export async function writeIndex(home: string, index: Index, { fence, lasts }: Pick<WriteOptions, 'fence' | 'lasts'> = {}): Promise<void> {
  const path = join(home, homeFiles.index);
  const { damaged, entries, ...rest } = index;
  const named = new Set([...entries.map(({ caSha256 }) => caSha256), ...damaged.map(({ raw }) => memberOf(raw, 'caSha256'))]);
  const document = {
    ...rest, entries: [...entries, ...damaged.map(({ raw }) => raw)],
    certificates: Object.fromEntries(Object.entries(index.certificates).filter(([digest]) => named.has(digest))),
  };
  const readable = asItIsRead(index, document, path);
  const bytes = Buffer.from(`${JSON.stringify(document, undefined, 1)}\n`);
  if (bytes.length > largestIndex) throw tooLarge(path, bytes.length, largestIndex);
  await writeAtomic(path, bytes, { code: 'STORE_UNWRITABLE', fence, lasts });
  lastRead = { path, file: undefined, bytes, index: readable };
}

/** Each entry that is new goes through the check that reads it, as the text that it will be. */
function asItIsRead(index: Index, document: Document, path: string): Index {
  let cause: unknown;
  try {
    const { certificates } = checkDocument({ ...document, entries: [] }, 'it');
    const found = index.entries.map((one) => sound.has(one) ? one : entryOrDamage(JSON.parse(JSON.stringify(one)), 'an entry', document));
    const entries = found.filter((one): one is IndexEntry => !('why' in one));
    const bad = found.flatMap((one) => 'why' in one ? one.why : []);
    const fault = contradiction(index);
    if (bad.length === 0 && fault === undefined) return { ...index, entries, certificates };
    cause = new Error(fault ?? bad.join('; '));
  } catch (error) {
    cause = error;
  }
  throw new CredsetupError('UNEXPECTED', 'credsetup was about to write an index that it could not read again.', {
    hint: `Report this with what --debug prints; ${path} was left as it is.`, cause,
  });
}
