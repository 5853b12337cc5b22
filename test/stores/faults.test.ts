/**
 * One outcome, one truth: whatever system call fails, what was reported is what stands. The calls
 * are failed one after another by strace, in a process of its own; a full disk is a real one.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readFile, readdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Vault } from '../../src/context.ts';
import { createEncryptedFile } from '../../src/stores/encrypted-file.ts';
import { createVault } from '../../src/vault.ts';
import { has } from '../tools.ts';
import { buildEntries, type Built } from './built.ts';
import { credentialNamed, identity, machine, now, temporaryFolder } from './support.ts';

let built: Built;
beforeAll(async () => { built = await buildEntries('test/stores/fault-program'); });
afterAll(async () => { await built.remove(); });

function vaultOf(home: string): Vault {
  return createVault({
    home, machine, now, signal: new AbortController().signal,
    stores: {
      file: async () => createEncryptedFile({ home, workerPath: '/nonexistent', now, identity: async () => identity, passphrase: async () => '' }),
      keychain: async () => { throw new Error('the keychain was touched'); },
    },
  });
}

async function tokenOf(home: string, name: string): Promise<string | undefined> {
  return await vaultOf(home).find(name) === undefined ? undefined : (await vaultOf(home).load(name)).secrets['token'];
}

/** What stands after an operation that was done, and after one that was not. */
const truths: Readonly<Record<string, (home: string) => Promise<'done' | 'nothing'>>> = {
  prepare: async (home) => await tokenOf(home, 'chat') === 'old' ? 'done' : 'nothing',
  save: async (home) => {
    const token = await tokenOf(home, 'fresh');
    expect([undefined, 'new']).toContain(token);
    expect(await tokenOf(home, 'chat')).toBe('old');
    return token === 'new' ? 'done' : 'nothing';
  },
  replace: async (home) => {
    const token = await tokenOf(home, 'chat');
    expect(['old', 'new']).toContain(token);
    return token === 'new' ? 'done' : 'nothing';
  },
  rename: async (home) => {
    const [chat, talk] = [await tokenOf(home, 'chat'), await tokenOf(home, 'talk')];
    expect([chat, talk].filter((token) => token === 'old')).toHaveLength(1);
    return talk === 'old' ? 'done' : 'nothing';
  },
  update: async (home) => (await vaultOf(home).load('chat')).credential.validatedAt === '2026-05-01T00:00:00Z' ? 'done' : 'nothing',
  // An entry that stayed must load.
  remove: async (home) => await tokenOf(home, 'chat') === undefined ? 'done' : 'nothing',
};

const run = promisify(execFile);

async function operated(home: string, operation: string, tracer: readonly string[] = []): Promise<string> {
  const all = [...tracer, process.execPath, built.path('fault-program'), home, operation];
  // One thread for all calls of the file system, so that they can be counted.
  return (await run(all[0]!, all.slice(1), { env: { ...process.env, UV_THREADPOOL_SIZE: '1' } })).stdout;
}

async function homeWithOld(folder?: string): Promise<string> {
  const home = join(folder ?? await temporaryFolder(), 'home');
  await vaultOf(home).save(credentialNamed('chat', 'old'), () => false);
  return home;
}

/** What was reported is what stands, or that it could not be read back. */
async function expectOneTruth(home: string, operation: string, said: string): Promise<void> {
  const stands = await truths[operation]!(home);
  if (said.includes('cannot be known')) return;
  if (operation !== 'prepare' || said === 'done') expect(stands, said).toBe(said === 'done' ? 'done' : 'nothing');
  if (said !== 'done') expect(said).toMatch(/^STORE_/);
}

async function expectCleanAfterNext(home: string): Promise<void> {
  await vaultOf(home).save(credentialNamed('next'), () => true);
  const index = JSON.parse(await readFile(join(home, 'index.json'), 'utf8')) as { pending: unknown[]; leftovers: unknown[] };
  expect([index.pending, index.leftovers]).toEqual([[], []]);
  expect((await readdir(home)).sort()).toEqual(['.made-by-credsetup', 'credentials.age', 'index.json']);
}

describe.skipIf(!has('strace'))('what is reported is what stands', () => {
  const changing = Object.keys(truths).flatMap((operation) => [['fsync', 'ENOSPC'], ['rename', 'EIO']].flatMap(([call = '', error = '']) => ['', '+'].map((from) => ({ operation, call, error, from, how: from === '' ? 'once' : 'from then on' }))));
  const looking = ['replace', 'rename', 'remove'].flatMap((operation) => ['unlink', 'close', 'openat', 'statx'].map((call) => ({ operation, call, error: 'EIO', from: '', how: 'once' })));

  it.each([...changing, ...looking])('when $call fails with $error during $operation, $how', async ({ operation, call, error, from }) => {
    for (let nth = 1; ; nth += 1) {
      const home = await homeWithOld();
      const log = join(home, '..', 'trace');
      // What node opens for itself is not ours.
      const ours = ['close', 'openat', 'statx'].includes(call) ? ['write.lock', 'index.json', 'credentials.age'].flatMap((file) => ['-P', join(home, file)]) : [];
      const said = await operated(home, operation, ['strace', '-f', '--seccomp-bpf', '-qq', '-o', log, '-e', `trace=${call}`, '-e', `inject=${call}:error=${error}:when=${nth}${from}`, ...ours]);
      await expectOneTruth(home, operation, said);
      await expectCleanAfterNext(home);
      // There was no such call any more.
      if (!(await readFile(log, 'utf8')).includes('(INJECTED)')) break;
    }
  }, 300_000);
});

describe.skipIf(machine.uid !== 0 || process.platform !== 'linux')('on a disk that is full', () => {
  it.each(Object.keys(truths))('%s is done or not, and says which, wherever the room ends', async (operation) => {
    const folder = await temporaryFolder();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', folder]).status !== 0) {
      console.log('skipped: this machine mounts nothing');
      return;
    }
    try {
      for (let pages = 0; pages < 8; pages += 1) {
        const home = await homeWithOld(folder);
        const { bavail, bsize } = await statfs(folder);
        await writeFile(join(folder, 'filler'), Buffer.alloc((bavail - pages) * bsize));
        const said = await operated(home, operation);
        await expectOneTruth(home, operation, said);
        execFileSync('rm', [join(folder, 'filler')]);
        await expectCleanAfterNext(home);
        execFileSync('rm', ['-r', home]);
      }
    } finally {
      execFileSync('umount', [folder]);
    }
  }, 120_000);
});
