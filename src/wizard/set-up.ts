/** The wizard: one plan, answered by a person, by options or by variables. */
import type { Context } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { checkName } from '../credential-name.ts';
import { printError } from '../error-text.ts';
import { CredsetupError, isCredsetupError, type MissingInput } from '../errors.ts';
import { opensByVariables } from '../passphrase.ts';
import { findMethod } from '../services/registry.ts';
import type { Field } from '../services/field.ts';
import type { Method, Service } from '../services/service.ts';
import { readConnection } from '../server/connection.ts';
import { terminalOf, type Draft, type Outcome, type SetupOptions } from './draft.ts';
import { provisioningFieldsOf, requiredForProvisioning } from './provisioning/stages.ts';
import { checkedValue, givenValue, inputMissing, missingInput, valueProblem, type Given } from '../field-sources.ts';
import { stagesOf } from './stages.ts';
import { checkSignInOptions, onlyN8nSignsIn } from './oauth2/who-signs-in.ts';
import { endSessions } from './provisioning/sessions.ts';

export interface SetupResult {
  readonly status: 'created' | 'replaced' | 'validated';
  readonly full: FullCredential;
  /** Handed on by `deliver` already. */
  readonly delivered: boolean;
}

/**
 * Sets up one credential: address, steps, values, live validation, saving.
 * Throws every code of the stages; INPUT_MISSING names all that is missing at once. Nothing is
 * saved when it throws, and what was stored before is still there.
 */
export async function setUp(options: SetupOptions, context: Context): Promise<SetupResult> {
  checkOptions(options);
  const given = await gather(options, context);
  if (!context.interactive) requireAll(options, given, context);
  const connection = options.existing === undefined ? await readConnection(options, context) : {
    ...await readConnection(options, context), certificates: options.existing.certificates,
  };
  const draft: Draft = {
    options, service: options.service, context, connection, given, values: new Map(), refused: new Set(), told: new Set(), warnings: new Map(),
    terminal: context.interactive ? await context.terminal() : undefined,
    http: await context.http(options), vault: await context.vault(),
  };
  try {
    const saved = await walk(draft);
    return { ...saved, delivered: draft.store === 'none' && draft.way?.makes === true };
  } catch (error) {
    throw draft.saved === undefined ? stopped(context.signal) ?? error : error;
  } finally {
    // The port is open for the attempt only.
    await draft.redirect?.server?.close();
    await endSessions(draft);
  }
}

/** A stop, with what it means for who waits: nothing is half done. */
function stopped({ aborted, reason }: AbortSignal): CredsetupError | undefined {
  return aborted && isCredsetupError(reason) ? new CredsetupError(reason.code, `${reason.message} Nothing was saved.`, reason.details) : undefined;
}

/** What is wrong whatever the server says. Throws NAME_INVALID, USAGE, UNSUPPORTED. */
function checkOptions(options: SetupOptions): void {
  const { service, name, require, method } = options;
  if (name !== undefined) checkName(name);
  if (method !== undefined) findMethod(service, method);
  const unknown = require.filter((one) => !service.capabilities.includes(one));
  if (unknown.length > 0) {
    throw new CredsetupError('USAGE', `--require does not know ${unknown.join(', ')}.`, { hint: `For ${service.title} it takes ${service.capabilities.join(', ')}.` });
  }
  checkSignInOptions(options);
}

function fieldsOf(options: SetupOptions): readonly Field[] {
  const fields = [options.service.address.field, ...methodsOf(options).flatMap((method) => method.fields)];
  return [...new Set(fields)];
}

function methodsOf({ service, method }: SetupOptions): readonly Method[] {
  return method === undefined ? service.methods : [findMethod(service, method)];
}

async function gather(options: SetupOptions, context: Context): Promise<Map<string, Given>> {
  // A method and the making of its secret may need one value: it is asked for and given once.
  const every = [...fieldsOf(options), ...methodsOf(options).flatMap(provisioningFieldsOf)];
  const fields = every.filter(({ key }, index) => every.findIndex((other) => other.key === key) === index);
  const stdin = fields.filter((field) => options.fields[field.key]?.stdin === true);
  if (stdin.length > 1) throw new CredsetupError('USAGE', 'Standard input can give one value a run.', { hint: `Keep one of ${stdin.map((field) => field.stdinOption).join(', ')}.` });
  const given = new Map<string, Given>(storedValues(options));
  // A multi-factor code is no secret of a service's description, and is masked all the same.
  const codes = methodsOf(options).map(({ provisioning }) => provisioning?.codeField);
  for (const field of fields) {
    // What is stored is what a set-up anew is about; a variable may be about another server.
    if (given.has(field.key) && !field.secret) continue;
    const value = await givenValue(field, options.service, options.fields[field.key] ?? {}, context);
    if (value === undefined) continue;
    if (field.secret) context.output.protect(value.value);
    else if (!codes.includes(field) && valueProblem(field, value.value) === undefined) context.output.publish(value.value);
    given.set(field.key, value);
  }
  return given;
}

/**
 * What a stored credential keeps when it is set up again: all but a secret that a person types,
 * which was refused. Where its record is gone, not the address either: the index alone binds nothing.
 */
function storedValues({ existing, inPlaceOf, service }: SetupOptions): readonly (readonly [string, Given])[] {
  const kept = existing === undefined ? { username: inPlaceOf?.fields.username, clientId: inPlaceOf?.fields.clientId } : boundValues(existing, service);
  return Object.entries(kept)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map(([key, value]) => [key, { value, source: 'what is stored' }]);
}

function boundValues({ credential: { url, fields, method }, secrets }: FullCredential, service: Service): Readonly<Record<string, string | undefined>> {
  return { url, ...fields, ...(findMethod(service, method).oauth === undefined ? {} : { clientSecret: secrets['clientSecret'] }) };
}

/** In a script: all that is missing, at once; then each value's shape, before any request. */
function requireAll(options: SetupOptions, given: ReadonlyMap<string, Given>, context: Context): void {
  const { service } = options;
  const provisioning = requiredForProvisioning(options, given, given.get(service.address.field.key)?.value);
  const missing: MissingInput[] = [...(provisioning ?? [])];
  // Which way to sign in is never guessed where there are, or will be, several.
  if (options.method === undefined && service.methodOption !== undefined) missing.push(service.methodOption);
  for (const field of provisioning === undefined ? neededFields(options) : []) {
    if (!given.has(field.key)) missing.push(missingInput(field, service));
  }
  if (waitsForPerson(options, provisioning !== undefined)) missing.push({ field: 'sign-in', option: '--login-timeout', variable: '' });
  // A client that is made for n8n alone has no other address to send anybody to.
  if (provisioning !== undefined && options.signIn.by === 'n8n' && options.signIn.n8nCallbackUrl === undefined) missing.push({ field: 'n8nCallbackUrl', option: '--n8n-callback-url', variable: '' });
  if (options.store === 'file' && !opensByVariables(context.env)) {
    missing.push({ field: 'passphrase', option: '', variable: 'CREDSETUP_PASSPHRASE' });
  }
  if (missing.length > 0) throw inputMissing(service.id, missing);
  for (const field of fieldsOf(options)) {
    const value = given.get(field.key);
    if (value !== undefined) checkedValue(field, value);
  }
}

/** Without a method only the address is known to be needed. */
function neededFields(options: SetupOptions): readonly Field[] {
  const { service, method } = options;
  return method === undefined && service.methods.length > 1 ? [service.address.field] : fieldsOf(options);
}

/** Somebody has to sign in in a browser, and a script said nothing of how long to wait. */
function waitsForPerson(options: SetupOptions, makes: boolean): boolean {
  const { method, service, signIn } = options;
  // Who signs in to make the client accepts it, too.
  if (makes) return false;
  if (method === undefined || findMethod(service, method).oauth === undefined) return false;
  return signIn.grant !== 'client-credentials' && !onlyN8nSignsIn({ options }) && signIn.loginTimeout === undefined;
}

/** Goes through the stages; Esc goes back to the last one that asked, a refused value to its question. */
async function walk(draft: Draft): Promise<NonNullable<Draft['saved']>> {
  const asked: string[] = [];
  let at = 'url';
  while (draft.saved === undefined) {
    const outcome = await runStage(draft, at);
    const ids = stagesOf(draft).map(({ id }) => id);
    if (outcome === 'next' && asked.at(-1) !== at) asked.push(at);
    if (outcome === 'next' || outcome === 'through') at = ids[ids.indexOf(at) + 1] ?? at;
    else if (outcome === 'back') at = goBack(draft, asked, at);
    else at = outcome.goTo;
  }
  return draft.saved;
}

function goBack(draft: Draft, asked: string[], at: string): string {
  while (asked.at(-1) === at) asked.pop();
  const to = asked.pop();
  if (to === undefined) {
    if (draft.options.fromMenu === true) throw new CredsetupError('CANCELLED', 'Back to the menu. Nothing was saved.', { hint: '' });
    return at;
  }
  forget(draft, to);
  return to;
}

/** What an earlier answer decided is decided anew. */
function forget(draft: Draft, stage: string): void {
  draft.given.delete(stage);
  if (stage === 'store') delete draft.store;
  if (stage === 'method') delete draft.method;
  if (stage === 'redirect') {
    delete draft.n8nCallbackUrl;
    delete draft.signInBy;
  }
  // Another server may have other ways, and which methods there are is decided by the way.
  if (stage === 'url' || stage === 'way') {
    delete draft.way;
    delete draft.method;
  }
}

async function runStage(draft: Draft, id: string): Promise<Outcome> {
  const stage = stagesOf(draft).find((one) => one.id === id);
  if (stage === undefined) throw new Error(`there is no stage ${id} at this place`);
  try {
    return await stage.run();
  } catch (error) {
    if (draft.terminal === undefined || !isCredsetupError(error) || !canGoOn(error)) throw error;
    return recover(draft, id, error);
  }
}

/** A wrong call, a stop and our own faults end the wizard; everything else goes on from a question. */
function canGoOn(error: CredsetupError): boolean {
  return error.exitCode < 125 && error.details.stopped !== true && !['UNEXPECTED', 'USAGE', 'UNSUPPORTED', 'INPUT_MISSING', 'NAME_INVALID', 'FILE_UNREADABLE', 'FILE_INVALID'].includes(error.code);
}

/** Shows the error; a value's goes back to its question, anything else is the person's choice. */
async function recover(draft: Draft, stage: string, error: CredsetupError): Promise<Outcome> {
  printError(error, draft.context.output, { again: draft.told.has(error.code), terminal: draft.terminal });
  draft.told.add(error.code);
  const { field } = error.details;
  // What the command line says of n8n's callback is asked for nowhere.
  const isAsked = field !== 'redirect' || draft.options.signIn.n8nCallbackUrl === undefined;
  if (field !== undefined && isAsked && stagesOf(draft).some(({ id }) => id === field)) {
    if (field === 'redirect') forget(draft, field);
    else draft.given.delete(field);
    return { goTo: field };
  }
  const again = error.exitCode === 6 ? 'inspect' : stage;
  const answer = await terminalOf(draft).choose({
    message: 'What now?',
    choices: [
      { value: 'again', label: 'Try again', note: 'everything that you entered is kept' },
      ...(stage === 'save' ? [{ value: 'store', label: 'Keep it somewhere else' }] : []),
      { value: 'url', label: 'Change the address' },
      { value: 'stop', label: 'Stop', note: 'nothing is saved' },
    ],
  });
  if (answer.kind === 'back' || answer.value === 'again') return { goTo: again };
  if (answer.value === 'stop') throw error.with({ stopped: true });
  forget(draft, answer.value);
  return { goTo: answer.value };
}
