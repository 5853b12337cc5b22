/**
 * A secret that is made at a service: noted with a mark before it is made, found there by its mark
 * where the answer with its id was lost, and ended by it. What is noted and not saved is ended by
 * the next run; where it was saved, what it replaced is. Nothing that carries no mark of ours is
 * touched, but what it replaced.
 */
import { randomBytes } from 'node:crypto';
import type { Begun, Context } from '../context.ts';
import { isCurrent } from './copies/current.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Listed, Provisioning, Session } from '../services/provisioning.ts';
import type { Api } from '../services/api.ts';

/** Where it is made, and who may end it. */
export interface AtService {
  readonly provisioning: Provisioning;
  readonly api: Api;
  readonly session: Session;
  readonly context: Context;
}

/** A mark that no other run has. */
export function newMark(): string {
  return randomBytes(6).toString('hex');
}

/** What an id names, in the order in which it ends. */
export function partsIn({ partsOf }: Provisioning, id: string | undefined): readonly string[] {
  return id === undefined ? [] : partsOf?.(id) ?? [id];
}

/** The description with the mark, as the service lists it. */
export function marked(description: string, mark: string): string {
  return `${description} [credsetup ${mark}]`;
}

/** Notes what will be made, before it is. */
export async function begin(begun: Omit<Begun, 'at'>, context: Context): Promise<void> {
  await (await context.journal()).add({ ...begun, at: context.now().toISOString() });
}

/**
 * Takes the note away: it is saved, or nothing was made. Where the journal cannot be written, the
 * next run finds the note and nothing to do for it; what was done stands, and is no failure by that.
 */
export async function settle(mark: string, context: Context): Promise<void> {
  try {
    await (await context.journal()).remove(mark);
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    context.output.debug(`the journal keeps the mark ${mark}: ${error.message}`);
  }
}

/**
 * Whether a secret that a save was reported to have failed for may be the stored one: then it is
 * not ended at the service. True also when the index cannot be read.
 */
export async function mayBeStored(id: string, context: Context): Promise<boolean> {
  try {
    return (await (await context.vault()).list()).some(({ fields }) => fields.tokenId === id);
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    return true;
  }
}

/**
 * Ends what was made under the mark: by the id that is known, or by looking for the mark. What
 * `old` names stays. Throws PERMISSION_DENIED where this session may not look, and what the service refuses.
 */
export async function endMarked({ provisioning, api, session }: AtService, ownerId: string, mark: string, made?: Listed, old?: string): Promise<void> {
  const listed = made === undefined ? await provisioning.list(api, session, ownerId, mark) : [made];
  if (listed === undefined) throw new CredsetupError('PERMISSION_DENIED', `This account may not see whether the ${provisioning.words.thing} was made.`);
  const stays = partsIn(provisioning, old);
  for (const { id } of listed.filter(carries(mark))) {
    for (const part of partsIn(provisioning, id).filter((one) => !stays.includes(one))) await provisioning.revoke(api, session, part, mark);
  }
}

function carries(mark: string): (one: Listed) => boolean {
  return ({ description }) => description.includes(`[credsetup ${mark}]`);
}

/** The new one is saved: what it replaced ends. False, with a warning, when it could not be ended; the next run tries again. */
export async function endReplaced({ provisioning, context }: Pick<AtService, 'provisioning' | 'context'>, id: string, end: () => Promise<void>): Promise<boolean> {
  const { output } = context;
  const { words } = provisioning;
  try {
    await end();
    return true;
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    output.warn(`  ${output.style.caution('!')} The new ${words.thing} is saved; the old one could not be ended (${words.id} ${id}): ${error.message} The next run tries again.`);
    return false;
  }
}

/** The note of a rotation whose new secret is the stored one, and whose old one is still there. */
export async function unfinished({ context, provisioning }: Pick<AtService, 'context' | 'provisioning'>, listed: readonly Listed[], tokenId: string): Promise<Begun | undefined> {
  const notes = await (await context.journal()).list();
  const mine = partsIn(provisioning, tokenId);
  const now = listed.filter(({ id }) => mine.includes(id));
  return notes.find(({ mark, old }) => {
    const ends = partsIn(provisioning, old).filter((part) => !mine.includes(part));
    return now.some(carries(mark)) && listed.some(({ id }) => ends.includes(id));
  });
}

/** Ends what earlier runs left at this address. Run it under the journal's lock. */
export async function sweepLeftBehind(at: AtService, service: string, url: string): Promise<void> {
  const journal = await at.context.journal();
  const mine = (await journal.list()).filter((begun) => begun.service === service && begun.url === url);
  for (const begun of mine) {
    const listed = await at.provisioning.list(at.api, at.session, begun.ownerId, begun.mark);
    // Another account's: the run that signs in as that one, or as an admin, sees to it.
    if (listed === undefined) continue;
    if (await endLeft(at, begun, listed)) await settle(begun.mark, at.context);
  }
}

async function endLeft({ provisioning, api, session, context }: AtService, begun: Begun, listed: readonly Listed[]): Promise<boolean> {
  const { words } = provisioning;
  const vault = await context.vault();
  // Which one a damaged entry keeps cannot be told.
  if ((await vault.damaged()).length > 0) return false;
  const stored = await vault.list();
  const parts = (id: string | undefined): readonly string[] => partsIn(provisioning, id);
  const kept = new Set(stored.flatMap(({ fields }) => parts(fields.tokenId)));
  const old = parts(begun.old);
  const ours = listed.filter(carries(begun.mark));
  const saved = ours.some(({ id }) => kept.has(id));
  // An n8n may still work with what was replaced: the rotation goes on first.
  const waiting = stored.find((one) => ours.some(({ id }) => parts(one.fields.tokenId).includes(id)) && one.pushed?.some((copy) => !isCurrent(one, copy)));
  if (waiting !== undefined) return false;
  // Beside what is stored, what was needed for a moment to make it.
  const ending = (saved ? listed.filter((one) => old.includes(one.id) || ours.includes(one)) : ours).filter(({ id }) => !kept.has(id));
  for (const one of ending) {
    try {
      await provisioning.revoke(api, session, one.id, begun.mark);
      context.output.say(`  ${context.output.style.good('✔')} Ended a ${words.thing} that an earlier run left behind (${words.id} ${one.id}).`);
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      context.output.warn(`  ${context.output.style.caution('!')} A ${words.thing} that an earlier run left behind could not be ended (${words.id} ${one.id}): ${error.message}`);
      return false;
    }
  }
  return restored({ provisioning, api, session, context }, begun);
}

/** What was changed for a moment at what stays. False, with a warning, where it could not be put back. */
async function restored({ provisioning, api, session, context: { output } }: AtService, { old, mark }: Begun): Promise<boolean> {
  if (old === undefined || provisioning.restore === undefined) return true;
  try {
    await provisioning.restore(api, session, old, mark);
    return true;
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    output.warn(`  ${output.style.caution('!')} What an earlier run changed for a moment could not be put back: ${error.message} The next run tries again.`);
    return false;
  }
}
