/** `help CODE`: what docs/errors.md says of an error's code, read from the package. */
import type { Context } from '../context.ts';
import { exitCodes, type ErrorCode } from '../errors.ts';
import { wrap } from '../terminal/wrap.ts';

/** As wide as help is. */
const columns = 80;

/**
 * Prints a code's section on standard output: as text, or as `{code, exitCode, text}`.
 *
 * @param word as it was typed, in any case
 * @returns false when it is no code; nothing is printed then
 */
export async function explain(word: string, json: boolean, context: Context): Promise<boolean> {
  const code = word.toUpperCase();
  if (!isCode(code)) return false;
  const section = sectionOf(code, await context.errorsPage());
  if (section === undefined) return false;
  const { output } = context;
  if (json) output.json({ code, exitCode: exitCodes[code], text: section });
  else output.data(`${code} (exit ${exitCodes[code]})\n\n${wrap(section, columns)}\n`);
  return true;
}

function isCode(word: string): word is ErrorCode {
  return Object.hasOwn(exitCodes, word);
}

/** The section as plain text; undefined where the page has none, as for signals. */
function sectionOf(code: string, page: string): string | undefined {
  const section = page.split(/^#{2,3} /m).find((one) => one.startsWith(`${code}\n`));
  return section?.slice(code.length).trim()
    .replace(/\[([^\][\n]{1,99})\]\([^()\n]{1,199}\)/g, '$1')
    .replace(/\*\*|`/g, '');
}
