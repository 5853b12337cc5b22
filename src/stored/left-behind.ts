/** Secrets that a cut-off run left at a service: found by the journal's marks, and ended. */
import { randomBytes } from 'node:crypto';
import type { Begun, Context } from '../context.ts';
import { isCredsetupError } from '../errors.ts';
import type { Listed, Provisioning, Session } from '../services/provisioning.ts';
import type { Api } from '../services/service.ts';

export interface Sweep {
  readonly provisioning: Provisioning;
  readonly api: Api;
  readonly session: Session;
  readonly service: string;
  readonly url: string;
  readonly context: Context;
}

/** A mark that no other run has. */
export function newMark(): string {
  return randomBytes(6).toString('hex');
}

/** The description with the mark, as the service lists it. */
export function marked(description: string, mark: string): string {
  return `${description} [credsetup ${mark}]`;
}

/**
 * Ends what earlier runs began here and did not save; and where they saved, what it replaced.
 * Only what carries a mark of our own journal is touched. Run it under the journal's lock.
 */
export async function sweepLeftBehind(sweep: Sweep): Promise<void> {
  const journal = await sweep.context.journal();
  const mine = (await journal.list()).filter(({ service, url }) => service === sweep.service && url === sweep.url);
  for (const begun of mine) {
    const listed = await sweep.provisioning.list(sweep.api, sweep.session, begun.ownerId);
    // Another account's: the run that signs in as that one, or as an admin, sees to it.
    if (listed === undefined) continue;
    if (await endLeft(sweep, begun, listed)) await journal.remove(begun.mark);
  }
}

async function endLeft(sweep: Sweep, begun: Begun, listed: readonly Listed[]): Promise<boolean> {
  const { provisioning, api, session, context } = sweep;
  const { words } = provisioning;
  const kept = new Set((await (await context.vault()).list()).map(({ fields }) => fields.tokenId));
  const ours = listed.filter(({ description }) => description.includes(`[credsetup ${begun.mark}]`));
  const saved = ours.some(({ id }) => kept.has(id));
  const ending = saved ? listed.filter(({ id }) => id === begun.old && !kept.has(id)) : ours;
  for (const one of ending) {
    try {
      await provisioning.revoke(api, session, one.id);
      context.output.say(`  ${context.output.style.good('✔')} Ended a ${words.thing} that an earlier run left behind (${words.id} ${one.id}).`);
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      context.output.warn(`  ${context.output.style.caution('!')} A ${words.thing} that an earlier run left behind could not be ended (${words.id} ${one.id}): ${error.message}`);
      return false;
    }
  }
  return true;
}
