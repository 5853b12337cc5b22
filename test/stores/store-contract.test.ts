/** One contract for every store: what holds for the keychain holds for the encrypted file and for a team's OpenBao. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEncryptedFile } from '../../src/stores/encrypted-file.ts';
import { createKeychain } from '../../src/stores/keychain.ts';
import { largestSecret, newKey, type SecretStore } from '../../src/stores/store.ts';
import { startOpenBao, type PracticeOpenBao } from '../../src/practice/openbao.ts';
import { has } from '../tools.ts';
import { buildEntries, type Built } from './built.ts';
import { startSession, type KeychainSession } from './keychain-session.ts';
import { openBaoStore } from './openbao-support.ts';
import { failure, identity, now, temporaryFolder } from './support.ts';

const keychainHere = has('keychain');
let built: Built;
let session: KeychainSession | undefined;
const servers: PracticeOpenBao[] = [];

beforeAll(async () => {
  built = await buildEntries('src/stores/keychain-child', 'src/stores/scrypt-worker');
  session = keychainHere ? await startSession() : undefined;
});
afterAll(async () => {
  await session?.stop();
  await Promise.all(servers.map((server) => server.close()));
  await built.remove();
});

/** A store, and the same place seen by another process. */
type Open = () => Promise<() => SecretStore>;

const openFile: Open = async () => {
  const home = await temporaryFolder();
  return () => createEncryptedFile({
    home, workerPath: built.path('scrypt-worker'), now,
    identity: async () => identity, passphrase: async () => { throw new Error('not needed'); },
  });
};

const openKeychain: Open = async () => {
  const service = `credsetup-test-${newKey()}`;
  return () => createKeychain({ execPath: process.execPath, childPath: built.path('keychain-child'), env: session!.env, service, interactive: false, limits: { script: 30_000 } });
};

const openVault: Open = async () => {
  const server = await startOpenBao();
  servers.push(server);
  return () => openBaoStore({ BAO_ADDR: server.url, BAO_TOKEN: server.rootToken });
};

describe.each([['file', openFile, true], ['keychain', openKeychain, keychainHere], ['vault', openVault, true]] as const)('a store in the %s', (kind, open, here) => {
  async function using(task: (store: SecretStore, again: () => SecretStore) => Promise<void>): Promise<void> {
    const create = await open();
    const stores: SecretStore[] = [];
    const one = (): SecretStore => {
      const store = create();
      stores.push(store);
      return store;
    };
    try {
      await task(one(), one);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  }
  const test = it.skipIf(!here);

  test('says which one it is', async () => {
    await using(async (store) => expect(store.kind).toBe(kind));
  });

  test('gives back what was written, to another process too', async () => {
    await using(async (store, again) => {
      const [key, value] = [newKey(), JSON.stringify({ token: 'ä "quoted" \u2028 👋 \u0000 end' })];
      await store.write(key, value);
      expect(await store.read(key)).toBe(value);
      expect(await again().read(key)).toBe(value);
    });
  });

  test('answers undefined for a key that was never written', async () => {
    await using(async (store) => {
      expect(await store.read(newKey())).toBeUndefined();
      await store.confirmAbsence();
    });
  });

  test('replaces the value of a key', async () => {
    await using(async (store) => {
      const key = newKey();
      await store.write(key, 'one');
      await store.write(key, 'two');
      expect(await store.read(key)).toBe('two');
    });
  });

  test('deletes one key and leaves the others', async () => {
    await using(async (store) => {
      const [gone, kept] = [newKey(), newKey()];
      await store.write(gone, 'gone');
      await store.write(kept, 'kept');
      expect(await store.delete(gone)).toBe(true);
      expect(await store.delete(gone)).toBe(false);
      expect(await store.read(gone)).toBeUndefined();
      expect(await store.read(kept)).toBe('kept');
    });
  });

  test('holds 2,560 bytes and refuses one more before anything is written', async () => {
    await using(async (store) => {
      const key = newKey();
      const most = 'é'.repeat(largestSecret / 2);
      await store.write(key, most);
      const error = await failure(store.write(key, `${most}x`), 'SECRET_TOO_LARGE');
      expect(error.message).toContain('2561');
      expect(await store.read(key)).toBe(most);
    });
  });

  test('refuses what a keychain would cut or refuse', async () => {
    await using(async (store) => {
      await failure(store.write(newKey(), ''), 'UNEXPECTED');
      await failure(store.write(newKey(), 'a\0b'), 'UNEXPECTED');
    });
  });

  test('proves that it works, as often as asked', async () => {
    await using(async (store) => {
      await store.prepare();
      await store.prepare();
    });
  });

  test('answers many calls at once', async () => {
    await using(async (store) => {
      const keys = Array.from({ length: 10 }, newKey);
      for (const key of keys) await store.write(key, `value of ${key}`);
      expect(await Promise.all(keys.map((key) => store.read(key)))).toEqual(keys.map((key) => `value of ${key}`));
    });
  });

  test('can be closed twice', async () => {
    await using(async (store) => {
      await store.prepare();
      await store.close();
      await store.close();
    });
  });
});
