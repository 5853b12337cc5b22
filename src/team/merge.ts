/** Two changes of one credential: what each of them changed since both read it, put together. */
import type { FullCredential } from '../credential.ts';

/** Members that say where a secret goes: two different changes of one of these fit together never. */
const bound = ['service', 'method', 'grant', 'url', 'fields', 'ignoreSslIssues', 'allowHttp'] as const;

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Whether two sets of named texts (secrets, descriptions) are the same, in whatever order they came. */
export function sameTexts(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const sorted = (texts: Readonly<Record<string, string>>): unknown => Object.entries(texts).sort(([left], [right]) => (left < right ? -1 : 1));
  return same(sorted(one), sorted(other));
}

/**
 * What to write when `there` is not what `mine` was made from; undefined when both changed the
 * same secret, or the same part of what it is bound to.
 */
export function merge(base: FullCredential, mine: FullCredential, there: FullCredential): FullCredential | undefined {
  const collides = (name: string, one: unknown, mineOne: unknown, thereOne: unknown, strict: boolean): Picked => {
    if (same(mineOne, one)) return { name, value: thereOne };
    return { name, value: mineOne, collided: strict && !same(thereOne, one) && !same(thereOne, mineOne) };
  };
  const secrets = names(base.secrets, mine.secrets, there.secrets).map(
    (name) => collides(name, base.secrets[name], mine.secrets[name], there.secrets[name], true),
  );
  const credential = names(base.credential, mine.credential, there.credential)
    .map(
      (name) => collides(name, member(base.credential, name), member(mine.credential, name), member(there.credential, name), bound.some((one) => one === name)),
    );
  const certificates = collides('certificates', base.certificates, mine.certificates, there.certificates, true);
  if ([...secrets, ...credential, certificates].some(({ collided }) => collided === true)) return undefined;
  return {
    secrets: objectOf(secrets) as FullCredential['secrets'], credential: objectOf(credential) as unknown as FullCredential['credential'],
    certificates: certificates.value as readonly string[],
  };
}

interface Picked {
  readonly name: string;
  readonly value: unknown;
  readonly collided?: boolean;
}

function names(...objects: readonly object[]): readonly string[] {
  return [...new Set(objects.flatMap((one) => Object.keys(one)))];
}

function member(value: object, name: string): unknown {
  return (value as Readonly<Record<string, unknown>>)[name];
}

function objectOf(picked: readonly Picked[]): Record<string, unknown> {
  return Object.fromEntries(picked.filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value]));
}
