/** Where a command keeps what it saves: by its option, by the variable, or in the keychain. */
import type { Context } from '../context.ts';
import type { StoreKind } from '../credential.ts';
import { CredsetupError } from '../errors.ts';

/** Throws USAGE for a store that there is not. */
export function storeFrom(option: StoreKind | undefined, { env }: Context): StoreKind {
  const word = option ?? env['CREDSETUP_STORE'] ?? '';
  if (word === '') return 'keychain';
  if (word === 'keychain' || word === 'file' || word === 'vault') return word;
  throw new CredsetupError('USAGE', 'CREDSETUP_STORE names a store that this command cannot keep anything in.', { hint: 'It takes keychain, file or vault.' });
}
