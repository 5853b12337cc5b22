/** How far a command is that does the same to many. */
import type { Context } from '../context.ts';

/** Called with the name of each that has ended. */
export type Progress = (name: string) => void;

/**
 * For more than one: on a terminal a bar that the results take the place of, `[######----] 6 of 10`;
 * where nothing is drawn over, and in a log, a line as each ends.
 */
export function progressOf(total: number, { output }: Context): Progress {
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
