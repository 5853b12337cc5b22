/**
 * Bringing many credentials in at once, from an export or from a list: what each one means for what
 * is stored, its validation, and the saving of all, or of those that work.
 */
import { settled, valueOf } from '../concurrency.ts';
import type { Connection, Context, HttpClient, HttpOptions, Vault } from '../context.ts';
import type { Credential, FullCredential, PublicFields, Secrets, StoreKind } from '../credential.ts';
import { CredsetupError, isCredsetupError, toCredsetupError } from '../errors.ts';
import { locate, parseAddress } from '../server/address.ts';
import { validatedClient } from '../server/client-alone.ts';
import { apiOf } from '../server/connection.ts';
import { validated } from '../server/validation.ts';
import { tokenEndpointOf } from '../server/token-endpoint.ts';
import { presentedValue } from '../services/answer.ts';
import { services } from '../services/registry.ts';
import type { Method, Service, Validation } from '../services/service.ts';
import { inTurnsShown, manyAtOnce } from './progress.ts';
import type { Result } from './result.ts';
import { revalidated } from './revalidated.ts';
import { tokenSecrets } from './token-values.ts';
import { withoutTrailingSlashes } from '../slashes.ts';

/** A credential that is to be there, not yet validated. */
export interface Wanted {
  readonly name: string;
  readonly service: Service;
  readonly method: Method;
  readonly grant?: string | undefined;
  /** As it was typed; the server decides. */
  readonly url: string;
  readonly fields: PublicFields;
  readonly secrets: Secrets;
  readonly connection: Connection;
  readonly store: StoreKind;
  /** What is taken over as it is. */
  readonly kept: Pick<Credential, 'id' | 'createdAt' | 'expiresAt' | 'signIn'>;
}

export interface Bringing {
  /** Another address or account may take the place of what has the name. */
  readonly replace: boolean;
  /** One that fails does not keep the others from being stored. */
  readonly partial: boolean;
  /** Only says what would be done: nothing is sent and nothing stored. */
  readonly dryRun: boolean;
  readonly network: HttpOptions;
}

const notDone = 'dry run: nothing was sent, nothing stored';

type Status = 'created' | 'replaced' | 'unchanged';
interface Planned { readonly wanted: Wanted; readonly status: Status; readonly there: Credential | undefined }
interface Validated { readonly planned: Planned; readonly full: FullCredential; readonly durationMs: number }

/** Results in the order of what is wanted; an entry that is an error already is a failure among them. */
export async function bringIn(entries: readonly (Wanted | Result)[], bringing: Bringing, context: Context): Promise<readonly Result[]> {
  const vault = await context.vault();
  const planned: Plan[] = [];
  for (const entry of entries) planned.push('status' in entry ? entry : await plan(entry, bringing, vault, context));
  if (bringing.dryRun || (!bringing.partial && planned.some(isFailure))) return planned.map((one) => ('planned' in one ? told(one.planned, bringing.dryRun) : one));
  await proveStores(planned, vault);
  const validated = await validateAll(planned, bringing, context);
  if (!bringing.partial && validated.some(isFailure)) return validated.map((one) => ('planned' in one ? notStored(one) : one));
  // All or nothing: a stop waits until it is one of them.
  const saving = (): Promise<readonly Result[]> => saveAll(validated, bringing, vault, context);
  return bringing.partial ? saving() : context.inOnePiece(saving);
}

type Plan = { readonly planned: Planned } | Result;

function isFailure(one: object): boolean {
  return 'status' in one && one.status === 'failed';
}

function told({ wanted: { name }, status }: Planned, dryRun: boolean): Result {
  return dryRun ? { name, status, reason: notDone } : { name, status: 'skipped', reason: 'nothing was stored, because another entry failed' };
}

function notStored({ planned }: { readonly planned: Planned }): Result {
  return told(planned, false);
}

/** New, the same or changed. Throws nothing: NAME_TAKEN and what the store says is the entry's result. */
async function plan(wanted: Wanted, { replace }: Bringing, vault: Vault, { output, signal }: Context): Promise<Plan> {
  const { name } = wanted;
  for (const secret of Object.values(wanted.secrets)) output.protect(secret);
  try {
    const there = await vault.find(name);
    if (there === undefined) return { planned: { wanted, status: 'created', there } };
    if (!sameWay(wanted, there) && !replace) throw nameTaken(there);
    const same = sameWay(wanted, there) && await isSame(wanted, there, vault);
    return same ? { name: there.name, status: 'unchanged', credential: there } : { planned: { wanted, status: 'replaced', there } };
  } catch (error) {
    return failure(name, error, signal);
  }
}

/** As far as it can be known without asking the server. */
function sameWay({ service, method, grant, url, fields }: Wanted, there: Credential): boolean {
  return there.service === service.id && there.method === method.id && there.grant === grant && sameAddress(url, there.url)
    && (fields.username === undefined || there.fields.username === undefined || fields.username === there.fields.username);
}

/** What was typed may go on behind the base, as a page's address does. */
function sameAddress(typed: string, stored: string): boolean {
  const { url, schemeGiven } = parseAddress(typed);
  const base = new URL(stored);
  const below = `${withoutTrailingSlashes(url.pathname)}/`.startsWith(`${withoutTrailingSlashes(base.pathname)}/`);
  return url.host === base.host && below && (!schemeGiven || url.protocol === base.protocol);
}

/** Everything that is stored, but what a server or a renewal changes. */
async function isSame({ secrets, fields, connection, store }: Wanted, there: Credential, vault: Vault): Promise<boolean> {
  const stored = await vault.load(there.name).catch((error: unknown) => {
    if (isCredsetupError(error) && error.code === 'SECRET_MISSING') return undefined;
    throw error;
  });
  if (stored === undefined) return false;
  const renewed = ['accessToken', 'accessTokenExpiresAt', 'refreshToken'];
  const lasting = (from: Secrets): string => JSON.stringify(Object.entries(from).filter(([key]) => !renewed.includes(key)).sort());
  return lasting(secrets) === lasting(stored.secrets)
    && (fields.clientId ?? there.fields.clientId) === there.fields.clientId
    && connection.ignoreSslIssues === there.ignoreSslIssues && connection.allowHttp === there.allowHttp
    && JSON.stringify(connection.certificates) === JSON.stringify(stored.certificates) && store === there.store;
}

/** A store that does not work is told before any secret is sent. */
async function proveStores(planned: readonly Plan[], vault: Vault): Promise<void> {
  const stores = new Set(planned.flatMap((one) => ('planned' in one ? [one.planned.wanted.store] : [])));
  for (const store of stores) await vault.prepare(store);
}

/** What the validations of one run share: a refused secret is sent once. */
interface Shared {
  /** One, so that connections are kept open between entries. */
  readonly http: HttpClient;
  readonly context: Context;
  readonly located: Map<string, Promise<string>>;
  readonly asked: Map<string, Promise<Answered>>;
}

interface Answered { readonly secrets: Secrets; readonly validation: Validation }

async function validateAll(planned: readonly Plan[], { network }: Bringing, context: Context): Promise<readonly (Validated | Result)[]> {
  const shared: Shared = { http: await context.http(network), context, located: new Map(), asked: new Map() };
  return inTurnsShown(planned.map((one) => ('planned' in one
    ? { group: hostOf(one.planned.wanted.url), name: one.planned.wanted.name, run: () => validateOne(one.planned, shared) }
    : { group: '', name: one.name, run: () => Promise.resolve<Validated | Result>(one) }
  )), manyAtOnce, context);
}

function hostOf(typed: string): string {
  return parseAddress(typed).url.host;
}

async function validateOne(planned: Planned, shared: Shared): Promise<Validated | Result> {
  const { wanted, there } = planned;
  const started = performance.now();
  const durationMs = (): number => Math.round(performance.now() - started);
  try {
    const full = await validate(wanted, shared);
    if (planned.status === 'replaced' && there !== undefined && sameWay(wanted, there) && !sameAccount(full.credential, there)) throw nameTaken(there);
    return { planned, full, durationMs: durationMs() };
  } catch (error) {
    return { ...failure(wanted.name, error, shared.context.signal), durationMs: durationMs() };
  }
}

function sameAccount({ account }: Credential, there: Credential): boolean {
  return account.id !== undefined && there.account.id !== undefined ? account.id === there.account.id : account.username === there.account.username;
}

async function validate(wanted: Wanted, shared: Shared): Promise<FullCredential> {
  const { service, method, connection, fields } = wanted;
  const { context, http } = shared;
  const server = JSON.stringify([service.id, wanted.url, connection]);
  const url = await kept(shared.located, server, () => locate(wanted.url, service, services, http, connection));
  const together = JSON.stringify([server, method.id, wanted.grant, fields, wanted.secrets, wanted.kept.signIn]);
  const { secrets, validation } = await kept(shared.asked, together, async () => {
    if (wanted.kept.signIn !== undefined) {
      const client = { service, method, base: url, http, connection, context };
      return { secrets: wanted.secrets, validation: await validatedClient({ fields, secrets: wanted.secrets }, client) };
    }
    const presented = { fields, secrets: await withAccessToken(wanted, url, shared) };
    return { secrets: presented.secrets, validation: await validated(method, apiOf(url, http, connection), presented, context.output) };
  });
  const begun: Credential = {
    ...wanted.kept, name: wanted.name, service: service.id, method: method.id, ...(wanted.grant === undefined ? {} : { grant: wanted.grant }), url,
    account: {}, server: {}, fields, store: wanted.store, validatedAt: '', ignoreSslIssues: false, allowHttp: false, caCertificates: 0, warnings: [],
  };
  return {
    credential: revalidated(begun, { service, method, url, connection, validation, now: context.now() }), secrets, certificates: connection.certificates,
  };
}

/** A refresh token is never spent here; a client that signs in for itself gets a token of its own. */
async function withAccessToken(
  { service, method, grant, fields, secrets, connection, name }: Wanted, url: string, { http, context }: Shared,
): Promise<Secrets> {
  const { oauth } = method;
  const until = Date.parse(secrets['accessTokenExpiresAt'] ?? '');
  if (oauth === undefined || (secrets['accessToken'] !== undefined && !(until <= context.now().getTime()))) return secrets;
  if (grant !== 'client-credentials' && secrets['accessToken'] === undefined) {
    throw new CredsetupError('UNSUPPORTED', `${name} is signed in to by a person, which cannot be done from a list.`, {
      name, service: service.id, url, hint: `Sign in once: credsetup ${service.id} --method ${method.id} --name ${name}. Then this entry leaves it as it is. For programs: grant: client-credentials`,
    });
  }
  if (grant !== 'client-credentials') throw unproved(name, secrets, { service: service.id, url, method: method.id });
  const { clientCredentials } = await import('../oauth/tokens.ts');
  const tokens = await clientCredentials(tokenEndpointOf({
    service, oauth, base: url, clientId: presentedValue({ ...fields }, 'clientId'), clientSecret: presentedValue(secrets, 'clientSecret'), http, connection, context,
  }));
  const { accessToken, accessTokenExpiresAt, ...lasting } = secrets;
  return { ...lasting, ...tokenSecrets(tokens) };
}

/** Nobody refused it: only spending its refresh token would show whether the sign-in holds, and then the file's would be dead if the rest failed. */
function unproved(name: string, { accessTokenExpiresAt = '', refreshToken }: Secrets, { service, url, method }: Readonly<Record<'service' | 'url' | 'method', string>>): CredsetupError {
  const without = refreshToken === undefined ? 'there is no refresh token with it' : 'its refresh token is never spent by an import: the sign-in may still hold';
  return new CredsetupError('UNSUPPORTED', `The access token of ${name} ended at ${accessTokenExpiresAt}, so nothing can prove the sign-in here; ${without}.`, {
    name, service, url,
    hint: `Sign in here: credsetup ${service} --method ${method} --name ${name}. Or where it came from: credsetup reconnect ${name}, then credsetup export ${name} --hand-over, and import that within the hour. The file was left as it is.`,
  });
}

/** All at once, which the vault commits in groups. */
async function saveAll(validated: readonly (Validated | Result)[], bringing: Bringing, vault: Vault, context: Context): Promise<readonly Result[]> {
  const undo: Undo[] = [];
  const outcomes = await Promise.all(validated.map((one) => settled('planned' in one ? save(one, vault, undo, bringing.partial, context) : Promise.resolve(one))));
  // Thrown when every one of them has come to an end: what is stored by then is known.
  const results = outcomes.map(valueOf);
  return !bringing.partial && results.some(isFailure) ? takeBack(results, validated, undo, context) : results;
}

type Undo = () => Promise<unknown>;

async function save(
  { planned: { wanted, there }, full, durationMs }: Validated, vault: Vault, undo: Undo[], partial: boolean, { signal }: Context,
): Promise<Result> {
  const { name } = wanted;
  try {
    signal.throwIfAborted();
    // Only what was seen when it was planned is replaced.
    const before = partial || there === undefined ? undefined : await vault.load(there.name).catch(() => undefined);
    const { status, credential } = await vault.save(full, (now) => now.id === there?.id);
    undo.unshift(() => (before === undefined ? vault.remove(name) : vault.save(before, () => true)));
    return { name, status, durationMs, credential };
  } catch (error) {
    return { ...failure(name, error, signal), durationMs };
  }
}

/** All or nothing: what was stored before one could not be stored is taken away again, and what cannot be is told. */
async function takeBack(
  results: readonly Result[], validated: readonly (Validated | Result)[], undo: readonly Undo[], { output }: Context,
): Promise<readonly Result[]> {
  for (const one of undo) {
    await one().catch((error: unknown) => {
      const { message, code } = toCredsetupError(error);
      output.warn(`  ${output.style.caution('!')} What was stored of the file could not all be taken back: ${message} (${code})`);
    });
  }
  return validated.map((one, index): Result => {
    const result = results[index];
    if (result?.status === 'failed' || result?.status === 'unchanged') return result;
    return 'planned' in one ? notStored(one) : one;
  });
}

function failure(name: string, error: unknown, signal: AbortSignal): Result {
  if (signal.aborted) throw error;
  return { name, status: 'failed', error: toCredsetupError(error).with({ name }) };
}

function nameTaken(there: Credential): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `The name ${there.name} holds another credential: ${there.service} at ${there.url}${there.account.username === undefined ? '' : ` as ${there.account.username}`}.`, {
    name: there.name, hint: 'Give the entry another name, or add --replace to put it in that one\'s place.',
  });
}

/** What a map holds for a key, made when it is not there yet. */
function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
