/** Texts from files and standard input: to a limit, decoded, until the run is stopped. */
import { createReadStream, lstatSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { decodedText } from '../given-value.ts';
import type { Parts } from './parts.ts';

/** A link that leads nowhere is there too. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // Too long, with a NUL inside, or below what may not be entered: no file of the name was seen.
    return false;
  }
}

/** All of standard input. Throws INPUT_INVALID beyond the limit (bytes). */
export function readStdin(limit: number, signal: AbortSignal): Promise<string> {
  return textOf(process.stdin, limit, signal, () => new CredsetupError('INPUT_INVALID', `Standard input gave more than ${limit} bytes.`, { hint: 'Give the value alone.' }));
}

/**
 * A file's text. A path that names nothing may be the secret itself: it is masked, and the source named in its place.
 * Throws FILE_UNREADABLE, and FILE_INVALID beyond the limit (bytes).
 */
export async function readText(path: string, limit: number, source: string, { output, stopper: { signal } }: Pick<Parts, 'output' | 'stopper'>): Promise<string> {
  try {
    return await textOf(createReadStream(path), limit, signal, () => new CredsetupError('FILE_INVALID', `${path} has more than ${limit} bytes.`, { hint: 'Is it the right file?' }));
  } catch (error) {
    if (isCredsetupError(error)) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (isThere(path)) throw new CredsetupError('FILE_UNREADABLE', `${path} could not be read (${code}).`, { cause: error });
    output.protect(path);
    throw new CredsetupError('FILE_UNREADABLE', `${source} names no file that is there (${code}); what it gives has ${path.length} characters.`, { cause: error });
  }
}

/** A stream to its end. It is closed when the run is stopped: an open one would keep the process alive. */
async function textOf(stream: Readable, limit: number, signal: AbortSignal, tooLarge: () => CredsetupError): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  const stop = (): void => { stream.destroy(); };
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const part of stream) {
      const bytes = Buffer.from(part as Uint8Array);
      length += bytes.length;
      if (length > limit) throw tooLarge();
      parts.push(bytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return decodedText(Buffer.concat(parts));
}
