/** `exec NAME... -- COMMAND`: a program with credentials in its environment, and nowhere else. */
import { childEnvironment } from '../child-environment.ts';
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { checkPrefix, checkVariables, variablesOf, wholeSet } from '../exporters/variables.ts';
import { findService, methodOf } from '../services/registry.ts';
import { loadFresh } from '../stored/load-fresh.ts';
import type { exec } from './catalog.ts';
import { names, networkOptions, type Run } from './command.ts';
import { checkGithubMask } from './github-mask.ts';
import { findMany } from './find-credentials.ts';

export const run: Run<typeof exec> = async ({ args, options, rest }, context) => {
  const prefix = checkPrefix(options.prefix);
  const [command, ...commandArguments] = rest;
  if (command === undefined || command === '') throw noCommand(names(args));
  const masks = checkGithubMask(options.githubMask, context);
  const found = await findMany(names(args), false, await context.vault());
  checkVariables(found.map((credential) => ({ credential, method: methodOf(credential) })), prefix);
  const set: (readonly [string, string])[] = [];
  for (const credential of found) {
    const full = await loadFresh(credential, networkOptions(options), context);
    const its = variablesOf({ full, method: methodOf(credential) }, prefix);
    const secrets = new Set(Object.values(full.secrets));
    if (masks) context.output.maskAtRunner(its.map(([, value]) => value).filter((value) => secrets.has(value)));
    set.push(...its);
  }
  const env = { ...cleared(context.env, found, prefix), ...Object.fromEntries(set) };
  return context.runCommand({ command, args: commandArguments, env });
};

function noCommand(given: readonly string[]): CredsetupError {
  return new CredsetupError('USAGE', 'There is no command to run.', { hint: `It stands behind two dashes: credsetup exec ${given[0] ?? 'NAME'} -- COMMAND` });
}

/**
 * The environment without our own variables and without what the services might find there: an old
 * MAUTIC_PASSWORD beside the new MAUTIC_ACCESS_TOKEN would be a mixture of two credentials.
 */
function cleared(env: Context['env'], credentials: readonly Credential[], prefix: string | undefined): Record<string, string> {
  const gone = new Set(credentials.flatMap(({ service }) => wholeSet(findService(service), prefix)).map((name) => name.toUpperCase()));
  // Windows does not tell upper from lower case in names.
  return Object.fromEntries(Object.entries(childEnvironment(env)).filter(([name]) => !gone.has(name.toUpperCase())));
}
