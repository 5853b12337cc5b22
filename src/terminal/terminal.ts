/**
 * The terminal: questions on standard error, answers from the one owner of standard input. How a
 * question is shown, drawn or plain, is passed in: what draws loads Inquirer.js's engine.
 */
import type { Answer, Choice, KeyHint, KeyQuestion, More, Pasted, Terminal, TextQuestion } from '../context.ts';
import { InputOwner, type TerminalInput } from './input-owner.ts';
import { KeyWait } from './key-wait.ts';
import type { Sink } from './output.ts';
import { characters, clean, lengthOf } from './paste.ts';
import { backSign, inputEnded, moreWanted, quietBefore, reasonOf, type Asked, type Judged, type Listed, type Questions, type Stage } from './question.ts';
import { spin, type SpinnerOptions } from './spinner.ts';
import { widthOf } from './width.ts';
import { inRows, wrap, wrapBeside } from './wrap.ts';

export interface TerminalOptions {
  readonly stdin: TerminalInput;
  readonly stderr: NodeJS.WritableStream & { readonly columns?: number };
  /** Ends the run; its reason is what an open question rejects with. */
  readonly signal: AbortSignal;
  /** Ctrl-C: must end the run's signal. */
  readonly interrupt: () => void;
  readonly output: Sink;
  /** How questions are shown. */
  readonly questions: (stage: Stage) => Questions;
  /** Tells when the process is about to be stopped (SIGTSTP) and when it goes on (SIGCONT); gives back how to end that. */
  readonly onSuspension?: (suspension: { readonly stopping: () => void; readonly continued: () => void }) => () => void;
}

const defaultMaxLength = 4096;

/** Shows more where keys are waited for. */
const moreKey = 'v';

/** Makes the terminal. Standard input is taken at the first question and kept until close. */
export function createTerminal(options: TerminalOptions): Terminal {
  return new PromptTerminal(options);
}

class PromptTerminal implements Terminal {
  readonly #stage: Stage;
  readonly #questions: Questions;
  readonly #spinner: SpinnerOptions;
  /** Open questions and tasks; at the run's end the last of them restores the terminal. */
  #open = 0;
  #stopSpinner: () => void = () => undefined;
  /** What the next question offers beside its answers. */
  #more: More | undefined;
  readonly #endSuspension: () => void;

  constructor({ stdin, stderr, signal, interrupt, output, questions, onSuspension }: TerminalOptions) {
    this.#stage = { owner: new InputOwner(stdin, stderr, interrupt, output), stderr, signal, output };
    this.#questions = questions(this.#stage);
    this.#spinner = { output, columns: () => stderr.columns ?? 80, animated: output.drawing && output.color };
    const { owner } = this.#stage;
    this.#endSuspension = onSuspension?.({ stopping: () => { owner.suspend(); }, continued: () => { owner.resume(); } }) ?? (() => undefined);
    signal.addEventListener('abort', () => {
      if (this.#open === 0) this.close();
    }, { once: true });
  }

  offer(more: More): void {
    this.#more = more;
  }

  async text(question: TextQuestion): Promise<Answer<string>> {
    return this.#line('text', question);
  }

  async secret(question: TextQuestion): Promise<Answer<string>> {
    return this.#line('secret', question);
  }

  async choose<T>(question: { readonly message: string; readonly choices: readonly Choice<T>[]; readonly initial?: T }): Promise<Answer<T>> {
    const { output } = this.#stage;
    const message = output.clean(question.message);
    const offered = this.#takeMore();
    const asked = `? ${output.plain(question.message)}`;
    const all = offered === undefined ? question.choices : [...question.choices, { label: `Show ${offered.what}`, note: undefined }];
    const listed = all.map(({ label, note }) => ({ label: this.#words(label), note: note === undefined ? undefined : this.#words(note) }));
    const column = Math.max(0, ...listed.map(({ label }) => widthOf(label))) + 2;
    const choices = listed.map(({ label, note }): Listed => ({ label, note, drawn: (columns) => this.#drawn(label, note, { columns, column, asked }) }));
    // A choice's own value may be undefined.
    const initial = question.initial === undefined ? 0 : Math.max(0, question.choices.findIndex(({ value }) => value === question.initial));
    const index = await this.#ask((questions) => questions.choice({ kind: 'choice', message, maxLength: 0 }, choices, initial));
    if (offered !== undefined && index === question.choices.length) {
      offered.show();
      return this.choose(question);
    }
    const choice = index === undefined ? undefined : question.choices[index];
    return choice === undefined ? { kind: 'back' } : { kind: 'value', value: choice.value };
  }

  /** A choice in its list, and as the answer: below the question where both do not fit in one line. */
  #drawn(label: string, note: string | undefined, { columns, column, asked }: { readonly columns: number; readonly column: number; readonly asked: string }): ReturnType<Listed['drawn']> {
    const taken = widthOf(wrap(asked, columns).split('\n').at(-1) ?? '') + 1;
    const short = widthOf(label) > columns - taken ? `\n${wrap(`  ${label}`, columns)}` : label;
    const [itself, behind] = wrapBeside(label, note, columns, column);
    return { short, name: behind === '' ? itself : itself + this.#stage.output.paint.dim(behind) };
  }

  /** Harmless text without colours, in signs that the terminal shows. */
  #words(text: string): string {
    const { output } = this.#stage;
    return output.fold(output.plain(text));
  }

  async typeWord({ message, word }: { readonly message: string; readonly word: string }): Promise<boolean> {
    const help = `Type ${this.#words(word)} to confirm; Enter alone or Esc leaves everything as it is.`;
    const judge = (typed: string): Judged => {
      const value = typed.trim();
      return value === word || value === '' || /^no?$/i.test(value) ? { value } : { refusal: `That is not the word. ${help}` };
    };
    const asked: Asked = {
      kind: 'text', message: this.#stage.output.clean(message), maxLength: defaultMaxLength,
      pasteRefused: `The word is typed, not pasted. ${help}`,
    };
    return await this.#ask((questions) => questions.line(asked, { help, initial: undefined, more: false, judge })) === word;
  }

  async waitKey(question: KeyQuestion): Promise<string | undefined> {
    for (;;) {
      const pressed = await this.waitKeyOrPaste(question);
      if (typeof pressed !== 'object') return pressed;
      this.#stage.output.warn('  What was pasted is not asked for here; it was not taken.');
    }
  }

  async waitKeyOrPaste(question: KeyQuestion): Promise<string | Pasted | undefined> {
    const offered = this.#takeMore();
    if (offered === undefined) return this.#key(question);
    const pressed = await this.#key({ ...question, keys: [...question.keys, { key: moreKey, means: `show ${offered.what}` }] });
    if (pressed !== moreKey) return pressed;
    offered.show();
    return this.#key(question);
  }

  async #key({ message, keys, signal }: KeyQuestion): Promise<string | Pasted | undefined> {
    const { owner, output } = this.#stage;
    const text = this.#words(message);
    const ready = async (): Promise<(() => string) | undefined> => {
      await owner.drain(quietBefore.question);
      if (output.drawing) return this.#withHints(text, keys);
      this.#tellKeys(text, keys);
      return undefined;
    };
    // Esc cannot be typed where the terminal sends whole lines.
    const known = output.drawing ? keys : [...keys, { key: backSign, means: 'back' }];
    return this.#working(ready, async (ended) => {
      const over = new AbortController();
      const pressed = new Promise<string | Pasted | undefined>((resolve, reject) => {
        const wait = new KeyWait(known, (one) => resolve(one === backSign ? 'back' : one));
        const close = owner.open((event) => {
          if (event.kind === 'end') reject(inputEnded(text));
          else if (event.kind !== 'redraw') wait.take(event);
        });
        over.signal.addEventListener('abort', () => { wait.forget(); close(); });
        if (signal?.aborted === true) resolve(undefined);
        signal?.addEventListener('abort', () => resolve(undefined), { signal: over.signal });
      });
      return Promise.race([pressed, ended]).finally(() => over.abort());
    });
  }

  async busy<T>(message: string, task: () => Promise<T>): Promise<T> {
    const words = this.#words(message);
    const shown = this.#stage.output.quiet ? undefined : () => words;
    return this.#working(() => shown, async (ended) => {
      const running = task();
      // When the run ends first, nobody waits for the task any more: its own failure is not news.
      running.catch(() => undefined);
      return Promise.race([running, ended]);
    }, true);
  }

  async showBriefly({ label, value }: { readonly label: string; readonly value: string }): Promise<void> {
    const { stderr, output } = this.#stage;
    if (!output.drawing) {
      stderr.write(`${this.#words(label)}:\n${value}\n`);
      return;
    }
    // The alternate screen has no lines above it, and leaves none behind.
    stderr.write(`\u001b[?1049h\u001b[2J\u001b[H${this.#words(label)}:\n\n${value}\n\n`);
    try {
      await this.waitKey({ message: 'copy it now', keys: [{ key: 'enter', means: 'take it off the screen' }] });
    } finally {
      stderr.write('\u001b[?1049l');
    }
  }

  close(): void {
    this.#stopSpinner();
    this.#endSuspension();
    this.#stage.owner.stop();
  }

  async #line(kind: 'text' | 'secret', question: TextQuestion): Promise<Answer<string>> {
    const { output } = this.#stage;
    const maxLength = question.maxLength ?? defaultMaxLength;
    const judge = (typed: string): Judged => {
      const judged = judgeLine(typed, question, maxLength);
      return 'refusal' in judged ? { refusal: this.#words(judged.refusal) } : judged;
    };
    const offered = this.#takeMore();
    const help = [
      ...(question.help === undefined ? [] : [question.help]),
      ...(offered === undefined ? [] : [output.drawing ? `Down: show ${offered.what}` : `Type ? and Enter to see ${offered.what}.`]),
    ];
    const view = {
      help: help.length === 0 ? undefined : output.clean(help.join('\n')), more: offered !== undefined,
      // A secret is never proposed.
      initial: question.initial === undefined || kind === 'secret' ? undefined : output.plain(question.initial),
      judge,
    };
    const asked: Asked = { kind, message: output.clean(question.message), maxLength, joinLines: question.lineEnds === 'join', bare: question.clean, pasted: question.pasted };
    const value = await this.#ask((questions) => questions.line(asked, view));
    if (value === moreWanted) {
      offered?.show();
      const { pasted: _, ...again } = question;
      return this.#line(kind, again);
    }
    return value === undefined ? { kind: 'back' } : { kind: 'value', value };
  }

  /** One question offers it, however it is answered. */
  #takeMore(): More | undefined {
    const more = this.#more;
    this.#more = undefined;
    return more;
  }

  /** Asks one question; whatever spins meanwhile is stopped. */
  async #ask<T>(put: (questions: Questions) => Promise<T>): Promise<T> {
    return this.#during(async () => {
      this.#stopSpinner();
      return put(this.#questions);
    });
  }

  /** Spins while something is waited for. `ended` rejects when the run ends. */
  async #working<T>(
    ready: () => Promise<(() => string) | undefined> | (() => string) | undefined, wait: (ended: Promise<never>) => Promise<T>, brief = false,
  ): Promise<T> {
    return this.#during(async () => {
      const { signal } = this.#stage;
      const message = await ready();
      signal.throwIfAborted();
      let onAbort = (): void => undefined;
      const ended = new Promise<never>((_, reject) => {
        onAbort = () => reject(reasonOf(signal));
        signal.addEventListener('abort', onAbort, { once: true });
      });
      ended.catch(() => undefined);
      // Begun before it is shown: a key pressed at once is a key pressed here.
      const waiting = wait(ended);
      const stop = message === undefined ? () => undefined : spin(message, this.#spinner, { brief });
      this.#stopSpinner = stop;
      try {
        return await waiting;
      } finally {
        stop();
        signal.removeEventListener('abort', onAbort);
      }
    });
  }

  /** From the first question on, standard input is ours; after the run's end the last one out gives it back. */
  async #during<T>(work: () => Promise<T>): Promise<T> {
    this.#stage.signal.throwIfAborted();
    this.#stage.owner.start();
    this.#open += 1;
    try {
      return await work();
    } finally {
      this.#open -= 1;
      if (this.#stage.signal.aborted && this.#open === 0) this.close();
    }
  }

  /** Message and keys, each on lines of their own that stay as they are. */
  #tellKeys(message: string, keys: readonly KeyHint[]): void {
    const lines = [message, ...keys.map(({ key, means }) => `  ${key === 'enter' ? 'Enter' : key}: ${this.#words(means)}`), '  <: back'];
    this.#stage.stderr.write(`${wrap(lines.join('\n'), this.#spinner.columns())}\n`);
  }

  /** Message and keys in one line where it fits; else the keys stand above, where nothing cuts them. */
  #withHints(message: string, keys: readonly KeyHint[]): () => string {
    const { output, stderr } = this.#stage;
    const hints = keys.map(({ key, means }) => `${key === 'enter' ? 'Enter' : key}: ${this.#words(means)}`);
    const together = `${message}   ${hints.join(output.fold(' · '))}`;
    let above = false;
    return () => {
      const { columns, animated } = this.#spinner;
      if (!above && animated && widthOf(together) <= columns() - 3) return together;
      if (!above) {
        above = true;
        output.status(undefined);
        stderr.write(`${output.paint.dim(inRows(hints, output.fold(' · '), columns()))}\n`);
      }
      return message;
    };
  }
}

/** The answer without what is not seen around it, judged by the question. */
function judgeLine(typed: string, question: TextQuestion, maxLength: number): Judged {
  const cleaned = clean(typed, question.clean);
  if ('refusal' in cleaned) return { refusal: `The value has ${cleaned.refusal}.` };
  if (cleaned.value === '' && question.initial === undefined) return { refusal: 'Nothing was typed. Type or paste a value, or press Esc to go back.' };
  const value = cleaned.value === '' ? question.initial ?? '' : cleaned.value;
  if (lengthOf(value) > maxLength) return { refusal: `At most ${characters(maxLength)} are taken.` };
  const refusal = question.check?.(value);
  return refusal === undefined ? { value } : { refusal };
}
