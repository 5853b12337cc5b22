/** An error as lines for people: what happened, what to do next, and the causes in order. */
import type { Output } from './context.ts';
import type { CredsetupError } from './errors.ts';

/** Prints to standard error, also under --quiet. */
export function printError(error: CredsetupError, output: Output): void {
  const { style } = output;
  output.warn(`${style.bad('✖')} ${error.message} ${style.dim(`(${error.code})`)}`);
  if (error.hint !== '') output.warn(`  ${error.hint}`);
  for (const [index, cause] of (error.details.causes ?? []).entries()) {
    output.warn(`  ${index + 1}. ${cause.message}`);
    output.warn(`     ${style.dim('Check:')} ${cause.check}`);
    output.warn(`     ${style.dim('Repair:')} ${cause.fix}`);
  }
  if (error.code !== 'CANCELLED') output.warn(`  ${style.dim(`More: credsetup help ${error.code}`)}`);
}
