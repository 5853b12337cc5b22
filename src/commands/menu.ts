/** `credsetup` alone on a terminal: what to do, until the person quits. */
import type { Context } from '../context.ts';
import { isCredsetupError } from '../errors.ts';
import { printError } from '../error-text.ts';
import { services } from '../services/registry.ts';

type Choice = { readonly setUp: string } | 'list' | 'quit';
/** Runs a command as the command line would, with these options. */
type Execute = (command: string, raw?: Readonly<Record<string, unknown>>) => Promise<number>;

export async function menu(execute: Execute, context: Context): Promise<number> {
  for (;;) {
    const terminal = await context.terminal();
    const answer = await terminal.choose<Choice>({
      message: 'What would you like to do?',
      choices: [
        ...services.map((service) => ({ value: { setUp: service.id }, label: `Set up ${service.title}` })),
        { value: 'list' as const, label: 'See what is stored and how it is' },
        { value: 'quit' as const, label: 'Quit' },
      ],
    });
    if (answer.kind === 'back' || answer.value === 'quit') return 0;
    await choose(answer.value, execute, context);
  }
}

/** An error of one choice is shown, and the menu goes on; a stop ends it. */
async function choose(choice: Exclude<Choice, 'quit'>, execute: Execute, context: Context): Promise<void> {
  try {
    if (choice === 'list') await listAndTest(execute, context);
    else await execute(choice.setUp);
  } catch (error) {
    if (!isCredsetupError(error) || context.signal.aborted) throw error;
    if (error.code === 'CANCELLED') context.output.warn(error.message);
    else printError(error, context.output, { terminal: await context.terminal() });
  }
}

async function listAndTest(execute: Execute, context: Context): Promise<void> {
  await execute('list');
  if ((await (await context.vault()).list()).length > 0) await execute('test', { all: true });
}
