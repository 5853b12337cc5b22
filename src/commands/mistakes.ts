/** A mistyped command or option, and what was probably meant. */
import { variableName, type Field } from '../services/field.ts';
import { commands, optionsOf, setUps } from './catalog.ts';
import type { Mistake } from './command.ts';

/** So many letters wrong is still the same word. */
const mostWrong = 2;
/** Fewer letters begin too many words. */
const fewestOfPrefix = 3;

/** What to do instead of what was typed; `help` is where all is said. */
export function hintFor({ kind, word, command }: Mistake, help: string): string {
  const seeAlso = `See ${help}`;
  if (kind === 'command') return withGuess(nearest(word, commands.flatMap(({ name, aliases = [] }) => [name, ...aliases])), seeAlso);
  const spec = commands.find(({ name }) => name === command);
  if (spec === undefined) return seeAlso;
  const secret = spec.fields?.find((field) => field.secret && field.option === `${word}-file`);
  if (secret !== undefined) return secretHint(secret, spec.name, word);
  return withGuess(nearest(word, optionsOf(spec).map(({ flags }) => flags.split(' ')[0] ?? '')), seeAlso);
}

/** The parser's sentences, and ours for them. */
const sentences: readonly (readonly [theirs: RegExp, ours: (...found: string[]) => string])[] = [
  [/^unknown option '([^']*)'$/, (option) => `There is no option ${option}.`],
  [/^missing required argument '([^']*)'$/, (name) => `The ${name.toUpperCase()} is missing.`],
  [/^too many arguments for '([^']*)'\. Expected (\d+) arguments? but got (\d+)/, (command, most, given) => `credsetup ${command} takes ${most === '0' ? 'nothing behind it but options' : `at most ${most}`}, and ${given} ${given === '1' ? 'was' : 'were'} given.`],
  [/^option '([^ ']*)[^']*' argument missing$/, (option) => `${option} needs a value.`],
  [/^option '([^ ']*)[^']*' argument '([^]*)' is invalid\. ([^]*)$/, (option, value, why) => `${option} cannot be ${JSON.stringify(value)}. ${taken(why)}`],
  [/^command-argument value '([^]*)' is invalid for argument '([^']*)'\. ([^]*)$/, (value, name, why) => `The ${name.toUpperCase()} cannot be ${JSON.stringify(value)}. ${taken(why)}`],
];

function taken(why: string): string {
  return why.replace(/^Allowed choices are /, 'It takes ');
}

/** What is wrong with a command line, by what the parser said of it. */
export function inOurWords(message: string): string {
  for (const [theirs, ours] of sentences) {
    const found = theirs.exec(message);
    if (found !== null) return ours(...found.slice(1));
  }
  return message;
}

/** Whoever typed one has shown it already. */
function secretHint(field: Field, command: string, word: string): string {
  const variable = setUps.some(({ name }) => name === command) ? ` or the variable ${variableName(command, field)}` : '';
  const stdin = field.stdinOption === undefined ? '' : `, ${field.stdinOption}`;
  return `No option takes a secret: it would stand in the shell's history and in every list of processes. Give the ${field.label} by ${field.option} FILE${stdin}${variable}. If a real one stood behind ${word} just now, take it out of the history, or make a new one.`;
}

function withGuess(guesses: readonly string[], seeAlso: string): string {
  return guesses.length === 0 ? seeAlso : `Did you mean ${guesses.join(' or ')}? ${seeAlso}`;
}

/** What it begins, or else what it is nearly; at most three. */
function nearest(word: string, known: readonly string[]): readonly string[] {
  const bare = word.replace(/^-+/, '');
  const begun = bare.length < fewestOfPrefix ? [] : known.filter((one) => one.startsWith(word));
  if (begun.length > 0) return begun.slice(0, 3);
  const least = Math.min(...known.map((one) => distance(word, one)));
  return least > Math.min(mostWrong, Math.ceil(bare.length / 3)) ? [] : known.filter((one) => distance(word, one) === least).slice(0, 3);
}

/** Letters to add, drop, change or swap with the next one (Damerau and Levenshtein, each place once). */
function distance(one: string, other: string): number {
  const rows = Array.from({ length: one.length + 1 }, (_, row) => Array.from({ length: other.length + 1 }, (__, column) => Math.max(row, column)));
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= one.length; row += 1) {
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1];
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const least = Math.min(
        at(row - 1, column) + 1, at(row, column - 1) + 1, at(row - 1, column - 1) + (same ? 0 : 1), swapped ? at(row - 2, column - 2) + 1 : Infinity,
      );
      const line = rows[row];
      if (line !== undefined) line[column] = least;
    }
  }
  return at(one.length, other.length);
}
