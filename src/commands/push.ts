/** `push TARGET NAME...`: creates or updates stored credentials in an n8n, and has that n8n prove them. */
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import { CredsetupError, isCredsetupError, toCredsetupError } from '../errors.ts';
import { n8nWarnings } from '../exporters/n8n.ts';
import { baseAsTyped } from '../server/address.ts';
import { capabilityScopes, requireScopes } from '../services/n8n/capabilities.ts';
import type { N8nVerdict } from '../services/n8n/outcome.ts';
import { methodOf } from '../services/registry.ts';
import { pageOf, type OpenN8n } from '../stored/copies/open.ts';
import { askedOf, inN8nResult, prove, testFailed, testOf, type RunWish } from '../stored/copies/prove.ts';
import { rememberTest, writeCopy, type WritePlan, type Written } from '../stored/copies/write.ts';
import type { Result } from '../stored/result.ts';
import type { push } from './catalog.ts';
import { name, names, networkOptions, type CallOf, type Run } from './command.ts';
import { checkNames, findEach, isFound } from './find-credentials.ts';
import { followUp } from './push-follow-up.ts';
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
  const target = there.length === 0 ? undefined : await openN8n(there.map((one) => methodOf(one).n8n.type), { ...call, target: name(call.args) }, context);
  if (target !== undefined) await requireScopes(target.api.requests, scopesFor(call));
  const plan = await planOf(call, context);
  const results: Result[] = [];
  for (const one of found) {
    results.push(isFound(one) && target !== undefined ? await pushOne(one, target, plan, context) : { name: one.name, status: 'failed', ...('error' in one ? { error: one.error } : {}) });
  }
  return reportResults(results, call, context, exitCodeOf(results, all || results.length > 1));
};

/** What belongs to one credential alone. Throws USAGE. */
function checkOptions({ options }: PushCall, count: number): void {
  const single = ([['--into', options.into], ['--url-in-n8n', options.urlInN8n]] as const).find(([, value]) => value !== undefined);
  if (single === undefined || (count === 1 && !options.all)) return;
  throw new CredsetupError('USAGE', `${single[0]} is about one credential, and several were given.`, { hint: 'Push that one alone.' });
}

/** All of them at once, so that one new key is enough. What only makes new ones is told by the first answer. */
function scopesFor({ options: { replace, into, run: toRun } }: PushCall): Parameters<typeof requireScopes>[1] {
  const { create, read, update, run: ofRun } = capabilityScopes;
  const writing = into !== undefined ? [...read, ...update] : replace ? [...create, ...read, ...update] : [];
  return [...writing, ...(toRun ? [...(writing.length === 0 ? create : []), ...ofRun] : [])];
}

interface Plan extends WritePlan {
  readonly run: boolean;
}

async function planOf({ options }: PushCall, context: Context): Promise<Plan> {
  const { replace, disconnect, handOver, project, into, urlInN8n } = options;
  return {
    replace, disconnect, handOver, projectId: project, into, run: options.run,
    ...(urlInN8n === undefined ? {} : { urlInN8n: baseAsTyped(urlInN8n) }),
    deps: { vault: await context.vault(), http: await context.http(networkOptions(options)), context },
  };
}

async function pushOne(credential: Credential, target: OpenN8n, plan: Plan, context: Context): Promise<Result> {
  try {
    const written = await writeCopy(credential, target, plan, context);
    context.output.say(`  In n8n: ${pageOf(target.base, written.stored.id)}`);
    const verdict = await followUp(written, await ask(written, target, plan, context), target, plan, context);
    return await resultOf(written, verdict, target, context);
  } catch (error) {
    if (context.signal.aborted) throw error;
    return { name: credential.name, status: 'failed', error: toCredsetupError(error).with({ name: credential.name }) };
  }
}

/** Written is written: an n8n that cannot be asked now is told, unless a run was asked for. */
async function ask(
  { credential, stored, method, urlInN8n, full }: Written, target: OpenN8n, { run: toRun, handOver }: Plan, context: Context,
): Promise<N8nVerdict> {
  const gaveSignIn = handOver && full.credential.handedOver !== undefined;
  const wish: RunWish = toRun ? 'always' : gaveSignIn || context.interactive ? 'to-prove' : 'never';
  try {
    return await prove(askedOf(credential, stored, method, urlInN8n), target, wish, context);
  } catch (error) {
    if (toRun || !isCredsetupError(error) || context.signal.aborted) throw error;
    return { status: 'not-known', message: `Nobody has proved it: ${error.message}` };
  }
}

async function resultOf(written: Written, verdict: N8nVerdict, target: OpenN8n, context: Context): Promise<Result> {
  const { stored, full, method, status } = written;
  const { name: ours } = written.credential;
  const kept = await rememberTest(written.credential, target.base, testOf(verdict, context.now()), context);
  const inN8n = [inN8nResult(target.base, stored.id, verdict)];
  if (verdict.status === 'failed') return { name: ours, status: 'failed', error: testFailed(ours, target.base, stored.id, verdict), inN8n };
  const warnings = n8nWarnings([{ full, method }]).map(({ code, message }) => ({ code, message }));
  return { name: ours, status, reason: reasonOf(verdict, target.base, stored.id), credential: { ...kept, warnings }, known: warnings, inN8n };
}

function reasonOf({ status, message }: N8nVerdict, base: string, id: string): string {
  return status === 'not-connected' ? `open it in n8n and press Connect: the sign-in is not part of it (${pageOf(base, id)})` : message;
}
