/** Breaks lines of talk between words, so that a terminal does not break them inside one. */
import { widthOf } from './width.ts';

/** Below this nothing is gained. */
const fewestColumns = 20;
const colors = /\u001b\[[\d;]*m/g;
/** What stands before a line's own words: its indent, then a mark, a number or a label and its gap. */
// ✔ ✖ ❯ •
const lead = /^ *(?:(?:[✔✖!?>❯•-]|\[(?:ok|no)\]|\d+\.) +|\S+(?: \S+)* {2,})?/u;

/**
 * The text with each line broken before the word that does not fit, and what follows indented to
 * the first word. A word without spaces, such as an address, is never broken: it is copied whole.
 */
export function wrap(text: string, columns: number): string {
  if (columns < fewestColumns) return text;
  return text.split('\n').map((line) => wrapLine(line, columns, indentOf(line.replace(colors, ''), columns))).join('\n');
}

/** A choice's label and note, drawn behind a cursor of two columns: the note's lines stand below each other where there is room. */
export function wrapBeside(line: string, columns: number, column: number): string {
  if (columns < fewestColumns) return line;
  const fewestForNote = 30;
  return wrapLine(`  ${line}`, columns, ' '.repeat(columns - column >= fewestForNote ? column + 2 : 4)).slice(2);
}

function wrapLine(line: string, columns: number, indent: string): string {
  if (width(line) <= columns) return line;
  const lines: string[] = [];
  let current = '';
  for (const [, gap = '', word = ''] of line.matchAll(/(?<! )( *)(\S+)/g)) {
    const fits = width(current) + gap.length + width(word) <= columns;
    // What is longer than a line gains nothing by a line of its own.
    const endless = indent.length + width(word) > columns;
    if (current.trim() === '' || fits || endless) {
      current += gap + word;
    } else {
      lines.push(current);
      current = indent + word;
    }
  }
  return [...lines, current].join('\n');
}

function indentOf(line: string, columns: number): string {
  const wanted = widthOf(lead.exec(line)?.[0] ?? '');
  const least = line.length - line.trimStart().length;
  return ' '.repeat(wanted <= columns / 3 ? wanted : Math.min(least, Math.floor(columns / 3)));
}

function width(line: string): number {
  return widthOf(line.replace(colors, ''));
}
