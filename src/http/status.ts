/** What a status means at every service: later, or somewhere else. */
import type { HttpResponse } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { placeOf } from './address.ts';

const serverErrors: Readonly<Record<number, { readonly what: string; readonly hint: string }>> = {
  500: { what: 'the server failed (500 Internal Server Error)', hint: 'The reason stands in the server\'s own log. Try again, or ask who runs it.' },
  502: { what: 'the gateway in front got no usable answer from the service (502 Bad Gateway)', hint: 'The service behind it is probably down or starting. Try again in a minute.' },
  503: { what: 'the service is unavailable (503 Service Unavailable)', hint: 'It may be starting, overloaded or in maintenance. Try again in a minute.' },
  504: { what: 'the gateway in front waited too long for the service (504 Gateway Timeout)', hint: 'The service behind it is slow or stuck. Try again in a minute.' },
};

/** Where a 3xx answer points to, absolute; undefined when it points nowhere. */
export function redirectTarget(answer: HttpResponse): URL | undefined {
  const location = answer.header('location');
  if (answer.status < 300 || answer.status > 399 || location === undefined) return undefined;
  const target = URL.canParse(location, answer.url) ? new URL(location, answer.url) : undefined;
  return target?.protocol === 'http:' || target?.protocol === 'https:' ? target : undefined;
}

/**
 * A redirect in answer to a call: the address was right when it was found, and has moved since. What
 * the request carried was not sent on.
 */
function redirected(from: URL, target: URL): CredsetupError {
  const moved = target.origin === from.origin ? `${target.origin}${target.pathname}` : target.origin;
  return new CredsetupError('REDIRECTED', `${from.origin} redirects a request to ${foreign(moved)} instead of answering it; it was not followed.`, {
    field: 'url', location: moved,
    hint: `Open ${foreign(moved)} in your browser: if the service has moved there, give that address (a stored credential's: credsetup edit NAME --url ${foreign(target.origin)}). If a sign-in page is there, it stands in front of the service, and the admin must let requests with a credential through. n8n does not keep the credential across a redirect either.`,
  });
}

/**
 * Throws REDIRECTED (with `location`), RATE_LIMITED for 429 (with the server's Retry-After, when it is seconds or a date) and
 * SERVER_ERROR for 500 and above; returns otherwise. RFC 6585 §4, RFC 9110 §10.2.3, §15.6.
 */
export function throwForStatus(response: HttpResponse, { toN8n = false }: { readonly toN8n?: boolean } = {}): void {
  const from = new URL(response.url);
  const target = redirectTarget(response);
  // Within one address another page is none of a move: a sign-in page, most likely.
  if (target !== undefined && (target.origin !== from.origin || target.pathname.endsWith(from.pathname))) throw redirected(from, target);
  const { at } = placeOf(from);
  if (response.status === 429) {
    const wait = retryAfter(response.header('retry-after'));
    throw new CredsetupError('RATE_LIMITED', `${at} says that too many requests came (429${wait === undefined ? '' : `, Retry-After: ${wait}`}).`, {
      hint: `Try again ${wait ?? 'in a few minutes'}. Trying earlier can make the wait longer${toN8n ? '' : ', for n8n at the same address too'}.`,
    });
  }
  if (response.status < 500) return;
  const known = serverErrors[response.status];
  throw new CredsetupError('SERVER_ERROR', `${at}: ${known?.what ?? `the server failed (status ${response.status})`}.`, {
    hint: `${known?.hint ?? 'Try again, or ask who runs the server.'}${toN8n ? '' : ' n8n gets the same answer from it.'}`,
  });
}

function retryAfter(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return `in ${Number(value)} s`;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : `after ${new Date(date).toISOString()}`;
}
