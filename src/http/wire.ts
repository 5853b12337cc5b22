/** A request as it goes over the wire: path, headers, body. */
import type { HttpRequest } from '../context.ts';
import { CredsetupError } from '../errors.ts';

export interface WireRequest {
  readonly method: HttpRequest['method'];
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/**
 * Throws INPUT_INVALID for a header that HTTP cannot carry, before any library sees it: undici's
 * own message repeats the value (measured: `Headers.append: "Bearer ..." is an invalid header value`).
 */
export function wireRequest(request: HttpRequest, url: URL): WireRequest {
  const { body, type } = bodyOf(request);
  const given = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  const headers = Object.fromEntries([
    ['accept', '*/*'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['user-agent', 'credsetup'],
    ...(type === undefined ? [] : [['content-type', type] as const]),
    ...given,
  ] as const);
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value);
  return { method: request.method, origin: url.origin, path: `${url.pathname}${url.search}`, headers, body };
}

function bodyOf(request: HttpRequest): { body: string | undefined; type: string | undefined } {
  if (request.json !== undefined) return { body: JSON.stringify(request.json), type: 'application/json' };
  if (request.form !== undefined) {
    return { body: new URLSearchParams(pairsOf(request.form)).toString(), type: 'application/x-www-form-urlencoded' };
  }
  return { body: undefined, type: undefined };
}

/** A name may come several times in a list. */
function pairsOf(form: NonNullable<HttpRequest['form']>): [string, string][] {
  return isList(form) ? form.map(([name, value]) => [name, value]) : Object.entries(form);
}

function isList(form: NonNullable<HttpRequest['form']>): form is readonly (readonly [string, string])[] {
  return Array.isArray(form);
}

// RFC 9110 §5.5: visible ASCII, spaces and tabs. Bytes above 127 are allowed there as "opaque
// data", but servers disagree about them, and a pasted no-break space is one of them.
const carried = /^[\t\x20-\x7e]*$/;
const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

function checkHeader(name: string, value: string): void {
  if (token.test(name) && carried.test(value)) return;
  const where = token.test(name) ? `The value for the header ${name}` : 'A header name';
  throw new CredsetupError('INPUT_INVALID', `${where} holds ${foreignCharacter(value)}, which HTTP cannot carry; nothing was sent.`, {
    hint: 'Copy the value once more, without what stands around it. Text from a web page or a chat often brings invisible characters along.',
  });
}

function foreignCharacter(value: string): string {
  if (/[\r\n]/.test(value)) return 'a line break';
  if (/[^\x80-\u{10ffff}\t\x20-\x7e]/u.test(value)) return 'a control character';
  return 'a character outside ASCII (a letter with an accent, a no-break or zero-width space)';
}
