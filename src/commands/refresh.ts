/** `refresh NAME...`: OAuth2, a new access token now. */
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import { toCredsetupError } from '../errors.ts';
import { fresh, type FreshDeps } from '../stored/fresh.ts';
import type { Result } from '../stored/result.ts';
import { findMethod, findService } from '../services/registry.ts';
import type { refresh } from './catalog.ts';
import { names, networkOptions, type Run } from './command.ts';
import { findMany } from './find-credentials.ts';
import { exitCodeOf, reportResults } from './results.ts';

export const run: Run<typeof refresh> = async (call, context) => {
  const vault = await context.vault();
  const found = await findMany(names(call.args), false, vault);
  const deps = { vault, http: await context.http(networkOptions(call.options)), context };
  const results = await Promise.all(found.map((credential) => refreshOne(credential, deps, context)));
  return reportResults(results, call, context, exitCodeOf(results));
};

async function refreshOne({ name, service, method }: Credential, deps: FreshDeps, context: Context): Promise<Result> {
  if (findMethod(findService(service), method).oauth === undefined) return { name, status: 'skipped', reason: 'it has no access token that ends' };
  const started = performance.now();
  const duration = (): number => Math.round(performance.now() - started);
  try {
    const { credential } = await fresh(name, deps, { renew: 'now' });
    return { name, status: 'ok', durationMs: duration(), credential };
  } catch (error) {
    if (context.signal.aborted) throw error;
    return { name, status: 'failed', durationMs: duration(), error: toCredsetupError(error).with({ name }) };
  }
}
