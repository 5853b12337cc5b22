/** What is said of a credential whose sign-in lives elsewhere: handed over, or n8n's own from the beginning. */
import type { Credential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';

/** Throws HANDED_OVER: using it here would end it where it lives. */
export function refuseHandedOver({ name, handedOver }: Pick<Credential, 'name' | 'handedOver'>): void {
  if (handedOver === undefined) return;
  const pending = handedOver.state === 'pending';
  throw new CredsetupError('HANDED_OVER', `${name} was handed over to ${handedOver.to} on ${handedOver.at.slice(0, 10)}${pending ? ', and that was cut off before it was certain' : ''}.`, {
    name, hint: pending
      ? `If ${handedOver.to} did not get it, take it back with: credsetup reconnect ${name}`
      : `It is refreshed there. To have it here again, sign in anew with: credsetup reconnect ${name}`,
  });
}

/** Why `test` does not ask: it would spend what lives elsewhere. */
export function livesElsewhere({ handedOver }: Credential): string | undefined {
  return handedOver === undefined ? undefined : `handed over to ${handedOver.to} on ${handedOver.at.slice(0, 10)} (${handedOver.state})`;
}

/** Throws UNSUPPORTED: nobody signed in here, so there is no token to give, to renew or to hand over. */
export function refuseOnlyClient({ name, service, method, signIn }: Pick<Credential, 'name' | 'service' | 'method' | 'signIn'>): void {
  if (signIn === undefined) return;
  throw new CredsetupError('UNSUPPORTED', `Only n8n signs in with ${name}: here is its client alone, and no token.`, {
    name, service,
    hint: `n8n gets the client with: credsetup push n8n ${name}. To sign in here too, with this computer's address among the client's Redirect URIs: credsetup ${service} --method ${method} --sign-in here --name ${name} --replace`,
  });
}
