/** The callback's address, pasted by a person whose browser is on another machine. */
import { CredsetupError } from '../errors.ts';
import { callbackError } from './callback-error.ts';
import { callbackUrlOf, readCallbackQuery } from './callback-query.ts';

export interface PastedCallback {
  readonly kind: 'code';
  readonly code: string;
  readonly callbackUrl: string;
}

const maxLength = 8192;

/**
 * Reads what was pasted. Line ends, spaces and invisible characters in it are taken out, since
 * terminals and mail programs wrap; a missing `http://` and `&amp;` are forgiven. Throws
 * INPUT_INVALID, or the code of the error that it carries, always with the field `callback`.
 */
export function readPastedCallback(text: string, { redirectUri, state }: { readonly redirectUri: string; readonly state: string }): PastedCallback {
  const address = cleaned(text);
  if (address === '') throw invalid('Nothing was pasted.', redirectUri);
  if (address.length > maxLength) throw invalid(`What was pasted has ${address.length} characters; the address is shorter.`, redirectUri);
  const query = queryOf(address, new URL(redirectUri));
  if (/%[0-9a-f]?$/i.test(query)) throw cut(redirectUri);
  const parameters = readCallbackQuery(query, state);
  if (parameters.kind === 'code') return { kind: 'code', code: parameters.code, callbackUrl: callbackUrlOf(redirectUri, parameters.code, state) };
  if (parameters.kind === 'error') throw callbackError(parameters).with({ field: 'callback' });
  throw explain(parameters.why, query, state, redirectUri);
}

function cleaned(text: string): string {
  return text.replace(/[\s\p{C}\p{Z}]+/gu, '').replace(/^[<"'`(]+|(?<![>"'`)])[>"'`)]+$/g, '').replaceAll('&amp;', '&');
}

/** The query of an address that is the redirect URI's; throws for every other. */
function queryOf(address: string, redirectUri: URL): string {
  const withScheme = address.toLowerCase().startsWith(redirectUri.host.toLowerCase()) ? `${redirectUri.protocol}//${address}` : address;
  if (!/^https?:\/\//i.test(withScheme) || !URL.canParse(withScheme)) throw invalid('What was pasted is not an address.', redirectUri.href);
  const url = new URL(withScheme);
  if (url.origin !== redirectUri.origin) throw invalid(`This is an address of ${url.host}, not the one that the browser could not reach.`, redirectUri.href);
  if (url.pathname !== redirectUri.pathname) throw invalid('This is another page than the one that the sign-in ends at.', redirectUri.href);
  return url.search.slice(1);
}

function explain(why: 'wrong-state' | 'repeated-parameter' | 'malformed', query: string, state: string, redirectUri: string): CredsetupError {
  if (why === 'repeated-parameter') return invalid('A part of the address stands in it twice.', redirectUri);
  if (why === 'malformed') return cut(redirectUri);
  const given = new URLSearchParams(query).get('state') ?? '';
  // Cut anywhere, the rest of `state` is missing; another attempt's differs from the beginning.
  if (state.startsWith(given)) return cut(redirectUri);
  return invalid('This address comes from another sign-in than the one that is waited for.', redirectUri,
    'Use the newest tab, or start the sign-in again and paste the address that it ends at.');
}

function cut(redirectUri: string): CredsetupError {
  return invalid('The address is not whole: something is missing in it.', redirectUri, 'Copy it once more from the browser\'s address bar: click into the bar, select all, copy.');
}

function invalid(message: string, redirectUri: string, hint = `Paste the whole address of the page that the browser could not open. It begins with ${redirectUri}?`): CredsetupError {
  return new CredsetupError('INPUT_INVALID', message, { field: 'callback', hint });
}
