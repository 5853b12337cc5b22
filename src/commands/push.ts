/** `push TARGET NAME...`: creates or updates stored credentials in an n8n, and has that n8n prove them. */
import { inTurns } from '../concurrency.ts';
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { baseAsTyped } from '../server/address.ts';
import { capabilityScopes, requireScopes } from '../services/n8n/capabilities.ts';
import { methodOf } from '../services/registry.ts';
import { atOnceInN8n, whyAway, type OpenN8n } from '../stored/copies/open.ts';
import type { Result } from '../stored/result.ts';
import type { push } from './catalog.ts';
import { name, names, networkOptions, type CallOf, type Run } from './command.ts';
import { checkNames, findEach, isFound } from './find-credentials.ts';
import { refuseWithoutClient, signInGiven } from './push-callback.ts';
import { pushOne, type Plan } from './push-one.ts';
import { openN8n } from './push-target.ts';
import { exitCodeOf, reportResults } from './results.ts';

type PushCall = CallOf<typeof push>;

export const run: Run<typeof push> = async (call, context) => {
  const { all } = call.options;
  const wanted = names(call.args, 1);
  checkNames(wanted, all);
  checkOptions(call, wanted.length);
  const vault = await context.vault();
  const found = all ? await vault.list() : await findEach(wanted, vault);
  const there = found.filter(isFound);
  if (signInGiven(call) !== undefined) there.forEach(refuseWithoutClient);
  const target = there.length === 0 ? undefined : await openN8n(there.map((one) => methodOf(one).n8n.type), { ...call, target: name(call.args) }, context);
  if (target !== undefined) await requireScopes(target.api.requests, scopesFor(call));
  const pushed = target === undefined ? [] : await pushEach(there, target, await planOf(call, context), context);
  const results = found.map((one): Result => pushed[there.findIndex((other) => other === one)] ?? { name: one.name, status: 'failed', ...('error' in one ? { error: one.error } : {}) });
  return reportResults(results, call, context, exitCodeOf(results, all || results.length > 1));
};

/** Several at once, and one after the other where a person may be asked. An n8n that is gone meanwhile is not waited for by each of the rest. */
async function pushEach(credentials: readonly Credential[], target: OpenN8n, plan: Plan, context: Context): Promise<readonly Result[]> {
  let away: CredsetupError | undefined;
  const tasks = credentials.map((one) => ({
    group: target.base,
    run: async (): Promise<Result> => {
      if (away !== undefined) return { name: one.name, status: 'failed', error: new CredsetupError(away.code, `It was not sent: ${away.message}`, { ...away.details, name: one.name }) };
      const result = await pushOne(one, target, plan, context);
      away ??= await whyAway(result.error, target);
      return result;
    },
  }));
  const limit = context.interactive ? 1 : atOnceInN8n;
  return inTurns(tasks, { inAll: limit, perHost: limit });
}

/** What belongs to one credential alone. Throws USAGE. */
function checkOptions(call: PushCall, count: number): void {
  const { options } = call;
  const single = ([['--into', options.into], ['--url-in-n8n', options.urlInN8n], ['A sign-in at the service', signInGiven(call)]] as const).find(([, value]) => value !== undefined);
  if (single === undefined || (count === 1 && !options.all)) return;
  throw new CredsetupError('USAGE', `${single[0]} is about one credential, and several were given.`, { hint: 'Push that one alone.' });
}

/** All of them at once, so that one new key is enough. What only makes new ones is told by the first answer. */
function scopesFor({ options: { replace, into, run: toRun } }: PushCall): Parameters<typeof requireScopes>[1] {
  const { create, read, update, run: ofRun } = capabilityScopes;
  const writing = into !== undefined ? [...read, ...update] : replace ? [...create, ...read, ...update] : [];
  return [...writing, ...(toRun ? [...(writing.length === 0 ? create : []), ...ofRun] : [])];
}

async function planOf(call: PushCall, context: Context): Promise<Plan> {
  const { options } = call;
  const { replace, disconnect, handOver, project, into, urlInN8n } = options;
  return {
    replace, disconnect, handOver, projectId: project, into, keepRest: into !== undefined, run: options.run,
    signIn: signInGiven(call), network: networkOptions(options),
    ...(urlInN8n === undefined ? {} : { urlInN8n: baseAsTyped(urlInN8n) }),
    deps: { vault: await context.vault(), http: await context.http(networkOptions(options)), context },
  };
}
