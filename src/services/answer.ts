/** Reading a service's answers without trusting them. */
import type { HttpResponse } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import type { Api } from './api.ts';

export function isJson(response: HttpResponse): boolean {
  return (response.header('content-type') ?? '').includes('json');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a table of ours says of a foreign word: `constructor` and `__proto__` are members of every object, and of no table. */
export function ownMember<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

/** A string member on one line, or '' when it is absent or something else: no name has lines, and a second one could look like ours. */
export function textOf(object: Record<string, unknown>, key: string): string {
  return typeof object[key] === 'string' ? oneLine(object[key]) : '';
}

/** Every run of line ends as a space, and half of a character, which no file and no address can hold, as U+FFFD. */
export function oneLine(text: string): string {
  return text.replace(/[\r\n\u0085\p{Zl}\p{Zp}]+/gu, ' ').replace(/\p{Cs}/gu, '\ufffd');
}

/** Longer than any name or address that a service gives; what is kept has an end. */
const longestName = 500;

/** What somebody or something is called, on one line and cut where no name is that long. */
export function nameOf(text: unknown): string {
  return typeof text === 'string' ? Array.from(oneLine(text.slice(0, longestName * 8))).slice(0, longestName).join('') : '';
}

/** The server's clock when it answered (RFC 9110 §6.6.1, whole seconds); undefined where the header is missing or no time. */
export function timeOf(response: HttpResponse): Date | undefined {
  const at = Date.parse(response.header('date') ?? '');
  return Number.isNaN(at) ? undefined : new Date(at);
}

/** GET with an Authorization header when one is given. */
export function get(api: Api, path: string, authorization?: string): Promise<HttpResponse> {
  return api.send({ method: 'GET', path, ...(authorization === undefined ? {} : { headers: { authorization } }) });
}

/** RESPONSE_INVALID: the address was proved to be the service, and then answered something else. */
export function invalidAnswer(api: Api, service: { readonly id: string; readonly title: string }, what: string): CredsetupError {
  return new CredsetupError('RESPONSE_INVALID', `${api.base} answered something else than ${service.title} does when it is asked for ${what}.`, {
    hint: `Open the address in a browser. If ${service.title} is there, something between you and it changes its answers: ask its admin about a proxy or firewall in front of it.`,
    service: service.id, url: api.base,
  });
}

/** A value that a request needs, by its key. Its absence is a fault of ours: an empty one must never be sent. */
export function presentedValue(values: Readonly<Record<string, string | undefined>>, key: string): string {
  const value = values[key];
  if (value === undefined || value === '') throw new Error(`a request needs the ${key}`);
  return value;
}
