/** `rename OLD NEW`. */
import type { rename } from './catalog.ts';
import { name, type Run } from './command.ts';

export const run: Run<typeof rename> = async ({ args, json }, context) => {
  const { output } = context;
  const credential = await (await context.vault()).rename(name(args), name(args, 1));
  if (json) output.json(credential);
  else output.say(`${output.style.good('✔')} ${name(args)} is now ${credential.name}.`);
  return 0;
};
