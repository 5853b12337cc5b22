/** `rename OLD NEW`. */
import type { Run } from './command.ts';
import { name } from './options.ts';

export const run: Run = async ({ args, json }, context) => {
  const { output } = context;
  const credential = await (await context.vault()).rename(name(args), name(args, 1));
  if (json) output.json(credential);
  else output.say(`${output.style.good('✔')} ${name(args)} is now ${credential.name}.`);
  return 0;
};
