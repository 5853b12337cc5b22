/** What the parts of the wiring share: the run's options, its streams and the way to stop it. */
import type { Context, HttpOptions } from '../context.ts';
import type { ErrorCode } from '../errors.ts';
import type { Sink } from '../terminal/output.ts';
import type { StandardStream } from '../terminal/standard-streams.ts';

export interface RunOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
  /** Nothing is drawn, see terminal/plain.ts. */
  readonly plain: boolean;
  readonly input: boolean;
  readonly version: string;
  /** `--proxy` and `--timeout`: for a store that is on another machine, too. */
  readonly network?: HttpOptions;
}

export interface Parts {
  readonly options: RunOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stopper: AbortController;
  readonly output: Sink;
  readonly stdout: StandardStream;
  readonly stderr: StandardStream;
  readonly stop: (code: ErrorCode) => void;
  readonly inOnePiece: Context['inOnePiece'];
  /** Warnings of connections that were said. */
  readonly said: Set<string>;
  /** What was open for writing when the program was started. */
  readonly descriptors: () => ReadonlySet<number>;
  /** While a command runs in our place, signals are its own. */
  readonly child: { pass: ((signal: NodeJS.Signals) => void) | undefined };
}

/** Something that keeps the process alive until it is ended. */
export type Closers = (() => Promise<void> | void)[];

/** What is made when it is asked for first, and is the same from then on. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

export function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
