/** Columns as wide as their widest cell; a column that is empty everywhere is left out. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = head.map((_, index) => index).filter((index) => rows.some((row) => row[index] !== ''));
  const lines = [head, ...rows];
  const widths = new Map(columns.map((index) => [index, lines.reduce((most, row) => Math.max(most, characters(row[index] ?? '')), 0)]));
  return lines
    .map((row) => columns.map((index) => (row[index] ?? '').padEnd(widths.get(index) ?? 0)).join('  ').trimEnd())
    .join('\n') + '\n';
}

function characters(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : Array.from(text).length;
}
