/** A stored credential that is good to use now; what renews a token is loaded only where there is one. */
import type { Context, HttpOptions } from '../context.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { methodOf } from '../services/registry.ts';

/** As it is: for what needs no token of a credential with which only n8n signs in, and as `loadFresh` for every other. */
export async function loadClient(credential: Credential, network: HttpOptions, context: Context): Promise<FullCredential> {
  return credential.signIn === undefined ? loadFresh(credential, network, context) : (await context.vault()).load(credential.name);
}

/** Whole, and with an access token that does not end in a moment. Touches the network for that alone. Throws what loading and renewing do. */
export async function loadFresh(credential: Credential, network: HttpOptions, context: Context): Promise<FullCredential> {
  const vault = await context.vault();
  if (credential.handedOver === undefined && methodOf(credential).oauth === undefined) return vault.load(credential.name);
  const { fresh } = await import('./fresh.ts');
  return fresh(credential.name, { vault, http: await context.http(network), context });
}
