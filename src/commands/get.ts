/** `get NAME [FIELD]`: one value and a line end. */
import type { Credential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { findMethod, findService } from '../services/registry.ts';
import type { Run } from './command.ts';
import { name } from './options.ts';
import { findOne } from './found.ts';

export const run: Run = async ({ args, json }, context) => {
  const vault = await context.vault();
  const credential = await findOne(name(args), vault);
  const secretKeys = findMethod(findService(credential.service), credential.method).fields.filter((field) => field.secret).map((field) => field.key);
  const field = name(args, 1) || (secretKeys[0] ?? '');
  const isSecret = secretKeys.some((key) => key === field);
  const value = isSecret ? (await vault.load(credential.name)).secrets[field] : publicValue(credential, field);
  if (value === undefined) throw unknownField(credential, field, secretKeys);
  if (json) context.output.json({ name: credential.name, field, value }, { secrets: isSecret });
  else context.output.data(`${value}\n`);
  return 0;
};

/** Names as the contract writes them: `client-id`, `url`. */
function publicValues(one: Credential): Readonly<Record<string, string | undefined>> {
  return {
    url: one.url, username: one.fields.username ?? one.account.username, email: one.account.email, 'account-id': one.account.id,
    id: one.id, service: one.service, method: one.method, version: one.server.version,
    'client-id': one.fields.clientId, 'redirect-uri': one.fields.redirectUri, 'token-id': one.fields.tokenId,
  };
}

function publicValue(credential: Credential, field: string): string | undefined {
  const values = publicValues(credential);
  return Object.hasOwn(values, field) ? values[field] : undefined;
}

function unknownField(credential: Credential, field: string, secretKeys: readonly string[]): CredsetupError {
  const known = [...secretKeys, ...Object.entries(publicValues(credential)).filter(([, value]) => value !== undefined).map(([key]) => key)];
  return new CredsetupError('USAGE', `${credential.name} has no field ${field}.`, { name: credential.name, hint: `It has: ${known.join(', ')}.` });
}
