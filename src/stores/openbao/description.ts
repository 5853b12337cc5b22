/**
 * The public credential as custom metadata of its secret: a copy for looking, so that `list` reads
 * no secret. The engine takes 64 keys and values of 1 to 512 bytes without line ends (measured), so
 * members are keys of their own, and a long one goes on under `name.2`, `name.3`.
 */
import type { Credential } from '../../credential.ts';
import { credentialShape } from '../index-file.ts';
import { oneOf, ShapeError } from '../shape.ts';
import type { CustomMetadata } from './engine.ts';
import type { TeamCredential } from './entry.ts';

const mostBytes = 512;
/** The rest of the 64 is the team's own. */
const mostKeys = 48;

const texts: readonly (keyof Credential)[] = ['id', 'name', 'service', 'method', 'grant', 'signIn', 'url', 'createdAt', 'validatedAt', 'expiresAt'];
const documents: readonly (keyof Credential)[] = ['account', 'server', 'fields', 'ignoreSslIssues', 'allowHttp', 'caCertificates', 'capabilities', 'handedOver', 'redirectUris', 'pushed', 'warnings'];
/** What `list` can do without, when there is no room: the longest stories first. */
const dispensable: readonly (keyof Credential)[] = ['pushed', 'warnings', 'capabilities', 'redirectUris'];
const shape = credentialShape(oneOf('vault'));

/** The metadata to write: ours, and what the team keeps beside it. */
export function describe(credential: TeamCredential, before: CustomMetadata): CustomMetadata {
  const others = Object.entries(before).filter(([key]) => !isOurs(key));
  let shown: Partial<Credential> = credential;
  for (const member of [undefined, ...dispensable]) {
    if (member !== undefined) shown = without(shown, member);
    const own = [...texts, ...documents].flatMap((name) => (shown[name] === undefined ? [] : pieces(name, encoded(shown[name]))));
    if (own.length <= mostKeys && own.length + others.length <= 64) return Object.fromEntries([...others, ...own]);
  }
  // Nothing of ours fits beside the team's: the name is still listed, and the secret is whole.
  return before;
}

function without(credential: Partial<Credential>, member: keyof Credential): Partial<Credential> {
  return { ...credential, [member]: undefined, ...(member === 'warnings' ? { warnings: [] } : {}) };
}

/** Whether a key of the custom metadata is ours to replace. */
function isOurs(key: string): boolean {
  const base = key.replace(/\.\d+$/, '');
  return [...texts, ...documents].some((name) => name === base);
}

/** ASCII alone: the engine refuses what it takes for unprintable. */
function encoded(value: unknown): string {
  if (typeof value === 'string' && /^[\x20-\x21\x23-\x7e][\x20-\x7e]*$/.test(value)) return value;
  return JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function pieces(name: string, value: string): readonly (readonly [string, string])[] {
  const count = Math.ceil(value.length / mostBytes);
  return Array.from({ length: count }, (_, at) => [at === 0 ? name : `${name}.${at + 1}`, value.slice(at * mostBytes, (at + 1) * mostBytes)] as const);
}

/** The credential that a description tells of; undefined when there is none, or somebody changed it to no such thing. */
export function credentialIn(metadata: CustomMetadata): TeamCredential | undefined {
  const value = (name: string): unknown => {
    let whole = Object.hasOwn(metadata, name) ? metadata[name] ?? '' : undefined;
    if (whole === undefined) return undefined;
    for (let at = 2; Object.hasOwn(metadata, `${name}.${at}`); at += 1) whole += metadata[`${name}.${at}`] ?? '';
    return texts.some((one) => one === name) && !whole.startsWith('"') ? whole : JSON.parse(whole);
  };
  try {
    const found = [...texts, ...documents].map((name) => [name, value(name)] as const).filter(([, one]) => one !== undefined);
    return shape({ ...Object.fromEntries(found), store: 'vault' }, 'it');
  } catch (error) {
    if (error instanceof ShapeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
