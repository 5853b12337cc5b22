/**
 * A page as it is read: its forms as a browser would send them, and what selectors find in it.
 * The HTML parser is loaded here, when a page is read for the first time. What it made is walked by
 * hand, once and without recursion: a page may hold 5 MB of anything.
 */
import { CredsetupError } from '../../../errors.ts';
import { isObject, oneLine } from '../../answer.ts';

/** Names and values in the order of the page; a name may come several times. */
export type Pairs = readonly (readonly [string, string])[];

export interface Form {
  readonly name: string;
  /** As it stands in the page; '' for the page's own address. */
  readonly action: string;
  /** Every name in the form, sent or not. */
  readonly names: ReadonlySet<string>;
  /** What a browser would send when no button was pressed. Throws RESPONSE_INVALID for an order that is no list. */
  pairs(): Pairs;
  /** The value of a control with this id, sent or not; undefined where there is none. */
  valueOf(id: string): string | undefined;
  /** A switch: which value is on, and whether the page lets it be changed. undefined where the name is not there. */
  radio(name: string): { readonly value: string | undefined; readonly values: readonly string[]; readonly fixed: boolean } | undefined;
  /** What the server found wrong in it. */
  readonly faults: readonly Fault[];
}

/** `name` is undefined for what is wrong with the whole form. The text is the server's own, in its language. */
export interface Fault {
  readonly name: string | undefined;
  readonly text: string;
}

export interface PageDocument {
  form(name: string): Form | undefined;
  /** The server's words in every element that fits, on one line each. */
  texts(fits: Fits): readonly string[];
  /** An attribute of every element that fits; '' where it has none. */
  attributes(fits: Fits, name: string): readonly string[];
  /** Every element that fits, with the row of a table that it stands in; an empty one where it stands in none. */
  rows(fits: Fits): readonly Row[];
}

/** A row of a list. */
export interface Row {
  readonly attribs: Readonly<Record<string, string>>;
  /** All its words, on one line. */
  readonly text: string;
  /** What stands in its fields. */
  readonly values: readonly string[];
}

/** An element, as the parser makes it. */
export interface Element {
  readonly name: string;
  readonly attribs: Readonly<Record<string, string>>;
  readonly parent: unknown;
}

export type Fits = (one: Element) => boolean;

/** Longer than any sentence of Mautic's. */
const longestText = 300;
/** Names are 255 at most, and a row has few. */
const longestRow = 2000;
const mostFaults = 50;

/** Reads a page. Throws RESPONSE_INVALID for one that is nested deeper than any page is. */
export async function readDocument(html: string, where: string): Promise<PageDocument> {
  const { parse } = await import('./parser.ts');
  let all: readonly Element[];
  try {
    all = elementsOf(parse(html));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CredsetupError('RESPONSE_INVALID', `The page ${where} cannot be read: it is nested deeper than any page of Mautic's.`, { hint: 'Open it in a browser to see what answers there.' });
  }
  return {
    form: (name) => {
      const form = all.find((one) => one.name === 'form' && (one.attribs['name'] ?? '') === name);
      return form === undefined ? undefined : formOf(all, form, where);
    },
    texts: (fits) => all.filter(fits).map((one) => sentence(one)),
    attributes: (fits, name) => all.filter(fits).map(({ attribs }) => attribs[name] ?? ''),
    rows: (fits) => all.filter(fits).map(rowOf),
  };
}

/** Whether an element has a class. */
export const hasClass = (one: Element, name: string): boolean => (one.attribs['class'] ?? '').split(/\s+/).includes(name);

/** Whether it, or what it stands in, fits. */
export function within(one: Element, fits: Fits): boolean {
  for (let at: unknown = one; isNode(at); at = at.parent) if (isElement(at) && fits(at)) return true;
  return false;
}

// ---------------------------------------------------------------- the tree

interface Node {
  readonly parent: unknown;
  readonly children?: readonly Node[];
  readonly data?: unknown;
  readonly name?: unknown;
  readonly attribs?: unknown;
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'parent' in value;
const isElement = (node: Node): node is Node & Element => typeof node.name === 'string' && isObject(node.attribs);

/** Everything below a node, in the order of the page. */
function nodesOf(root: Node): readonly Node[] {
  const found: Node[] = [];
  const waiting: Node[] = [...root.children ?? []].reverse();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    found.push(node);
    const children = node.children ?? [];
    for (let at = children.length - 1; at >= 0; at -= 1) {
      const child = children[at];
      if (child !== undefined) waiting.push(child);
    }
  }
  return found;
}

const elementsOf = (root: Node): readonly Element[] => nodesOf(root).filter(isElement);
const textOf = (one: Element): string => nodesOf(one as Node).map(({ data }) => typeof data === 'string' ? data : '').join('');

function sentence(one: Element, longest = longestText): string {
  return Array.from(oneLine(textOf(one)).replace(/\s+/g, ' ').trim()).slice(0, longest).join('');
}

function rowOf(one: Element): Row {
  let row: Element | undefined;
  for (let at: unknown = one; row === undefined && isNode(at); at = at.parent) if (isElement(at) && at.name === 'tr') row = at;
  const values = row === undefined ? [] : elementsOf(row as Node).filter(({ name }) => name === 'input').map(({ attribs }) => attribs['value'] ?? '');
  return { attribs: one.attribs, text: row === undefined ? '' : sentence(row, longestRow), values };
}

// ---------------------------------------------------------------- a form

function formOf(all: readonly Element[], form: Element, where: string): Form {
  const inside = new Set(elementsOf(form));
  const id = form.attribs['id'];
  // HTML lets a control stand elsewhere and name its form.
  const own = (one: Element): boolean => one.attribs['form'] === undefined ? inside.has(one) : id !== undefined && one.attribs['form'] === id;
  const controls = all.filter((one) => ['input', 'select', 'textarea'].includes(one.name) && (one.attribs['name'] ?? '') !== '' && own(one));
  return {
    name: form.attribs['name'] ?? '', action: (form.attribs['action'] ?? '').trim(),
    names: new Set(controls.map(nameOf)),
    pairs: () => successful(controls, where),
    valueOf: (wanted) => controls.find(({ attribs }) => attribs['id'] === wanted)?.attribs['value'],
    radio: (wanted) => radioOf(controls.filter((one) => nameOf(one) === wanted && one.attribs['type'] === 'radio')),
    faults: faultsOf([...inside]),
  };
}

const nameOf = ({ attribs }: Element): string => attribs['name'] ?? '';
const has = ({ attribs }: Element, name: string): boolean => attribs[name] !== undefined;

function radioOf(radios: readonly Element[]): ReturnType<Form['radio']> {
  if (radios.length === 0) return undefined;
  const value = (one: Element): string => one.attribs['value'] ?? 'on';
  const on = radios.find((one) => has(one, 'checked'));
  return { value: on === undefined ? undefined : value(on), values: radios.map(value), fixed: radios.some((one) => has(one, 'readonly') || has(one, 'disabled')) };
}

/** Recorded: an empty block stands in every client form; the text is in `.help-block`, the field beside it. */
function faultsOf(inside: readonly Element[]): readonly Fault[] {
  return inside.filter((one) => hasClass(one, 'has-error')).slice(0, mostFaults).flatMap((block) => {
    const parts = elementsOf(block);
    const help = parts.find((one) => hasClass(one, 'help-block'));
    const text = help === undefined ? '' : sentence(help);
    return text === '' ? [] : [{ name: parts.find((one) => has(one, 'name'))?.attribs['name'], text }];
  });
}

// ---------------------------------------------------------------- what a browser sends

const neverSent = new Set(['submit', 'button', 'image', 'reset', 'file']);

/** The successful controls (HTML, "constructing the entry list"), and what Mautic's own script makes of three of its attributes. */
function successful(controls: readonly Element[], where: string): Pairs {
  const left = disabledByScript(controls);
  const toggled = toggledByScript(controls);
  return controls.filter((one) => !isDisabled(one) && !left.has(nameOf(one))).flatMap(
    (one) => valuesOf(one, where).map((value) => [nameOf(one), value === '' ? toggled(one) : value] as const),
  );
}

/**
 * 7 shows the theme's choices as radios beside a hidden field, which its script fills: `data-attribute-toggle="x-y"`
 * goes with `[x_y]`. Source: config-page and config-save, in which the empty field was sent with the ticked radio's value.
 */
function toggledByScript(controls: readonly Element[]): (hidden: Element) => string {
  const ticked = controls.filter((one) => has(one, 'checked') && has(one, 'data-attribute-toggle'));
  const values = new Map(ticked.map(({ attribs }) => [attribs['data-attribute-toggle'] ?? '', attribs['data-attribute-value'] ?? '']));
  return (one) => {
    const key = /\[(\w+)\]$/.exec(nameOf(one))?.[1]?.replaceAll('_', '-') ?? '';
    return one.attribs['type'] === 'hidden' ? values.get(key) ?? '' : '';
  };
}

function isDisabled(one: Element): boolean {
  if (has(one, 'disabled') || within(one, ({ name }) => name === 'datalist' || name === 'template')) return true;
  return within(one, (other) => other.name === 'fieldset' && has(other, 'disabled')) && !within(one, ({ name }) => name === 'legend');
}

/** Names whose every element needs another control that is not ticked: `data-enable-on='{"id":"checked"}'`. */
function disabledByScript(controls: readonly Element[]): ReadonlySet<string> {
  const ticked = new Set(controls.filter((one) => has(one, 'checked')).map(({ attribs }) => attribs['id'] ?? ''));
  const enabled = new Set<string>();
  const seen = new Set<string>();
  for (const one of controls) {
    const condition = one.attribs['data-enable-on'];
    (condition === undefined || conditionHolds(condition, ticked) ? enabled : seen).add(nameOf(one));
  }
  return new Set([...seen].filter((name) => !enabled.has(name)));
}

/** A condition of another kind than the one that is known leaves the control as it is. */
function conditionHolds(text: string, ticked: ReadonlySet<string>): boolean {
  const condition = parsed(text);
  if (!isObject(condition)) return true;
  return Object.entries(condition).some(([id, state]) => state !== 'checked' || ticked.has(id));
}

function valuesOf(one: Element, where: string): readonly string[] {
  if (one.name === 'select') return chosen(one, where);
  if (one.name === 'textarea') return [lineEnds(textOf(one))];
  const type = (one.attribs['type'] ?? 'text').toLowerCase();
  if (neverSent.has(type)) return [];
  const value = one.attribs['value'];
  if (type === 'checkbox' || type === 'radio') return has(one, 'checked') ? [value ?? 'on'] : [];
  return [type === 'hidden' ? lineEnds(value ?? '') : (value ?? '').replace(/[\r\n]/g, '')];
}

/** As browsers send them. */
const lineEnds = (text: string): string => text.replace(/\r\n?|\n/g, '\r\n');

function chosen(select: Element, where: string): readonly string[] {
  const ordered = orderOf(select, where);
  if (ordered !== undefined) return ordered;
  const options = elementsOf(select as Node).filter(({ name }) => name === 'option');
  const usable = (one: Element): boolean => !has(one, 'disabled') && !within(one, (other) => other.name === 'optgroup' && has(other, 'disabled'));
  const value = (one: Element): string => one.attribs['value'] ?? textOf(one).replace(/[\t\n\f\r ]+/g, ' ').trim();
  const selected = options.filter((one) => has(one, 'selected'));
  if (has(select, 'multiple')) return selected.filter(usable).map(value);
  // Of several that are marked the last counts; without any, the first that can be chosen.
  const shown = selected.at(-1) ?? (Number(select.attribs['size'] ?? 1) > 1 ? undefined : options.find(usable));
  return shown === undefined || !usable(shown) ? [] : [value(shown)];
}

/** A list that is sorted by hand: the script chooses these, in this order, though the page marks none. */
function orderOf(select: Element, where: string): readonly string[] | undefined {
  const order = select.attribs['data-order'];
  if (order === undefined || order === '') return undefined;
  const list = parsed(order);
  if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list;
  throw new CredsetupError('RESPONSE_INVALID', `The page ${where} gives the order of ${JSON.stringify(nameOf(select))} as something that is no list; nothing was sent.`, {
    hint: 'A plugin or a theme may have changed the form. Do this step in a browser.',
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // No JSON: the caller says what that means.
    throw error;
  }
}

/** The same pairs with other values for these names; a name that was not there is added at the end. */
export function withValues(pairs: Pairs, values: Readonly<Record<string, string>>): Pairs {
  const given = new Map(Object.entries(values));
  const done = new Set<string>();
  const changed = pairs.flatMap(([name, value]): Pairs => {
    const wanted = given.get(name);
    if (wanted === undefined) return [[name, value]];
    if (done.has(name)) return [];
    done.add(name);
    return [[name, wanted]];
  });
  return [...changed, ...[...given].filter(([name]) => !done.has(name))];
}
