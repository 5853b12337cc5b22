/** `rotate NAME`: a new secret at the service in place of the old one. */
import { CredsetupError } from '../errors.ts';
import { openCopies } from '../stored/copies/keep-up.ts';
import { withSignIns } from '../stored/copies/sign-ins.ts';
import { rotate } from '../stored/rotation.ts';
import { provisioningOfStored } from '../stored/session.ts';
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import type { rotate as spec } from './catalog.ts';
import { name, type CallOf, type Run } from './command.ts';
import { findOne } from './find-credentials.ts';
import { toN8nOptions } from './push-target.ts';
import { storedOptions } from './stored-options.ts';

/** Seconds for which the old secret lives on after every n8n has the new one. */
const usualGrace = 5;

export const run: Run<typeof spec> = async (call, context) => {
  const vault = await context.vault();
  const credential = await findOne(name(call.args), vault);
  const { output } = context;
  if (call.options.run && !call.options.push) throw new CredsetupError('USAGE', '--run proves the copies in n8n, and --no-push leaves them alone.', { hint: 'Keep one of them.' });
  refuseClientAlone(credential);
  const grace = graceOf(call);
  // Before anything is made: an n8n without a key, or one that cannot be reached, is known now.
  const { push, handOver, disconnect } = call.options;
  const open = push ? await openCopies(credential, call.options.run, await toN8nOptions(call.options, context), context) : [];
  const copies = await withSignIns(credential, open, { handOver, disconnect }, context);
  const { full, ended } = await rotate(await vault.load(credential.name), storedOptions(call), { copies, grace, run: call.options.run }, context);
  const { words } = provisioningOfStored(full).provisioning;
  const secret = words.secret ?? words.thing;
  output.say(`${output.style.good('✔')} ${output.style.bold(full.credential.name)} has a new ${secret}${ended ? ', and the old one has ended' : ''}.`);
  tellN8n(full.credential, call.options.push, secret, context);
  if (call.json) output.json(full.credential);
  return 0;
};

/** A client that a person made takes a new one by a person, too, and a sign-in in n8n. Throws UNSUPPORTED. */
function refuseClientAlone({ name: stored, service, method, signIn, fields, pushed = [] }: Credential): void {
  if (signIn === undefined || fields.tokenId !== undefined) return;
  const last = pushed.length === 0 ? '' : ` Then: credsetup push n8n ${stored} --replace --disconnect, and press Connect there`;
  throw new CredsetupError('UNSUPPORTED', `Only n8n signs in with ${stored}: a new client would take its sign-in away, and nobody here can give it another.`, {
    name: stored, service, hint: `Set up a new client in its place, in a moment when somebody can press Connect: credsetup ${service} --method ${method} --sign-in n8n --name ${stored} --replace.${last}`,
  });
}

/** 0 is a number of seconds, too. Throws USAGE. */
function graceOf({ options: { grace } }: CallOf<typeof spec>): number {
  if (grace === undefined) return usualGrace;
  if (/^\d{1,4}$/.test(grace)) return Number(grace);
  throw new CredsetupError('USAGE', '--grace takes a number of seconds.', { hint: 'For example --grace 30; 0 ends the old one at once.' });
}

/** What still works with the old secret. */
function tellN8n({ name: stored, pushed = [], handedOver }: Credential, followed: boolean, secret: string, { output }: Context): void {
  if (!followed) for (const one of pushed) output.warn(`  ${output.style.caution('!')} The n8n at ${one.url} still has the old one: credsetup push n8n ${stored} --replace`);
  if (handedOver !== undefined && !followed) output.say(`  Update it at ${handedOver.to}, which still has the old ${secret}.`);
  if (pushed.length === 0) output.say(`  n8n has the old ${secret}, if you typed it there: open that credential in n8n and type the new one. What to type shows: credsetup show ${stored} --reveal`);
}
