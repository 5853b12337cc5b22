/** The two kinds of status that mean "later" at every service. */
import type { HttpResponse } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { placeOf } from './address.ts';

const serverErrors: Readonly<Record<number, { readonly what: string; readonly hint: string }>> = {
  500: { what: 'the server failed (500 Internal Server Error)', hint: 'The reason stands in the server\'s own log. Try again, or ask who runs it.' },
  502: { what: 'the gateway in front got no usable answer from the service (502 Bad Gateway)', hint: 'The service behind it is probably down or starting. Try again in a minute.' },
  503: { what: 'the service is unavailable (503 Service Unavailable)', hint: 'It may be starting, overloaded or in maintenance. Try again in a minute.' },
  504: { what: 'the gateway in front waited too long for the service (504 Gateway Timeout)', hint: 'The service behind it is slow or stuck. Try again in a minute.' },
};

/**
 * Throws RATE_LIMITED for 429 (with the server's Retry-After, when it is seconds or a date) and
 * SERVER_ERROR for 500 and above; returns otherwise. RFC 6585 §4, RFC 9110 §10.2.3, §15.6.
 */
export function throwForStatus(response: HttpResponse): void {
  const { at } = placeOf(new URL(response.url));
  if (response.status === 429) {
    const wait = retryAfter(response.header('retry-after'));
    throw new CredsetupError('RATE_LIMITED', `${at} says that too many requests came (429${wait === undefined ? '' : `, Retry-After: ${wait}`}).`, {
      hint: `Try again ${wait ?? 'in a few minutes'}. Trying earlier can make the wait longer, for n8n at the same address too.`,
    });
  }
  if (response.status < 500) return;
  const known = serverErrors[response.status];
  throw new CredsetupError('SERVER_ERROR', `${at}: ${known?.what ?? `the server failed (status ${response.status})`}.`, {
    hint: `${known?.hint ?? 'Try again, or ask who runs the server.'} n8n gets the same answer from it.`,
  });
}

function retryAfter(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return `in ${Number(value)} s`;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : `after ${new Date(date).toISOString()}`;
}
