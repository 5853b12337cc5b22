/**
 * The stages of a set-up, in order. Each asks when nothing was given, and says whether it asked:
 * Esc goes back to the last stage that did.
 */
import type { Answer } from '../context.ts';
import type { StoreKind } from '../credential.ts';
import { isCredsetupError } from '../errors.ts';
import { cleanedValue } from '../given-value.ts';
import { opensByVariables } from '../passphrase.ts';
import { findMethod, services } from '../services/registry.ts';
import type { Field } from '../services/field.ts';
import type { Method } from '../services/service.ts';
import { locateWithProof } from '../server/address.ts';
import { apiOf } from '../server/connection.ts';
import { isPlaced, isReady, isValidated, terminalOf, type Draft, type Outcome, type PlacedDraft, type ReadyDraft, type Stage } from './draft.ts';
import { leaveOther } from './provisioning/sessions.ts';
import { fitsWay, provisioningStages, wayStage } from './provisioning/stages.ts';
import { checkEarlyName, nameStage } from './naming.ts';
import { questionFor, sayOddEdges, sendableValue } from '../field-sources.ts';
import { onceStarted } from './starting.ts';
import { stepsStage } from './steps.ts';
import { saveStage, validateStage } from './saving.ts';
import { clientStage, grantOf, redirectStage } from './oauth2/client.ts';
import { onlyN8nSignsIn } from './oauth2/who-signs-in.ts';
import { accountStage, signInStage } from './oauth2/sign-in.ts';

/** The stages of this draft; the method's fields are known once the method is. */
export function stagesOf(draft: Draft): readonly Stage[] {
  const { base } = draft;
  return [
    { id: 'url', run: () => addressStage(draft) },
    ...(base === undefined ? [] : [
      { id: 'inspect', run: () => inspectStage(draft, base) },
      { id: 'way', run: () => wayStage(draft) },
      { id: 'method', run: () => methodStage(draft, base) },
    ]),
    ...(isPlaced(draft) ? [{ id: 'store', run: () => storeStage(draft) }] : []),
    ...(isReady(draft) ? provisioningStages(draft, fieldStage) ?? givenStages(draft) : []),
  ];
}

/** The stages behind the store's when the values are given. */
function givenStages(draft: ReadyDraft): readonly Stage[] {
  return [
    ...forPeople(draft, [{ id: 'redirect', run: () => redirectStage(draft) }]),
    { id: 'steps', run: () => stepsStage(draft) },
    ...draft.method.fields.map((field) => ({ id: field.key, run: () => fieldStage(draft, field) })),
    ...(draft.method.oauth === undefined ? [] : [{ id: 'client', run: () => clientStage(draft) }]),
    ...signedInHere(draft, [{ id: 'sign-in', run: () => signInStage(draft) }]),
    { id: 'validate', run: () => validateStage(draft) },
    ...(isValidated(draft) ? [
      ...signedInHere(draft, [{ id: 'account', run: () => accountStage(draft) }]),
      { id: 'name', run: () => nameStage(draft) },
      { id: 'save', run: () => saveStage(draft) },
    ] : []),
  ];
}

/** Stages of a sign-in by a person in a browser. */
function forPeople(draft: PlacedDraft, stages: readonly Stage[]): readonly Stage[] {
  return draft.method.oauth !== undefined && grantOf(draft) === 'authorization-code' ? stages : [];
}

/** And in this computer's. */
function signedInHere(draft: PlacedDraft, stages: readonly Stage[]): readonly Stage[] {
  return onlyN8nSignsIn(draft) ? [] : forPeople(draft, stages);
}

async function addressStage(draft: Draft): Promise<Outcome> {
  const { service, context, http, connection } = draft;
  const field = service.address.field;
  const { value, asked } = await valueFor(draft, field);
  if (value.kind === 'back') return 'back';
  const find = () => locateWithProof(value.value, service, services, http, connection);
  try {
    const { base, proof } = await onceStarted(service.title, find, draft.terminal, context.signal);
    draft.base = base;
    draft.proof = proof;
  } catch (error) {
    const target = isCredsetupError(error) && error.code === 'REDIRECTED' ? error.details.location : undefined;
    if (target === undefined || draft.terminal === undefined || !isCredsetupError(error)) throw error;
    context.output.warn(`  ${error.message}`);
    const answer = await draft.terminal.choose({
      message: `Use ${target}?`,
      choices: [{ value: true, label: `Yes, ${target}`, note: `${service.title} answers there` }, { value: false, label: 'No, type another address' }],
    });
    if (answer.kind === 'back' || !answer.value) throw error;
    draft.base = target;
    delete draft.proof;
  }
  context.output.publish(draft.base);
  if (draft.values.get(field.key) !== draft.base) delete draft.state;
  draft.values.set(field.key, draft.base);
  return asked ? 'next' : 'through';
}

/** The method when there is nothing to choose. */
function methodGiven({ service, options }: Draft): Method | undefined {
  return options.method === undefined ? (service.methods.length === 1 ? service.methods[0] : undefined) : findMethod(service, options.method);
}

async function methodStage(draft: Draft, base: string): Promise<Outcome> {
  const methods = draft.service.methods.filter((method) => fitsWay(draft, method));
  const given = draft.method ?? methodGiven(draft) ?? (methods.length === 1 ? methods[0] : undefined);
  if (given !== undefined) {
    draft.method = given;
    await leaveOther(draft);
    await checkEarlyName(draft, base);
    return 'through';
  }
  const answer = await terminalOf(draft).choose({
    message: 'How should the credential sign in?',
    choices: methods.map((method) => ({ value: method, label: method.title, note: method.summary })),
  });
  if (answer.kind === 'back') return 'back';
  draft.method = answer.value;
  await leaveOther(draft);
  await checkEarlyName(draft, base);
  return 'next';
}

async function inspectStage(draft: Draft, base: string): Promise<Outcome> {
  const { service, context } = draft;
  // True for a moment: a step that was done since changes the answer.
  const { proof } = draft;
  delete draft.proof;
  const look = () => service.inspect(apiOf(base, draft.http, draft.connection), draft.method ?? methodGiven(draft), draft.state, proof);
  const state = await (draft.terminal?.busy(`asking ${service.title}`, look) ?? look());
  const says = state.says.length === 0 ? '' : ` (${state.says.join(', ')})`;
  context.output.say(`  ${context.output.style.good('✔')} ${service.title} answers at ${context.output.style.bold(base)}${says}`);
  if (state.fault !== undefined) throw state.fault;
  draft.state = state;
  return 'through';
}

const storeChoices: readonly { readonly value: StoreKind; readonly label: string; readonly note: string }[] = [
  { value: 'keychain', label: 'OS keychain', note: 'try it again, for example after unlocking it' },
  { value: 'file', label: 'Encrypted file', note: 'an age file in your data folder; you choose a passphrase and type it at every use' },
  { value: 'vault', label: 'OpenBao or Vault', note: 'a team\'s: needs BAO_ADDR and a token' },
  { value: 'none', label: 'Nowhere', note: 'only validate; nothing is kept when this run ends' },
];

/** Which store works is found out before a secret is asked for. Never a silent fallback. */
async function storeStage(draft: Draft): Promise<Outcome> {
  if (draft.store !== undefined) return 'through';
  const { context, terminal } = draft;
  const wanted = draft.options.store ?? 'keychain';
  try {
    await prepareStore(draft, wanted);
    draft.store = wanted;
    return 'through';
  } catch (error) {
    if (terminal === undefined || !isCredsetupError(error) || error.exitCode !== 10) throw error;
    context.output.warn(`  ${context.output.style.bad('✖')} ${error.message}`);
    if (error.hint !== '') context.output.warn(`    ${error.hint}`);
  }
  return chooseStore(draft);
}

/** A mistyped passphrase is asked for again; one that a variable gives would be refused again. */
async function prepareStore(draft: Draft, store: StoreKind): Promise<void> {
  const { context, terminal, vault } = draft;
  while (store !== 'none') {
    try {
      await vault.prepare(store);
      return;
    } catch (error) {
      const mistyped = terminal !== undefined && isCredsetupError(error) && error.code === 'PASSPHRASE_REJECTED' && error.details.field === 'passphrase' && !opensByVariables(context.env);
      if (!mistyped) throw error;
      context.output.warn(`  ${context.output.style.bad('✖')} ${error.message}`);
    }
  }
}

async function chooseStore(draft: Draft): Promise<Outcome> {
  const answer = await terminalOf(draft).choose<StoreKind>({ message: 'Where should the credential be kept?', choices: storeChoices, initial: 'file' });
  if (answer.kind === 'back') return 'back';
  try {
    await prepareStore(draft, answer.value);
  } catch (error) {
    if (!isCredsetupError(error) || error.exitCode !== 10) throw error;
    draft.context.output.warn(`  ${draft.context.output.style.bad('✖')} ${error.message}`);
    return chooseStore(draft);
  }
  draft.store = answer.value;
  return 'next';
}

async function fieldStage(draft: Draft, field: Field): Promise<Outcome> {
  const { value, asked } = await valueFor(draft, field);
  if (value.kind === 'back') return 'back';
  if (field.secret) draft.context.output.protect(value.value);
  else if (field !== draft.method?.provisioning?.codeField) draft.context.output.publish(value.value);
  sayOddEdges(field, value.value, draft.context.output);
  draft.values.set(field.key, value.value);
  return asked ? 'next' : 'through';
}

/** The given value when there is one, otherwise the answer to the field's question. */
async function valueFor(draft: Draft, field: Field): Promise<{ readonly value: Answer<string>; readonly asked: boolean }> {
  const given = draft.given.get(field.key);
  if (given !== undefined) return { value: { kind: 'value', value: sendableValue(field, given) }, asked: false };
  const terminal = terminalOf(draft);
  const before = field.secret ? undefined : draft.values.get(field.key);
  const question = { ...questionFor(field), pasted: pastedFor(draft, field), ...(before === undefined ? {} : { initial: before }) };
  const value = await (field.secret ? terminal.secret(question) : terminal.text(question));
  return { value, asked: true };
}

/** What was pasted at the step before; a secret where what is asked for is shown is told by its shape, and not shown. */
function pastedFor(draft: Draft, field: Field): string | undefined {
  const { pasted, method } = draft;
  delete draft.pasted;
  const problem = pasted === undefined || field.secret ? undefined : method?.oauth?.clientProblem({ [field.key]: cleanedValue(field, pasted) });
  if (problem === undefined) return pasted;
  draft.context.output.warn(`  ${problem.message} What was pasted was not taken.`);
  return undefined;
}
