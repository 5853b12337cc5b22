/**
 * Checks of what was read from a file: each one returns its value with its type, or throws a
 * {@link ShapeError} that names the place. Nothing that a check does not know is passed on.
 */

/** Where a value stands and what is wrong with it; never the value itself, for it may be a secret. */
export class ShapeError extends Error {}

/** For whoever found it while looking at a part: the place becomes longer as the error comes out, and costs nothing where there is none. */
function inside(error: unknown, place: string): unknown {
  return error instanceof ShapeError ? new ShapeError(`${place}${error.message}`) : error;
}

/**
 * What is right is given back as it is, not as a copy.
 *
 * @param where the value's place, `it` for example; empty for a part, whose place is told by what it is a part of
 */
export type Check<T> = (value: unknown, where: string) => T;

type Optional<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];
type Checks<T, K extends keyof T> = { readonly [P in K]-?: Check<Exclude<T[P], undefined>> };

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string of at most 4,096 characters that fits the pattern. */
export function text(options: { readonly pattern?: RegExp; readonly most?: number } = {}): Check<string> {
  const { pattern, most = 4096 } = options;
  return (value, where) => {
    if (typeof value !== 'string') throw new ShapeError(`${where} is no text`);
    if (value.length > most) throw new ShapeError(`${where} has ${value.length} characters`);
    if (pattern?.test(value) === false) throw new ShapeError(`${where} has not the form that it should have`);
    return value;
  };
}

/** A text that a function accepts. */
export function textThat(accepts: (value: string) => boolean): Check<string> {
  const check = text();
  return (value, where) => {
    const found = check(value, where);
    if (!accepts(found)) throw new ShapeError(`${where} has not the form that it should have`);
    return found;
  };
}

/** One of some texts. */
export function oneOf<T extends string>(...allowed: readonly T[]): Check<T> {
  return (value, where) => {
    const found = allowed.find((one) => one === value);
    if (found === undefined) throw new ShapeError(`${where} is none of ${allowed.join(', ')}`);
    return found;
  };
}

export const flag: Check<boolean> = (value, where) => {
  if (typeof value !== 'boolean') throw new ShapeError(`${where} is neither true nor false`);
  return value;
};

export const count: Check<number> = (value, where) => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new ShapeError(`${where} is no count`);
  return value;
};

const timeText = text({ pattern: /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/ });

/** A time as RFC 3339 in UTC. */
export const time: Check<string> = (value, where) => {
  const found = timeText(value, where);
  if (Number.isNaN(Date.parse(found))) throw new ShapeError(`${where} is no time`);
  return found;
};

/** The one version that this program writes. Newer ones are told apart before any check. */
export const versionOne: Check<1> = (value, where) => {
  if (value !== 1) throw new ShapeError(`${where} is no version of this file`);
  return value;
};

export function listOf<T>(check: Check<T>): Check<T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) throw new ShapeError(`${where} is no list`);
    const list: readonly unknown[] = value;
    let at = 0;
    try {
      const checked = list.map((one, index) => {
        at = index;
        return check(one, '');
      });
      return checked.every((one, index) => one === list[index]) ? list as T[] : checked;
    } catch (error) {
      throw inside(error, `${where}[${at}]`);
    }
  };
}

/** An object with any names that fit the pattern; a hostile `__proto__` fits none of ours. */
export function recordOf<T>(name: RegExp, check: Check<T>): Check<Record<string, T>> {
  return (value, where) => {
    if (!isObject(value)) throw new ShapeError(`${where} is no object`);
    const keys = Object.keys(value);
    if (!keys.every((key) => name.test(key))) throw new ShapeError(`${where} has a member whose name has not the form that it should have`);
    return eachChecked(value, keys, () => check, where) as Record<string, T>;
  };
}

/**
 * An object with exactly these members, or with `others: 'left-out'` at least these. The types make sure that every member of T has a check,
 * so a member that is added to T must be added here.
 */
export function members<T extends object>(required: Checks<T, Exclude<keyof T, Optional<T>>>, optional: Checks<T, Optional<T>>, others: 'refused' | 'left-out' = 'refused'): Check<T> {
  const needed = Object.entries<Check<unknown>>(required);
  const allowed = new Map<string, Check<unknown>>([...needed, ...Object.entries<Check<unknown>>(optional)]);
  return (value, where) => {
    if (!isObject(value)) throw new ShapeError(`${where} is no object`);
    for (const [name] of needed) {
      if (!Object.hasOwn(value, name)) throw new ShapeError(`${where}.${name} is missing`);
    }
    const keys = Object.keys(value);
    const known = keys.every((name) => allowed.has(name)) ? keys : keys.filter((name) => allowed.has(name));
    if (known !== keys && others === 'refused') throw new ShapeError(`${where} has a member that is not known`);
    return eachChecked(value, known, (name) => allowed.get(name), where, known !== keys) as T;
  };
}

/** Each of these members through its check; a copy only where a part of it is one, or others are left out. */
function eachChecked(
  value: Record<string, unknown>, names: readonly string[], checkOf: (name: string) => Check<unknown> | undefined, where: string, copies = false,
): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined = copies ? {} : undefined;
  for (const name of names) {
    const before = value[name];
    const after = checkedMember(before, checkOf(name), name, where);
    if (copy === undefined && after !== before) copy = { ...value };
    if (copy !== undefined) copy[name] = after;
  }
  return copy ?? value;
}

function checkedMember(value: unknown, check: Check<unknown> | undefined, name: string, where: string): unknown {
  try {
    return check?.(value, '');
  } catch (error) {
    throw inside(error, `${where}.${name}`);
  }
}
