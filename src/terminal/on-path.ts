/** Whether a program is installed, seen without running it. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/** Whether one of the commands is a program that may be executed, by its path or in PATH. Runs none. */
export async function isOnPath(commands: readonly string[], env: Env): Promise<boolean> {
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const places = commands.flatMap((command) => (/[\\/]/.test(command) ? [command] : folders.map((folder) => join(folder, command))));
  const found = await Promise.all(places.map((place) => access(place, constants.X_OK).then(() => true, () => false)));
  return found.includes(true);
}
