/**
 * GitHub's masks as its runner reads them: `::add-mask::VALUE`, a line of its own, on standard
 * output or standard error (actions/runner, ActionCommandManager.cs). The runner takes such a line
 * out of the log and shows `***` for the value from then on.
 */

/**
 * The lines that mask these values: each value's lines one by one, for a log is masked by the line.
 * Also without the spaces around a line, which programs take off. Blank lines are nothing to hide,
 * and the runner complains of them.
 */
export function maskLines(values: readonly string[]): string {
  const lines = values.flatMap((value) => value.split(/\r\n|[\r\n]/)).flatMap((line) => [line, line.trim()]).filter((line) => line.trim() !== '');
  return [...new Set(lines)].map((line) => `::add-mask::${commandData(line)}\n`).join('');
}

/** What the runner turns back (ActionCommand.cs, UnescapeData): `%25` first of all, or a `%0A` of the value itself becomes a line end. */
function commandData(line: string): string {
  return line.replaceAll('%', '%25');
}
