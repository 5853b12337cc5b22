/** `get NAME [FIELD]`: one value and a line end. */
import type { Context, HttpOptions } from '../context.ts';
import type { Credential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { methodOf } from '../services/registry.ts';
import type { Method } from '../services/service.ts';
import { loadFresh } from '../stored/load-fresh.ts';
import type { get } from './catalog.ts';
import { name, networkOptions, type Run } from './command.ts';
import { checkGithubMask } from './github-mask.ts';
import { findOne } from './find-credentials.ts';

export const run: Run<typeof get> = async ({ args, json, options }, context) => {
  const masks = checkGithubMask(options.githubMask, context);
  const vault = await context.vault();
  const credential = await findOne(name(args), vault);
  const secrets = secretNames(methodOf(credential));
  const field = name(args, 1) || (secrets.keys().next().value ?? '');
  const key = secrets.get(field);
  const value = key === undefined ? publicValue(credential, field) : await secretValue(key, credential, options, context);
  if (value === undefined) throw unknownField(credential, field, [...secrets.keys()]);
  const isSecret = key !== undefined;
  if (masks && isSecret) context.output.maskAtRunner([value]);
  if (json) context.output.json({ name: credential.name, field, value }, { secrets: isSecret });
  else context.output.data(`${value}\n`);
  return 0;
};

/** The method's secrets by the name that they are asked for with; the one that programs send comes first. */
function secretNames(method: Method): ReadonlyMap<string, string> {
  const keys = method.fields.filter((field) => field.secret).map((field) => field.key);
  return new Map([...(method.oauth === undefined ? [] : ['accessToken']), ...keys].map((key) => [key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), key]));
}

/** An access token is renewed when it is about to end; anything else needs no network. */
async function secretValue(key: string, credential: Credential, options: HttpOptions, context: Context): Promise<string | undefined> {
  const full = key === 'accessToken' ? await loadFresh(credential, networkOptions(options), context) : await (await context.vault()).load(credential.name);
  return full.secrets[key];
}

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
