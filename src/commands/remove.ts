/** `remove NAME...`: from this computer. The service is not asked. */
import type { Context } from '../context.ts';
import { toCredsetupError } from '../errors.ts';
import { confirm } from './confirm.ts';
import type { Run } from './command.ts';
import { names } from './options.ts';
import { findEach, isFound } from './found.ts';
import { exitCodeOf, reportResults, type Result } from './results.ts';

export const run: Run = async (call, context) => {
  const vault = await context.vault();
  const found = await findEach(names(call.args), vault);
  const there = found.filter(isFound).map(({ name }) => name);
  if (!call.yes && there.length > 0) await confirm(context, { message: `Remove ${there.join(', ')} from this computer? Type the word`, word: 'remove', otherwise: '--yes' });
  const results: Result[] = [];
  for (const one of found) results.push(isFound(one) ? await removeOne(one.name, context) : { ...one, status: 'failed' });
  return reportResults(results, call, context, exitCodeOf(results));
};

async function removeOne(name: string, context: Context): Promise<Result> {
  try {
    await (await context.vault()).remove(name);
    return { name, status: 'removed' };
  } catch (error) {
    return { name, status: 'failed', error: toCredsetupError(error).with({ name }) };
  }
}
