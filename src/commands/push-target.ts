/** Which n8n: a stored one, or one that options, variables or questions give; proved before any credential is sent. */
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import type { FieldOptions } from '../field-sources.ts';
import { checkedValue, givenValue, inputMissing, isOnCommandLine, missingInput, questionFor, sendableValue, type Given } from '../field-sources.ts';
import { locate } from '../server/address.ts';
import { apiOf, readConnection } from '../server/connection.ts';
import { variableName, type Field } from '../services/field.ts';
import { n8n } from '../services/n8n/address.ts';
import { apiKey, targetFields as fields, targetUrl as url } from '../services/n8n/fields.ts';
import { createApiKey } from '../services/n8n/steps.ts';
import { services } from '../services/registry.ts';
import { isN8n, openAt, openStored, type OpenN8n, type ToN8n } from '../stored/copies/open.ts';
import { sweepRuns } from '../stored/copies/runs.ts';
import { anyN8n } from '../wizard/into-n8n.ts';
import { onceStarted } from '../wizard/starting.ts';
import { offerToKeep, type TypedN8n } from './keep-n8n.ts';

/** What the command line says of the n8n. */
export interface TargetCall {
  readonly target: string;
  readonly fields: Readonly<Record<string, FieldOptions>>;
  readonly options: {
    readonly caFile: readonly string[]; readonly allowHttp: boolean; readonly proxy: string | undefined; readonly timeout: number | undefined
  };
}

/** How an n8n is reached that options and variables give. Throws FILE_UNREADABLE, FILE_INVALID. */
export async function toN8nOptions({ caFile, allowHttp, proxy, timeout }: TargetCall['options'], context: Context): Promise<ToN8n> {
  return { proxy, timeout, connection: await readConnection({ caFiles: caFile, ignoreSslIssues: false, allowHttp }, context) };
}

/**
 * An n8n that answered as one, knows the types and takes the key.
 * Throws USAGE, INPUT_MISSING (all at once), INPUT_INVALID, what `locate` throws, and the API's codes.
 */
export async function openN8n(types: readonly string[], call: TargetCall, context: Context): Promise<OpenN8n> {
  const { proxy, timeout } = call.options;
  const stored = await storedTarget(call, context);
  const given = stored === undefined ? await givenTarget(call, context) : undefined;
  const target = given?.target ?? await openStored(known(stored), { proxy, timeout }, context);
  // Proves that it is an n8n and that the key works, also when there is no type to ask about.
  for (const type of new Set(types.length === 0 ? ['httpBasicAuth'] : types)) await target.api.members(type);
  if (stored !== undefined) context.output.say(`  ${context.output.style.good('✔')} n8n answers at ${target.base} (${stored.name})`);
  await sweepRuns(target, context);
  if (given?.typed === undefined) return target;
  const name = await offerToKeep(given.typed, context);
  return name === undefined ? target : { ...target, name };
}

function known(stored: Credential | undefined): Credential {
  if (stored === undefined) throw new Error('an n8n is stored or given');
  return stored;
}

/** The stored n8n that is meant; undefined: it is given, or asked for. Throws USAGE. */
async function storedTarget({ target, fields: said }: TargetCall, context: Context): Promise<Credential | undefined> {
  if (target === anyN8n) return undefined;
  const vault = await context.vault();
  const onCommandLine = fields.some(({ key }) => isOnCommandLine(said[key]));
  const named = await vault.find(target);
  if (named !== undefined && isN8n(named)) {
    if (onCommandLine) throw new CredsetupError('USAGE', `${target} is a stored n8n; its address and key are stored with it.`, { hint: 'Leave the address and the key out, or push to n8n.' });
    return named;
  }
  const known = (await vault.list()).filter(isN8n);
  if (target !== n8n.id) {
    const names = known.map(({ name }) => name).join(', ');
    throw new CredsetupError('USAGE', `There is no stored n8n named ${JSON.stringify(target)}.`, {
      hint: `${names === '' ? 'Set one up with: credsetup n8n' : `There are: ${names}`}. Or give one by its address and key: credsetup push n8n NAME --n8n-url URL --api-key-file FILE`,
    });
  }
  if (onCommandLine || known.length === 0) return undefined;
  return known.length === 1 ? known[0] : chooseStored(known, context);
}

async function chooseStored(known: readonly Credential[], context: Context): Promise<Credential | undefined> {
  if (!context.interactive) {
    throw new CredsetupError('USAGE', `There are several stored n8ns: ${known.map(({ name }) => name).join(', ')}.`, { hint: 'Name the one that you mean: credsetup push NAME ...' });
  }
  const answer = await (await context.terminal()).choose<Credential | undefined>({
    message: 'Which n8n?', choices: [...known.map((one) => ({ value: one, label: one.name, note: one.url })), { value: undefined, label: 'Another one' }],
  });
  if (answer.kind === 'back') throw stopped();
  return answer.value;
}

async function givenTarget({ fields: said, options }: TargetCall, context: Context): Promise<{ readonly target: OpenN8n; readonly typed?: TypedN8n }> {
  const given = await gather(said, context);
  const missing = fields.filter((field) => !given.has(field.key)).map((field) => missingInput(field, n8n));
  if (missing.length > 0 && !context.interactive) throw inputMissing(n8n.id, missing);
  const connection = await readConnection({ caFiles: options.caFile, ignoreSslIssues: false, allowHttp: options.allowHttp }, context);
  const network = { proxy: options.proxy, timeout: options.timeout };
  const http = await context.http(network);
  const pasted = await valueFor(url, given, context);
  const find = () => locate(pasted, n8n, services, http, connection);
  const base = await onceStarted(n8n.title, find, context.interactive ? await context.terminal() : undefined, context.signal);
  context.output.say(`  ${context.output.style.good('✔')} n8n answers at ${base}`);
  if (!given.has(apiKey.key)) sayHowToMakeKey(base, context);
  const key = await valueFor(apiKey, given, context);
  const target = await openAt(base, key, connection, network, context);
  // What was typed is typed again the next time; what an option or a variable gave is there.
  return given.size === fields.length ? { target } : { target, typed: { api: apiOf(base, http, connection), key, connection } };
}

async function gather(said: TargetCall['fields'], context: Context): Promise<ReadonlyMap<string, Given>> {
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
  if (there !== undefined) return sendableValue(field, there);
  const terminal = await context.terminal();
  const question = questionFor(field);
  const answer = await (field.secret ? terminal.secret(question) : terminal.text(question));
  if (answer.kind === 'back') throw stopped();
  return checkedValue(field, { value: answer.value, source: field.label });
}

function stopped(): CredsetupError {
  return new CredsetupError('CANCELLED', 'Stopped; nothing was sent.', { hint: 'Run the same command again to go on.' });
}

function sayHowToMakeKey(base: string, { output }: Context): void {
  output.say(['', `  ${output.style.bold(createApiKey.title)}`, `    Open   ${createApiKey.page(base)}`, ...createApiKey.instructions.map((line) => `    ${line}`)].join('\n'));
}
