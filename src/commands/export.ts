/** `export`: credentials with their secrets, to standard output or a file. */
import type { Context } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { exporters, type ExportFormat } from '../exporters/index.ts';
import { confirm } from './confirm.ts';
import type { Call, Run } from './command.ts';
import { flag, names, networkOptions, text } from './options.ts';
import { findMany } from './found.ts';
import { exitCodeOf, reportResults } from './results.ts';
import { testAll } from './test.ts';

export const run: Run = async (call, context) => {
  const vault = await context.vault();
  const many = flag(call.options, 'all');
  const found = await findMany(names(call.args), many, vault);
  const target = exportTarget(call);
  await allowExport(target, call, context);
  if (flag(call.options, 'test')) {
    const results = [...(await testAll(found, networkOptions(call.options), context)).values()];
    const exitCode = exitCodeOf(results, many || results.length > 1);
    if (exitCode !== 0) return reportResults(results.filter((one) => one.status === 'failed'), call, context, exitCode);
  }
  const full: FullCredential[] = [];
  for (const { name } of found) full.push(await vault.load(name));
  await writeExport(full, target, call.json, context);
  return 0;
};

export interface ExportTarget {
  readonly format: ExportFormat;
  readonly output: string | undefined;
  readonly overwrite: boolean;
}

/** Throws USAGE: --overwrite without --output. */
export function exportTarget({ options }: Pick<Call, 'options'>, format = text(options, 'format') ?? 'json'): ExportTarget {
  const output = text(options, 'output');
  if (flag(options, 'overwrite') && output === undefined) throw new CredsetupError('USAGE', '--overwrite goes with --output.', { hint: 'Name the file with --output FILE.' });
  return { format: format as ExportFormat, output, overwrite: flag(options, 'overwrite') };
}

/**
 * Before anything is done for it: secrets on a screen only when somebody said so, and no file
 * that is in the way. Throws CANCELLED, FILE_EXISTS, FILE_UNWRITABLE.
 */
export async function allowExport({ output, overwrite }: ExportTarget, { yes }: Call, context: Context): Promise<void> {
  if (output !== undefined) await context.checkTarget(output, { overwrite });
  else if (!yes && context.outputIsTerminal) {
    await confirm(context, { message: 'The secrets will stand on the screen. Type the word to go on', word: 'show', otherwise: '--yes' });
  }
}

/** To standard output and nothing else, or to the file and then what was written as `--json` says. */
export async function writeExport(credentials: readonly FullCredential[], target: ExportTarget, json: boolean, context: Context): Promise<void> {
  const exported = exporters[target.format](credentials, context.now());
  if (target.output === undefined) {
    context.output.data(exported);
    return;
  }
  await context.writeFile(target.output, exported, { overwrite: target.overwrite });
  if (json) context.output.json({ file: target.output, format: target.format, credentials: credentials.map(({ credential }) => credential) });
  context.output.say(`${context.output.style.good('✔')} ${target.output} now holds ${credentials.length === 1 ? 'one credential' : `${credentials.length} credentials`} with secrets. Whoever reads it can use them.`);
}
