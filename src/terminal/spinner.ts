/** A line that says what is being waited for. */
import type { Sink } from './output.ts';
import { cut } from './width.ts';

export interface SpinnerOptions {
  readonly output: Sink;
  readonly columns: () => number;
  /** Off where the line cannot be redrawn, or nobody wants it to move. */
  readonly animated: boolean;
  readonly unicode: boolean;
}

const interval = 80;

/** Shows `message` (harmless, without colours) until the returned function is called. */
export function spin(message: string, { output, columns, animated, unicode }: SpinnerOptions): () => void {
  if (!animated) {
    output.say(message);
    return () => undefined;
  }
  const frames = Array.from(unicode ? '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏' : '-\\|/');
  let turn = 0;
  const draw = (): void => {
    const frame = frames[turn % frames.length] ?? '';
    turn += 1;
    output.status(`${output.paint.accent(frame)} ${cut(message, Math.max(columns() - 3, 10))}`);
  };
  draw();
  const timer = setInterval(draw, interval);
  return () => {
    clearInterval(timer);
    output.status(undefined);
  };
}
