/** `export --format shell`: a script for sh, bash, dash and zsh to read with `.`. */
import { secretsNotice, type Exporter } from './export.ts';
import { variablesOf } from './variables.ts';

/** One `export NAME='...'` a line; the line's value may go on over several. */
export const toShell: Exporter = (items, { prefix }) => [
  `# ${secretsNotice}`,
  ...items.flatMap((item) => [`# ${item.full.credential.name}`, ...variablesOf(item, prefix).map(([name, value]) => `export ${name}=${quoted(value)}`)]),
].join('\n') + '\n';

/** POSIX.1-2024, Shell Command Language 2.2.2: all is literal between single quotes but the quote itself. */
function quoted(value: string): string {
  return `'${value.replaceAll('\'', String.raw`'\''`)}'`;
}
