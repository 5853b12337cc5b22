/** Finding stored credentials by name, with the known names in the error. */
import type { Vault } from '../context.ts';
import type { Credential } from '../credential.ts';
import { sameName } from '../credential-name.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import { howToSetUp } from '../services/map.ts';

/** Throws NOT_FOUND, naming what there is. */
export async function findOne(name: string, vault: Vault): Promise<Credential> {
  const found = await vault.find(name);
  if (found !== undefined) return found;
  throw notFound(name, (await vault.list()).map((one) => one.name));
}

/**
 * The names of a command line, or all with `--all`; each once.
 * Throws USAGE when neither or both are given, NOT_FOUND for the first that is not there.
 */
export async function findMany(names: readonly string[], all: boolean, vault: Vault): Promise<readonly Credential[]> {
  checkNames(names, all);
  if (all) return vault.list();
  const found = await Promise.all(names.map((name) => findOne(name, vault)));
  return found.filter((one, index) => found.findIndex((other) => other.id === one.id) === index);
}

/** Throws USAGE when neither names nor `--all` are given, or both. */
export function checkNames(names: readonly string[], all: boolean): void {
  if (all !== names.length > 0) return;
  throw new CredsetupError('USAGE', all ? '--all and names were both given.' : 'No name was given.', { hint: 'Give names, or --all. credsetup list shows the names.' });
}

/** The names of a command line, each once, found or not: a missing one is a failure of its own beside the others. */
export async function findEach(names: readonly string[], vault: Vault): Promise<readonly (Credential | Missing)[]> {
  const known = await vault.list();
  const once = names.filter((name, index) => names.findIndex((other) => sameName(other, name)) === index);
  return await Promise.all(once.map(async (name) => known.find((one) => sameName(one.name, name)) ?? { name, error: await whyMissing(name, known, vault) }));
}

async function whyMissing(name: string, known: readonly Credential[], vault: Vault): Promise<CredsetupError> {
  try {
    await vault.find(name);
  } catch (error) {
    if (isCredsetupError(error)) return error;
    throw error;
  }
  return notFound(name, known.map((one) => one.name));
}

export interface Missing {
  readonly name: string;
  readonly error: CredsetupError;
}

export function isFound(found: Credential | Missing): found is Credential {
  return !('error' in found);
}

function notFound(name: string, known: readonly string[]): CredsetupError {
  const some = known.slice(0, 10).join(', ');
  return new CredsetupError('NOT_FOUND', `No credential has the name ${name}.`, {
    name, hint: known.length === 0 ? `Nothing is stored yet. ${howToSetUp}` : `There are: ${some}${known.length > 10 ? ' and more; credsetup list shows all' : ''}.`,
  });
}
