/**
 * Masks what is known to be secret in text that leaves the program.
 *
 * A server may give a secret back in another dress: in a JSON or HTML page, in a URL, inside
 * the base64 of `Authorization: Basic`. So where a text holds signs of an encoding, each secret
 * is a pattern in which every character may stand as it is or in any of those encodings, also
 * mixed; and three more for the three ways its bytes can lie in a longer base64 text.
 *
 * Masking is for what others say. Our own words, names and addresses are no secret when a secret
 * happens to be one of them.
 */
import { eachPart } from './foreign.ts';
import { SecretPieces, type Span } from './secret-pieces.ts';

/** What stands in a secret's place. Of one length, so that it says nothing about the secret's. */
export const mask = '***';

/**
 * Shorter secrets are not masked by their content: "is" or "1" would blank out ordinary words
 * and numbers everywhere, and the gaps would give the secret away to whoever reads two lines.
 */
const shortestMasked = 4;

/** A pattern grows with its secret, and the engine takes no more than some ten thousand characters of one. */
const pieceLength = 512;
/** What is longer than any service's value is refused before it is sent anywhere, and never repeated. */
const longestMasked = 8192;

/**
 * A word, or a short number or code: it stands in our own sentences, in names and in addresses too.
 * We never print a secret ourselves, so there a match is a coincidence that a mask would give away.
 */
const couldBeAWord = /^(?=.{1,15}$)\p{L}+(?:[ _.-]\p{L}+)*$|^[\p{L}\p{N}]{1,6}$/u;

export class Redactor {
  readonly #dresses = new Map<string, readonly Dress[]>();
  /** The same in one list. */
  readonly #all: Dress[] = [];
  readonly #words = new Set<Dress>();
  readonly #pieces = new SecretPieces();
  readonly #public = new Set<string>();
  /** Dresses by each whole group of {@link gram} characters of what they look for. */
  readonly #byGram = new Map<string, Set<Dress>>();
  /** How many of all are in {@link #byGram}: they are put there where there are many. */
  #indexed = 0;

  /** From now on `secret` is masked, with and without the spaces around it. */
  protect(secret: string): void {
    for (const form of new Set([secret, secret.trim()])) {
      if (Array.from(form).length < shortestMasked || this.#dresses.has(form)) continue;
      const dresses = piecesOf(form).flatMap(dressesOf);
      this.#dresses.set(form, dresses);
      this.#all.push(...dresses);
      if (couldBeAWord.test(form)) for (const dress of dresses) this.#words.add(dress);
      this.#pieces.add(form.slice(0, longestMasked));
    }
  }

  /** From now on this value is no secret, whatever else has the same characters: a name, an address, a username. */
  publish(value: string): void {
    if (value !== '') this.#public.add(value);
  }

  /** A text of somebody else with every protected secret, and every piece of a long one, replaced. */
  mask(text: string): string {
    return this.#masked(text, [...this.#mayStandIn(text).flatMap((dress) => dress.find(text)), ...this.#pieces.find(text)]);
  }

  /**
   * A text of ours: what is marked as foreign in it as `mask` does; in the rest every secret that
   * could be no word of ours. The marks stay.
   */
  maskOwn(text: string): string {
    return eachPart(text, {
      own: (part) => this.#masked(part, this.#mayStandIn(part).filter((dress) => !this.#words.has(dress)).flatMap((dress) => dress.find(part))),
      foreign: (part) => this.mask(part),
    });
  }

  /** Overlapping finds are replaced as one; those that lie in a public value are none. */
  #masked(text: string, found: readonly Span[]): string {
    if (found.length === 0) return text;
    const open = [...this.#public].flatMap((value) => occurrences(text, value));
    const spans = found.filter((span) => !open.some(({ start, end }) => start <= span.start && span.end <= end))
      .sort((a, b) => a.start - b.start || b.end - a.end);
    let masked = '';
    let position = 0;
    for (const { start, end } of joined(spans)) {
      masked += text.slice(position, start) + mask;
      position = end;
    }
    return masked + text.slice(position);
  }

  #index(dress: Dress): void {
    for (let at = 0; at + gram <= dress.level.length; at += gram) {
      const key = dress.level.slice(at, at + gram);
      this.#byGram.set(key, (this.#byGram.get(key) ?? new Set()).add(dress));
    }
  }

  /**
   * The dresses that the text can show at all: a run over many credentials has many secrets and
   * many texts, and nearly all have nothing in common. Every encoded character needs a `%`, a `\\`
   * or a `&`, so a text with k of these shows at least (n - 2k) / (k + 1) of n units in one row as
   * they are (one `&` may stand for two units); seven in a row hold a whole group of four.
   */
  #mayStandIn(text: string): readonly Dress[] {
    const all = this.#all;
    if (all.length <= few) return all;
    for (const dress of all.slice(this.#indexed)) this.#index(dress);
    this.#indexed = all.length;
    const seen = this.#seenIn(levelled(text));
    const encoded = text.match(/[%\\&]/g)?.length ?? 0;
    const hides = ({ level: { length } }: Dress): boolean => encoded > 0 && (length - 2 * encoded) / (encoded + 1) <= 2 * gram - 2;
    return encoded === 0 ? [...seen] : all.filter((dress) => seen.has(dress) || hides(dress));
  }

  #seenIn(level: string): ReadonlySet<Dress> {
    const seen = new Set<Dress>();
    for (let at = 0; at + gram <= level.length; at += 1) {
      for (const dress of this.#byGram.get(level.slice(at, at + gram)) ?? []) seen.add(dress);
    }
    return seen;
  }
}

const gram = 4;
/** So few are looked for one by one. */
const few = 32;

/** What may stand for each other without being encoded is one: `+` for a space, base64url for base64. */
function levelled(text: string): string {
  return text.replace(/[ -]/g, '+').replaceAll('_', '/');
}

/** Every place of a part in a text, also those that overlap. */
function occurrences(text: string, part: string): Span[] {
  const spans: Span[] = [];
  for (let start = text.indexOf(part); start >= 0; start = text.indexOf(part, start + 1)) spans.push({ start, end: start + part.length });
  return spans;
}

/** What a kind of text does to a secret's characters. */
interface Encoding {
  /** A text with none of these holds the secret as it is, or not at all. */
  readonly signs: RegExp;
  /** A text of this kind in one of its alphabets, place by place. */
  uniform(text: string): string;
  /** The pattern of a secret in all its forms. */
  source(secret: string): string;
}

/** One way in which a secret may stand in a text. */
class Dress {
  /** The secret, {@link levelled}. */
  readonly level: string;
  readonly #secret: string;
  readonly #encoding: Encoding;
  #pattern: RegExp | undefined;

  constructor(secret: string, encoding: Encoding) {
    this.#secret = secret;
    this.level = levelled(secret);
    this.#encoding = encoding;
  }

  /**
   * All finds, also those that begin inside another: what is left of the second would leak. A text
   * that encodes nothing is compared as it is: to compile the patterns was a tenth of a whole run.
   */
  find(text: string): Span[] {
    return this.#encoding.signs.test(text) ? this.#findEncoded(text) : this.#findPlain(this.#encoding.uniform(text));
  }

  #findPlain(text: string): Span[] {
    return occurrences(text, this.#secret);
  }

  #findEncoded(text: string): Span[] {
    const pattern = this.#pattern ??= new RegExp(this.#encoding.source(this.#secret), 'g');
    const spans: Span[] = [];
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      spans.push({ start: match.index, end: match.index + match[0].length });
      pattern.lastIndex = match.index + 1;
    }
    return spans;
  }
}

/** Spans in order of their start, those that overlap or touch as one. The longest wins by that. */
function joined(spans: readonly Span[]): Span[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of spans) {
    const last = result.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}

/** The secret, or what it is made of; a last piece too short to be masked goes with the one before. */
function piecesOf(secret: string): string[] {
  const characters = Array.from(secret.slice(0, longestMasked));
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += pieceLength) {
    const left = characters.length - at;
    if (at > 0 && left < shortestMasked) pieces.push((pieces.pop() ?? '') + characters.slice(at).join(''));
    else pieces.push(characters.slice(at, at + pieceLength).join(''));
  }
  return pieces;
}

const inWords: Encoding = {
  signs: /[\\%&]/,
  uniform: (text) => text,
  // A run of backslashes is one part: a repeated part in a repeated part would backtrack for ever.
  source: (secret) => (secret.match(/\\+|[^\\]/gu) ?? []).map(inText).join(''),
};
/** In a form a space is a plus. */
const inWordsWithSpaces: Encoding = { ...inWords, signs: /[\\%&+]/ };
const inBase64: Encoding = {
  signs: /[\\%]/,
  uniform: (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
  source: (core) => Array.from(core, base64Character).join(''),
};

function dressesOf(secret: string): Dress[] {
  return [
    new Dress(secret, secret.includes(' ') ? inWordsWithSpaces : inWords),
    ...base64Cores(secret).map((core) => new Dress(core, inBase64)),
  ];
}

const named: Readonly<Record<string, string>> = { '"': 'quot', '\'': 'apos', '&': 'amp', '<': 'lt', '>': 'gt', '\u00a0': 'nbsp' };
const shortEscapes: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f' };

/** A pattern for a character of a secret, or a run of backslashes: as it is, percent-encoded, JSON- or HTML-escaped. */
function inText(character: string): string {
  if (character.startsWith('\\')) return String.raw`(?:\\u005[cC]|\\|%5[cC]|&#0{0,4}92;|&#[xX]0{0,4}5[cC];){${character.length},${character.length * 8}}`;
  const code = (character.codePointAt(0) ?? 0).toString(16);
  const forms = [
    // Backslashes before a character: JSON escapes some, and JSON in JSON doubles them.
    String.raw`\\{0,8}` + quoted(character),
    Array.from(Buffer.from(character), (byte) => `%${anyCase(byte.toString(16).padStart(2, '0'))}`).join(''),
    units(character).map((unit) => String.raw`\\{1,8}u` + anyCase(unit)).join(''),
    `&#0{0,4}${character.codePointAt(0) ?? 0};`,
    `&#[xX]0{0,4}${anyCase(code)};`,
  ];
  if (character === ' ') forms.push(String.raw`\+`);
  const name = named[character];
  if (name !== undefined) forms.push(`&${name};`);
  const short = shortEscapes[character];
  if (short !== undefined) forms.push(String.raw`\\{1,8}` + short);
  return `(?:${forms.join('|')})`;
}

/** A character of base64 or base64url, as it is or percent-encoded; `/` also as JSON may escape it. */
function base64Character(character: string): string {
  if (character === '+') return '(?:[+-]|%2[bB])';
  if (character === '/') return String.raw`(?:\\{0,8}\/|_|%2[fF])`;
  return character;
}

/**
 * The characters that every base64 text with these bytes in it has in common, for each of the
 * three places in a group of three bytes where the secret can begin. A character that shares
 * its six bits with a neighbour of the secret is left out: it differs.
 */
function base64Cores(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
}

/** UTF-16 units as four hex digits: how JSON writes a character beyond U+FFFF. */
function units(character: string): string[] {
  return Array.from({ length: character.length }, (_, index) => character.charCodeAt(index).toString(16).padStart(4, '0'));
}

function anyCase(hex: string): string {
  return Array.from(hex, (digit) => (/[a-f]/.test(digit) ? `[${digit}${digit.toUpperCase()}]` : digit)).join('');
}

function quoted(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, String.raw`\$&`);
}
