/** `export`: credentials with their secrets, to standard output or a file. */
import type { Context, HttpOptions } from '../context.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import type { ExportItem } from '../exporters/export.ts';
import { exportFormats, isExportFormat, type ExportFormat } from '../exporters/index.ts';
import { checkPrefix, checkVariables } from '../exporters/variables.ts';
import { findMethod, findService } from '../services/registry.ts';
import { gaveUp, giveUp } from '../stored/hand-over.ts';
import { confirm } from './confirm.ts';
import type { Call, Run } from './command.ts';
import { flag, names, networkOptions, text } from './options.ts';
import { findMany } from './find-credentials.ts';
import { exitCodeOf, reportResults } from './results.ts';
import { testAll } from './test.ts';

export const run: Run = async (call, context) => {
  const target = exportTarget(call);
  const vault = await context.vault();
  const many = flag(call.options, 'all');
  const found = await findMany(names(call.args), many, vault);
  if (exportFormats[target.format].sharesVariables) checkVariables(found.map(described), target.prefix);
  await allowExport(target, call, context);
  if (flag(call.options, 'test')) {
    const results = [...(await testAll(found, networkOptions(call.options), context)).values()];
    const exitCode = exitCodeOf(results, many || results.length > 1);
    if (exitCode !== 0) return reportResults(results.filter((one) => one.status === 'failed'), call, context, exitCode);
  }
  const full: FullCredential[] = [];
  const deps = { vault, http: await context.http(networkOptions(call.options)), context };
  const to = target.output ?? 'standard output';
  for (const credential of found) {
    full.push(await (target.handOver ? giveUp(credential, to, deps) : loadFresh(credential, networkOptions(call.options), context)));
  }
  await writeExport(full, target, call.json, context);
  for (const one of full) await gaveUp(one, to, deps);
  return 0;
};

/** A credential beside what its method describes. */
export function described(credential: Credential): { readonly credential: Credential; readonly method: ExportItem['method'] } {
  return { credential, method: findMethod(findService(credential.service), credential.method) };
}

/** Whole, and with an access token that does not end in a moment. Touches the network for that alone. */
export async function loadFresh({ name, service, method, handedOver }: Credential, network: HttpOptions, context: Context): Promise<FullCredential> {
  const vault = await context.vault();
  if (handedOver === undefined && findMethod(findService(service), method).oauth === undefined) return vault.load(name);
  const { fresh } = await import('../stored/fresh.ts');
  return fresh(name, { vault, http: await context.http(network), context });
}

export interface ExportTarget {
  readonly format: ExportFormat;
  readonly output: string | undefined;
  readonly overwrite: boolean;
  readonly prefix: string | undefined;
  /** The refresh token is written too, and ours is given up. */
  readonly handOver: boolean;
}

const standardOutput = /^\/(dev\/stdout|(dev|proc\/self)\/fd\/1)$/;

/** Throws USAGE: options that do not go together, a format or a prefix that there is not. */
export function exportTarget({ options, json }: Pick<Call, 'options' | 'json'>, format = text(options, 'format') ?? 'json'): ExportTarget {
  const output = text(options, 'output');
  const prefix = checkPrefix(text(options, 'prefix'));
  if (!isExportFormat(format)) throw new CredsetupError('USAGE', `There is no format ${JSON.stringify(format.slice(0, 64))}.`, { hint: `There are: ${Object.keys(exportFormats).join(', ')}.` });
  if (flag(options, 'overwrite') && output === undefined) throw new CredsetupError('USAGE', '--overwrite goes with --output.', { hint: 'Name the file with --output FILE.' });
  if (prefix !== undefined && !exportFormats[format].hasVariables) {
    throw new CredsetupError('USAGE', `--prefix is about the names of variables, and the format ${format} has none.`, { hint: 'It goes with dotenv, shell and kubernetes.' });
  }
  if (json && (output === undefined ? format !== 'json' : standardOutput.test(output))) {
    throw new CredsetupError('USAGE', 'Standard output cannot hold the export and the JSON document of --json.', { hint: 'Name a file with --output FILE, or leave --json away.' });
  }
  const handOver = flag(options, 'handOver');
  if (handOver && exportFormats[format].hasVariables) {
    throw new CredsetupError('USAGE', `The format ${format} has no place for a refresh token, so nothing can be handed over by it.`, { hint: '--hand-over goes with json and n8n.' });
  }
  return { format, output, overwrite: flag(options, 'overwrite'), prefix, handOver };
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
  const items = credentials.map((full) => ({ full, method: described(full.credential).method }));
  const exporter = await exportFormats[target.format].load();
  const exported = exporter(items, { now: context.now(), prefix: target.prefix, handOver: target.handOver });
  const { output } = context;
  if (target.output === undefined) {
    output.data(exported);
  } else {
    await writeToFile(exported, target.output, target.overwrite, context);
    if (json) output.json({ file: target.output, format: target.format, credentials: credentials.map(({ credential }) => credential) });
    output.say(`${output.style.good('✔')} ${target.output} now holds ${credentials.length === 1 ? 'one credential' : `${credentials.length} credentials`} with secrets. Whoever reads it can use them.`);
  }
  if (target.format === 'n8n') await sayForN8n(items, target, context);
}

async function writeToFile(exported: string, file: string, overwrite: boolean, context: Context): Promise<void> {
  const { output } = context;
  await context.writeFile(file, exported, { overwrite });
  if (await context.isInWorkTree(file)) {
    output.warn(`${output.style.caution('!')} ${file} lies in a git work tree. Keep it out of every commit: name it in .gitignore, or write it elsewhere.`);
  }
}

/** What is left to do there, and what n8n does not say by itself. */
async function sayForN8n(items: readonly ExportItem[], { output: file, handOver }: ExportTarget, { output }: Context): Promise<void> {
  const { n8nWarnings } = await import('../exporters/n8n.ts');
  for (const { name, code, message } of n8nWarnings(items)) output.warn(`${output.style.caution('!')} ${name}: ${message} (${code})`);
  const toConnect = items.filter(({ method }) => method.n8n.tokens !== undefined).map(({ full }) => full.credential.name);
  if (toConnect.length > 0 && !handOver) output.say(`In n8n, open ${toConnect.join(', ')} and press Connect: the sign-in is not part of the export.`);
  output.say(`Import it with: n8n import:credentials --input=${file ?? '/dev/stdin'}\nThe line "Successfully imported ${items.length === 1 ? '1 credential' : `${items.length} credentials`}." proves that it worked; exit code 0 alone does not.`);
}
