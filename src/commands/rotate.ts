/** `rotate NAME`: a new secret at the service in place of the old one. */
import { rotate } from '../stored/rotation.ts';
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import type { rotate as spec } from './catalog.ts';
import { name, type Run } from './command.ts';
import { findOne } from './find-credentials.ts';
import { storedOptions } from './stored-options.ts';

export const run: Run<typeof spec> = async (call, context) => {
  const vault = await context.vault();
  const credential = await findOne(name(call.args), vault);
  const { output } = context;
  const { full, ended } = await rotate(await vault.load(credential.name), {
    ...storedOptions(call),
  }, context);
  output.say(`${output.style.good('✔')} ${output.style.bold(full.credential.name)} has a new token${ended ? ', and the old one has ended' : ''}.`);
  tellN8n(full.credential, context);
  if (call.json) output.json(full.credential);
  return 0;
};

/** n8n holds a copy: it works with the old secret until somebody changes it there. */
function tellN8n({ name: stored, pushed = [], handedOver }: Credential, { output }: Context): void {
  for (const one of pushed) output.say(`  Update n8n at ${one.url}: credsetup push n8n ${stored} --replace`);
  if (handedOver !== undefined) output.say(`  Update it at ${handedOver.to}, which still has the old token.`);
  if (pushed.length === 0) output.say(`  n8n has the old token, if you typed it there: open that credential in n8n and paste the new Access Token. Print it with: credsetup get ${stored}`);
}
