/** Runs one parsed command line: the one place from a failure to its text, JSON and exit code. */
import * as catalog from './commands/catalog.ts';
import type { CommandSpec, Everywhere, Given, Parsed, Run } from './commands/command.ts';
import { valuesOf } from './commands/option.ts';
import type { Context } from './context.ts';
import { CredsetupError, errorDocument, toCredsetupError } from './errors.ts';
import { printError } from './error-text.ts';
import { misplacedSecret, secretLookalike } from './services/misplaced-secret.ts';
import { wire, type Wiring } from './wiring/wire.ts';

type Runner = (given: Given, flags: Everywhere, context: Context, fromMenu?: boolean) => Promise<number>;

/** A command's run, loaded when it is called, with the options that its description declares. */
function runner<C extends CommandSpec>(spec: C, load: () => Promise<{ readonly run: Run<C> }>): readonly [string, Runner] {
  return [spec.name, async ({ args, raw, fields, rest = [] }, { json, yes }, context, fromMenu = false) => {
    const { run: its } = await load();
    return its({ args, options: valuesOf(spec.options as C['options'], raw), fields, rest, json, yes, fromMenu }, context);
  }];
}

const runners: ReadonlyMap<string, Runner> = new Map([
  ...catalog.setUps.map((spec) => runner(spec, async () => ({ run: (await import('./commands/set-up.ts')).setUpCommand(spec.name) }))),
  runner(catalog.list, () => import('./commands/list.ts')),
  runner(catalog.show, () => import('./commands/show.ts')),
  runner(catalog.get, () => import('./commands/get.ts')),
  runner(catalog.test, () => import('./commands/test.ts')),
  runner(catalog.exporting, () => import('./commands/export.ts')),
  runner(catalog.importing, () => import('./commands/import.ts')),
  runner(catalog.apply, () => import('./commands/apply.ts')),
  runner(catalog.completion, () => import('./commands/completion.ts')),
  runner(catalog.doctor, () => import('./commands/doctor.ts')),
  runner(catalog.exec, () => import('./commands/exec.ts')),
  runner(catalog.push, () => import('./commands/push.ts')),
  runner(catalog.check, () => import('./commands/check.ts')),
  runner(catalog.reconnect, () => import('./commands/reconnect.ts')),
  runner(catalog.refresh, () => import('./commands/refresh.ts')),
  runner(catalog.edit, () => import('./commands/edit.ts')),
  runner(catalog.store, () => import('./commands/store.ts')),
  runner(catalog.rename, () => import('./commands/rename.ts')),
  runner(catalog.rotate, () => import('./commands/rotate.ts')),
  runner(catalog.remove, () => import('./commands/remove.ts')),
]);

/** Resolves to the exit code; never rejects. */
export async function run(parsed: Parsed, version: string): Promise<number> {
  const network = parsed.kind === 'command' ? valuesOf(catalog.network, parsed.given.raw) : {};
  const wiring = await wire({ ...parsed.flags, version, network });
  try {
    return await wiring.untilStopped(dispatch(parsed, wiring).then(async (exitCode) => {
      await wiring.written();
      return exitCode;
    }));
  } catch (error) {
    return report(error, parsed, wiring);
  } finally {
    await wiring.close();
  }
}

/** Help that was asked for is data. */
export async function printHelp(text: string): Promise<number> {
  const wiring = await wire({ json: false, quiet: false, debug: false, verbose: false, color: false, plain: false, input: false, version: '' });
  const { output } = wiring.context;
  const columns = output.dataColumns();
  output.data(columns === undefined ? text : (await import('./terminal/wrap.ts')).wrapHelp(text, columns));
  try {
    await wiring.written();
    return 0;
  } catch (thrown) {
    const error = toCredsetupError(thrown);
    printError(error, output);
    return error.exitCode;
  }
}

/** Neither an option nor a name is a secret's place. Throws INPUT_INVALID. */
function refuseSecrets(command: string, { args, raw, fields }: Given): void {
  const spec = catalog.commands.find(({ name }) => name === command);
  const places: (readonly [place: string, value: unknown])[] = [
    // A Token ID looks like a token.
    ...Object.entries(spec?.options ?? {}).filter(([key]) => key !== 'tokenId').map(([key, { flags }]) => [flags.split(' ', 1)[0] ?? '', raw[key]] as const),
    ...(spec?.fields ?? []).filter(({ random }) => random !== true).map(({ key, option }) => [option, fields[key]?.value] as const),
    ...args.map((value) => ['The argument', value] as const),
  ];
  for (const [place, value] of places) {
    for (const text of Array.isArray(value) ? value as readonly unknown[] : [value]) {
      const found = typeof text === 'string' ? secretLookalike(text) : undefined;
      if (found !== undefined) throw misplacedSecret(place, found);
    }
  }
}

async function dispatch(parsed: Parsed, { context }: Wiring): Promise<number> {
  if (parsed.kind === 'usage' && parsed.asked !== undefined && await (await import('./commands/explain.ts')).explain(parsed.asked, parsed.flags.json, context)) return 0;
  if (parsed.kind === 'usage') {
    const { hintFor, inOurWords } = await import('./commands/mistakes.ts');
    throw new CredsetupError('USAGE', inOurWords(parsed.message), { hint: parsed.mistake === undefined ? `See ${parsed.help}` : hintFor(parsed.mistake, parsed.help) });
  }
  if (parsed.kind === 'menu') {
    if (context.interactive) return (await import('./commands/menu.ts')).menu((command, raw = {}) => execute(command, { args: [], raw, fields: {} }, parsed.flags, context, true), context);
    if (parsed.flags.json) throw new CredsetupError('USAGE', 'No command was given.', { hint: 'See credsetup --help' });
    context.output.warn(parsed.help);
    return 2;
  }
  refuseSecrets(parsed.command, parsed.given);
  return execute(parsed.command, parsed.given, parsed.flags, context);
}

async function execute(command: string, ...call: Parameters<Runner>): Promise<number> {
  const run = runners.get(command);
  if (run === undefined) throw new Error(`the command ${command} is described and not built`);
  return run(...call);
}

/** What a question would have given. */
function withReason(error: CredsetupError, { notAsked }: Context): CredsetupError {
  return error.code === 'INPUT_MISSING' && notAsked !== '' ? error.withHint(`${error.hint} ${notAsked}`) : error;
}

function report(thrown: unknown, parsed: Parsed, { context, answered }: Wiring): number {
  const error = withReason(toCredsetupError(thrown), context);
  const { output } = context;
  if (error.code === 'UNEXPECTED' && thrown instanceof Error) output.debug(thrown.stack ?? thrown.message);
  if (error.code === 'BROKEN_PIPE') return error.exitCode;
  const exitCode = exitCodeOf(error, parsed);
  // The error's own document is an answer too.
  const wasAnswered = answered();
  if (parsed.flags.json && !wasAnswered) output.json({ error: { ...errorDocument(error), exitCode } });
  // Standard output may be what cannot be written.
  if (error.details.stopped === true && !parsed.flags.json) output.warn(`Stopped at ${error.code}. Nothing was saved.`);
  else if (!parsed.flags.json || wasAnswered || error.code === 'FILE_UNWRITABLE') printError(error, output);
  return exitCode;
}

/** Where a command's own exit code is ours, 125 is a failure before it started; the error's code says which. */
function exitCodeOf(error: CredsetupError, parsed: Parsed): number {
  const rest = parsed.kind === 'command' ? parsed.given.rest : parsed.kind === 'usage' ? parsed.rest : undefined;
  const inPlace = rest !== undefined;
  return inPlace && error.exitCode < 126 ? 125 : error.exitCode;
}
