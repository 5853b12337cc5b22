/** What the tests of the stores and the vault share: folders, credentials, errors by code. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { isCredsetupError, type CredsetupError, type ErrorCode } from '../../src/errors.ts';
import { machineOf, type Machine } from '../../src/stores/home.ts';

export const machine: Machine = machineOf(process);

export { credentialNamed, identity, now } from './credentials.ts';

const folders: string[] = [];

/** A new empty folder, removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'credsetup-test-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true })));
});

/** The error that a promise ends with, which must have this code, a message and a hint. */
export async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<CredsetupError> {
  const error: unknown = await promise.then(() => undefined, (reason: unknown) => reason);
  if (!isCredsetupError(error)) throw error instanceof Error ? error : new Error(`nothing failed, and ${code} was expected`);
  expect(error.code, error.message).toBe(code);
  expect(error.message).not.toBe('');
  expect(error.hint).not.toBe('');
  return error;
}
