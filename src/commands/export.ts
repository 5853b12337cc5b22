/** `export`: credentials with their secrets, to standard output or a file. */
import type { FullCredential } from '../credential.ts';
import { exportFormats } from '../exporters/index.ts';
import { checkVariables } from '../exporters/variables.ts';
import { methodOf } from '../services/registry.ts';
import { gaveUp, giveUp } from '../stored/hand-over.ts';
import { loadClient, loadFresh } from '../stored/load-fresh.ts';
import { testAll } from '../stored/testing.ts';
import type { exporting } from './catalog.ts';
import { names, networkOptions, type Run } from './command.ts';
import { allowExport, exportTarget, writeExport } from './export-target.ts';
import { findMany } from './find-credentials.ts';
import { exitCodeOf, reportResults } from './results.ts';

export const run: Run<typeof exporting> = async (call, context) => {
  const { all, format = 'json', test } = call.options;
  const network = networkOptions(call.options);
  const target = exportTarget(call.options, format, call.json);
  const vault = await context.vault();
  const found = await findMany(names(call.args), all, vault);
  if (exportFormats[target.format].sharesVariables) checkVariables(found.map((credential) => ({ credential, method: methodOf(credential) })), target.prefix);
  await allowExport(target, call.yes, context);
  if (test) {
    const results = [...(await testAll(found, network, context)).values()];
    const exitCode = exitCodeOf(results, all || results.length > 1);
    if (exitCode !== 0) return reportResults(results.filter((one) => one.status === 'failed'), call, context, exitCode);
  }
  const full: FullCredential[] = [];
  const deps = { vault, http: await context.http(network), context };
  const to = target.output ?? 'standard output';
  // A client is all that these hold without a token.
  const load = exportFormats[target.format].hasVariables ? loadFresh : loadClient;
  for (const credential of found) full.push(await (target.handOver ? giveUp(credential, to, deps) : load(credential, network, context)));
  await writeExport(full, target, call.json, context);
  for (const one of full) await gaveUp(one, to, deps);
  return 0;
};
