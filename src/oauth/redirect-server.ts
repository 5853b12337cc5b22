/**
 * The redirect server of one sign-in (RFC 8252 §7.3): gives the redirect URI, sends the browser on
 * its way, and takes exactly one callback. Whatever else comes is turned away and the wait goes on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { CredsetupError } from '../errors.ts';
import { Attempt, randomText, type ExpectedCallback } from './attempt.ts';
import { callbackUrlOf } from './callback-query.ts';
import { defaultLimits, listen, type Limits, type Listening, type LoopbackHost } from './listening.ts';
import { ResultPage, sendPage, sendRedirect } from './page-response.ts';
import type { Outcome } from './redirect-page.ts';
import { describeCounts, turnedAway, usedStart, type Counts, type TurnedAwayKind } from './turned-away.ts';

export type { ExpectedCallback, Outcome };

/** Tried in this order at the first set-up. */
export const defaultPorts: readonly number[] = [18265, 18266, 18267, 18268, 18269];

export interface RedirectServerOptions {
  /** The one port, or several to try in order. Default: defaultPorts. */
  readonly ports?: readonly number[] | undefined;
  /** The redirect URI holds the same literal; RFC 8252 §8.3: never `localhost`. Default 127.0.0.1. */
  readonly host?: LoopbackHost | undefined;
  /** Ends the server, and the wait, which throws its reason. */
  readonly signal: AbortSignal;
  /** Gets the code, the cookie, and `state` where a cookie is asked for (otherwise it is printed). */
  readonly protect?: ((secret: string) => void) | undefined;
  /** Masks secrets in what the page says. */
  readonly redact?: ((text: string) => string) | undefined;
  /** One line a request: its kind, and nothing that it brought. */
  readonly debug?: ((line: string) => void) | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** How long `finish` waits for the browser to fetch the page. Default 3000. */
  readonly pageMs?: number | undefined;
}

interface Finish {
  /**
   * Shows the page, for which the browser waits: call it with the result of the token request.
   * Resolves when the browser has the page or a short time has passed; never rejects.
   */
  readonly finish: (outcome: Outcome) => Promise<void>;
}

/** `callbackUrl` holds code and state alone. */
export type Callback = Finish & (
  | { readonly kind: 'code'; readonly code: string; readonly callbackUrl: string }
  | { readonly kind: 'error'; readonly error: string; readonly errorDescription: string });

export interface RedirectServer {
  readonly port: number;
  /** `http://127.0.0.1:PORT/callback`. */
  readonly redirectUri: string;
  /**
   * From now on this authorization request is waited for, and no earlier one. `startUrl` works
   * once; with the cookie, the browser that opened it must be the one that brings the callback.
   */
  expect(request: ExpectedCallback): { readonly startUrl: string };
  /** Another start address for the same request, to open the page once more. */
  startAgain(): { readonly startUrl: string };
  /**
   * Throws AUTHORIZATION_TIMEOUT, which says what was turned away, or the signal's reason. Waiting
   * again is fine: what came in between is not lost.
   */
  waitForCallback(options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined }): Promise<Callback>;
  /** How many were turned away so far, by kind. */
  readonly counts: Counts;
  /** Ends every connection at once; the port is free when it resolves. Safe to call twice. */
  close(): Promise<void>;
}

/** Listens before it resolves. Throws PORT_IN_USE, or the signal's reason. */
export async function startRedirectServer(options: RedirectServerOptions): Promise<RedirectServer> {
  const { host = '127.0.0.1', signal } = options;
  signal.throwIfAborted();
  const ready: { signIn?: SignIn } = {};
  const listening = await listen((request, response) => ready.signIn?.answer(request, response), {
    ports: options.ports ?? defaultPorts, host, limits: { ...defaultLimits, ...options.limits },
  });
  ready.signIn = new SignIn(options, listening, host);
  if (signal.aborted) {
    await listening.close();
    signal.throwIfAborted();
  }
  return ready.signIn;
}

const longestTimer = 2 ** 31 - 1;
const defaultPageMs = 3000;

class SignIn implements RedirectServer {
  readonly port: number;
  readonly redirectUri: string;
  readonly counts: Partial<Record<TurnedAwayKind, number>> = {};
  readonly #options: RedirectServerOptions;
  readonly #listening: Listening;
  readonly #origin: string;
  readonly #cookieName: string;
  readonly #ended = new AbortController();
  readonly #results: ResultPage[] = [];
  readonly #waiters = new Set<(callback: Callback) => void>();
  readonly #stop = (): void => void this.close();
  #attempt: Attempt | undefined;
  #callback: Callback | undefined;

  constructor(options: RedirectServerOptions, listening: Listening, host: LoopbackHost) {
    this.#options = options;
    this.#listening = listening;
    this.port = listening.port;
    // By URL, which leaves port 80 out as browsers do in Host.
    this.#origin = new URL(`http://${host === '::1' ? '[::1]' : host}:${listening.port}`).origin;
    this.redirectUri = `${this.#origin}/callback`;
    // Cookies are shared by all ports of a host.
    this.#cookieName = `credsetup-${listening.port}`;
    options.signal.addEventListener('abort', this.#stop, { once: true });
  }

  expect(request: ExpectedCallback): { readonly startUrl: string } {
    this.#attempt = new Attempt(request);
    this.#callback = undefined;
    const { cookie } = this.#attempt;
    if (cookie !== undefined) {
      this.#options.protect?.(cookie);
      this.#options.protect?.(request.state);
    }
    return this.startAgain();
  }

  startAgain(): { readonly startUrl: string } {
    if (this.#attempt === undefined) throw new Error('no authorization request is expected');
    return { startUrl: this.#origin + this.#attempt.newStart() };
  }

  async waitForCallback({ timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined }): Promise<Callback> {
    const stopped = AbortSignal.any([this.#options.signal, this.#ended.signal, ...(signal === undefined ? [] : [signal])]);
    stopped.throwIfAborted();
    if (this.#callback !== undefined) return this.#callback;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        stopped.removeEventListener('abort', stop);
        this.#waiters.delete(arrived);
      };
      const arrived = (callback: Callback): void => {
        leave();
        resolve(callback);
      };
      const fail = (reason: unknown): void => {
        leave();
        reject(reason instanceof Error ? reason : new Error('stopped'));
      };
      const stop = (): void => fail(stopped.reason);
      const timer = setTimeout(() => fail(this.#timeout(timeoutMs)), Math.min(timeoutMs, longestTimer));
      stopped.addEventListener('abort', stop, { once: true });
      this.#waiters.add(arrived);
    });
  }

  async close(): Promise<void> {
    const { signal } = this.#options;
    signal.removeEventListener('abort', this.#stop);
    this.#ended.abort(signal.aborted ? signal.reason : new CredsetupError('CANCELLED', 'The sign-in was stopped.', { hint: 'Start it again when you are ready.' }));
    await this.#listening.close();
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const refusal = refuse(request, this.#origin);
    if (refusal !== undefined) {
      this.#turnAway(response, refusal);
      return;
    }
    const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
    const result = this.#results.find((one) => one.path === path);
    if (path === '/callback') this.#takeCallback(query, request, response);
    else if (path.startsWith('/start/')) this.#start(path, response);
    else if (result !== undefined) result.answer(response);
    // Browsers ask for it by themselves: no sign of anything wrong.
    else if (path === '/favicon.ico') sendPage(response, 404, turnedAway['wrong-path'].page);
    else this.#turnAway(response, 'wrong-path');
  }

  /** The browser goes on to the service; so the authorization URL stands in no process list. */
  #start(path: string, response: ServerResponse): void {
    const attempt = this.#attempt;
    if (attempt?.useStart(path) !== true) {
      this.#options.debug?.(`redirect server: a start address that is not open, ${usedStart.status}`);
      sendPage(response, usedStart.status, usedStart.page);
      return;
    }
    this.#options.debug?.('redirect server: a browser started');
    const { cookie, request } = attempt;
    sendRedirect(response, request.authorizationUrl, cookie === undefined ? {} : { 'set-cookie': this.#setCookie(cookie, 3600) });
  }

  #takeCallback(query: string, request: IncomingMessage, response: ServerResponse): void {
    const attempt = this.#attempt;
    if (attempt === undefined) {
      this.#turnAway(response, 'too-early');
      return;
    }
    const judgement = attempt.judge(query, cookiesOf(request, this.#cookieName));
    if (judgement.kind === 'refused') {
      this.#turnAway(response, judgement.why);
      return;
    }
    this.#options.debug?.(`redirect server: accepted, ${judgement.kind}`);
    const result = new ResultPage(randomText());
    this.#results.push(result);
    // The code leaves the address bar and the history at once (RFC 9700 §4.2.4).
    sendRedirect(response, result.path, attempt.cookie === undefined ? {} : { 'set-cookie': this.#setCookie('', 0) });
    this.#arrive(judgement, attempt, result);
  }

  #arrive(judgement: { readonly kind: 'code'; readonly code: string } | { readonly kind: 'error'; readonly error: string; readonly errorDescription: string }, { request }: Attempt, result: ResultPage): void {
    const finish = async (outcome: Outcome): Promise<void> => {
      const { redact = (text: string) => text, pageMs = defaultPageMs } = this.#options;
      await result.finish(outcome.ok ? outcome : { ok: false, message: redact(outcome.message) }, pageMs, this.#ended.signal);
    };
    if (judgement.kind === 'code') {
      this.#options.protect?.(judgement.code);
      this.#callback = { ...judgement, callbackUrl: callbackUrlOf(this.redirectUri, judgement.code, request.state), finish };
    } else {
      this.#callback = { ...judgement, finish };
    }
    for (const arrived of this.#waiters) arrived(this.#callback);
  }

  #turnAway(response: ServerResponse, kind: TurnedAwayKind): void {
    const { status, page } = turnedAway[kind];
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    this.#options.debug?.(`redirect server: turned away, ${kind}, ${status}`);
    sendPage(response, status, page, kind === 'wrong-method' ? { allow: 'GET' } : {});
  }

  #setCookie(value: string, seconds: number): string {
    return `${this.#cookieName}=${value}; Path=/callback; Max-Age=${seconds}; HttpOnly; SameSite=Lax`;
  }

  #timeout(milliseconds: number): CredsetupError {
    const counts = describeCounts(this.counts);
    return new CredsetupError('AUTHORIZATION_TIMEOUT', `Nobody signed in within ${Math.round(milliseconds / 1000)} s: nothing came back to ${this.redirectUri}.${counts === '' ? '' : ` ${counts}`}`, {
      hint: 'Look at what the browser shows: most failures of a sign-in are said there and nowhere else. More time: --login-timeout SECONDS.',
    });
  }
}

/** What no request of a browser on its way back looks like. DNS rebinding shows in Host, a foreign page's script in Origin. */
function refuse({ method, rawHeaders, headers }: IncomingMessage, origin: string): TurnedAwayKind | undefined {
  // node keeps the first of several Host headers (RFC 9112 §3.2 wants one).
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts !== 1 || headers.host !== new URL(origin).host) return 'wrong-host';
  if (headers.origin !== undefined && headers.origin !== origin) return 'foreign-origin';
  return method === 'GET' ? undefined : 'wrong-method';
}

function splitOnce(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The values of every cookie of that name: another program of this host may have set one too. */
function cookiesOf({ headers }: IncomingMessage, name: string): string[] {
  return (headers.cookie ?? '').split(';').flatMap((pair) => {
    const [key = '', value = ''] = splitOnce(pair.trim(), '=');
    return key === name ? [value] : [];
  });
}
