/** `test`: validates stored credentials live, many at once. */
import { exitCodes } from '../errors.ts';
import { endsWithin } from '../stored/expiry.ts';
import type { Result } from '../stored/result.ts';
import { testAll } from '../stored/testing.ts';
import type { test } from './catalog.ts';
import { names, networkOptions, type Run } from './command.ts';
import { checkNames, findEach, isFound } from './find-credentials.ts';
import { exitCodeOf, reportResults } from './results.ts';

export const run: Run<typeof test> = async (call, context) => {
  const vault = await context.vault();
  const { all } = call.options;
  checkNames(names(call.args), all);
  const found = all ? await vault.list() : await findEach(names(call.args), vault);
  const tested = await testAll(found.filter(isFound), networkOptions(call.options), context);
  const results = found.map((one): Result => (isFound(one) ? checkedForEnd(of(tested, one.name), call.options.expiring, context.now()) : { ...one, status: 'failed' }));
  return reportResults(results, call, context, exitCode(results, all || results.length > 1));
};

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
