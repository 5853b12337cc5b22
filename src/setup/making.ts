/**
 * The stages of a set-up whose secret is made at the service: how, the name, who signs in, what
 * stands in the way, and the making itself, in which everything that changes something is done.
 */
import { sameName, freeName, defaultName, checkName } from '../credential-name.ts';
import type { Credential } from '../credential.ts';
import { CredsetupError, isCredsetupError, type MissingInput } from '../errors.ts';
import { isLoopbackHost } from '../http/loopback.ts';
import type { Making, Way } from '../services/making.ts';
import type { Field, Method } from '../services/service.ts';
import { known, type Draft, type Outcome, type SetupOptions, type Stage } from './draft.ts';
import { makeStage } from './maker.ts';
import { overcome } from './obstacle.ts';
import { missingInput, type Given } from './sources.ts';
import { checkTrusted, endSession, makingOf, step, workApi, workOf } from './work.ts';

type AskField = (draft: Draft, field: Field) => Promise<Outcome>;

/** Every field that making can use. */
export function fieldsOfMaking({ signInFields, codeField, adminTokenField, descriptionField, expiryField, ways }: Making): readonly Field[] {
  return [...signInFields, codeField, adminTokenField, descriptionField, expiryField, ...ways.flatMap(({ fields }) => fields)];
}

/** The fields of a method's making, none where it has none. */
export function makingFieldsOf(method: Method): readonly Field[] {
  return method.making === undefined ? [] : fieldsOfMaking(method.making);
}

/** The way that the command line chose; undefined when it did not. */
function chosenWay(making: Making, options: SetupOptions, given: ReadonlyMap<string, Given>): Way | undefined {
  const named = making.ways.find(({ fields }) => fields.some(({ key }) => options.fields[key]?.value !== undefined || (options.create === true && given.has(key))));
  if (named !== undefined) return named;
  return options.create === true ? making.ways.find((way) => way.makes && way.fields.length === 0) : undefined;
}

/** What a script must give when the secret is made; undefined when it is not made. Throws USAGE. */
export function requiredForMaking(options: SetupOptions, given: ReadonlyMap<string, Given>, base: string | undefined): readonly MissingInput[] | undefined {
  const making = makingOfOptions(options);
  const way = making === undefined ? undefined : chosenWay(making, options, given);
  if (making === undefined || way === undefined) {
    checkUnused(making, options);
    return undefined;
  }
  checkTrusted(base, options, isLoopbackHost);
  checkSources(making, options, given);
  const needed = given.has(making.adminTokenField.key) ? [] : making.signInFields;
  return [options.service.address.field, ...needed].filter(({ key }) => !given.has(key)).map((field) => missingInput(field, options.service));
}

function makingOfOptions({ service, method }: SetupOptions): Making | undefined {
  return service.methods.find((one) => method === undefined || one.id === method)?.making;
}

/** Options that do nothing without making are a mistake, in a script. Throws USAGE. */
function checkUnused(making: Making | undefined, options: SetupOptions): void {
  const unused = making === undefined ? [] : fieldsOfMaking(making).filter(({ key }) => {
    const { value, file, stdin } = options.fields[key] ?? {};
    return value !== undefined || file !== undefined || stdin === true;
  }).map(({ option }) => option);
  const all = [...unused, ...(options.repair === true ? ['--repair'] : [])];
  if (making === undefined || all.length === 0) return;
  throw new CredsetupError('USAGE', `${all.join(', ')} ${all.length === 1 ? 'goes' : 'go'} with ${making.option}.`, { hint: `Add ${making.option}, or leave ${all.length === 1 ? 'it' : 'them'} out.` });
}

/** A secret that was given and one that is to be made are two sources. Throws USAGE. */
function checkSources(making: Making, options: SetupOptions, given: ReadonlyMap<string, Given>): void {
  const fields = options.service.methods.filter((method) => method.making === making).flatMap((method) => method.fields);
  const twice = fields.find(({ key }) => given.get(key)?.source.startsWith('--') === true);
  if (twice !== undefined) throw new CredsetupError('USAGE', `${twice.option} gives the ${twice.label}, and ${making.option} makes one.`, { hint: 'Keep one of them.' });
  if (options.store === 'none' && options.deliver === undefined) {
    throw new CredsetupError('USAGE', 'With --store none the new token would be made and lost.', { hint: 'Add --export FORMAT, or choose another store.' });
  }
}

/** How the secret comes to be: the first question about it. */
export async function wayStage(draft: Draft): Promise<Outcome> {
  const making = draft.method?.making;
  if (making === undefined) return 'through';
  const work = workOf(draft);
  const chosen = chosenWay(making, draft.options, draft.given);
  const haveOne = draft.terminal === undefined || draft.options.existing !== undefined || known(draft.method, 'method').fields.some(({ key }) => draft.given.has(key));
  work.way = chosen ?? (haveOne ? making.ways.find(({ makes }) => !makes) : undefined);
  if (work.way !== undefined) return 'through';
  const answer = await known(draft.terminal, 'terminal').choose({
    message: 'Where does the token come from?',
    choices: making.ways.map((way) => ({ value: way, label: way.title, note: way.suits })),
  });
  if (answer.kind === 'back') return 'back';
  work.way = answer.value;
  return 'next';
}

/** The stages behind the store's when the secret is made; undefined when it is given. */
export function makingStages(draft: Draft, askField: AskField): readonly Stage[] | undefined {
  const way = draft.work?.way;
  if (way?.makes !== true) return undefined;
  const making = makingOf(draft);
  const work = workOf(draft);
  const ask = (field: Field, wanted: (one: Draft) => boolean): Stage => ({
    id: field.key, run: async (one) => (wanted(one) || one.given.has(field.key) ? askField(one, field) : 'through'),
  });
  const byPassword = (): boolean => work.by === 'password' && work.session === undefined;
  return [
    { id: 'name', run: makingNameStage },
    { id: 'by', run: byStage },
    ...making.signInFields.map((field) => ask(field, byPassword)),
    ask(making.codeField, () => work.codeWanted && byPassword()),
    ask(making.adminTokenField, () => work.by === 'token' && work.session === undefined),
    { id: 'sign-in', run: signInStage },
    ...way.fields.map((field) => ask(field, () => true)),
    ask(making.descriptionField, () => false),
    ask(making.expiryField, () => work.expiryWanted),
    { id: 'obstacles', run: obstaclesStage },
    { id: 'make', run: makeStage },
  ];
}

/** A taken name is found out before anything is made. Throws NAME_TAKEN in a script. */
async function makingNameStage(draft: Draft): Promise<Outcome> {
  const { terminal, vault, options } = draft;
  const wanted = draft.name ?? options.name ?? defaultName(draft.service.id, known(draft.base, 'address'));
  draft.name = wanted;
  if (draft.store === 'none') return 'through';
  const there = await vault.find(wanted);
  if (there !== undefined && terminal === undefined && !options.replace) throw taken(there);
  if (terminal === undefined) return 'through';
  const names = (await vault.list()).map(({ name }) => name);
  const free = there === undefined || options.replace;
  if (!free) draft.context.output.warn(`  ${taken(there).message} ${taken(there).hint}`);
  const answer = await terminal.text({ message: 'Save as', initial: free ? wanted : freeName(wanted, names), maxLength: 64, check: (name) => nameProblem(name, options.replace ? [] : names) });
  if (answer.kind === 'back') return 'back';
  draft.name = answer.value;
  return 'next';
}

function taken(there: Credential): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `The name ${there.name} holds a credential of ${there.service} at ${there.url} already; nothing was made.`, {
    name: there.name, hint: `A new secret for it: credsetup rotate ${there.name}. Or choose another name with --name, or replace it with --replace.`,
  });
}

function nameProblem(name: string, names: readonly string[]): string | undefined {
  try {
    checkName(name);
  } catch (error) {
    if (isCredsetupError(error)) return error.message;
    throw error;
  }
  return names.some((one) => sameName(one, name)) ? `${name} is taken. For a new secret of it: credsetup rotate ${name}` : undefined;
}

/** A password or an admin's token. */
async function byStage(draft: Draft): Promise<Outcome> {
  const work = workOf(draft);
  const making = makingOf(draft);
  if (work.session !== undefined) return 'through';
  checkTrusted(draft.base, draft.connection, isLoopbackHost);
  const all = making.signInFields.every(({ key }) => draft.given.has(key));
  if (draft.terminal === undefined || all || draft.given.has(making.adminTokenField.key)) {
    work.by = all ? 'password' : 'token';
    return 'through';
  }
  const problem = making.signInProblem(await workApi(draft), known(draft.state, 'state'));
  if (problem !== undefined) draft.context.output.warn(`  ${problem.message} ${problem.hint}`);
  const answer = await draft.terminal.choose<'password' | 'token'>({
    message: 'How do you sign in?',
    choices: [
      ...(problem === undefined ? [{ value: 'password' as const, label: 'Username and password', note: 'used once, kept nowhere; the sign-in is ended again' }] : []),
      { value: 'token', label: making.adminTokenField.label, note: 'where an admin gave you one' },
    ],
  });
  if (answer.kind === 'back') return 'back';
  work.by = answer.value;
  return 'next';
}

/** Signs in once. What was refused is never sent a second time in a run. */
async function signInStage(draft: Draft): Promise<Outcome> {
  const work = workOf(draft);
  const making = makingOf(draft);
  if (work.session !== undefined) return 'through';
  const protect = (secret: string): void => { draft.context.output.protect(secret); };
  if (work.by === 'token') {
    const token = draft.values.get(making.adminTokenField.key) ?? '';
    await once(draft, token, making.adminTokenField.key, () => step(draft, 'asking who the token is', async (api) => { work.session = await making.withToken(api, token); }));
  } else {
    const problem = making.signInProblem(await workApi(draft), known(draft.state, 'state'));
    if (problem !== undefined) throw problem;
    const keys = [...making.signInFields, making.codeField].map(({ key }) => key);
    const values = Object.fromEntries(keys.map((key) => [key, draft.values.get(key) ?? '']));
    protect(values[making.codeField.key] ?? '');
    try {
      await once(draft, JSON.stringify(values), 'password', () => step(draft, 'signing in', async (api) => { work.session = await making.signIn(api, values, protect); }));
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      return codeAsked(draft, error);
    }
    await openAdmin(draft);
  }
  for (const field of [...making.signInFields, making.codeField, making.adminTokenField].filter(({ key }) => key !== 'username')) forgetValue(draft, field.key);
  tellSession(draft);
  return 'through';
}

/** With a sign-in, an admin's token repairs. */
async function openAdmin(draft: Draft): Promise<void> {
  const work = workOf(draft);
  const making = makingOf(draft);
  const token = draft.values.get(making.adminTokenField.key) ?? '';
  if (token !== '') await step(draft, 'asking who the token is', async (api) => { work.admin = await making.withToken(api, token); });
}

/** The code is asked for only when the server asks; a refused one is forgotten. */
function codeAsked(draft: Draft, error: CredsetupError): Outcome {
  const { key } = makingOf(draft).codeField;
  if (error.details.field !== key) throw error;
  const work = workOf(draft);
  forgetValue(draft, key);
  if (draft.terminal === undefined || work.codeWanted) throw error;
  work.codeWanted = true;
  return { goTo: key };
}

function forgetValue(draft: Draft, key: string): void {
  draft.values.delete(key);
  draft.given.delete(key);
}

/** Sends it unless it was refused in this run. */
async function once(draft: Draft, secret: string, field: string, send: () => Promise<void>): Promise<void> {
  const together = `sign-in ${secret}`;
  if (draft.refused.has(together)) {
    throw new CredsetupError('INPUT_INVALID', 'This was refused a moment ago; it is not sent a second time, so that the account is not locked.', { field, hint: 'Give another value, or go back with Esc.' });
  }
  try {
    await send();
  } catch (error) {
    if (isCredsetupError(error) && error.exitCode === 7 && error.code !== 'MFA_REQUIRED') draft.refused.add(together);
    throw error;
  }
}

function tellSession({ context: { output }, work }: Draft): void {
  const session = work?.session;
  if (session === undefined) return;
  output.say(`  ${output.style.good('✔')} Signed in as ${output.style.bold(session.account.username)}${session.admin ? ' (admin)' : ''}, for this run only`);
}

/** What the service says for certain, now that somebody is signed in. */
async function obstaclesStage(draft: Draft): Promise<Outcome> {
  const work = workOf(draft);
  const making = makingOf(draft);
  const session = known(work.session, 'session');
  const values = Object.fromEntries(draft.values);
  making.expiryOf(draft.values.get(making.expiryField.key), known(draft.state, 'state'), draft.context.now());
  work.changes.length = 0;
  const found = await step(draft, 'looking what is allowed', (api) => making.obstacles(api, session, known(work.way, 'way'), values));
  for (const obstacle of found) {
    if (await overcome(draft, obstacle) !== 'back') continue;
    await endSession(draft, 'session');
    return { goTo: 'way' };
  }
  return 'through';
}
