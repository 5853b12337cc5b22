/** A further Redirect URI at the client of a stored credential; its ID, its secret and its tokens stay. */
import type { Context } from '../context.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import type { Provisioning } from '../services/provisioning.ts';
import { checkSame } from './end-at-service.ts';
import { withStoredSession, type StoredOptions } from './session.ts';

/** What names the client at its service; undefined where nobody here knows it. */
export function clientIdAtService({ fields }: Credential, provisioning: Provisioning): string | undefined {
  return fields.tokenId ?? provisioning.idOf?.(fields);
}

/**
 * Signs in, adds the URI where it is not registered, and signs out on every path. False where it was there.
 * Throws NOT_FOUND where the client is gone, PERMISSION_DENIED where it is another one by now, UNSUPPORTED
 * where it cannot be named, and what the sign-in and the service throw.
 */
export async function addRedirectUri(full: FullCredential, uri: string, options: StoredOptions, context: Context): Promise<boolean> {
  const { name, service, url } = full.credential;
  return withStoredSession(full, options, context, async ({ provisioning, api, session }) => {
    const id = clientIdAtService(full.credential, provisioning);
    const { addRedirectUris, registered } = provisioning;
    if (id === undefined || addRedirectUris === undefined || registered === undefined) {
      throw new CredsetupError('UNSUPPORTED', `The client of ${name} cannot be found by its ID, so nothing was added there.`, { name, service, url, hint: `Add it by hand: ${uri}` });
    }
    const client = await registered(api, session, id);
    if (client === undefined) {
      throw new CredsetupError('NOT_FOUND', `The client of ${name} is not there any more.`, { name, service, url, hint: `Set up another one in its place: credsetup reconnect ${name}` });
    }
    checkSame(full, client.clientId);
    context.signal.throwIfAborted();
    const added = await addRedirectUris(api, session, id, [uri]);
    const redirectUris = [...new Set([...client.redirectUris, uri])];
    await (await context.vault()).update(name, (there) => there.fields.clientId === client.clientId ? { ...there, redirectUris } : there);
    return added;
  });
}

/** Whether it is known here to be registered at the client of a stored credential. */
export function isRegistered({ redirectUris = [] }: Credential, uri: string): boolean {
  return redirectUris.includes(uri);
}
