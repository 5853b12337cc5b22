/** A link, a FIFO or a folder in the place of each file of a home, and a home that may only be read: told in time, and left as it is. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isCredsetupError } from '../src/errors.ts';
import { folder } from './commands/support.ts';
import { vaultOf } from './killed-runs.ts';
import { credentialNamed } from './stores/credentials.ts';

const kinds: Readonly<Record<string, (path: string, original: string) => void>> = {
  'a link to the file itself': (path, original) => { symlinkSync(original, path); },
  'a link to nothing': (path) => { symlinkSync('/nonexistent/file', path); },
  'a FIFO': (path) => { spawnSync('mkfifo', [path]); },
  'a folder': (path) => { mkdirSync(path); },
};
const files = ['index.json', 'credentials.age', 'write.lock'];

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    expect(error.hint).not.toBe('');
    return error.code;
  }
}

describe.skipIf(process.platform === 'win32').each(files)('in the place of %s', (file) => {
  it.each(Object.keys(kinds))('%s is no file of ours: nothing hangs, nothing is written through it, and what was there is whole', async (kind) => {
    const home = join(folder(), 'home');
    const first = vaultOf(home);
    await first.save(credentialNamed('chat'), () => true);
    await first.close();
    const [path, aside] = [join(home, file), join(folder(), 'aside')];
    try {
      renameSync(path, aside);
    } catch {
      // A lock is there only while somebody holds it.
      writeFileSync(aside, 'what a link would lead to');
    }
    const before = readFileSync(aside);
    kinds[kind]!(path, aside);
    const placed = lstatSync(path);
    const vault = vaultOf(home);
    const ends = [await outcome(vault.list()), await outcome(vault.load('chat')), await outcome(vault.save(credentialNamed('other'), () => true))];
    await vault.close();
    // What is not in use may be passed by; what is used is named, and never taken for an empty store.
    for (const end of ends) expect(['done', 'STORE_UNWRITABLE', 'STORE_CORRUPT', 'SECRET_MISSING', 'NOT_FOUND', 'STORE_BUSY']).toContain(end);
    expect(ends).toContain('STORE_UNWRITABLE');
    expect(lstatSync(path).ino).toBe(placed.ino);
    expect(readFileSync(aside)).toEqual(before);
  });
});

describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)('a home on a file system that may only be read', () => {
  it('lists and loads, says that it cannot write, and loses nothing', async (context) => {
    const home = join(folder(), 'home');
    const first = vaultOf(home);
    await first.save(credentialNamed('chat'), () => true);
    await first.close();
    if (spawnSync('mount', ['--bind', home, home]).status !== 0 || spawnSync('mount', ['-o', 'remount,bind,ro', home]).status !== 0) {
      spawnSync('umount', [home]);
      console.log('skipped: this machine mounts nothing');
      context.skip();
    }
    try {
      const vault = vaultOf(home);
      expect((await vault.load('chat')).secrets).toEqual({ token: 'token-of-chat' });
      expect(await outcome(vault.save(credentialNamed('other'), () => true))).toBe('STORE_UNWRITABLE');
      await vault.close();
    } finally {
      spawnSync('umount', [home]);
    }
    expect([...(await vaultOf(home).list())].map(({ name }) => name)).toEqual(['chat']);
  });
});
