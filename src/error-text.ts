/** An error as lines for people: what happened, what to do next, and the causes in order. */
import type { Output } from './context.ts';
import type { Cause, CredsetupError } from './errors.ts';

/** More are read by nobody; the others are asked for. */
const mostCauses = 3;

/**
 * Prints to standard error, also under --quiet. Of many causes the likeliest: all under --verbose,
 * and those behind them where it is `again` the same question's (false: it may come again).
 */
export function printError(error: CredsetupError, output: Output, { again }: { readonly again?: boolean } = {}): void {
  const { style } = output;
  output.warn(`${style.bad('✖')} ${error.message} ${style.dim(`(${error.code})`)}`);
  if (error.hint !== '') output.warn(`  ${error.hint}`);
  const left = printCauses(error.details.causes ?? [], output, again);
  const others = left === 0 ? '' : ` · ${left} other causes: with --verbose${again === undefined ? '' : ', or when it is refused again'}`;
  if (error.code !== 'CANCELLED') output.warn(`  ${style.dim(`More: credsetup help ${error.code}${others}`)}`);
}

/** How many are left. */
function printCauses(causes: readonly Cause[], output: Output, again: boolean | undefined): number {
  const { style, verbose } = output;
  const from = again === true && !verbose && causes.length > mostCauses ? mostCauses : 0;
  const shown = causes.slice(from, verbose || again === true ? undefined : mostCauses);
  if (causes.length > 1) output.warn(`  ${from === 0 ? 'Possible causes, the likeliest first' : 'Other possible causes'}:`);
  for (const [index, cause] of shown.entries()) {
    output.warn(`  ${from + index + 1}. ${cause.message}`);
    output.warn(`     ${style.dim('Check:')} ${cause.check}`);
    output.warn(`     ${style.dim('Repair:')} ${cause.fix}`);
  }
  return causes.length - from - shown.length;
}
