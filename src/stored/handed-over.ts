/** What is said of a credential whose refresh token lives elsewhere. */
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
