/** What the vault knows of its entries: finding one, the next one, what is bound, and the errors about them. */
import { sameName } from '../credential-name.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { corrupt } from './document.ts';
import { certificatesDigest, type DamagedEntry, type Index, type IndexEntry, type KeptIn, type Place } from './index-file.ts';
import { readRecord } from './record.ts';
import { newKey } from './store.ts';

const namesShown = 10;

/** A new list in the order of their names. */
export function sortedByName(credentials: readonly Credential[]): Credential[] {
  const keyed = credentials.map((credential) => ({ credential, key: credential.name.toLowerCase() }));
  return keyed.sort((one, other) => (one.key < other.key ? -1 : Number(one.key > other.key))).map(({ credential }) => credential);
}

export function placeOf({ key, credential: { store } }: IndexEntry): Place {
  return { key, store };
}

/** Without regard to case. Throws STORE_CORRUPT when the entry of this name is damaged. */
export function entryOf({ entries, damaged }: Index, name: string, path: string): IndexEntry | undefined {
  const bad = damagedOf(damaged, name);
  if (bad !== undefined) throw entryDamaged(bad, name, path);
  return entries.find(({ credential }) => sameName(credential.name, name));
}

export function damagedOf(damaged: readonly DamagedEntry[], name: string): DamagedEntry | undefined {
  return damaged.find((one) => one.name !== undefined && sameName(one.name, name));
}

function entryDamaged({ why }: DamagedEntry, name: string, path: string): CredsetupError {
  return corrupt(`The entry ${name} of ${path}`, why).withHint(`The other credentials are not touched by that. Bring ${path} back from a backup, or take this one away: credsetup remove ${name}`).with({ name });
}

export function entryOrThrow(index: Index, name: string, path: string): IndexEntry {
  const entry = entryOf(index, name, path);
  if (entry !== undefined) return entry;
  const names = sortedByName(index.entries.map(({ credential }) => credential)).map((one) => one.name);
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : '';
  const known = names.length === 0 ? 'Nothing is stored yet.' : `There are ${names.slice(0, namesShown).join(', ')}${more}.`;
  throw new CredsetupError('NOT_FOUND', `No credential is named ${JSON.stringify(name)}. ${known}`, {
    hint: names.length === 0 ? 'credsetup --help tells what can be set up.' : 'Choose one of them; credsetup list shows all.',
    name,
  });
}

/**
 * What a replaced credential keeps: its id, so that locks and exports know it again, its birthday,
 * and where copies of it are. What n8n said of a copy was of the secret before, where the record is begun anew.
 */
export function keptFrom({ id, createdAt, pushed }: Credential, next: Credential): Pick<Credential, 'id' | 'createdAt' | 'pushed'> {
  if (pushed === undefined) return { id, createdAt };
  return { id, createdAt, pushed: next.pushed === undefined ? pushed.map(({ test: _, ...copy }) => copy) : pushed };
}

export function entryFor({ credential, certificates }: FullCredential, kind: KeptIn, there: IndexEntry | undefined): IndexEntry {
  const kept = there === undefined ? {} : keptFrom(there.credential, credential);
  return {
    credential: { ...credential, ...kept, store: kind, caCertificates: certificates.length },
    key: newKey(),
    ...(certificates.length === 0 ? {} : { caSha256: certificatesDigest(certificates) }),
  };
}

export function withEntry(index: Index, before: IndexEntry, after: IndexEntry): Index {
  return { ...index, entries: index.entries.map((entry) => entry === before ? after : entry) };
}

/** With what was saved: new entries, and those that take the place of others, whose secrets are to be deleted then. */
export function committed(
  index: Index, saves: readonly { readonly next: IndexEntry; readonly there: IndexEntry | undefined; readonly certificates: readonly string[] }[],
): Index {
  const inPlace = new Map(saves.flatMap(({ next, there }) => (there === undefined ? [] : [[there.key, next] as const])));
  const replaced = saves.flatMap(({ there }) => (there === undefined ? [] : [placeOf(there)]));
  const certificates = saves.flatMap(({ next, certificates: list }) => (next.caSha256 === undefined ? [] : [[next.caSha256, list] as const]));
  return {
    ...index,
    entries: [...index.entries.map((entry) => inPlace.get(entry.key) ?? entry), ...saves.flatMap(({ next, there }) => (there === undefined ? [next] : []))],
    certificates: { ...index.certificates, ...Object.fromEntries(certificates) },
    leftovers: [...index.leftovers, ...replaced],
  };
}

/** As {@link entryOf}, for many names of one index. */
export function entriesByName(index: Index, path: string): (name: string) => IndexEntry | undefined {
  const byName = new Map(index.entries.map((entry) => [entry.credential.name.toLowerCase(), entry]));
  return (name) => (index.damaged.length > 0 ? entryOf(index, name, path) : byName.get(name.toLowerCase()));
}

/** Without an entry, whose secret is to be deleted then. */
export function without(index: Index, gone: IndexEntry): Index {
  return { ...index, entries: index.entries.filter(({ key }) => key !== gone.key), leftovers: [...index.leftovers, placeOf(gone)] };
}

/** Throws UNEXPECTED for a change of what the secret is bound to. */
export function updated({ credential: there }: IndexEntry, change: (there: Credential) => Credential): IndexEntry['credential'] {
  const credential = { ...change(there), store: there.store };
  if (boundPart(credential) === boundPart(there)) return credential;
  throw new CredsetupError('UNEXPECTED', `An update of ${there.name} would have changed what its secret is bound to.`, { hint: 'Report this with what --debug prints.' });
}

/** What must not change without the secret, in one text to compare. */
export function boundPart({ id, name, service, method, grant, url, fields, store, ignoreSslIssues, allowHttp, caCertificates }: Credential): string {
  const { username, clientId, redirectUri, tokenId } = fields;
  return JSON.stringify([id, name, service, method, grant, url, username, clientId, redirectUri, tokenId, store, ignoreSslIssues, allowHttp, caCertificates]);
}

export function fullOf(stored: string, entry: IndexEntry, index: Index): FullCredential {
  const { secrets, caSha256 } = readRecord(stored, entry);
  return { credential: entry.credential, secrets, certificates: caSha256 === undefined ? [] : index.certificates[caSha256] ?? [] };
}

export function nameTaken(name: string, hint = 'Choose another name with --name, or add --replace to replace it.'): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `A credential named ${name} exists already.`, { hint, name });
}

export function secretMissing({ name, store }: Credential): CredsetupError {
  const where = store === 'keychain' ? 'the keychain' : 'the encrypted file';
  const check = store === 'keychain'
    ? 'Look into the keychain for the service "credsetup" (on Linux: seahorse, or secret-tool search service credsetup): is it unlocked, and the one of the user who saved it?'
    : 'Was credentials.age brought back from an older backup?';
  return new CredsetupError('SECRET_MISSING', `The secret of ${name} is not in ${where}: it was deleted there, or that part of it is locked.`, {
    hint: `${check} Otherwise set it up again with credsetup reconnect ${name}, or credsetup remove ${name}.`, name,
  });
}
