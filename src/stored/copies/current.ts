/** Whether a copy has the secret that is stored now. */
import type { Credential, Pushed } from '../../credential.ts';

/** n8n has proved the stored secret since it was written there. */
export function isCurrent({ issuedAt, createdAt }: Credential, { at, test }: Pushed): boolean {
  return at >= (issuedAt ?? createdAt) && test?.status === 'ok' && test.at >= at;
}
