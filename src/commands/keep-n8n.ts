/** An n8n whose address and key were typed: kept as a stored credential, if that is wanted. */
import { randomUUID } from 'node:crypto';
import type { Connection, Context } from '../context.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { checkName, defaultName, freeName } from '../credential-name.ts';
import { isCredsetupError } from '../errors.ts';
import { printError } from '../error-text.ts';
import { validated } from '../server/validation.ts';
import type { Api } from '../services/api.ts';
import { apiKey as method } from '../services/n8n/api-key.ts';
import { apiKey as field } from '../services/n8n/fields.ts';
import { n8n } from '../services/n8n/index.ts';
import { revalidated } from '../stored/revalidated.ts';
import { storeFrom } from './store-option.ts';

/** An n8n that took this key. */
export interface TypedN8n {
  readonly api: Api;
  readonly key: string;
  readonly connection: Connection;
}

/** The name that it is stored under; undefined when it is not kept. What keeps it from being stored is told, and is no reason to end the push. */
export async function offerToKeep(typed: TypedN8n, context: Context): Promise<string | undefined> {
  const terminal = await context.terminal();
  const vault = await context.vault();
  const wanted = await terminal.choose<boolean>({
    message: 'Keep this n8n here, with its API key?',
    choices: [{ value: true, label: 'Yes', note: 'the next push asks for nothing, and rotate brings its copies up to date' }, { value: false, label: 'No' }],
  });
  if (wanted.kind === 'back' || !wanted.value) return undefined;
  const taken = (await vault.list()).map(({ name }) => name);
  const free = freeName(defaultName(n8n.id, typed.api.base), taken);
  const answer = await terminal.text({ message: 'Save as', initial: free, maxLength: 64, check: (name) => nameProblem(name, taken) });
  if (answer.kind === 'back') return undefined;
  try {
    const full = await recordOf(answer.value, typed, context);
    await vault.prepare(full.credential.store);
    await vault.save(full, () => false);
    context.output.say(`  ${context.output.style.good('✔')} Kept as ${context.output.style.bold(answer.value)}: credsetup push ${answer.value} NAME`);
    return answer.value;
  } catch (error) {
    if (!isCredsetupError(error) || context.signal.aborted) throw error;
    printError(error, context.output);
    context.output.say('  It is not kept; the push goes on.');
    return undefined;
  }
}

async function recordOf(name: string, { api, key, connection }: TypedN8n, context: Context): Promise<FullCredential> {
  const now = context.now();
  const secrets = { [field.key]: key };
  const validation = await validated(method, api, { fields: {}, secrets }, context.output);
  const begun: Credential = {
    id: randomUUID(), name, service: n8n.id, method: method.id, url: api.base, account: {}, server: {}, fields: {},
    store: storeFrom(undefined, context), createdAt: now.toISOString(), validatedAt: now.toISOString(),
    ignoreSslIssues: false, allowHttp: false, caCertificates: 0, warnings: [],
  };
  const credential = revalidated(begun, { service: n8n, method, url: api.base, connection, validation, now });
  return { credential, secrets, certificates: connection.certificates };
}

function nameProblem(name: string, taken: readonly string[]): string | undefined {
  try {
    checkName(name);
  } catch (error) {
    return isCredsetupError(error) ? error.message : 'This is no name.';
  }
  return taken.some((one) => one.toLowerCase() === name.toLowerCase()) ? 'Another credential has this name.' : undefined;
}
