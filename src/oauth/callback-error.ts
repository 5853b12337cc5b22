/** An error that the service sent to the redirect URI (RFC 6749 §4.1.2.1) as a CredsetupError. */
import { CredsetupError, type ErrorCode } from '../errors.ts';
import { foreign } from '../foreign.ts';

const refusals: ReadonlyMap<string, { readonly code: ErrorCode; readonly message: string; readonly hint: string }> = new Map(Object.entries({
  access_denied: { code: 'AUTHORIZATION_DENIED', message: 'The sign-in was refused in the browser.', hint: 'Sign in once more and allow it.' },
  unauthorized_client: { code: 'CLIENT_REJECTED', message: 'The service does not let this client sign in this way.', hint: 'Make a client for OAuth 2 and give its Client ID and Client Secret.' },
  invalid_client: { code: 'CLIENT_REJECTED', message: 'The service does not accept this client.', hint: 'Copy Client ID and Client Secret again from the same client.' },
  redirect_uri_mismatch: { code: 'REDIRECT_URI_MISMATCH', message: 'The redirect URI is not registered for this client.', hint: 'Compare the registered one character by character.' },
  server_error: { code: 'SERVER_ERROR', message: 'The service failed while signing in.', hint: 'Try again, or ask who runs it.' },
  temporarily_unavailable: { code: 'SERVER_ERROR', message: 'The service cannot sign anybody in just now.', hint: 'Try again in a minute.' },
} as const));

/**
 * The error's name for a message. Those of RFC 6749 and its registry are words (`invalid_grant`); what
 * has digits and is no status may be anything that was put in their place, a token too.
 */
export function errorWords(error: string): string {
  return /^[a-z]+(?:[_.-][a-z]+)*(?:_\d{3})?$/i.test(error) && error.length <= 60 ? foreign(error) : '';
}

/** Call it only for an error whose `state` was right. The description is somebody else's words, cleaned. */
export function callbackError({ error, errorDescription }: { readonly error: string; readonly errorDescription: string }): CredsetupError {
  const known = refusals.get(error);
  if (known !== undefined) return new CredsetupError(known.code, known.message, { hint: known.hint });
  const what = errorWords(error) || 'an error of its own';
  const words = errorDescription === '' ? '' : ` The service says: "${foreign(errorDescription)}"`;
  return new CredsetupError('AUTHORIZATION_DENIED', `The service ended the sign-in (${what}).${words}`, { hint: 'Sign in once more. If it happens again, ask the admin what its log says.' });
}
