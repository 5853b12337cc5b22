/**
 * What people add around a value, and how a text came to be bytes: one home for every source, be
 * it an option, a variable, a file, standard input, a question or a paste.
 *
 * Values are copied from web pages, mails, `.env` files and shells, and bring line ends, invisible
 * characters, quotes, labels and brackets along. Around the value they are taken off. Inside,
 * nobody can tell what the value was meant to be.
 */

const unseen = '[\\s\\p{Z}\\p{Cc}\\p{Cf}\\p{DI}\\u2800]';
// Looking back keeps it linear: otherwise a run inside is tried again from each of its characters.
const aroundAll = new RegExp(`^${unseen}+|(?<!${unseen})${unseen}+$`, 'gu');
// A password may begin or end with a space; only what cannot be typed is no part of it.
const untyped = '[\\r\\n\\t\\p{Cf}]';
const aroundPassword = new RegExp(`^${untyped}+|(?<!${untyped})${untyped}+$`, 'gu');

/** What is known of a value before it is seen; a service's field is one. */
export interface Expected {
  /** What the service calls the value, which is copied along from its page. */
  readonly label: string;
  readonly secret: boolean;
  readonly spaces: 'allowed' | 'never';
  readonly around?: 'at-sign' | 'groups' | 'kept';
}

/** Without what is not seen around it. */
export function withoutUnseen(text: string): string {
  return text.replace(aroundAll, '');
}

/** Opening marks and the closing ones that belong to them: straight, typographic, of mails and Markdown. */
const pairs = new Map([
  ['"', '"'], ['\'', '\''], ['`', '`'], ['“', '”'], ['„', '“'], ['‘', '’'], ['‚', '‘'], ['«', '»'], ['‹', '›'], ['<', '>'], ['(', ')'],
]);
/** `export NAME=`, as in a shell's or a `.env` file's line. */
const assignment = /^(?:export[ \t]+)?[A-Z][A-Z0-9_]{2,63}=/;
const scheme = /^(?:authorization:[ \t]*)?bearer[ \t]+/i;
/** Quotes in a bracket behind a label: no deeper than this. */
const deepest = 5;

/**
 * The value without quotes, brackets and names around it. `label`: what the service calls the
 * value, which is copied along from its page.
 */
export function unwrapped(text: string, label = ''): string {
  let value = withoutUnseen(text);
  for (let depth = 0; depth < deepest; depth += 1) {
    const inner = withoutUnseen(withoutLabel(withoutPair(value), label).replace(assignment, ''));
    if (inner === value || inner === '') break;
    value = inner;
  }
  return value;
}

/** A pair of marks around everything; an apostrophe inside is none. */
function withoutPair(value: string): string {
  const closing = pairs.get(value.charAt(0));
  return closing !== undefined && value.length > 2 && value.endsWith(closing) ? value.slice(1, -1) : value;
}

function withoutLabel(value: string, label: string): string {
  if (label === '' || value.slice(0, label.length).toLowerCase() !== label.toLowerCase()) return value;
  const behind = value.slice(label.length);
  return /^[ \t]*[:=]/.test(behind) ? behind.replace(/^[ \t]*[:=]/, '') : value;
}

/** The field's value as it is used: without what people add around such a value. */
export function cleanedValue(field: Expected, text: string): string {
  // Quotes may be a password's own, and a sentence's.
  if (field.spaces === 'allowed' && field.secret) return text.replace(aroundPassword, '');
  if (field.around === 'kept') return withoutUnseen(text);
  const value = unwrapped(text, field.label);
  const bare = field.secret ? unwrapped(value.replace(scheme, ''), field.label) : value;
  if (field.around === 'at-sign') return bare.replace(/^mailto:/i, '').replace(/^@+/, '');
  return field.around === 'groups' ? bare.replace(/[\s-]+/g, '') : bare;
}

/** What a password has at its edges that may be its own or may not; it is used as it is. */
export function oddEdges(field: Expected, value: string): string | undefined {
  if (!field.secret || field.spaces !== 'allowed') return undefined;
  if (withoutUnseen(value) !== value) return `The ${field.label} begins or ends with a space, which is taken as a part of it.`;
  return withoutPair(value) === value ? undefined : `The ${field.label} stands in quotes or brackets, which are taken as a part of it.`;
}

/**
 * A file's or standard input's bytes as text: UTF-8, or UTF-16 as PowerShell's `>` writes it, by
 * its mark or by its zeros. What is neither has U+FFFD in it.
 */
export function decodedText(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}

function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  if (bytes.length < 4 || bytes.length % 2 !== 0) return 'utf-8';
  // ASCII in 16 bits: every second byte is zero, and no text in UTF-8 is so.
  const zeros = (at: number): boolean => bytes.every((byte, index) => index % 2 !== at || byte === 0);
  if (zeros(1) && !zeros(0)) return 'utf-16le';
  return zeros(0) && !zeros(1) ? 'utf-16be' : 'utf-8';
}
