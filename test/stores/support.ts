/** What the tests of the stores and the vault share: folders, credentials, errors by code. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import type { FullCredential } from '../../src/context.ts';
import { isCredsetupError, type CredsetupError, type ErrorCode } from '../../src/errors.ts';
import { machineOf, type Machine } from '../../src/stores/home.ts';

export const machine: Machine = machineOf(process);
/** The one identity of the tests, made for them. */
export const identity = 'AGE-SECRET-KEY-17TE3KDHZ2WJUM07CXQJEPZXAM686U7GWYDH6PTKLFFA32V3XV70Q26QRA6';
export const now = (): Date => new Date('2026-03-01T12:00:00Z');

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

/** A Mattermost credential with a token. */
export function credentialNamed(name: string, token = 'token-of-' + name, change: Partial<FullCredential['credential']> = {}): FullCredential {
  return {
    credential: {
      id: '7f0c3a52-6d0e-4c0f-9a54-3d1b8f6f2c11', name, service: 'mattermost', method: 'access-token', url: 'https://chat.example.com',
      account: { id: 'u1', username: 'ada' }, server: { version: '10.5.0' }, fields: { username: 'ada' }, store: 'file',
      createdAt: '2026-03-01T12:00:00Z', validatedAt: '2026-03-01T12:00:00Z', ignoreSslIssues: false, allowHttp: false,
      caCertificates: 0, warnings: [], ...change,
    },
    secrets: { token },
    certificates: [],
  };
}
