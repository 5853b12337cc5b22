/** Warnings as lines for people: in full when they are new, in a word when they were said before. */
import type { Output } from './context.ts';
import type { Warning } from './credential.ts';

/** Said by the connection itself, before the first request that needs it. */
const saidByConnection = new Set(['TLS_UNCHECKED', 'NOT_ENCRYPTED']);

/** What n8n needs of an address is the same for every credential there: said once a run. */
const onceARun = /^N8N_/;
const said = new WeakMap<object, Set<string>>();

/** Prints to standard error, also under --quiet. `known`: what the person was told of this credential in an earlier run. */
export function printWarnings(warnings: readonly Warning[], known: readonly Warning[], output: Pick<Output, 'warn' | 'style'>): void {
  const saidHere = said.get(output) ?? new Set<string>();
  said.set(output, saidHere);
  const all = warnings.filter(({ code, message }) => !saidByConnection.has(code) && !saidHere.has(message));
  for (const { message } of all.filter(({ code }) => onceARun.test(code))) saidHere.add(message);
  const isKnown = ({ code, message }: Warning): boolean => known.some((one) => one.code === code && one.message === message);
  const mark = output.style.caution('!');
  for (const { code, message } of all.filter((one) => !isKnown(one))) output.warn(`  ${mark} ${message} (${code})`);
  const again = new Set(all.filter(isKnown).map(({ code }) => code));
  if (again.size > 0) output.warn(`  ${mark} As before: ${[...again].join(', ')}`);
}
