/** `store`: which store is used and why, and whether it works. */
import type { Context } from '../context.ts';
import type { StoreKind } from '../credential.ts';
import { isCredsetupError, toCredsetupError, type CredsetupError } from '../errors.ts';
import type { store } from './catalog.ts';
import type { Run } from './command.ts';
import { storeFrom } from './store-option.ts';
import { storeTitles } from './where-kept.ts';

export const run: Run<typeof store> = async ({ json }, context) => {
  const { output, env } = context;
  const kind = storeFrom(undefined, context);
  const why = (env['CREDSETUP_STORE'] ?? '') === '' ? 'the default; CREDSETUP_STORE is not set' : 'CREDSETUP_STORE';
  const place = kind === 'vault' ? await placeOf(context) : {};
  const error = 'fault' in place ? place.fault : await fault(kind, context);
  const { address, path } = 'fault' in place ? {} : place;
  const where = { ...(address === undefined ? {} : { address }), ...(path === undefined ? {} : { path }) };
  if (json) {
    const failed = error === undefined ? {} : { error: { code: error.code, message: error.message, hint: error.hint } };
    output.json({ store: kind, why, works: error === undefined, ...where, ...failed });
    return error?.exitCode ?? 0;
  }
  output.data(output.plain(`${storeTitles[kind]} (${kind}), by ${why}${address === undefined ? '' : `: ${path ?? ''} of ${address}`}\n`));
  if (error !== undefined) throw error;
  output.say(`${output.style.good('✔')} It works.`);
  return 0;
};

/** Where a team's store is, from the variables alone, or what is wrong with them. */
async function placeOf({ env }: Context): Promise<{ readonly address?: string; readonly path?: string } | { readonly fault: CredsetupError }> {
  const { placeFrom } = await import('../stores/openbao/settings.ts');
  try {
    const { address, path } = placeFrom(env);
    return { address, path };
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    return { fault: error };
  }
}

/** What keeps the store from working. An encrypted file that is not there yet is not made for the question. */
async function fault(kind: StoreKind, context: Context): Promise<CredsetupError | undefined> {
  const vault = await context.vault();
  try {
    if (kind !== 'file') await vault.prepare(kind);
    else {
      const kept = (await vault.list()).find(({ store: one }) => one === 'file');
      if (kept !== undefined) await vault.load(kept.name);
    }
    return undefined;
  } catch (error) {
    if (context.signal.aborted) throw error;
    return toCredsetupError(error);
  }
}
