import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Credential, Vault } from '../src/context.ts';
import { createEncryptedFile } from '../src/stores/encrypted-file.ts';
import type { SecretStore } from '../src/stores/store.ts';
import { createVault, type VaultOptions } from '../src/vault.ts';
import { credentialNamed, failure, identity, machine, now, temporaryFolder } from './stores/support.ts';

const never = new AbortController().signal;
const yes = (): boolean => true;
const no = (): boolean => false;

function fileStore(home: string, given = identity): SecretStore {
  return createEncryptedFile({
    home, workerPath: '/nonexistent', now,
    identity: async () => given,
    passphrase: async () => { throw new Error('no passphrase is needed'); },
  });
}

function vaultOf(home: string, change: Partial<VaultOptions> = {}): Vault {
  const noKeychain = async (): Promise<SecretStore> => { throw new Error('the keychain was touched'); };
  return createVault({ home, machine, now, signal: never, stores: { file: async () => fileStore(home), keychain: noKeychain }, ...change });
}

/** All secrets that the encrypted file holds, by key. */
async function stored(home: string): Promise<string[]> {
  const { Decrypter, armor } = await import('age-encryption');
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const plain = await decrypter.decrypt(armor.decode(await readFile(join(home, 'credentials.age'), 'utf8')), 'text');
  return Object.keys((JSON.parse(plain) as { records: object }).records);
}

async function indexOf(home: string): Promise<{ entries: { key: string; credential: Credential }[]; pending: unknown[]; leftovers: unknown[]; certificates: Record<string, string[]> }> {
  return JSON.parse(await readFile(join(home, 'index.json'), 'utf8'));
}

describe('the vault', () => {
  it('gives back what was saved', async () => {
    const home = join(await temporaryFolder(), 'home');
    const vault = vaultOf(home);
    await vault.prepare('file');
    const saved = await vault.save(credentialNamed('chat'), no);
    expect(saved.status).toBe('created');
    expect(await vaultOf(home).load('CHAT')).toEqual(credentialNamed('chat'));
    expect(await vault.list()).toEqual([credentialNamed('chat').credential]);
  });

  it('lists nothing and creates nothing where no home is', async () => {
    const home = join(await temporaryFolder(), 'home');
    expect(await vaultOf(home).list()).toEqual([]);
    expect(await vaultOf(home).find('chat')).toBeUndefined();
    await expect(stat(home)).rejects.toThrow('ENOENT');
  });
});
