/** Where the encrypted file's key comes from: variables first, then a question. */
import type { Context } from './context.ts';
import { CredsetupError, isCredsetupError } from './errors.ts';

const mostBytes = 64 * 1024;

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
    if (given !== undefined) return given;
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

async function askTwice(context: Context): Promise<string> {
  for (;;) {
    const first = await ask('New passphrase', 'It encrypts the file. Nobody can recover it: keep it in a password manager.', context);
    const second = await ask('The same passphrase again', '', context);
    if (first === second) return first;
    context.output.warn('  The two differ. Once more:');
  }
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
