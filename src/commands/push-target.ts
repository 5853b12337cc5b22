/** Which n8n, and the key to it: from options, variables or questions; proved before any credential is sent. */
import type { Context } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { n8n } from '../services/n8n/address.ts';
import { createN8nApi, type N8nApi } from '../services/n8n/api.ts';
import { apiKey, targetFields as fields, targetUrl as url } from '../services/n8n/fields.ts';
import { services } from '../services/registry.ts';
import { variableName, type Field } from '../services/field.ts';
import { locate } from '../server/address.ts';
import { apiOf, readConnection } from '../server/connection.ts';
import { checkedValue, givenValue, inputMissing, missingInput, valueProblem, type Given } from '../field-sources.ts';
import type { push } from './catalog.ts';
import { networkOptions, type CallOf } from './command.ts';

export interface N8nTarget {
  readonly base: string;
  readonly api: N8nApi;
}

/**
 * An n8n that answered as one, knows the types and takes the key.
 * Throws USAGE, INPUT_MISSING (all at once), INPUT_INVALID, what `locate` throws, and the API's codes.
 */
export async function openN8n(types: readonly string[], { options, fields: said }: CallOf<typeof push>, context: Context): Promise<N8nTarget> {
  const given = await gather(said, context);
  const missing = fields.filter((field) => !given.has(field.key)).map((field) => missingInput(field, n8n));
  if (missing.length > 0 && !context.interactive) throw inputMissing(n8n.id, missing);
  const connection = await readConnection({ caFiles: options.caFile, ignoreSslIssues: false, allowHttp: options.allowHttp }, context);
  const http = await context.http(networkOptions(options));
  const pasted = await valueFor(url, given, context);
  const base = await locate(pasted, n8n, services, http, connection);
  context.output.say(`  ${context.output.style.good('✔')} n8n answers at ${base}`);
  if (!given.has(apiKey.key)) sayHowToMakeKey(base, context);
  const key = await valueFor(apiKey, given, context);
  context.output.protect(key);
  const api = createN8nApi(apiOf(base, http, connection), key);
  for (const type of new Set(types)) await api.members(type);
  return { base, api };
}

async function gather(said: CallOf<typeof push>['fields'], context: Context): Promise<ReadonlyMap<string, Given>> {
  const given = new Map<string, Given>();
  for (const field of fields) {
    const value = await givenValue(field, n8n, said[field.key] ?? {}, context, [variableName(n8n.id, field)]);
    if (value === undefined) continue;
    if (field.secret) context.output.protect(value.value);
    given.set(field.key, value);
  }
  for (const field of fields) {
    const value = given.get(field.key);
    // Its shape, before anything is asked or sent.
    if (value !== undefined) checkedValue(field, value);
  }
  return given;
}

async function valueFor(field: Field, given: ReadonlyMap<string, Given>, context: Context): Promise<string> {
  const there = given.get(field.key);
  if (there !== undefined) return checkedValue(field, there);
  const terminal = await context.terminal();
  const question = { message: field.label, help: field.help, maxLength: field.maxLength, check: (value: string) => valueProblem(field, value) };
  const answer = await (field.secret ? terminal.secret(question) : terminal.text(question));
  if (answer.kind === 'back') throw new CredsetupError('CANCELLED', 'Stopped; nothing was sent.', { hint: 'Run the same command again to go on.' });
  return checkedValue(field, { value: answer.value, source: field.label });
}

function sayHowToMakeKey(base: string, { output }: Context): void {
  output.say(['', `  ${output.style.bold('Create an API key in n8n')}`, `    Open   ${base}/settings/api`, '    Settings > n8n API > Create an API key',
    '    Scopes: credential:create; with --replace also credential:read and credential:update', '    Save, and copy the key. It is shown only now.'].join('\n'));
}
