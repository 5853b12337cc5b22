/**
 * Questions without drawing: for screen readers, for Emacs' shell, for a terminal that can only
 * write one line below the other. What may be seen is typed into the terminal's own line, which
 * echoes and edits it; what is hidden is read without an echo.
 */
import type { OpenEvent } from './input-owner.ts';
import { characters, lengthOf } from './paste.ts';
import { backSign, beforeQuestion, inputEnded, judgedPiece, moreWanted, reasonOf, type Asked, type Line, type Listed, type Questions, type Stage } from './question.ts';
import { wrap } from './wrap.ts';

/** Whoever types this alone sees more of what was said, where there is more. */
const moreSign = '?';

/** After the end of a line, how many milliseconds a pasted next one may take. */
const nextLineWithin = 30;

interface PlainOptions extends Stage {
  /** Emacs hides what is typed when the line asks for a password, and only then (comint-password-prompt-regexp). */
  readonly inEmacs: boolean;
}

export class PlainQuestions implements Questions {
  readonly #stage: PlainOptions;
  #toldOfBack = false;

  constructor(stage: PlainOptions) {
    this.#stage = stage;
  }

  async line(asked: Asked, { help, initial, more, judge }: Line): Promise<string | typeof moreWanted | undefined> {
    if (help !== undefined) this.#write(`${this.#wrapped(help)}\n`);
    if (!this.#toldOfBack) this.#write(`${this.#wrapped(`Type ${backSign} and Enter to go back to the question before.`)}\n`);
    this.#toldOfBack = true;
    const hidden = asked.kind === 'secret';
    const proposal = initial === undefined || initial === '' ? '' : ` (${initial})`;
    const prompt = hidden ? this.#hiddenPrompt(asked.message) : `${asked.message}${proposal}: `;
    for (let pasted = asked.pasted; ; pasted = undefined) {
      const typed = pasted ?? await this.#read(asked, prompt);
      if (typed === undefined) return undefined;
      if (more && typed.trim() === moreSign) return moreWanted;
      const judged = judgedPiece(typed, asked, judge);
      if ('value' in judged) {
        if (pasted !== undefined) this.#write(`${prompt}${hidden ? `(${characters(lengthOf(judged.value))})` : this.#stage.output.plain(judged.value)}\n`);
        return judged.value;
      }
      this.#write(`${this.#wrapped(judged.refusal)}\n`);
    }
  }

  async choice(asked: Asked, choices: readonly Listed[], initial: number): Promise<number | undefined> {
    const lines = choices.map(({ label, note }, index) => this.#wrapped(`  ${index + 1}. ${label}${note === undefined ? '' : `: ${note}`}`));
    this.#write(`${asked.message}\n${lines.join('\n')}\n`);
    const prompt = `Number, 1 to ${choices.length} (Enter: ${initial + 1}, ${backSign}: back): `;
    for (;;) {
      const typed = (await this.#read(asked, prompt))?.trim();
      if (typed === undefined) return undefined;
      const index = typed === '' ? initial : /^\d+\.?$/.test(typed) ? Number.parseInt(typed, 10) - 1 : choices.findIndex(({ label }) => label.toLowerCase() === typed.toLowerCase());
      if (choices[index] !== undefined) return index;
      this.#write(`Type a number from 1 to ${choices.length}.\n`);
    }
  }

  #hiddenPrompt(message: string): string {
    if (!this.#stage.inEmacs) return `${message} (hidden): `;
    return /^pass(?:word|phrase)$/i.test(message) ? `${message}: ` : `Password field for ${message}: `;
  }

  /** What was typed up to Enter, the lines of a paste together; undefined for "back". */
  async #read(asked: Asked, prompt: string): Promise<string | undefined> {
    await beforeQuestion(this.#stage, asked);
    const { owner, signal } = this.#stage;
    const hidden = asked.kind === 'secret';
    owner.echo(!hidden);
    this.#write(prompt);
    const over = new AbortController();
    try {
      const typed = await new Promise<string | undefined>((resolve, reject) => {
        signal.addEventListener('abort', () => {
          // What is said next does not go on in the question's line.
          this.#write('\n');
          reject(reasonOf(signal));
        }, { signal: over.signal });
        const line = new TypedLine(resolve);
        const close = owner.open((event) => {
          if (event.kind === 'end') {
            this.#write('\n');
            reject(inputEnded(asked.message));
          }
          else if (event.kind === 'redraw') this.#write(prompt);
          else line.take(event);
        });
        over.signal.addEventListener('abort', () => { line.forget(); close(); });
      });
      if (hidden) this.#write(typed === undefined ? '\n' : `(${characters(lengthOf(typed.trim()))})\n`);
      return typed?.trim() === backSign ? undefined : typed;
    } finally {
      over.abort();
      owner.echo(false);
    }
  }

  #wrapped(text: string): string {
    return wrap(text, this.#stage.stderr.columns ?? 80);
  }

  #write(text: string): void {
    this.#stage.stderr.write(text);
  }
}

/** A line as it is typed. It is over a moment after its end: a paste of several lines is one value. */
class TypedLine {
  readonly #done: (typed: string | undefined) => void;
  #text = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(done: (typed: string | undefined) => void) {
    this.#done = done;
  }

  take(event: Exclude<OpenEvent, { readonly kind: 'end' | 'redraw' }>): void {
    if (event.kind === 'key' && event.name === 'escape') {
      this.#done(undefined);
    } else if (event.kind === 'key') {
      this.#key(event.name);
    } else {
      this.#add(event.text);
      if (event.kind === 'paste' && /[\r\n]$/.test(event.text)) this.#end();
    }
  }

  forget(): void {
    clearTimeout(this.#timer);
  }

  #add(text: string): void {
    // A line end was there already: this is the next line of a paste.
    if (this.#timer !== undefined) this.#text += '\n';
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#text += text;
  }

  #key(name: string): void {
    if (name === 'enter') this.#end();
    else if (name === 'backspace') this.#text = Array.from(this.#text).slice(0, -1).join('');
    else if (name === 'erase-line') this.#text = '';
    else if (name === 'tab') this.#text += '\t';
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => { this.#done(this.#text); }, nextLineWithin);
  }
}
