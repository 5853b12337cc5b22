/**
 * A secret made at the service: repairs, making, validating and saving as one. What
 * fails on the way takes back what was done before it, in reverse; a lost answer counts as done.
 */
import type { Credential } from '../../credential.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import type { Change, Made, Owner, Place } from '../../services/provisioning.ts';
import type { Api } from '../../services/api.ts';
import { known, terminalOf, type Draft, type Outcome, type ReadyDraft, type ValidatedDraft } from '../draft.ts';
import { begin as note, endMarked, endReplaced, marked, mayBeStored, newMark, settle, sweepLeftBehind, type AtService } from '../../stored/marked-secret.ts';
import { tokensForMade } from '../../stored/tokens-for-made.ts';
import { overcome } from './repairs.ts';
import { credentialOf, saveStage, validate } from '../saving.ts';
import { endpointOf, grantOf, lookAtClient, redirectServerOf } from '../oauth2/client.ts';
import { onlyN8nSignsIn } from '../oauth2/who-signs-in.ts';
import { provisioningOf, step, openApi, openOf, valueOf } from './sessions.ts';

/** What was done, and how it is taken back; the text tells what is left when that fails. */
interface Done {
  readonly left: string;
  readonly takeBack: (api: Api) => Promise<void>;
}

interface Run {
  readonly draft: ReadyDraft;
  readonly mark: string;
  /** Changes of the server, oldest first. */
  readonly done: Done[];
  /** Whose secret it becomes. */
  owner?: Owner;
  /** The token, which ends before anything is changed back: that may need what the changes gave. */
  token?: Done;
  readonly applied: Set<Change>;
  made?: Made;
}

const defaultDescription = 'n8n integration';

/** Makes, validates and saves, as the only one of this home. */
export async function makeStage(draft: ReadyDraft): Promise<Outcome> {
  if (draft.store === 'none' && draft.options.deliver === undefined) {
    throw new CredsetupError('USAGE', 'With the store "none" the new token would be made and lost.', { hint: 'Choose another store, or add --export FORMAT.' });
  }
  await alone(draft, async () => {
    const run: Run = { draft, mark: newMark(), done: [], applied: new Set() };
    try {
      await sweep(draft);
      await makeAndKeep(run);
    } catch (error) {
      throw await takeBack(run, error);
    }
    afterwards(run);
  });
  return 'through';
}

/** A home that cannot be written is no reason to fail where nothing is kept. */
async function alone(draft: ReadyDraft, task: () => Promise<void>): Promise<void> {
  if (draft.store === 'none') await task();
  else await (await draft.context.journal()).alone(task);
}

function atService(draft: ReadyDraft, api: Api): AtService {
  return { provisioning: provisioningOf(draft), api, session: known(openOf(draft).session, 'session'), context: draft.context };
}

/** Where nothing is kept, nothing is noted either. */
async function settled({ draft, mark }: Run): Promise<void> {
  if (draft.store !== 'none') await settle(mark, draft.context);
}

async function sweep(draft: ReadyDraft): Promise<void> {
  if (draft.store === 'none') return;
  await step(draft, 'looking for what an earlier run left', (api) => sweepLeftBehind(atService(draft, api), draft.service.id, draft.base));
}

async function makeAndKeep(run: Run): Promise<void> {
  const { draft } = run;
  const open = openOf(draft);
  await applyChanges(run);
  const owner = await withHelp(run, (api) => provisioningOf(draft).owner(api, known(open.session, 'session'), known(draft.way, 'way'), Object.fromEntries(draft.values)));
  run.owner = owner;
  if (owner.created) draft.context.output.say(`  ${draft.context.output.style.good('✔')} Made the bot ${owner.username}`);
  await offerPlaces(draft, owner);
  const made = await makeToken(run, owner);
  run.made = made;
  draft.made = made;
  sayMade(draft, made);
  if (draft.method.oauth !== undefined) await useMadeClient(run, made);
  const validated = await validate(draft);
  const { prove } = provisioningOf(draft);
  if (prove !== undefined && !onlyN8nSignsIn(draft)) await step(draft, 'looking that it may do what it should and no more', (api) => prove(api, known(open.session, 'session'), made, credentialOf(validated).secrets));
  await keep(run, validated);
}

/** That it is there now, by what a person finds it by at the service. */
function sayMade(draft: ReadyDraft, { id, description, told }: Made): void {
  const { output } = draft.context;
  const { words } = provisioningOf(draft);
  for (const one of told ?? [`the ${words.thing} "${description}" (${words.id} ${id})`]) output.say(`  ${output.style.good('✔')} Made at ${draft.service.title}: ${one}`);
}

/** What a client that was just made may do by itself, and its tokens. */
async function useMadeClient(run: Run, made: Made): Promise<void> {
  const { draft } = run;
  for (const [key, value] of Object.entries({ ...made.fields, ...made.secrets })) draft.values.set(key, value);
  await step(draft, `asking ${draft.service.title} about the client`, () => lookAtClient(draft));
  if (!onlyN8nSignsIn(draft)) await signInToMade(run, made);
}

async function signInToMade({ draft }: Run, made: Made): Promise<void> {
  const { consent } = provisioningOf(draft);
  const { oauth } = draft.method;
  if (oauth === undefined || consent === undefined) return;
  draft.tokens = await tokensForMade({
    endpoint: endpointOf(draft), authorizationEndpoint: oauth.authorizationEndpoint(draft.base),
    redirectUri: grantOf(draft) === 'client-credentials' ? undefined : redirectServerOf(draft).redirectUri,
    consent: (url, redirectUri) => step(draft, 'signing in', (api) => consent(api, known(openOf(draft).session, 'session'), made, url, redirectUri)),
    protect: (secret) => { draft.context.output.protect(secret); },
  });
}

/** The changes that were agreed to and are not done yet. One whose answer was lost is taken back as if it was done. */
async function applyChanges({ draft, done, applied }: Run): Promise<void> {
  const open = openOf(draft);
  for (const change of open.changes.filter((one) => !applied.has(one))) {
    const admin = known(open.admin ?? open.session, 'session');
    const undo: Done = { left: `${change.lines.join('; ')}. To undo it: ${change.undoBy}`, takeBack: (api) => change.undo(api, admin) };
    await step(draft, 'changing it', async (api) => {
      try {
        await change.apply(api, admin);
        applied.add(change);
        done.push(undo);
      } catch (error) {
        if (!isRefusal(error)) done.push(undo);
        throw error;
      }
    });
    draft.context.output.say(`  ${draft.context.output.style.good('✔')} Changed: ${change.lines.join('; ')}`);
  }
}

/** Asks the server; what it then says stands in the way is overcome once, and asked again. */
async function withHelp<T>(run: Run, task: (api: Api) => Promise<T>): Promise<T> {
  const { draft } = run;
  const open = openOf(draft);
  const seen = new Set<string>();
  for (;;) {
    try {
      return await step(draft, `asking ${draft.service.title}`, task);
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      const repair = provisioningOf(draft).repairOf(await openApi(draft), error.code, known(open.session, 'session'), known(draft.way, 'way'));
      if (repair === undefined || seen.has(repair.id)) throw error;
      seen.add(repair.id);
      if (await overcome(draft, repair) === 'back') throw error;
      await applyChanges(run);
    }
  }
}

async function makeToken(run: Run, owner: Owner): Promise<Made> {
  const { draft, mark } = run;
  const open = openOf(draft);
  const provisioning = provisioningOf(draft);
  const session = known(open.session, 'session');
  const description = marked(valueOf(draft, provisioning.descriptionField) ?? defaultDescription, mark);
  const expiresAt = provisioning.expiryOf(valueOf(draft, provisioning.expiryField), draft.state.version, session.at ?? draft.context.now());
  const asked = { way: known(draft.way, 'way'), values: Object.fromEntries(draft.values), redirectUris: draft.redirect?.registered.split(',') ?? [] };
  await begin(run, owner);
  run.token = { left: `a ${provisioningOf(draft).words.thing} with the description "${description}"`, takeBack: async (api) => {
    await endMarked(atService(draft, api), owner.id, mark, run.made);
    await settled(run);
  } };
  try {
    return await withHelp(run, async (api) => {
      const made = await provisioning.make(api, session, owner, { description, expiresAt, ...asked }, (secret) => { draft.context.output.protect(secret); });
      run.made = made;
      return made;
    });
  } catch (error) {
    const expiry = provisioning.expiryField?.key;
    if (isCredsetupError(error) && expiry !== undefined && error.details.field === expiry) {
      open.expiryWanted = true;
      draft.values.delete(expiry);
    }
    if (isRefusal(error) && provisioning.inSteps !== true) {
      delete run.token;
      await settled(run);
    }
    throw error;
  }
}

/** Whether the server said no; otherwise it may have done it (a lost answer, a stop). */
function isRefusal(error: unknown): boolean {
  return isCredsetupError(error) && error.code !== 'RESPONSE_INVALID' && [2, 5, 6, 7, 8].includes(error.exitCode);
}

async function begin({ draft, mark }: Run, owner: Owner): Promise<void> {
  if (draft.store === 'none') return;
  const there = await replaced(draft);
  const old = there?.fields.tokenId;
  await note({ mark, service: draft.service.id, url: draft.base, ownerId: owner.id, ...(old === undefined ? {} : { old }) }, draft.context);
}

/** The credential that --replace takes the place of, where its secret is ours to end. */
async function replaced({ vault, options, name, service, base }: ReadyDraft): Promise<Credential | undefined> {
  const there = options.replace ? await vault.find(known(name, 'name')) : undefined;
  if (there?.service !== service.id || there.url !== base) return undefined;
  try {
    // Only the record proves that its Token ID is ours; the index alone may name anybody's.
    return (await vault.load(there.name)).credential;
  } catch (error) {
    if (isCredsetupError(error) && ['SECRET_MISSING', 'STORE_CORRUPT'].includes(error.code)) return undefined;
    throw error;
  }
}

async function keep(run: Run, draft: ValidatedDraft): Promise<void> {
  const before = await replaced(draft);
  await saveStage(draft);
  if (draft.store === 'none') await draft.options.deliver?.(credentialOf(draft));
  // From here on the secret is in use: nothing is taken back any more.
  run.done.length = 0;
  delete run.token;
  if (draft.store === 'none') return;
  const old = before?.fields.tokenId;
  // Where it failed, the journal remembers the old token for the next run.
  if (old === undefined || await endOld(draft, old)) await settled(run);
}

async function endOld(draft: ReadyDraft, id: string): Promise<boolean> {
  const provisioning = provisioningOf(draft);
  const { words } = provisioning;
  const { context: { output }, context } = draft;
  const ended = await endReplaced({ provisioning, context }, id, () => step(draft, `ending the old ${words.thing}`, (api) => provisioning.revoke(api, known(openOf(draft).session, 'session'), id)));
  if (ended) output.say(`  ${output.style.good('✔')} Ended the old ${words.thing} (${words.id} ${id})`);
  return ended;
}

/** Undoes in reverse, after what was on its way has come to its end. The error tells what is left. */
async function takeBack(run: Run, error: unknown): Promise<unknown> {
  const { draft, done, token } = run;
  const open = openOf(draft);
  await open.pending;
  const left: string[] = [];
  // What may be the stored secret stays, with the changes that it lives by; the next run sees to it.
  const stays = run.made !== undefined && draft.store !== 'none' && await mayBeStored(run.made.id, draft.context);
  for (const one of [...(token === undefined ? [] : [token]), ...done.splice(0).reverse()]) {
    if (stays) {
      left.push(one.left);
      continue;
    }
    try {
      await one.takeBack(await openApi(draft));
      if (one === token && run.made !== undefined) draft.context.output.say(`  Ended again: ${one.left}`);
    } catch (failure) {
      if (!isCredsetupError(failure)) throw failure;
      left.push(run.made === undefined || one !== token ? one.left : `${one.left}, ${provisioningOf(draft).words.id} ${run.made.id}`);
    }
  }
  forget(draft);
  const told = withOwner(run, error);
  if (left.length === 0) return told;
  draft.context.output.warn(`  ${draft.context.output.style.bad('✖')} Left at ${draft.service.title}, ${stays ? 'for whether it was saved is not certain' : 'because taking it back failed'}: ${left.join('. ')}`);
  return isCredsetupError(told) ? told.withHint(`${told.hint} Left at ${draft.service.title}: ${left.join('. ')}`) : told;
}

function forget(draft: Draft): void {
  delete draft.made;
  delete draft.validation;
  delete draft.saved;
}

/** An account that was made stays: it holds nothing, and the next run uses it. */
function withOwner({ draft, owner }: Run, error: unknown): unknown {
  if (owner?.created !== true) return error;
  const stays = `The bot ${owner.username}, made in this run, stays at ${draft.service.title} without a token; the next run uses it.`;
  draft.context.output.warn(`  ${draft.context.output.style.caution('!')} ${stays}`);
  return isCredsetupError(error) ? error.withHint(`${error.hint} ${stays}`) : error;
}

/** What stays changed, and how to undo it. */
function afterwards({ draft, applied }: Run): void {
  const { output } = draft.context;
  for (const { lines, undoBy } of applied) output.warn(`  ${output.style.caution('!')} Changed on the server, and it stays so: ${lines.join('; ')}. To undo it: ${undoBy}`);
}

/** The node can post only where the account is a member: a person says where to add a bot. */
async function offerPlaces(draft: ReadyDraft, owner: Owner): Promise<void> {
  const { terminal } = draft;
  if (terminal === undefined || !owner.bot) return;
  const admin = known(openOf(draft).session, 'session');
  const team = await choosePlace(draft, `Add ${owner.username} to a team? It can post only where it is a member.`, await step(draft, 'asking for your teams', (api) => provisioningOf(draft).places(api, admin)));
  if (team === undefined) return;
  await step(draft, 'adding it', (api) => team.add(api, admin, owner));
  for (let added = 0; ; added += 1) {
    const inner = await step(draft, 'asking for its channels', async (api) => await team.inner?.(api, admin) ?? []);
    const channel = await choosePlace(draft, `Add it to a channel of ${team.title}?`, inner, added > 0);
    if (channel === undefined) return;
    await step(draft, 'adding it', (api) => channel.add(api, admin, owner));
    draft.context.output.say(`  ${draft.context.output.style.good('✔')} ${owner.username} is in ${channel.title}`);
  }
}

async function choosePlace(draft: ReadyDraft, message: string, places: readonly Place[], enough = false): Promise<Place | undefined> {
  if (places.length === 0) return undefined;
  const answer = await terminalOf(draft).choose<Place | 'enough'>({
    message, choices: [...places.map((place) => ({ value: place, label: place.title })), { value: 'enough', label: 'No, go on' }], ...(enough ? { initial: 'enough' } : {}),
  });
  return answer.kind === 'back' || answer.value === 'enough' ? undefined : answer.value;
}
