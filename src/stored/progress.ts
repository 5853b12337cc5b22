/** How far a command is that does the same to many. */
import type { Context } from '../context.ts';

/** On a terminal only, and for more than one: `[######----] 6 of 10`. What it returns is told how many are done. */
export function progressBar(total: number, { output, talkIsTerminal }: Context): (done: number) => void {
  if (!talkIsTerminal || total < 2) return () => undefined;
  const width = 20;
  const draw = (done: number): void => {
    const full = Math.round((done / total) * width);
    output.status(`[${'#'.repeat(full)}${'-'.repeat(width - full)}] ${done} of ${total}`);
  };
  draw(0);
  return draw;
}
