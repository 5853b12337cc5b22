/**
 * Makes text harmless for a terminal, a log and a CI runner, wherever it comes from.
 */

/**
 * Control sequences whole, so that `ESC [31m` does not leave `[31m`: CSI, then the strings
 * (OSC, DCS, SOS, PM, APC) up to their end or, unended, to the line's, then the short ones
 * (ECMA-48 §5.3-5.6). Also with their 8-bit introducers U+009B and so on.
 */
const sequences = new RegExp([
  String.raw`(?:\u001b\[|\u009b)[\u0030-\u003f]*[\u0020-\u002f]*[\u0040-\u007e]?`,
  String.raw`(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c\n]*(?:\u0007|\u001b\\|\u009c)?`,
  String.raw`\u001b[\u0020-\u002f]*[\u0030-\u007e]?`,
].join('|'), 'gu');

/**
 * What a reader cannot see or what changes how the rest is read: controls (C0, DEL, C1),
 * formatting (bidi, zero-width, soft hyphen, tags), line and paragraph separators, lone
 * surrogates, and whatever else Unicode calls ignorable by default (fillers, selectors).
 */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{DI}]/gu;

/**
 * Text for people: line ends stay, tabs and other separators become spaces, everything that is
 * not seen goes, and no line is a command to a CI runner. Applying it twice changes nothing.
 */
export function escapeText(text: string): string {
  // Most texts are; and to compile the patterns takes as long as reading the index.
  return withoutRunnerCommands(printable.test(text) ? text : withoutUnseen(text));
}

const printable = /^[ -~\n]*$/;

function withoutUnseen(text: string): string {
  return text
    .replace(sequences, '')
    .replace(/\r\n/g, '\n')
    .replace(unseen, (character) => {
      if (character === '\n') return '\n';
      if (/[\t\r\u0085\u2028\u2029]/.test(character)) return ' ';
      return /\p{Cs}/u.test(character) ? '\ufffd' : '';
    });
}

/**
 * GitHub's runner trims a line and then looks for `::` at its beginning, and for `##[` anywhere
 * in it (actions/runner, ActionCommand.cs); Azure Pipelines looks for `##vso[` and TeamCity for
 * `##teamcity[`. So a space goes inside the mark: one before it would be trimmed away.
 */
export function withoutRunnerCommands(text: string): string {
  if (!text.includes('::') && !text.includes('##')) return text;
  return text.replace(/^([^\S\n]*):(?=:)/gmu, '$1: ').replace(/##(?=\w*\[)/g, '# #');
}

/** JSON of the same value in which nothing unseen is left raw: it stands as \uXXXX. */
export function escapeJson(document: unknown): string {
  // Undefined has no JSON; null keeps the promise of exactly one document.
  const json = (JSON.stringify(document, undefined, 2) as string | undefined) ?? 'null';
  return (printable.test(json) ? json : json.replace(unseen, (character) => (character === '\n' ? '\n' : unicodeEscapes(character))))
    .replace(/##(?=\w*\[)/g, String.raw`#\u0023`);
}

function unicodeEscapes(character: string): string {
  return Array.from({ length: character.length }, (_, index) => String.raw`\u` + character.charCodeAt(index).toString(16).padStart(4, '0')).join('');
}
