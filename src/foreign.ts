/**
 * Somebody else's words within ours. A server's text is searched for every secret and for pieces of
 * one; our own words and what the person typed in the open are not: blanked out, `credsetup ***`
 * would tell the password of who chose the name of the service. So a text that holds both says
 * which part is whose, by marks that only the sink sees.
 */

// Of the private use area, as the marks of colours are; no text of ours has them.
const begin = '\ue200';
const end = '\ue201';
const marks = /[\ue200\ue201]/g;
const marked = /\ue200([^\ue200\ue201]*)\ue201?/g;

/** The words of a server (or of whoever else is not trusted), for use within a text of ours. */
export function foreign(text: string): string {
  return `${begin}${text.replace(marks, '')}${end}`;
}

/** The text with its parts changed by whose they are; the marks stay. */
export function eachPart(text: string, change: { readonly own: (text: string) => string; readonly foreign: (text: string) => string }): string {
  let result = '';
  let position = 0;
  for (const match of text.matchAll(marked)) {
    result += change.own(text.slice(position, match.index)) + begin + change.foreign(match[1] ?? '') + end;
    position = match.index + match[0].length;
  }
  return result + change.own(text.slice(position));
}

/** The text without the marks. */
export function withoutMarks(text: string): string {
  return text.replace(marks, '');
}
