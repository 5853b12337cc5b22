/**
 * What an OpenBao or Vault refuses, as errors with a code, the reason and the way out. Each answer
 * was measured (OpenBao 2.6.2).
 */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError } from '../../errors.ts';

/** What was asked for, for the words of an error. */
export interface Asked {
  /** `https://vault.example.com:8200`. */
  readonly address: string;
  /** Where the token came from: a variable or a file. */
  readonly tokenFrom: string;
  /** Without `/v1/`: `secret/data/credsetup/chat`. */
  readonly path: string;
  /** The right that a policy must give for it. */
  readonly capabilities: readonly string[];
  readonly namespace: string | undefined;
}

/** The texts of `{"errors": [...]}`; undefined for anything else. */
export function errorsIn(response: HttpResponse): readonly string[] | undefined {
  try {
    const body: unknown = JSON.parse(response.text);
    const errors = typeof body === 'object' && body !== null && 'errors' in body ? body.errors : undefined;
    return Array.isArray(errors) ? errors.filter((one): one is string => typeof one === 'string') : undefined;
  } catch {
    // A page of something in between: told by whoever needed the texts.
    return undefined;
  }
}

/** A rule to paste into a policy. */
export function rule(path: string, capabilities: readonly string[]): string {
  return `path "${path}" { capabilities = [${capabilities.map((one) => `"${one}"`).join(', ')}] }`;
}

/** The error for an answer that is none of those that the caller expects. */
export function refusal(response: HttpResponse, asked: Asked): CredsetupError {
  const { status } = response;
  const errors = errorsIn(response);
  const said = errors?.join(' ') ?? '';
  if (status === 400 && response.text.startsWith('Client sent an HTTP request to an HTTPS server')) return plainToTls(asked);
  if (status >= 300 && status < 400) return standby(asked, response.header('location'));
  if (status === 503 && errors !== undefined) return sealed(asked);
  if (status === 429) return overQuota(asked, response.header('retry-after'));
  if (errors === undefined) return noOpenBao(asked, status);
  if (status === 404 && said.includes('namespace not found')) return namespaceUnknown(asked);
  if (status === 404 && said.includes('no handler for route')) return mountUnknown(asked);
  if (status === 403) return isAboutToken(said) ? tokenRejected(asked) : forbidden(asked);
  if (status === 413 || said.includes('value being too large') || said.includes('request body too large')) return tooLarge(asked);
  if (status >= 500) return broken(asked, status);
  return new CredsetupError('STORE_UNAVAILABLE', `${asked.address} refused ${asked.path} (status ${status}).`, {
    url: asked.address, hint: 'Look into the audit log or the log of the OpenBao or Vault; --debug shows what was asked.',
  });
}

/** Bare, or with "invalid token" (Vault); a policy's refusal comes as a list of errors. */
function isAboutToken(said: string): boolean {
  return said.includes('invalid token') || said.trim() === 'permission denied';
}

function plainToTls({ address }: Asked): CredsetupError {
  return new CredsetupError('URL_INVALID', `The port of ${address} speaks TLS, and the address begins with http://.`, { url: address, hint: `Set BAO_ADDR=${address.replace(/^http:/, 'https:')}` });
}

function standby({ address }: Asked, location: string | undefined): CredsetupError {
  const to = location !== undefined && URL.canParse(location) ? new URL(location).origin : undefined;
  return new CredsetupError('STORE_STANDBY', `${address} is a standby of the OpenBao or Vault and sends its requests elsewhere${to === undefined ? '' : `: to ${to}`}. A token follows no redirect.`, {
    url: address, hint: `Set BAO_ADDR to the active server${to === undefined ? '' : ` (${to}, if that is yours)`} or to the load balancer in front of it.`,
  });
}

export function sealed({ address }: Pick<Asked, 'address'>): CredsetupError {
  return new CredsetupError('STORE_SEALED', `The OpenBao or Vault at ${address} is sealed: it holds its keys back until people unseal it.`, {
    url: address, hint: 'Ask who holds the unseal keys to run: bao operator unseal. Nothing was read or written; run the same command again then.',
  });
}

export function uninitialized(address: string): CredsetupError {
  return new CredsetupError('STORE_SEALED', `The OpenBao or Vault at ${address} was never initialised: it holds nothing yet.`, { url: address, hint: 'Is it the right address? Otherwise: bao operator init, then bao operator unseal.' });
}

function overQuota({ address, path }: Asked, after: string | undefined): CredsetupError {
  const wait = after !== undefined && /^\d{1,5}$/.test(after) ? ` It asks to wait ${after} s.` : '';
  return new CredsetupError('RATE_LIMITED', `${address} answers 429 for ${path}: its quota for this path or client is used up.${wait}`, {
    url: address, hint: 'Run the same command again later, or ask its admin for a larger rate limit quota (sys/quotas/rate-limit).',
  });
}

function noOpenBao({ address }: Asked, status: number): CredsetupError {
  return new CredsetupError('STORE_UNAVAILABLE', `What answers at ${address} is no OpenBao or Vault, or something stands in front of it (status ${status}).`, {
    url: address, hint: `Check BAO_ADDR: curl ${address}/v1/sys/health answers with JSON where one runs.`,
  });
}

function namespaceUnknown({ address, namespace }: Asked): CredsetupError {
  return new CredsetupError('STORE_NOT_FOUND', `There is no namespace ${namespace ?? ''} at ${address}.`, { url: address, hint: 'Check BAO_NAMESPACE (VAULT_NAMESPACE): bao namespace list shows them. Without namespaces, unset it.' });
}

export function mountUnknown({ address, path }: Pick<Asked, 'address' | 'path'>): CredsetupError {
  return new CredsetupError('STORE_NOT_FOUND', `No secrets engine is mounted at ${path} of ${address}, or the token may not know of it.`, {
    url: address,
    hint: `Check CREDSETUP_VAULT_PATH: bao secrets list shows the mounts; a new one: bao secrets enable -path=${path.split('/')[0] ?? 'secret'} -version=2 kv. Is it there, then the policy of the token gives nothing in it.`,
  });
}

/** Ended, revoked, used up and never there all look the same: 403 "permission denied". */
function tokenRejected({ address, tokenFrom }: Asked): CredsetupError {
  return new CredsetupError('STORE_TOKEN_REJECTED', `${address} does not accept the token from ${tokenFrom}: it has ended, was revoked or used up, or it never was one of this server.`, {
    url: address, hint: 'Sign in anew (bao login), or set a new BAO_TOKEN. Is BAO_ADDR the server that gave the token, and BAO_NAMESPACE its namespace? bao token lookup tells.',
  });
}

function forbidden({ address, path, capabilities }: Asked): CredsetupError {
  return new CredsetupError('STORE_FORBIDDEN', `The policy of the token does not allow ${capabilities.join(' or ')} at ${path}.`, {
    // For every name of the folder: a rule for one alone would be asked for again with the next.
    url: address, hint: `Ask who writes the policies to add: ${rule(path.replace(/[^/]+$/, '*'), capabilities)}`,
  });
}

export function tooLarge({ address, path }: Pick<Asked, 'address' | 'path'>): CredsetupError {
  return new CredsetupError('SECRET_TOO_LARGE', `The storage of ${address} has no room for what was to be written at ${path}: it refuses values of this size.`, {
    url: address, hint: 'Fewer or smaller certificates with --ca-file, or a larger max_entry_size of its storage. Nothing was written.',
  });
}

function broken({ address, path }: Asked, status: number): CredsetupError {
  return new CredsetupError('SERVER_ERROR', `The OpenBao or Vault at ${address} failed at ${path} (status ${status}).`, { url: address, hint: 'Try again; look into its log if it happens each time.' });
}

/** Version 1 takes a version 2 write with 204 and loses its check-and-set (measured). */
export function versionOne(address: string, mount: string): CredsetupError {
  return new CredsetupError('STORE_UNSUPPORTED', `The engine at ${mount} of ${address} is key/value version 1: it would take our writes and lose their safety (no versions, no check-and-set).`, {
    url: address, hint: `Take one of version 2: bao secrets enable -path=${mount.replace(/\/$/, '')}2 -version=2 kv, or upgrade this one with bao kv enable-versioning ${mount}; then CREDSETUP_VAULT_PATH.`,
  });
}

export function noKeyValue(address: string, mount: string, type: string): CredsetupError {
  return new CredsetupError('STORE_UNSUPPORTED', `The engine at ${mount} of ${address} is no key/value engine (${type}).`, { url: address, hint: 'Name a key/value engine of version 2 in CREDSETUP_VAULT_PATH; bao secrets list shows them.' });
}

/** The server's own reason follows where it is one of its known sentences. */
export function signInRejected(address: string, kind: 'approle' | 'jwt', mount: string, from: string, said: string): CredsetupError {
  const words = kind === 'approle'
    ? 'the role ID or the secret ID is wrong, or the secret ID was used up or has ended'
    : `the JWT or its role does not fit${said === '' ? '' : ` ("${said}")`}`;
  return new CredsetupError('STORE_TOKEN_REJECTED', `${address} does not sign in with what ${from} gives (auth/${mount}): ${words}.`, {
    url: address,
    hint: kind === 'approle' ? `Make a new secret ID: bao write -f auth/${mount}/role/NAME/secret-id` : `Compare the claims of the JWT with the role: bao read auth/${mount}/role/NAME; the auth method's mount is CREDSETUP_VAULT_AUTH_MOUNT (now ${mount}).`,
  });
}
