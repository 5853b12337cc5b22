/** One authorization request that is waited for: its start addresses, its cookie, and what answers it. */
import { randomBytes } from 'node:crypto';
import { readCallbackQuery, sameText, type CallbackParameters } from './callback-query.ts';
import type { TurnedAwayKind } from './turned-away.ts';

export interface ExpectedCallback {
  readonly authorizationUrl: string;
  /** At least 128 random bits (RFC 9700 §4.7). */
  readonly state: string;
  /** False when the authorization URL itself is printed and may be opened anywhere. Default true. */
  readonly cookie?: boolean | undefined;
}

export type Judgement = Exclude<CallbackParameters, { kind: 'refused' }> | { readonly kind: 'refused'; readonly why: TurnedAwayKind };

/** 256 bits. */
export const randomText = (): string => randomBytes(32).toString('base64url');

// 22 characters of base64url are 128 bits.
const shortestState = 22;

export class Attempt {
  readonly request: ExpectedCallback;
  /** Undefined when no cookie is asked for. */
  readonly cookie: string | undefined;
  readonly #starts = new Set<string>();
  #received = false;

  constructor(request: ExpectedCallback) {
    if (request.state.length < shortestState) throw new Error('state is too short to be a secret');
    this.request = request;
    this.cookie = request.cookie === false ? undefined : randomText();
  }

  /** A new one-time path. */
  newStart(): string {
    const path = `/start/${randomText()}`;
    this.#starts.add(path);
    return path;
  }

  /** True once for every path that was given out. */
  useStart(path: string): boolean {
    const given = [...this.#starts].find((one) => sameText(path, one));
    return given !== undefined && this.#starts.delete(given);
  }

  /** `state` first, then the cookie, then whether there was one before: who does not know them learns nothing. */
  judge(query: string, cookies: readonly string[]): Judgement {
    const parameters = readCallbackQuery(query, this.request.state);
    if (parameters.kind === 'refused' && parameters.why === 'wrong-state') return parameters;
    const { cookie } = this;
    if (cookie !== undefined && !cookies.some((given) => sameText(given, cookie))) return { kind: 'refused', why: 'missing-cookie' };
    if (this.#received) return { kind: 'refused', why: 'already-received' };
    this.#received = parameters.kind !== 'refused';
    return parameters;
  }
}
