/** `test`: validates stored credentials live, many at once. */
import type { Context, HttpClient, HttpOptions, Vault } from '../context.ts';
import type { Credential } from '../credential.ts';
import { toCredsetupError, type CredsetupError } from '../errors.ts';
import { findMethod, findService } from '../services/registry.ts';
import { apiOf, connectionWarnings } from '../setup/connection.ts';
import { capabilityWarnings } from '../setup/saving.ts';
import { inTurns } from './turns.ts';
import type { Run } from './command.ts';
import { flag, names, networkOptions } from './options.ts';
import { findMany } from './found.ts';
import { exitCodeOf, reportResults, type Result } from './results.ts';

export const run: Run = async (call, context) => {
  const vault = await context.vault();
  const all = flag(call.options, 'all');
  const found = await findMany(names(call.args), all, vault);
  const results = await testAll(found.map(({ name }) => name), networkOptions(call.options), context);
  return reportResults(results, call, context, exitCodeOf(results, all || results.length > 1));
};

const atOnce = { inAll: 16, perHost: 4 };

/** Validates each; results in the order of the names. A failure is a result, never thrown. */
export async function testAll(wanted: readonly string[], options: HttpOptions, context: Context): Promise<readonly Result[]> {
  const vault = await context.vault();
  const http = await context.http(options);
  const credentials = (await Promise.all(wanted.map((name) => vault.find(name)))).filter((one) => one !== undefined);
  let done = 0;
  const bar = progressBar(credentials.length, context);
  const tasks = credentials.map((credential) => ({
    group: new URL(credential.url).host,
    run: async () => {
      const result = await testOne(credential, vault, http, context);
      done += 1;
      bar(done);
      return result;
    },
  }));
  try {
    return await inTurns(tasks, atOnce);
  } finally {
    context.output.status(undefined);
  }
}

/** On a terminal only: `[######----] 6 of 10`. */
function progressBar(total: number, { output, talkIsTerminal }: Context): (done: number) => void {
  if (!talkIsTerminal || total < 2) return () => undefined;
  const width = 20;
  const draw = (done: number): void => {
    const full = Math.round((done / total) * width);
    output.status(`[${'#'.repeat(full)}${'-'.repeat(width - full)}] ${done} of ${total}`);
  };
  draw(0);
  return draw;
}

async function testOne(there: Credential, vault: Vault, http: HttpClient, context: Context): Promise<Result> {
  const started = performance.now();
  const duration = () => Math.round(performance.now() - started);
  try {
    const credential = await validate(there, vault, http, context);
    return { name: there.name, status: 'ok', durationMs: duration(), credential };
  } catch (error) {
    if (context.signal.aborted) throw error;
    return { name: there.name, status: 'failed', durationMs: duration(), error: asResult(toCredsetupError(error), there) };
  }
}

/** What the set-up's hint cannot know: how this stored credential gets a new secret. */
function asResult(error: CredsetupError, { name, service, url }: Credential): CredsetupError {
  const known = error.with({ name, service, url });
  if (error.exitCode !== 7) return known;
  return known.withHint(`${error.hint} Then run: credsetup ${service} --url ${url} --name ${name}`);
}

async function validate(there: Credential, vault: Vault, http: HttpClient, context: Context): Promise<Credential> {
  const service = findService(there.service);
  const method = findMethod(service, there.method);
  const { credential, secrets, certificates } = await vault.load(there.name);
  for (const secret of Object.values(secrets)) context.output.protect(secret);
  const connection = { ignoreSslIssues: credential.ignoreSslIssues, allowHttp: credential.allowHttp, certificates };
  const api = apiOf(credential.url, http, connection);
  const values = { ...withoutAbsent(credential.fields), ...secrets };
  const validation = await method.validate(api, values, { done: {}, warnings: [], says: [] });
  const version = validation.version ?? credential.server.version;
  return vault.update(there.name, (one) => ({
    ...one,
    account: validation.account, server: version === undefined ? {} : { version },
    validatedAt: context.now().toISOString(), capabilities: validation.capabilities,
    warnings: [...one.warnings.filter(({ code }) => service.inspectWarnings.includes(code)), ...connectionWarnings(one.url, connection, method), ...validation.warnings, ...capabilityWarnings(service, validation.capabilities)],
  }));
}

function withoutAbsent(fields: Credential['fields']): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
