/** JSON documents that credsetup keeps: the same way to read a damaged or newer one, everywhere. */
import { CredsetupError } from '../errors.ts';
import { ShapeError, type Check } from './shape.ts';

/**
 * A document's text as its checked value.
 *
 * @param what names the document in errors, a path for example
 * @throws STORE_TOO_NEW when its `version` is above 1, STORE_CORRUPT when it is not what it should be
 */
export function parseDocument<T>(bytes: Uint8Array, what: string, check: Check<T>): T {
  const value = parseJson(bytes, what);
  if (hasNewerVersion(value)) {
    throw new CredsetupError('STORE_TOO_NEW', `${what} was written by a newer credsetup.`, {
      hint: 'Update credsetup; the file was left as it is.',
    });
  }
  try {
    return check(value, 'it');
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw corrupt(what, error.message);
  }
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as unknown;
  } catch {
    // The parser's message quotes the text, which may hold secrets.
    throw corrupt(what, 'it is no JSON');
  }
}

function hasNewerVersion(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'version' in value
    && typeof value.version === 'number' && Number.isSafeInteger(value.version) && value.version > 1;
}

/** STORE_CORRUPT for a document that was not overwritten. */
export function corrupt(what: string, why: string): CredsetupError {
  return new CredsetupError('STORE_CORRUPT', `${what} is damaged: ${why}.`, {
    hint: 'Bring it back from a backup, or move it away to begin anew; it was left as it is.',
  });
}

/** STORE_UNWRITABLE for a document that would be larger than what is read again; nothing was written. */
export function tooLarge(what: string, bytes: number, most: number): CredsetupError {
  return new CredsetupError('STORE_UNWRITABLE', `${what} would have ${bytes} bytes, and credsetup keeps at most ${most} there. Nothing was saved.`, {
    hint: 'Remove credentials that nobody needs (credsetup list, credsetup remove NAME), or keep some in another folder with CREDSETUP_HOME.',
  });
}
