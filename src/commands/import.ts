/** `import FILE`: what an export holds, validated and stored; all or nothing unless --partial. */
import type { Context } from '../context.ts';
import { isCredsetupError } from '../errors.ts';
import { readConnection } from '../server/connection.ts';
import { bringIn } from '../stored/bringing-in.ts';
import { entriesOf, wantedOf } from '../stored/export-file-reader.ts';
import type { importing } from './catalog.ts';
import { name, networkOptions, type Run } from './command.ts';
import { exitCodeOf, reportResults } from './results.ts';
import { storeFrom } from './store-option.ts';

/** Of an export of a thousand credentials, many times. */
const mostBytes = 64 * 1024 * 1024;

export const run: Run<typeof importing> = async (call, context) => {
  const { options } = call;
  const path = name(call.args);
  const what = path === '-' ? 'Standard input' : path;
  const entries = entriesOf(await read(path, context), what);
  const { certificates } = await readConnection({ ...options, caFiles: options.caFile }, context);
  const stored = await (await context.vault()).list();
  const wanted = wantedOf(entries, what, {
    ignoreSslIssues: options.ignoreSslIssues, allowHttp: options.allowHttp, certificates,
    store: storeFrom(options.store, context), ids: new Map(stored.map((one) => [one.name.toLowerCase(), one.id])),
  });
  const results = await bringIn(
    wanted, { replace: options.replace, partial: options.partial, dryRun: options.dryRun, network: networkOptions(options) }, context,
  );
  return reportResults(results, call, context, exitCodeOf(results, true));
};

async function read(path: string, context: Context): Promise<string> {
  if (path === '-') return context.readStdin(mostBytes);
  return context.readFile(path, mostBytes, 'import').catch((error: unknown) => {
    throw isCredsetupError(error) ? error.with({ hint: 'Name the file that credsetup export wrote, or - for standard input.' }) : error;
  });
}
