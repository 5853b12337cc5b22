/**
 * A new secret in place of a stored one: made, validated, saved, and only then the old one ended.
 * Killed between any two requests, the stored secret still authenticates, and the journal lets
 * the next run end what is left. A server's own exchange of a secret ends the old one at once and
 * needs every right that a second secret needs (measured), so it is never used.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Context, Vault } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Listed, Made, Owner, Provisioning, ProvisioningWords } from '../services/provisioning.ts';
import type { Field } from '../services/field.ts';
import { sendableValue } from '../field-sources.ts';
import { bringUpToDate, type OpenCopy } from './copies/keep-up.ts';
import { begin, endMarked, endReplaced, marked, mayBeStored, newMark, partsIn, settle, sweepLeftBehind, unfinished } from './marked-secret.ts';
import { keepAtOnce, keepSuccessor } from './successor.ts';
import { withStoredSession, type StoredOptions, type StoredSession } from './session.ts';

interface Rotation extends StoredSession {
  readonly full: FullCredential;
  readonly options: StoredOptions;
  readonly context: Context;
  readonly vault: Vault;
  readonly tokenId: string;
  readonly owner: Owner;
  readonly expiresAt: Date | undefined;
  readonly following: Following;
}

/** The copies that get the new secret before the old one ends. */
export interface Following {
  readonly copies: readonly OpenCopy[];
  /** Seconds that the old one lives on after they have it: a node that is just running holds it. */
  readonly grace: number;
  /** Each n8n runs it, also where its own test signs in. */
  readonly run: boolean;
}

export interface Rotated {
  readonly full: FullCredential;
  /** False when the old one is still there. */
  readonly ended: boolean;
}

const defaultDescription = 'n8n integration';

/**
 * Rotates one stored secret, or goes on with a rotation that was cut off before every n8n had the
 * new one. Throws N8N_TEST_FAILED and what an n8n says otherwise: then the old one lives on.
 */
export async function rotate(full: FullCredential, options: StoredOptions, following: Following, context: Context): Promise<Rotated> {
  const vault = await context.vault();
  const journal = await context.journal();
  await vault.prepare(full.credential.store);
  return withStoredSession(full, options, context, (stored) => journal.alone(async () => {
    const { provisioning, api, session } = stored;
    const tokenId = tokenIdOf(full, options, provisioning);
    await checkUnchanged(full, vault);
    const { id = session.account.id, username = session.account.username, bot = false } = full.credential.account;
    const owner = { id, username, bot, created: false };
    if (provisioning.replacesAtOnce === true) return inItsPlace({ ...stored, full, options, context, vault, tokenId, owner, expiresAt: undefined, following });
    const listed = await provisioning.list(api, session, owner.id);
    const before = await goOn({ ...stored, full, context, vault, following }, listed);
    if (before !== undefined) return before;
    await sweepLeftBehind({ provisioning, api, session, context }, stored.service.id, full.credential.url);
    const old = oldOne(listed, tokenId, full, provisioning, context);
    const days = said(options, provisioning.expiryField) ?? keptDays(full, old, provisioning, context);
    const expiresAt = provisioning.expiryOf(days, full.credential.server.version, session.at ?? context.now());
    context.signal.throwIfAborted();
    return await secondOne({ ...stored, full, options, context, vault, tokenId, owner, expiresAt, following });
  }));
}

/** What the command line says of the new secret. */
function said({ fields }: StoredOptions, field: Field | undefined): string | undefined {
  if (field === undefined) return undefined;
  const { key } = field;
  return fields[key]?.value;
}

const day = 86_400_000;

/**
 * For how many days the old one was made, so that a secret that ends never becomes one that does
 * not. Throws EXPIRY_REQUIRED where it ends and its length is not known: it was not made here.
 */
function keptDays({ credential }: FullCredential, old: Listed | undefined, { expiryField, words }: Provisioning, { output }: Context): string | undefined {
  const { name, issuedAt, createdAt, expiresAt: stored, fields } = credential;
  const end = old === undefined ? stored : old.expiresAt;
  if (end === undefined) return undefined;
  if (fields.tokenId === undefined) {
    throw new CredsetupError('EXPIRY_REQUIRED', `The ${words.thing} of ${name} ends on ${end.slice(0, 10)}, and for how many days it was made is not known.`, {
      name, field: expiryField?.key, hint: `Say how many days the new one gets: ${expiryField?.option ?? ''} DAYS`,
    });
  }
  const days = Math.max(1, Math.round((Date.parse(end) - Date.parse(issuedAt ?? createdAt)) / day));
  output.say(`  The new ${words.thing} ends after ${days} ${days === 1 ? 'day' : 'days'}, as the old one did; ${expiryField?.option ?? ''} DAYS changes that.`);
  return String(days);
}

/** Ours is known; of a pasted one the person says it, or its own fields do. Throws INPUT_MISSING, INPUT_INVALID, UNSUPPORTED, USAGE. Never a guess. */
export function tokenIdOf({ credential }: FullCredential, { tokenId: given }: Pick<StoredOptions, 'tokenId'>, provisioning: Provisioning): string {
  const { name, fields } = credential;
  const { words, idField } = provisioning;
  const tokenId = given === undefined || idField === undefined ? given : sendableValue(idField, { value: given, source: idField.option });
  if (fields.tokenId !== undefined && tokenId !== undefined && tokenId !== fields.tokenId) {
    throw new CredsetupError('USAGE', `${name} has another ${words.id} than --token-id names.`, { name, hint: `Leave --token-id out: credsetup made this ${words.thing} and knows its ID.` });
  }
  const known = fields.tokenId ?? provisioning.idOf?.(fields) ?? tokenId;
  if (known !== undefined) return known;
  if (provisioning.idOf !== undefined) throw notOurs(name, words);
  throw new CredsetupError('INPUT_MISSING', `The ${words.thing} of ${name} was pasted, so its ${words.id} is not known.`, {
    name, missing: [{ field: 'tokenId', option: '--token-id', variable: '' }],
    hint: `${words.whereIdsStand} shows it beside the description. Give it with --token-id ID.`,
  });
}

/** What somebody else made is somebody else's to change and to end. */
function notOurs(name: string, { thing, whereIdsStand }: ProvisioningWords): CredsetupError {
  return new CredsetupError('UNSUPPORTED', `The ${thing} of ${name} was not made by credsetup, which neither changes nor ends it.`, {
    name, hint: `Change it in the service's own pages (${whereIdsStand}), then: credsetup reconnect ${name}. To take it off this computer alone: credsetup remove ${name}`,
  });
}

/** Who waited for the lock must not rotate what another run has rotated meanwhile. Throws STORE_BUSY. */
async function checkUnchanged(full: FullCredential, vault: Vault): Promise<void> {
  const { name } = full.credential;
  const there = await vault.load(name);
  if (JSON.stringify(there.secrets) === JSON.stringify(full.secrets)) return;
  throw new CredsetupError('STORE_BUSY', `Another credsetup gave ${name} a new secret meanwhile; nothing was changed.`, { name, hint: 'Look at it with credsetup show, and run this again if you want yet another one.' });
}

/**
 * The old one as the service lists it; undefined where it may not be seen or is not there any more:
 * services delete what has ended, and somebody may have. Throws INPUT_INVALID for an ID that a
 * person gave and that names none.
 */
function oldOne(
  listed: readonly Listed[] | undefined, tokenId: string, { credential }: FullCredential, provisioning: Provisioning, context: Context,
): Listed | undefined {
  const { words } = provisioning;
  const { name, fields, expiresAt } = credential;
  const parts = partsIn(provisioning, tokenId);
  const old = listed?.find(({ id }) => parts.includes(id));
  if (listed === undefined || old !== undefined) return old;
  // A list of what carries a mark of ours says nothing of what was pasted.
  if (provisioning.idOf !== undefined) return undefined;
  if (fields.tokenId === undefined) throw namesNone(name, words);
  const ended = expiresAt !== undefined && Date.parse(expiresAt) <= context.now().getTime();
  context.output.say(`  The old ${words.thing} is not at the service any more (${ended ? `it ended on ${expiresAt.slice(0, 10)}` : 'somebody deleted it'}); a new one takes its place.`);
  return undefined;
}

/** A given ID that names nothing: a service would answer as if it had ended it. Throws INPUT_INVALID. */
export async function checkNamed(full: FullCredential, tokenId: string, { provisioning: { list, words, idOf }, api, session }: StoredSession): Promise<void> {
  const { name, fields, account } = full.credential;
  if (fields.tokenId !== undefined || idOf !== undefined) return;
  const listed = await list(api, session, account.id ?? session.account.id);
  if (listed !== undefined && !listed.some(({ id }) => id === tokenId)) throw namesNone(name, words);
}

function namesNone(name: string, words: ProvisioningWords): CredsetupError {
  return new CredsetupError('INPUT_INVALID', `The account of ${name} has no ${words.thing} with this ${words.id}.`, {
    name, field: 'tokenId', hint: `${words.whereIdsStand} lists them. It may be the ${words.thing} itself that you gave; or it was deleted, as ended ones are, and takes a new one in its place: credsetup reconnect ${name}`,
  });
}

/** A rotation whose new secret is saved already: the copies follow, and the old one ends. */
async function goOn(
  one: Omit<Rotation, 'options' | 'tokenId' | 'owner' | 'expiresAt'>, listed: readonly Listed[] | undefined,
): Promise<Rotated | undefined> {
  const { provisioning, api, session, full, context } = one;
  const now = full.credential.fields.tokenId;
  const begun = now === undefined || listed === undefined ? undefined : await unfinished({ context, provisioning }, listed, now);
  if (begun?.old === undefined) return undefined;
  context.output.say(`  An earlier rotation was cut off; it goes on.`);
  await provisioning.restore?.(api, session, begun.old, begun.mark);
  return finish({ ...one, full, tokenId: begun.old }, begun.mark);
}

/** Nothing is ended before every n8n has proved the new one. */
async function finish(one: Pick<Rotation, 'provisioning' | 'api' | 'session' | 'full' | 'context' | 'vault' | 'tokenId' | 'following'>, mark: string): Promise<Rotated> {
  const { full, context, vault, following } = one;
  const atOnce = one.provisioning.replacesAtOnce === true;
  const deps = { vault, context, http: await context.http({ outlivesStop: true }) };
  const credential = await bringUpToDate(full.credential, following.copies, deps, { alone: true, oldLives: !atOnce, always: following.run });
  if (!atOnce && following.copies.length > 0 && following.grace > 0) await delay(following.grace * 1000, undefined, { signal: context.signal });
  return { full: { ...full, credential }, ended: atOnce || await endOld(one, mark) };
}

async function secondOne(rotation: Rotation): Promise<Rotated> {
  const { provisioning, api, session, owner, options, context, full, tokenId } = rotation;
  const mark = newMark();
  await begin({ mark, service: rotation.service.id, url: full.credential.url, ownerId: owner.id, old: tokenId }, context);
  const request = {
    description: marked(said(options, provisioning.descriptionField) ?? defaultDescription, mark), expiresAt: rotation.expiresAt,
    inPlaceOf: { id: tokenId, username: full.credential.account.username }, redirectUris: await redirectUris(rotation),
  };
  let made: Made | undefined;
  let saved: FullCredential;
  try {
    made = await provisioning.make(api, session, owner, request, (secret) => { context.output.protect(secret); });
    context.signal.throwIfAborted();
    saved = await keepSuccessor(rotation, made);
  } catch (error) {
    if (made === undefined && isNo(error)) {
      await settle(mark, context);
      throw session.isLogin ? error : error.withHint(`${error.hint} Or sign in for it: --username NAME with --password-file FILE, or --admin-token-file FILE.`);
    }
    throw await endNew(rotation, mark, made, error);
  }
  return finish({ ...rotation, full: saved }, mark);
}

/** The server says that this account makes no second one. */
function isNo(error: unknown): error is CredsetupError {
  return isCredsetupError(error) && ['PERMISSION_DENIED', 'TOKENS_DISABLED'].includes(error.code);
}

/** Ours first, then what else is registered at the one before: n8n may sign in with the new one, too. */
async function redirectUris({ provisioning, api, session, tokenId, full }: Rotation): Promise<readonly string[]> {
  const { redirectUri } = full.credential.fields;
  const registered = (await provisioning.registered?.(api, session, tokenId))?.redirectUris ?? [];
  return [...new Set([...(redirectUri === undefined ? [] : [redirectUri]), ...registered])];
}

/** Where no second one can stand beside the first: it is made and kept in one piece, and the copies follow at once. */
async function inItsPlace(rotation: Rotation): Promise<Rotated> {
  const { provisioning, api, session, owner, context, tokenId, following } = rotation;
  const { thing } = provisioning.words;
  const who = following.copies.length > 0 ? 'n8n\'s copies are' : 'whatever uses it is';
  context.output.warn(`  ${context.output.style.caution('!')} The old secret of the ${thing} ${owner.username} ends when the new one is set: until it is written, a moment later, ${who} refused.`);
  context.signal.throwIfAborted();
  const request = { description: '', expiresAt: undefined, inPlaceOf: { id: tokenId, username: owner.username } };
  const protect = (secret: string): void => { context.output.protect(secret); };
  const saved = await context.inOnePiece(async () => keepAtOnce(rotation, await provisioning.make(api, session, owner, request, protect)));
  return finish({ ...rotation, full: saved }, '');
}

/** The new one is saved: what fails now leaves the old one, which the next run ends. */
async function endOld(rotation: Pick<Rotation, 'provisioning' | 'api' | 'session' | 'tokenId' | 'context' | 'full'>, mark: string): Promise<boolean> {
  const { provisioning, api, session, tokenId, context, full } = rotation;
  const mine = partsIn(provisioning, full.credential.fields.tokenId);
  const ended = await endReplaced(rotation, tokenId, async () => {
    for (const part of partsIn(provisioning, tokenId).filter((one) => !mine.includes(one))) await provisioning.revoke(api, session, part, mark);
  });
  if (ended) await settle(mark, context);
  return ended;
}

/** Nothing was saved: the new one ends, by its mark where the answer with its ID was lost. */
async function endNew(rotation: Rotation, mark: string, made: Made | undefined, error: unknown): Promise<unknown> {
  const { provisioning: { words }, owner, context } = rotation;
  if (made !== undefined && await mayBeStored(made.id, context)) {
    return isCredsetupError(error) ? error.withHint(`${error.hint} Neither the old nor the new ${words.thing} (${words.id} ${made.id}) was ended; the next run ends the one that is not stored.`) : error;
  }
  try {
    await endMarked(rotation, owner.id, mark, made, rotation.tokenId);
  } catch (failure) {
    if (!isCredsetupError(failure) || !isCredsetupError(error)) return error;
    const left = made === undefined ? '' : ` (${words.id} ${made.id})`;
    return error.withHint(`${error.hint} The stored ${words.thing} stays in use. A new one is left at the server${left}; the next run ends it.`);
  }
  await settle(mark, context);
  return error;
}
