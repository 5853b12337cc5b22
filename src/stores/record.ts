/** The record that a store keeps under a key, and how it is held against the index. */
import type { FullCredential, PublicFields, SecretRecord } from '../credential.ts';
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

/**
 * A stored text as a record that agrees with its entry in the index: who can edit the index must
 * not be able to send a secret elsewhere, so nothing may be done with a record that does not.
 *
 * @throws STORE_CORRUPT, STORE_TOO_NEW
 */
export function readRecord(stored: string, entry: IndexEntry): SecretRecord {
  const what = `What is stored for ${entry.credential.name}`;
  const record = parseDocument(Buffer.from(stored), what, checkRecord);
  const differing = differences(record, entry);
  if (differing.length > 0) {
    throw corrupt(what, `index and secret disagree about ${differing.join(', ')}`)
      .with({ name: entry.credential.name });
  }
  return record;
}

function differences(record: SecretRecord, { credential, caSha256 }: IndexEntry): string[] {
  const bound = ['id', 'service', 'method', 'grant', 'url', 'ignoreSslIssues', 'allowHttp'] as const;
  const differing: string[] = bound.filter((name) => record[name] !== credential[name]);
  if (record.caSha256 !== caSha256) differing.push('the CA certificates');
  const names: readonly (keyof PublicFields)[] = ['username', 'clientId', 'redirectUri', 'tokenId'];
  return [...differing, ...names.filter((name) => record.fields[name] !== credential.fields[name])];
}
