/**
 * The terminal: questions on standard error, answers from the one owner of standard input.
 * This file loads Inquirer.js's engine; it is imported when the first question is near.
 */
import type { Answer, Choice, KeyHint, Terminal, TextQuestion } from '../context.ts';
import { InputOwner, type TerminalInput } from './input-owner.ts';
import type { Sink } from './output.ts';
import { characters, clean, lengthOf } from './paste.ts';
import { ask, inputEnded, quietBefore, reasonOf, type Asked, type Stage } from './prompts.ts';
import { spin, type SpinnerOptions } from './spinner.ts';
import type { Judged } from './views.ts';
import { cut, widthOf } from './width.ts';
import { wrap, wrapBeside } from './wrap.ts';

export interface TerminalOptions {
  readonly stdin: TerminalInput;
  readonly stderr: NodeJS.WritableStream & { readonly columns?: number };
  /** Ends the run; its reason is what an open question rejects with. */
  readonly signal: AbortSignal;
  /** Ctrl-C: must end the run's signal. */
  readonly interrupt: () => void;
  readonly output: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tells when the process is about to be stopped (SIGTSTP) and when it goes on (SIGCONT); gives back how to end that. */
  readonly onSuspension?: (suspension: { readonly stopping: () => void; readonly continued: () => void }) => () => void;
}

const defaultMaxLength = 4096;

/** Makes the terminal. Standard input is taken at the first question and kept until close. */
export function createTerminal(options: TerminalOptions): Terminal {
  return new PromptTerminal(options);
}

class PromptTerminal implements Terminal {
  readonly #stage: Stage;
  readonly #spinner: SpinnerOptions;
  /** Open questions and tasks; at the run's end the last of them restores the terminal. */
  #open = 0;
  #stopSpinner: () => void = () => undefined;
  readonly #endSuspension: () => void;

  constructor({ stdin, stderr, signal, interrupt, output, env, onSuspension }: TerminalOptions) {
    this.#stage = { owner: new InputOwner(stdin, stderr, interrupt), stderr, signal, output };
    this.#spinner = {
      output,
      columns: () => stderr.columns ?? 80,
      animated: output.color && env['TERM'] !== 'dumb',
      unicode: /utf-?8/i.test(env['LC_ALL'] ?? env['LC_CTYPE'] ?? env['LANG'] ?? '') || env['WT_SESSION'] !== undefined,
    };
    const { owner } = this.#stage;
    this.#endSuspension = onSuspension?.({ stopping: () => { owner.suspend(); }, continued: () => { owner.resume(); } }) ?? (() => undefined);
    signal.addEventListener('abort', () => {
      if (this.#open === 0) this.close();
    }, { once: true });
  }

  async text(question: TextQuestion): Promise<Answer<string>> {
    return this.#line('text', question);
  }

  async secret(question: TextQuestion): Promise<Answer<string>> {
    return this.#line('secret', question);
  }

  async choose<T>(question: { readonly message: string; readonly choices: readonly Choice<T>[]; readonly initial?: T }): Promise<Answer<T>> {
    const { output } = this.#stage;
    const labels = question.choices.map(({ label }) => output.plain(label));
    const column = Math.max(0, ...labels.map(widthOf)) + 2;
    const message = output.clean(question.message);
    const columns = this.#spinner.columns();
    const room = columns - widthOf(output.plain(question.message)) - 3;
    const shown = question.choices.map(({ note }, index) => {
      const label = labels[index] ?? '';
      // The answer goes below the question where both do not fit in one line.
      const short = widthOf(label) > room ? `\n${wrap(`  ${label}`, columns)}` : label;
      if (note === undefined) return { short, name: wrapBeside(label, columns, columns) };
      const padding = ' '.repeat(column - widthOf(label));
      const name = wrapBeside(`${label}${padding}${output.plain(note)}`, columns, column);
      return { short, name: name.slice(0, label.length) + output.paint.dim(name.slice(label.length)) };
    });
    const initial = Math.max(0, question.choices.findIndex(({ value }) => value === question.initial));
    const index = await this.#ask({ kind: 'choice', message, maxLength: 0 }, (prompt) => prompt.choice(shown, initial));
    const choice = index === undefined ? undefined : question.choices[index];
    return choice === undefined ? { kind: 'back' } : { kind: 'value', value: choice.value };
  }

  async typeWord({ message, word }: { readonly message: string; readonly word: string }): Promise<boolean> {
    const help = `Type ${this.#stage.output.plain(word)} to confirm; Enter alone or Esc leaves everything as it is.`;
    const judge = (typed: string): Judged => {
      const value = typed.trim();
      return value === word || value === '' || /^no?$/i.test(value) ? { value } : { refusal: `That is not the word. ${help}` };
    };
    const asked: Asked = {
      kind: 'text', message: this.#stage.output.clean(message), maxLength: defaultMaxLength,
      pasteRefused: `The word is typed, not pasted. ${help}`,
    };
    return await this.#ask(asked, (prompt) => prompt.text({ help, initial: undefined, judge })) === word;
  }

  async waitKey(
    { message, keys, signal }: { readonly message: string; readonly keys: readonly KeyHint[]; readonly signal?: AbortSignal },
  ): Promise<string | undefined> {
    const { output, owner } = this.#stage;
    const text = output.plain(message);
    const ready = async (): Promise<string> => {
      await owner.drain(quietBefore.question);
      return this.#withHints(text, keys);
    };
    return this.#working(ready, async (ended) => {
      const over = new AbortController();
      const pressed = new Promise<string | undefined>((resolve, reject) => {
        const close = owner.open((event) => {
          if (event.kind === 'end') reject(inputEnded(text));
          else if (event.kind === 'text') resolveFirst(Array.from(event.text.toLowerCase()), keys, resolve);
          else if (event.kind === 'key' && event.name === 'escape') resolve('back');
          else if (event.kind === 'key') resolveFirst([event.name], keys, resolve);
        });
        over.signal.addEventListener('abort', close);
        if (signal?.aborted === true) resolve(undefined);
        signal?.addEventListener('abort', () => resolve(undefined), { signal: over.signal });
      });
      return Promise.race([pressed, ended]).finally(() => over.abort());
    });
  }

  async busy<T>(message: string, task: () => Promise<T>): Promise<T> {
    const shown = this.#stage.output.quiet ? undefined : this.#stage.output.plain(message);
    return this.#working(() => shown, async (ended) => {
      const running = task();
      // When the run ends first, nobody waits for the task any more: its own failure is not news.
      running.catch(() => undefined);
      return Promise.race([running, ended]);
    });
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
      return 'refusal' in judged ? { refusal: output.plain(judged.refusal) } : judged;
    };
    const view = {
      help: question.help === undefined ? undefined : output.clean(question.help),
      // A secret is never proposed.
      initial: question.initial === undefined || kind === 'secret' ? undefined : output.plain(question.initial),
      judge,
    };
    const value = await this.#ask({ kind, message: output.clean(question.message), maxLength, joinLines: question.lineEnds === 'join', bare: question.clean }, (prompt) => prompt.text(view));
    return value === undefined ? { kind: 'back' } : { kind: 'value', value };
  }

  /** Asks one question; whatever spins meanwhile is stopped. */
  async #ask<T>(asked: Asked, run: Parameters<typeof ask<T>>[2]): Promise<T | undefined> {
    return this.#during(async () => {
      this.#stopSpinner();
      return ask(this.#stage, asked, run);
    });
  }

  /** Spins while something is waited for. `ended` rejects when the run ends. */
  async #working<T>(ready: () => Promise<string> | string | undefined, wait: (ended: Promise<never>) => Promise<T>): Promise<T> {
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
      const stop = message === undefined ? () => undefined : spin(message, this.#spinner);
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

  /** Message and keys in one line where it fits; else the keys stand above, where nothing cuts them. */
  #withHints(message: string, keys: readonly KeyHint[]): string {
    const { output, stderr } = this.#stage;
    const hints = keys.map(({ key, means }) => `${key === 'enter' ? 'Enter' : key}: ${output.plain(means)}`).join(' · ');
    const together = `${message}   ${hints}`;
    if (widthOf(together) <= this.#spinner.columns() - 3 && this.#spinner.animated) return cut(together, Infinity);
    stderr.write(`${output.paint.dim(wrap(hints, this.#spinner.columns()))}\n`);
    return message;
  }
}

/** Resolves with the first of the pressed keys that means something. */
function resolveFirst(pressed: readonly string[], keys: readonly KeyHint[], resolve: (key: string) => void): void {
  const known = pressed.find((name) => keys.some(({ key }) => key === name));
  if (known !== undefined) resolve(known);
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
