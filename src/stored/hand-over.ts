/**
 * Handing a sign-in over: a refresh token lives in one place only. Who gets it refreshes from
 * then on, and ours is given up: marked `pending` before it is written, `done` after.
 */
import type { Context } from '../context.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { isCredsetupError } from '../errors.ts';
import { findMethod, findService } from '../services/registry.ts';
import { fresh, type FreshDeps } from './fresh.ts';
import { refuseHandedOver, refuseOnlyClient } from './handed-over.ts';

/** The member of the secrets that can live in one place only. */
const onlyOnce = 'refreshToken';

/**
 * The credential with tokens of this moment, marked as on its way to `to`. One without a refresh
 * token has nothing to give up and is returned as it is.
 * Throws HANDED_OVER, UNSUPPORTED where nobody signed in here, and what renewing throws.
 */
export async function giveUp(credential: Credential, to: string, deps: FreshDeps): Promise<FullCredential> {
  const { name } = credential;
  refuseHandedOver(credential);
  refuseOnlyClient(credential);
  const loaded = await deps.vault.load(name);
  if (loaded.secrets[onlyOnce] === undefined) return loaded;
  const full = await fresh(name, deps, { renew: 'now' });
  const marked = await mark(full.credential, to, 'pending', deps);
  return { ...full, credential: marked };
}

/**
 * What was written stands where it was written to. Says what is left to do at the service. Where
 * that cannot be noted, `pending` keeps it from being used here as well.
 */
export async function gaveUp({ credential }: FullCredential, to: string, deps: FreshDeps): Promise<void> {
  if (credential.handedOver === undefined) return;
  const { output } = deps.context;
  try {
    await mark(credential, to, 'done', deps);
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    output.warn(`  ${output.style.caution('!')} ${credential.name} was handed over to ${to}, and that could not be noted here as certain: ${error.message}`);
  }
  sayWhatIsLeft(credential, to, deps.context);
}

function mark({ name }: Credential, to: string, state: 'pending' | 'done', { vault, context }: FreshDeps): Promise<Credential> {
  return vault.update(name, (there) => {
    // Two at once: the second finds the first one's mark.
    if (state === 'pending') refuseHandedOver(there);
    return { ...there, handedOver: { to, at: context.now().toISOString(), state } };
  });
}

function sayWhatIsLeft({ name, service, method, url, fields }: Credential, to: string, { output }: Context): void {
  output.say(`  ${output.style.good('✔')} ${name} is handed over to ${to}. It is not refreshed here any more; take it back with: credsetup reconnect ${name}`);
  const oauth = findMethod(findService(service), method).oauth;
  if (oauth === undefined || fields.redirectUri === undefined) return;
  output.say(`    Nobody signs in through this computer now: take ${fields.redirectUri} out of the client's Redirect URI at ${oauth.clientsPage(url)}`);
}

/** A hand-over that was cut off is undone: the tokens here are still the only ones. */
export function takeBack({ name }: Credential, { vault }: FreshDeps): Promise<Credential> {
  return vault.update(name, ({ handedOver, ...there }) => there);
}
