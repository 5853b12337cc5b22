/** What a service describes of its OAuth2, as data for the core's sign-in. Words are RFC 6749's. */
import type { ErrorCode } from '../errors.ts';
import type { HttpResponse } from '../context.ts';
import type { Warning } from '../credential.ts';
import type { Api, Values } from './api.ts';

/** A page that a person can end up on, from which nothing comes back to the redirect URI. */
export interface BrowserFailure {
  readonly id: string;
  /** What the browser shows, in plain words, for a list to choose from. */
  readonly seen: string;
  /** `errors[0].type` in a pasted page. */
  readonly types: readonly string[];
  /** Texts of the page in English; they only recognise, they never decide alone what is stored. */
  readonly texts: readonly RegExp[];
  /** Absent: nothing is wrong, or the page itself lets the person go on. */
  readonly code?: ErrorCode;
  readonly message: string;
  readonly hint: string;
  /** The stage that repairs it. 'wait' goes on waiting, 'redirect-uri' compares the registered one first. */
  readonly repair: 'wait' | 'sign-in' | 'redirect-uri' | 'client-id' | 'inspect' | 'role';
}

export interface OAuth {
  readonly authorizationEndpoint: (base: string) => string;
  readonly tokenEndpoint: (base: string) => string;
  /** The service's token answers with the members that RFC 6749 §5.1 and §5.2 name. */
  readonly repair: (answer: HttpResponse) => Readonly<Record<string, unknown>>;
  /** The page where the client's redirect URIs are registered. */
  readonly clientsPage: (base: string) => string;
  /** Where a person signs out of the service's pages. */
  readonly signOutPage: (base: string) => string;
  readonly browserFailures: readonly BrowserFailure[];
  /** What to ask an admin for when the account's role keeps it from signing in. */
  readonly roleTask: string;
  /** Days that a refresh token lives unused, by default; the server does not tell. */
  readonly refreshTokenDays: number;
  /** Days without use from which the end is announced. */
  readonly warnAfterDays: number;
  /** How long a code can be exchanged, in seconds. */
  readonly codeSeconds: number;
  /** Which of the values are swapped or cut; a sentence, with the field to ask again. */
  readonly clientProblem: (values: Values) => { readonly field: string; readonly message: string } | undefined;
  /** What the client may do by itself, whoever signs in with it. */
  readonly clientWarnings: (api: Api, clientAccessToken: string) => Promise<readonly Warning[]>;
  /** Codes of `clientWarnings`; validating again keeps them, for the client stays. */
  readonly clientWarningCodes: readonly string[];
  /** What choosing the client-credentials grant means. */
  readonly clientCredentialsWarnings: readonly Warning[];
}
