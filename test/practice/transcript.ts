/** Reading the recorded exchanges, and comparing an answer with what was recorded. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

export interface Exchange {
  readonly name: string;
  readonly note?: string;
  readonly replay: 'http' | 'browser' | 'none';
  readonly server: Readonly<Record<string, boolean | number>>;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly authorization?: string;
    readonly body?: Readonly<Record<string, unknown>>;
    readonly form?: Readonly<Record<string, string>>;
  };
  readonly response: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: unknown; readonly bodyCut?: boolean };
}

/** The exchanges of a file that are plain requests, in the order they were made. */
export function recorded(file: string): Exchange[] {
  const all = JSON.parse(readFileSync(new URL(`../wire/${file}`, import.meta.url), 'utf8')) as Exchange[];
  return all.filter(({ replay }) => replay === 'http');
}

/** What the recorded stand-ins such as `x014abc...` are in this run: the same stand-in is always the same value. */
export class StandIns {
  readonly #values = new Map<string, string>();

  /** Says beforehand what a stand-in is. */
  set(standIn: string, value: string): void {
    this.#values.set(standIn, value);
  }

  /** A recorded text with every known stand-in replaced. */
  fill(text: string): string {
    return text.replace(/x\d{3}[a-z]{20,}/g, (standIn) => {
      const value = this.#values.get(standIn);
      if (value === undefined) throw new Error(`${standIn} was not seen before`);
      return value;
    });
  }

  /** Whether a value can be what the stand-in stands for; remembers it. */
  check(standIn: string, value: string, where: string): void {
    const known = this.#values.get(standIn);
    if (known !== undefined) {
      expect(value, `${where}: another value than before`).toBe(known);
      return;
    }
    expect([...this.#values.values()], `${where}: the value of another stand-in`).not.toContain(value);
    this.#values.set(standIn, value);
  }
}

const standInForm = /^x\d{3}[a-z]{20,}$/;
const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/;

/** Compares a body recursively: the same members, types and values; ids, secrets and times by their form. `cut`: more members are fine. */
export function compareBody(actual: unknown, expected: unknown, standIns: StandIns, where: string, cut = false): void {
  if (Array.isArray(expected)) {
    expect(Array.isArray(actual), where).toBe(true);
    const list = actual as unknown[];
    expect(list.length, `${where}: length`).toBe(expected.length);
    expected.forEach((one: unknown, index) => compareBody(list[index], one, standIns, `${where}[${index}]`, cut));
  } else if (typeof expected === 'object' && expected !== null) {
    expect(typeof actual, where).toBe('object');
    const members = Object.keys(actual as object).filter((name) => !cut || name in expected);
    expect(members, `${where}: members`).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) compareBody((actual as Record<string, unknown>)[name], value, standIns, `${where}.${name}`, cut);
  } else if (typeof expected === 'string') {
    compareText(actual, expected, standIns, where);
  } else if (typeof expected === 'number' && expected > 1e12) {
    expect(actual, where).toBeTypeOf('number');
    expect(actual as number, `${where}: milliseconds`).toBeGreaterThan(1e12);
  } else {
    expect(actual, where).toBe(expected);
  }
}

function compareText(actual: unknown, expected: string, standIns: StandIns, where: string): void {
  expect(actual, where).toBeTypeOf('string');
  const text = actual as string;
  if (standInForm.test(expected)) {
    // Mattermost's are 26 characters, and so are their stand-ins.
    expect(text, where).toMatch(expected.length === 26 ? /^[a-z0-9]{26}$/ : /^[A-Za-z0-9_-]{20,}$/);
    standIns.check(expected, text, where);
  } else if (timeForm.test(expected)) {
    expect(text, where).toMatch(timeForm);
  } else {
    // The number of an OAuth client differs from run to run.
    expect(text.replace(/\[\d+\]/, '[n]'), where).toBe(expected.replace(/\[\d+\]/, '[n]'));
  }
}

/** Compares status, the recorded headers and the body. `url` stands for the recorded host. */
export async function compareResponse(response: Response, { name, note, response: expected }: Exchange, standIns: StandIns, url: string): Promise<void> {
  const body = await response.text();
  expect(response.status, `${name}: status, body ${body}`).toBe(expected.status);
  for (const [header, value] of Object.entries(expected.headers)) compareHeader(response.headers.get(header), header, value, standIns, url);
  for (const header of ['x-version-id', 'mautic-version', 'www-authenticate', 'token', 'location', 'pragma']) {
    if (!(header in expected.headers)) expect(response.headers.get(header), `${name}: ${header} was not recorded`).toBeNull();
  }
  if (expected.status === 401 && !('set-cookie' in expected.headers)) expect(response.headers.get('set-cookie'), name).toBeNull();
  if (typeof expected.body === 'string') {
    const text = localized(expected.body, url);
    if (expected.bodyCut === true) expect(body.slice(0, 200), name).toBe(text.slice(0, 200));
    else expect(body, name).toBe(text);
  } else {
    compareBody(JSON.parse(body) as unknown, expected.body, standIns, name, note?.includes('cut to the field') === true);
  }
}

const localized = (text: string, url: string): string => text.replaceAll('https://mautic.example.com', url);

function compareHeader(actual: string | null, header: string, expected: string, standIns: StandIns, url: string): void {
  if (header === 'x-version-id') {
    // The hash of the configuration is md5's, from 11 on SHA-256's.
    const [, version = '', hash = ''] = /^(\S+?)\.\.([0-9a-f]+)\.false$/.exec(expected) ?? [];
    expect(actual?.replace(/[0-9a-f]{32,}/, (found) => `${found.length} digits`), header).toBe(`${version}..${hash.length} digits.false`);
    standIns.check(`configuration ${expected}`, actual ?? '', header);
  } else if (standInForm.test(expected)) {
    expect(actual, header).toMatch(/^[a-z0-9]{26}$/);
    standIns.check(expected, actual ?? '', header);
  } else if (expected.startsWith('<')) {
    expect(actual, header).not.toBeNull();
  } else {
    expect(actual, header).toBe(localized(expected, url));
  }
}

export interface RecordedVisit {
  readonly name: string;
  readonly browser: {
    readonly consentPage: boolean;
    readonly pages: readonly { readonly status?: number; readonly url: string; readonly text?: string }[];
    readonly redirectedTo: string | null;
  };
}

/** What a person's browser went through, in the order it happened. */
export function recordedVisits(file: string): RecordedVisit[] {
  const all = JSON.parse(readFileSync(new URL(`../wire/${file}`, import.meta.url), 'utf8')) as (RecordedVisit & { readonly replay: string })[];
  return all.filter(({ replay }) => replay === 'browser');
}
