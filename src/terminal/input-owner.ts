/**
 * The one owner of standard input, from the first question to the last.
 *
 * Left to themselves, prompts each read standard input on their own: the second line of a paste
 * answers the next question, and what is typed or pasted between two questions is echoed by the
 * terminal, a secret in clear (measured with inquirer 14.2.5). So there is one listener, in raw
 * mode and without echo, and it lets an event through only while a question is open.
 */
import { StringDecoder } from 'node:string_decoder';
import { InputParser, type InputEvent } from './input-parser.ts';

/** What is needed of standard input. */
export interface TerminalInput {
  readonly isRaw?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: (bytes: Buffer | string) => void): unknown;
  on(event: 'end' | 'close' | 'error', listener: () => void): unknown;
  removeListener(event: 'data', listener: (bytes: Buffer | string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** `redraw`: the process was stopped and goes on; what stood on the screen is above what the shell wrote. */
export type OpenEvent = Exclude<InputEvent, { readonly kind: 'interrupt' | 'paste-begins' }> | { readonly kind: 'redraw' };
export type Listener = (event: OpenEvent) => void;

/** Somebody who leans on a key must not keep the question from coming. */
const longestDrain = 1_000;
const pasteModeOn = '\u001b[?2004h';
/** Paste mode off, cursor shown: harmless where they were never changed. */
const restored = '\u001b[?2004l\u001b[?25h';

export class InputOwner {
  readonly #stdin: TerminalInput;
  readonly #stderr: { write(text: string): unknown };
  readonly #interrupt: () => void;
  /** What tells the terminal to bracket pastes, and to be as it was; nothing where it knows no such thing. */
  readonly #sequences: { readonly begin: string; readonly end: string };
  #echoes = false;
  readonly #decoder = new StringDecoder('utf8');
  readonly #parser = new InputParser((event) => this.#receive(event));
  readonly #onData = (bytes: Buffer | string): void => {
    this.#lastInput = performance.now();
    this.#parser.push(typeof bytes === 'string' ? bytes : this.#decoder.write(bytes));
  };
  #state: 'new' | 'reading' | 'stopped' = 'new';
  #wasRaw = false;
  #ended = false;
  #lastInput = 0;
  #listener: Listener | undefined;
  /** Who was listening when the paste began: nobody else gets it. */
  #pasteFor: Listener | undefined;

  constructor(stdin: TerminalInput, stderr: { write(text: string): unknown }, interrupt: () => void, { drawing } = { drawing: true }) {
    this.#sequences = drawing ? { begin: pasteModeOn, end: restored } : { begin: '', end: '' };
    this.#stdin = stdin;
    this.#stderr = stderr;
    this.#interrupt = interrupt;
  }

  /** Takes standard input. Once stopped it stays with whoever had it before. */
  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'reading';
    const ended = (): void => this.#receive({ kind: 'end' }, true);
    this.#stdin.on('end', ended);
    this.#stdin.on('close', ended);
    // A terminal that goes away (EIO) is the end of input.
    this.#stdin.on('error', ended);
    this.#stdin.on('data', this.#onData);
    this.#wasRaw = this.#stdin.isRaw ?? false;
    this.#stdin.setRawMode?.(true);
    this.#stderr.write(this.#sequences.begin);
    this.#stdin.resume();
  }

  /** Whether the terminal itself shows and edits a line until its end, as it does outside of a program: for a question that is not drawn. */
  echo(on: boolean): void {
    if (this.#state !== 'reading' || on === this.#echoes) return;
    this.#echoes = on;
    this.#stdin.setRawMode?.(!on);
  }

  /**
   * Reads and drops what was typed so far, until nothing has come for `quiet` milliseconds: what
   * was typed in time may still be on its way (through the system's own queue, or over SSH).
   */
  async drain(quiet: number): Promise<void> {
    const begun = performance.now();
    this.#lastInput = begun;
    do {
      await new Promise<void>((resolve) => void setTimeout(resolve, Math.max(1, quiet - (performance.now() - this.#lastInput))));
      // The timer may be late and input be waiting: one turn of the event loop reads it.
      await new Promise<void>((resolve) => void setImmediate(resolve));
    } while (performance.now() - this.#lastInput < quiet && performance.now() - begun < longestDrain);
    this.#parser.forget();
  }

  /** Lets events through to the listener until the returned function is called. */
  open(listener: Listener): () => void {
    this.#listener = listener;
    if (this.#ended) queueMicrotask(() => this.#receive({ kind: 'end' }, true));
    return () => {
      if (this.#listener === listener) this.#listener = undefined;
    };
  }

  /** Gives standard input back and leaves the terminal as it was. Safe to call twice. */
  stop(): void {
    if (this.#state !== 'reading') return;
    this.#state = 'stopped';
    this.#listener = undefined;
    this.#parser.forget();
    this.#stdin.removeListener('data', this.#onData);
    this.#stdin.setRawMode?.(this.#wasRaw);
    this.#stdin.pause();
    this.#stderr.write(this.#sequences.end);
  }

  /** Before the process is stopped: whoever has the terminal meanwhile finds it as it was. */
  suspend(): void {
    if (this.#state !== 'reading') return;
    this.#stdin.setRawMode?.(this.#wasRaw);
    this.#stderr.write(this.#sequences.end);
  }

  /** The process goes on. A shell has set the terminal as it needs it, which Node does not know: the mode is set anew. */
  resume(): void {
    if (this.#state !== 'reading') return;
    this.#stdin.setRawMode?.(this.#wasRaw);
    this.#stdin.setRawMode?.(!this.#echoes);
    this.#stderr.write(this.#sequences.begin);
    this.#parser.forget();
    this.#listener?.({ kind: 'redraw' });
  }

  #receive(event: InputEvent, forGood = false): void {
    if (forGood) this.#ended = true;
    if (event.kind === 'interrupt') {
      this.#interrupt();
    } else if (event.kind === 'paste-begins') {
      this.#pasteFor = this.#listener;
    } else if (event.kind !== 'paste' || this.#pasteFor === this.#listener) {
      this.#listener?.(event);
    }
  }
}
