/**
 * `export --format dotenv`: what the npm package `dotenv` and python-dotenv read back to the last
 * character, without quotes where none are needed (`docker run --env-file` would take them for a
 * part of the value).
 *
 * The two read quotes differently: npm's knows no escapes but \n and \r between double ones,
 * python's knows a backslash before itself and a quote in both kinds, and puts variables in for
 * ${...} anywhere. Where no form serves both, the line is npm's, and says so.
 */
import { CredsetupError } from '../errors.ts';
import { secretsNotice, type Exporter } from './export.ts';
import { variablesOf } from './variables.ts';

export const toDotenv: Exporter = (items, { prefix }) => [
  `# ${secretsNotice}`,
  ...items.flatMap((item) => {
    const { name } = item.full.credential;
    return [`# ${name}`, ...variablesOf(item, prefix).flatMap(([variable, value]) => written(value, variable, name))];
  }),
].join('\n') + '\n';

/** A way to write a value, and the values that come back from it unchanged. */
interface Form {
  readonly fits: (value: string) => boolean;
  readonly write: (value: string) => string;
}

const lineEnd = /[\r\n]/;
const endsInBackslash = (value: string): boolean => value.endsWith('\\');

/**
 * A backslash before the closing quote is read as an escaped quote when a later line happens to
 * hold a quote before a # or the line's end. A quote in a comment before that stops the search.
 */
function between(quote: string, inner: string): string {
  return `${quote}${inner}${quote}${endsInBackslash(inner) ? `\n# ${quote} ends the value above` : ''}`;
}

const plainText: Form = {
  // Without quotes a # begins a comment, and spaces around the value are cut.
  fits: (value) => value !== '' && value.trim() === value && !/[#\r\n\u2028\u2029]|^['"`]/.test(value),
  write: (value) => value,
};
const single: Form = { fits: (value) => !/['\r\n]/.test(value), write: (value) => between('\'', value) };
const backtick: Form = { fits: (value) => !/[`\r\n]/.test(value), write: (value) => between('`', value) };
const double: Form = {
  fits: (value) => !/"|\\[nr]/.test(value),
  write: (value) => between('"', value.replaceAll('\r', String.raw`\r`).replaceAll('\n', String.raw`\n`)),
};
/** No reader that expands $ or backslashes between double quotes finds any. */
const calmDouble: Form = { fits: (value) => !/["\\$`\r\n]/.test(value), write: double.write };

const forms: readonly Form[] = [
  { fits: (value) => single.fits(value) && !endsInBackslash(value), write: single.write },
  calmDouble,
  { fits: (value) => endsInBackslash(value) && plainText.fits(value) && !/[\s'"$`]/.test(value), write: plainText.write },
  single, backtick, double, plainText,
];

/** Both readers take it as it is, and so does everybody else. */
const calm: Form = { fits: (value) => /^[^\s'"`\\$#\p{C}\p{Z}]+$/u.test(value), write: plainText.write };
// A pattern's \s has less than Python's, which strips these too.
const strippedByPython = /^[\s\u001c-\u001f\u0085]|[\s\u001c-\u001f\u0085]$/;
const bothForms: readonly Form[] = [
  calm,
  { fits: (value) => single.fits(value) && !/\\\\|\\$/.test(value), write: single.write },
  { fits: (value) => !/["\\]/.test(value), write: double.write },
  { fits: (value) => plainText.fits(value) && !strippedByPython.test(value), write: plainText.write },
];
const npmAlone = '# Only the dotenv of npm reads the next line as it is meant, python-dotenv does not';

/** The line of a variable, behind a comment where one reader alone takes it right. */
function written(value: string, variable: string, name: string): readonly string[] {
  const both = value.includes('${') ? undefined : bothForms.find(({ fits }) => fits(value));
  if (both !== undefined) return [`${variable}=${both.write(value)}`];
  const form = forms.find(({ fits }) => fits(value));
  if (form !== undefined) return [npmAlone, `${variable}=${form.write(value)}`];
  const what = lineEnd.test(value) ? 'a line end beside a double quote or a backslash' : 'all three kinds of quotes together with a # or a space at its end';
  throw new CredsetupError('UNSUPPORTED', `${variable} of ${name} holds ${what}, which a dotenv file cannot carry; nothing was written.`, {
    name, hint: 'Use --format shell or --format json, which carry every character.',
  });
}
