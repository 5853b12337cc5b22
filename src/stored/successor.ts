/** The record of a secret that was made in place of a stored one: signed in where that belongs to it, validated, saved. */
import type { Context, Vault } from '../context.ts';
import type { FullCredential, PublicFields, Secrets } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { presentedValue } from '../services/answer.ts';
import type { Made } from '../services/provisioning.ts';
import type { Validation } from '../services/service.ts';
import { validatedClient } from '../server/client-alone.ts';
import { tokenEndpointOf } from '../server/token-endpoint.ts';
import { revalidated } from './revalidated.ts';
import type { StoredSession } from './session.ts';
import { idleEnd, tokenSecrets } from './token-values.ts';
import { tokensForMade } from './tokens-for-made.ts';

export interface Succession extends StoredSession {
  /** What it takes the place of. */
  readonly full: FullCredential;
  readonly vault: Vault;
  readonly context: Context;
}

/**
 * Validates and saves under the same name, if nobody replaced it meanwhile. Throws PERMISSION_DENIED
 * where it would be another account's, and what signing in, validating and saving throw.
 */
export async function keepSuccessor(one: Succession, made: Made): Promise<FullCredential> {
  const { service, method, connection, full, context } = one;
  // The end of the secret before, and where its sign-in went, are not the new one's.
  const { expiresAt, handedOver, redirectUris, ...there } = { ...full.credential, issuedAt: context.now().toISOString() };
  const { fields, secrets, validation } = there.signIn === 'n8n' ? await clientAlone(one, made) : await signedIn(one, made);
  const until = method.oauth === undefined ? made.expiresAt : secrets['refreshToken'] === undefined ? undefined : idleEnd(method.oauth, context.now());
  const credential = revalidated({
    ...there, fields, ...(until === undefined ? {} : { expiresAt: until }), ...(made.redirectUris === undefined ? {} : { redirectUris: made.redirectUris }),
  }, {
    service, method, url: there.url, connection, validation, now: context.now(),
  });
  return saved(one, { ...full, secrets, credential });
}

interface Validated {
  readonly fields: PublicFields;
  readonly secrets: Secrets;
  readonly validation: Validation;
}

/** Where only n8n signs in: the client is looked at, and nobody signs in with it here. */
async function clientAlone(one: Succession, made: Made): Promise<Validated> {
  const { fields: there, url: base } = one.full.credential;
  const { redirectUri, ...madeFields } = made.fields ?? {};
  const fields = { ...there, ...madeFields, tokenId: made.id };
  const { secrets } = made;
  return { fields, secrets, validation: await validatedClient({ fields, secrets }, { ...one, base }) };
}

/** Signed in where a client was made, as the account that it was, and proved to do what it should. */
async function signedIn(one: Succession, made: Made): Promise<Validated> {
  const { method, provisioning, api, session, full } = one;
  const { fields: there, account } = full.credential;
  const fields = { ...there, ...made.fields, tokenId: made.id };
  const secrets = { ...made.secrets, ...await signIn(one, made, fields) };
  const validation = await method.validate(api, { fields, secrets });
  const { id, username } = validation.account;
  if (method.oauth !== undefined && account.id !== undefined && id !== account.id) throw anotherAccount(full, username);
  await provisioning.prove?.(api, session, { ...made, fields }, secrets);
  return { fields, secrets, validation };
}

/** A secret that ended the one before as it was made: it is kept first, and asked about then. */
export async function keepAtOnce(one: Succession, made: Made): Promise<FullCredential> {
  const { service, method, api, connection, full, vault, context } = one;
  const before = { ...full.credential, issuedAt: context.now().toISOString() };
  const kept = await saved(one, { ...full, secrets: made.secrets, credential: before });
  const validation = await method.validate(api, { fields: before.fields, secrets: made.secrets });
  const seen = { service, method, url: full.credential.url, connection, validation, now: context.now() };
  const credential = await vault.update(full.credential.name, (there) => revalidated(there, seen));
  return { ...kept, credential };
}

async function saved({ vault, full }: Succession, next: FullCredential): Promise<FullCredential> {
  const { credential } = await vault.save(next, (there) => there.id === full.credential.id);
  return { ...next, credential };
}

/** Tokens of a client that was made; none where the secret itself signs in. */
async function signIn(one: Succession, made: Made, fields: PublicFields): Promise<Secrets> {
  const { service, method, provisioning, api, session, connection, http, full, context } = one;
  const { consent } = provisioning;
  const { oauth } = method;
  if (oauth === undefined || consent === undefined) return {};
  const { url: base, grant } = full.credential;
  const protect = (secret: string): void => { context.output.protect(secret); };
  return tokenSecrets(await tokensForMade({
    endpoint: tokenEndpointOf({
      service, oauth, base, http, connection, context,
      clientId: presentedValue({ ...fields }, 'clientId'), clientSecret: presentedValue(made.secrets, 'clientSecret'),
    }),
    authorizationEndpoint: oauth.authorizationEndpoint(base), protect,
    redirectUri: grant === 'client-credentials' ? undefined : presentedValue({ ...fields }, 'redirectUri'),
    consent: (authorizationUrl, redirectUri) => consent(api, session, made, authorizationUrl, redirectUri),
  }));
}

function anotherAccount({ credential: { name, account } }: FullCredential, username = 'another account'): CredsetupError {
  return new CredsetupError('PERMISSION_DENIED', `The new sign-in is ${username}'s, and ${name} acts as ${account.username ?? 'another account'}: it was taken back.`, {
    name, hint: `Sign in as ${account.username ?? 'that account'} with --username and --password-file; or set up another credential for ${username}.`,
  });
}
