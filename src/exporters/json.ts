/** `export --format json`, version 1 of the contract; schema/export-1.schema.json describes it. */
import type { Secrets } from '../credential.ts';
import type { Exporter } from './export.ts';

/** `{version: 1, exportedAt, credentials: [{...credential, secrets}]}` and a line end. */
export const toJson: Exporter = (items, { now, handOver }) => `${JSON.stringify({
  version: 1,
  exportedAt: now.toISOString(),
  credentials: items.map(({ full: { credential, secrets } }) => ({ ...credential, secrets: handOver ? secrets : withoutRefreshToken(secrets) })),
}, undefined, 2)}\n`;

/** Used in two places, a refresh token that rotates is dead in one of them. */
function withoutRefreshToken(secrets: Secrets): Secrets {
  return Object.fromEntries(Object.entries(secrets).filter(([key]) => key !== 'refreshToken'));
}
