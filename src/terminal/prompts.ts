/**
 * One question at a time, asked by inquirer on standard error, with keys from the input owner.
 */
import select from '@inquirer/select';
import { PassThrough } from 'node:stream';
import type { OpenEvent } from './input-owner.ts';
import type { KeyName } from './input-parser.ts';
import { framed, placeOver, reflowOf, roomFor, type Reflow } from './frame.ts';
import { characters, clean, isPlain, joined, lengthOf } from './paste.ts';
import { beforeQuestion, inputEnded, judgedPiece, moreWanted, reasonOf, type Asked, type Line, type Listed, type Questions, type Stage } from './question.ts';
import { secretView, textView, type PromptKey } from './views.ts';
import { inRows, wrap } from './wrap.ts';

/** `again`: a list is drawn anew, for another width or below what a shell wrote. */
type Ending = { readonly kind: 'back' | 'again' | 'more' } | { readonly kind: 'failed'; readonly error: unknown };

interface DrawnStage extends Stage {
  readonly reflow: Reflow;
}

/** Questions that are drawn, and drawn again when the terminal's width changes. */
export class DrawnQuestions implements Questions {
  readonly #stage: DrawnStage;

  constructor(stage: Stage, env: Readonly<Record<string, string | undefined>>) {
    this.#stage = { ...stage, reflow: reflowOf(env) };
  }

  async line(asked: Asked, line: Line): Promise<string | typeof moreWanted | undefined> {
    return ask(this.#stage, asked, (prompt) => prompt.text(line));
  }

  async choice(asked: Asked, choices: readonly Listed[], initial: number): Promise<number | undefined> {
    const index = await ask(this.#stage, asked, (prompt) => prompt.choice(choices, initial));
    return index === moreWanted ? undefined : index;
  }
}

/**
 * Opens a question and gives its answer, undefined for Esc, or that more is wanted. Rejects with the run's reason
 * when it was ended, and with INPUT_MISSING at the end of input.
 */
async function ask<T>(stage: DrawnStage, asked: Asked, run: (prompt: PromptRun) => Promise<T>): Promise<T | typeof moreWanted | undefined> {
  const { signal, stderr } = stage;
  await beforeQuestion(stage, asked);
  const prompt = new PromptRun(stage, asked);
  const ended = (): void => prompt.end({ kind: 'failed', error: reasonOf(signal) });
  const resized = (): void => prompt.resized();
  signal.addEventListener('abort', ended, { once: true });
  stderr.on('resize', resized);
  try {
    return await run(prompt);
  } catch (error) {
    if (prompt.ending === undefined) throw error;
    if (prompt.ending.kind === 'failed') throw prompt.ending.error;
    return prompt.ending.kind === 'more' ? moreWanted : undefined;
  } finally {
    signal.removeEventListener('abort', ended);
    stderr.removeListener('resize', resized);
    prompt.close();
  }
}

/** One open question: keys go in, an answer or an ending comes out. */
class PromptRun {
  readonly #stage: DrawnStage;
  readonly #asked: Asked;
  #screen: ReturnType<typeof framed>;
  #abort = new AbortController();
  // Keys are handed over as readline's own key events: a paste is one of them, and none waits in
  // a buffer for the next question. Without isTTY, the prompt is ready at once.
  readonly #input = new PassThrough();
  readonly close: () => void;
  ending: Ending | undefined;
  #clearAtEnd = false;
  #more = false;
  #continued = 0;
  /** The choice under the cursor. */
  #active = 0;

  constructor(stage: DrawnStage, asked: Asked) {
    this.#stage = stage;
    this.#asked = asked;
    this.#screen = framed(stage.stderr);
    this.close = stage.owner.open((event) => this.#receive(event));
  }

  /** Ends the question without an answer. */
  end(ending: Ending): void {
    if (this.ending !== undefined) return;
    if (ending.kind !== 'again') this.close();
    this.ending = ending;
    // Going back takes the question off the screen; what ended the run leaves it to be read.
    this.#clearAtEnd = ending.kind !== 'failed';
    this.#abort.abort();
  }

  async text(line: Line): Promise<string> {
    const view = this.#asked.kind === 'secret' ? secretView : textView;
    this.#more = line.more;
    const { message, maxLength } = this.#asked;
    const answered = this.close;
    const { paint, fold } = this.#stage.output;
    const asking = this.#run((context) => view({ ...line, message, maxLength, answered, paint, fold, columns: () => this.#columns() }, context));
    this.#takePasted(line);
    return asking;
  }

  /** The answer that came before the question; what can be none is not shown. */
  #takePasted({ judge }: Line): void {
    const { pasted } = this.#asked;
    if (pasted === undefined) return;
    const judged = judgedPiece(pasted, this.#asked, judge);
    if ('refusal' in judged) {
      this.#notice(judged.refusal);
      return;
    }
    this.#insert(judged.value);
    this.#key('enter');
  }

  async choice(choices: readonly Listed[], initial: number): Promise<number> {
    this.#active = initial;
    for (;;) {
      try {
        return await this.#list(choices.map(({ drawn }) => drawn(this.#columns())));
      } catch (error) {
        if (this.ending?.kind !== 'again') throw error;
        this.ending = undefined;
        this.#clearAtEnd = false;
        this.#abort = new AbortController();
      }
    }
  }

  /** What is open, drawn anew for the terminal's width. */
  resized(): void {
    const frame = this.#screen.frame();
    if (frame === undefined || this.ending !== undefined) return;
    this.#stage.stderr.write(placeOver(frame, this.#columns(), this.#stage.reflow));
    if (this.#asked.kind === 'choice') this.end({ kind: 'again' });
    else this.#send('', { name: 'redraw', redraw: true });
  }

  async #list(drawn: readonly { readonly name: string; readonly short: string }[]): Promise<number> {
    const { paint, fold } = this.#stage.output;
    const highlight = (text: string): string => {
      // Only the choice under the cursor is painted so.
      this.#active = Math.max(0, drawn.findIndex(({ name }) => text.endsWith(` ${name}`)));
      return paint.accent(text);
    };
    return this.#run((context) => select({
      message: this.#asked.message,
      choices: drawn.map((choice, value) => ({ ...choice, value })),
      default: this.#active,
      pageSize: 12,
      theme: {
        prefix: { idle: paint.accent('?'), done: paint.good(fold('✔')) },
        icon: { cursor: fold('❯') },
        style: {
          // One argument each: inquirer passes the state too, and a paint would print it.
          message: (text: string) => wrap(`? ${paint.bold(text)}`, this.#columns()).slice(2), answer: (text: string) => paint.accent(text),
          highlight, error: (text: string) => paint.bad(wrap(`> ${text}`, this.#columns())),
          keysHelpTip: () => paint.dim(inRows(['Up and Down: choose', 'Enter: take it', 'Esc: back'], fold(' · '), this.#columns())),
        },
      },
    }, context));
  }

  #columns(): number {
    return this.#stage.stderr.columns ?? 80;
  }

  async #run<T>(prompt: (context: PromptContext) => Promise<T>): Promise<T> {
    // The engine ends its stream with the prompt.
    this.#screen = framed(this.#stage.stderr);
    const context = { input: this.#input, output: this.#screen.output, signal: this.#abort.signal, clearPromptOnDone: false };
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

  /** Below what the shell wrote: the engine rubs out as many lines as it has drawn. */
  #redraw(): void {
    const frame = this.#screen.frame();
    if (frame === undefined || this.ending !== undefined) return;
    this.#continued += 1;
    this.#stage.stderr.write(roomFor(frame));
    if (this.#asked.kind === 'choice') this.end({ kind: 'again' });
    else this.#notice(`Stopped and continued${this.#continued > 1 ? ` (${this.#continued} times)` : ''}. What was typed before is still here.`);
  }

  #key(name: KeyName): void {
    const key = readlineKeys[name];
    if (name === 'down' && this.#more) {
      this.end({ kind: 'more' });
      return;
    }
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
