/** In place of what age-encryption takes of @noble/hashes: HMAC, HKDF (RFC 5869), scrypt (RFC 7914), random bytes; by Node's OpenSSL. */
import { createHmac, hkdfSync, randomBytes as random, scryptSync } from 'node:crypto';

export const sha256 = { name: 'sha256' };
export const hmac = ({ name }, key, message) => new Uint8Array(createHmac(name, key).update(message).digest());
export const hkdf = ({ name }, ikm, salt = new Uint8Array(), info = new Uint8Array(), length) => new Uint8Array(hkdfSync(name, ikm, salt, info, length));
// RFC 7914 §2: 128 * r * N bytes, and Node asks for a limit above.
export const scrypt = (passphrase, salt, { N, r, p, dkLen }) => new Uint8Array(scryptSync(passphrase, salt, dkLen, { N, r, p, maxmem: 128 * r * (N + p + 2) }));
export const randomBytes = (length) => new Uint8Array(random(length));
/** Of recipients that we have none of. */
export const extract = undefined;
export const expand = undefined;
