/**
 * Options as typed data: the flags that the command line and its help know, and how what was
 * given becomes a value. A command's run gets its own options, under the keys and with the types
 * that they are declared with. No imports: the entry reads this.
 */

/** One option; `read` turns what the parser gives (undefined when nothing was given) into the value. */
export interface OptionSpec<T = unknown> {
  /** As commander reads it: `--url <url>`. */
  readonly flags: string;
  readonly help: string;
  readonly choices?: readonly string[];
  /** The heading that it stands under in the help, which says what it needs. */
  readonly group?: string;
  /** What one occurrence becomes beside those before it; absent: the last one counts, as it is. */
  readonly gather?: (value: string, before: unknown) => unknown;
  /** A sentence when the text cannot be this option's. */
  readonly problem?: (value: string) => string | undefined;
  readonly read: (raw: unknown) => T;
}

/** Options by the key that a run knows them by. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;
export type OptionValues<O extends OptionSpecs> = { readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? T : never };

/** The options under one heading of the help. */
export function grouped<O extends OptionSpecs>(group: string, options: O): O {
  return Object.fromEntries(Object.entries(options).map(([key, spec]) => [key, { ...spec, group }])) as O;
}

/** There or not. */
export function flag(flags: string, help: string): OptionSpec<boolean> {
  return { flags, help, read: (raw) => raw === true };
}

/** `--no-browser`: true unless it was given. */
export function unless(flags: string, help: string): OptionSpec<boolean> {
  return { flags, help, read: (raw) => raw !== false };
}

export function text(flags: string, help: string): OptionSpec<string | undefined> {
  return { flags, help, read: textOf };
}

/** One of a few words. */
export function choice<const T extends string>(flags: string, help: string, choices: readonly T[]): OptionSpec<T | undefined> {
  return { flags, help, choices, read: (raw) => choices.find((one) => one === raw) };
}

/** May be given several times. */
export function texts(flags: string, help: string): OptionSpec<readonly string[]> {
  return { flags, help, gather: (value, before) => [...textsOf(before), value], read: textsOf };
}

/** Words separated by commas. */
export function words(flags: string, help: string): OptionSpec<readonly string[]> {
  return { flags, help, gather: (value) => value.split(',').map((one) => one.trim()).filter((one) => one !== ''), read: textsOf };
}

/**
 * Seconds, days: a number above zero, as people write one. JavaScript also reads `1e3`, `0x50`,
 * ` 80` and `+99` as numbers, and nobody means those.
 */
export function number(flags: string, help: string): OptionSpec<number | undefined> {
  const isOne = (value: string): boolean => /^\d{1,6}(\.\d{1,6})?$|^\.\d{1,6}$/.test(value) && Number(value) > 0;
  return { flags, help, problem: (value) => (isOne(value) ? undefined : 'It takes a number above zero, such as 30.'), read: numberOf };
}

/** A TCP port. */
export function port(flags: string, help: string): OptionSpec<number | undefined> {
  const isOne = (value: string): boolean => /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535;
  return { flags, help, problem: (value) => (isOne(value) ? undefined : 'It takes a port from 1 to 65535. Leave it out to use the usual one.'), read: numberOf };
}

function numberOf(raw: unknown): number | undefined {
  return typeof raw === 'string' ? Number(raw) : undefined;
}

function textOf(raw: unknown): string | undefined {
  return typeof raw === 'string' ? raw : undefined;
}

function textsOf(raw: unknown): readonly string[] {
  return Array.isArray(raw) ? raw.filter((one): one is string => typeof one === 'string') : [];
}

/** The values of a command's options, from what the parser gave by key. */
export function valuesOf<O extends OptionSpecs>(specs: O, raw: Readonly<Record<string, unknown>>): OptionValues<O> {
  return Object.fromEntries(Object.entries(specs).map(([key, spec]) => [key, spec.read(raw[key])])) as OptionValues<O>;
}
