/** One shape for everything that is done to one name or many. */
import type { Context } from '../context.ts';
import { errorDocument, exitCodes, type CredsetupError } from '../errors.ts';
import { printError } from '../error-text.ts';
import { printWarnings } from '../warning-text.ts';
import type { Result } from '../stored/result.ts';
import type { Call } from './command.ts';

/** One name has its own code; several have SOME_FAILED when not all went well. */
export function exitCodeOf(results: readonly Result[], many = results.length > 1): number {
  const failed = results.filter((one) => one.status === 'failed');
  if (failed.length === 0) return 0;
  return many ? exitCodes.SOME_FAILED : failed[0]?.error?.exitCode ?? exitCodes.UNEXPECTED;
}

/** Prints the results, as one JSON document or a line each. Returns the exit code that it was given. */
export function reportResults(results: readonly Result[], { json }: Pick<Call, 'json'>, { output }: Context, exitCode: number): number {
  if (json) {
    const copied = (push: Result['push']): object => (push === undefined ? {} : { push: push.map(withError) });
    output.json({ results: results.map(({ known: _, push, ...rest }) => withError({ ...rest, ...copied(push) })) });
    return exitCode;
  }
  for (const { name, status, reason, error, credential, known = [], inN8n = [], push = [] } of results) {
    if (error !== undefined) {
      output.warn(`${name}:`);
      printError(error, output);
      continue;
    }
    const who = credential === undefined ? '' : `  ${credential.url}${credential.account.username === undefined ? '' : ` as ${credential.account.username}`}`;
    output.say(`${output.style.good('✔')} ${name}  ${status}${who}${reason === undefined ? '' : `: ${reason}`}`);
    for (const copy of inN8n.filter(({ message }) => reason?.startsWith(message) !== true)) output.say(`  in n8n at ${copy.url}: ${copy.status}  ${copy.message}`);
    for (const copy of push) output.say(`  copy in the n8n at ${copy.url}: ${copy.status}`);
    printWarnings(credential?.warnings ?? [], known, output);
  }
  return exitCode;
}

function withError({ error, ...rest }: { readonly error?: CredsetupError }): object {
  return { ...rest, ...(error === undefined ? {} : { error: errorDocument(error) }) };
}
