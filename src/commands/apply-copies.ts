/** `push` in a list for `apply`: where each copy goes, what it means for what is there, and the pushing of all. */
import type { Context } from '../context.ts';
import type { Credential, Pushed } from '../credential.ts';
import { CredsetupError, toCredsetupError } from '../errors.ts';
import type { Place } from '../manifest/limits.ts';
import type { CopyWish, Entry } from '../manifest/read.ts';
import { baseAsTyped, parseAddress } from '../server/address.ts';
import { capabilityScopes, requireScopes } from '../services/n8n/capabilities.ts';
import { about as n8n, targetUrl } from '../services/n8n/fields.ts';
import { variableName } from '../services/field.ts';
import { methodOf } from '../services/registry.ts';
import { withoutTrailingSlashes } from '../slashes.ts';
import { atOnceInN8n, copyIn, isN8n, sameN8n, type OpenN8n } from '../stored/copies/open.ts';
import { askedOf, deletedInN8n, inN8nResult, prove, testFailed, testOf } from '../stored/copies/prove.ts';
import { rememberTest } from '../stored/copies/write.ts';
import { inTurnsShown, manyAtOnce } from '../stored/progress.ts';
import type { Copied, Result } from '../stored/result.ts';
import type { apply } from './catalog.ts';
import { networkOptions, type CallOf } from './command.ts';
import { pushOne } from './push-one.ts';
import { openN8n } from './push-target.ts';

/** A wished copy whose n8n is known. */
export interface Copy {
  /** As `push TARGET` takes it. */
  readonly target: string;
  readonly n8n: URL;
  readonly urlInN8n: string | undefined;
}

/** By the entry's name in lower case. */
export type Copies = ReadonlyMap<string, readonly Copy[]>;

/**
 * Of stored n8ns, of n8ns that the list itself sets up, and of the one that the variables give.
 *
 * @param urlOf an entry's address, parsed
 * @throws USAGE where there is no such n8n, URL_INVALID
 */
export async function copiesOf(entries: readonly Entry[], urlOf: (entry: Entry) => URL, context: Context): Promise<Copies> {
  const known = new Map<string, Pick<Copy, 'target' | 'n8n'>>();
  for (const { name, url } of (await (await context.vault()).list()).filter(isN8n)) known.set(name.toLowerCase(), { target: name, n8n: new URL(url) });
  for (const entry of entries.filter(isN8n)) known.set(entry.name.toLowerCase(), { target: entry.name, n8n: urlOf(entry) });
  const copyOf = (wish: CopyWish): Copy => ({ ...n8nOf(wish, known, context), urlInN8n: urlInN8nOf(wish) });
  return new Map(entries.map(({ name, push, at }) => {
    const wished = push.map(copyOf);
    const twice = wished.find((one, index) => wished.slice(0, index).some((other) => sameN8n(one.n8n.href, other.n8n.href)));
    if (twice !== undefined) throw new CredsetupError('USAGE', `${at}: push names the n8n at ${twice.n8n.host} twice.`, { hint: 'One credential has one copy in an n8n. Name it once.' });
    return [name.toLowerCase(), wished];
  }));
}

function n8nOf({ target, at }: CopyWish, known: ReadonlyMap<string, Pick<Copy, 'target' | 'n8n'>>, { env }: Context): Pick<Copy, 'target' | 'n8n'> {
  const named = known.get(target.toLowerCase());
  if (named !== undefined) return named;
  const names = [...known.values()].map((one) => one.target).join(', ');
  const given = env[variableName(n8n.id, targetUrl)] ?? '';
  if (target.toLowerCase() === n8n.id && known.size < 2) {
    const only = [...known.values()][0];
    if (only !== undefined) return only;
    if (given !== '') return { target: n8n.id, n8n: parseAddress(given).url };
  }
  throw new CredsetupError('USAGE', `${at}: ${target === n8n.id && known.size > 1 ? 'There are several n8ns' : `There is no stored n8n named ${target}`}.`, {
    hint: names === '' ? `Set one up with: credsetup n8n. Or add it to the list. Or give ${variableName(n8n.id, targetUrl)} and its key, and write push: n8n` : `Name one of them: ${names}`,
  });
}

function urlInN8nOf({ urlInN8n, at }: CopyWish): string | undefined {
  try {
    return urlInN8n === undefined ? undefined : baseAsTyped(urlInN8n);
  } catch (error) {
    const { code, message, details } = toCredsetupError(error);
    throw new CredsetupError(code, `${at}: ${message}`, details);
  }
}

/** As results have it. */
const baseOf = ({ n8n: { href } }: Copy): string => withoutTrailingSlashes(href);

/** To the n8n, and to where that n8n sends it. */
export function placesOf({ n8n: url, urlInN8n }: Copy): readonly Place[] {
  return [{ field: 'push', url }, ...(urlInN8n === undefined ? [] : [{ field: 'urlInN8n' as const, url: new URL(urlInN8n) }])];
}

/** With what would become of their copies, as far as it is known here. */
export async function planCopies(results: readonly Result[], copies: Copies, context: Context): Promise<readonly Result[]> {
  const vault = await context.vault();
  return Promise.all(results.map(async (result) => {
    const wished = copies.get(result.name.toLowerCase()) ?? [];
    if (result.status === 'failed' || wished.length === 0) return result;
    const credential = await vault.find(result.name);
    const push = wished.map((copy): Copied => {
      const there = credential === undefined ? undefined : copyIn(credential, copy.n8n.href);
      const asWanted = credential !== undefined && there !== undefined && isAsWanted(credential, there, { result, copy });
      return { target: copy.target, url: baseOf(copy), status: there === undefined ? 'created' : asWanted ? 'unchanged' : 'replaced' };
    });
    return { ...result, push };
  }));
}

/** As far as it is known here: written with what is stored now, for this address, and n8n was asked since. */
function isAsWanted({ issuedAt, createdAt, fields, url }: Credential, there: Pushed, { result, copy: { urlInN8n } }: Work): boolean {
  return result.status === 'unchanged' && there.test !== undefined && there.at >= (issuedAt ?? createdAt) && there.clientId === fields.clientId
    && (urlInN8n === undefined || urlInN8n === (there.urlInN8n ?? url));
}

interface Work {
  readonly result: Result;
  readonly copy: Copy;
}

type Done = Result & { readonly copied: Copied };

/** Each copy of what is stored now; one that fails stops no other, and makes its entry a failure that says what is stored. */
export async function pushCopies(results: readonly Result[], copies: Copies, call: CallOf<typeof apply>, context: Context): Promise<readonly Result[]> {
  const all = results.filter(({ status }) => status !== 'failed')
    .flatMap((result) => (copies.get(result.name.toLowerCase()) ?? []).map((copy): Work => ({ result, copy })));
  if (all.length === 0) return results;
  // Nobody is asked between many at once: what a person would have to say is the entry's failure.
  const pushing = new Pushing(all, call, { ...context, interactive: false });
  const done = await inTurnsShown(all.map((work) => ({
    group: work.copy.n8n.host, name: `${work.result.name} in ${work.copy.n8n.host}`,
    run: async () => ({ of: work.result, one: await pushing.push(work) }),
  })), { ...manyAtOnce, perHost: atOnceInN8n }, context);
  return results.map((result) => withCopies(result, done.filter((one) => one.of === result).map(({ one }) => one)));
}

function withCopies(result: Result, done: readonly Done[]): Result {
  const failed = done.find(({ error }) => error !== undefined)?.error;
  const credential = done.findLast((one) => one.credential !== undefined)?.credential ?? result.credential;
  const inN8n = done.flatMap((one) => one.inN8n ?? []);
  return done.length === 0 ? result : {
    ...result, push: done.map(({ copied }) => copied), ...(inN8n.length === 0 ? {} : { inN8n }), ...(credential === undefined ? {} : { credential }),
    ...(failed === undefined ? {} : { status: 'failed', error: failed }),
  };
}

/** What the pushing of one run shares: each n8n is opened once. */
class Pushing {
  readonly #opened = new Map<string, Promise<OpenN8n>>();
  readonly #all: readonly Work[];
  readonly #call: CallOf<typeof apply>;
  readonly #context: Context;

  constructor(all: readonly Work[], call: CallOf<typeof apply>, context: Context) {
    this.#all = all;
    this.#call = call;
    this.#context = context;
  }

  /** Throws nothing but a stop. */
  async push(work: Work): Promise<Done> {
    const { result, copy } = work;
    const { target: name } = copy;
    try {
      const target = await this.#open(copy);
      const credential = await this.#find(result.name);
      const there = copyIn(credential, target.base);
      const asWanted = there !== undefined && isAsWanted(credential, there, work);
      const done = (asWanted ? await this.#ask(credential, there, target) : undefined) ?? await this.#write(credential, copy, there !== undefined, target);
      const status = done.status === 'created' || done.status === 'replaced' || done.status === 'unchanged' ? done.status : 'failed';
      const error = done.error === undefined ? undefined : asEntry(done.error, result.name, name);
      const failure = error === undefined ? {} : { error };
      return { ...done, ...failure, copied: { target: name, url: target.base, status, ...failure } };
    } catch (thrown) {
      if (this.#context.signal.aborted) throw thrown;
      const error = asEntry(toCredsetupError(thrown), result.name, name);
      return { name: result.name, status: 'failed', error, copied: { target: name, url: baseOf(copy), status: 'failed', error } };
    }
  }

  async #find(name: string): Promise<Credential> {
    const there = await (await this.#context.vault()).find(name);
    if (there !== undefined) return there;
    throw new CredsetupError('NOT_FOUND', `${name} was removed while its copies were pushed.`, { name, hint: 'Run the same command again.' });
  }

  #open(copy: Copy): Promise<OpenN8n> {
    const opened = this.#opened.get(copy.target) ?? this.#openNow(copy);
    this.#opened.set(copy.target, opened);
    return opened;
  }

  /** Only where it is the n8n whose host was allowed. */
  async #openNow({ target, n8n: { href } }: Copy): Promise<OpenN8n> {
    const stored = await (await this.#context.vault()).find(target);
    if (stored !== undefined && isN8n(stored) && !sameN8n(new URL(stored.url).origin, new URL(href).origin)) {
      throw new CredsetupError('NAME_TAKEN', `The n8n stored as ${target} is at ${stored.url}, and the list has another address for it.`, { hint: 'Add --replace, so that the n8n of the list takes its place. Nothing was sent to it.' });
    }
    const { options } = this.#call;
    const { proxy, timeout } = networkOptions(options);
    const works = this.#all.filter(({ copy }) => copy.target === target);
    const here = await Promise.all(works.map(async (work) => ({ work, credential: await this.#find(work.result.name) })));
    const opened = await openN8n(here.map(({ credential }) => methodOf(credential).n8n.type), {
      target, fields: {}, options: { caFile: [], allowHttp: options.allowHttp, proxy, timeout },
    }, this.#context);
    // With all scopes at once, one new key is enough.
    const { create, read, update } = capabilityScopes;
    const writesOver = here.some(({ credential, work }) => {
      const there = copyIn(credential, opened.base);
      return there !== undefined && !isAsWanted(credential, there, work);
    });
    if (writesOver) await requireScopes(opened.api.requests, [...create, ...read, ...update]);
    return opened;
  }

  /** Whether it still works there; undefined where it has to be written: it is gone, or refused with what it has. */
  async #ask(credential: Credential, { id, name, type, urlInN8n }: Pushed, target: OpenN8n): Promise<Result | undefined> {
    const verdict = await prove(askedOf(credential, { id, name, type }, methodOf(credential), urlInN8n), target, 'never', this.#context);
    if (verdict === deletedInN8n || verdict.causes?.[0]?.code === 'N8N_REFUSED_BY_SERVICE') return undefined;
    const kept = await rememberTest(credential, target.base, testOf(verdict, this.#context.now()), this.#context);
    const told = { name: credential.name, credential: kept, inN8n: [inN8nResult(target.base, id, verdict)] };
    return verdict.status === 'failed' ? { ...told, status: 'failed', error: testFailed(credential.name, target.base, id, verdict) } : { ...told, status: 'unchanged' };
  }

  async #write(credential: Credential, { urlInN8n }: Copy, isThere: boolean, target: OpenN8n): Promise<Result> {
    const context = this.#context;
    const { options } = this.#call;
    return pushOne(credential, target, {
      replace: isThere || options.replace, disconnect: false, handOver: false, run: false, urlInN8n, network: networkOptions(options),
      deps: { vault: await context.vault(), http: await context.http(networkOptions(options)), context },
    }, context);
  }
}

/** What `push` says, for somebody who has a list. */
function asEntry(error: CredsetupError, name: string, target: string): CredsetupError {
  const disconnects = error.details.missing?.some(({ option }) => option === '--disconnect') === true;
  const hint = disconnects ? `Nothing was changed in n8n. Push this one by itself: credsetup push ${target} ${name} --replace with --disconnect, or with --hand-over to bring the sign-in.` : error.hint;
  return error.with({ name }).withHint(`${hint} ${name} itself is stored here; the same list, applied again, goes on with its copy.`);
}
