/** `remove NAME...`: from this computer, and with --revoke at the service first. */
import type { Context } from '../context.ts';
import { sameName } from '../credential-name.ts';
import type { Credential, Warning } from '../credential.ts';
import { deleteCopies } from '../stored/copies/ask.ts';
import { CredsetupError, isCredsetupError, toCredsetupError } from '../errors.ts';
import { endAtService } from '../stored/end-at-service.ts';
import { tokenIdOf } from '../stored/rotation.ts';
import { isN8nCallback } from '../wizard/oauth2/n8n-callback.ts';
import type { Result } from '../stored/result.ts';
import { provisioningOfStored, withStoredSession } from '../stored/session.ts';
import { confirm } from './confirm.ts';
import type { remove } from './catalog.ts';
import { names, type CallOf, type Run } from './command.ts';
import { findEach, isFound } from './find-credentials.ts';
import { toN8nOptions } from './push-target.ts';
import { exitCodeOf, reportResults } from './results.ts';
import { storedOptions } from './stored-options.ts';

export const run: Run<typeof remove> = async (call, context) => {
  const vault = await context.vault();
  const found = await findEach(names(call.args), vault);
  checkOptions(call, found.length);
  const damaged = (await vault.damaged()).flatMap(({ name }) => name ?? []);
  const isDamaged = ({ name }: { readonly name: string }): boolean => damaged.some((one) => sameName(one, name));
  const there = found.filter((one) => isFound(one) || isDamaged(one)).map(({ name }) => name);
  const where = call.options.revoke ? 'at the service and from this computer' : 'from this computer';
  if (!call.options.inN8n && !call.yes) for (const one of found.filter(isFound)) sayCopiesLeft(one, call.options.revoke, context);
  if (!call.yes && there.length > 0) await confirm(context, { message: `Remove ${there.join(', ')} ${where}? Type the word`, word: 'remove', otherwise: '--yes' });
  const results: Result[] = [];
  for (const one of found) {
    if (isFound(one)) results.push(await removeOne(one, call, context));
    else results.push(isDamaged(one) && !call.options.revoke ? await removeEntry(one.name, context) : { ...one, status: 'failed' });
  }
  return reportResults(results, call, context, exitCodeOf(results));
};

/** Before it is asked: what stops working in n8n, or is left behind there. */
function sayCopiesLeft({ name, pushed = [] }: Credential, ends: boolean, { output }: Context): void {
  for (const { url, name: theirs, id } of pushed) {
    output.warn(`  ${output.style.caution('!')} The n8n at ${url} has a copy of ${name} (${theirs}, id ${id}), which ${ends ? 'stops working' : 'stays there'}; --in-n8n deletes it, too. (N8N_COPIES_LEFT)`);
  }
}

/** As a result has them. */
function copiesLeft({ pushed = [] }: Credential): readonly Warning[] {
  return pushed.map(({ url, name: theirs, id }) => ({ code: 'N8N_COPIES_LEFT', message: `The n8n at ${url} still has a copy: ${theirs}, id ${id}.` }));
}

/** Throws USAGE. */
function checkOptions({ options }: CallOf<typeof remove>, count: number): void {
  if (options.tokenId === undefined) return;
  if (!options.revoke) throw new CredsetupError('USAGE', '--token-id goes with --revoke.', { hint: 'Add --revoke, or leave it out.' });
  if (count > 1) throw new CredsetupError('USAGE', '--token-id names one token, and several names were given.', { hint: 'Remove that one alone.' });
}

/** Of a damaged entry nobody knows what it was good for: only the entry can go. */
async function removeEntry(name: string, context: Context): Promise<Result> {
  try {
    await (await context.vault()).remove(name);
    return { name, status: 'removed', reason: 'its entry was damaged' };
  } catch (error) {
    return { name, status: 'failed', error: toCredsetupError(error).with({ name }) };
  }
}

async function removeOne(credential: Credential, call: CallOf<typeof remove>, context: Context): Promise<Result> {
  const { name } = credential;
  try {
    if (call.options.inN8n) await deleteCopies(credential, new Map(), await toN8nOptions(call.options, context), context);
    const reason = call.options.revoke ? await revoke(credential, call, context) : undefined;
    context.signal.throwIfAborted();
    await (await context.vault()).remove(name).catch(
      (error: unknown) => { throw call.options.revoke && reason === undefined ? endedAlready(error, name) : error; },
    );
    const left = call.options.inN8n ? [] : copiesLeft(credential);
    return { name, status: 'removed', ...(reason === undefined ? {} : { reason }), ...(left.length === 0 ? {} : { credential: { ...credential, warnings: left } }) };
  } catch (error) {
    return { name, status: 'failed', error: toCredsetupError(error).with({ name }) };
  }
}

function endedAlready(error: unknown, name: string): unknown {
  return isCredsetupError(error) ? error.withHint(`${error.hint} It has ended at the service already; then take it away here: credsetup remove ${name}`) : error;
}

/** A client that others sign in with is asked about. Throws INPUT_MISSING in a script, CANCELLED. */
async function agree({ name, fields, pushed = [] }: Credential, redirectUris: readonly string[], shared: boolean, context: Context): Promise<void> {
  // What credsetup made was registered by it for n8n; at one that was pasted, only an n8n that has a copy is known.
  const ofN8n = (uri: string): boolean => isN8nCallback(uri) && (fields.tokenId !== undefined || pushed.some(({ url }) => uri.startsWith(`${url}/`)));
  const others = redirectUris.filter((uri) => uri !== fields.redirectUri && !ofN8n(uri));
  if (others.length === 0 || shared) return;
  context.output.warn(`  ${context.output.style.caution('!')} The client of ${name} is registered for others too: ${others.join(', ')}. Whoever signs in there is refused when it is deleted.`);
  await confirm(context, { message: 'Delete it all the same? Type the word', word: 'shared', otherwise: '--shared' });
}

/** The service first: what cannot be ended there stays here, unless --local-only says otherwise. A sentence when it was not ended. */
async function revoke(credential: Credential, call: CallOf<typeof remove>, context: Context): Promise<string | undefined> {
  try {
    const full = await (await context.vault()).load(credential.name);
    const options = storedOptions(call);
    const id = tokenIdOf(full, options, provisioningOfStored(full).provisioning);
    const ask = (uris: readonly string[]): Promise<void> => agree(full.credential, uris, call.options.shared, context);
    await withStoredSession(full, options, context, (stored) => endAtService(full, id, stored, ask, context));
    return undefined;
  } catch (error) {
    if (!isCredsetupError(error) || error.exitCode > 128) throw error;
    if (!call.options.localOnly) throw error.withHint(`${error.hint} It stays here, too. To remove it from this computer alone: credsetup remove ${credential.name} --revoke --local-only`);
    context.output.warn(`  ${context.output.style.caution('!')} ${credential.name} was not ended at the service: ${error.message} (${error.code})`);
    return `not ended at the service (${error.code})`;
  }
}
