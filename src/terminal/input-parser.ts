/**
 * Turns what a terminal sends into events. Pure but for one timer: Esc alone and the beginning
 * of an arrow key are the same byte, and only what follows, or does not, tells them apart.
 */
import { lengthOf } from './paste.ts';

export type KeyName =
  | 'enter' | 'escape' | 'backspace' | 'delete' | 'tab' | 'up' | 'down' | 'left' | 'right'
  | 'home' | 'end' | 'erase-line' | 'erase-word' | 'erase-rest';

export type InputEvent =
  | { readonly kind: 'key'; readonly name: KeyName }
  /** Printable characters that arrived together: mostly one. */
  | { readonly kind: 'text'; readonly text: string }
  /** A paste as one value. `text` is cut at the limit, `length` counts all characters. */
  | { readonly kind: 'paste'; readonly text: string; readonly length: number }
  /** A paste has begun; it follows whole. */
  | { readonly kind: 'paste-begins' }
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'end' };

const pasteBegins = '\u001b[200~';
const pasteEnds = '\u001b[201~';

/** How long an Esc waits for the rest of a sequence, and an unfinished sequence for its own. */
const escapeWaits = 50;
const sequenceWaits = 500;

/** More than any value is; the rest of a longer paste is counted and thrown away. */
const keptOfPaste = 256 * 1024;

// CSI, SS3 and the Linux console's function keys; then the strings by which a terminal answers.
const sequence = /^\u001b(?:\[\[[A-E]|\[[0-?]*[ -/]*[@-~]|O[ -~])/;
const answer = /^\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)/;
const unfinished = /^\u001b(?:\[\[?|\[[0-?]*[ -/]*|O|[\]PX^_][^\u0007\u001b]*\u001b?)?$/;
const printable = /^[^\u0000-\u001f\u007f-\u009f]+/;
// Printable, a line end and printable again in one piece: nobody types that fast. It is a paste
// in a terminal that does not bracket them.
const linesAtOnce = /[^\u0000-\u001f\u007f-\u009f][\r\n]+[^\u0000-\u001f\u007f-\u009f]/;

const sequences: Readonly<Record<string, KeyName>> = {
  '[A': 'up', '[B': 'down', '[C': 'right', '[D': 'left', 'OA': 'up', 'OB': 'down', 'OC': 'right', 'OD': 'left',
  '[H': 'home', '[F': 'end', 'OH': 'home', 'OF': 'end', '[1~': 'home', '[4~': 'end', '[7~': 'home', '[8~': 'end',
  '[3~': 'delete', 'OM': 'enter',
};

const controls: Readonly<Record<string, KeyName>> = {
  '\r': 'enter', '\n': 'enter', '\b': 'backspace', '\u007f': 'backspace', '\t': 'tab',
  '\u0001': 'home', '\u0005': 'end', '\u000b': 'erase-rest', '\u0015': 'erase-line', '\u0017': 'erase-word',
};

export class InputParser {
  readonly #emit: (event: InputEvent) => void;
  #pending = '';
  #paste: { text: string; length: number } | undefined;
  #afterReturn = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(emit: (event: InputEvent) => void) {
    this.#emit = emit;
  }

  /** Takes the next piece, however the input was cut. */
  push(piece: string): void {
    clearTimeout(this.#timer);
    // A paste whose end never comes must not take Ctrl-C away; terminals keep it out of pastes.
    if (this.#paste !== undefined && piece === '\u0003') {
      this.#paste = undefined;
      this.#pending = '';
    }
    if (this.#paste === undefined && this.#pending === '' && !piece.includes('\u001b') && linesAtOnce.test(piece)) {
      this.#emit({ kind: 'paste-begins' });
      this.#emit({ kind: 'paste', text: piece.slice(0, keptOfPaste), length: lengthOf(piece) });
      return;
    }
    this.#pending += piece;
    while (this.#pending !== '' && this.#step());
  }

  /** Forgets an unfinished sequence. A paste goes on: its rest must not be taken for keys. */
  forget(): void {
    clearTimeout(this.#timer);
    if (this.#paste === undefined) this.#pending = '';
  }

  /** Takes one event off what is pending. False when more is needed. */
  #step(): boolean {
    if (this.#paste !== undefined) return this.#stepInPaste(this.#paste);
    if (this.#pending.startsWith(pasteBegins)) {
      this.#take(pasteBegins.length);
      this.#paste = { text: '', length: 0 };
      this.#emit({ kind: 'paste-begins' });
      return true;
    }
    if (this.#pending.startsWith('\u001b')) return this.#stepAtEscape();
    const text = printable.exec(this.#pending)?.[0];
    if (text === undefined) {
      this.#control(this.#take(1));
    } else {
      this.#afterReturn = false;
      this.#take(text.length);
      this.#emit({ kind: 'text', text });
    }
    return true;
  }

  #stepInPaste(paste: { text: string; length: number }): boolean {
    const end = this.#pending.indexOf(pasteEnds);
    const text = this.#take(end === -1 ? this.#pending.length - heldBack(this.#pending) : end);
    paste.length += lengthOf(text);
    paste.text += text.slice(0, Math.max(0, keptOfPaste - paste.text.length));
    if (end === -1) return false;
    this.#take(pasteEnds.length);
    this.#paste = undefined;
    this.#emit({ kind: 'paste', ...paste });
    return true;
  }

  #stepAtEscape(): boolean {
    const whole = (sequence.exec(this.#pending) ?? answer.exec(this.#pending))?.[0];
    if (whole !== undefined) {
      this.#take(whole.length);
      const name = sequences[whole.slice(1)];
      if (name !== undefined) this.#emit({ kind: 'key', name });
      return true;
    }
    if (unfinished.test(this.#pending)) {
      this.#timer = setTimeout(() => this.#giveUp(), this.#pending === '\u001b' ? escapeWaits : sequenceWaits);
      return false;
    }
    // Esc twice is Esc and whatever the second begins; Esc and a character is Alt with it.
    if (this.#pending.startsWith('\u001b\u001b')) {
      this.#take(1);
      this.#emit({ kind: 'key', name: 'escape' });
    } else {
      this.#take(1 + (Array.from(this.#pending.slice(1, 3))[0]?.length ?? 0));
    }
    return true;
  }

  /** Nothing followed: it was Esc itself, or a sequence that will not be finished. */
  #giveUp(): void {
    const escape = this.#pending === '\u001b';
    this.#pending = '';
    if (escape) this.#emit({ kind: 'key', name: 'escape' });
  }

  #control(character: string): void {
    const second = character === '\n' && this.#afterReturn;
    this.#afterReturn = character === '\r';
    if (second) return;
    const name = controls[character];
    if (character === '\u0003') this.#emit({ kind: 'interrupt' });
    else if (character === '\u0004') this.#emit({ kind: 'end' });
    else if (name !== undefined) this.#emit({ kind: 'key', name });
    // Everything else is dropped: Ctrl-Z would stop the program and leave the terminal raw.
  }

  #take(count: number): string {
    const taken = this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    return taken;
  }
}

/** How many characters at the end may be the beginning of the paste's end. */
function heldBack(text: string): number {
  for (let count = Math.min(pasteEnds.length - 1, text.length); count > 0; count -= 1) {
    if (text.endsWith(pasteEnds.slice(0, count))) return count;
  }
  return 0;
}
