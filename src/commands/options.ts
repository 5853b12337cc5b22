/** From the parsed command line to typed options. A command's run never sees argv. */
import type { HttpOptions } from '../context.ts';

export type RawOptions = Readonly<Record<string, unknown>>;
export type RawArguments = readonly (string | readonly string[] | undefined)[];

export function text(options: RawOptions, key: string): string | undefined {
  const value = options[key];
  return typeof value === 'string' ? value : undefined;
}

export function flag(options: RawOptions, key: string): boolean {
  return options[key] === true;
}

export function list(options: RawOptions, key: string): readonly string[] {
  const value = options[key];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

export function number(options: RawOptions, key: string): number | undefined {
  const value = options[key];
  return typeof value === 'number' ? value : undefined;
}

export function networkOptions(options: RawOptions): HttpOptions {
  return { proxy: text(options, 'proxy'), timeout: number(options, 'timeout') };
}

/** The first argument; commander has made sure that it is there. */
export function name(args: RawArguments, index = 0): string {
  const value = args[index];
  return typeof value === 'string' ? value : '';
}

export function names(args: RawArguments, index = 0): readonly string[] {
  const value = args[index];
  return typeof value === 'object' ? value : [];
}
