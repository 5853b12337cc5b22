/**
 * The stages of a set-up whose secret is made at the service: how, the name, who signs in, what
 * stands in the way, and the making itself, in which everything that changes something is done.
 */
import { sameName, freeName } from '../../credential-name.ts';
import type { Credential } from '../../credential.ts';
import { CredsetupError, isCredsetupError, type MissingInput } from '../../errors.ts';
import type { Provisioning, Way } from '../../services/provisioning.ts';
import type { Field } from '../../services/field.ts';
import type { Method } from '../../services/service.ts';
import { findMethod } from '../../services/registry.ts';
import { checkTrusted } from '../../server/trust.ts';
import { known, terminalOf, type Draft, type Outcome, type PlacedDraft, type ReadyDraft, type SetupOptions, type Stage } from '../draft.ts';
import { redirectStage } from '../oauth2/client.ts';
import { askName, nameProblem } from '../naming.ts';
import { makeStage } from './provision.ts';
import { overcome } from './repairs.ts';
import { missingInput, type Given } from '../../field-sources.ts';
import { endSession, leaveOther, provisioningOf, step, openApi, openOf, valueOf } from './sessions.ts';

type AskField = (draft: PlacedDraft, field: Field) => Promise<Outcome>;

/** Every field that provisioning can use. */
export function fieldsOfProvisioning({ signInFields, codeField, adminTokenField, descriptionField, expiryField, ways }: Provisioning): readonly Field[] {
  const own = [codeField, adminTokenField, descriptionField, expiryField].filter((field) => field !== undefined);
  return [...signInFields, ...own, ...ways.flatMap(({ fields }) => fields)];
}

/** The fields of a method's provisioning, none where it has none. */
export function provisioningFieldsOf(method: Method): readonly Field[] {
  return method.provisioning === undefined ? [] : fieldsOfProvisioning(method.provisioning);
}

/** The way that the command line chose; undefined when it did not. */
function chosenWay(provisioning: Provisioning, options: SetupOptions, given: ReadonlyMap<string, Given>): Way | undefined {
  const named = provisioning.ways.find(
    ({ fields }) => fields.some(({ key }) => options.fields[key]?.value !== undefined || (options.create === true && given.has(key))),
  );
  if (named !== undefined) return named;
  return options.create === true ? provisioning.ways.find((way) => way.makes && way.fields.length === 0) : undefined;
}

/** What a script must give when the secret is made; undefined when it is not made. Throws USAGE. */
export function requiredForProvisioning(
  options: SetupOptions, given: ReadonlyMap<string, Given>, base: string | undefined,
): readonly MissingInput[] | undefined {
  const provisioning = provisioningOfOptions(options);
  const way = provisioning === undefined ? undefined : chosenWay(provisioning, options, given);
  if (provisioning === undefined || way === undefined) {
    if (options.create === true) throw new CredsetupError('USAGE', `What the method ${options.method ?? ''} needs is not made by this option.`, { hint: provisioning === undefined ? 'Leave it out.' : `It is made with ${provisioning.option}.` });
    checkUnused(provisioning, options);
    return undefined;
  }
  checkTrusted(base, options);
  checkSources(provisioning, options, given);
  const needed = isGiven(provisioning.adminTokenField, given) ? [] : provisioning.signInFields;
  return [options.service.address.field, ...needed].filter(({ key }) => !given.has(key)).map((field) => missingInput(field, options.service));
}

function isGiven(field: Field | undefined, given: ReadonlyMap<string, Given>): boolean {
  return field !== undefined && given.has(field.key);
}

function provisioningOfOptions({ service, method }: SetupOptions): Provisioning | undefined {
  return service.methods.find((one) => method === undefined || one.id === method)?.provisioning;
}

/** Options that do nothing without provisioning are a mistake, in a script. Throws USAGE. */
function checkUnused(provisioning: Provisioning | undefined, options: SetupOptions): void {
  const methods = options.service.methods.filter(({ id }) => options.method === undefined || id === options.method);
  const own = methods.flatMap(({ fields }) => fields.map(({ key }) => key));
  const unused = provisioning === undefined ? [] : fieldsOfProvisioning(provisioning).filter(({ key }) => {
    // A method's own value is of use without it.
    if (own.includes(key)) return false;
    const { value, file, stdin } = options.fields[key] ?? {};
    return value !== undefined || file !== undefined || stdin === true;
  }).map(({ option }) => option);
  const all = [...unused, ...(options.repair === true ? ['--repair'] : [])];
  if (provisioning === undefined || all.length === 0) return;
  throw new CredsetupError('USAGE', `${all.join(', ')} ${all.length === 1 ? 'goes' : 'go'} with ${provisioning.option}.`, { hint: `Add ${provisioning.option}, or leave ${all.length === 1 ? 'it' : 'them'} out.` });
}

/** A secret that was given and one that is to be made are two sources. Throws USAGE. */
function checkSources(provisioning: Provisioning, options: SetupOptions, given: ReadonlyMap<string, Given>): void {
  const fields = options.service.methods.filter((method) => method.provisioning === provisioning).flatMap((method) => method.fields);
  const signIn = provisioning.signInFields.map(({ key }) => key);
  const twice = fields.find(({ key }) => !signIn.includes(key) && given.get(key)?.source.startsWith('--') === true);
  if (twice !== undefined) throw new CredsetupError('USAGE', `${twice.option} gives the ${twice.label}, and ${provisioning.option} makes one.`, { hint: 'Keep one of them.' });
  if (options.store === 'none' && options.deliver === undefined) {
    throw new CredsetupError('USAGE', 'With --store none the new secret would be made and lost.', { hint: 'Add --export FORMAT, or choose another store.' });
  }
}

/** The methods that the command line leaves. */
function methodsOf({ service, options }: Draft): readonly Method[] {
  return options.method === undefined ? service.methods : [findMethod(service, options.method)];
}

/** Each way once, as the methods have them. */
function waysOf(methods: readonly Method[]): readonly Way[] {
  const all = methods.flatMap(({ provisioning }) => provisioning?.ways ?? []);
  return all.filter((way, index) => all.findIndex(({ id }) => id === way.id) === index);
}

/** Whether a method's secret comes to be in the way that was chosen. */
export function fitsWay({ way }: Draft, { provisioning }: Method): boolean {
  return way === undefined || (provisioning === undefined ? !way.makes : provisioning.ways.some(({ id }) => id === way.id));
}

/** How the secret comes to be: the first question after the address. */
export async function wayStage(draft: Draft): Promise<Outcome> {
  const methods = methodsOf(draft);
  const ways = waysOf(methods);
  if (ways.length === 0) return 'through';
  await leaveOther(draft);
  const chosen = methods.flatMap(({ provisioning }) => (provisioning === undefined ? undefined : chosenWay(provisioning, draft.options, draft.given)) ?? [])[0];
  const way = draft.way ?? (draft.anotherWay === true ? undefined : chosen ?? (haveOne(draft, methods) ? ways.find(({ makes }) => !makes) : undefined));
  if (way !== undefined) {
    draft.way = way;
    return 'through';
  }
  const things = new Set(methods.flatMap(({ provisioning }) => provisioning?.words.thing ?? []));
  const answer = await terminalOf(draft).choose({
    message: things.size === 1 ? `Where does the ${[...things].join('')} come from?` : `How do you want to set up ${draft.service.title}?`,
    choices: ways.map((way) => ({ value: way, label: way.title, note: way.suits })),
  });
  if (answer.kind === 'back') return 'back';
  draft.way = answer.value;
  delete draft.method;
  return 'next';
}

/**
 * Nothing is to be made: nobody can be asked, it is set up anew, or a value of it was given. What a
 * sign-in may use as well says nothing while the method is open.
 */
function haveOne({ terminal, options, given }: Draft, methods: readonly Method[]): boolean {
  if (terminal === undefined || (options.existing ?? options.inPlaceOf) !== undefined) return true;
  const signIn = methods.length === 1 ? [] : methods.flatMap(({ provisioning }) => provisioning?.signInFields ?? []).map(({ key }) => key);
  return methods.flatMap(({ fields }) => fields).some(({ key }) => given.has(key) && !signIn.includes(key));
}

/** The stages behind the store's when the secret is made; undefined when it is given. */
export function provisioningStages(draft: ReadyDraft, askField: AskField): readonly Stage[] | undefined {
  const { way } = draft;
  if (way?.makes !== true) return undefined;
  const provisioning = provisioningOf(draft);
  const open = openOf(draft);
  const ask = (field: Field, wanted: () => boolean): Stage => ({
    id: field.key, run: async () => (wanted() || draft.given.has(field.key) ? askField(draft, field) : 'through'),
  });
  const asks = (field: Field | undefined, wanted: () => boolean): readonly Stage[] => field === undefined ? [] : [ask(field, wanted)];
  const byPassword = (): boolean => open.by === 'password' && open.session === undefined;
  return [
    { id: 'name', run: () => provisioningNameStage(draft) },
    { id: 'by', run: () => byStage(draft) },
    ...provisioning.signInFields.map((field) => ask(field, byPassword)),
    ...asks(provisioning.codeField, () => open.codeWanted && byPassword()),
    ...asks(provisioning.adminTokenField, () => open.by === 'token' && open.session === undefined),
    { id: 'sign-in', run: () => signInStage(draft) },
    ...way.fields.map((field) => ask(field, () => true)),
    ...asks(provisioning.descriptionField, () => false),
    ...asks(provisioning.expiryField, () => open.expiryWanted),
    ...(draft.method.oauth === undefined ? [] : [{ id: 'redirect', run: () => redirectStage(draft) }]),
    { id: 'repairs', run: () => repairsStage(draft) },
    { id: 'make', run: () => makeStage(draft) },
  ];
}

/** A taken name is found out before anything is made. Throws NAME_TAKEN in a script. */
async function provisioningNameStage(draft: ReadyDraft): Promise<Outcome> {
  const { terminal, vault, options } = draft;
  const wanted = draft.name;
  if (draft.store === 'none') return 'through';
  const there = await vault.find(wanted);
  if (there !== undefined && terminal === undefined && !options.replace) throw taken(there);
  if (terminal === undefined) return 'through';
  const names = (await vault.list()).map(({ name }) => name);
  const free = there === undefined || options.replace;
  // What nobody has chosen is not missed: a free one is proposed.
  if (!free && options.name !== undefined) draft.context.output.warn(`  ${taken(there).message} For a new secret of it: credsetup rotate ${there.name}`);
  const answer = await askName(draft, terminal, free ? wanted : freeName(wanted, names), (name) => problemOf(name, options.replace ? [] : names));
  if (answer.kind === 'back') return 'back';
  draft.name = answer.value;
  return 'next';
}

function taken(there: Credential): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `The name ${there.name} holds a credential of ${there.service} at ${there.url} already; nothing was made.`, {
    name: there.name, hint: `A new secret for it: credsetup rotate ${there.name}. Or choose another name with --name, or replace it with --replace.`,
  });
}

function problemOf(name: string, names: readonly string[]): string | undefined {
  return nameProblem(name) ?? (names.some((one) => sameName(one, name)) ? `${name} is taken. For a new secret of it: credsetup rotate ${name}` : undefined);
}

/** A password or an admin's token. */
async function byStage(draft: ReadyDraft): Promise<Outcome> {
  const open = openOf(draft);
  const provisioning = provisioningOf(draft);
  if (open.session !== undefined) return 'through';
  checkTrusted(draft.base, draft.connection);
  const all = provisioning.signInFields.every(({ key }) => draft.given.has(key));
  const { adminTokenField } = provisioning;
  if (draft.terminal === undefined || all || adminTokenField === undefined || draft.given.has(adminTokenField.key)) {
    open.by = all || adminTokenField === undefined ? 'password' : 'token';
    return 'through';
  }
  const problem = provisioning.signInProblem(await openApi(draft), draft.state);
  if (problem !== undefined) draft.context.output.warn(`  ${problem.message} ${problem.hint}`);
  const answer = await draft.terminal.choose<'password' | 'token'>({
    message: 'How do you sign in?',
    choices: [
      ...(problem === undefined ? [{ value: 'password' as const, label: 'Username and password', note: 'used once, kept nowhere; the sign-in is ended again' }] : []),
      { value: 'token', label: adminTokenField.label, note: 'where an admin gave you one' },
    ],
  });
  if (answer.kind === 'back') return 'back';
  open.by = answer.value;
  return 'next';
}

/** Signs in once. What was refused is never sent a second time in a run. */
async function signInStage(draft: ReadyDraft): Promise<Outcome> {
  const open = openOf(draft);
  const provisioning = provisioningOf(draft);
  if (open.session !== undefined) return 'through';
  const protect = (secret: string): void => { draft.context.output.protect(secret); };
  if (open.by === 'token') {
    const { key } = known(provisioning.adminTokenField, 'field of an admin\'s token');
    const withToken = known(provisioning.withToken, 'session by a token');
    const token = known(draft.values.get(key), 'admin\'s token');
    await once(draft, token, key, () => step(draft, 'asking who the token is', async (api) => { open.session = await withToken(api, token); }));
  } else {
    const problem = provisioning.signInProblem(await openApi(draft), draft.state);
    if (problem !== undefined) throw problem;
    const { codeField } = provisioning;
    const keys = [...provisioning.signInFields, ...(codeField === undefined ? [] : [codeField])].map(({ key }) => key);
    const values = Object.fromEntries(keys.map((key) => [key, draft.values.get(key) ?? '']));
    protect(codeField === undefined ? '' : values[codeField.key] ?? '');
    try {
      await once(draft, JSON.stringify(values), 'password', () => step(draft, 'signing in', async (api) => { open.session = await provisioning.signIn(api, values, protect); }));
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      return codeAsked(draft, error);
    }
    await openAdmin(draft);
  }
  for (const field of [...provisioning.signInFields, provisioning.codeField, provisioning.adminTokenField]) {
    if (field !== undefined && field.key !== 'username') forgetValue(draft, field.key);
  }
  tellSession(draft);
  return 'through';
}

/** With a sign-in, an admin's token repairs. */
async function openAdmin(draft: ReadyDraft): Promise<void> {
  const open = openOf(draft);
  const provisioning = provisioningOf(draft);
  const { adminTokenField, withToken } = provisioning;
  const token = adminTokenField === undefined ? '' : draft.values.get(adminTokenField.key) ?? '';
  if (token !== '' && withToken !== undefined) await step(draft, 'asking who the token is', async (api) => { open.admin = await withToken(api, token); });
}

/** The code is asked for only when the server asks; a refused one is forgotten. */
function codeAsked(draft: ReadyDraft, error: CredsetupError): Outcome {
  const key = provisioningOf(draft).codeField?.key;
  if (key === undefined || error.details.field !== key) throw error;
  const open = openOf(draft);
  forgetValue(draft, key);
  if (draft.terminal === undefined || open.codeWanted) throw error;
  open.codeWanted = true;
  return { goTo: key };
}

function forgetValue(draft: ReadyDraft, key: string): void {
  draft.values.delete(key);
  draft.given.delete(key);
}

/** Sends it unless it was refused in this run. */
async function once(draft: ReadyDraft, secret: string, field: string, send: () => Promise<void>): Promise<void> {
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

function tellSession({ context: { output }, provisioning: open }: ReadyDraft): void {
  const session = open?.session;
  if (session === undefined) return;
  output.say(`  ${output.style.good('✔')} Signed in as ${output.style.bold(session.account.username)}${session.admin ? ' (admin)' : ''}, for this run only`);
}

/** What the service says for certain, now that somebody is signed in. */
async function repairsStage(draft: ReadyDraft): Promise<Outcome> {
  const open = openOf(draft);
  const provisioning = provisioningOf(draft);
  const session = known(open.session, 'session');
  const values = Object.fromEntries(draft.values);
  provisioning.expiryOf(valueOf(draft, provisioning.expiryField), draft.state.version, session.at ?? draft.context.now());
  open.changes.length = 0;
  const found = await step(draft, 'looking what is allowed', (api) => provisioning.repairs(api, session, known(draft.way, 'way'), values));
  for (const repair of found) {
    if (await overcome(draft, repair) !== 'back') continue;
    await endSession(draft, open, 'session');
    delete draft.way;
    draft.anotherWay = true;
    return { goTo: 'way' };
  }
  return 'through';
}
