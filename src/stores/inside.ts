/** Whether a file lies in a folder, whatever its name and the links on the way say. */
import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { CredsetupError } from '../errors.ts';
import { errorCode } from './atomic.ts';

/**
 * The real path of a file in a folder; a relative one begins there.
 *
 * @throws USAGE when it lies elsewhere or is the folder; FILE_UNREADABLE when one of the two is not there
 */
export async function realPathIn(folder: string, path: string): Promise<string> {
  const root = await real(resolve(folder));
  const found = await real(resolve(root, path));
  const way = relative(root, found);
  if (way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)) return found;
  throw new CredsetupError('USAGE', `${path} does not lie in ${folder}.`, { hint: 'Put the file there, or name the folder that holds it with --secrets-dir.' });
}

async function real(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw new CredsetupError('FILE_UNREADABLE', `${path} could not be read (${errorCode(error) ?? 'unknown'}).`, { cause: error, hint: 'Check the path and whether you may read it.' });
  }
}
