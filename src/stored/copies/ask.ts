/** What each n8n that holds a copy says of it now, and its end there. */
import type { Context } from '../../context.ts';
import type { Credential } from '../../credential.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import { methodOf } from '../../services/registry.ts';
import { foreign } from '../../foreign.ts';
import { targetOf } from './keep-up.ts';
import { sameN8n, type OpenN8n, type ToN8n } from './open.ts';
import { sweepRuns } from './runs.ts';
import { askedOf, inN8nResult, prove, testFailed, testOf, type InN8nResult } from './prove.ts';
import { rememberTest } from './write.ts';

/** n8ns that one run has opened, by address: several credentials have copies in one. */
export type OpenTargets = Map<string, Promise<OpenN8n | undefined>>;

function opened(url: string, targets: OpenTargets, network: ToN8n, context: Context): Promise<OpenN8n | undefined> {
  const known = [...targets].find(([other]) => sameN8n(other, url))?.[1] ?? openedFirst(url, network, context);
  targets.set(url, known);
  return known;
}

async function openedFirst(url: string, network: ToN8n, context: Context): Promise<OpenN8n | undefined> {
  const target = await targetOf({ url }, network, context);
  if (target !== undefined) await sweepRuns(target, context);
  return target;
}

export interface CopiesAsked {
  readonly inN8n: readonly InN8nResult[];
  /** Of the first copy that n8n cannot use. */
  readonly error?: CredsetupError;
}

/** Asks each n8n; with `run` it runs the copy there. An n8n that cannot be asked is `not-known`, with why. */
export async function askCopies(credential: Credential, run: boolean, targets: OpenTargets, network: ToN8n, context: Context): Promise<CopiesAsked> {
  const inN8n: InN8nResult[] = [];
  let error: CredsetupError | undefined;
  for (const { url, id, name, type, urlInN8n } of credential.pushed ?? []) {
    try {
      const target = await opened(url, targets, network, context);
      if (target === undefined) {
        inN8n.push(inN8nResult(url, id, { status: 'not-known', message: `No key is known for that n8n: credsetup n8n --url ${url}` }));
        continue;
      }
      const verdict = await prove(askedOf(credential, { id, name, type }, methodOf(credential), urlInN8n), target, run ? 'always' : 'never', context);
      await rememberTest(credential, url, testOf(verdict, context.now()), context);
      inN8n.push(inN8nResult(url, id, verdict));
      if (verdict.status === 'failed') error ??= testFailed(credential.name, url, id, verdict);
    } catch (failure) {
      if (!isCredsetupError(failure) || context.signal.aborted) throw failure;
      inN8n.push(inN8nResult(url, id, { status: 'not-known', message: `It could not be asked: ${failure.message} (${failure.code})` }));
      if (run) error ??= failure;
    }
  }
  return { inN8n, ...(error === undefined ? {} : { error }) };
}

/** Deletes the copies in n8n. Throws what was refused, and INPUT_MISSING where no key is known: then nothing is removed here either. */
export async function deleteCopies(credential: Credential, targets: OpenTargets, network: ToN8n, context: Context): Promise<void> {
  for (const { url, id, name, type } of credential.pushed ?? []) {
    const target = await opened(url, targets, network, context);
    if (target === undefined) {
      throw new CredsetupError('INPUT_MISSING', `No key is known for the n8n at ${url}, which holds a copy of ${credential.name}.`, {
        name: credential.name, url, missing: [{ field: 'apiKey', option: '', variable: 'CREDSETUP_N8N_API_KEY' }],
        hint: `Store that n8n: credsetup n8n --url ${url}. Or remove it here alone, without --in-n8n.`,
      });
    }
    const there = await target.api.find(id);
    if (there === undefined) continue;
    if (there.type !== type || there.name !== name) {
      throw new CredsetupError('NAME_TAKEN', `The copy of ${credential.name} in the n8n at ${url} is there now as ${foreign(JSON.stringify(there.name))} of the type ${foreign(there.type)}; it was left as it is.`, {
        name: credential.name, url, hint: 'Delete it in n8n yourself if nobody needs it, and remove it here without --in-n8n.',
      });
    }
    await target.api.remove(id);
    context.output.say(`  ${context.output.style.good('✔')} Deleted ${name} in the n8n at ${url}.`);
  }
}
