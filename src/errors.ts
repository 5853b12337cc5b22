/**
 * The one error class of credsetup and the table of its codes.
 *
 * Every failure that a person or a script sees is a {@link CredsetupError}: what happened
 * (`message`), what to do next (`hint`), and a code whose exit code stands in the table below.
 */

/** Codes and the exit code each one ends the program with. */
export const exitCodes = {
  UNEXPECTED: 1,

  USAGE: 2, INPUT_MISSING: 2, INPUT_INVALID: 2, URL_INVALID: 2, URL_INSECURE: 2, NAME_INVALID: 2,
  FILE_UNREADABLE: 2, FILE_INVALID: 2, FILE_TOO_NEW: 2, UNSUPPORTED: 2, EXPIRY_REQUIRED: 2, EXPIRY_INVALID: 2,

  HOST_NOT_FOUND: 3, CONNECTION_REFUSED: 3, CONNECTION_TIMEOUT: 3, CONNECTION_LOST: 3,
  PROXY_FAILED: 3, SERVER_ERROR: 3, RATE_LIMITED: 3,

  TLS_SELF_SIGNED: 4, TLS_UNKNOWN_CA: 4, TLS_EXPIRED: 4, TLS_NOT_YET_VALID: 4,
  TLS_HOST_MISMATCH: 4, TLS_CLIENT_CERTIFICATE: 4, TLS_FAILED: 4,

  NOT_MAUTIC: 5, NOT_MATTERMOST: 5, NOT_N8N: 5, REDIRECTED: 5, GATEWAY_IN_FRONT: 5, RESPONSE_INVALID: 5,

  API_DISABLED: 6, BASIC_AUTH_DISABLED: 6, AUTHORIZATION_HEADER_DROPPED: 6,
  TOKENS_DISABLED: 6, BOTS_DISABLED: 6, SIGN_IN_UNSUPPORTED: 6,

  PASSWORD_REJECTED: 7, API_KEY_REJECTED: 7, TOKEN_REJECTED: 7, CLIENT_REJECTED: 7, REFRESH_REJECTED: 7,
  MFA_REQUIRED: 7, MFA_REJECTED: 7, ACCOUNT_LOCKED: 7, ACCOUNT_DEACTIVATED: 7, EMAIL_NOT_VERIFIED: 7,

  PERMISSION_DENIED: 8,

  EXPIRES_SOON: 9,

  STORE_UNAVAILABLE: 10, STORE_LOCKED: 10, STORE_TIMEOUT: 10, STORE_CORRUPT: 10,
  STORE_TOO_NEW: 10, STORE_BUSY: 10, STORE_UNWRITABLE: 10, SECRET_MISSING: 10,
  SECRET_TOO_LARGE: 10, PASSPHRASE_REJECTED: 10, FILE_UNWRITABLE: 10,
  STORE_SEALED: 10, STORE_STANDBY: 10, STORE_TOKEN_REJECTED: 10, STORE_FORBIDDEN: 10, STORE_UNSUPPORTED: 10, STORE_NOT_FOUND: 10,
  SECRET_DELETED: 10, SECRET_ALTERED: 10,

  NOT_FOUND: 11, HANDED_OVER: 11, NAME_TAKEN: 11, FILE_EXISTS: 11, BOT_NAME_TAKEN: 11, ACCOUNT_NAME_TAKEN: 11,

  CLIENT_NOT_FOUND: 14,
  API_ACCESS_MISSING: 14,
  SOME_FAILED: 12,

  COMMAND_NOT_EXECUTABLE: 126, COMMAND_NOT_FOUND: 127,

  AUTHORIZATION_DENIED: 14, AUTHORIZATION_TIMEOUT: 14, REDIRECT_URI_MISMATCH: 14, PORT_IN_USE: 14,

  N8N_TEST_FAILED: 15,

  SIGHUP: 129, CANCELLED: 130, BROKEN_PIPE: 141, SIGTERM: 143,
} as const;

export type ErrorCode = keyof typeof exitCodes;

/** One possible reason behind an answer that has several, with how to check and repair it. */
export interface Cause {
  readonly code: string;
  readonly message: string;
  readonly check: string;
  readonly fix: string;
}

/** A value that was needed and not given, and where it can be given; '' where there is no such place. */
export interface MissingInput {
  readonly field: string;
  readonly option: string;
  readonly variable: string;
}

export interface ErrorDetails {
  /** What to do next, in the imperative. */
  readonly hint?: string | undefined;
  readonly service?: string | undefined;
  readonly url?: string | undefined;
  /** The credential's name. */
  readonly name?: string | undefined;
  readonly missing?: readonly MissingInput[] | undefined;
  /** Most likely first. */
  readonly causes?: readonly Cause[] | undefined;
  /** The field whose question the value came from; the wizard goes back there. */
  readonly field?: string | undefined;
  /** For REDIRECTED: where the server pointed to. */
  readonly location?: string | undefined;
  /** The service is there and not ready yet: waiting helps. */
  readonly starting?: boolean | undefined;
  /** The person chose to stop at this error: nothing is asked any more. */
  readonly stopped?: boolean | undefined;
  /** A write failed, and whether it arrived all the same could not be read back. */
  readonly outcomeUnknown?: boolean | undefined;
  readonly cause?: unknown;
}

/** What `--json` prints under `error`; see the contract of the command line. */
export interface ErrorDocument {
  code: string;
  exitCode: number;
  message: string;
  hint: string;
  retryable: boolean;
  service?: string;
  url?: string;
  name?: string;
  missing?: readonly Partial<MissingInput>[];
  causes?: readonly Cause[];
}

// The entry and the chunks are two bundles, so a class may exist twice: recognise by brand.
const brand = Symbol.for('credsetup.error');

export class CredsetupError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly [brand] = true;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'CredsetupError';
    this.code = code;
    this.details = details;
  }

  get exitCode(): number {
    return exitCodes[this.code];
  }

  get hint(): string {
    return this.details.hint ?? '';
  }

  /** The same error with more known about it; what was known before stays. */
  with(details: ErrorDetails): CredsetupError {
    const known = Object.fromEntries(Object.entries(this.details).filter(([, value]) => value !== undefined));
    return new CredsetupError(this.code, this.message, { ...details, ...known });
  }

  /** The same error with another hint, from who knows better what to do next. */
  withHint(hint: string): CredsetupError {
    return new CredsetupError(this.code, this.message, { ...this.details, hint });
  }
}

export function isCredsetupError(error: unknown): error is CredsetupError {
  return typeof error === 'object' && error !== null && brand in error;
}

/** Whether the same call may succeed later without anything changed: the exit codes of "try again". */
function isRetryable(code: ErrorCode): boolean {
  return exitCodes[code] === 3 || code === 'STORE_BUSY' || code === 'STORE_TIMEOUT';
}

/** The JSON form of an error. Members that are not known are absent, never null. */
export function errorDocument(error: CredsetupError): ErrorDocument {
  const { service, url, name, missing, causes } = error.details;
  return {
    code: ['SIGHUP', 'SIGTERM', 'BROKEN_PIPE'].includes(error.code) ? 'CANCELLED' : error.code,
    exitCode: error.exitCode,
    message: error.message,
    hint: error.hint,
    retryable: isRetryable(error.code),
    ...(service === undefined ? {} : { service }),
    ...(url === undefined ? {} : { url }),
    ...(name === undefined ? {} : { name }),
    ...(missing === undefined ? {} : { missing: missing.map(withoutEmpty) }),
    ...(causes === undefined ? {} : { causes }),
  };
}

/** What has no option or no variable lacks the member. */
function withoutEmpty(missing: MissingInput): Partial<MissingInput> {
  return Object.fromEntries(Object.entries(missing).filter(([, value]) => value !== ''));
}

/**
 * Any thrown value as a CredsetupError. What is not ours is our fault (UNEXPECTED), and its
 * message is kept out: a library's text may hold a secret (measured: undici, openid-client).
 */
export function toCredsetupError(error: unknown): CredsetupError {
  if (isCredsetupError(error)) return error;
  const kind = error instanceof Error ? error.name : typeof error;
  return new CredsetupError('UNEXPECTED', `Something went wrong inside credsetup (${kind}).`, {
    hint: 'Run the same command with --debug and report what it prints; secrets are masked there.',
    cause: error,
  });
}
