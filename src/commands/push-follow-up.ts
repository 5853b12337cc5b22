/** On a terminal: what a person can do about what n8n said of a copy, while credsetup waits. */
import type { Context, Terminal } from '../context.ts';
import { isCredsetupError } from '../errors.ts';
import { baseAsTyped, parseAddress } from '../server/address.ts';
import { withStaleSignIn, type N8nVerdict } from '../services/n8n/outcome.ts';
import { pageOf, type OpenN8n } from '../stored/copies/open.ts';
import { askedOf, prove, type Asked } from '../stored/copies/prove.ts';
import { writeCopy, type WritePlan, type Written } from '../stored/copies/write.ts';
import { Poll } from '../wizard/poll.ts';
import { openPage } from '../wizard/steps.ts';

/** The verdict after what was done about it; in a script the same one. */
export async function followUp(written: Written, verdict: N8nVerdict, target: OpenN8n, plan: WritePlan, context: Context): Promise<N8nVerdict> {
  if (!context.interactive) return verdict;
  const terminal = await context.terminal();
  if (verdict.status === 'not-connected') return waitForConnect(written, verdict, target, terminal, context);
  if (verdict.causes?.[0]?.code === 'N8N_CANNOT_REACH') return otherAddress(written, verdict, target, plan, terminal, context);
  if (verdict.status === 'ok' && verdict.proof === 'test') return offerRun(written, verdict, target, terminal, context);
  return verdict;
}

/** Asks n8n until somebody has pressed Connect, then runs it where the key may. */
async function waitForConnect(written: Written, verdict: N8nVerdict, target: OpenN8n, terminal: Terminal, context: Context): Promise<N8nVerdict> {
  const { credential, stored, method, urlInN8n } = written;
  const page = pageOf(target.base, stored.id);
  const asked = askedOf(credential, stored, method, urlInN8n);
  context.output.say(['', `  Open   ${page}`, '  and press Connect there. n8n signs in for itself.'].join('\n'));
  if (urlInN8n !== undefined) context.output.say(`  Your browser uses ${urlInN8n} there, too; where it cannot, hand the sign-in over instead: credsetup push n8n ${credential.name} --replace --hand-over`);
  const connected = written.signIn === 'stale' ? await connectedAnew(written, asked, target, context)
    : async (): Promise<boolean> => (await prove(asked, target, 'never', context)).status !== 'not-connected';
  for (;;) {
    const stop = new AbortController();
    const polled = new Poll(connected).untilDone(AbortSignal.any([stop.signal, context.signal])).finally(() => { stop.abort(); });
    const key = await terminal.waitKey({
      message: 'waiting for Connect in n8n', signal: stop.signal,
      keys: [{ key: 'enter', means: 'ask now' }, { key: 'o', means: 'open the page' }, { key: 's', means: 'skip' }],
    }).finally(() => { stop.abort(); });
    await polled;
    if (key === 's' || key === 'back') return verdict;
    if (key === 'o') {
      await openPage(page, context);
      continue;
    }
    // Enter says that somebody has connected it: where no run can tell, that is what is known.
    if (written.signIn === 'stale' || await terminal.busy('asking n8n', connected)) {
      const now = await terminal.busy('n8n runs it once', () => prove(asked, target, 'to-prove', context));
      const then = withStaleSignIn(now);
      if (written.signIn !== 'stale' || now.status === 'connected' || then.status !== 'not-connected') return now;
      context.output.say(`  ${then.message}`);
    }
  }
}

/** The old sign-in passes n8n's test all the while. Connect writes the credential twice, at its begin and its end: only then a run tells anything new. */
async function connectedAnew(written: Written, asked: Asked, target: OpenN8n, context: Context): Promise<() => Promise<boolean>> {
  const { id } = written.stored;
  let seen = await target.api.changedAt(id);
  return async () => {
    const now = await target.api.changedAt(id);
    if (now === seen) return false;
    seen = now;
    return withStaleSignIn(await prove(asked, target, 'to-prove', context)).status !== 'not-connected';
  };
}

/** The address by which that n8n reaches the service, until it does or the person leaves it. */
async function otherAddress(
  written: Written, verdict: N8nVerdict, target: OpenN8n, plan: WritePlan, terminal: Terminal, context: Context,
): Promise<N8nVerdict> {
  context.output.warn(`  ${context.output.style.bad('✖')} ${verdict.message} ${verdict.causes?.[0]?.check ?? ''}`);
  const answer = await terminal.text({
    message: 'The address by which n8n reaches it', initial: written.urlInN8n ?? written.credential.url, help: 'In Docker Compose the name that the file gives it, such as http://name. Esc leaves it as it is.',
    maxLength: 2048, check: addressProblem,
  });
  if (answer.kind === 'back') return verdict;
  const urlInN8n = baseAsTyped(answer.value);
  const again = await writeCopy(written.credential, target, { ...plan, replace: true, handOver: false, into: undefined, urlInN8n }, context);
  const next = await terminal.busy('n8n tests it', () => prove(askedOf(again.credential, again.stored, again.method, urlInN8n), target, 'to-prove', context));
  return followUp(again, next, target, plan, context);
}

function addressProblem(value: string): string | undefined {
  try {
    parseAddress(value);
    return undefined;
  } catch (error) {
    if (isCredsetupError(error)) return error.message;
    throw error;
  }
}

async function offerRun(
  { credential, stored, method, urlInN8n }: Written, verdict: N8nVerdict, target: OpenN8n, terminal: Terminal, context: Context,
): Promise<N8nVerdict> {
  if (method.n8n.proof === undefined || !await mayRun(target)) return verdict;
  const answer = await terminal.choose<boolean>({
    message: 'n8n signed in with it. Have n8n run it once in a workflow of ours, which is removed again?',
    choices: [{ value: true, label: 'Yes', note: 'it also finds an account that may not do what n8n does' }, { value: false, label: 'No' }],
  });
  if (answer.kind === 'back' || !answer.value) return verdict;
  return terminal.busy('n8n runs it once', () => prove(askedOf(credential, stored, method, urlInN8n), target, 'always', context));
}

async function mayRun({ api: { requests } }: OpenN8n): Promise<boolean> {
  const { capabilitiesOf } = await import('../services/n8n/capabilities.ts');
  return (await capabilitiesOf(requests))['run'] === true;
}
