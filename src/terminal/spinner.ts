/** A line that says what is being waited for. */
import type { Sink } from './output.ts';
import { cut } from './width.ts';

export interface SpinnerOptions {
  readonly output: Sink;
  readonly columns: () => number;
  /** Off where the line cannot be redrawn, or nobody wants it to move. */
  readonly animated: boolean;
}

const interval = 80;

/** Over before anybody could read it: a line that comes and goes at once only flickers. */
const soonOver = { moving: 120, still: 1_000 } as const;

/**
 * Shows what `message` gives (harmless, without colours) until the returned function is called;
 * said once where it does not move. `brief`: it may be over at once, and is then not shown.
 */
export function spin(message: () => string, { output, columns, animated }: SpinnerOptions, { brief }: { readonly brief: boolean }): () => void {
  if (!animated) return later(() => { output.say(message()); }, brief ? soonOver.still : 0);
  // Where a tick cannot be shown, neither can these.
  const frames = Array.from(output.fold('✔') === '✔' ? '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏' : '-\\|/');
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    const frame = frames[turn % frames.length] ?? '';
    turn += 1;
    output.status(`${output.paint.accent(frame)} ${cut(message(), Math.max(columns() - 3, 10))}`);
  };
  const stop = later(() => {
    draw();
    timer = setInterval(draw, interval);
  }, brief ? soonOver.moving : 0);
  return () => {
    stop();
    clearInterval(timer);
    output.status(undefined);
  };
}

function later(show: () => void, milliseconds: number): () => void {
  if (milliseconds === 0) {
    show();
    return () => undefined;
  }
  const timer = setTimeout(show, milliseconds);
  return () => { clearTimeout(timer); };
}
