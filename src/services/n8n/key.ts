/** An API key of n8n's: a JWT of its own (RFC 7519), of which the end and the owner are read. Measured with n8n 2.41.1. */

/** The last millisecond that a Date can hold. */
const lastTime = 8.64e15;

/**
 * When the key ends, RFC 3339; undefined for one that never does, and for a text that is no such
 * key: n8n decides what it takes. Nothing is proved by it, for the signature is n8n's to check.
 */
export function endOfKey(key: string): string | undefined {
  const exp = claimOf(key, 'exp');
  if (typeof exp !== 'number' || !(exp > 0 && exp * 1000 <= lastTime)) return undefined;
  return new Date(exp * 1000).toISOString();
}

/** The id of the account that made it; undefined where the key does not say. */
export function ownerOfKey(key: string): string | undefined {
  const sub = claimOf(key, 'sub');
  return typeof sub === 'string' && /^[\w-]{1,64}$/.test(sub) ? sub : undefined;
}

function claimOf(key: string, name: string): unknown {
  const [, payload, signature, more] = key.split('.');
  if (payload === undefined || signature === undefined || more !== undefined) return undefined;
  const claims = parsed(Buffer.from(payload, 'base64url').toString('utf8'));
  return typeof claims === 'object' && claims !== null && Object.hasOwn(claims, name) ? (claims as Readonly<Record<string, unknown>>)[name] : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // Three parts with dots between them that are no JWT.
  }
}
