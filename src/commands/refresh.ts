/** `refresh NAME...`: OAuth2, a new access token now. */
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import { toCredsetupError } from '../errors.ts';
import { isFromLaterClock, renewedAt } from '../stored/expiry.ts';
import { fresh, type FreshDeps } from '../stored/fresh.ts';
import { livesElsewhere } from '../stored/handed-over.ts';
import { inTurnsShown, manyAtOnce } from '../stored/progress.ts';
import type { Result } from '../stored/result.ts';
import { methodOf } from '../services/registry.ts';
import type { refresh } from './catalog.ts';
import { names, networkOptions, type Run } from './command.ts';
import { findMany } from './find-credentials.ts';
import { exitCodeOf, reportResults } from './results.ts';

const day = 86_400_000;

export const run: Run<typeof refresh> = async (call, context) => {
  const vault = await context.vault();
  const { all, olderThan } = call.options;
  const found = await findMany(names(call.args), all, vault);
  const deps = { vault, http: await context.http(networkOptions(call.options)), context };
  const results = await inTurnsShown(found.map((credential) => ({
    group: new URL(credential.url).host, name: credential.name,
    run: async (): Promise<Result> => {
      const reason = reasonToSkip(credential, all, olderThan, context.now());
      return reason === undefined ? refreshOne(credential, deps, context) : { name: credential.name, status: 'skipped', reason };
    },
  })), manyAtOnce, context);
  return reportResults(results, call, context, exitCodeOf(results, all || results.length > 1));
};

/** Why this one is left alone. One whose sign-in lives elsewhere is an error only where it was named. */
function reasonToSkip(credential: Credential, all: boolean, olderThan: number | undefined, now: Date): string | undefined {
  if (methodOf(credential).oauth === undefined) return 'it has no access token that ends';
  if (all && credential.signIn !== undefined) return 'only n8n signs in with it';
  const elsewhere = all ? livesElsewhere(credential) : undefined;
  if (elsewhere !== undefined || olderThan === undefined) return elsewhere;
  const renewed = renewedAt(credential);
  if (renewed === undefined) return 'it has no sign-in that ends unused';
  const days = (now.getTime() - renewed.getTime()) / day;
  return days >= olderThan || isFromLaterClock(credential, now) ? undefined : `it was renewed on ${renewed.toISOString().slice(0, 10)}`;
}

async function refreshOne({ name }: Credential, deps: FreshDeps, context: Context): Promise<Result> {
  const started = performance.now();
  const duration = (): number => Math.round(performance.now() - started);
  try {
    const { credential } = await fresh(name, deps, { renew: 'now' });
    return { name, status: 'ok', durationMs: duration(), credential, known: credential.warnings };
  } catch (error) {
    if (context.signal.aborted) throw error;
    return { name, status: 'failed', durationMs: duration(), error: toCredsetupError(error).with({ name }) };
  }
}
