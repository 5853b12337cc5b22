/**
 * Reading what `export --format json` wrote, as untrusted: names, addresses, fields and settings
 * are checked as if somebody had typed them, and only what is known is taken.
 */
import { randomUUID } from 'node:crypto';
import { checkName } from '../credential-name.ts';
import type { Connection } from '../context.ts';
import type { PublicFields, Secrets, StoreKind } from '../credential.ts';
import { CredsetupError, isCredsetupError, toCredsetupError } from '../errors.ts';
import { valueProblem } from '../field-sources.ts';
import { baseAsTyped } from '../server/address.ts';
import { findMethod, findService } from '../services/registry.ts';
import type { Method } from '../services/service.ts';
import { idText, serviceWord, urlText } from '../stores/index-file.ts';
import { count, flag, listOf, members, oneOf, recordOf, ShapeError, text, time, type Check } from '../stores/shape.ts';
import type { Wanted } from './bringing-in.ts';
import type { Result } from './result.ts';

/** The newest version of the file that this program writes and reads. */
const newest = 1;

interface Written {
  readonly id: string; readonly name: string; readonly service: string; readonly method: string; readonly grant?: string; readonly signIn?: 'n8n'; readonly url: string;
  readonly fields: PublicFields; readonly ignoreSslIssues: boolean; readonly allowHttp: boolean; readonly caCertificates: number;
  readonly createdAt: string; readonly expiresAt?: string; readonly secrets: Secrets;
}

const publicFields = members<PublicFields>({}, { username: text(), clientId: text(), redirectUri: text(), tokenId: text() }, 'left-out');
const written: Check<Written> = members<Written>({
  id: idText, name: text(), service: serviceWord, method: serviceWord, url: urlText, fields: publicFields,
  ignoreSslIssues: flag, allowHttp: flag, caCertificates: count, createdAt: time, secrets: recordOf(/^[A-Za-z][A-Za-z0-9]{0,63}$/, text()),
}, { grant: serviceWord, signIn: oneOf('n8n'), expiresAt: time }, 'left-out');
const file = members<{ readonly version: number; readonly credentials: readonly unknown[] }>({ version: count, credentials: listOf((value: unknown) => value) }, {}, 'left-out');

/**
 * The entries of an export, whatever is in them.
 *
 * @param what names the file in errors
 * @throws FILE_TOO_NEW; FILE_INVALID when it is cut short, something else, empty, or holds a name twice
 */
export function entriesOf(json: string, what: string): readonly unknown[] {
  const document = parse(json, what);
  if (typeof document === 'object' && document !== null && 'version' in document && typeof document.version === 'number' && document.version > newest) {
    throw new CredsetupError('FILE_TOO_NEW', `${what} was written by a newer credsetup (version ${document.version} of the file; this one reads ${newest}).`, { hint: 'Update credsetup, or export there with this version. Nothing was stored.' });
  }
  const { version, credentials } = checked(() => file(document, 'it'), what);
  if (version !== newest) throw invalid(what, 'it has no version that credsetup ever wrote');
  if (credentials.length === 0) throw invalid(what, 'it holds no credential');
  const names = credentials.flatMap((one) => (typeof one === 'object' && one !== null && 'name' in one && typeof one.name === 'string' ? [one.name.toLowerCase()] : []));
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  if (twice !== undefined) throw invalid(what, `it holds the name ${JSON.stringify(twice.slice(0, 64))} twice`);
  return credentials;
}

function parse(json: string, what: string): unknown {
  try {
    return JSON.parse(json.replace(/^\ufeff/, '')) as unknown;
  } catch (error) {
    // The parser's message quotes the text around the fault, which may be a secret: only the place is taken from it.
    const at = /position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    if (at === undefined) throw invalid(what, 'it ends too early, as if it was cut short, or is no JSON at all');
    const lines = json.slice(0, Number(at)).split('\n');
    throw invalid(what, `it is no JSON from line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1} on`);
  }
}

function checked<T>(check: () => T, what: string): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof ShapeError) throw invalid(what, error.message);
    throw error;
  }
}

function invalid(what: string, why: string): CredsetupError {
  return new CredsetupError('FILE_INVALID', `${what} is no export of credsetup's: ${why}.`, { hint: 'Give what credsetup export --format json wrote, whole. Nothing was stored.' });
}

/** What the command line allows again: a file alone never weakens TLS. */
export interface Allowed {
  readonly ignoreSslIssues: boolean;
  readonly allowHttp: boolean;
  /** Of `--ca-file`; an export holds their number only. */
  readonly certificates: readonly string[];
  readonly store: StoreKind;
  /** Ids that stored credentials have, by name in lower case: one id never means two of them. */
  readonly ids: ReadonlyMap<string, string>;
}

/** Each entry as what is wanted, or as the failure that it is. */
export function wantedOf(entries: readonly unknown[], what: string, allowed: Allowed): readonly (Wanted | Result)[] {
  const used = new Set<string>();
  const owners = new Map([...allowed.ids].map(([name, id]) => [id, name]));
  return entries.map((entry, index) => {
    const named = typeof entry === 'object' && entry !== null && 'name' in entry && typeof entry.name === 'string' ? entry.name.slice(0, 64) : `credentials[${index}]`;
    try {
      const wanted = wantedFrom(checked(() => written(entry, `credentials[${index}]`), what), allowed);
      const owner = owners.get(wanted.kept.id);
      const taken = (owner !== undefined && owner !== wanted.name.toLowerCase()) || used.has(wanted.kept.id);
      used.add(wanted.kept.id);
      return taken ? { ...wanted, kept: { ...wanted.kept, id: randomUUID() } } : wanted;
    } catch (error) {
      if (!isCredsetupError(error)) throw error;
      return { name: named, status: 'failed', error: toCredsetupError(error).with({ name: named }) };
    }
  });
}

/** Throws NAME_INVALID, UNSUPPORTED, URL_INVALID, INPUT_INVALID, INPUT_MISSING. */
function wantedFrom(one: Written, allowed: Allowed): Wanted {
  const name = checkName(one.name);
  const service = findService(one.service);
  const method = findMethod(service, one.method);
  const grant = grantOf(one, method);
  return {
    name, service, method, grant, url: baseAsTyped(one.url),
    fields: fieldsOf(one, method), secrets: secretsOf(one, method), connection: connectionOf(one, allowed), store: allowed.store,
    kept: {
      id: one.id, createdAt: one.createdAt,
      ...(one.signIn === undefined || grant !== 'authorization-code' ? {} : { signIn: one.signIn }),
      ...(one.expiresAt === undefined ? {} : { expiresAt: one.expiresAt }),
    },
  };
}

function grantOf({ grant }: Written, method: Method): string | undefined {
  if (method.oauth === undefined) return undefined;
  if (grant === 'authorization-code' || grant === 'client-credentials') return grant;
  throw inputInvalid('grant', 'it is neither authorization-code nor client-credentials');
}

/** Weaker than usual only where the command line says so again. */
function connectionOf(one: Written, allowed: Allowed): Connection {
  const again = (field: string, option: string, why: string): CredsetupError => new CredsetupError('INPUT_MISSING', `${one.name} was stored with ${option}: ${why}. A file alone does not decide that.`, {
    missing: [{ field, option, variable: '' }], hint: `Add ${option} if that is what you want.`,
  });
  if (one.ignoreSslIssues && !allowed.ignoreSslIssues) throw again('ignoreSslIssues', '--ignore-ssl-issues', 'its server\'s certificate is not checked');
  if (one.url.startsWith('http:') && one.allowHttp && !allowed.allowHttp) throw again('allowHttp', '--allow-http', 'its connection is not encrypted');
  if (one.caCertificates > 0 && allowed.certificates.length === 0) throw again('caFile', '--ca-file', 'it trusts an authority of its own, and an export does not hold that');
  return {
    ignoreSslIssues: one.ignoreSslIssues, allowHttp: one.allowHttp && allowed.allowHttp, certificates: one.caCertificates === 0 ? [] : allowed.certificates,
  };
}

function fieldsOf({ fields }: Written, method: Method): PublicFields {
  for (const field of method.fields.filter(({ secret }) => !secret)) {
    const value = fields[field.key as keyof PublicFields];
    const problem = value === undefined ? `The ${field.label} is missing.` : valueProblem(field, value);
    if (problem !== undefined) throw inputInvalid(field.key, problem);
  }
  const { redirectUri, tokenId } = fields;
  // RFC 8252 §7.3: ours is on this computer, always.
  if (redirectUri !== undefined && !/^http:\/\/(127\.0\.0\.1|\[::1\]):\d{1,5}\/[\w/.-]*$/.test(redirectUri)) throw inputInvalid('redirectUri', 'It leads to another computer');
  if (tokenId !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(tokenId)) throw inputInvalid('tokenId', 'It is no id');
  return fields;
}

const ofTokens = ['accessToken', 'accessTokenExpiresAt', 'refreshToken'];

function secretsOf({ secrets, fields }: Written, method: Method): Secrets {
  const own = method.fields.filter(({ secret }) => secret);
  for (const field of own) {
    const problem = secrets[field.key] === undefined ? `The ${field.label} is missing.` : valueProblem(field, secrets[field.key] ?? '');
    if (problem !== undefined) throw inputInvalid(field.key, problem);
  }
  const known = [...own.map(({ key }) => key), ...(method.oauth === undefined ? [] : ofTokens)];
  const other = Object.keys(secrets).find((key) => !known.includes(key));
  if (other !== undefined) throw inputInvalid('secrets', `${method.title} has no secret of the name ${other}`);
  const token = ofTokens.find((key) => /[\s\p{Cc}\p{Cf}]/u.test(secrets[key] ?? '') || secrets[key] === '');
  if (token !== undefined) throw inputInvalid(token, 'It holds a space, a line end or an invisible character');
  const swapped = method.oauth?.clientProblem({ ...fields, ...secrets });
  if (swapped !== undefined) throw inputInvalid(swapped.field, swapped.message);
  return secrets;
}

function inputInvalid(field: string, problem: string): CredsetupError {
  return new CredsetupError('INPUT_INVALID', `${field}: ${problem.replace(/\.$/, '')}.`, { field, hint: 'Export it again where it is stored, or set it up anew.' });
}
