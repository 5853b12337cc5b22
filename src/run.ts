/** Runs one parsed command line: the one place from a failure to its text, JSON and exit code. */
import type { Call, Parsed, Run } from './commands/command.ts';
import { CredsetupError, errorDocument, toCredsetupError } from './errors.ts';
import { printError } from './error-text.ts';
import { wire, type Wiring } from './wiring.ts';

const runs: Readonly<Record<string, () => Promise<{ readonly run: Run }>>> = {
  mautic: () => import('./commands/mautic.ts'),
  mattermost: () => import('./commands/mattermost.ts'),
  list: () => import('./commands/list.ts'),
  show: () => import('./commands/show.ts'),
  get: () => import('./commands/get.ts'),
  test: () => import('./commands/test.ts'),
  export: () => import('./commands/export.ts'),
  exec: () => import('./commands/exec.ts'),
  push: () => import('./commands/push.ts'),
  reconnect: () => import('./commands/reconnect.ts'),
  refresh: () => import('./commands/refresh.ts'),
  edit: () => import('./commands/edit.ts'),
  rename: () => import('./commands/rename.ts'),
  rotate: () => import('./commands/rotate.ts'),
  remove: () => import('./commands/remove.ts'),
};

/** Resolves to the exit code; never rejects. */
export async function run(parsed: Parsed, version: string): Promise<number> {
  const { options } = parsed;
  const wiring = wire({
    json: options['json'] === true, quiet: options['quiet'] === true, debug: options['debug'] === true,
    color: options['color'] !== false, input: options['input'] !== false, version,
  });
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
  const wiring = wire({ json: false, quiet: false, debug: false, color: false, input: false, version: '' });
  const { output } = wiring.context;
  output.data(text);
  try {
    await wiring.written();
    return 0;
  } catch (thrown) {
    const error = toCredsetupError(thrown);
    printError(error, output);
    return error.exitCode;
  }
}

async function dispatch(parsed: Parsed, { context }: Wiring): Promise<number> {
  if (parsed.kind === 'usage') throw new CredsetupError('USAGE', parsed.message, { hint: `See ${parsed.help}` });
  const call: Call = {
    args: parsed.kind === 'command' ? parsed.args : [], options: parsed.options,
    json: parsed.options['json'] === true, yes: parsed.options['yes'] === true,
    ...(parsed.kind === 'command' && parsed.rest !== undefined ? { rest: parsed.rest } : {}),
  };
  if (parsed.kind === 'menu') {
    if (context.interactive) return (await import('./commands/menu.ts')).run(call, context);
    if (call.json) throw new CredsetupError('USAGE', 'No command was given.', { hint: 'See credsetup --help' });
    context.output.warn(parsed.help);
    return 2;
  }
  const load = runs[parsed.command];
  if (load === undefined) throw new Error(`the command ${parsed.command} is described and not built`);
  return (await load()).run(call, context);
}

function report(thrown: unknown, parsed: Parsed, { context }: Wiring): number {
  const error = toCredsetupError(thrown);
  const { output } = context;
  if (error.code === 'UNEXPECTED' && thrown instanceof Error) output.debug(thrown.stack ?? thrown.message);
  if (error.code === 'BROKEN_PIPE') return error.exitCode;
  const exitCode = exitCodeOf(error, parsed);
  if (parsed.options['json'] === true) output.json({ error: { ...errorDocument(error), exitCode } });
  // Standard output may be what cannot be written.
  if (error.details.stopped === true && parsed.options['json'] !== true) output.warn(`Stopped at ${error.code}. Nothing was saved.`);
  else if (parsed.options['json'] !== true || error.code === 'FILE_UNWRITABLE') printError(error, output);
  return exitCode;
}

/** Where a command's own exit code is ours, 125 is a failure before it started; the error's code says which. */
function exitCodeOf(error: CredsetupError, parsed: Parsed): number {
  const inPlace = parsed.kind !== 'menu' && parsed.rest !== undefined;
  return inPlace && error.exitCode < 126 ? 125 : error.exitCode;
}
