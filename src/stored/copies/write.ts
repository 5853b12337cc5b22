/** Writing a credential into an n8n: made there, or in place of what was written before, and nothing of n8n's own is broken by it. */
import type { Context } from '../../context.ts';
import type { Credential, FullCredential, Pushed } from '../../credential.ts';
import { foreign } from '../../foreign.ts';
import { CredsetupError, isCredsetupError, toCredsetupError } from '../../errors.ts';
import { n8nCredential } from '../../exporters/n8n.ts';
import { idTaken, type StoredInN8n } from '../../services/n8n/api.ts';
import { methodOf } from '../../services/registry.ts';
import type { Method } from '../../services/service.ts';
import { gaveUp, giveUp } from '../hand-over.ts';
import { refuseHandedOver } from '../handed-over.ts';
import type { FreshDeps } from '../fresh.ts';
import { copyIn, nameInN8n, ownIdOf, sameN8n, type OpenN8n } from './open.ts';

export interface WritePlan {
  readonly replace: boolean;
  /** n8n's own sign-in may end. */
  readonly disconnect: boolean;
  /** The sign-in goes too, and ours is given up. */
  readonly handOver: boolean;
  readonly projectId?: string | undefined;
  /** The service's address for that n8n; what was said before stays when it is not given. */
  readonly urlInN8n?: string | undefined;
  /** A credential of that n8n, ours or not, that is written into. */
  readonly into?: string | undefined;
  /** What is not ours stays there although its sign-in may end: n8n shows the old one until somebody presses Connect. */
  readonly keepRest?: boolean;
  readonly deps: FreshDeps;
}

export interface Written {
  readonly status: 'created' | 'replaced';
  readonly stored: StoredInN8n;
  readonly credential: Credential;
  readonly full: FullCredential;
  readonly method: Method;
  readonly urlInN8n: string | undefined;
  /** What became of a sign-in that n8n had. `stale`: it stands there still, and may be of another client or dead. */
  readonly signIn: SignInThere;
}

/** `none`: there was none, or this type has none; `stays`; `replaced`: it ended, or another came along; `stale`. */
export type SignInThere = 'none' | 'stays' | 'replaced' | 'stale';

/** Throws NAME_TAKEN, HANDED_OVER, INPUT_MISSING (--disconnect), NOT_FOUND (--into), UNSUPPORTED, and what the API throws. */
export async function writeCopy(credential: Credential, target: OpenN8n, plan: WritePlan, context: Context): Promise<Written> {
  const method = methodOf(credential);
  const copy = copyIn(credential, target.base);
  const before = plan.into === undefined || plan.into === copy?.id ? copy : undefined;
  if (before !== undefined && plan.into === undefined && !plan.replace) throw pushedBefore(credential, before);
  const there = await whatIsThere(credential, method, before, target, plan);
  if (!plan.handOver) refuseUnlessPlain(credential, there, before);
  const signIn = there === undefined ? 'none' : await checkSignIn(credential, method, there, before, target, plan, context);
  if (there !== undefined && (signIn === 'replaced' || !(await target.api.abilities()).partialData)) await sayWholeWrite(there, plan, context);
  const full = plan.handOver ? await giveUp(credential, target.base, plan.deps) : await plan.deps.vault.load(credential.name);
  for (const secret of Object.values(full.secrets)) context.output.protect(secret);
  const urlInN8n = plan.urlInN8n ?? before?.urlInN8n;
  const stored = there === undefined
    ? await create(full, method, target, urlInN8n, plan, context)
    : await update(full, method, there, target, urlInN8n, { ...plan, signIn }, context);
  await gaveUp(full, target.base, plan.deps);
  if (copy !== undefined && copy !== before) sayLeftBehind(copy, target.base, context);
  return {
    status: there === undefined ? 'created' : 'replaced', stored, full, method, urlInN8n, signIn,
    credential: await remember(credential, stored, target.base, urlInN8n, full, context),
  };
}

/** One copy an n8n is known: what was written there before is nobody's from now on. */
function sayLeftBehind({ name, id }: Pushed, base: string, { output }: Context): void {
  const left = `(${foreign(name)}, id ${foreign(id)}) stays as it is: no push and no rotation writes it any more.`;
  output.warn(`  ${output.style.caution('!')} The copy that was pushed to ${base} before ${left} Delete it there when no workflow uses it.`);
}

/** What was handed over lives in n8n: its client and address may be written again, its sign-in is there already. */
function refuseUnlessPlain(credential: Credential, there: StoredInN8n | undefined, before: Pushed | undefined): void {
  if (there === undefined || before === undefined) refuseHandedOver(credential);
}

/** What is written over; undefined: it is made anew. */
async function whatIsThere(
  credential: Credential, method: Method, before: Pushed | undefined, target: OpenN8n, plan: WritePlan,
): Promise<StoredInN8n | undefined> {
  if (plan.into !== undefined) return intoThis(credential, method, plan.into, target);
  const mine = before === undefined ? undefined : await unchanged(credential, before, method.n8n.type, target);
  if (mine !== undefined) return mine;
  // The same n8n by another name has what was written to it by that name; so may another computer's copy be there.
  const elsewhere = (credential.pushed ?? []).filter(({ url }) => !sameN8n(url, target.base));
  const ids = [...elsewhere.map(({ id }) => id), ...(plan.handOver || plan.replace ? [ownIdOf(credential)] : [])];
  for (const id of ids) {
    const found = await findIfAllowed(id, target);
    if (found === undefined || found.type !== method.n8n.type || found.name !== nameInN8n(credential)) continue;
    if (!plan.replace) throw thereAlready(credential, found, target.base);
    return found;
  }
  return undefined;
}

async function findIfAllowed(id: string, { api }: Pick<OpenN8n, 'api'>): Promise<StoredInN8n | undefined> {
  try {
    return await api.find(id);
  } catch (error) {
    if (isCredsetupError(error) && ['PERMISSION_DENIED', 'UNSUPPORTED'].includes(error.code)) return undefined;
    throw error;
  }
}

async function intoThis({ name }: Credential, { n8n }: Method, id: string, { api, base }: OpenN8n): Promise<StoredInN8n> {
  const there = await api.find(id);
  if (there === undefined) throw new CredsetupError('NOT_FOUND', `The n8n at ${base} has no credential with the id ${id}.`, { name, url: base, hint: 'The id stands at the end of the credential\'s address in n8n; credsetup check shows the ids, too.' });
  if (there.type === n8n.type) return there;
  throw new CredsetupError('UNSUPPORTED', `What has the id ${id} in n8n is of the type ${foreign(there.type)}, and ${name} is written as ${n8n.type}.`, { name, url: base, hint: 'Nothing was written. Choose a credential of that type.' });
}

/** undefined when it is no more there. Throws NAME_TAKEN when what has the id now is something else. */
async function unchanged(credential: Credential, before: Pushed, type: string, { api, base }: OpenN8n): Promise<StoredInN8n | undefined> {
  const there = await api.find(before.id);
  if (there === undefined || (there.type === type && [before.name, nameInN8n(credential)].includes(there.name))) return there;
  throw new CredsetupError('NAME_TAKEN', `What was pushed to ${base} as ${before.name} is there now as ${foreign(JSON.stringify(there.name))} of the type ${foreign(there.type)}; it was left as it is.`, {
    hint: `Give it its old name in n8n, or delete it there; then push again with --replace. To write into it as it is: --into ${there.id}`,
  });
}

/**
 * n8n's sign-in of a connected credential stays, or comes along, or somebody said that it may end.
 * Throws INPUT_MISSING where it would end unsaid.
 */
async function checkSignIn(
  credential: Credential, method: Method, there: StoredInN8n, before: Pushed | undefined, { api, base }: OpenN8n, plan: WritePlan, context: Context,
): Promise<SignInThere> {
  if (method.n8n.tokens === undefined) return 'none';
  const [{ partialData }, tested] = await Promise.all([api.abilities(), api.test(there.id).catch(() => undefined)]);
  // Only what n8n itself calls not connected has nothing to lose.
  if (tested?.status === 'Error') return 'none';
  if (plan.disconnect && plan.keepRest === true && !plan.handOver && partialData) return 'stale';
  if (plan.handOver || plan.disconnect) return 'replaced';
  const sameClient = before !== undefined && before.clientId === credential.fields.clientId;
  if (partialData && sameClient) return 'stays';
  const cost = partialData
    ? `${foreign(there.name)} is connected in n8n by ${before?.clientId === undefined ? 'a client that may be another one' : 'another client'}; with this one its sign-in ends, and its workflows fail until somebody presses Connect there again.`
    : `This n8n can only replace the whole credential: the sign-in of ${foreign(there.name)} ends with it, and its workflows fail until somebody presses Connect there again.`;
  if (context.interactive) {
    context.output.warn(`  ${cost}`);
    if (await (await context.terminal()).typeWord({ message: 'Type the word to go on', word: 'disconnect' })) return partialData ? 'stale' : 'replaced';
    throw new CredsetupError('CANCELLED', 'Stopped; nothing was changed in n8n.', { hint: `Or bring the sign-in with it: credsetup push n8n ${credential.name} --replace --hand-over` });
  }
  throw new CredsetupError('INPUT_MISSING', cost, {
    name: credential.name, url: base, missing: [{ field: 'disconnect', option: '--disconnect', variable: '' }],
    hint: 'Nothing was changed. Add --disconnect if that may happen (--yes does not say it), or --hand-over to bring the sign-in with it.',
  });
}

/**
 * n8n takes another sign-in only with the whole of a credential, and an older one everything; nothing of it can be
 * read. Where nobody chose that on the command line, a person does. Throws CANCELLED.
 */
async function sayWholeWrite({ name }: StoredInN8n, { keepRest }: WritePlan, context: Context): Promise<void> {
  const { output } = context;
  const lost = 'what was set in it in n8n beside that, such as allowed domains, goes back to n8n\'s default.';
  output.warn(`  ${output.style.caution('!')} All of ${foreign(name)} is written: ${lost}`);
  if (keepRest !== true || !context.interactive) return;
  if (await (await context.terminal()).typeWord({ message: 'Type the word to go on', word: 'replace' })) return;
  throw new CredsetupError('CANCELLED', 'Stopped; nothing was changed in n8n.', { hint: 'Note what is set there in n8n, and set it again behind this.' });
}

function bodyOf(
  full: FullCredential, method: Method, urlInN8n: string | undefined, { handOver }: WritePlan, context: Context,
): { readonly name: string; readonly type: string; readonly data: Readonly<Record<string, unknown>> } {
  const there = urlInN8n === undefined ? full : { ...full, credential: { ...full.credential, url: urlInN8n } };
  const { type, data } = n8nCredential({ full: there, method }, { now: context.now(), handOver });
  return { name: nameInN8n(full.credential), type, data };
}

async function create(
  full: FullCredential, method: Method, { api, base }: OpenN8n, urlInN8n: string | undefined, plan: WritePlan, context: Context,
): Promise<StoredInN8n> {
  const { credential } = full;
  const body = { ...bodyOf(full, method, urlInN8n, plan, context), ...(plan.projectId === undefined ? {} : { projectId: plan.projectId }) };
  const made = await api.create({ ...body, id: ownIdOf(credential) });
  if (made !== idTaken) return made;
  // 409: our own copy, of which nobody here knew, or something else that took the id.
  const found = await findIfAllowed(ownIdOf(credential), { api });
  if (found === undefined || (found.type === method.n8n.type && found.name === body.name)) throw thereAlready(credential, found, base);
  throw new CredsetupError('NAME_TAKEN', `The n8n at ${base} has something else under the id of ${credential.name}: ${foreign(JSON.stringify(found.name))} of the type ${foreign(found.type)}; it was left as it is.`, {
    name: credential.name, url: base, hint: `If that is what you want to write over: credsetup push n8n ${credential.name} --into ${found.id}`,
  });
}

async function update(
  full: FullCredential, method: Method, there: StoredInN8n, { api, base }: OpenN8n, urlInN8n: string | undefined,
  plan: WritePlan & { readonly signIn: SignInThere }, context: Context,
): Promise<StoredInN8n> {
  const { name, data } = bodyOf(full, method, urlInN8n, plan, context);
  const { partialData } = await api.abilities();
  // Another sign-in, or none, is only taken with the whole: beside a part, n8n keeps the one that it has (measured with 2.41.1).
  const partial = partialData && plan.signIn !== 'replaced';
  const change = plan.into === undefined ? { name, data, partial } : { data, partial };
  const stored = await api.update(there.id, change);
  if (stored !== undefined) return stored;
  throw new CredsetupError('RESPONSE_INVALID', `The credential was deleted in the n8n at ${base} while it was being replaced.`, { url: base, hint: 'Push it again with --replace.' });
}

function pushedBefore({ name: ours }: Credential, { url, id, name: theirs, at }: Pushed): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `${ours} was pushed to ${url} on ${at.slice(0, 10)}, as ${theirs} (id ${id}).`, {
    hint: 'Add --replace to write it over there, also when it was deleted in n8n since.',
  });
}

function thereAlready({ name }: Credential, found: StoredInN8n | undefined, base: string): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `The n8n at ${base} has ${name} already${found === undefined ? '' : ` (id ${found.id})`}: it was pushed from another computer, or by another name of that n8n.`, {
    name, url: base, hint: 'Add --replace to write it over there; that takes the scopes credential:read and credential:update.',
  });
}

/** By which --replace finds it again. */
export async function remember(
  { name: ours }: Credential, stored: StoredInN8n, url: string, urlInN8n: string | undefined, full: FullCredential, context: Context,
): Promise<Credential> {
  const { clientId } = full.credential.fields;
  const pushed: Pushed = {
    url, ...stored, at: context.now().toISOString(),
    ...(urlInN8n === undefined || urlInN8n === full.credential.url ? {} : { urlInN8n }), ...(clientId === undefined ? {} : { clientId }),
  };
  // An id that n8n chose tells one n8n by another name; one of ours is the same in every n8n.
  const isSame = (other: Pushed): boolean => sameN8n(other.url, url) || (other.id === stored.id && stored.id !== ownIdOf(full.credential));
  try {
    return await (await context.vault()).update(ours, (one) => ({ ...one, pushed: [...(one.pushed ?? []).filter((other) => !isSame(other)), pushed] }));
  } catch (error) {
    const { code, message, hint } = toCredsetupError(error);
    throw new CredsetupError(code, `${message} n8n has the credential now, under the id ${stored.id}, and that could not be kept here.`, {
      cause: error, hint: `${hint} Push it again with --replace: it is found there by its id.`,
    });
  }
}

/** What n8n said last of the copy. */
export async function rememberTest({ name }: Credential, base: string, test: NonNullable<Pushed['test']>, context: Context): Promise<Credential> {
  return (await context.vault()).update(
    name, (one) => ({ ...one, pushed: (one.pushed ?? []).map((copy) => (sameN8n(copy.url, base) ? { ...copy, test } : copy)) }),
  );
}
