/** A session at the service for what is done to a stored secret there: by the secret itself, or by who signs in for it. */
import type { Connection, Context, HttpClient } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { presentedValue } from '../services/answer.ts';
import { findMethod, findService } from '../services/registry.ts';
import type { Provisioning, Session } from '../services/provisioning.ts';
import type { Field } from '../services/field.ts';
import type { Api } from '../services/api.ts';
import type { Method, Service } from '../services/service.ts';
import { apiOf } from '../server/connection.ts';
import { givenValue, inputMissing, isOnCommandLine, missingInput, questionFor, sayOddEdges, sendableValue, type FieldOptions, type Given } from '../field-sources.ts';
import { checkTrusted } from '../server/trust.ts';

/** What the command line says beside the name. */
export interface StoredOptions {
  readonly fields: Readonly<Record<string, FieldOptions>>;
  /** Of a secret that was pasted. */
  readonly tokenId: string | undefined;
  readonly proxy: string | undefined;
  readonly timeout: number | undefined;
}

export interface StoredSession {
  readonly service: Service;
  readonly method: Method;
  readonly provisioning: Provisioning;
  readonly api: Api;
  readonly session: Session;
  readonly connection: Connection;
  /** What it begins is let to its end when the run is stopped. */
  readonly http: HttpClient;
}

/** The method's provisioning. Throws UNSUPPORTED where the service cannot be asked for it. */
export function provisioningOfStored({ credential }: FullCredential): {
  readonly service: Service; readonly method: Method; readonly provisioning: Provisioning
} {
  const service = findService(credential.service);
  const method = findMethod(service, credential.method);
  if (method.provisioning !== undefined) return { service, method, provisioning: method.provisioning };
  throw new CredsetupError('UNSUPPORTED', `${service.title} cannot be asked to make or end the secret of ${credential.name}.`, {
    name: credential.name, service: service.id, url: credential.url, hint: `Change it in ${service.title}'s own pages; then: credsetup reconnect ${credential.name}. To take it off this computer alone: credsetup remove ${credential.name} --local-only`,
  });
}

/**
 * Runs a task with a session and ends it on every path out, a stop included: the requests outlive
 * a stop, and the task looks at the signal itself before it begins something new.
 */
export async function withStoredSession<T>(
  full: FullCredential, options: StoredOptions, context: Context, task: (stored: StoredSession) => Promise<T>,
): Promise<T> {
  const { service, method, provisioning } = provisioningOfStored(full);
  const { credential, secrets, certificates } = full;
  const connection = { ignoreSslIssues: credential.ignoreSslIssues, allowHttp: credential.allowHttp, certificates };
  const http = await context.http({ proxy: options.proxy, timeout: options.timeout, outlivesStop: true });
  const api = apiOf(credential.url, http, connection);
  for (const secret of Object.values(secrets)) context.output.protect(secret);
  const session = await openSession({ service, method, provisioning, api, full, options, context });
  try {
    context.signal.throwIfAborted();
    return await task({ service, method, provisioning, api, session, connection, http });
  } finally {
    await endSession(provisioning, api, session, context);
  }
}

async function endSession(provisioning: Provisioning, api: Api, session: Session, { output }: Context): Promise<void> {
  try {
    await provisioning.signOut(api, session);
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    output.warn(`  ${output.style.caution('!')} The sign-in of ${session.account.username} could not be ended (${error.code}).`);
  }
}

interface Opening {
  readonly service: Service;
  readonly method: Method;
  readonly provisioning: Provisioning;
  readonly api: Api;
  readonly full: FullCredential;
  readonly options: StoredOptions;
  readonly context: Context;
}

/** By what the command line gives; otherwise by the stored secret. Variables alone choose nothing here: they may be another server's. */
async function openSession(opening: Opening): Promise<Session> {
  const { provisioning, api, full, options, context } = opening;
  const wanted = (fields: readonly Field[]): boolean => fields.some(({ key }) => isOnCommandLine(options.fields[key]));
  const { adminTokenField, codeField, withToken } = provisioning;
  if (adminTokenField !== undefined && withToken !== undefined && wanted([adminTokenField])) {
    checkTrusted(full.credential.url, full.credential);
    return withToken(api, await checkedOrAsked(adminTokenField, await givenFor(adminTokenField, opening), opening));
  }
  if (withToken === undefined || wanted([...provisioning.signInFields, ...(codeField === undefined ? [] : [codeField])])) {
    checkTrusted(full.credential.url, full.credential);
    const values = await valuesOf(provisioning.signInFields, opening);
    if (codeField !== undefined) values[codeField.key] = await codeOrNone(codeField, opening);
    return provisioning.signIn(api, values, (secret) => { context.output.protect(secret); });
  }
  const secret = opening.method.fields.find((field) => field.secret);
  if (secret === undefined) throw new Error(`${opening.method.id} has no secret to act by`);
  return withToken(api, presentedValue(full.secrets, secret.key)).catch((error: unknown) => { throw refusedStored(error, full, context.now()); });
}

/** By key, each read once. Throws INPUT_MISSING in a script, with all that is missing; CANCELLED at Esc. */
async function valuesOf(fields: readonly Field[], opening: Opening): Promise<Record<string, string>> {
  const { service, context } = opening;
  const given = new Map<Field, Given | undefined>();
  for (const field of fields) given.set(field, await givenFor(field, opening));
  const missing = fields.filter((field) => given.get(field) === undefined);
  if (missing.length > 0 && !context.interactive) throw inputMissing(service.id, missing.map((field) => missingInput(field, service)));
  const values: Record<string, string> = {};
  for (const field of fields) values[field.key] = await checkedOrAsked(field, given.get(field), opening);
  return values;
}

function givenFor(field: Field, { service, options, context }: Opening): Promise<Given | undefined> {
  return givenValue(field, service, options.fields[field.key] ?? {}, context);
}

/** A code of a second factor is asked for only where one is wanted. */
async function codeOrNone(field: Field, opening: Opening): Promise<string> {
  const given = await givenFor(field, opening);
  if (given === undefined) return '';
  const code = await checkedOrAsked(field, given, opening);
  opening.context.output.protect(code);
  return code;
}

async function checkedOrAsked(field: Field, given: Given | undefined, { service, context }: Opening): Promise<string> {
  const checked = given === undefined ? await asked(field, service, context) : sendableValue(field, given);
  context.output.protect(field.secret ? checked : '');
  sayOddEdges(field, checked, context.output);
  return checked;
}

/** Throws INPUT_MISSING in a script, CANCELLED at Esc. */
async function asked(field: Field, service: Service, context: Context): Promise<string> {
  if (!context.interactive) throw inputMissing(service.id, [missingInput(field, service)]);
  const terminal = await context.terminal();
  const answer = await (field.secret ? terminal.secret(questionFor(field)) : terminal.text(questionFor(field)));
  if (answer.kind === 'back') throw new CredsetupError('CANCELLED', 'Stopped; nothing was changed.', { hint: '' });
  return answer.value;
}

function refusedStored(error: unknown, { credential: { name, expiresAt } }: FullCredential, now: Date): unknown {
  if (!isCredsetupError(error) || error.code !== 'TOKEN_REJECTED') return error;
  const ended = expiresAt !== undefined && Date.parse(expiresAt) <= now.getTime() ? ` It ended on ${expiresAt.slice(0, 10)}.` : '';
  return new CredsetupError('TOKEN_REJECTED', `The stored token of ${name} is not accepted any more, so nothing can be done with it at the service.${ended}`, {
    ...error.details, name, hint: `${ended === '' ? `See why with: credsetup test ${name}. ` : ''}Sign in for it with --username and --password-file, or with --admin-token-file FILE.`,
  });
}
