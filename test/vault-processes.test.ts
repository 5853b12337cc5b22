/** Saves that are killed between two steps, and several processes at once: real processes on real stores. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { armor, Decrypter } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Vault } from '../src/context.ts';
import { createEncryptedFile } from '../src/stores/encrypted-file.ts';
import { createKeychain } from '../src/stores/keychain.ts';
import { newKey, type SecretStore } from '../src/stores/store.ts';
import { createVault, type SaveStep } from '../src/vault.ts';
import { buildEntries, type Built } from './stores/built.ts';
import { startSession, type KeychainSession } from './stores/keychain-session.ts';
import { credentialNamed, identity, machine, now, temporaryFolder } from './stores/support.ts';
import { has } from './tools.ts';

const keychainHere = has('keychain');
const never = new AbortController().signal;
let built: Built;
let session: KeychainSession | undefined;

beforeAll(async () => {
  built = await buildEntries('test/stores/vault-program', 'src/stores/keychain-child');
  session = keychainHere ? await startSession() : undefined;
});
afterAll(async () => {
  await session?.stop();
  await built.remove();
});

type Kind = 'file' | 'keychain';

interface Place {
  readonly kind: Kind;
  readonly home: string;
  readonly service: string;
  readonly env: Readonly<Record<string, string>>;
}

async function newPlace(kind: Kind): Promise<Place> {
  return { kind, home: join(await temporaryFolder(), 'home'), service: `credsetup-test-${newKey()}`, env: session?.env ?? {} };
}

function storeAt({ kind, home, service, env }: Place): SecretStore {
  if (kind === 'keychain') return createKeychain({ execPath: process.execPath, childPath: built.path('keychain-child'), env, service, interactive: false, limits: { script: 30_000 } });
  return createEncryptedFile({ home, workerPath: '/nonexistent', now, identity: async () => identity, passphrase: async () => '' });
}

function vaultAt(place: Place): Vault {
  const store = async (): Promise<SecretStore> => storeAt(place);
  return createVault({ home: place.home, machine, now, signal: never, stores: { file: store, keychain: store } });
}

/** Counted from outside: what the index does not know of must not be there. */
async function countSecrets({ kind, home, service }: Place): Promise<number> {
  if (kind === 'keychain') return session!.count(service);
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const plain = await decrypter.decrypt(armor.decode(await readFile(join(home, 'credentials.age'), 'utf8')), 'text');
  return Object.keys((JSON.parse(plain) as { records: object }).records).length;
}

function argumentsFor({ kind, home, service }: Place, name: string, token: string, times: number, step: SaveStep | `stop:${SaveStep}` | '' = ''): string[] {
  return [built.path('vault-program'), home, kind, built.path('keychain-child'), service, name, token, String(times), step];
}

interface IndexDocument {
  readonly entries: readonly { readonly key: string }[];
  readonly pending: readonly { readonly key: string }[];
  readonly leftovers: readonly { readonly key: string }[];
}

async function readIndex({ home }: Place): Promise<IndexDocument> {
  return JSON.parse(await readFile(join(home, 'index.json'), 'utf8')) as IndexDocument;
}

const steps: readonly SaveStep[] = ['locked', 'pending', 'written', 'verified', 'committed', 'deleted', 'cleared'];

describe.each([['file', true], ['keychain', keychainHere]] as const)('a save to the %s that is killed', (kind, here) => {
  it.skipIf(!here).each(steps)('after the step “%s” leaves the old secret or the new one, and the next save leaves no orphan', async (step) => {
    const place = await newPlace(kind);
    const vault = vaultAt(place);
    const inspect = storeAt(place);
    try {
      await vault.save(credentialNamed('chat', 'old', { store: kind }), () => true);
      const before = await readIndex(place);
      const { signal } = spawnSync(process.execPath, argumentsFor(place, 'chat', 'new', 1, step), { env: place.env });
      expect(signal).toBe('SIGKILL');

      const committed = steps.indexOf(step) >= steps.indexOf('committed');
      expect((await vault.load('chat')).secrets).toEqual({ token: committed ? 'new' : 'old' });
      const cut = await readIndex(place);
      await vault.save(credentialNamed('more', 'x', { store: kind }), () => true);

      expect((await vault.load('chat')).secrets).toEqual({ token: committed ? 'new' : 'old' });
      const after = await readIndex(place);
      expect([after.pending, after.leftovers]).toEqual([[], []]);
      const alive = after.entries.map(({ key }) => key);
      const seen = [before, cut].flatMap(({ entries, pending, leftovers }) => [...entries, ...pending, ...leftovers].map(({ key }) => key));
      for (const key of new Set(seen)) expect(await inspect.read(key) !== undefined, key).toBe(alive.includes(key));
      expect(await countSecrets(place)).toBe(2);
      expect((await readdir(place.home)).filter((file) => /lock|tmp|stale/.test(file))).toEqual([]);
    } finally {
      await vault.close();
      await inspect.close();
    }
  });
});

describe.each([['file', true], ['keychain', keychainHere]] as const)('several processes that save to the %s', (kind, here) => {
  it.skipIf(!here).each([2, 8])('%i of them lose nothing', async (processes) => {
    const place = await newPlace(kind);
    const each = 3;
    const said = await Promise.all(Array.from({ length: processes }, async (_, number) => {
      const child = spawn(process.execPath, argumentsFor(place, `p${number}`, `token-${number}`, each), { env: place.env, stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (part: Buffer) => { text += part.toString(); });
      await once(child, 'close');
      return text;
    }));
    expect(said).toEqual(Array.from({ length: processes }, () => ''));
    const vault = vaultAt(place);
    try {
      const listed = await vault.list();
      expect(listed).toHaveLength(processes * each);
      expect(await countSecrets(place)).toBe(processes * each);
      for (const { name } of listed) expect((await vault.load(name)).secrets).toEqual({ token: `token-${name.slice(1, name.indexOf('-'))}` });
      const index = await readIndex(place);
      expect([index.pending, index.leftovers]).toEqual([[], []]);
    } finally {
      await vault.close();
    }
  });
});

describe('a process that is stopped for longer than its lock lives', () => {
  const steps: readonly SaveStep[] = ['locked', 'pending', 'written', 'verified'];

  it('is STORE_BUSY when it goes on, wherever it was stopped, and what was saved meanwhile is all there', async () => {
    // Each waits for a lock to end, so they wait side by side.
    await Promise.all(steps.map(stoppedAt));
  }, 60_000);

  async function stoppedAt(step: SaveStep): Promise<void> {
    const place = await newPlace('file');
    await vaultAt(place).save(credentialNamed('old'), () => false);
    const child = spawn(process.execPath, argumentsFor(place, 'stopped', 'token', 1, `stop:${step}`), { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text; });
    const ended = once(child, 'exit');
    while (!/^\d+ \(.*\) T/.test(await readFile(`/proc/${child.pid}/stat`, 'latin1'))) await new Promise((resolve) => { setImmediate(resolve); });
    await vaultAt(place).save(credentialNamed('meanwhile'), () => false);
    child.kill('SIGCONT');
    await ended;
    expect(said, step).toContain('STORE_BUSY');
    await vaultAt(place).save(credentialNamed('next'), () => false);
    for (const name of ['old', 'meanwhile', 'next']) expect((await vaultAt(place).load(name)).secrets).toEqual({ token: `token-of-${name}` });
    expect(await vaultAt(place).find('stopped'), step).toBeUndefined();
    expect(await countSecrets(place), step).toBe((await readIndex(place)).entries.length);
  }
});
