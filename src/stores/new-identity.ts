/** A new age identity, for who opens the encrypted file without a passphrase. */

/** The text form `AGE-SECRET-KEY-1...`, as CREDSETUP_IDENTITY takes it. */
export async function newIdentity(): Promise<string> {
  const { generateX25519Identity } = await import('age-encryption');
  return await generateX25519Identity();
}
