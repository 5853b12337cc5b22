/** Warnings as lines for people: in full when they are new, in a word when they were said before. */
import type { Output } from './context.ts';
import type { Warning } from './credential.ts';

/** Said by the connection itself, before the first request that needs it. */
const saidByConnection = new Set(['TLS_UNCHECKED', 'NOT_ENCRYPTED']);

/** Prints to standard error, also under --quiet. `known`: what the person was told of this credential in an earlier run. */
export function printWarnings(warnings: readonly Warning[], known: readonly Warning[], { warn, style }: Pick<Output, 'warn' | 'style'>): void {
  const all = warnings.filter(({ code }) => !saidByConnection.has(code));
  const isKnown = ({ code, message }: Warning): boolean => known.some((one) => one.code === code && one.message === message);
  for (const { code, message } of all.filter((one) => !isKnown(one))) warn(`  ${style.caution('!')} ${message} (${code})`);
  const again = new Set(all.filter(isKnown).map(({ code }) => code));
  if (again.size > 0) warn(`  ${style.caution('!')} As before: ${[...again].join(', ')}`);
}
