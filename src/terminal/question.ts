/**
 * What a question is, however it is shown: shared by the prompts that are drawn and the plain ones.
 */
import { CredsetupError } from '../errors.ts';
import type { InputOwner } from './input-owner.ts';
import type { Sink } from './output.ts';
import { characters, clean, joined, lengthOf } from './paste.ts';

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
  /** What was pasted before it came. */
  readonly pasted?: string | undefined;
}

export type Judged = { readonly value: string } | { readonly refusal: string };

/** What a question for a line has beside its message. Harmless text. */
export interface Line {
  readonly help: string | undefined;
  readonly initial: string | undefined;
  /** There is more to show: a key asks for it. */
  readonly more: boolean;
  /** The value to answer with, or why not. */
  readonly judge: (typed: string) => Judged;
}

/** One of a list: its words without colours, and the drawn lines of both for a width. */
export interface Listed {
  readonly label: string;
  readonly note: string | undefined;
  readonly drawn: (columns: number) => { readonly name: string; readonly short: string };
}

/** In place of an answer: the person wants to see more of what was said. */
export const moreWanted = Symbol('more');

/** A way to ask. Each gives undefined for "back", and rejects with the run's reason when it was ended. */
export interface Questions {
  line(asked: Asked, line: Line): Promise<string | typeof moreWanted | undefined>;
  /** The place of the choice in the list. */
  choice(asked: Asked, choices: readonly Listed[], initial: number): Promise<number | undefined>;
}

/** What the questions need of the terminal. */
export interface Stage {
  readonly owner: InputOwner;
  readonly stderr: NodeJS.WritableStream & { readonly columns?: number };
  /** The run's signal: when it ends, an open question ends with its reason. */
  readonly signal: AbortSignal;
  readonly output: Sink;
}

/** Whoever types this alone goes back: an Esc cannot be typed into every line. */
export const backSign = '<';

/** What came in one piece, as the question takes it. */
export function judgedPiece(text: string, { maxLength, joinLines, bare }: Asked, judge: Line['judge']): Judged {
  const cleaned = clean(joinLines === true ? joined(text) : text, bare);
  if ('refusal' in cleaned) return { refusal: `What came has ${cleaned.refusal} and was not taken. Give the value alone, in one piece.` };
  const length = lengthOf(cleaned.value);
  if (length > maxLength) return { refusal: `What came has ${characters(length)}: at most ${characters(maxLength)} are taken. Give the value alone.` };
  return judge(cleaned.value);
}

/** For how many milliseconds nothing may come before a question opens; nobody notices these. */
export const quietBefore = { question: 20, confirmation: 150 } as const;

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

/** Empties what was typed ahead; then the question may open. */
export async function beforeQuestion({ owner, signal }: Stage, { pasteRefused }: Asked): Promise<void> {
  await owner.drain(pasteRefused === undefined ? quietBefore.question : quietBefore.confirmation);
  if (signal.aborted) throw reasonOf(signal);
}
