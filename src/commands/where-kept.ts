/** What the stores are called, and where a credential lies in a team's. */
import type { Context } from '../context.ts';
import type { FullCredential, StoreKind } from '../credential.ts';

export const storeTitles: Readonly<Record<StoreKind, string>> = {
  keychain: 'the OS keychain', file: 'the encrypted file', vault: 'the team\'s OpenBao or Vault', none: 'no store',
};

/** Where people and programs read it by name. */
export async function sayWhere({ credential, secrets }: FullCredential, { env, output }: Context): Promise<void> {
  const { placeFrom } = await import('../stores/openbao/settings.ts');
  const { pathName } = await import('../team/vault.ts');
  const { secretExpression } = await import('../services/n8n/secret-expression.ts');
  const name = pathName(credential.name);
  const path = `${placeFrom(env).path}/${name}`;
  const field = ['token', 'password', 'clientSecret', ...Object.keys(secrets)].find((one) => one in secrets) ?? 'url';
  output.say(`  It lies at ${path}${name === credential.name ? '' : ' (paths are in small letters)'}. In n8n's External Secrets, where the connection is called vault:`);
  output.say(`  ${secretExpression(path, field)}`);
  if (/[^A-Za-z0-9_]/.test(name)) output.say(`  With the brackets: n8n's editor takes ${/\./.test(name) ? 'a dot for the next part of the path' : 'a dash for a minus'}.`);
}
