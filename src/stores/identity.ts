/**
 * age identities: reading the text form, and telling what an age file's header says before any
 * cryptography runs on it (https://age-encryption.org/v1).
 */
import { CredsetupError } from '../errors.ts';

const secretLine = /^AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}$/;

/**
 * The one X25519 identity in a text: a line `AGE-SECRET-KEY-1...`, beside blank lines and
 * comments, as age-keygen writes it. Undefined when there is not exactly one; nothing of the text
 * is repeated anywhere.
 */
export function identityIn(text: string): string | undefined {
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  const [line] = lines;
  return lines.length === 1 && line !== undefined && secretLine.test(line) ? line : undefined;
}

/** The text of an identity file, as age-keygen writes it. */
export function identityFile(identity: string, recipient: string, createdAt: Date): string {
  return `# created: ${createdAt.toISOString()}\n# public key: ${recipient}\n${identity}\n`;
}

/** INPUT_INVALID for CREDSETUP_IDENTITY or the file it names. */
export function identityInvalid(): CredsetupError {
  return new CredsetupError('INPUT_INVALID', 'What was given as the age identity is none.', {
    hint: 'Give exactly one line AGE-SECRET-KEY-1... in CREDSETUP_IDENTITY, or the file that age-keygen wrote in CREDSETUP_IDENTITY_FILE (not one that is itself encrypted).',
    field: 'identity',
  });
}

export interface AgeHeader {
  /** The format's version, 1 for `age-encryption.org/v1`. */
  readonly version: number;
  /** The arguments of each stanza, its type first. */
  readonly stanzas: readonly (readonly string[])[];
}

const headerLimit = 64 * 1024;

/**
 * What stands in the header of a binary age file, in clear. It is as trustworthy as the file:
 * good for diagnosis and for refusing, nothing else. Undefined when it is no header.
 */
export function ageHeader(file: Uint8Array): AgeHeader | undefined {
  const text = Buffer.from(file.buffer, file.byteOffset, Math.min(file.byteLength, headerLimit)).toString('latin1');
  const version = /^age-encryption\.org\/v(\d{1,4})\n/.exec(text)?.[1];
  const end = text.indexOf('\n--- ');
  if (version === undefined || end < 0) return undefined;
  const lines = text.slice(0, end).split('\n');
  const stanzas = lines.filter((line) => line.startsWith('-> ')).map((line) => line.slice(3).split(' '));
  return { version: Number(version), stanzas };
}

/**
 * The work factor (base-2 logarithm) of a passphrase-encrypted file; undefined when the header is
 * not the one stanza that such a file has.
 */
export function workFactorOf({ stanzas }: AgeHeader): number | undefined {
  const [stanza] = stanzas;
  if (stanzas.length !== 1 || stanza?.[0] !== 'scrypt' || stanza.length !== 3) return undefined;
  return /^[1-9]\d{0,2}$/.test(stanza[2] ?? '') ? Number(stanza[2]) : undefined;
}
