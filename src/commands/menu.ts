/** `credsetup` alone on a terminal: what to do, until the person quits. */
import type { Context } from '../context.ts';
import { isCredsetupError } from '../errors.ts';
import { printError } from '../error-text.ts';
import { services } from '../services/registry.ts';
import type { Call, Run } from './command.ts';
import { run as list } from './list.ts';
import { reportResults } from './results.ts';
import { setUpCommand } from './set-up.ts';
import { testAll } from './test.ts';

type Choice = { readonly setUp: string } | 'list' | 'quit';

export const run: Run = async (call, context) => {
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
    await choose(answer.value, call, context);
  }
};

/** An error of one choice is shown, and the menu goes on; a stop ends it. */
async function choose(choice: Exclude<Choice, 'quit'>, call: Call, context: Context): Promise<void> {
  try {
    const service = typeof choice === 'object' ? services.find(({ id }) => id === choice.setUp) : undefined;
    await (service === undefined ? listAndTest(call, context) : setUpCommand(service, { fromMenu: true })(call, context));
  } catch (error) {
    if (!isCredsetupError(error) || context.signal.aborted) throw error;
    if (error.code === 'CANCELLED') context.output.warn(error.message);
    else printError(error, context.output);
  }
}

async function listAndTest(call: Call, context: Context): Promise<void> {
  await list(call, context);
  const stored = await (await context.vault()).list();
  if (stored.length === 0) return;
  const results = await testAll(stored, {}, context);
  reportResults([...results.values()], call, context, 0);
}
