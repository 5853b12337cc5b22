/**
 * The worker thread that wraps and unwraps an identity by a passphrase: scrypt takes more than a
 * second and would stop the spinner, the heartbeat and Ctrl-C in the main thread.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Decrypter, Encrypter } from 'age-encryption';

export type ScryptJob =
  | { readonly kind: 'wrap'; readonly passphrase: string; readonly text: string; readonly workFactor: number }
  | { readonly kind: 'unwrap'; readonly passphrase: string; readonly file: Uint8Array };

export type ScryptResult =
  | { readonly kind: 'wrapped'; readonly file: Uint8Array }
  | { readonly kind: 'opened'; readonly text: string }
  /** The passphrase does not open the file, or the few bytes that hold the wrapped key are damaged: the two look the same. */
  | { readonly kind: 'rejected' }
  /** The passphrase fits and the rest does not. */
  | { readonly kind: 'damaged' };

async function run(job: ScryptJob): Promise<ScryptResult> {
  return job.kind === 'wrap' ? await wrap(job) : await unwrap(job);
}

async function wrap({ passphrase, text, workFactor }: Extract<ScryptJob, { kind: 'wrap' }>): Promise<ScryptResult> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(workFactor);
  return { kind: 'wrapped', file: await encrypter.encrypt(text) };
}

async function unwrap({ passphrase, file }: Extract<ScryptJob, { kind: 'unwrap' }>): Promise<ScryptResult> {
  const decrypter = new Decrypter();
  const asked = { rejected: false };
  decrypter.addPassphrase(passphrase);
  // Asked only after the passphrase opened nothing: the library's own error has no code.
  decrypter.addIdentity({
    unwrapFileKey: () => {
      asked.rejected = true;
      return null;
    },
  });
  try {
    return { kind: 'opened', text: await decrypter.decrypt(file, 'text') };
  } catch {
    return { kind: asked.rejected ? 'rejected' : 'damaged' };
  }
}

// A failure ends the worker, and the thread that started it hears of it.
void run(workerData as ScryptJob).then((result) => parentPort?.postMessage(result));
