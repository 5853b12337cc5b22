/**
 * Names of credentials: 1 to 64 of `[A-Za-z0-9._-]`, not beginning with a dot or a dash, compared
 * without regard to case. Checked whenever they are read, from a person or from a file.
 */
import { createHash } from 'node:crypto';
import { CredsetupError } from './errors.ts';

const longest = 64;
const allowed = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

/** Whether `name` follows the rule above. */
export function isName(name: string): boolean {
  return allowed.test(name);
}

/**
 * Returns `name` when it follows the rule.
 *
 * @throws NAME_INVALID, saying what is wrong with it.
 */
export function checkName(name: string): string {
  if (isName(name)) return name;
  throw new CredsetupError('NAME_INVALID', `${JSON.stringify(name.slice(0, longest + 1))} cannot be a credential's name: ${fault(name)}.`, {
    hint: 'Use 1 to 64 letters, digits, dots, dashes and underscores, beginning with none of dot and dash.',
    field: 'name',
  });
}

/** A name that follows the rule and is close to what was typed; undefined where nothing of it is left. `my crm`: `my-crm`. */
export function nearestName(typed: string): string | undefined {
  const letters = typed.normalize('NFKD').replace(/\p{M}/gu, '').replace(/ß/g, 'ss');
  const name = letters.replace(/[^A-Za-z0-9._]+/g, '-').slice(0, longest).replace(/^[.-]+|(?<!-)-+$/g, '');
  return isName(name) ? name : undefined;
}

function fault(name: string): string {
  if (name === '') return 'it is empty';
  if (name.length > longest) return `it has ${name.length} characters, and ${longest} are allowed`;
  if (/^[.-]/.test(name)) return 'it begins with a dot or a dash';
  return 'it holds other characters than letters, digits, dot, dash and underscore';
}

/** Whether two names mean the same credential. */
export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

/**
 * The name that is proposed for an address: `<service>-<host>[-<port>][-<folder>]`, other
 * characters as dashes, cut to 55 characters plus a dash and 8 hex digits of the address's
 * SHA-256 when that is longer than a name may be.
 *
 * @param url an absolute address, without a trailing slash
 */
export function defaultName(service: string, url: string): string {
  const { hostname, port, pathname } = new URL(url);
  const folder = pathname.replace(/^\/+|(?<!\/)\/+$/g, '');
  const parts = [service, hostname.replace(/^\[|\]$/g, ''), port, folder].filter((part) => part !== '');
  const name = parts.join('-').replace(/[^A-Za-z0-9._-]/g, '-');
  if (name.length <= longest) return name;
  const digest = createHash('sha256').update(url).digest('hex').slice(0, 8);
  return `${name.slice(0, longest - 9)}-${digest}`;
}

/** `wanted`, or the first of `wanted-2`, `wanted-3`, ... that is not among the taken names. */
export function freeName(wanted: string, taken: readonly string[]): string {
  const used = new Set(taken.map((name) => name.toLowerCase()));
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? '' : `-${number}`;
    const name = wanted.slice(0, longest - suffix.length) + suffix;
    if (!used.has(name.toLowerCase())) return name;
  }
}
