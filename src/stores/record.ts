/** The record that a store keeps under a key, and how it is held against the index. */
import { createHash } from 'node:crypto';
import type { FullCredential, PublicFields, SecretRecord } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { corrupt, parseDocument } from './document.ts';
import { certificatesDigest, idText, publicFields, serviceWord, urlText, type IndexEntry } from './index-file.ts';
import { flag, members, recordOf, text, versionOne, type Check } from './shape.ts';

const secretName = /^[A-Za-z][A-Za-z0-9]{0,63}$/;

export const checkRecord: Check<SecretRecord> = members<SecretRecord>({
  version: versionOne, id: idText, service: serviceWord, method: serviceWord, url: urlText,
  ignoreSslIssues: flag, allowHttp: flag, fields: publicFields, secrets: recordOf(secretName, text()),
}, { grant: serviceWord, caSha256: text({ pattern: /^[0-9a-f]{64}$/ }) });

/** What a store is given for a credential: its secrets with everything that they are bound to. */
export function recordOfCredential({ credential, secrets, certificates }: FullCredential): SecretRecord {
  const { id, service, method, grant, url, ignoreSslIssues, allowHttp, fields } = credential;
  const caSha256 = certificates.length === 0 ? undefined : certificatesDigest(certificates);
  return {
    version: 1, id, service, method, url, ignoreSslIssues, allowHttp, fields, secrets,
    ...(grant === undefined ? {} : { grant }),
    ...(caSha256 === undefined ? {} : { caSha256 }),
  };
}

/** The text that a store is given: the record, with a checksum over it as its last member. */
export function recordText(full: FullCredential): string {
  const record = JSON.stringify(recordOfCredential(full));
  return `${record.slice(0, -1)},"sum":"${sumOf(record)}"}`;
}

/** 128 bits of the SHA-256: it convicts a hand that changed a value, in a keychain's own window for example. */
function sumOf(record: string): string {
  return createHash('sha256').update(record).digest('base64url').slice(0, 22);
}

const ending = /,"sum":"([A-Za-z0-9_-]{22})"\}$/;

/** The record in a stored text, or undefined when it is not to the letter what was written. Records without a checksum were written once. */
function recordIn(stored: string): string | undefined {
  const sum = ending.exec(stored);
  if (sum === null) return isPlain(stored) ? stored : undefined;
  const record = `${stored.slice(0, sum.index)}}`;
  return sumOf(record) === sum[1] ? record : undefined;
}

function isPlain(stored: string): boolean {
  try {
    const value: unknown = JSON.parse(stored);
    return typeof value === 'object' && value !== null && !Object.hasOwn(value, 'sum') && JSON.stringify(value) === stored;
  } catch {
    // No JSON at all is told as what it is.
    return true;
  }
}

/**
 * A stored text as a record that agrees with its entry in the index: who can edit the index must
 * not be able to send a secret elsewhere, so nothing may be done with a record that does not.
 *
 * @throws STORE_CORRUPT, STORE_TOO_NEW
 */
export function readRecord(stored: string, entry: IndexEntry): SecretRecord {
  const what = `What is stored for ${entry.credential.name}`;
  const text = recordIn(stored);
  if (text === undefined) throw altered(entry);
  const record = parseDocument(Buffer.from(text), what, checkRecord);
  const differing = differences(record, entry);
  if (differing.length > 0) {
    throw corrupt(what, `index and secret disagree about ${differing.join(', ')}`)
      .with({ name: entry.credential.name });
  }
  return record;
}

function altered({ credential: { name, store } }: IndexEntry): CredsetupError {
  return new CredsetupError('STORE_CORRUPT', `What is stored for ${name} was changed by something else than credsetup${store === 'keychain' ? ' (in the keychain\'s own program, for example)' : ''}; it is not used.`, {
    name, hint: `Bring back what was there, or set it up anew: credsetup reconnect ${name}`,
  });
}

function differences(record: SecretRecord, { credential, caSha256 }: IndexEntry): string[] {
  const bound = ['id', 'service', 'method', 'grant', 'url', 'ignoreSslIssues', 'allowHttp'] as const;
  const differing: string[] = bound.filter((name) => record[name] !== credential[name]);
  if (record.caSha256 !== caSha256) differing.push('the CA certificates');
  const names: readonly (keyof PublicFields)[] = ['username', 'clientId', 'redirectUri', 'tokenId'];
  return [...differing, ...names.filter((name) => record.fields[name] !== credential.fields[name])];
}
