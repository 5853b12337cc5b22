/** Copies that follow a new secret: every n8n that holds one gets it and proves it, before anything of the old one ends. */
import type { Context, HttpOptions } from '../../context.ts';
import type { Credential, Pushed } from '../../credential.ts';
import { CredsetupError, isCredsetupError, toCredsetupError, type MissingInput } from '../../errors.ts';
import { checkedConnection } from '../../server/connection.ts';
import { capabilityScopes, requireScopes } from '../../services/n8n/capabilities.ts';
import { about as n8n, apiKey, targetUrl } from '../../services/n8n/fields.ts';
import { variableName } from '../../services/field.ts';
import { methodOf } from '../../services/registry.ts';
import type { FreshDeps } from '../fresh.ts';
import { isCurrent } from './current.ts';
import { copyIn, isN8n, openAt, openStored, pageOf, sameN8n, type OpenN8n, type ToN8n } from './open.ts';
import { askedOf, prove, testFailed, testOf } from './prove.ts';
import { sweepRuns, type RunOptions } from './runs.ts';
import { rememberTest, writeCopy } from './write.ts';
import type { StoredInN8n } from '../../services/n8n/api.ts';
import { takeBack } from '../hand-over.ts';

export interface OpenCopy {
  readonly copy: Pushed;
  readonly target: OpenN8n;
  /** How n8n gets its sign-in at a new client: ours is handed over, or a person presses Connect there. */
  readonly signIn?: 'hand-over' | 'connect';
}

export interface FollowOptions extends RunOptions {
  /** False: what it follows has ended the old one already. */
  readonly oldLives?: boolean;
}

/**
 * Every n8n that holds a copy, reached with its key. Throws INPUT_MISSING for keys that nobody
 * gave, and what an n8n says that cannot be written to: all before anything is made.
 */
export async function openCopies(credential: Credential, run: boolean, network: ToN8n, context: Context): Promise<readonly OpenCopy[]> {
  const found: OpenCopy[] = [];
  const missing: MissingInput[] = [];
  for (const copy of credential.pushed ?? []) {
    const target = await targetOf(copy, network, context);
    if (target === undefined) missing.push({ field: apiKey.key, option: '', variable: variableName(n8n.id, apiKey) });
    else found.push({ copy, target });
  }
  if (missing.length > 0) {
    const urls = (credential.pushed ?? []).filter(({ url }) => !found.some(({ copy }) => copy.url === url)).map(({ url }) => url);
    throw new CredsetupError('INPUT_MISSING', `No key is known for the n8n at ${urls.join(' and at ')}, which holds a copy of ${credential.name}.`, {
      name: credential.name, missing,
      hint: `Store that n8n: credsetup n8n --url ${urls[0] ?? ''}. Or give ${variableName(n8n.id, targetUrl)} and ${variableName(n8n.id, apiKey)}, or leave the copies alone with --no-push.`,
    });
  }
  const scopes = [...capabilityScopes.read, ...capabilityScopes.update, ...(run || signsIn(credential) ? capabilityScopes.run : [])];
  for (const { target } of found) {
    try {
      await requireScopes(target.api.requests, scopes);
      await sweepRuns(target, context);
    } catch (error) {
      throw isCredsetupError(error) ? nothingMade(error, credential, target) : error;
    }
  }
  return found;
}

/** Whichever n8n it is: it cannot get the new one, so there is none. */
function nothingMade(error: CredsetupError, { name }: Credential, { base }: OpenN8n): CredsetupError {
  return new CredsetupError(error.code, `The n8n at ${base}, which holds a copy of ${name}, cannot be written to: ${error.message}`, { ...error.details, name, url: base })
    .withHint(`${error.hint} Nothing was made, and what is there works on. Or leave the copies alone with --no-push.`);
}

const signsIn = (credential: Credential): boolean => methodOf(credential).n8n.tokens !== undefined;

/** By a stored n8n's key, the variables', or a person's; undefined in a script that has none. */
export async function targetOf({ url }: Pick<Pushed, 'url'>, { connection = checkedConnection, ...network }: ToN8n, context: Context): Promise<OpenN8n | undefined> {
  const stored = (await (await context.vault()).list()).find((one) => isN8n(one) && sameN8n(one.url, url));
  const opened = stored === undefined ? undefined : await openIfKeyThere(stored, network, context);
  if (opened !== undefined) return opened;
  const [given, key] = [context.env[variableName(n8n.id, targetUrl)] ?? '', context.env[variableName(n8n.id, apiKey)] ?? ''];
  if (key !== '' && URL.canParse(given) && sameN8n(new URL(given).origin, new URL(url).origin)) return openAt(url, key.trim(), connection, network, context);
  if (!context.interactive) return undefined;
  const answer = await (await context.terminal()).secret({ message: `API key of the n8n at ${url}`, help: apiKey.help, maxLength: apiKey.maxLength });
  return answer.kind === 'back' ? undefined : openAt(url, answer.value.trim(), connection, network, context);
}

/** An entry whose key is gone says no more than an address: the key is given or asked for as if there was none. */
async function openIfKeyThere(stored: Credential, network: HttpOptions, context: Context): Promise<OpenN8n | undefined> {
  try {
    return await openStored(stored, network, context);
  } catch (error) {
    if (isCredsetupError(error) && error.code === 'SECRET_MISSING') return undefined;
    throw error;
  }
}

/**
 * Writes the stored secret into each copy that has not proved it, and has n8n prove it. A copy
 * that was deleted in n8n is forgotten. Throws, after all were tried, what the first one failed by.
 */
export async function bringUpToDate(credential: Credential, copies: readonly OpenCopy[], deps: FreshDeps, options: FollowOptions): Promise<Credential> {
  let now = credential;
  let failure: CredsetupError | undefined;
  for (const { copy, target, signIn } of copies) {
    const there = copyIn(now, copy.url);
    if (there === undefined || isCurrent(now, there)) continue;
    try {
      now = await follow(now, { copy: there, target, ...(signIn === undefined ? {} : { signIn }) }, deps, options);
    } catch (error) {
      if (deps.context.signal.aborted) throw error;
      failure ??= leftToDo(toCredsetupError(error), credential.name, target.base, options.oldLives !== false);
    }
  }
  if (failure !== undefined) throw failure;
  return now;
}

async function follow(credential: Credential, { copy, target, signIn }: OpenCopy, deps: FreshDeps, options: RunOptions): Promise<Credential> {
  const { context } = deps;
  if (await target.api.find(copy.id) === undefined) {
    context.output.warn(`  ${context.output.style.caution('!')} The copy of ${credential.name} in the n8n at ${target.base} was deleted there.`);
    return deps.vault.update(credential.name, (one) => ({ ...one, pushed: (one.pushed ?? []).filter(({ url }) => !sameN8n(url, copy.url)) }));
  }
  // What n8n signs in with is written once: again, it would end the sign-in that somebody gave it since.
  if (signsIn(credential) && hasClient(credential, copy)) return proved(credential, copy, copy.urlInN8n, target, deps, options);
  // Cut off before it was written: the tokens here are still the only ones.
  const mine = credential.handedOver?.state === 'pending' ? await takeBack(credential, deps) : credential;
  const written = await writeCopy(
    mine, target, { replace: true, disconnect: signIn === 'connect', handOver: signIn === 'hand-over', into: copy.id, urlInN8n: copy.urlInN8n, deps }, context,
  );
  return proved(written.credential, written.stored, written.urlInN8n, target, deps, options);
}

/** The copy was written with the client that is stored now. */
function hasClient({ fields, issuedAt = '' }: Credential, { clientId, at }: Pushed): boolean {
  return clientId === fields.clientId && at >= issuedAt;
}

/** Throws N8N_TEST_FAILED. */
async function proved(
  credential: Credential, { id, name, type }: StoredInN8n, urlInN8n: string | undefined, target: OpenN8n, { context }: FreshDeps, options: RunOptions,
): Promise<Credential> {
  const asked = askedOf(credential, { id, name, type }, methodOf(credential), urlInN8n);
  const verdict = await prove(asked, target, options.always === true || signsIn(credential) ? 'always' : 'to-prove', context, options);
  const kept = await rememberTest(credential, target.base, testOf(verdict, context.now()), context);
  if (verdict.status !== 'ok') throw testFailed(credential.name, target.base, id, verdict);
  context.output.say(`  ${context.output.style.good('✔')} The n8n at ${target.base} has the new one, and it works there: ${pageOf(target.base, id)}`);
  return kept;
}

function leftToDo(error: CredsetupError, name: string, base: string, oldLives: boolean): CredsetupError {
  const known = isCredsetupError(error) ? error : toCredsetupError(error);
  const left = oldLives
    ? `Nothing was ended: the old one is still at the service, for the n8n at ${base}. Repair that, then run credsetup rotate ${name} again: it goes on from here.`
    : `The old one has ended, and the n8n at ${base} has no other yet. Repair that, then: credsetup push n8n ${name} --replace`;
  return known.with({ name, url: base }).withHint(`${known.hint} ${left}`);
}
