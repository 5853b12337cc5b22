/** In place of @noble/ciphers/chacha.js: the same construction (RFC 8439), computed by Node's OpenSSL. */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const tagLength = 16;

export const chacha20poly1305 = (key, nonce) => ({
  encrypt(plain) {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagLength });
    return new Uint8Array(Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
  },
  decrypt(sealed) {
    if (sealed.length < tagLength) throw new Error('shorter than a tag');
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagLength });
    decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
    return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagLength)), decipher.final()]));
  },
});
