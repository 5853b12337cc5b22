/**
 * The index: what is known of the stored credentials without their secrets, the CA certificates,
 * and what a cut-off save left to do. One file, `index.json`, written atomically and read as
 * untrusted: whoever can edit it must get no further than an error.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isName } from '../credential-name.ts';
import type { Account, Credential, PublicFields, Pushed, Warning } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { readRegular, writeAtomic } from './atomic.ts';
import { corrupt, parseDocument } from './document.ts';
import { count, flag, listOf, members, oneOf, recordOf, text, textThat, time, versionOne, type Check } from './shape.ts';
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

export interface Index {
  readonly version: 1;
  readonly entries: readonly IndexEntry[];
  /** PEM texts by {@link certificatesDigest}: Windows' keychain has no room for them. */
  readonly certificates: Readonly<Record<string, readonly string[]>>;
  /** Keys that a save is about to write, or was when it was cut off. */
  readonly pending: readonly Place[];
  /** Keys whose credential was replaced and whose secret is still to be deleted. */
  readonly leftovers: readonly Place[];
}

export const indexName = 'index.json';
export const emptyIndex: Index = { version: 1, entries: [], certificates: {}, pending: [], leftovers: [] };

const largestIndex = 16 * 1024 * 1024;

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
const credential = members<IndexEntry['credential']>({
  id: idText, name: textThat(isName), service: serviceWord, method: serviceWord, url: urlText,
  account, server: members<Credential['server']>({}, { version: text() }), fields: publicFields, store: storeWord,
  createdAt: time, validatedAt: time, ignoreSslIssues: flag, allowHttp: flag, caCertificates: count, warnings: listOf(warning),
}, {
  grant: serviceWord, issuedAt: time, expiresAt: time, capabilities: recordOf(word, flag),
  pushed: listOf(members<Pushed>({ url: urlText, id: text(), name: text(), type: text(), at: time }, {})),
  handedOver: members<NonNullable<Credential['handedOver']>>({ to: text(), at: time, state: text() }, {}),
});
const entry = members<IndexEntry>({ credential, key: keyText }, { caSha256: text({ pattern: digestPattern }) });
const place = members<Place>({ key: keyText, store: storeWord }, {});
const checkIndex: Check<Index> = members<Index>({
  version: versionOne, entries: listOf(entry), certificates: recordOf(digestPattern, listOf(text({ most: 256 * 1024 }))),
  pending: listOf(place), leftovers: listOf(place),
}, {});

// ---------------------------------------------------------------- reading and writing

/**
 * An index from its bytes, every member checked and held against the others.
 *
 * @throws STORE_CORRUPT, STORE_TOO_NEW
 */
export function parseIndex(bytes: Uint8Array, path: string): Index {
  const index = parseDocument(bytes, path, checkIndex);
  const fault = contradiction(index);
  if (fault !== undefined) throw corrupt(path, fault);
  return index;
}

function contradiction(index: Index): string | undefined {
  const names = index.entries.map(({ credential: { name } }) => name.toLowerCase());
  if (new Set(names).size !== names.length) return 'it holds a name twice';
  // A key in two places would have a live secret deleted as a leftover.
  const keys = [...index.entries, ...index.pending, ...index.leftovers].map(({ key }) => key);
  if (new Set(keys).size !== keys.length) return 'it holds a key twice';
  const altered = Object.entries(index.certificates).some(([digest, list]) => certificatesDigest(list) !== digest);
  if (altered) return 'a CA certificate was altered';
  const miscounted = index.entries.some(({ caSha256, credential: { caCertificates } }) => {
    const list = caSha256 === undefined ? [] : index.certificates[caSha256];
    return list?.length !== caCertificates;
  });
  return miscounted ? 'the CA certificates of a credential are missing' : undefined;
}

/**
 * The index of a home; empty when there is none.
 *
 * @throws STORE_CORRUPT, STORE_TOO_NEW, STORE_UNWRITABLE when it cannot be read
 */
export async function readIndex(home: string): Promise<Index> {
  const path = join(home, indexName);
  const bytes = await readRegular(path, largestIndex);
  return bytes === undefined ? emptyIndex : parseIndex(bytes, path);
}

/**
 * Writes the index, without the certificates that no entry names any more.
 *
 * @throws STORE_UNWRITABLE; UNEXPECTED rather than writing what could not be read again
 */
export async function writeIndex(home: string, index: Index): Promise<void> {
  const path = join(home, indexName);
  const named = new Set(index.entries.map(({ caSha256 }) => caSha256));
  const certificates = Object.fromEntries(Object.entries(index.certificates).filter(([digest]) => named.has(digest)));
  const bytes = Buffer.from(`${JSON.stringify({ ...index, certificates }, undefined, 2)}\n`);
  try {
    parseIndex(bytes, path);
  } catch (error) {
    throw new CredsetupError('UNEXPECTED', 'credsetup was about to write an index that it could not read again.', {
      hint: 'Report this with what --debug prints; the index was left as it is.', cause: error,
    });
  }
  await writeAtomic(path, bytes, 'STORE_UNWRITABLE');
}
