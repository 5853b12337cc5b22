/** Runs one job in the scrypt worker. */
import { Worker } from 'node:worker_threads';
import { CredsetupError } from '../errors.ts';
import type { ScryptJob, ScryptResult } from './scrypt-worker.ts';

/**
 * @param workerPath the built `scrypt-worker.js`
 * @throws the signal's reason; UNEXPECTED when the worker ends without a result
 */
export async function runScrypt(workerPath: string, job: ScryptJob, signal: AbortSignal | undefined): Promise<ScryptResult> {
  signal?.throwIfAborted();
  // No environment: it needs none, and ours may hold the passphrase.
  const worker = new Worker(workerPath, { workerData: job, env: {} });
  const stop = (): void => void worker.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<ScryptResult>((resolve, reject) => {
      worker.once('message', (result: ScryptResult) => resolve(result));
      worker.once('error', reject);
      worker.once('exit', () => reject(stopped(signal)));
    });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function stopped(signal: AbortSignal | undefined): Error {
  if (signal?.aborted === true && signal.reason instanceof Error) return signal.reason;
  return new CredsetupError('UNEXPECTED', 'The encryption of the identity stopped without a result.', {
    hint: 'It needs 256 MB of memory for a second; try again with more free memory.',
  });
}
