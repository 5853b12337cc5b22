/** One stored credential into an n8n that is open: written, asked about, and told as a result. */
import type { Context, HttpOptions } from '../context.ts';
import type { Credential } from '../credential.ts';
import { isCredsetupError, toCredsetupError } from '../errors.ts';
import { n8nWarnings } from '../exporters/n8n.ts';
import { withStaleSignIn, type N8nVerdict } from '../services/n8n/outcome.ts';
import { pageOf, type OpenN8n } from '../stored/copies/open.ts';
import { askedOf, inN8nResult, prove, testFailed, testOf, type RunWish } from '../stored/copies/prove.ts';
import { rememberTest, writeCopy, type WritePlan, type Written } from '../stored/copies/write.ts';
import type { Result } from '../stored/result.ts';
import type { StoredOptions } from '../stored/session.ts';
import { registerCallback, settleCallback, type Registration } from './push-callback.ts';
import { followUp } from './push-follow-up.ts';

/** How it is written, and whether a run was asked for. */
export interface Plan extends WritePlan {
  readonly run: boolean;
  readonly network: HttpOptions;
  /** At the service, to add n8n's callback to the client. */
  readonly signIn?: StoredOptions | undefined;
}

/** A failure is a result, never thrown; a stop is. */
export async function pushOne(credential: Credential, target: OpenN8n, plan: Plan, context: Context): Promise<Result> {
  try {
    const registration = await registerCallback(credential, target, plan.signIn, context);
    const written = await writeCopy(credential, target, plan, context);
    context.output.say(`  In n8n: ${pageOf(target.base, written.stored.id)}`);
    const first = await ask(written, target, plan, context);
    if (first.status === 'not-connected' && (registration === undefined || registration.error !== undefined)) await settleCallback(written.credential, target, plan.network, context);
    const verdict = await followUp(written, first, target, plan, context);
    return withRegistration(await resultOf(written, verdict, target, context), registration);
  } catch (error) {
    if (context.signal.aborted) throw error;
    return { name: credential.name, status: 'failed', error: toCredsetupError(error).with({ name: credential.name }) };
  }
}

/** What was asked for and did not come about is a failure, although the copy stands. */
function withRegistration(result: Result, registration: Registration | undefined): Result {
  if (registration?.error === undefined || result.status === 'failed') return result;
  return { ...result, status: 'failed', error: registration.error.with({ name: result.name }) };
}

/** Written is written: an n8n that cannot be asked now is told, unless a run was asked for. */
async function ask(
  { credential, stored, method, urlInN8n, full, signIn }: Written, target: OpenN8n, { run: toRun, handOver }: Plan, context: Context,
): Promise<N8nVerdict> {
  const gaveSignIn = handOver && full.credential.handedOver !== undefined;
  const wish: RunWish = toRun ? 'always' : gaveSignIn || context.interactive || signIn === 'stale' ? 'to-prove' : 'never';
  try {
    const verdict = await prove(askedOf(credential, stored, method, urlInN8n), target, wish, context);
    if (signIn === 'stays' && verdict.status === 'not-connected') return lostSignIn(verdict);
    return signIn === 'stale' ? withStaleSignIn(verdict) : verdict;
  } catch (error) {
    if (toRun || !isCredsetupError(error) || context.signal.aborted) throw error;
    return { status: 'not-known', message: `Nobody has proved it: ${error.message}` };
  }
}

/** Its sign-in was to stay: between the look and the write that n8n became one that replaces the whole. */
function lostSignIn({ proof, causes = [] }: N8nVerdict): N8nVerdict {
  const message = 'It was connected before this, and is not any more: that n8n wrote the whole credential, as an older one does. Its workflows fail until somebody presses Connect there.';
  return { status: 'failed', ...(proof === undefined ? {} : { proof }), message, causes: causes.map((one) => ({ ...one, message })) };
}

async function resultOf(written: Written, verdict: N8nVerdict, target: OpenN8n, context: Context): Promise<Result> {
  const { stored, full, method, status } = written;
  const { name: ours } = written.credential;
  const kept = await rememberTest(written.credential, target.base, testOf(verdict, context.now()), context);
  const inN8n = [inN8nResult(target.base, stored.id, verdict)];
  if (verdict.status === 'failed') return { name: ours, status: 'failed', error: testFailed(ours, target.base, stored.id, verdict), inN8n };
  const warnings = n8nWarnings([{ full, method }]).map(({ code, message }) => ({ code, message }));
  const reason = reasonOf(verdict, pageOf(target.base, stored.id), context.interactive);
  return { name: ours, status, reason, credential: { ...kept, warnings }, known: warnings, inN8n };
}

/** Who was there while it was waited for has read what is to be done. */
function reasonOf({ status, message }: N8nVerdict, page: string, waitedFor: boolean): string {
  if (status !== 'not-connected') return message;
  return waitedFor ? `not connected yet (${page})` : `open it in n8n and press Connect: the sign-in is not part of it (${page})`;
}
