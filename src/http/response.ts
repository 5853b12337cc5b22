/** An answer as callers see it, and what may be said about it in the debug log. */
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { promisify } from 'node:util';
import type { HttpResponse } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { placeOf } from './address.ts';
import type { Answer, Headers } from './exchange.ts';
import { LimitFailure } from './failure.ts';

type Unpack = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const decoders: Readonly<Record<string, Unpack>> = {
  'gzip': promisify(gunzip),
  'x-gzip': promisify(gunzip),
  'deflate': promisify(inflate),
  'br': promisify(brotliDecompress),
};

/** A Content-Encoding that cannot be undone. Carries zlib's code for a stream that is no such thing. */
export class EncodingFailure extends Error {
  readonly code = 'Z_DATA_ERROR';
}

/**
 * The body's text (UTF-8), unpacked to at most `limit` bytes. Throws EncodingFailure, and a
 * LimitFailure for a body that grows beyond the limit (a small one can grow a thousandfold).
 */
export async function textOf({ headers, body }: Answer, limit: number): Promise<string> {
  let bytes = body;
  const encodings = (headerOf(headers, 'content-encoding') ?? '').toLowerCase().split(',').map((name) => name.trim());
  for (const encoding of encodings.filter((name) => name !== '' && name !== 'identity').reverse()) {
    const unpack = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
    if (unpack === undefined) throw new EncodingFailure('unknown encoding');
    if (bytes.length > 0) bytes = await unpack(bytes, { maxOutputLength: limit }).catch(asFailure);
  }
  return new TextDecoder().decode(bytes);
}

function asFailure(error: unknown): never {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw new LimitFailure('size');
  throw new EncodingFailure('not unpackable');
}

/** Several headers of one name are joined by a comma (RFC 9110 §5.3), Set-Cookie ones by a line feed. */
function headerOf(headers: Headers, name: string): string | undefined {
  const lower = name.toLowerCase();
  const value = headers[lower];
  return Array.isArray(value) ? value.join(lower === 'set-cookie' ? '\n' : ', ') : value;
}

/** An answer whose body was read. `url` is the request's; redirects are never followed. */
export function createResponse(url: URL, { status, headers }: Answer, text: string): HttpResponse {
  // Several ask an answer what it holds.
  let body: { readonly value: unknown } | undefined;
  return {
    url: url.href,
    status,
    text,
    header: (name) => headerOf(headers, name),
    json: () => (body ??= { value: parseBody(url, status, text, headerOf(headers, 'content-type')) }).value,
  };
}

function parseBody(url: URL, status: number, text: string, type: string | undefined): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // The parser's message quotes the body: it is not passed on.
    const kind = error instanceof SyntaxError ? fault(text) : 'unreadable';
    const what = `status ${status}, ${printable(type)}, ${text.length} characters`;
    throw new CredsetupError('RESPONSE_INVALID', `The answer of ${placeOf(url).at} should be JSON and is ${kind} (${what}).`, {
      hint: text.trimStart().startsWith('<')
        ? 'A web page came instead: check the address and its folder, or whether a sign-in page, a firewall or a gateway stands in front. n8n would get the same page.'
        : 'Check that the address is the service itself and try again; look into its log if it happens each time. n8n would get the same answer.',
    });
  }
}

function fault(text: string): string {
  const body = text.trim();
  if (body === '') return 'empty';
  if (body.startsWith('<')) return 'a web page';
  return /^[{[]/.test(body) && !/[}\]]$/.test(body) ? 'cut short' : 'not';
}

function printable(type: string | undefined): string {
  return type === undefined ? 'no content type' : (/^[\w.+/;= -]{1,80}$/.test(type) ? foreign(type) : 'a strange content type');
}

// ---------------------------------------------------------------- the debug log

/** `https://host/path?a&b`: the origin, the path, and the names of the query without their values. */
export function loggable(url: URL): string {
  const names = [...new Set(url.searchParams.keys())].map(identifier);
  return `${url.origin}${url.pathname}${names.length === 0 ? '' : `?${names.join('&')}`}`;
}

/** One line about an answer: its shape, never its contents (they may be a token). */
export function summary(response: HttpResponse, bytes: number): string {
  const { status, text } = response;
  const type = printable(response.header('content-type'));
  return [String(status), type, `${bytes} bytes`, ...(type.includes('json') ? shape(status, text) : [])].join(', ');
}

function shape(status: number, text: string): readonly string[] {
  const value = parsed(text);
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (!isRecord(first)) return [];
  const names = Object.keys(first).slice(0, 20).map(identifier).join(' ');
  const members = `members ${Array.isArray(value) ? `[${value.length}] ` : ''}${names}`;
  return status < 400 ? [members] : [members, ...errorIds(first).map((id) => `error ${id}`)];
}

/** Mattermost's `id`, OAuth's `error`, Mautic's `errors[].type` and `code`. */
function errorIds(body: Readonly<Record<string, unknown>>): readonly string[] {
  const list = Array.isArray(body['errors']) ? (body['errors'] as readonly unknown[]).filter(isRecord).slice(0, 3) : [];
  const ids = [body['id'], body['error'], ...list.flatMap((item) => [item['type'], item['code']])];
  return ids.filter((id) => typeof id === 'string' || typeof id === 'number').map((id) => identifier(String(id)));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    return error instanceof SyntaxError ? undefined : error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name that looks like one; anything else may be a value in the wrong place. */
function identifier(name: string): string {
  return /^[\w.:@[\]-]{1,64}$/.test(name) ? foreign(name) : '?';
}
