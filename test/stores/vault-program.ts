/**
 * A process that saves credentials and, when told so, kills itself right after a step, or stops
 * there until it is told to go on: HOME STORE CHILD SERVICE NAME TOKEN TIMES [STEP | stop:STEP]. Prints the code when a save fails.
 */
import { isCredsetupError } from '../../src/errors.ts';
import { createEncryptedFile } from '../../src/stores/encrypted-file.ts';
import { machineOf } from '../../src/stores/home.ts';
import { createKeychain } from '../../src/stores/keychain.ts';
import { createVault } from '../../src/vault.ts';
import { credentialNamed, identity, now } from './credentials.ts';

const [home = '', store, childPath = '', service, name = '', token = '', times = '1', step] = process.argv.slice(2);
const signal = new AbortController().signal;
const vault = createVault({
  home, machine: machineOf(process), now, signal,
  stores: {
    file: async () => createEncryptedFile({ home, workerPath: '/nonexistent', now, identity: async () => identity, passphrase: async () => '' }),
    keychain: async () => createKeychain({ execPath: process.execPath, childPath, env: process.env, service, interactive: false, limits: { script: 30_000 } }),
  },
  onStep: (done) => {
    if (done === step) process.kill(process.pid, 'SIGKILL');
    if (`stop:${done}` === step) process.kill(process.pid, 'SIGSTOP');
  },
});

try {
  for (let number = 0; number < Number(times); number += 1) {
    const full = credentialNamed(times === '1' ? name : `${name}-${number}`, token, { store: store === 'keychain' ? 'keychain' : 'file' });
    await vault.save(full, () => true);
  }
} catch (error) {
  process.stdout.write(isCredsetupError(error) ? `${error.code}: ${error.message}` : String(error));
} finally {
  await vault.close();
}
