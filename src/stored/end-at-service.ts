/** The end of a stored secret at its service, where others may use what carries it. */
import type { Context } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { begin, newMark, partsIn, settle, sweepLeftBehind } from './marked-secret.ts';
import { checkNamed } from './rotation.ts';
import type { StoredSession } from './session.ts';

/**
 * Ends what an id names. `agree` is given every redirect URI of its client first, and throws where it
 * is not to end. What is made for a moment to end it is noted, so that the next run finds it after a cut.
 * Throws PERMISSION_DENIED where the client is another one by now, and what the service refuses.
 */
export async function endAtService(
  full: FullCredential, id: string, stored: StoredSession, agree: (redirectUris: readonly string[]) => Promise<void>, context: Context,
): Promise<void> {
  const { provisioning, api, session, service } = stored;
  await checkNamed(full, id, stored);
  const client = await provisioning.registered?.(api, session, id);
  if (client !== undefined) {
    checkSame(full, client.clientId);
    await agree(client.redirectUris);
  }
  context.signal.throwIfAborted();
  if (provisioning.inSteps !== true) {
    await provisioning.revoke(api, session, id);
    return;
  }
  const journal = await context.journal();
  await journal.alone(async () => {
    await sweepLeftBehind({ provisioning, api, session, context }, service.id, full.credential.url);
    const mark = newMark();
    await begin({ mark, service: service.id, url: full.credential.url, ownerId: session.account.id }, context);
    for (const part of partsIn(provisioning, id)) {
      context.signal.throwIfAborted();
      await provisioning.revoke(api, session, part, mark);
    }
    await settle(mark, context);
  });
}

/** Throws PERMISSION_DENIED where the server was set up anew, and the number is another client's by now. */
export function checkSame({ credential: { name, url, fields } }: FullCredential, clientId: string): void {
  if (fields.clientId === undefined || fields.clientId === clientId) return;
  throw new CredsetupError('PERMISSION_DENIED', `What stands under that number at ${url} is another client than ${name}'s; it was left as it is.`, {
    name, url, hint: `The server may have been set up anew. To take ${name} off this computer alone: credsetup remove ${name}`,
  });
}
