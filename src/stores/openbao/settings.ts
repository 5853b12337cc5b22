/**
 * Where the engine is and who we are there, read from the variables that its own clients read:
 * `BAO_X` goes before `VAULT_X`, even when it is empty (measured, OpenBao 2.6.2).
 */
import { createSecureContext } from 'node:tls';
import type { Connection } from '../../context.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import { withoutTrailingSlashes } from '../../slashes.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** What the settings are read from beside the variables. */
export interface Files {
  /** A file as text; `source` names who named it. Throws FILE_UNREADABLE with the system's error as its cause. */
  readFile(path: string, limit: number, source: string): Promise<string>;
  /** `~/.vault-token`, which the engine's own clients write at a sign-in, where there is one. */
  readonly tokenFile: string | undefined;
}

export type SignIn =
  | { readonly kind: 'token'; readonly token: string; readonly from: string }
  | { readonly kind: 'approle'; readonly mount: string; readonly roleId: string; readonly secretId: string; readonly from: string }
  | { readonly kind: 'jwt'; readonly mount: string; readonly role: string; readonly jwt: string; readonly from: string };

/** The engine's place: no secret, no file was read for it. */
export interface Place {
  /** Without a trailing slash. */
  readonly address: string;
  /** The variable, or `its default`. */
  readonly addressFrom: string;
  readonly namespace: string | undefined;
  /** Mount and folder without slashes around: `secret/credsetup`. */
  readonly path: string;
}

const defaultAddress = 'https://127.0.0.1:8200';
const defaultPath = 'secret/credsetup';
const largestFile = 256 * 1024;

/** A variable of the engine's own clients and its name; undefined when neither form is set. */
function own(env: Env, name: string): { readonly value: string; readonly from: string } | undefined {
  for (const from of [`BAO_${name}`, `VAULT_${name}`]) {
    const value = env[from];
    if (value !== undefined) return value === '' ? undefined : { value, from };
  }
  return undefined;
}

function ours(env: Env, name: string): string | undefined {
  const value = env[`CREDSETUP_VAULT_${name}`];
  return value === '' ? undefined : value;
}

/**
 * Where the engine is.
 *
 * @throws URL_INVALID, USAGE (a path that is none, checks of the certificate turned off)
 */
export function placeFrom(env: Env): Place {
  refuseUnchecked(env);
  const given = own(env, 'ADDR');
  return {
    address: addressOf(given?.value ?? defaultAddress, given?.from ?? 'its default'), addressFrom: given?.from ?? 'its default',
    namespace: own(env, 'NAMESPACE')?.value.replaceAll(/^\/+|(?<!\/)\/+$/g, ''), path: pathOf(ours(env, 'PATH') ?? defaultPath),
  };
}

function addressOf(text: string, from: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new CredsetupError('URL_INVALID', `${from} is no address of an OpenBao or Vault.`, { hint: 'It looks like https://vault.example.com:8200, with nothing behind the port.' });
  }
  return withoutTrailingSlashes(url.href);
}

function pathOf(text: string): string {
  const path = text.replaceAll(/^\/+|(?<!\/)\/+$/g, '');
  const parts = path.split('/');
  if (path.length <= 512 && parts.every((part) => /^[A-Za-z0-9_][A-Za-z0-9._ -]*$/.test(part))) return path;
  throw new CredsetupError('USAGE', 'CREDSETUP_VAULT_PATH is no mount and folder of a key/value engine.', { hint: `It looks like ${defaultPath}: the mount, then the folder, without data/ or metadata/.` });
}

/** As Go's strconv.ParseBool, which the engine's own clients read it with. */
function refuseUnchecked(env: Env): void {
  const found = own(env, 'SKIP_VERIFY');
  if (found === undefined || !/^(?:1|t|true)$/i.test(found.value)) return;
  throw new CredsetupError('USAGE', `${found.from} turns the check of the engine's certificate off, and credsetup does not talk to it that way: whoever stands in between would get every credential.`, {
    hint: 'Unset it, and name the certificate authority instead: BAO_CACERT=/path/to/ca.pem',
  });
}

/**
 * How the engine is connected to: its certificate always checked.
 *
 * @throws FILE_UNREADABLE, FILE_INVALID, USAGE (half a client certificate)
 */
export async function connectionFrom(env: Env, files: Files): Promise<Connection> {
  const ca = await fileOf(own(env, 'CACERT'), files);
  const certificate = await fileOf(own(env, 'CLIENT_CERT'), files);
  const key = await fileOf(own(env, 'CLIENT_KEY'), files);
  if ((certificate === undefined) !== (key === undefined)) {
    throw new CredsetupError('USAGE', 'A client certificate takes its key too, and one of the two was given.', { hint: 'Set both BAO_CLIENT_CERT and BAO_CLIENT_KEY, or neither.' });
  }
  const identity = certificate === undefined || key === undefined ? undefined : { certificate: certificate.text, key: key.text };
  for (const { name, options } of [
    { name: ca?.from, options: { ca: ca?.text } },
    { name: certificate?.from, options: identity === undefined ? {} : { cert: identity.certificate, key: identity.key } },
  ]) {
    if (name !== undefined) checkPem(name, options);
  }
  if (ca !== undefined && !ca.text.includes('-----BEGIN CERTIFICATE-----')) throw notPem(ca.from);
  return { ignoreSslIssues: false, allowHttp: false, certificates: ca === undefined ? [] : [ca.text], ...(identity === undefined ? {} : { identity }) };
}

function checkPem(name: string, options: { readonly ca?: string | undefined; readonly cert?: string; readonly key?: string }): void {
  try {
    createSecureContext(options);
  } catch {
    // The library's message may quote the key.
    throw notPem(name);
  }
}

function notPem(name: string): CredsetupError {
  return new CredsetupError('FILE_INVALID', `The file that ${name} names holds no usable PEM certificate or key.`, { hint: 'Name a file in PEM form: it begins with -----BEGIN; a key must not be encrypted.' });
}

/** The error names the variable and not what it holds, which may be the secret itself. */
async function readNamed(path: string, from: string, files: Files): Promise<string> {
  return await files.readFile(path, largestFile, from).catch((error: unknown) => {
    throw isCredsetupError(error) ? error.withHint(`Let ${from} name a file that this user can read, or unset it.`) : error;
  });
}

async function fileOf(
  given: { readonly value: string; readonly from: string } | undefined, files: Files,
): Promise<{ readonly text: string; readonly from: string } | undefined> {
  if (given === undefined) return undefined;
  return { text: await readNamed(given.value, given.from, files), from: given.from };
}

/**
 * Who we are at the engine: a token before an AppRole before a JWT before the token file.
 *
 * @throws INPUT_MISSING when there is nothing, USAGE for half a sign-in or two for one value, FILE_UNREADABLE
 */
export async function signInFrom(env: Env, files: Files): Promise<SignIn> {
  const token = own(env, 'TOKEN');
  if (token !== undefined) return { kind: 'token', token: token.value.trim(), from: token.from };
  const roleId = await valueOrFile('ROLE_ID', env, files);
  const secretId = await valueOrFile('SECRET_ID', env, files);
  if (roleId !== undefined && secretId !== undefined) return { kind: 'approle', mount: ours(env, 'AUTH_MOUNT') ?? 'approle', roleId, secretId, from: 'CREDSETUP_VAULT_ROLE_ID' };
  const jwt = await jwtFrom(env, files);
  if (roleId !== undefined || secretId !== undefined) throw half('An AppRole', 'CREDSETUP_VAULT_ROLE_ID', 'CREDSETUP_VAULT_SECRET_ID');
  if (jwt !== undefined) return jwt;
  if (files.tokenFile !== undefined) {
    const text = (await files.readFile(files.tokenFile, largestFile, 'The token file')).trim();
    if (text !== '') return { kind: 'token', token: text, from: files.tokenFile };
  }
  throw new CredsetupError('INPUT_MISSING', 'There is no token for the OpenBao or Vault: BAO_TOKEN and VAULT_TOKEN are not set, and there is no ~/.vault-token.', {
    missing: [{ field: 'token', option: '', variable: 'BAO_TOKEN' }, { field: 'role-id', option: '', variable: 'CREDSETUP_VAULT_ROLE_ID' }, { field: 'jwt', option: '', variable: 'CREDSETUP_VAULT_JWT_FILE' }],
    hint: 'Sign in with its own client (bao login, vault login), or set BAO_TOKEN; a job takes CREDSETUP_VAULT_ROLE_ID with CREDSETUP_VAULT_SECRET_ID, or CREDSETUP_VAULT_ROLE with CREDSETUP_VAULT_JWT_FILE.',
  });
}

async function valueOrFile(name: 'ROLE_ID' | 'SECRET_ID', env: Env, files: Files): Promise<string | undefined> {
  const value = ours(env, name);
  const file = ours(env, `${name}_FILE`);
  if (value !== undefined && file !== undefined) throw new CredsetupError('USAGE', `CREDSETUP_VAULT_${name} and CREDSETUP_VAULT_${name}_FILE are both set.`, { hint: 'Keep one of them.' });
  return file === undefined ? value?.trim() : (await readNamed(file, `CREDSETUP_VAULT_${name}_FILE`, files)).trim();
}

async function jwtFrom(env: Env, files: Files): Promise<SignIn | undefined> {
  const role = ours(env, 'ROLE');
  const file = ours(env, 'JWT_FILE');
  if (role === undefined && file === undefined) return undefined;
  if (role === undefined || file === undefined) throw half('A sign-in with a JWT', 'CREDSETUP_VAULT_ROLE', 'CREDSETUP_VAULT_JWT_FILE');
  // Where Kubernetes puts a service account's token, its own auth method is the one that takes it.
  const mount = ours(env, 'AUTH_MOUNT') ?? (file.startsWith('/var/run/secrets/kubernetes.io/') ? 'kubernetes' : 'jwt');
  return { kind: 'jwt', mount, role, jwt: (await readNamed(file, 'CREDSETUP_VAULT_JWT_FILE', files)).trim(), from: 'CREDSETUP_VAULT_JWT_FILE' };
}

function half(what: string, one: string, other: string): CredsetupError {
  return new CredsetupError('USAGE', `${what} takes ${one} and ${other}, and one of them is not set.`, { hint: 'Set both, or neither.' });
}
