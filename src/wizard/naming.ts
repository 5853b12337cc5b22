/** The name that a credential is saved under, and who may replace what is there. */
import type { Answer, Terminal } from '../context.ts';
import type { Credential } from '../credential.ts';
import { checkName, defaultName, freeName, isName, nearestName } from '../credential-name.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { onlyN8nSignsIn } from './oauth2/who-signs-in.ts';
import type { Draft, Outcome, ValidatedDraft } from './draft.ts';

/**
 * What can be known before a secret is asked for: a name that holds something else.
 * Throws NAME_INVALID, NAME_TAKEN (in a script).
 */
export async function checkEarlyName(draft: Draft, base: string): Promise<void> {
  const name = draft.options.name ?? defaultName(draft.service.id, base);
  checkName(name);
  draft.name = name;
  if (draft.options.store === 'none') return;
  if (draft.terminal !== undefined || draft.options.replace || draft.options.inPlaceOf !== undefined) return;
  const there = await draft.vault.find(name);
  if (there !== undefined && !sameTarget(draft, there)) throw nameTaken(there);
}

/** Same service, address and method; the account is known only after the validation. */
function sameTarget(draft: Draft, there: Credential): boolean {
  return there.service === draft.service.id && there.url === draft.base && there.method === draft.method?.id;
}

function sameAccount(draft: ValidatedDraft, there: Credential): boolean {
  const { validation: { account } } = draft;
  // Nobody signed in: what is the same is the client.
  if (onlyN8nSignsIn(draft)) return there.signIn === 'n8n' && there.fields.clientId === draft.values.get('clientId');
  if (account.id !== undefined && there.account.id !== undefined) return account.id === there.account.id;
  return account.username === there.account.username;
}

/** Repeating a set-up replaces; anything else under the name needs `--replace`. */
export function mayReplace(draft: ValidatedDraft, there: Credential): boolean {
  // What is made anew replaces nothing unless that was said: the old secret would be lost.
  if (draft.way?.makes === true) return draft.options.replace;
  // Where the record is gone, the index may say any address; the name was given, and the address again.
  if (draft.options.inPlaceOf?.id === there.id && !sameTarget(draft, there)) return true;
  return draft.options.replace || (sameTarget(draft, there) && sameAccount(draft, there));
}

export function nameTaken(there: Credential): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `The name ${there.name} holds another credential: ${there.service} at ${there.url}${there.account.username === undefined ? '' : ` as ${there.account.username}`}.`, {
    name: there.name, hint: 'Choose another name with --name, or replace it with --replace.',
  });
}

function isFree(draft: ValidatedDraft, there: Credential | undefined): boolean {
  return there === undefined || mayReplace(draft, there);
}

export async function nameStage(draft: ValidatedDraft): Promise<Outcome> {
  // A credential that is set up again keeps its name.
  const { terminal, vault, options } = draft;
  // What was changed by another hand cannot be read again; the save looks at it once more.
  const again = (): Promise<Credential | undefined> => options.inPlaceOf === undefined ? vault.find(draft.name) : Promise.resolve(options.inPlaceOf);
  if (draft.store === 'none' || ((options.existing ?? options.inPlaceOf) !== undefined && isFree(draft, await again()))) return 'through';
  const wanted = draft.name;
  const there = await vault.find(wanted);
  const free = isFree(draft, there);
  if (terminal === undefined) {
    if (there !== undefined && !free) throw nameTaken(there);
    draft.name = wanted;
    return 'through';
  }
  const taken = (await vault.list()).map(({ name }) => name);
  // What nobody has chosen is not missed: a free one is proposed.
  const chosen = (draft.options.name ?? draft.options.existing ?? draft.options.inPlaceOf) !== undefined;
  if (there !== undefined && !free && chosen) draft.context.output.warn(`  ${nameTaken(there).message}`);
  const answer = await askName(draft, terminal, free ? wanted : freeName(wanted, taken), nameProblem);
  if (answer.kind === 'back') return 'back';
  const other = await vault.find(answer.value);
  if (other !== undefined && !mayReplace(draft, other)) {
    draft.context.output.warn(`  ${nameTaken(other).message}`);
    draft.name = freeName(answer.value, taken);
    return { goTo: 'name' };
  }
  draft.name = answer.value;
  return 'next';
}

/** A name that follows the rule; for one that does not, the nearest that does is proposed. */
export async function askName(
  { context: { output } }: Draft, terminal: Terminal, initial: string, problem: (name: string) => string | undefined,
): Promise<Answer<string>> {
  for (let proposed = initial; ;) {
    const answer = await terminal.text({
      message: 'Save as', initial: proposed, maxLength: 64, check: (typed) => (isName(typed) || nearestName(typed) === undefined ? problem(typed) : undefined),
    });
    const near = answer.kind === 'back' || isName(answer.value) ? undefined : nearestName(answer.value);
    if (near === undefined) return answer;
    output.say(`  A name has letters, digits, dots, dashes and underscores only. Enter takes ${near}.`);
    proposed = near;
  }
}

export function nameProblem(name: string): string | undefined {
  try {
    checkName(name);
    return undefined;
  } catch (error) {
    return isCredsetupError(error) ? error.message : 'This is no name.';
  }
}
