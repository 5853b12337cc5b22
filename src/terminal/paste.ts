/**
 * A pasted value, made fit for use or refused with the reason.
 *
 * Values are copied from web pages and mails, and bring line ends, no-break spaces and
 * zero-width characters along. Around the value they are taken off. Inside, nobody can tell
 * what the value was meant to be: a token cut at a line end would be refused by the service
 * with a wrong reason, a no-break space even passes as a header (measured with undici).
 */

import { withoutUnseen } from '../given-value.ts';

export type Cleaned = { readonly value: string } | { readonly refusal: string };

const lineEnd = /[\n\r\v\f\u0085\u2028\u2029]/;
const invisible = /[\p{Cf}\p{Cs}\p{DI}]/u;
const notPlain = /[^\P{Zs} ]|[\p{Cc}\p{Zl}\p{Zp}\p{Cf}\p{Cs}\p{DI}\ufffd]/u;

/** The number of characters as a person counts them: code points, not UTF-16 units. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const character of text) length += character.length > 0 ? 1 : 0;
  return length;
}

/** A text of several lines as one value: each line end or tab becomes a space. */
export function joined(text: string): string {
  return text.replace(/[\n\r\v\f\u0085\u2028\u2029\t]+/g, ' ');
}

/** A number of characters in words: "1 character", "26 characters". */
export function characters(count: number): string {
  return `${count.toLocaleString('en')} character${count === 1 ? '' : 's'}`;
}

/** Whether typed text has something in it that only a paste brings. */
export function isPlain(text: string): boolean {
  return !notPlain.test(text);
}

/** Takes off what is no part of the value, what is not seen around it at least; says what is wrong inside it, never what it is. */
export function clean(text: string, bare: (text: string) => string = withoutUnseen): Cleaned {
  const value = bare(text);
  const wrong = notPlain.exec(value);
  if (wrong === null) return { value };
  const position = characters(lengthOf(value.slice(0, wrong.index)));
  return { refusal: `${nameOf(wrong[0])} after ${position}` };
}

function nameOf(character: string): string {
  if (lineEnd.test(character)) return 'a line end';
  if (character === '\t') return 'a tab';
  if (/\p{Zs}/u.test(character)) return 'a no-break or other unusual space';
  if (character === '\ufffd') return 'an unreadable character';
  return invisible.test(character) ? 'an invisible character' : 'a control character';
}
