/** In place of age-encryption's x25519.js: RFC 7748 by Node's OpenSSL, without loading WebCrypto. */
import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';

// RFC 8410 §7 and §4: what stands before the 32 bytes of a private and a public key.
const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const spki = Buffer.from('302a300506032b656e032100', 'hex');

/** One identity opens the file, and is asked for its key several times. */
let last;

function privateKey(scalar) {
  if (scalar.length !== 32) throw new Error('X25519 private key must be 32 bytes');
  if (last?.scalar.equals(scalar) !== true) last = { scalar: Buffer.from(scalar), key: createPrivateKey({ key: Buffer.concat([pkcs8, scalar]), format: 'der', type: 'pkcs8' }) };
  return last.key;
}

/** Rejects for a point of small order, as RFC 7748 §6.1 lets one do and age asks for. */
export async function scalarMult(scalar, u) {
  if (u.length !== 32) throw new Error('X25519 public key must be 32 bytes');
  return new Uint8Array(diffieHellman({ privateKey: privateKey(scalar), publicKey: createPublicKey({ key: Buffer.concat([spki, u]), format: 'der', type: 'spki' }) }));
}

export async function scalarMultBase(scalar) {
  const key = privateKey(scalar);
  last.base ??= createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(spki.length);
  return new Uint8Array(last.base);
}
