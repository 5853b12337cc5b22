/** How far a command is that does the same to many. */
import { inTurns, type Limits, type Task } from '../concurrency.ts';
import type { Context } from '../context.ts';

/** Many to as many servers. */
export const manyAtOnce: Limits = { inAll: 16, perHost: 4 };

/** A task for something that has a name. */
export interface NamedTask<T> extends Task<T> {
  readonly name: string;
}

/** Runs the tasks as `inTurns` does, and shows meanwhile how far they are. */
export async function inTurnsShown<T>(tasks: readonly NamedTask<T>[], limits: Limits, context: Context): Promise<readonly T[]> {
  const ended = progressOf(tasks.length, context);
  try {
    return await inTurns(tasks.map(({ group, name, run }) => ({
      group,
      run: async () => {
        const result = await run();
        ended(name);
        return result;
      },
    })), limits);
  } finally {
    context.output.status(undefined);
  }
}

/**
 * For more than one: on a terminal a bar that the results take the place of, `[######----] 6 of 10`;
 * where nothing is drawn over, and in a log, a line as each ends.
 */
function progressOf(total: number, { output }: Context): (name: string) => void {
  let done = 0;
  if (total < 2 || output.progress === 'none') return () => undefined;
  if (output.progress === 'lines') return (name) => { output.say(`${done += 1} of ${total}: ${name}`); };
  const width = 20;
  const draw = (): void => {
    const full = Math.round((done / total) * width);
    output.status(`[${'#'.repeat(full)}${'-'.repeat(width - full)}] ${done} of ${total}`);
  };
  draw();
  return () => {
    done += 1;
    draw();
  };
}
