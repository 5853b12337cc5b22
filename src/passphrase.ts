/** Where the encrypted file's key comes from: variables first, then a question. */
import { randomBytes } from 'node:crypto';
import type { Context } from './context.ts';
import { CredsetupError, isCredsetupError } from './errors.ts';

const mostBytes = 64 * 1024;

/** Whoever has the file can try passphrases as fast as the machine computes them; a shorter one is not long in the way. */
const enough = 12;

type Reader = Pick<Context, 'env' | 'readFile' | 'output'>;

/** The age identity that CREDSETUP_IDENTITY or CREDSETUP_IDENTITY_FILE gives. Throws USAGE for both, FILE_UNREADABLE. */
export function identityText(context: Reader): Promise<string | undefined> {
  return fromVariables('CREDSETUP_IDENTITY', context);
}

/** Whether variables say how the encrypted file is opened: then nobody is asked. */
export function opensByVariables(env: Reader['env']): boolean {
  return ['PASSPHRASE', 'PASSPHRASE_FILE', 'IDENTITY', 'IDENTITY_FILE'].some((name) => (env[`CREDSETUP_${name}`] ?? '') !== '');
}

/**
 * A function that gives the passphrase; a new one is asked for twice.
 * It throws INPUT_MISSING in a script, CANCELLED when the person goes back.
 */
export function createPassphrase(context: Context): (purpose: 'create' | 'open') => Promise<string> {
  return async (purpose) => {
    const given = await fromVariables('CREDSETUP_PASSPHRASE', context);
    if (given !== undefined) {
      if (purpose === 'create' && isShort(given)) context.output.warn(`! The passphrase that the variable gives has ${lengthOf(given)} characters. Whoever gets the file can try all such passphrases: take ${enough} or more, or an age identity (CREDSETUP_IDENTITY_FILE).`);
      return given;
    }
    if (!context.interactive) throw passphraseMissing();
    return purpose === 'create' ? askTwice(context) : ask('Passphrase of the encrypted file', 'The one that you chose when the file was made.', context);
  };
}

async function fromVariables(name: string, context: Reader): Promise<string | undefined> {
  const value = context.env[name] ?? '';
  const path = context.env[`${name}_FILE`] ?? '';
  if (value !== '' && path !== '') throw new CredsetupError('USAGE', `${name} and ${name}_FILE are both set.`, { hint: 'Keep one of them.' });
  if (path === '') return value === '' ? undefined : value;
  const text = (await context.readFile(path, mostBytes, `${name}_FILE`).catch((error: unknown) => {
    throw isCredsetupError(error) ? error.with({ hint: `${name}_FILE takes the name of a file: check the path and whether you may read it. The value itself belongs in ${name}.` }) : error;
  })).replace(/\r?\n$/, '');
  // An identity file has comments beside the line that is secret.
  for (const line of text.split(/\r?\n/).filter((one) => !one.startsWith('#'))) context.output.protect(line);
  return text;
}

function lengthOf(passphrase: string): number {
  return Array.from(passphrase).length;
}

function isShort(passphrase: string): boolean {
  return lengthOf(passphrase) < enough;
}

// 32 that nobody takes for each other: five bits each.
const characters = 'abcdefghijkmnpqrstuvwxyz23456789';

/** 125 random bits, in groups that can be read out. */
export function makePassphrase(): string {
  return Array.from(randomBytes(25), (byte, at) => `${at > 0 && at % 5 === 0 ? '-' : ''}${characters[byte % characters.length] ?? ''}`).join('');
}

async function askTwice(context: Context): Promise<string> {
  for (;;) {
    const typed = await ask('New passphrase', 'It encrypts the file. Nobody can recover it: keep it in a password manager.', context);
    const first = isShort(typed) ? await insteadOf(typed, context) : typed;
    if (first === undefined) continue;
    const second = await ask('The same passphrase again', '', context);
    if (first === second) return first;
    context.output.warn('  The two differ. Once more:');
  }
}

/** A short one is the person's to keep; undefined to type another. */
async function insteadOf(short: string, context: Context): Promise<string | undefined> {
  const terminal = await context.terminal();
  const answer = await terminal.choose<'make' | 'other' | 'keep'>({
    message: `That has ${lengthOf(short)} characters, and whoever gets the file can try all such passphrases. What now?`,
    choices: [
      { value: 'make', label: 'Let credsetup make one', note: 'it is shown once, for your password manager' },
      { value: 'other', label: `Type another, of ${enough} characters or more` },
      { value: 'keep', label: 'Use it all the same' },
    ],
  });
  if (answer.kind === 'back' || answer.value === 'other') return undefined;
  if (answer.value === 'keep') return short;
  const made = makePassphrase();
  context.output.protect(made);
  await terminal.showBriefly({ label: 'The new passphrase of the encrypted file', value: made });
  return made;
}

async function ask(message: string, help: string, context: Context): Promise<string> {
  const terminal = await context.terminal();
  const answer = await terminal.secret({ message, ...(help === '' ? {} : { help }), maxLength: 1024, check: (value) => (value === '' ? 'An empty passphrase protects nothing.' : undefined) });
  if (answer.kind === 'back') throw new CredsetupError('STORE_LOCKED', 'The encrypted file was not opened: no passphrase was given.', { hint: 'Give the passphrase, or choose another store.' });
  context.output.protect(answer.value);
  return answer.value;
}

function passphraseMissing(): CredsetupError {
  return new CredsetupError('INPUT_MISSING', 'The encrypted file needs its passphrase or an age identity.', {
    missing: [{ field: 'passphrase', option: '', variable: 'CREDSETUP_PASSPHRASE' }],
    hint: 'Set CREDSETUP_PASSPHRASE, CREDSETUP_PASSPHRASE_FILE, CREDSETUP_IDENTITY or CREDSETUP_IDENTITY_FILE.',
  });
}
