/**
 * The entry: reads the command line and hands it on. It holds only commander and the catalog;
 * everything else is loaded when a command runs.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { commands, everywhere, type CommandSpec, type OptionSpec } from './commands/catalog.ts';
import type { Parsed } from './commands/command.ts';

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
  return program(() => undefined).helpInformation();
}

/** undefined: help or version was asked for, and is in `printed`. */
export function parse(argv: readonly string[], printed: string[]): Parsed | undefined {
  const { ours, rest } = divided(argv);
  const parsed = parseOurs(ours, printed);
  return parsed === undefined || parsed.kind === 'menu' || rest === undefined ? parsed : { ...parsed, rest };
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
  const root = program((found) => { parsed = found; });
  for (const one of [root, ...root.commands]) {
    one.exitOverride().configureOutput({ writeOut: (text) => printed.push(text), writeErr: () => undefined, getOutHasColors: () => false });
  }
  try {
    root.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    return { kind: 'usage', message: error.code === 'commander.help' ? noCommand(argv.filter((word) => !word.startsWith('-'))[1]) : usageMessage(error), help: helpFor(root, argv), options: flagsIn(argv) };
  }
  return parsed;
}

function noCommand(word = ''): string {
  return `There is no command ${JSON.stringify(word)}.`;
}

/** `--token=SECRET` is no option of ours, and the value is not repeated. */
function usageMessage({ code, message }: CommanderError): string {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ');
  return code === 'commander.unknownOption' ? text.replace(/^(unknown option '[^'=]*)=[^]*?'(?=$| \(Did)/, "$1'") : text;
}

function helpFor(root: Command, argv: readonly string[]): string {
  const name = argv.find((word) => root.commands.some((command) => command.name() === word));
  return name === undefined ? 'credsetup --help' : `credsetup ${name} --help`;
}

/** An error in the options must not change how it is reported. What stands after `--` is not ours. */
function flagsIn(argv: readonly string[]): Readonly<Record<string, unknown>> {
  const end = argv.indexOf('--');
  const ours = end < 0 ? argv : argv.slice(0, end);
  return { json: ours.includes('--json'), quiet: ours.includes('--quiet'), debug: ours.includes('--debug'), color: !ours.includes('--no-color') };
}

function program(found: (parsed: Parsed) => void): Command {
  const root = new Command('credsetup')
    .description('Sets up Mautic and Mattermost credentials for n8n, and proves that they work.')
    .version(CREDSETUP_VERSION, '-V, --version')
    .helpCommand('help [command]', 'help for a command');
  for (const spec of everywhere) root.addOption(option(spec));
  // A word that is no command is a mistake and not an argument.
  root.argument('[command]').allowExcessArguments(true).usage('[options] [command]');
  root.action((word: string | undefined) => {
    if (word !== undefined) throw new CommanderError(2, 'credsetup.command', noCommand(word));
    found({ kind: 'menu', options: root.opts(), help: root.helpInformation() });
  });
  for (const spec of commands) root.addCommand(subcommand(spec, root, found));
  root.addHelpText('after', '\nOn a terminal, credsetup asks for what it needs. In scripts give options and variables.\n');
  return root;
}

function subcommand(spec: CommandSpec, root: Command, found: (parsed: Parsed) => void): Command {
  const command = new Command(spec.name).description(spec.summary).helpOption('-h, --help', 'this help');
  if (spec.arguments !== undefined) command.arguments(spec.arguments);
  for (const one of spec.options) command.addOption(option(one));
  for (const one of everywhere) command.addOption(option(one));
  if (spec.notes !== undefined) command.addHelpText('after', `\n${spec.notes.join('\n')}\n`);
  command.allowExcessArguments(false);
  command.action((...values: unknown[]) => {
    // commander hands over the arguments, then the options, then the command.
    const args = values.slice(0, -2) as (string | readonly string[] | undefined)[];
    found({ kind: 'command', command: spec.name, args, options: merged(root.opts(), command.opts()) });
  });
  return command;
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

function option(spec: OptionSpec): Option {
  const made = new Option(spec.flags, spec.help);
  if (spec.choices !== undefined) made.choices(spec.choices);
  if (spec.repeatable === true) made.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  if (spec.list === true) made.argParser((value: string) => value.split(',').map((one) => one.trim()).filter((one) => one !== ''));
  if (spec.number === true) made.argParser(positiveNumber);
  if (spec.port === true) made.argParser(port);
  return made;
}

/** As people write one. JavaScript also reads `1e3`, `0x50`, ` 80` and `+99` as numbers, and nobody means those. */
function positiveNumber(text: string): number {
  const value = /^\d{1,6}(\.\d{1,6})?$|^\.\d{1,6}$/.test(text) ? Number(text) : 0;
  if (!(value > 0)) throw new InvalidArgumentError('It takes a number above zero, such as 30.');
  return value;
}

function port(text: string): number {
  const value = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  if (!(value > 0 && value <= 65_535)) throw new InvalidArgumentError('It takes a port from 1 to 65535. Leave it out to use 18265.');
  return value;
}
