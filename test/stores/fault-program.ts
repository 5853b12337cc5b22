/**
 * A process that changes what a home holds while the system fails it: HOME STORE-CHILD OPERATION.
 * Prints `done`, or the code and the message of the error.
 */
import { isCredsetupError } from '../../src/errors.ts';
import { createEncryptedFile } from '../../src/stores/encrypted-file.ts';
import { machineOf } from '../../src/stores/home.ts';
import { createVault } from '../../src/vault.ts';
import type { Vault } from '../../src/context.ts';
import { credentialNamed, identity, now } from './credentials.ts';

const [home = '', operation = ''] = process.argv.slice(2);
const vault = createVault({
  home, machine: machineOf(process), now, signal: new AbortController().signal,
  stores: {
    file: async () => createEncryptedFile({ home, workerPath: '/nonexistent', now, identity: async () => identity, passphrase: async () => '' }),
    keychain: async () => { throw new Error('the keychain was touched'); },
  },
});

const operations: Readonly<Record<string, (vault: Vault) => Promise<unknown>>> = {
  prepare: (one) => one.prepare('file'),
  save: (one) => one.save(credentialNamed('fresh', 'new'), () => false),
  replace: (one) => one.save(credentialNamed('chat', 'new'), () => true),
  rename: (one) => one.rename('chat', 'talk'),
  update: (one) => one.update('chat', (there) => ({ ...there, validatedAt: '2026-05-01T00:00:00Z' })),
  remove: (one) => one.remove('chat'),
};

try {
  await operations[operation]?.(vault);
  process.stdout.write('done');
} catch (error) {
  process.stdout.write(isCredsetupError(error) ? `${error.code}: ${error.message}` : String(error));
}
