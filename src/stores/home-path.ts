/** Where the home is: CREDSETUP_HOME, or the folder in which this platform keeps a user's data. */
import { statSync } from 'node:fs';
import { homedir, platform, userInfo } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { CredsetupError } from '../errors.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * An absolute path; nothing is made.
 *
 * @param uid the effective user; undefined on Windows
 * @throws STORE_UNWRITABLE for a user without a home, and for root with somebody else's
 */
export function homePath(env: Variables, uid: number | undefined): string {
  const chosen = env['CREDSETUP_HOME'];
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  const home = join(dataFolder(env, uid), 'credsetup');
  if (uid === 0) refuseOthers(home);
  return home;
}

/** As homePath; undefined where that throws. */
export function homePathIfAny(env: Variables, uid: number | undefined): string | undefined {
  try {
    return homePath(env, uid);
  } catch {
    return undefined;
  }
}

/** A file of that name in the user's own folder; undefined for a user who has none. */
export function userFile(name: string, uid: number | undefined): string | undefined {
  try {
    return join(userFolder(uid), name);
  } catch {
    return undefined;
  }
}

function dataFolder(env: Variables, uid: number | undefined): string {
  const appData = env['APPDATA'];
  if (platform() === 'win32' && appData !== undefined && isAbsolute(appData)) return appData;
  if (platform() === 'darwin') return join(userFolder(uid), 'Library', 'Application Support');
  // "All paths set in these environment variables must be absolute", others are ignored (XDG Base Directory Specification).
  const data = env['XDG_DATA_HOME'];
  return data !== undefined && isAbsolute(data) ? data : join(userFolder(uid), '.local', 'share');
}

/** HOME, or what the system's list of users says. */
function userFolder(uid: number | undefined): string {
  for (const ask of [homedir, () => userInfo().homedir]) {
    try {
      const folder = ask();
      if (isAbsolute(folder)) return folder;
    } catch {
      // The user is in no list (a container run with --user).
    }
  }
  const who = uid === undefined ? 'This user' : `This user (${uid})`;
  throw new CredsetupError('STORE_UNWRITABLE', `${who} has no home folder: HOME is not set, and the system's list of users names none.`, {
    hint: 'Set CREDSETUP_HOME to a folder of your own, or HOME. With --store none nothing is kept, and none is needed.',
  });
}

/** Root with somebody else's HOME (sudo without -H) would make folders there that their owner cannot use. */
function refuseOthers(home: string): void {
  for (let at = home; ; at = dirname(at)) {
    const there = statSync(at, { throwIfNoEntry: false });
    if (there === undefined && dirname(at) !== at) continue;
    if (there === undefined || there.uid === 0) return;
    throw new CredsetupError('STORE_UNWRITABLE', `credsetup runs as root, and ${home} lies in a folder of another user (${there.uid}), who could not use what root makes there.`, {
      hint: 'Run it without sudo, or with root\'s own home (sudo -H), or name a folder in CREDSETUP_HOME.',
    });
  }
}
