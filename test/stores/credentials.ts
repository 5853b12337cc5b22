/** What the tests save: without the test runner, for programs that the tests start too. */
import type { FullCredential } from '../../src/context.ts';

/** The one identity of the tests, made for them. */
export const identity = 'AGE-SECRET-KEY-17TE3KDHZ2WJUM07CXQJEPZXAM686U7GWYDH6PTKLFFA32V3XV70Q26QRA6';
export const now = (): Date => new Date('2026-03-01T12:00:00Z');

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
