/** `export --format json`, version 1 of the contract. */
import type { FullCredential } from '../credential.ts';

/** `{version: 1, exportedAt, credentials: [{...credential, secrets}]}` and a line end. */
export function toJson(credentials: readonly FullCredential[], now: Date): string {
  return `${JSON.stringify({
    version: 1,
    exportedAt: now.toISOString(),
    credentials: credentials.map(({ credential, secrets }) => ({ ...credential, secrets })),
  }, undefined, 2)}\n`;
}
