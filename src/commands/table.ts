import { widthOf } from '../terminal/width.ts';
import { wrap } from '../terminal/wrap.ts';

/**
 * Columns as wide as their widest cell; a column that is empty everywhere is left out. Where a
 * terminal of so many columns would break its lines, each row is a paragraph instead.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[], columns = Infinity): string {
  const shown = head.map((_, index) => index).filter((index) => rows.some((row) => row[index] !== ''));
  // Measured once: a cell's width is asked of every character.
  const cells = [head, ...rows].map((row) => shown.map((index) => ({ text: row[index] ?? '', taken: width(row[index] ?? '') })));
  const widths = shown.map((_, at) => cells.reduce((most, row) => Math.max(most, row[at]?.taken ?? 0), 0));
  const lines = cells.map((row) => row.map(({ text, taken }, at) => text + ' '.repeat((widths[at] ?? 0) - taken)).join('  ').trimEnd());
  if (columns === Infinity || lines.every((line) => width(line) <= columns)) return `${lines.join('\n')}\n`;
  return `${rows.map((row) => paragraph(head, row, columns)).join('\n\n')}\n`;
}

/** The first cell, and below it the others with their heads, as many in a line as it has room for. */
function paragraph(head: readonly string[], [name = '', ...cells]: readonly string[], columns: number): string {
  const lines = [name];
  for (const [index, cell] of cells.entries()) {
    if (cell === '') continue;
    const said = `${(head[index + 1] ?? '').toLowerCase()} ${cell}`;
    const joined = `${lines.at(-1) ?? ''}   ${said}`;
    if (lines.length > 1 && width(joined) <= columns) lines[lines.length - 1] = joined;
    else lines.push(`  ${said}`);
  }
  return lines.map((line) => wrap(line, columns)).join('\n');
}

/** Nearly every cell is ASCII, whose width needs no look at each character. */
function width(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : widthOf(text);
}
