/**
 * `--github-mask`: the secrets that are about to leave are masked in the log of a GitHub job first.
 *
 * A mask holds the secret itself, so it goes only where the runner takes it out again: to the
 * standard error of a job, when that is the runner's pipe. Standard output may be captured, and
 * what captures it would get the mask into its value.
 */
import type { Context } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import type { Exporter, ExportItem, ExportOptions } from '../exporters/export.ts';

/**
 * Before anything is done: whether masks are to be written.
 *
 * @throws USAGE in a job whose runner would not read them
 */
export function checkGithubMask(wanted: boolean, { env, output, talkIsPiped }: Context): boolean {
  if (!wanted) return false;
  if (env['GITHUB_ACTIONS'] !== 'true') {
    output.warn(`${output.style.caution('!')} --github-mask masks nothing here: GITHUB_ACTIONS is not true, so nobody would read the masks, and they hold the secrets.`);
    return false;
  }
  if (talkIsPiped) return true;
  throw new CredsetupError('USAGE', 'GitHub\'s runner does not read standard error here, so nothing would be masked; no secret was read.', {
    hint: 'Leave standard error as it is in the step (no 2>FILE, no 2>/dev/null), or leave --github-mask away.',
  });
}

// Shorter ones are quotes and brackets, which a whole log is full of.
const fewestOfLine = 8;

/**
 * What of an export has to be masked: each secret that stands in it, and the lines of the export
 * that it made, where it is quoted or encoded. What does not change with a secret holds none.
 */
export function secretsInExport(exporter: Exporter, items: readonly ExportItem[], options: ExportOptions): readonly string[] {
  const written = exporter(items, options);
  return items.flatMap((item) => Object.entries(item.full.secrets).flatMap(([key, value]) => {
    // A time is none, and the exporters compute with it.
    if (!Number.isNaN(Date.parse(value)) && key.endsWith('At')) return [];
    const other = { ...item, full: { ...item.full, secrets: { ...item.full.secrets, [key]: 'x' } } };
    const without = new Set(exporter(items.map((one) => (one === item ? other : one)), options).split('\n'));
    const lines = written.split('\n').filter((line) => !without.has(line));
    return lines.length === 0 ? [] : [value, ...lines.filter((line) => line.trim().length >= fewestOfLine)];
  }));
}
