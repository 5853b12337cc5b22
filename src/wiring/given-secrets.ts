/** Secrets that the command line and the variables hold, wherever they stand: masked before anything is printed. */
import type { Redactor } from '../redaction.ts';
import { secretLookalike } from '../services/misplaced-secret.ts';
import { isGiven } from './parts.ts';
import { isThere } from './reading.ts';

/**
 * Whatever a variable holds that is a secret is masked from the first line on; so is what stands
 * where the name of a file belongs and names none, for it may be the secret itself. The process
 * keeps neither in its own environment: a report of Node's (`--report-on-signal`) writes that to a file.
 */
export function takeSecretVariables(env: Readonly<Record<string, string | undefined>>, redactor: Redactor): void {
  const take = (name: string, value: string): void => {
    redactor.protect(value);
    Reflect.deleteProperty(process.env, name);
  };
  for (const [name, value] of Object.entries(env)) {
    if (/^CREDSETUP_.*(PASSWORD|TOKEN|SECRET|PASSPHRASE|IDENTITY|API_KEY|MFA_CODE|SECRET_ID)$|^(BAO|VAULT)_TOKEN$/.test(name) && isGiven(value)) take(name, value);
    if (/^CREDSETUP_.*_FILE$/.test(name) && isGiven(value) && !isThere(value)) take(name, value);
    if (/^CREDSETUP_(?!.*_(CLIENT|ROLE)_ID$)|^(BAO|VAULT)_/.test(name) && isGiven(value) && secretLookalike(value) !== undefined) take(name, value);
  }
}

/** A secret that was given as a word of the command line, whatever becomes of it. Ids that are public look like one. */
export function protectWords(words: readonly string[], redactor: Redactor): void {
  const end = words.indexOf('--');
  for (const [at, word] of (end < 0 ? words : words.slice(0, end)).entries()) {
    const value = word.replace(/^--[a-z-]+=/, '');
    if (!/^--(token|client)-id(=|$)/.test(value === word ? words[at - 1] ?? '' : word) && secretLookalike(value) !== undefined) redactor.protect(value);
  }
}
