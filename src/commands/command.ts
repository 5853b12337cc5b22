/** What a command is: its description as data, and its run, which gets what was given and the effects. */
import type { Context, HttpOptions } from '../context.ts';
import type { FieldOptions } from '../field-sources.ts';
import type { Field } from '../services/field.ts';
import type { OptionSpecs, OptionValues } from './option.ts';

/** A command as the command line knows it. */
export interface CommandSpec<O extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  /** As commander reads it: `[name...]`. */
  readonly arguments?: string;
  /** All that its first argument may be. */
  readonly words?: readonly string[];
  readonly summary: string;
  /** Other words for it, which people bring along. */
  readonly aliases?: readonly string[];
  /** The heading that it stands under in the list of all. */
  readonly group?: string;
  /** Whole lines, the likeliest first: the help begins with them. */
  readonly examples?: readonly string[];
  readonly options: O;
  /** Keys of `options` that this command does not take; its run reads them as not given. */
  readonly without?: readonly string[];
  /** Each is an option too, or for a secret two: a file and standard input. */
  readonly fields?: readonly Field[];
  /** The heading that a field's options stand under. */
  readonly fieldGroup?: (field: Field) => string;
  readonly notes?: readonly string[];
  /** What stands after `--` is not ours, whatever it looks like. */
  readonly passThrough?: boolean;
}

export type Arguments = readonly (string | readonly string[] | undefined)[];

/** What every command takes. */
export interface Everywhere {
  readonly json: boolean;
  readonly input: boolean;
  readonly yes: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
  readonly plain: boolean;
}

/** A word that is none of ours. */
export interface Mistake {
  readonly kind: 'command' | 'option';
  /** Without a value that stood behind it. */
  readonly word: string;
  /** Of an option: the command that it was given to. */
  readonly command?: string;
}

/** A command line that was read, or why it could not be. `asked`: a word whose help was asked for and that is no command. */
export type Parsed =
  | { readonly kind: 'command'; readonly command: string; readonly flags: Everywhere; readonly given: Given }
  | { readonly kind: 'menu'; readonly flags: Everywhere; readonly help: string }
  | { readonly kind: 'usage'; readonly message: string; readonly help: string; readonly flags: Everywhere; readonly rest?: readonly string[]; readonly mistake?: Mistake; readonly asked?: string };

/** What the command line says to one command. */
export interface Given {
  readonly args: Arguments;
  /** As the parser gives them, by the key that they are declared with. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** By field key. */
  readonly fields: Readonly<Record<string, FieldOptions>>;
  /** What stands after `--`, for a command that takes it as it is. */
  readonly rest?: readonly string[];
}

/** What a run gets. */
export interface Call<O extends OptionSpecs = OptionSpecs> {
  readonly args: Arguments;
  readonly options: OptionValues<O>;
  readonly fields: Readonly<Record<string, FieldOptions>>;
  readonly json: boolean;
  readonly yes: boolean;
  readonly rest: readonly string[];
  /** Esc at the first question leads back there. */
  readonly fromMenu: boolean;
}

/** The call of one command. */
export type CallOf<C extends CommandSpec> = Call<C['options']>;

/** Resolves to the exit code; throws CredsetupError. */
export type Run<C extends CommandSpec> = (call: CallOf<C>, context: Context) => Promise<number>;

/** The first argument; the parser has made sure that it is there. */
export function name(args: Arguments, index = 0): string {
  const value = args[index];
  return typeof value === 'string' ? value : '';
}

export function names(args: Arguments, index = 0): readonly string[] {
  const value = args[index];
  return typeof value === 'object' ? value : [];
}

/** What of a command's options is about the network. */
export function networkOptions({ proxy, timeout }: HttpOptions): HttpOptions {
  return { proxy, timeout };
}
