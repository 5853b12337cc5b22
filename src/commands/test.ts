/** `test`: validates stored credentials live, many at once. */
import type { Context } from '../context.ts';
import { CredsetupError, exitCodes } from '../errors.ts';
import { askCopies, type OpenTargets } from '../stored/copies/ask.ts';
import { endsWithin } from '../stored/expiry.ts';
import type { Result } from '../stored/result.ts';
import { testAll } from '../stored/testing.ts';
import type { test } from './catalog.ts';
import { names, networkOptions, type CallOf, type Run } from './command.ts';
import { checkNames, findEach, isFound } from './find-credentials.ts';
import { toN8nOptions } from './push-target.ts';
import { exitCodeOf, reportResults } from './results.ts';

export const run: Run<typeof test> = async (call, context) => {
  const vault = await context.vault();
  const { all } = call.options;
  checkNames(names(call.args), all);
  if (call.options.run && !call.options.inN8n) throw new CredsetupError('USAGE', '--run goes with --in-n8n.', { hint: 'Add --in-n8n, or leave it out.' });
  const found = all ? await vault.list() : await findEach(names(call.args), vault);
  const tested = await testAll(found.filter(isFound), networkOptions(call.options), context);
  const validated = found.map((one): Result => (isFound(one) ? checkedForEnd(of(tested, one.name), call.options.expiring, context.now()) : { ...one, status: 'failed' }));
  const results = call.options.inN8n ? await withCopies(validated, call, context) : validated;
  return reportResults(results, call, context, exitCode(results, all || results.length > 1));
};

/** "Works here, not in n8n" is a failure; what was refused here says so first. */
async function withCopies(results: readonly Result[], { options }: CallOf<typeof test>, context: Context): Promise<readonly Result[]> {
  const targets: OpenTargets = new Map();
  const network = await toN8nOptions(options, context);
  const all: Result[] = [];
  for (const result of results) {
    const there = await (await context.vault()).find(result.name);
    const { inN8n, error } = there === undefined ? { inN8n: [], error: undefined } : await askCopies(
      there, options.run, targets, network, context,
    );
    all.push({ ...result, ...(inN8n.length === 0 ? {} : { inN8n }), ...(error === undefined || result.status === 'failed' ? {} : { status: 'failed', error }) });
  }
  return all;
}

function checkedForEnd(result: Result, days: number | undefined, now: Date): Result {
  const error = days === undefined || result.credential === undefined ? undefined : endsWithin(days, result.credential, now);
  return error === undefined ? result : { ...result, status: 'failed', error };
}

/** A timer must be able to tell what works and ends soon from what does not work. */
function exitCode(results: readonly Result[], many: boolean): number {
  const failed = results.filter(({ status }) => status === 'failed');
  return failed.length > 0 && failed.every(({ error }) => error?.code === 'EXPIRES_SOON') ? exitCodes.EXPIRES_SOON : exitCodeOf(results, many);
}

function of(tested: ReadonlyMap<string, Result>, name: string): Result {
  const result = tested.get(name);
  if (result === undefined) throw new Error(`${name} was tested without a result`);
  return result;
}
