/** Columns as wide as their widest cell; a column that is empty everywhere is left out. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = head.map((_, index) => index).filter((index) => rows.some((row) => row[index] !== ''));
  const width = (index: number) => Math.max(...[head, ...rows].map((row) => Array.from(row[index] ?? '').length));
  return [head, ...rows]
    .map((row) => columns.map((index) => (row[index] ?? '').padEnd(width(index))).join('  ').trimEnd())
    .join('\n') + '\n';
}
