/** What every call that a service describes is given, and what an anonymous look at the server tells. */
import type { HttpRequest, HttpResponse } from '../context.ts';
import type { Warning } from '../credential.ts';
import type { CredsetupError } from '../errors.ts';

/** Base URL plus path; how it is connected to is decided by the caller. Redirects are not followed. */
export interface Api {
  /** Without a trailing slash. */
  readonly base: string;
  send(request: Omit<HttpRequest, 'url'> & { readonly path: string }): Promise<HttpResponse>;
}

/** Field values by key, trimmed and checked for shape. */
export type Values = Readonly<Record<string, string>>;

/** What the live server tells about itself before any secret is sent. */
export interface ServerState {
  readonly version?: string;
  /** Switches by step id; absent = the server does not tell. */
  readonly done: Readonly<Record<string, boolean>>;
  /** A fault that makes every method fail, whatever is typed. */
  readonly fault?: CredsetupError;
  readonly warnings: readonly Warning[];
  /** For people, in a few words each: "the API is off". */
  readonly says: readonly string[];
}
