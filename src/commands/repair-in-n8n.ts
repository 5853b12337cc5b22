/** A dead credential of an n8n, ours or not: set up anew, and written into the very same one, so that no node is edited. */
import type { Context, HttpOptions } from '../context.ts';
import type { Credential } from '../credential.ts';
import type { ConnectionOptions } from '../server/connection.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { printError } from '../error-text.ts';
import type { StoredInN8n } from '../services/n8n/api.ts';
import type { Method, Service } from '../services/service.ts';
import type { OpenN8n } from '../stored/copies/open.ts';
import { testAll } from '../stored/testing.ts';
import { setUp } from '../wizard/set-up.ts';
import { reconnect } from './catalog.ts';
import { valuesOf } from './option.ts';
import { pushOne } from './push-one.ts';
import { reportResults } from './results.ts';
import { storeFrom } from './store-option.ts';

/** One that n8n cannot use. */
export interface Dead extends StoredInN8n {
  readonly message: string;
  /** The stored credential that it is a copy of. */
  readonly ours?: string;
  readonly service: Service;
  readonly method: Method;
}

/** How a service is reached that is set up anew: as the command line says of n8n, which is often behind the same authority. */
export interface Reach extends HttpOptions, ConnectionOptions {}

/** Offers them until the person leaves it. Ids of those that work in n8n now. */
export async function offerRepairs(dead: readonly Dead[], target: OpenN8n, network: Reach, context: Context): Promise<ReadonlySet<string>> {
  const terminal = await context.terminal();
  const repaired = new Set<string>();
  for (;;) {
    const left = dead.filter(({ id }) => !repaired.has(id));
    if (left.length === 0) return repaired;
    const answer = await terminal.choose<Dead | undefined>({
      message: 'Set one up anew, in the same place in n8n?',
      choices: [...left.map((one) => ({ value: one, label: one.name, note: one.message })), { value: undefined, label: 'None of them' }],
    });
    if (answer.kind === 'back' || answer.value === undefined) return repaired;
    try {
      if (await repair(answer.value, target, network, context)) repaired.add(answer.value.id);
    } catch (error) {
      if (!isCredsetupError(error) || context.signal.aborted) throw error;
      printError(error, context.output, { terminal });
    }
  }
}

async function repair(dead: Dead, target: OpenN8n, network: Reach, context: Context): Promise<boolean> {
  const vault = await context.vault();
  const name = await newSecret(dead, target, network, context);
  const credential = await vault.find(name);
  if (credential === undefined) throw new CredsetupError('NOT_FOUND', `${name} was removed meanwhile.`, { name, hint: 'Run the same command again.' });
  const deps = { vault, http: await context.http(network), context };
  // What n8n has is dead: its sign-in may go, and what else was set there stays.
  const plan = { replace: true, disconnect: true, handOver: false, into: dead.id, keepRest: true, run: false, network, deps };
  const result = await pushOne(credential, target, plan, context);
  reportResults([result], { json: false }, context, 0);
  return result.inN8n?.some(({ status }) => status === 'ok') === true;
}

/** The stored credential to write: ours where it works here, else set up again, or a new one. Its name. */
async function newSecret(dead: Dead, target: OpenN8n, network: Reach, context: Context): Promise<string> {
  const { ours } = dead;
  const stored = ours === undefined ? undefined : await (await context.vault()).find(ours);
  if (stored === undefined) return setUpAnew(dead, target, network, context);
  if (await worksHere(stored, network, context)) {
    context.output.say(`  ${context.output.style.good('✔')} ${stored.name} works here, so n8n gets what is stored.`);
    return stored.name;
  }
  const { run } = await import('./reconnect.ts');
  const { caFiles: caFile, ...rest } = network;
  const options = { ...valuesOf(reconnect.options, {}), caFile, ...rest };
  await run({ args: [stored.name], fields: {}, rest: [], json: false, yes: false, fromMenu: false, options }, context);
  return stored.name;
}

async function worksHere(stored: Credential, network: HttpOptions, context: Context): Promise<boolean> {
  return (await testAll([stored], network, context)).get(stored.name)?.status === 'ok';
}

/** What n8n holds cannot be read back: all of it is asked. */
async function setUpAnew({ service, method, name }: Dead, { base }: OpenN8n, network: Reach, context: Context): Promise<string> {
  context.output.say(`  What n8n keeps of ${name} cannot be read from it: ${service.title} (${method.title}) is set up here, and then written there.`);
  const { full } = await setUp({
    service, method: method.id, name: undefined, replace: false, store: storeFrom(undefined, context), fields: {}, require: [],
    signIn: { grant: undefined, by: undefined, callbackPort: undefined, n8nCallbackUrl: base, browser: true, loginTimeout: undefined },
    ...network, proxy: network.proxy, timeout: network.timeout,
  }, context);
  return full.credential.name;
}
