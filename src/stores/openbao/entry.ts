/**
 * What lies under a name of the engine. The record is the text that every store keeps: the secrets
 * and all that they are bound to. Beside it the same values stand as flat texts, for people and for
 * programs that read by name (`token`, `url`), and the public credential with its certificates.
 */
import { isName } from '../../credential-name.ts';
import type { Credential, SecretRecord } from '../../credential.ts';
import { CredsetupError } from '../../errors.ts';
import { parseDocument } from '../document.ts';
import { credentialShape } from '../index-file.ts';
import { checkRecord } from '../record.ts';
import { count, listOf, members, oneOf, text, textThat, versionOne, type Check } from '../shape.ts';
import { checkValue } from '../store.ts';
import type { CustomMetadata, Data } from './engine.ts';

export type TeamCredential = Credential & { readonly store: 'vault' };

/** Who holds the right to write: while it lasts nobody else spends what can be spent once. */
export interface Hold {
  /** A random word of one run. */
  readonly by: string;
  /** From the version's creation on, by the engine's clock. */
  readonly seconds: number;
  /** The name that it is being moved to. */
  readonly movingTo?: string;
}

export interface Entry {
  readonly credential: TeamCredential;
  readonly record: SecretRecord;
  readonly certificates: readonly string[];
  readonly hold?: Hold;
  /** The name that it had: whoever finds both knows which one is left over. */
  readonly movedFrom?: string;
  /** What people put beside it; kept. */
  readonly others: Data;
}

/** Not under its own name, for a program that looks for the one token: it is good for one use. */
const notFlat = new Set(['refreshToken']);
/** Members of ours that are no flat texts. */
const reserved = new Set(['record', 'credential', 'certificates', 'hold', 'movedFrom']);
const largestDocument = 64 * 1024;

const vaultWord = oneOf('vault');
const nameText = textThat(isName);
const checkCredential: Check<{ readonly version: 1; readonly credential: TeamCredential }> = members(
  { version: versionOne, credential: credentialShape(vaultWord) }, {},
);
const checkCertificates = members<{ readonly version: 1; readonly certificates: readonly string[] }>(
  { version: versionOne, certificates: listOf(text({ most: 256 * 1024 })) }, {},
);
const checkHold = members<Hold & { readonly version: 1 }>({ version: versionOne, by: text({ pattern: /^[0-9a-f]{32}$/ }), seconds: count }, { movingTo: nameText });

/** The record's values by the names that people and programs read them with. */
export function flatOf({ url, fields, secrets }: SecretRecord): Readonly<Record<string, string>> {
  const values = { url, ...fields, ...secrets };
  return Object.fromEntries(Object.entries(values).filter(([name]) => !notFlat.has(name) && !reserved.has(name)));
}

/** @throws SECRET_TOO_LARGE: what no keychain could take back is kept nowhere */
export function encode({ credential, record, certificates, hold, movedFrom, others }: Entry): Data {
  const recordText = JSON.stringify(record);
  checkValue(recordText);
  return {
    ...others, ...flatOf(record), record: recordText, credential: JSON.stringify({ version: 1, credential }),
    ...(certificates.length === 0 ? {} : { certificates: JSON.stringify({ version: 1, certificates }) }),
    ...(hold === undefined ? {} : { hold: JSON.stringify({ version: 1, ...hold }) }),
    ...(movedFrom === undefined ? {} : { movedFrom }),
  };
}

/**
 * What was read as an entry; undefined when it is none of ours.
 *
 * @param at where it lies, for errors
 * @throws SECRET_ALTERED when somebody changed it by hand, STORE_CORRUPT, STORE_TOO_NEW
 */
export function decode(data: Data, at: string, customMetadata: CustomMetadata): Entry | undefined {
  if (typeof data['record'] !== 'string' || typeof data['credential'] !== 'string') {
    // A program that writes the whole secret anew, `kv put` say, leaves our description and nothing else.
    if (customMetadata['id'] !== undefined && customMetadata['service'] !== undefined) throw altered(at, ['the record is gone']);
    return undefined;
  }
  const record = document(data['record'], at, checkRecord);
  const { credential } = document(data['credential'], at, checkCredential);
  const certificates = data['certificates'] === undefined ? [] : document(asText(data['certificates']), at, checkCertificates).certificates;
  const flat = flatOf(record);
  const changed = Object.entries(flat).filter(([name, value]) => data[name] !== value).map(([name]) => name);
  if (changed.length > 0) throw altered(at, changed);
  const others = Object.entries(data).filter(([name]) => !reserved.has(name) && !Object.hasOwn(flat, name));
  const movedFrom = data['movedFrom'];
  return {
    credential, record, certificates, others: Object.fromEntries(others), ...holdIn(data, at),
    ...(typeof movedFrom === 'string' && isName(movedFrom) ? { movedFrom } : {}),
  };
}

function holdIn(data: Data, at: string): { readonly hold?: Hold } {
  if (data['hold'] === undefined) return {};
  const { by, seconds, movingTo } = document(asText(data['hold']), at, checkHold);
  return { hold: { by, seconds, ...(movingTo === undefined ? {} : { movingTo }) } };
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function document<T>(value: string, at: string, check: Check<T>): T {
  return parseDocument(Buffer.from(value.slice(0, largestDocument * 16)), `What lies at ${at}`, check);
}

function altered(at: string, names: readonly string[]): CredsetupError {
  const name = at.slice(at.lastIndexOf('/') + 1);
  return new CredsetupError('SECRET_ALTERED', `${at} was changed by hand: ${names.join(', ')}. It is bound to nothing that credsetup validated, so nothing is sent.`, {
    name, hint: `Bring the last good version back: bao kv metadata get ${at}, then bao kv rollback -version=NUMBER ${at}. Or set it up anew with the new value: credsetup reconnect ${name}`,
  });
}
