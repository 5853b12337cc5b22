/** The environment variables that `dotenv`, `shell`, `kubernetes` and `exec` set, by the services' descriptions. */
import type { Credential, FullCredential } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import type { Method, Service } from '../services/service.ts';
import { valueOf, type ExportItem } from './export.ts';

/** A name that every shell and system takes. */
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The prefix, when it may stand at the beginning of a variable's name.
 *
 * @throws USAGE
 */
export function checkPrefix(prefix: string | undefined): string | undefined {
  if (prefix === undefined || (variableName.test(prefix) && !/^CREDSETUP(_|$)/i.test(prefix))) return prefix;
  const why = variableName.test(prefix) ? 'variables that begin with CREDSETUP_ are credsetup\'s own' : 'the name of a variable has letters, digits and underscores and begins with no digit';
  throw new CredsetupError('USAGE', `--prefix ${JSON.stringify(prefix.slice(0, 64))} cannot be used: ${why}.`, { hint: 'Give a word such as CRM: it makes CRM_URL and so on.' });
}

/** `MATTERMOST_TOKEN`, or with the prefix `CHAT`: `CHAT_TOKEN`. */
export function variableOf(service: string, word: string, prefix: string | undefined): string {
  return `${prefix ?? service.toUpperCase().replaceAll('-', '_')}_${word}`;
}

/**
 * Makes sure that no variable would be set by two credentials. Reads no secret.
 *
 * @throws USAGE, naming the two
 */
export function checkVariables(items: readonly { readonly credential: Credential; readonly method: Pick<Method, 'variables'> }[], prefix: string | undefined): void {
  const owners = new Map<string, string>();
  for (const { credential: { name, service }, method } of items) {
    for (const { word } of method.variables) {
      const variable = variableOf(service, word, prefix);
      const owner = owners.get(variable.toUpperCase());
      if (owner !== undefined) throw twoOwners(variable, owner, name, prefix);
      owners.set(variable.toUpperCase(), name);
    }
  }
}

function twoOwners(variable: string, one: string, other: string, prefix: string | undefined): CredsetupError {
  return new CredsetupError('USAGE', `${one} and ${other} would both set ${variable}.`, {
    hint: prefix === undefined ? `Take them one at a time, one of the two with --prefix: --prefix OTHER sets OTHER_${variable.replace(/^[A-Z]+_/, '')}.`
      : 'One prefix is for one credential: take them one at a time, each with its own --prefix.',
  });
}

/**
 * Names and values of one credential, in the order of the description. What it has no value for
 * (an access token that was not asked for yet) is left out.
 *
 * @throws UNSUPPORTED for a value that no environment can hold
 */
export function variablesOf({ full, method }: ExportItem, prefix: string | undefined): readonly (readonly [name: string, value: string])[] {
  return method.variables.flatMap((variable) => {
    const value = valueOf(variable.from, full);
    if (value === undefined) return [];
    const name = variableOf(full.credential.service, variable.word, prefix);
    return [[name, carried(String(value), name, full)] as const];
  });
}

function carried(value: string, variable: string, { credential }: FullCredential): string {
  if (!/[\0\p{Cs}]/u.test(value)) return value;
  throw new CredsetupError('UNSUPPORTED', `${variable} of ${credential.name} holds a character that no variable can hold, so nothing was written.`, {
    name: credential.name, hint: 'Take it as JSON: --format json.',
  });
}

/** Everything that a service's methods may set: `exec` begins without any of it. */
export function wholeSet(service: Pick<Service, 'id' | 'variables'>, prefix: string | undefined): readonly string[] {
  return service.variables.map((word) => variableOf(service.id, word, prefix));
}

