/** A link, a FIFO or a folder in the place of each file of a home, and a home that may only be read: told in time, and left as it is. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Journal, Vault } from '../src/context.ts';
import { isCredsetupError } from '../src/errors.ts';
import { homeFiles, machineOf } from '../src/stores/home.ts';
import { createJournal } from '../src/stores/journal.ts';
import { Known } from '../src/team/known.ts';
import { folder } from './commands/support.ts';
import { vaultOf } from './killed-runs.ts';
import { credentialNamed } from './stores/credentials.ts';

const kinds: Readonly<Record<string, (path: string, original: string) => void>> = {
  'a link to the file itself': (path, original) => { symlinkSync(original, path); },
  'a link to nothing': (path) => { symlinkSync('/nonexistent/file', path); },
  'a FIFO': (path) => { spawnSync('mkfifo', [path]); },
  'a folder': (path) => { mkdirSync(path); },
};
const id = '7f0c3a52-6d0e-4c0f-9a54-3d1b8f6f2c11';
const signal = new AbortController().signal;
const begun = { mark: '0123456789ab', service: 'mattermost', url: 'https://chat.example.com', ownerId: 'u1', at: '2026-03-01T12:00:00Z' };
const at = { address: 'https://bao.example.com', path: 'secret/credsetup' };
/** A lock that stands in the way is not waited for longer than this. */
const lock = { timeoutMs: 300 };
const journal = (home: string): Journal => createJournal({ home, machine: machineOf(process), signal, lock });
const known = (home: string): Known => new Known({ home, machine: machineOf(process), signal, lock });
const withPassphrase = (home: string): Vault => vaultOf(home, { lock, identity: undefined });

async function withVault(vault: Vault, work: (vault: Vault) => Promise<unknown>): Promise<void> {
  await work(vault);
  await vault.close();
}

/** Each file of a home: how it comes to be there, and what is done with it. */
interface Use { readonly make: (home: string) => Promise<unknown>; readonly use: readonly ((home: string) => Promise<unknown>)[] }
const vaultUse: Use = {
  make: (home) => withVault(vaultOf(home), (vault) => vault.save(credentialNamed('chat'), () => true)),
  use: [
    (home) => withVault(vaultOf(home, { lock }), (vault) => vault.list()), (home) => withVault(vaultOf(home, { lock }), (vault) => vault.load('chat')),
    (home) => withVault(vaultOf(home, { lock }), (vault) => vault.save(credentialNamed('other'), () => true)),
  ],
};
const journalUse: Use = {
  make: (home) => journal(home).alone(() => journal(home).add(begun)),
  use: [(home) => journal(home).list(), (home) => journal(home).alone(() => journal(home).add({ ...begun, mark: 'ba9876543210' }))],
};
const knownUse: Use = {
  make: (home) => known(home).put(credentialNamed('chat').credential, at),
  use: [(home) => known(home).list(), (home) => known(home).put({ ...credentialNamed('other').credential, id: '0d4a3a52-6d0e-4c0f-9a54-3d1b8f6f2c22' }, at), (home) => known(home).alone(async () => undefined)],
};
const files: Readonly<Record<string, Use>> = {
  'index.json': vaultUse, 'credentials.age': vaultUse, 'write.lock': vaultUse,
  'identity.age': {
    make: (home) => withVault(withPassphrase(home), (vault) => vault.save(credentialNamed('chat'), () => true)),
    use: [(home) => withVault(withPassphrase(home), (vault) => vault.load('chat')), (home) => withVault(withPassphrase(home), (vault) => vault.save(credentialNamed('other'), () => true))],
  },
  'journal.json': journalUse, 'journal.lock': journalUse,
  'vault-index.json': knownUse, 'vault-index.lock': knownUse, 'vault-moves.lock': knownUse,
  [`refresh-${id}.lock`]: { make: vaultUse.make, use: [(home) => withVault(vaultOf(home, { lock }), (vault) => vault.withRefreshLock(credentialNamed('chat').credential, async () => undefined))] },
};

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

it('are every file that a home has', () => {
  // The mark says only that the folder is ours.
  for (const name of Object.values(homeFiles)) if (name !== homeFiles.marker) expect(Object.keys(files)).toContain(name);
});

describe.skipIf(process.platform === 'win32').each(Object.keys(files))('in the place of %s', (file) => {
  it.each(Object.keys(kinds))('%s is no file of ours: nothing hangs, nothing is written through it, and what was there is whole', async (kind) => {
    const home = join(folder(), 'home');
    const { make, use } = files[file]!;
    await make(home);
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
    const ends: string[] = [];
    for (const one of use) ends.push(await outcome(one(home)));
    // What is not in use may be passed by; what is used is named, and never taken for an empty store.
    for (const end of ends) expect(['done', 'STORE_UNWRITABLE', 'STORE_CORRUPT', 'SECRET_MISSING', 'NOT_FOUND', 'STORE_BUSY']).toContain(end);
    expect(ends.filter((end) => ['STORE_UNWRITABLE', 'STORE_BUSY'].includes(end))).not.toEqual([]);
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
