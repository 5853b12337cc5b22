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
 * the first word. A word without spaces, such as an address, is copied whole: it is never broken,
 * and one that fits into no line stands alone, from the left edge on. So does a command at a line's end.
 */
export function wrap(text: string, columns: number): string {
  if (columns < fewestColumns) return text;
  return text.split('\n').map((line) => wrapLine(line, columns, indentOf(line.replace(colors, ''), columns))).join('\n');
}

/**
 * A choice's label and what stands behind it, drawn behind a cursor of two columns: the note begins
 * at `column` and goes on below itself where there is room, else it stands below the label.
 */
export function wrapBeside(label: string, note: string | undefined, columns: number, column: number): readonly [label: string, note: string] {
  const fewestForNote = 30;
  const beside = note !== undefined && (columns < fewestColumns || columns - column >= fewestForNote);
  const hung = (line: string, indent: number): string => (columns < fewestColumns ? line : wrapLine(line, columns, ' '.repeat(indent), { hung: true }));
  if (!beside) return [hung(`  ${label}`, 4).slice(2), note === undefined ? '' : `\n${hung(`    ${note}`, 4)}`];
  const line = hung(`  ${label}${' '.repeat(column - widthOf(label))}${note}`, column + 2).slice(2);
  return [line.slice(0, label.length), line.slice(label.length)];
}

/** Several in as many rows as they need: what belongs together, such as a key and its meaning, stays in one. */
export function inRows(parts: readonly string[], between: string, columns: number): string {
  const rows: string[] = [];
  for (const part of parts) {
    const longer = rows.length === 0 ? part : `${rows.at(-1) ?? ''}${between}${part}`;
    if (rows.length > 0 && widthOf(longer) <= columns) rows[rows.length - 1] = longer;
    else rows.push(part);
  }
  return wrap(rows.join('\n'), columns);
}

/** Lines beyond this indent go on with the right column of the row above. */
const rightColumn = 20;

/** A text of two columns, as a help is, for a terminal that has less room than its lines take: the right one goes below the left one. */
export function wrapHelp(text: string, columns: number): string {
  if (text.split('\n').every((line) => widthOf(line) <= columns || !line.trim().includes('  '))) return wrap(text, columns);
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const words = line.trimStart();
    const indent = line.length - words.length;
    const gap = indent === 0 ? -1 : words.indexOf('  ');
    if (indent >= rightColumn && lines.length > 0) lines.push(`${lines.pop() ?? ''} ${words}`);
    else if (gap === -1) lines.push(line);
    else lines.push(`  ${words.slice(0, gap)}`, `      ${words.slice(gap).trimStart()}`);
  }
  return wrap(lines.join('\n'), columns);
}

/** `hung`: what fits into no line keeps the indent. */
function wrapLine(line: string, columns: number, indent: string, { hung = false } = {}): string {
  if (width(line) <= columns) return line;
  const at = commandIn(line);
  if (at !== undefined) {
    const before = line.slice(0, at).trimEnd();
    return [...(before.replace(colors, '').trim() === '' ? [] : [wrapLine(before, columns, indent)]), line.slice(at)].join('\n');
  }
  const lines: string[] = [];
  let current = '';
  for (const [, spaces = '', word = ''] of line.matchAll(/(?<! )( *)(\S+)/g)) {
    const isFirst = lines.length === 0 && current === '';
    const gap = isFirst ? spaces.slice(0, deepest(columns)) : spaces;
    const longer = current + (current === indent && !isFirst ? '' : gap) + word;
    if (width(longer) <= columns) {
      current = longer;
      continue;
    }
    if (current.trim() !== '') lines.push(current);
    const fits = width(indent + word) <= columns;
    if (!fits) lines.push(`${!hung ? '' : isFirst ? gap : indent}${word}`);
    current = fits ? indent + word : indent;
  }
  return (current.trim() === '' ? lines : [...lines, current]).join('\n');
}

/** Where a command of ours begins that a line is, or ends with behind a colon. In a sentence, a command is part of it. */
function commandIn(line: string): number | undefined {
  const at = line.lastIndexOf('credsetup ');
  if (at === -1 || !/^(?:.*: +| *)$/.test(line.slice(0, at).replace(colors, ''))) return undefined;
  const words = line.slice(at).replace(colors, '').split(' ');
  return /^[a-z]/.test(words[1] ?? '') && words.every((word) => !'.,;)'.includes(word.at(-1) ?? ' ')) ? at : undefined;
}

function indentOf(line: string, columns: number): string {
  const wanted = widthOf(lead.exec(line)?.[0] ?? '');
  const least = line.length - line.trimStart().length;
  if (wanted <= deepest(columns)) return ' '.repeat(wanted);
  // Behind a label that takes too much of the line, what goes on is still told from the next line's label.
  return ' '.repeat(Math.min(wanted > least ? least + 2 : least, deepest(columns)));
}

/** An indent that leaves something of the line. */
function deepest(columns: number): number {
  return Math.floor(columns / 3);
}

function width(line: string): number {
  return widthOf(line.replace(colors, ''));
}
