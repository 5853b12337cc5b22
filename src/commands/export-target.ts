/** Where an export goes, whether it may, and the writing of it. */
import type { Context } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import type { ExportFormat } from '../exporters/formats.ts';
import { exportFormats, isExportFormat } from '../exporters/index.ts';
import { checkPrefix } from '../exporters/variables.ts';
import { methodOf } from '../services/registry.ts';
import { checkGithubMask, secretsInExport } from './github-mask.ts';
import { confirm } from './confirm.ts';

export interface ExportTarget {
  readonly format: ExportFormat;
  readonly output: string | undefined;
  readonly overwrite: boolean;
  readonly prefix: string | undefined;
  /** The refresh token is written too, and ours is given up. */
  readonly handOver: boolean;
  /** The secrets are masked in the log of a GitHub job before they are written. */
  readonly githubMask: boolean;
}

/** What the command line says of the target. */
export interface ExportOptions {
  readonly output: string | undefined;
  readonly overwrite: boolean;
  readonly prefix: string | undefined;
  readonly githubMask: boolean;
  readonly handOver?: boolean;
}

const standardOutput = /^\/(dev\/stdout|(dev|proc\/self)\/fd\/1)$/;

/** Throws USAGE: options that do not go together, a format or a prefix that there is not. */
export function exportTarget(options: ExportOptions, format: string, json: boolean): ExportTarget {
  const { output, overwrite, githubMask, handOver = false } = options;
  const prefix = checkPrefix(options.prefix);
  if (!isExportFormat(format)) throw new CredsetupError('USAGE', `There is no format ${JSON.stringify(format.slice(0, 64))}.`, { hint: `There are: ${Object.keys(exportFormats).join(', ')}.` });
  if (overwrite && output === undefined) throw new CredsetupError('USAGE', '--overwrite goes with --output.', { hint: 'Name the file with --output FILE.' });
  if (prefix !== undefined && !exportFormats[format].hasVariables) {
    throw new CredsetupError('USAGE', `--prefix is about the names of variables, and the format ${format} has none.`, { hint: 'It goes with dotenv, docker-env, shell and kubernetes.' });
  }
  if (json && (output === undefined ? format !== 'json' : standardOutput.test(output))) {
    throw new CredsetupError('USAGE', 'Standard output cannot hold the export and the JSON document of --json.', { hint: 'Name a file with --output FILE, or leave --json away.' });
  }
  if (handOver && exportFormats[format].hasVariables) {
    throw new CredsetupError('USAGE', `The format ${format} has no place for a refresh token, so nothing can be handed over by it.`, { hint: '--hand-over goes with json and n8n.' });
  }
  return { format, output, overwrite, prefix, handOver, githubMask };
}

/**
 * Before anything is done for it: secrets on a screen only when somebody said so, and no file
 * that is in the way. Throws CANCELLED, FILE_EXISTS, FILE_UNWRITABLE.
 */
export async function allowExport({ output, overwrite, githubMask }: ExportTarget, yes: boolean, context: Context): Promise<void> {
  checkGithubMask(githubMask, context);
  if (output !== undefined) await context.checkTarget(output, { overwrite });
  else if (!yes && context.outputIsTerminal) {
    await confirm(context, { message: 'The secrets will stand on the screen. Type the word to go on', word: 'show', otherwise: '--yes' });
  }
}

/** To standard output and nothing else, or to the file and then what was written as `--json` says. */
export async function writeExport(credentials: readonly FullCredential[], target: ExportTarget, json: boolean, context: Context): Promise<void> {
  const items = credentials.map((full) => ({ full, method: methodOf(full.credential) }));
  const exporter = await exportFormats[target.format].load();
  const options = { now: context.now(), prefix: target.prefix, handOver: target.handOver };
  const exported = exporter(items, options);
  const { output } = context;
  if (target.githubMask && context.env['GITHUB_ACTIONS'] === 'true') output.maskAtRunner(secretsInExport(exporter, items, options));
  if (target.output === undefined) {
    output.data(exported);
  } else {
    await writeToFile(exported, target.output, target.overwrite, context);
    if (json) output.json({ file: target.output, format: target.format, credentials: credentials.map(({ credential }) => credential) });
    output.say(`${output.style.good('✔')} ${target.output} now holds ${credentials.length === 1 ? 'one credential' : `${credentials.length} credentials`} with secrets. Whoever reads it can use them.`);
  }
  for (const { text, isWarning } of exportFormats[target.format].remarks?.(items, { file: target.output, handOver: target.handOver }) ?? []) {
    if (isWarning) output.warn(`${output.style.caution('!')} ${text}`);
    else output.say(text);
  }
}

async function writeToFile(exported: string, file: string, overwrite: boolean, context: Context): Promise<void> {
  const { output } = context;
  await context.writeFile(file, exported, { overwrite });
  if (await context.isInWorkTree(file)) {
    output.warn(`${output.style.caution('!')} ${file} lies in a git work tree. Keep it out of every commit: name it in .gitignore, or write it elsewhere.`);
  }
}
