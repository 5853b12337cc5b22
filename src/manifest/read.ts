/**
 * The file that `apply` reads, YAML or JSON, as untrusted: every member checked, every fault with
 * its line and column, and no word of it repeated that may be a secret. schema/apply-1.schema.json
 * says the same for editors.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type YAMLMap } from 'yaml';
import { isName } from '../credential-name.ts';
import { CredsetupError } from '../errors.ts';
import { serviceLines } from '../services/map.ts';
import type { ServiceLine } from '../services/service-line.ts';

const newest = 1;
const mostFaults = 10;

/** Where a secret comes from. Never the secret. */
export type Source = { readonly env: string } | { readonly file: string };

/** An n8n that gets a copy. */
export interface CopyWish {
  /** As `push` has it: a stored n8n's name, or `n8n`. */
  readonly target: string;
  /** The address by which that n8n reaches the service. */
  readonly urlInN8n: string | undefined;
  /** `line 4, column 5`. */
  readonly at: string;
}

export interface Entry {
  readonly name: string;
  readonly service: string;
  readonly method: string;
  readonly grant: string | undefined;
  /** By field key, the address among them. */
  readonly values: Readonly<Record<string, string>>;
  readonly sources: Readonly<Record<string, Source>>;
  readonly store: 'keychain' | 'file' | 'vault' | undefined;
  readonly ignoreSslIssues: boolean;
  readonly caFile: string | undefined;
  readonly push: readonly CopyWish[];
  /** `line 4, column 5`: where it begins. */
  readonly at: string;
}

/**
 * @param what names the file in errors
 * @throws FILE_TOO_NEW; FILE_INVALID with the place of each fault
 */
export function readManifest(text: string, what: string): readonly Entry[] {
  const counter = new LineCounter();
  const reader = new Reader(counter);
  const entries = reader.read(documentOf(text, counter, what));
  if (reader.newer !== undefined) {
    throw new CredsetupError('FILE_TOO_NEW', `${what} has version ${reader.newer}; this credsetup reads ${newest}.`, { hint: 'Update credsetup.' });
  }
  if (reader.faults.length > 0) throw invalid(what, reader.faults);
  return entries;
}

function documentOf(text: string, lineCounter: LineCounter, what: string): Document {
  try {
    const document = parseDocument(text, { lineCounter, prettyErrors: false, schema: 'core', version: '1.2' });
    const [error] = document.errors;
    if (error === undefined) return document;
    // The parser's message quotes the text around it.
    throw invalid(what, [`${placeOf(lineCounter, error.pos[0])}: ${sentences[error.code] ?? `it is no YAML (${error.code})`}`]);
  } catch (error) {
    // Nested deeper than the stack is.
    if (error instanceof RangeError) throw invalid(what, ['it is nested too deep']);
    throw error;
  }
}

const sentences: Readonly<Record<string, string>> = { DUPLICATE_KEY: 'a member stands there twice', TAB_AS_INDENT: 'a tab indents the line; YAML takes spaces', BAD_INDENT: 'the indentation is wrong', MULTIPLE_DOCS: 'a second document begins' };

function placeOf(counter: LineCounter, offset: number): string {
  const { line, col } = counter.linePos(offset);
  return `line ${line}, column ${col}`;
}

function invalid(what: string, faults: readonly string[]): CredsetupError {
  const more = faults.length > mostFaults ? `; and ${faults.length - mostFaults} more` : '';
  return new CredsetupError('FILE_INVALID', `${what} cannot be applied: ${faults.slice(0, mostFaults).join('; ')}${more}.`, {
    hint: 'Correct it and run the same command again; nothing was sent. schema/apply-1.schema.json describes the file.',
  });
}

type Members = ReadonlyMap<string, Node | null>;

/** Walks the nodes and not a converted value: a fault has a place, and an alias is never followed. */
class Reader {
  readonly faults: string[] = [];
  newer: number | undefined;
  readonly #counter: LineCounter;

  constructor(counter: LineCounter) {
    this.#counter = counter;
  }

  read({ contents }: Document): readonly Entry[] {
    if (!isMap(contents)) return this.#fault(contents, 'the file is a mapping with version and credentials') ?? [];
    const members = this.#members(contents, ['version', 'credentials']);
    const version = members.get('version');
    const number = isScalar(version) && typeof version.value === 'number' ? version.value : undefined;
    if (number !== undefined && number > newest) {
      this.newer = number;
      return [];
    }
    if (number !== newest) this.#fault(version ?? contents, 'version is 1');
    const list = members.get('credentials');
    if (!isSeq(list) || list.items.length === 0) return this.#fault(list ?? contents, 'credentials is a list with at least one entry') ?? [];
    const entries = list.items.map((item) => this.#entry(item as Node | null)).filter((entry) => entry !== undefined);
    this.#refuseTwice(entries);
    return entries;
  }

  #refuseTwice(entries: readonly Entry[]): void {
    const seen = new Set<string>();
    for (const { name, at } of entries) {
      if (seen.has(name.toLowerCase())) this.faults.push(`${at}: the name ${name} stands in the list twice`);
      seen.add(name.toLowerCase());
    }
  }

  #entry(node: Node | null): Entry | undefined {
    if (!isMap(node)) return this.#fault(node, 'an entry is a mapping');
    const before = this.faults.length;
    const line = this.#service(node);
    if (line === undefined) return undefined;
    const members = this.#members(node, ['name', 'service', 'method', 'grant', 'store', 'ignoreSslIssues', 'caFile', 'push', ...line.fields.map(({ key }) => key)]);
    const text = (key: string, required = false): string | undefined => this.#text(node, members, key, required);
    const oneOf = <T extends string>(key: string, words: readonly T[], required = false): T | undefined => this.#oneOf(node, members, key, words, required);
    const name = text('name', true);
    if (name !== undefined && !isName(name)) this.#fault(members.get('name'), 'name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with none of dot and dash');
    const method = oneOf('method', line.methods, line.methods.length > 1) ?? line.methods[0];
    const entry: Entry = {
      name: name ?? '', service: line.id, method: method ?? '', at: this.#place(node),
      grant: oneOf('grant', ['authorization-code', 'client-credentials']), store: oneOf('store', ['keychain', 'file', 'vault']), caFile: text('caFile'),
      ignoreSslIssues: this.#flag(members, 'ignoreSslIssues'), push: this.#push(members),
      values: this.#values(node, members, line), sources: this.#sources(members, line),
    };
    return this.faults.length > before ? undefined : entry;
  }

  #service(node: YAMLMap): ServiceLine | undefined {
    const value = node.get('service', true) as Node | undefined;
    const line = serviceLines.find(({ id }) => isScalar(value) && value.value === id);
    return line ?? this.#fault(value ?? node, `service is one of ${serviceLines.map(({ id }) => id).join(', ')}`);
  }

  #values(node: YAMLMap, members: Members, { fields }: ServiceLine): Readonly<Record<string, string>> {
    const given = fields.filter(({ secret }) => !secret).map(({ key }): [string, string | undefined] => [key, this.#text(node, members, key, key === 'url')]);
    return Object.fromEntries(given.filter((one): one is [string, string] => one[1] !== undefined));
  }

  #sources(members: Members, { fields }: ServiceLine): Readonly<Record<string, Source>> {
    const given = fields.filter(({ secret, key }) => secret && members.has(key)).map(
      ({ key }): [string, Source | undefined] => [key, this.#source(key, members.get(key))],
    );
    return Object.fromEntries(given.filter((one): one is [string, Source] => one[1] !== undefined));
  }

  #source(key: string, node: Node | null | undefined): Source | undefined {
    if (!isMap(node)) return this.#fault(node, `${key} says where the secret is: {env: NAME} or {file: NAME}. A secret never stands in this file`);
    const members = this.#members(node, ['env', 'file']);
    const [[word, value] = ['', null]] = members;
    if (members.size !== 1 || !isScalar(value) || typeof value.value !== 'string' || value.value === '') return this.#fault(node, `${key} has exactly one of env and file, and that is a name`);
    return word === 'env' ? { env: value.value } : { file: value.value };
  }

  /** One n8n, or several. */
  #push(members: Members): readonly CopyWish[] {
    const node = members.get('push');
    if (node === undefined) return [];
    if (isSeq(node) && node.items.length === 0) return this.#fault(node, 'push names at least one n8n') ?? [];
    const items = isSeq(node) ? node.items as readonly (Node | null)[] : [node];
    const wishes = items.map((item) => this.#copy(item)).filter((wish) => wish !== undefined);
    const seen = new Set<string>();
    for (const { target, at } of wishes) {
      if (seen.size === seen.add(target.toLowerCase()).size) this.faults.push(`${at}: push names ${target} twice`);
    }
    return wishes;
  }

  #copy(node: Node | null): CopyWish | undefined {
    const at = this.#place(node);
    const members = isMap(node) ? this.#members(node, ['target', 'urlInN8n']) : new Map([['target', node]]);
    const target = this.#text(node, members, 'target', true);
    if (target === undefined) return undefined;
    if (!isName(target)) return this.#fault(node, 'push is the name of a stored n8n, or n8n, or {target: NAME, urlInN8n: ADDRESS}, or a list of those');
    return { target, urlInN8n: this.#text(node, members, 'urlInN8n', false), at };
  }

  /** Own members by name; what is not known is a fault, and so is an alias anywhere. */
  #members(node: YAMLMap, known: readonly string[]): Members {
    const members = new Map<string, Node | null>();
    for (const { key, value } of node.items) {
      const at = key as Node | null;
      if (isAlias(value) || isAlias(at) || (value as Node & { anchor?: string } | null)?.anchor !== undefined) this.#fault((value ?? at) as Node, 'anchors and aliases are not taken');
      else if (!isScalar(at) || typeof at.value !== 'string' || !known.includes(at.value)) this.#fault(at, `there is a member that is not known here; known are ${known.join(', ')}`);
      else members.set(at.value, value as Node | null);
    }
    return members;
  }

  #text(parent: Node | null, members: Members, key: string, required: boolean): string | undefined {
    const node = members.get(key);
    if (node === undefined) return required ? this.#fault(parent, `${key} is missing`) : undefined;
    if (isScalar(node) && typeof node.value === 'string' && node.value !== '' && node.value.length <= 4096) return node.value;
    return this.#fault(node, `${key} is a text`);
  }

  #oneOf<T extends string>(parent: Node, members: Members, key: string, words: readonly T[], required: boolean): T | undefined {
    const node = members.get(key);
    if (node === undefined) return required ? this.#fault(parent, `${key} is missing: one of ${words.join(', ')}`) : undefined;
    return words.find((word) => isScalar(node) && node.value === word) ?? this.#fault(node, `${key} is one of ${words.join(', ')}`);
  }

  #flag(members: Members, key: string): boolean {
    const node = members.get(key);
    if (node === undefined) return false;
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    this.#fault(node, `${key} is true or false`);
    return false;
  }

  #place(node: Node | null | undefined): string {
    return placeOf(this.#counter, node?.range?.[0] ?? 0);
  }

  /** Notes what is wrong, and stands for the value that there is not. */
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it is what the caller was to return
  #fault<T>(node: Node | null | undefined, sentence: string): T | undefined {
    this.faults.push(`${this.#place(node)}: ${sentence}`);
    return undefined;
  }
}
