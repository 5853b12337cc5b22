/** Credentials for the exporters' tests, and characters that break bad quoting. */
import fc from 'fast-check';
import type { Credential, FullCredential } from '../../src/credential.ts';
import type { ExportItem } from '../../src/exporters/export.ts';
import { accessToken } from '../../src/services/mattermost/access-token.ts';
import { basic } from '../../src/services/mautic/basic.ts';
import { mauticOAuth2Api, oauth2Variables } from '../../src/services/mautic/hand-over.ts';

export const now = new Date('2026-03-01T12:00:00Z');
export const plain = { now, handOver: false } as const;

const common = {
  account: { id: '7', username: 'ada' }, server: { version: '7.0.0' }, store: 'file', createdAt: '2026-03-01T12:00:00Z', validatedAt: '2026-03-01T12:00:00.000Z',
  ignoreSslIssues: false, allowHttp: false, caCertificates: 0, warnings: [],
} as const;

export function full(change: Partial<Credential>, secrets: Record<string, string>): FullCredential {
  const credential: Credential = { ...common, id: '7f0c3a52-6d0e-4c0f-9a54-3d1b8f6f2c11', name: 'chat', service: 'mattermost', method: 'access-token', url: 'https://chat.example.com', fields: {}, ...change };
  return { credential, secrets, certificates: [] };
}

export const chat = (token: string, change: Partial<Credential> = {}): ExportItem => ({ full: full(change, { token }), method: accessToken });
export const crm = (password: string, username = 'ada', change: Partial<Credential> = {}): ExportItem => ({
  full: full({ id: '0d4a3a52-6d0e-4c0f-9a54-3d1b8f6f2c22', name: 'crm', service: 'mautic', method: 'basic', url: 'https://crm.example.com/mautic', fields: { username }, ...change }, { password }),
  method: basic,
});
export const signedIn = (change: Partial<Credential> = {}): ExportItem => ({
  full: full({ id: '1d4a3a52-6d0e-4c0f-9a54-3d1b8f6f2c33', name: 'crm-oauth', service: 'mautic', method: 'oauth2', grant: 'authorization-code', url: 'https://crm.example.com', fields: { clientId: '2_abc', redirectUri: 'http://127.0.0.1:18265/callback' }, ...change },
    { clientSecret: 'the-secret', accessToken: 'the-access-token', accessTokenExpiresAt: '2026-03-01T13:00:00Z', refreshToken: 'the-refresh-token' }),
  method: { n8n: mauticOAuth2Api, variables: oauth2Variables },
});

const awkward = fc.constantFrom('\'', '"', '`', '\\', '$', '#', '=', ' ', '!', '%', '&', ';', '|', '<', '(', '{', '*', '?', '~', '-', ':', '\\n', '$(id)', '${HOME}', '\u00e9', '\u{1f511}', '\u00a0', 'a', 'Z', '0');

/** Values of one line, mostly made of what some quoting gets wrong. */
export const oneLine: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.array(awkward, { minLength: 1, maxLength: 24 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((text) => !/[\0\p{Cs}\r\n]/u.test(text)) },
);

/** Also with line ends inside: import takes them from a file. */
export const anyText: fc.Arbitrary<string> = fc.tuple(oneLine, fc.constantFrom('', '\n', '\r\n', '\r', '\n\n'), oneLine).map((parts) => parts.join(''));
