/** Whether talk is coloured, and talk without colours. Where it has some, colors.ts is loaded. */
import type { Paint, Style } from '../context.ts';

export interface Colors {
  /** Puts marks around a text; for what goes through the sink. */
  readonly style: Style;
  /** Puts colours around a text at once; for text that is harmless already. */
  readonly paint: Style;
  /** Turns marks into colours. */
  resolve(text: string): string;
  /** Takes marks away. */
  strip(text: string): string;
}

/** Whether talk is coloured. The option first, then NO_COLOR, then FORCE_COLOR, then the terminal. */
export function useColor(asked: {
  readonly isTTY: boolean;
  readonly noColorOption: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: term } = asked.env;
  if (asked.noColorOption) return false;
  // https://no-color.org: set and not empty, whatever its value.
  if (no !== undefined && no !== '') return false;
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  return asked.isTTY && term !== 'dumb';
}

const identity: Paint = (text) => text;
const plain: Style = { bold: identity, dim: identity, good: identity, bad: identity, caution: identity, accent: identity };

/** No colours: every paint gives its text back. */
export const noColors: Colors = { style: plain, paint: plain, resolve: identity, strip: identity };
