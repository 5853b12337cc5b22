/**
 * Where a value comes from when nobody is asked: option, the service's variable, the short
 * variable. One description of a field serves all of them and the list of what is missing.
 */
import type { Context, Output, TextQuestion } from './context.ts';
import { CredsetupError, isCredsetupError, type MissingInput } from './errors.ts';
import { cleanedValue, oddEdges } from './given-value.ts';
import { secretLookalike } from './services/misplaced-secret.ts';
import { shortVariableName, variableName, type Field } from './services/field.ts';
import type { Service } from './services/service.ts';

/** What the command line says about one field. */
export interface FieldOptions {
  /** The value itself; never for a secret. */
  readonly value?: string | undefined;
  readonly file?: string | undefined;
  readonly stdin?: boolean | undefined;
}

/** Whether one of its options is given. */
export function isOnCommandLine({ value, file, stdin }: FieldOptions = {}): boolean {
  return value !== undefined || file !== undefined || stdin === true;
}

export interface Given {
  readonly value: string;
  /** `--token-file` or `CREDSETUP_TOKEN`, for errors. */
  readonly source: string;
}

// Larger than any value, small enough to be read at once.
const mostBytes = 1024 * 1024;
const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** The field's value from options and variables; undefined when it is given nowhere. Throws USAGE, FILE_UNREADABLE, INPUT_INVALID. */
export async function givenValue(
  field: Field, service: Pick<Service, 'id'>, options: FieldOptions, context: Context,
  variables: readonly string[] = [variableName(service.id, field), shortVariableName(field)],
): Promise<Given | undefined> {
  if (options.file !== undefined && options.stdin === true) {
    throw new CredsetupError('USAGE', `${field.option} and ${field.stdinOption ?? ''} both give the ${field.label}.`, { hint: 'Keep one of them.' });
  }
  if (options.value !== undefined) return { value: options.value, source: field.option };
  if (options.stdin === true) {
    const source = field.stdinOption ?? field.option;
    return { value: oneLine(await context.readStdin(mostBytes), field, source), source };
  }
  if (options.file !== undefined) {
    return { value: oneLine(await readSecretFile(options.file, field, service, context), field, field.option), source: field.option };
  }
  for (const name of variables) {
    const value = context.env[name];
    if (value !== undefined && value !== '') return { value, source: name };
  }
  return undefined;
}

async function readSecretFile(path: string, field: Field, service: Pick<Service, 'id'>, context: Context): Promise<string> {
  const { option, label, stdinOption } = field;
  try {
    return await context.readFile(path, mostBytes, option);
  } catch (error) {
    const itself = [stdinOption, variableName(service.id, field)].filter((one) => one !== undefined).join(' or ');
    throw isCredsetupError(error) ? error.with({
      hint: `${option} takes the name of a file that holds the ${label}: check the path and whether you may read it. Was the ${label} itself given there? Then every process list showed it: make a new one, and give it by ${itself}.`,
    }) : error;
  }
}

/** One trailing line end is removed; more lines are an error, not a guess. */
function oneLine(text: string, field: Field, source: string): string {
  const value = text.replace(/\r?\n$/, '');
  if (/[\r\n]/.test(value)) {
    throw new CredsetupError('INPUT_INVALID', `What ${source} gives has more than one line; the ${field.label} is one.`, {
      field: field.key, hint: 'Give the value alone, with at most one line end behind it.',
    });
  }
  return value;
}

/** How the list of what is missing names a field. */
export function missingInput(field: Field, service: Pick<Service, 'id'>): MissingInput {
  return { field: field.key, option: field.option, variable: variableName(service.id, field) };
}

/** All that is missing, at once, each with its option and its variable. */
export function inputMissing(service: string, missing: readonly MissingInput[]): CredsetupError {
  const lines = missing.map(({ field, option, variable }) => `${field} (${[option, variable].filter((one) => one !== '').join(' or ')})`);
  return new CredsetupError('INPUT_MISSING', `Missing: ${lines.join(', ')}.`, {
    service, missing, hint: 'Give each by its option or its variable.',
  });
}

/** The value as it is used, without what people add around it. Throws INPUT_INVALID, never repeating a secret. */
export function checkedValue(field: Field, given: Given): string {
  const value = cleanedValue(field, given.value);
  const problem = valueProblem(field, value);
  if (problem === undefined) return value;
  throw new CredsetupError('INPUT_INVALID', `${given.source}: ${problem}`, { field: field.key, hint: `${field.label}: ${field.help}` });
}

/** A password is used as it is; what of it may be none of its own is said. */
export function sayOddEdges(field: Field, value: string, { warn, style }: Pick<Output, 'warn' | 'style'>): void {
  const odd = oddEdges(field, value);
  if (odd !== undefined) warn(`  ${style.caution('!')} ${odd}`);
}

/** As `checkedValue`, and it is what every such value is like: what is not would only count as refused. */
export function sendableValue(field: Field, given: Given): string {
  const value = checkedValue(field, given);
  const problem = shapeProblem(field, value);
  if (problem === undefined) return value;
  throw new CredsetupError('INPUT_INVALID', `${given.source}: ${problem} It was not sent.`, { field: field.key, hint: `${field.label}: ${field.help}` });
}

/** A sentence when a cleaned value cannot be this field's; undefined when it can. */
export function valueProblem(field: Field, value: string): string | undefined {
  if (value === '') return `The ${field.label} is empty.`;
  if (value.length > field.maxLength) return `The ${field.label} has ${value.length} characters; ${field.maxLength} are the most.`;
  if (value.includes('\ufffd')) return `The ${field.label} was not written in UTF-8: a character of it cannot be read.`;
  const control = value.search(controls);
  if (control >= 0) return `The ${field.label} has a line end or an invisible character inside, after ${control} characters.`;
  const space = value.search(/\s/);
  if (field.spaces === 'never' && space >= 0) return `The ${field.label} has a space inside, after ${space} characters.`;
  const secret = field.secret || field.random === true ? undefined : secretLookalike(value);
  return secret === undefined ? undefined : `This looks like a secret (${secret.what}), and the ${field.label} is shown to everybody.`;
}

function shapeProblem({ label, shape }: Field, value: string): string | undefined {
  if (shape === undefined || shape.pattern.test(value)) return undefined;
  const wrong = value.length === shape.length ? 'It has other characters' : `It has ${value.length} ${value.length === 1 ? 'character' : 'characters'}`;
  return `This is no ${label}. ${wrong}; ${shape.is}.`;
}

/** The question for a field: its answer is cleaned as every other source's value, and what cannot be one is not taken. */
export function questionFor(field: Field): TextQuestion {
  return {
    message: field.label, help: field.help, maxLength: field.maxLength,
    clean: (text) => cleanedValue(field, text),
    check: (value) => valueProblem(field, value) ?? shapeProblem(field, value),
  };
}
