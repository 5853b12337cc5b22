/** An error as lines for people: what happened, what to do next, and the causes in order. */
import type { Output, Terminal } from './context.ts';
import type { Cause, CredsetupError } from './errors.ts';

/** More are read by nobody; the others are asked for. */
const mostCauses = 3;

interface Telling {
  readonly again?: boolean;
  readonly terminal?: Terminal | undefined;
}

/**
 * Prints to standard error, also under --quiet. Of many causes the likeliest: all under --verbose,
 * and those behind them where it is `again` the same question's. A terminal's next question offers the others.
 */
export function printError(error: CredsetupError, output: Output, { again = false, terminal }: Telling = {}): void {
  const { style } = output;
  output.warn(`${style.bad('✖')} ${error.message} ${style.dim(`(${error.code})`)}`);
  if (error.hint !== '') output.warn(`  ${error.hint}`);
  const causes = error.details.causes ?? [];
  const many = causes.length > mostCauses && !output.verbose;
  printCauses(causes, output, many ? (again ? { from: mostCauses } : { to: mostCauses }) : {});
  const left = many && !again ? causes.length - mostCauses : 0;
  const others = left === 0 ? '' : left === 1 ? 'the other cause' : `the ${left} other causes`;
  if (left > 0 && terminal === undefined) output.warn(`  ${style.dim(`With --verbose: ${others}`)}`);
  if (error.code !== 'CANCELLED') output.warn(`  ${style.dim(`More: credsetup help ${error.code}`)}`);
  if (left > 0) terminal?.offer({ what: others, show: () => { printCauses(causes, output, { from: mostCauses }); } });
}

function printCauses(causes: readonly Cause[], output: Output, { from = 0, to = causes.length }: { readonly from?: number; readonly to?: number }): void {
  const { style } = output;
  if (causes.length > 1) output.warn(`  ${from === 0 ? 'Possible causes, the likeliest first' : 'Other possible causes'}:`);
  for (const [index, cause] of causes.slice(from, to).entries()) {
    output.warn(`  ${from + index + 1}. ${cause.message}`);
    output.warn(`     ${style.dim('Check:')} ${cause.check}`);
    output.warn(`     ${style.dim('Repair:')} ${cause.fix}`);
  }
}
