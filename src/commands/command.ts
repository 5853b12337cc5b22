/** What a command file exports: its run, which gets the parsed command line and the effects. */
import type { Context } from '../context.ts';
import type { RawArguments, RawOptions } from './options.ts';

export interface Call {
  readonly args: RawArguments;
  readonly options: RawOptions;
  readonly json: boolean;
  readonly yes: boolean;
  /** What stands after `--`, for a command that takes it as it is. */
  readonly rest?: readonly string[];
}

/** Resolves to the exit code; throws CredsetupError. */
export type Run = (call: Call, context: Context) => Promise<number>;

/** A command line that was read, or why it could not be. */
export type Parsed =
  | { readonly kind: 'command'; readonly command: string; readonly args: readonly (string | readonly string[] | undefined)[]; readonly options: Readonly<Record<string, unknown>>; readonly rest?: readonly string[] }
  | { readonly kind: 'menu'; readonly options: Readonly<Record<string, unknown>>; readonly help: string }
  | { readonly kind: 'usage'; readonly message: string; readonly help: string; readonly options: Readonly<Record<string, unknown>>; readonly rest?: readonly string[] };
