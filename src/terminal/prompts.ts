/**
 * One question at a time, asked by inquirer on standard error, with keys from the input owner.
 */
import select from '@inquirer/select';
import { PassThrough } from 'node:stream';
import { CredsetupError } from '../errors.ts';
import type { InputOwner, OpenEvent } from './input-owner.ts';
import type { KeyName } from './input-parser.ts';
import { characters, clean, isPlain, joined, lengthOf } from './paste.ts';
import { secretView, textView, type PromptKey, type ViewConfig } from './views.ts';
import type { Sink } from './output.ts';
import { wrap } from './wrap.ts';

/** How a question takes what is typed. */
export type Kind = 'text' | 'secret' | 'choice';

export interface Asked {
  readonly kind: Kind;
  /** Harmless text. */
  readonly message: string;
  readonly maxLength: number;
  /** A paste of several lines is taken as one, joined by spaces. */
  readonly joinLines?: boolean;
  /** Takes off what people add around the value. */
  readonly bare?: ((text: string) => string) | undefined;
  /** Why a paste is not taken here. */
  readonly pasteRefused?: string;
}

/** What the questions need of the terminal. */
export interface Stage {
  readonly owner: InputOwner;
  readonly stderr: NodeJS.WritableStream & { readonly columns?: number };
  /** The run's signal: when it ends, an open question ends with its reason. */
  readonly signal: AbortSignal;
  readonly output: Sink;
}

/** For how many milliseconds nothing may come before a question opens; nobody notices these. */
export const quietBefore = { question: 20, confirmation: 150 } as const;

/** As many lines as a question has at most, one with a list and one without. */
const emptyLines = { choice: 14, line: 3 } as const;

type Ending = { readonly kind: 'back' } | { readonly kind: 'failed'; readonly error: unknown };

/** The error for a question that nobody can answer any more. */
export function inputEnded(message: string): CredsetupError {
  return new CredsetupError('INPUT_MISSING', `The input ended at the question "${message}". Nothing was saved.`, {
    hint: 'Run it again in a terminal, or give the value by its option or variable (see --help) and add --no-input.',
  });
}

/** The signal's reason, for throwing. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new CredsetupError('CANCELLED', 'Cancelled. Nothing was saved.');
}

/**
 * Opens a question and gives its answer, or undefined for Esc. Rejects with the run's reason
 * when it was ended, and with INPUT_MISSING at the end of input.
 */
export async function ask<T>(stage: Stage, asked: Asked, run: (prompt: PromptRun) => Promise<T>): Promise<T | undefined> {
  const { owner, signal } = stage;
  await owner.drain(asked.pasteRefused === undefined ? quietBefore.question : quietBefore.confirmation);
  if (signal.aborted) throw reasonOf(signal);
  const prompt = new PromptRun(stage, asked);
  const ended = (): void => prompt.end({ kind: 'failed', error: reasonOf(signal) });
  signal.addEventListener('abort', ended, { once: true });
  try {
    return await run(prompt);
  } catch (error) {
    if (prompt.ending === undefined) throw error;
    if (prompt.ending.kind === 'failed') throw prompt.ending.error;
    return undefined;
  } finally {
    signal.removeEventListener('abort', ended);
    prompt.close();
  }
}

/** One open question: keys go in, an answer or an ending comes out. */
export class PromptRun {
  readonly #stage: Stage;
  readonly #asked: Asked;
  readonly #abort = new AbortController();
  // Keys are handed over as readline's own key events: a paste is one of them, and none waits in
  // a buffer for the next question. Without isTTY, the prompt is ready at once.
  readonly #input = new PassThrough();
  readonly close: () => void;
  ending: Ending | undefined;
  #clearAtEnd = false;
  #continued = 0;

  constructor(stage: Stage, asked: Asked) {
    this.#stage = stage;
    this.#asked = asked;
    this.close = stage.owner.open((event) => this.#receive(event));
  }

  /** Ends the question without an answer. */
  end(ending: Ending): void {
    if (this.ending !== undefined) return;
    this.close();
    this.ending = ending;
    // Going back takes the question off the screen; what ended the run leaves it to be read.
    this.#clearAtEnd = ending.kind === 'back';
    this.#abort.abort();
  }

  async text(config: Omit<ViewConfig, 'message' | 'maxLength' | 'answered' | 'paint' | 'columns'>): Promise<string> {
    const view = this.#asked.kind === 'secret' ? secretView : textView;
    const { message, maxLength } = this.#asked;
    const answered = this.close;
    return this.#run((context) => view({ ...config, message, maxLength, answered, paint: this.#stage.output.paint, columns: () => this.#columns() }, context));
  }

  async choice(choices: readonly { readonly name: string; readonly short: string }[], initial: number): Promise<number> {
    const { paint } = this.#stage.output;
    return this.#run((context) => select({
      message: this.#asked.message,
      choices: choices.map((choice, value) => ({ ...choice, value })),
      default: initial,
      pageSize: 12,
      theme: {
        prefix: { idle: paint.accent('?'), done: paint.good('✔') },
        icon: { cursor: '❯' },
        style: {
          // One argument each: inquirer passes the state too, and a paint would print it.
          message: (text: string) => paint.bold(text), answer: (text: string) => paint.accent(text),
          highlight: (text: string) => paint.accent(text), error: (text: string) => paint.bad(wrap(`> ${text}`, this.#columns())),
          keysHelpTip: () => paint.dim(wrap('Up and Down: choose · Enter: take it · Esc: back', this.#columns())),
        },
      },
    }, context));
  }

  #columns(): number {
    return this.#stage.stderr.columns ?? 80;
  }

  async #run<T>(prompt: (context: PromptContext) => Promise<T>): Promise<T> {
    const context = { input: this.#input, output: this.#stage.stderr, signal: this.#abort.signal, clearPromptOnDone: false };
    Object.defineProperty(context, 'clearPromptOnDone', { get: () => this.#clearAtEnd });
    return prompt(context);
  }

  #receive(event: OpenEvent): void {
    if (event.kind === 'end') this.end({ kind: 'failed', error: inputEnded(this.#asked.message) });
    else if (event.kind === 'redraw') this.#redraw();
    else if (event.kind === 'paste') this.#paste(event.text, event.length);
    else if (event.kind === 'text') this.#typed(event.text);
    else if (event.name === 'escape') this.end({ kind: 'back' });
    else this.#key(event.name);
  }

  /** Below what the shell wrote: the lines that the engine rubs out before it draws are empty ones. */
  #redraw(): void {
    this.#continued += 1;
    if (this.#asked.kind === 'choice') {
      this.#stage.stderr.write('\n'.repeat(emptyLines.choice));
      // The list draws when it changes.
      this.#send('', { name: 'down' });
      this.#send('', { name: 'up' });
    } else {
      this.#stage.stderr.write('\n'.repeat(emptyLines.line));
      this.#notice(`Stopped and continued${this.#continued > 1 ? ` (${this.#continued} times)` : ''}. What was typed before is still here.`);
    }
  }

  #key(name: KeyName): void {
    const key = readlineKeys[name];
    if (this.#asked.kind === 'text' && (name === 'up' || name === 'down')) return;
    // The list answers at Enter, and what follows in the same piece is not for it any more.
    if (this.#asked.kind === 'choice' && name === 'enter') this.close();
    this.#send('', key);
  }

  /** Several characters at once are a paste where the terminal does not say so. */
  #typed(text: string): void {
    if (this.#asked.kind === 'choice') {
      for (const character of text) this.#send(character, { name: character.toLowerCase() });
    } else if (isPlain(text)) {
      this.#insert(text);
    } else if (lengthOf(text) > 1) {
      this.#paste(text, lengthOf(text));
    } else if (/\p{Zs}/u.test(text)) {
      // Option-Space on a Mac types a no-break space.
      this.#insert(' ');
    }
  }

  #paste(text: string, length: number): void {
    const { kind, maxLength, pasteRefused, bare } = this.#asked;
    if (kind === 'choice') return;
    if (pasteRefused !== undefined) {
      this.#notice(pasteRefused);
      return;
    }
    const cleaned = clean(this.#asked.joinLines === true ? joined(text) : text, bare);
    const value = 'value' in cleaned ? cleaned.value : text;
    // What is cut off at the parser's limit is longer than any value.
    const counted = length - lengthOf(text) + lengthOf(value);
    if (counted > maxLength) this.#notice(`The paste has ${characters(counted)}: at most ${characters(maxLength)} are taken. Copy the value alone.`);
    else if ('refusal' in cleaned) this.#notice(`The paste has ${cleaned.refusal} and was not taken. Copy the value alone, in one piece.`);
    else if (cleaned.value === '') this.#notice('The paste was empty.');
    else this.#insert(cleaned.value);
  }

  #insert(text: string): void {
    if (this.#asked.kind === 'secret') this.#send('', { name: 'hidden', hidden: text });
    else this.#send(text, { name: text === ' ' ? 'space' : 'text' });
  }

  #notice(notice: string): void {
    this.#send('', { name: 'notice', notice });
  }

  #send(text: string, key: Partial<PromptKey>): void {
    this.#input.emit('keypress', text, { ctrl: false, meta: false, shift: false, sequence: text, ...key });
  }
}

interface PromptContext {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
  readonly clearPromptOnDone: boolean;
}

const readlineKeys: Readonly<Record<KeyName, Partial<PromptKey>>> = {
  'enter': { name: 'return' }, 'escape': { name: 'escape' }, 'backspace': { name: 'backspace' },
  'delete': { name: 'delete' }, 'tab': { name: 'tab' }, 'up': { name: 'up' }, 'down': { name: 'down' },
  'left': { name: 'left' }, 'right': { name: 'right' }, 'home': { name: 'home' }, 'end': { name: 'end' },
  'erase-line': { name: 'u', ctrl: true }, 'erase-word': { name: 'w', ctrl: true }, 'erase-rest': { name: 'k', ctrl: true },
};
