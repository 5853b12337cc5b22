/** `test`: validates stored credentials live, many at once. */
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
  const results = found.map((one): Result => (isFound(one) ? of(tested, one.name) : { ...one, status: 'failed' }));
  return reportResults(results, call, context, exitCodeOf(results, all || results.length > 1));
};

function of(tested: ReadonlyMap<string, Result>, name: string): Result {
  const result = tested.get(name);
  if (result === undefined) throw new Error(`${name} was tested without a result`);
  return result;
}
