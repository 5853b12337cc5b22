/**
 * From an error of the token endpoint to what a person can do. `error` decides; the texts (English
 * everywhere: they are the OAuth library's, not the service's) only sharpen. Source: RFC 6749 §5.2 and
 * the recorded token exchanges (test/wire/mautic-7.json, mautic-5.json).
 */
import { CredsetupError, type Cause, type ErrorCode } from '../errors.ts';
import { errorWords } from './callback-error.ts';

export type GrantType = 'authorization_code' | 'refresh_token' | 'client_credentials';

interface Row {
  readonly error: string;
  /** Absent: whatever was asked for. */
  readonly grant?: GrantType;
  /** Only for a client that was accepted before: then its values are as they were. */
  readonly accepted?: true;
  /** Absent: whatever the text says. */
  readonly text?: RegExp;
  readonly code: ErrorCode;
  /** `{title}` is the service. */
  readonly message: string;
  readonly hint: string;
  readonly field?: string;
  readonly causes?: readonly Cause[];
}

const clientDeleted: Cause = {
  code: 'CLIENT_DELETED', message: 'The client may have been deleted.', check: 'Look for it in the list of clients in {title}.',
  fix: 'Make a new client there and give its Client ID and Client Secret.',
};
const clientMistyped: Cause = {
  code: 'CLIENT_MISTYPED', message: 'The Client ID or the Client Secret may not be the one that {title} shows.', check: 'Compare both with {title}: {given}.',
  fix: 'Copy both again, from the same client.',
};
const wrongServer: Cause = {
  code: 'WRONG_SERVER', message: 'Another {title} may answer here than the one that the values come from, or one that was restored from an older backup.', check: 'Compare the address with the one in your browser.',
  fix: 'Give the address of the right one.',
};

export const codeExpired: Cause = {
  code: 'CODE_EXPIRED', message: 'The code came too late: it can be exchanged for a short time only.', check: 'How long it took from pressing Accept until credsetup had the code.',
  fix: 'Sign in once more, and paste the address at once.',
};
const codeMayHaveExpired: Cause = { ...codeExpired, message: 'It may have come too late: a code can be exchanged for a short time only.' };
const codeUsed: Cause = {
  code: 'CODE_USED', message: 'It may have been exchanged before: each code can be used once.', check: 'Whether the same address was pasted twice, or another program got it.',
  fix: 'Sign in once more.',
};
const codeCut: Cause = {
  code: 'CODE_CUT', message: 'Where the address was pasted, it may not be whole, so that its code is cut.', check: 'Whether the address ends as in the browser\'s address bar.',
  fix: 'Sign in once more, and copy the whole address.',
};

const refreshUsed: Cause = {
  code: 'REFRESH_TOKEN_USED', message: 'It may have been used by somebody else: each can be used once.', check: 'Whether another machine, a copy of the store or a backup holds the same credential.',
  fix: 'Sign in again, and keep the credential in one place only.',
};
const refreshEnded: Cause = {
  code: 'REFRESH_TOKEN_EXPIRED', message: 'It was not used for longer than {title} keeps it; an admin may have changed how long that is.', check: 'When it was used the last time.',
  fix: 'Sign in again. Use it more often, or let an admin raise "Refresh token lifetime".',
};
const refreshMayHaveEnded: Cause = { ...refreshEnded, message: 'It may not have been used for longer than {title} keeps it; an admin may have changed how long that is.' };
const accessTakenBack: Cause = {
  code: 'ACCESS_TAKEN_BACK', message: 'Access may have been taken back in {title}, or the account deleted.', check: 'Ask the admin.',
  fix: 'Sign in again, with an account that may.',
};

const signInAgain = 'Sign in again: credsetup reconnect NAME.';

/** The first row that fits holds. */
const rows: readonly Row[] = [
  {
    error: 'invalid_client', accepted: true, code: 'CLIENT_REJECTED', field: 'clientId',
    message: '{title} does not accept the client of this credential any more.', hint: 'Make a new client in {title}, then: credsetup reconnect NAME.',
    causes: [clientDeleted, wrongServer],
  },
  {
    error: 'invalid_client', code: 'CLIENT_REJECTED', field: 'clientId',
    message: '{title} does not accept this client.', hint: 'Copy Client ID and Client Secret again from the same client; nothing else was asked for yet.',
    causes: [clientMistyped, clientDeleted, wrongServer],
  },
  {
    error: 'unauthorized_client', grant: 'client_credentials', code: 'CLIENT_REJECTED', field: 'clientId',
    message: '{title} does not let this client sign in by itself.', hint: 'It lets only a client do so that an admin made. Make one as an admin, or let a person sign in: --grant authorization-code.',
  },
  {
    error: 'unauthorized_client', code: 'CLIENT_REJECTED', field: 'clientId',
    message: '{title} does not let this client sign in this way.', hint: 'Make a client with the Authorization Protocol OAuth 2, and give its Client ID and Client Secret.',
  },
  {
    error: 'invalid_grant', grant: 'refresh_token', text: /expired/i, code: 'REFRESH_REJECTED',
    message: '{title} says that the refresh token has expired.', hint: signInAgain, causes: [refreshEnded],
  },
  {
    error: 'invalid_grant', grant: 'refresh_token', text: /invalid refresh token/i, code: 'REFRESH_REJECTED',
    message: '{title} refused the refresh token.', hint: signInAgain, causes: [refreshUsed, accessTakenBack, wrongServer, refreshMayHaveEnded],
  },
  {
    error: 'invalid_grant', grant: 'refresh_token', code: 'REFRESH_REJECTED',
    message: '{title} refused the refresh token.', hint: signInAgain, causes: [refreshMayHaveEnded, refreshUsed, accessTakenBack, wrongServer],
  },
  {
    error: 'invalid_grant', grant: 'authorization_code', text: /expired/i, code: 'AUTHORIZATION_TIMEOUT', field: 'callback',
    message: 'The sign-in came too late: {title} keeps its code for a short time only.', hint: 'Sign in once more; when you paste the address, do it at once.', causes: [codeExpired],
  },
  {
    error: 'invalid_grant', grant: 'authorization_code', code: 'AUTHORIZATION_DENIED', field: 'callback',
    message: '{title} refused the code of this sign-in.', hint: 'Sign in once more.', causes: [codeMayHaveExpired, codeUsed, codeCut],
  },
  {
    error: 'redirect_uri_mismatch', code: 'REDIRECT_URI_MISMATCH',
    message: 'The redirect URI is not the one that the sign-in was started with, or is not registered for this client.', hint: 'Compare the Redirect URI of the client in {title} with the one given here, character by character.',
  },
  {
    error: 'access_denied', code: 'AUTHORIZATION_DENIED',
    message: '{title} denied access.', hint: 'Sign in once more and allow it, with an account that may use the API.',
  },
];

interface Asked {
  readonly title: string;
  readonly about: { readonly service?: string };
  /** Whether the client was accepted before. */
  readonly accepted: boolean;
  /** What can be said of the client's values without repeating them. */
  readonly given: string;
}

/** The error as a CredsetupError; RESPONSE_INVALID by `otherwise` for one that no row knows. The server's words are not repeated. */
export function tokenError(
  grant: GrantType, answer: { readonly error: string; readonly text: string },
  { title, about, accepted, given }: Asked, otherwise: (what: string) => CredsetupError,
): CredsetupError {
  const row = rows.find((one) => one.error === answer.error
    && (one.grant ?? grant) === grant && (one.accepted !== true || accepted) && (one.text?.test(answer.text) ?? true));
  const words = errorWords(answer.error);
  if (row === undefined) return otherwise(words === '' ? 'an error of its own' : `the error ${words}`);
  const named = (text: string): string => text.replaceAll('{title}', title).replace('{given}', given).replace(/^the /, 'The ');
  return new CredsetupError(row.code, named(row.message), {
    ...about, hint: named(row.hint), field: row.field,
    causes: row.causes?.map((cause) => ({ code: cause.code, message: named(cause.message), check: named(cause.check), fix: named(cause.fix) })),
  });
}

/** Whether the code was good but came too late, so that the sign-in can be started again at once. */
export function isCodeExpired(error: CredsetupError): boolean {
  return error.code === 'AUTHORIZATION_TIMEOUT' && error.details.causes?.[0]?.code === codeExpired.code;
}
