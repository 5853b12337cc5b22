import { widthOf } from '../terminal/width.ts';
import { wrap } from '../terminal/wrap.ts';

/**
 * Columns as wide as their widest cell; a column that is empty everywhere is left out. Where a
 * terminal of so many columns would break its lines, each row is a paragraph instead.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[], columns = Infinity): string {
  const shown = head.map((_, index) => index).filter((index) => rows.some((row) => row[index] !== ''));
  const all = [head, ...rows];
  const cells = shown.map((index) => all.map((row) => width(row[index] ?? '')));
  const widths = cells.map((column) => column.reduce((most, one) => Math.max(most, one), 0));
  const padded = (row: number, at: number): string => (all[row]?.[shown[at] ?? 0] ?? '') + ' '.repeat((widths[at] ?? 0) - (cells[at]?.[row] ?? 0));
  const lines = all.map((_, row) => shown.map((__, at) => padded(row, at)).join('  ').trimEnd());
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
