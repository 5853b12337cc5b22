/** What becomes of n8n's own sign-in when the client that it signed in to is replaced: settled before anything is made. */
import type { Context } from '../../context.ts';
import type { Credential } from '../../credential.ts';
import { CredsetupError } from '../../errors.ts';
import { methodOf } from '../../services/registry.ts';
import type { OpenCopy } from './keep-up.ts';
import { sameN8n } from './open.ts';

export interface SignInWishes {
  /** The new sign-in goes to n8n, and ours is given up. */
  readonly handOver: boolean;
  /** n8n's own may end; a person presses Connect again. */
  readonly disconnect: boolean;
}

/**
 * Each copy with how it gets its sign-in. One that had ours gets the new one, too. Throws
 * INPUT_MISSING in a script that does not say it, USAGE for a hand-over to several.
 */
export async function withSignIns(credential: Credential, copies: readonly OpenCopy[], wishes: SignInWishes, context: Context): Promise<readonly OpenCopy[]> {
  if (methodOf(credential).n8n.tokens === undefined || copies.length === 0) return copies;
  const { handedOver } = credential;
  const held = (one: OpenCopy): boolean => handedOver !== undefined && sameN8n(handedOver.to, one.copy.url);
  if (wishes.handOver && copies.length > 1 && !copies.some(held)) {
    throw new CredsetupError('USAGE', `${credential.name} has copies in ${copies.length} n8ns, and a sign-in lives in one place only.`, {
      name: credential.name, hint: 'Rotate with --no-push, and push to each with --replace: to one with --hand-over, to the others with --disconnect.',
    });
  }
  // Where only n8n signs in, there is no sign-in here to give.
  const alone = copies.length === 1 && credential.signIn === undefined;
  const settled: OpenCopy[] = [];
  for (const one of copies) {
    const signIn = held(one) ? 'hand-over' : await wished(credential, one, wishes, alone, context);
    say(one, signIn, context);
    settled.push({ ...one, signIn });
  }
  return settled;
}

async function wished(credential: Credential, { copy, target }: OpenCopy, { handOver, disconnect }: SignInWishes, alone: boolean, context: Context): Promise<'hand-over' | 'connect'> {
  if (handOver && alone) return 'hand-over';
  if (disconnect) return 'connect';
  const cost = `The n8n at ${copy.url} has a sign-in of its own at the old client (${copy.name}), which ends with that client.`;
  if (!context.interactive) {
    throw new CredsetupError('INPUT_MISSING', cost, {
      name: credential.name, url: target.base,
      missing: [...(alone ? [{ field: 'handOver', option: '--hand-over', variable: '' }] : []), { field: 'disconnect', option: '--disconnect', variable: '' }],
      hint: `Nothing was made. ${alone ? '--hand-over gives it the new sign-in, which is refreshed there alone then; with ' : 'With '}--disconnect somebody presses Connect there again.`,
    });
  }
  context.output.warn(`  ${cost}`);
  const answer = await (await context.terminal()).choose<'hand-over' | 'connect'>({
    message: 'How does it get the new one?',
    choices: [
      ...(alone ? [{ value: 'hand-over' as const, label: 'Hand the new sign-in over', note: 'n8n refreshes it from then on, and this computer does not' }] : []),
      { value: 'connect' as const, label: 'Somebody presses Connect there', note: 'its workflows fail until then, and the old client lives as long' },
    ],
  });
  if (answer.kind === 'back') throw new CredsetupError('CANCELLED', 'Stopped; nothing was made.', { hint: 'To leave the copies alone: --no-push' });
  return answer.value;
}

function say({ copy }: OpenCopy, signIn: 'hand-over' | 'connect', { output }: Context): void {
  if (signIn === 'hand-over') output.say(`  The n8n at ${copy.url} gets the new sign-in by hand-over: it is refreshed there alone.`);
  else output.warn(`  ${output.style.caution('!')} The sign-in of the n8n at ${copy.url} ends: its workflows fail until somebody presses Connect there. The old client lives until a run there works.`);
}
