/**
 * What the questions look like and how they take keys: views for inquirer's prompt engine.
 */
import { stripVTControlCharacters } from 'node:util';
import { createPrompt, isBackspaceKey, isEnterKey, useKeypress, useState } from '@inquirer/core';
import type { Style } from '../context.ts';
import { characters, lengthOf } from './paste.ts';
import type { Judged } from './question.ts';
import { widthOf } from './width.ts';
import { wrap } from './wrap.ts';

/** What a key event carries beside inquirer's own members. */
export interface PromptKey {
  readonly name: string;
  readonly ctrl: boolean;
  readonly shift: boolean;
  /** Text for a hidden value: it never goes through readline, whose history would keep it. */
  readonly hidden?: string;
  /** A sentence to show instead of taking what came. */
  readonly notice?: string;
  /** The same again: the terminal's width has changed. */
  readonly redraw?: true;
}

export interface ViewConfig {
  readonly message: string;
  readonly help: string | undefined;
  readonly initial: string | undefined;
  readonly maxLength: number;
  readonly paint: Style;
  /** Signs as this terminal shows them. */
  readonly fold: (text: string) => string;
  /** The terminal's width. */
  readonly columns: () => number;
  /** The value to answer with, or why not. */
  readonly judge: (typed: string) => Judged;
  /** Called before the answer is given: what comes after it is not for this question. */
  readonly answered: () => void;
}

/** The line of a question; the prompt engine wants the typed text at its end. What is not typed goes below where it has no room. */
function line({ message, paint, fold, columns }: ViewConfig, done: boolean, { shown, typed = '' }: { readonly shown: string; readonly typed?: string }): string {
  const width = columns();
  const head = wrap(`${done ? paint.good(fold('✔')) : paint.accent('?')} ${paint.bold(message)}`, width);
  if (shown === '') return `${head} ${typed}`;
  const taken = seenWidth(head.split('\n').at(-1) ?? '') + 1;
  return `${head}${taken + seenWidth(shown) > width ? `\n${wrap(`  ${shown}`, width)}` : ` ${shown}`}${done ? '' : ' '}${typed}`;
}

function seenWidth(painted: string): number {
  return widthOf(stripVTControlCharacters(painted));
}

function below({ help, paint, columns }: ViewConfig, done: boolean, error: string | undefined): string {
  if (done) return '';
  if (error !== undefined) return paint.bad(wrap(`> ${error}`, columns()));
  return help === undefined ? '' : paint.dim(wrap(help, columns()));
}

function tooLong(length: number, config: ViewConfig): string {
  return `${characters(length)} are too many: at most ${characters(config.maxLength)} are taken.`;
}

/** A question whose answer is shown. Readline edits the line. */
export const textView = createPrompt<string, ViewConfig>((config, done) => {
  const [answered, setAnswered] = useState(false);
  const [value, setValue] = useState('');
  const [error, setError] = useState<string | undefined>(undefined);
  const [turn, setTurn] = useState(0);

  useKeypress((key: PromptKey, readline) => {
    if (answered) return;
    const replaceBy = (text: string): void => {
      readline.clearLine(0);
      readline.write(text);
      setValue(text);
    };
    if (key.redraw === true) {
      setTurn(turn + 1);
    } else if (key.notice !== undefined) {
      setError(key.notice);
    } else if (isEnterKey(key)) {
      const judged = config.judge(value);
      if ('refusal' in judged) {
        // Readline has emptied its line; what was typed stays, to be put right.
        replaceBy(value);
        setError(judged.refusal);
      } else {
        config.answered();
        setValue(judged.value);
        setAnswered(true);
        done(judged.value);
      }
    } else if (key.name === 'tab') {
      replaceBy(value === '' ? config.initial ?? '' : value);
    } else if (lengthOf(readline.line) > config.maxLength) {
      setError(tooLong(lengthOf(readline.line), config));
      replaceBy(value);
    } else {
      setValue(readline.line);
      setError(undefined);
    }
  });

  const { initial, paint } = config;
  const proposal = value === '' && initial !== undefined && initial !== '' ? paint.dim(`(${initial})`) : '';
  return [line(config, answered, answered ? { shown: paint.accent(value) } : { shown: proposal, typed: value }), below(config, answered, error)];
});

/** A question whose answer is hidden: only the number of its characters is shown. */
export const secretView = createPrompt<string, ViewConfig>((config, done) => {
  const [answered, setAnswered] = useState(false);
  const [value, setValue] = useState('');
  const [error, setError] = useState<string | undefined>(undefined);
  const [turn, setTurn] = useState(0);

  const change = (text: string): void => {
    const length = lengthOf(text);
    if (length > config.maxLength) {
      setError(tooLong(length, config));
    } else {
      setValue(text);
      setError(undefined);
    }
  };
  useKeypress((key: PromptKey) => {
    if (answered) return;
    if (key.redraw === true) setTurn(turn + 1);
    else if (key.notice !== undefined) setError(key.notice);
    else if (key.hidden !== undefined) change(value + key.hidden);
    else if (isBackspaceKey(key)) change(Array.from(value).slice(0, -1).join(''));
    else if (key.name === 'u' && key.ctrl) change('');
    else if (isEnterKey(key)) {
      const judged = config.judge(value);
      if ('refusal' in judged) {
        // Emptied: the next paste would else be put behind the wrong value, and nobody would see it.
        setValue('');
        setError(judged.refusal);
      } else {
        config.answered();
        setValue(judged.value);
        setAnswered(true);
        done(judged.value);
      }
    }
  });

  const hidden = `hidden, ${characters(lengthOf(value))}`;
  return [line(config, answered, { shown: answered ? config.paint.accent(hidden) : config.paint.dim(`(${hidden})`) }), below(config, answered, error)];
});
