/** What needs a word of confirmation: asked on a terminal, an option in a script. */
import type { Context } from '../context.ts';
import { CredsetupError } from '../errors.ts';

/** Throws CANCELLED when the word was not typed, INPUT_MISSING in a script (naming the option). */
export async function confirm(context: Context, question: { readonly message: string; readonly word: string; readonly otherwise: string }): Promise<void> {
  if (!context.interactive) {
    throw new CredsetupError('INPUT_MISSING', 'This needs a confirmation, and there is nobody to ask.', {
      missing: [{ field: 'confirmation', option: question.otherwise, variable: '' }], hint: `Add ${question.otherwise} to confirm.`,
    });
  }
  const terminal = await context.terminal();
  if (!await terminal.typeWord(question)) throw new CredsetupError('CANCELLED', 'Not confirmed; nothing was changed.', { hint: `Type the word to confirm, or add ${question.otherwise}.` });
}
