/** A stored credential's values, as its method validates them. */
import type { FullCredential } from '../credential.ts';
import type { Values } from '../services/service.ts';

/** What was typed and what is secret, by field key. */
export function valuesOf({ credential, secrets }: Pick<FullCredential, 'credential' | 'secrets'>): Values {
  const fields = Object.entries(credential.fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return { ...Object.fromEntries(fields), ...secrets };
}
