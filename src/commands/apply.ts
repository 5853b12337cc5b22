/** `apply FILE`: sets up many credentials from a list without secrets; repeatable. */
import { randomUUID } from 'node:crypto';
import type { Context } from '../context.ts';
import { CredsetupError, isCredsetupError, type MissingInput } from '../errors.ts';
import { sendableValue } from '../field-sources.ts';
import { checkLimits, hostOf, type Place } from '../manifest/limits.ts';
import { readManifest, type Entry, type Source } from '../manifest/read.ts';
import { parseAddress } from '../server/address.ts';
import { certificatesIn } from '../server/connection.ts';
import { findMethod, findService } from '../services/registry.ts';
import type { Field } from '../services/field.ts';
import { bringIn, type Wanted } from '../stored/bringing-in.ts';
import type { Result } from '../stored/result.ts';
import type { Copies } from './apply-copies.ts';
import type { apply } from './catalog.ts';
import { name, networkOptions, type CallOf, type Run } from './command.ts';
import { confirm } from './confirm.ts';
import { exitCodeOf, reportResults } from './results.ts';
import { storeFrom } from './store-option.ts';

/** Of a list of some ten thousand. */
const mostBytes = 4 * 1024 * 1024;
const mostBytesOfSecret = 64 * 1024;
const noCopies: Copies = new Map();

export const run: Run<typeof apply> = async (call, context) => {
  const { options } = call;
  const path = name(call.args);
  const entries = readManifest(await read(path, context), path === '-' ? 'Standard input' : path);
  const addresses = new Map(entries.map((entry) => [entry, addressOf(entry)]));
  const urlOf = (entry: Entry): URL => addresses.get(entry) ?? addressOf(entry);
  const pushing = entries.every(({ push }) => push.length === 0) ? undefined : await import('./apply-copies.ts');
  const copies = await pushing?.copiesOf(entries, urlOf, context) ?? noCopies;
  const placesOf = (entry: Entry): readonly Place[] => [{ field: 'url', url: urlOf(entry) }, ...(copies.get(entry.name.toLowerCase()) ?? []).flatMap((copy) => pushing?.placesOf(copy) ?? [])];
  checkLimits(entries, {
    env: options.allowEnv, secretsDir: options.secretsDir, ignoreSslIssues: options.ignoreSslIssues, allowHttp: options.allowHttp,
    hosts: context.interactive && options.allowHost.length === 0 ? undefined : options.allowHost,
  }, placesOf);
  if (options.allowHost.length === 0 && !options.dryRun) await allowHosts(entries.flatMap(placesOf).map(({ url }) => url), context);
  const secrets = await secretsOf(entries, call, context);
  const wanted: (Wanted | Result)[] = [];
  for (const entry of entries) wanted.push(await wantedFrom(entry, secrets, call, context));
  const stored = await bringIn(wanted, { replace: options.replace, partial: true, dryRun: options.dryRun, network: networkOptions(options) }, context);
  const results = await (options.dryRun ? pushing?.planCopies(stored, copies, context) : pushing?.pushCopies(stored, copies, call, context)) ?? stored;
  return reportResults(results, call, context, exitCodeOf(results, true));
};

async function read(path: string, context: Context): Promise<string> {
  if (path === '-') return context.readStdin(mostBytes);
  return context.readFile(path, mostBytes, 'apply').catch((error: unknown) => {
    throw isCredsetupError(error) ? error.with({ hint: 'Name the list of credentials (YAML or JSON), or - for standard input.' }) : error;
  });
}

function addressOf({ values, at }: Entry): URL {
  try {
    return parseAddress(values['url'] ?? '').url;
  } catch (error) {
    throw isCredsetupError(error) ? new CredsetupError(error.code, `${at}: ${error.message}`, error.details) : error;
  }
}

/** On a terminal a person says that secrets may go there. Throws CANCELLED. */
async function allowHosts(urls: readonly URL[], context: Context): Promise<void> {
  const hosts = [...new Set(urls.map(hostOf))];
  context.output.say(`Secrets would go to: ${hosts.join(', ')}`);
  await confirm(context, { message: 'Send them there? Type the word to go on', word: 'apply', otherwise: '--allow-host HOST' });
}

/** By entry and field key. What is not there is named all at once. Throws INPUT_MISSING, USAGE, FILE_UNREADABLE. */
async function secretsOf(
  entries: readonly Entry[], { options: { secretsDir } }: CallOf<typeof apply>, context: Context,
): Promise<ReadonlyMap<Entry, Readonly<Record<string, string>>>> {
  const missing: MissingInput[] = [];
  const found = new Map<Entry, Record<string, string>>();
  for (const entry of entries) {
    const values: Record<string, string> = {};
    for (const [key, source] of Object.entries(entry.sources)) {
      const value = await secretFrom(source, secretsDir, context);
      if (value === undefined) missing.push({ field: key, option: '', variable: 'env' in source ? source.env : '' });
      else values[key] = value;
      context.output.protect(value ?? '');
    }
    found.set(entry, values);
  }
  if (missing.length === 0) return found;
  const named = [...new Set(missing.map(({ variable }) => variable))];
  throw new CredsetupError('INPUT_MISSING', `Variables that the file names are not set: ${named.join(', ')}.`, { missing, hint: 'Set each of them. Nothing was sent.' });
}

async function secretFrom(source: Source, secretsDir: string | undefined, context: Context): Promise<string | undefined> {
  if ('file' in source) return (await context.readFileIn(secretsDir ?? '', source.file, mostBytesOfSecret, source.file)).replace(/\r?\n$/, '');
  const value = context.env[source.env];
  return value === '' ? undefined : value;
}

/** What an entry asks for, or why it cannot be had. */
async function wantedFrom(
  entry: Entry, secrets: ReadonlyMap<Entry, Readonly<Record<string, string>>>, { options }: CallOf<typeof apply>, context: Context,
): Promise<Wanted | Result> {
  try {
    const service = findService(entry.service);
    const method = findMethod(service, entry.method);
    const given = { ...entry.values, ...secrets.get(entry) };
    const values = Object.fromEntries(method.fields.map((field) => [field.key, valueOf(field, given, entry)]));
    const swapped = method.oauth?.clientProblem(values);
    if (swapped !== undefined) throw new CredsetupError('INPUT_INVALID', `${entry.at}: ${swapped.message}`, { field: swapped.field, hint: 'Correct the entry.' });
    const secretKeys = new Set(method.fields.filter(({ secret }) => secret).map(({ key }) => key));
    const pick = (secret: boolean): Record<string, string> => Object.fromEntries(Object.entries(values).filter(([key]) => secretKeys.has(key) === secret));
    return {
      name: entry.name, service, method, grant: method.oauth === undefined ? undefined : entry.grant ?? 'authorization-code', url: entry.values['url'] ?? '',
      fields: pick(false), secrets: pick(true), store: entry.store ?? storeFrom(options.store, context),
      connection: {
        ignoreSslIssues: entry.ignoreSslIssues, allowHttp: options.allowHttp && addressOf(entry).protocol === 'http:',
        certificates: await authorities(entry, options.secretsDir, context),
      },
      kept: { id: randomUUID(), createdAt: context.now().toISOString() },
    };
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    return { name: entry.name, status: 'failed', error: error.with({ name: entry.name }) };
  }
}

function valueOf(field: Field, given: Readonly<Record<string, string>>, { at }: Entry): string {
  const value = given[field.key];
  if (value === undefined) throw new CredsetupError('INPUT_MISSING', `${at}: ${field.key} is missing (${field.label}).`, { missing: [{ field: field.key, option: '', variable: '' }], hint: 'Add it to the entry.' });
  return sendableValue(field, { value, source: `${at}, ${field.key}` });
}

async function authorities({ caFile }: Entry, secretsDir: string | undefined, context: Context): Promise<readonly string[]> {
  return caFile === undefined ? [] : certificatesIn(await context.readFileIn(secretsDir ?? '', caFile, 1024 * 1024, 'caFile'), caFile);
}
