/** At the end of a set-up: into an n8n at once. */
import type { Context } from '../context.ts';
import { isCredsetupError } from '../errors.ts';
import { printError } from '../error-text.ts';
import { push } from './catalog.ts';
import { networkOptions, type Call } from './command.ts';
import { valuesOf } from './option.ts';
import type { HttpOptions } from '../context.ts';

/**
 * Into the stored n8n of that name, or one that is asked for. A failure is told, and what was saved stays.
 * The server's own address and certificates are not n8n's.
 */
export async function putIntoN8n(
  name: string, target: string, { json, yes, options }: Pick<Call, 'json' | 'yes'> & { readonly options: HttpOptions }, context: Context,
): Promise<void> {
  const { run } = await import('./push.ts');
  try {
    await run({
      args: [target, [name]], fields: {}, rest: [], json, yes, fromMenu: false, options: { ...valuesOf(push.options, {}), ...networkOptions(options) },
    }, context);
  } catch (error) {
    if (!isCredsetupError(error) || context.signal.aborted) throw error;
    printError(error, context.output);
    context.output.say(`  ${name} is saved here all the same. Try again with: credsetup push ${target === '' ? 'n8n' : target} ${name}`);
  }
}
