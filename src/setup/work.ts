/**
 * What a set-up has open at a service while it makes a secret there: sessions, requests on their
 * way, and what must be taken back. All of it is ended on every path out, a stop included.
 */
import type { Context, HttpClient } from '../context.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Change, Making, Session, Way } from '../services/making.ts';
import type { Api } from '../services/service.ts';
import { apiOf } from './connection.ts';
import { known, type Draft } from './draft.ts';

export interface Work {
  way: Way | undefined;
  /** Who makes. */
  session: Session | undefined;
  /** Who repairs, when somebody else does. */
  admin: Session | undefined;
  /** Whether the person signs in by a password or gives an admin's token. */
  by?: 'password' | 'token';
  codeWanted: boolean;
  expiryWanted: boolean;
  /** Agreed to by a typed word or by the option; done last. */
  readonly changes: Change[];
  /** The requests that are on their way: they are let to their end before anything is taken back. */
  pending: Promise<unknown>;
  http?: HttpClient;
}

/** The draft's work, begun when first asked for. */
export function workOf(draft: Draft): Work {
  return draft.work ??= { way: undefined, session: undefined, admin: undefined, codeWanted: false, expiryWanted: false, changes: [], pending: Promise.resolve() };
}

/** How this method's secret is made. A stage that needs it stands only where it can. */
export function makingOf(draft: Draft): Making {
  return known(draft.method?.making, 'making');
}

/**
 * Whoever holds a password or changes a server must know whom they talk to. Throws USAGE.
 * Security: passwords, codes and repairs never go over unchecked TLS.
 */
export function checkTrusted(base: string | undefined, options: { readonly ignoreSslIssues: boolean }, isLoopback: (hostname: string) => boolean): void {
  const url = base === undefined || !URL.canParse(base) ? undefined : new URL(base);
  const clear = url?.protocol === 'http:' && !isLoopback(url.hostname);
  if (!options.ignoreSslIssues && !clear) return;
  const option = options.ignoreSslIssues ? '--ignore-ssl-issues' : '--allow-http';
  throw new CredsetupError('USAGE', `A password, a multi-factor code or an admin's token is never sent over ${clear ? 'a connection that is not encrypted' : 'TLS that is not checked'} (${option}).`, {
    url: base, hint: clear ? 'Use the https:// address of the server, or make the token in its pages and give that.' : 'Leave --ignore-ssl-issues out and trust the server\'s authority with --ca-file FILE, or make the token in its pages and give that.',
  });
}

/** An Api whose requests are let to their end when the run is stopped. */
export async function workApi(draft: Draft): Promise<Api> {
  const work = workOf(draft);
  const { proxy, timeout } = draft.options;
  work.http ??= await draft.context.http({ proxy, timeout, outlivesStop: true });
  return apiOf(known(draft.base, 'address'), work.http, draft.connection);
}

/** One step at the server: nothing new is begun after a stop, and what was begun is waited for by `endWork`. */
export async function step<T>(draft: Draft, message: string, task: (api: Api) => Promise<T>): Promise<T> {
  const work = workOf(draft);
  const api = await workApi(draft);
  draft.context.signal.throwIfAborted();
  const running = task(api);
  work.pending = running.catch((error: unknown) => error);
  const result = await (draft.terminal?.busy(message, () => running) ?? running);
  draft.context.signal.throwIfAborted();
  return result;
}

/** Ends every login that this run opened. Never throws: what could not be ended is told. */
export async function endWork(draft: Draft): Promise<void> {
  const { work } = draft;
  if (work === undefined) return;
  await work.pending;
  await endSession(draft, 'admin');
  await endSession(draft, 'session');
}

/** Ends one login now. */
export async function endSession(draft: Draft, which: 'admin' | 'session'): Promise<void> {
  const work = workOf(draft);
  const session = work[which];
  work[which] = undefined;
  if (session?.isLogin !== true) return;
  try {
    await makingOf(draft).signOut(await workApi(draft), session);
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    tellOpenLogin(draft.context, session, error);
  }
}

function tellOpenLogin({ output }: Context, session: Session, error: CredsetupError): void {
  output.warn(`  ${output.style.caution('!')} The sign-in of ${session.account.username} could not be ended (${error.code}): ${error.message}`);
  output.warn('    End it yourself: your picture > Profile > Security > View and Log Out of Active Sessions.');
}
