/** What an open prompt has drawn, so that it can be drawn again in a terminal of another width. */
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { widthOf } from './width.ts';

/** The lines that were drawn last, and where the cursor stands in them. */
export interface Frame {
  readonly rows: readonly string[];
  /** From the last row up. */
  readonly up: number;
  /** From 0. */
  readonly column: number;
}

type Screen = NodeJS.WritableStream & { readonly columns?: number };

/** The stream, and what was drawn on it last. */
export function framed(screen: Screen): { readonly output: Screen; readonly frame: () => Frame | undefined } {
  let drawn: Frame | undefined;
  const output = new Writable({
    decodeStrings: false,
    write: (chunk: string, _, done) => {
      drawn = frameOf(chunk) ?? drawn;
      screen.write(chunk);
      done();
    },
  });
  Object.defineProperty(output, 'columns', { get: () => screen.columns });
  return { output, frame: () => drawn };
}

/** The engine ends each drawing with the cursor's place; what has none moves the cursor only. */
function frameOf(chunk: string): Frame | undefined {
  const end = /(?:\u001b\[(\d+)A)?\u001b\[(\d+)G$/.exec(chunk);
  const rows = stripVTControlCharacters(chunk).split('\n');
  return end === null ? undefined : { rows, up: Number(end[1] ?? 0), column: Number(end[2]) - 1 };
}

/**
 * What a terminal does with lines that a smaller width has made too long for it. `breaks`: it
 * breaks them and the cursor stays with its character (VTE, kitty, tmux, Windows Terminal).
 * `counts`: it breaks them, and the cursor goes down by all lines that were added, those below it
 * too (xterm.js, its Buffer.resize). `cuts`: it shows what has room (xterm, the Linux console).
 */
export type Reflow = 'breaks' | 'counts' | 'cuts';

export function reflowOf(env: Readonly<Record<string, string | undefined>>): Reflow {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  if (isSet('TMUX')) return 'breaks';
  if (isSet('XTERM_VERSION') || /^(linux|screen)/.test(env['TERM'] ?? '')) return 'cuts';
  return env['TERM_PROGRAM'] === 'vscode' ? 'counts' : 'breaks';
}

/**
 * Takes a frame off a terminal that has become `columns` wide, and leaves as many empty lines and
 * the cursor where the engine believes the frame's to be.
 */
export function placeOver({ rows, up, column }: Frame, columns: number, reflow: Reflow): string {
  const more = (row: string): number => Math.max(0, Math.ceil(widthOf(row.trimEnd()) / columns) - 1);
  const at = rows.length - 1 - up;
  const added = { cuts: 0, breaks: sum(rows.slice(0, at).map(more)) + Math.floor(column / columns), counts: sum(rows.map(more)) }[reflow];
  const above = at + added;
  return `${above === 0 ? '' : `\u001b[${above}A`}\r\u001b[J${'\n'.repeat(rows.length - 1)}${up === 0 ? '' : `\u001b[${up}A`}`;
}

/** Makes room for a frame where the cursor is, at the beginning of a line, with the cursor as in the frame: what is above belongs to somebody else. */
export function roomFor({ rows, up, column }: Frame): string {
  return `${'\n'.repeat(rows.length - 1)}${up === 0 ? '' : `\u001b[${up}A`}\u001b[${column + 1}G`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
