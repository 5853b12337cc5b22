/**
 * The entry: reads the command line and hands it on. It holds only commander and the catalog;
 * everything else is loaded when a command runs.
 */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { commands, everywhere, examples, fieldOptions, optionsOf } from './commands/catalog.ts';
import type { Arguments, CommandSpec, Everywhere, Mistake, Parsed } from './commands/command.ts';
import { valuesOf, type OptionSpec, type OptionSpecs } from './commands/option.ts';
import type { FieldOptions } from './field-sources.ts';
import { serviceLines } from './services/map.ts';

declare const CREDSETUP_VERSION: string;

/**
 * Runs one command line (without node and script).
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const printed: string[] = [];
  const parsed = parse(argv, printed);
  if (parsed === undefined) {
    const { printHelp } = await import('./run.ts');
    return printHelp(printed.join(''));
  }
  const { run } = await import('./run.ts');
  return run(parsed, CREDSETUP_VERSION);
}

/** The root help, for the build. */
export function rootHelp(): string {
  return program(() => undefined, []).helpInformation();
}

/** undefined: help or version was asked for, and is in `printed`. */
export function parse(words: readonly string[], printed: string[]): Parsed | undefined {
  const { ours, rest } = divided(canonical(words));
  const parsed = parseOurs(ours, printed);
  if (parsed === undefined || parsed.kind === 'menu' || rest === undefined) return parsed;
  return parsed.kind === 'usage' ? { ...parsed, rest } : { ...parsed, given: { ...parsed.given, rest } };
}

/** For a command that passes on what stands after `--`: that apart, untouched, also when it is nothing. */
function divided(argv: readonly string[]): { readonly ours: readonly string[]; readonly rest?: readonly string[] } {
  const end = argv.indexOf('--');
  const ours = end < 0 ? argv : argv.slice(0, end);
  const name = ours.find((word) => commands.some((command) => command.name === word));
  if (commands.find((command) => command.name === name)?.passThrough !== true) return { ours: argv };
  return { ours, rest: end < 0 ? [] : argv.slice(end + 1) };
}

function parseOurs(argv: readonly string[], printed: string[]): Parsed | undefined {
  let parsed: Parsed | undefined;
  const root = program((found) => { parsed = found; }, argv);
  for (const one of [root, ...root.commands]) {
    one.exitOverride().showSuggestionAfterError(false)
      .configureOutput({ writeOut: (text) => printed.push(text), writeErr: () => undefined, getOutHasColors: () => false });
  }
  try {
    root.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const word = argv.find((one) => !one.startsWith('-'));
    // The help that was asked for is that of a command that there is not: the root's would look like an answer.
    const strange = error.code === 'commander.helpDisplayed' && word !== undefined && word !== 'help' && !commands.some(({ name }) => name === word);
    if (error.exitCode === 0 && !strange) return undefined;
    if (strange) printed.length = 0;
    const asked = error.code === 'commander.help' ? argv.filter((one) => !one.startsWith('-'))[1] : undefined;
    const message = strange ? noCommand(word) : asked !== undefined ? noCommand(asked) : usageMessage(error);
    const mistake = mistakeIn(error, root, argv, strange || error.code === 'credsetup.command' ? word : asked);
    return {
      kind: 'usage', message, help: helpFor(root, argv), flags: flagsIn(argv),
      ...(asked === undefined ? {} : { asked }), ...(mistake === undefined ? {} : { mistake }),
    };
  }
  return parsed;
}

/** What was typed that is none of ours; what it was meant for is found out where the error is told. */
function mistakeIn(error: CommanderError, root: Command, argv: readonly string[], strange: string | undefined): Mistake | undefined {
  if (strange !== undefined) return { kind: 'command', word: strange };
  const word = /^error: unknown option '(-[^'=]*)/.exec(error.message)?.[1];
  const command = commandIn(root, argv);
  return word === undefined ? undefined : { kind: 'option', word, ...(command === undefined ? {} : { command }) };
}

function commandIn(root: Command, argv: readonly string[]): string | undefined {
  return argv.find((word) => root.commands.some((command) => command.name() === word));
}

/** A command by another word for it, which is the first that is no option: the options before it take no values. */
function canonical(argv: readonly string[]): readonly string[] {
  const at = argv.findIndex((word) => !word.startsWith('-'));
  const named = commands.find(({ aliases = [] }) => aliases.includes(argv[at] ?? ''));
  return named === undefined ? argv : argv.with(at, named.name);
}

function noCommand(word = ''): string {
  return `There is no command ${JSON.stringify(word)}.`;
}

/** `--token=SECRET` is no option of ours, and the value is not repeated. */
function usageMessage({ code, message }: CommanderError): string {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ');
  return code === 'commander.unknownOption' ? text.replace(/^(unknown option '[^'=]*)=[^]*$/, "$1'") : text;
}

function helpFor(root: Command, argv: readonly string[]): string {
  const name = commandIn(root, argv);
  return name === undefined ? 'credsetup --help' : `credsetup ${name} --help`;
}

/** An error in the options must not change how it is reported. What stands after `--` is not ours. */
function flagsIn(argv: readonly string[]): Everywhere {
  const end = argv.indexOf('--');
  const ours = end < 0 ? argv : argv.slice(0, end);
  return valuesOf(everywhere, Object.fromEntries(Object.entries(everywhere).map(([key, { flags }]) => [key, ours.includes(flags) ? !flags.startsWith('--no-') : undefined])));
}

/** Every command by its name and summary; with its options only what the line may mean: to make them all takes as long as reading the index. */
function program(found: (parsed: Parsed) => void, argv: readonly string[]): Command {
  const root = new Command('credsetup')
    .description(`Sets up credentials of ${titles()} for n8n, and proves that they work.\n\n${['Examples:', ...examples.map((line) => `  ${line}`)].join('\n')}`)
    .version(CREDSETUP_VERSION, '-V, --version')
    .helpCommand('help [command]', 'help for a command, or what an error\'s code means');
  for (const spec of Object.values(everywhere)) root.addOption(option(spec));
  // A word that is no command is a mistake and not an argument.
  root.argument('[command]').allowExcessArguments(true).usage('[options] [command]');
  root.action((word: string | undefined) => {
    if (word !== undefined) throw new CommanderError(2, 'credsetup.command', noCommand(word));
    found({ kind: 'menu', flags: valuesOf(everywhere, root.opts()), help: root.helpInformation() });
  });
  for (const spec of commands) root.addCommand(argv.includes(spec.name) ? subcommand(spec, root, found) : named(spec));
  root.addHelpText('after', '\nOn a terminal, credsetup asks for what it needs. In scripts give options and variables.\n');
  return root;
}

/** Enough for the list of commands, which says of each whether it takes options. */
function named({ name, summary, group, arguments: words }: CommandSpec): Command {
  const command = new Command(name).description(summary).helpGroup(`${group ?? 'Commands'}:`);
  if (words !== undefined) command.arguments(words);
  command.addOption(option(everywhere.json));
  return command;
}

function titles(): string {
  const all = serviceLines.map(({ title }) => title);
  return [all.slice(0, -1).join(', '), ...all.slice(-1)].filter((one) => one !== '').join(' and ');
}

/** The help begins with what most people want to do. */
function withExamples({ summary, examples = [] }: CommandSpec): string {
  const sentence = `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`;
  return examples.length === 0 ? sentence : `${sentence}\n\n${['Examples:', ...examples.map((line) => `  ${line}`)].join('\n')}`;
}

function subcommand(spec: CommandSpec, root: Command, found: (parsed: Parsed) => void): Command {
  const command = new Command(spec.name).summary(spec.summary).description(withExamples(spec)).helpGroup(`${spec.group ?? 'Commands'}:`)
    .helpOption('-h, --help', 'this help');
  if (spec.words !== undefined) command.addArgument(new Argument(spec.arguments ?? '').choices(spec.words));
  else if (spec.arguments !== undefined) command.arguments(spec.arguments);
  for (const one of optionsOf(spec)) command.addOption(option(one));
  if (spec.notes !== undefined) command.addHelpText('after', `\n${spec.notes.join('\n')}\n`);
  command.allowExcessArguments(false);
  command.action((...values: unknown[]) => {
    // commander hands over the arguments, then the options, then the command.
    const args = values.slice(0, -2) as Arguments;
    const given = command.opts();
    found({
      kind: 'command', command: spec.name, flags: valuesOf(everywhere, merged(root.opts(), given)),
      given: { args, raw: byKey(spec.options, given), fields: fieldsIn(spec, given) },
    });
  });
  return command;
}

/** The name that commander keeps an option's value under. */
function attribute(flags: string): string {
  return new Option(flags).attributeName();
}

function byKey(specs: OptionSpecs, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(specs).filter(([, { flags }]) => flags !== '').map(([key, { flags }]) => [key, given[attribute(flags)]]));
}

/** What is said of each field; two fields of one option are given alike. */
function fieldsIn({ fields = [] }: CommandSpec, given: Readonly<Record<string, unknown>>): Readonly<Record<string, FieldOptions>> {
  return Object.fromEntries(fields.map((field) => {
    const raw = byKey(fieldOptions(field), given);
    return [field.key, { value: wordOf(raw['value']), file: wordOf(raw['file']), stdin: raw['stdin'] === true }];
  }));
}

function wordOf(raw: unknown): string | undefined {
  return typeof raw === 'string' ? raw : undefined;
}

/** Options of every command may stand before its name; `--no-color` and its kind count on either side. */
function merged(before: Record<string, unknown>, behind: Record<string, unknown>): Record<string, unknown> {
  const all = { ...before, ...behind };
  for (const [key, value] of Object.entries(before)) {
    if (value === true && behind[key] === undefined) all[key] = true;
    if (value === false) all[key] = false;
  }
  return all;
}

function option({ flags, help, choices, gather, problem, group }: OptionSpec): Option {
  const made = new Option(flags, help).helpGroup(`${group ?? 'Options'}:`);
  if (choices !== undefined) made.choices(choices);
  if (gather !== undefined) made.argParser(gather);
  if (problem !== undefined) made.argParser((value: string) => accepted(value, problem(value)));
  return made;
}

function accepted(value: string, problem: string | undefined): string {
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return value;
}
