/** What stands in a callback's query, and whether it answers our authorization request. Pure. */
import { createHash, timingSafeEqual } from 'node:crypto';

/** RFC 6749 §4.1.2, §4.1.2.1. `refused`: it is no answer to this authorization request. */
export type CallbackParameters =
  | { readonly kind: 'code'; readonly code: string }
  | { readonly kind: 'error'; readonly error: string; readonly errorDescription: string }
  | { readonly kind: 'refused'; readonly why: 'wrong-state' | 'repeated-parameter' | 'malformed' };

const refused = (why: 'wrong-state' | 'repeated-parameter' | 'malformed'): CallbackParameters => ({ kind: 'refused', why });

// RFC 6749 appendix A.11 (code) and A.7 (error).
const codeForm = /^[\x20-\x7e]+$/;
const errorForm = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/;

/**
 * Reads a query (without its `?`). `state` is compared first: only who knows it may say anything,
 * an error included (RFC 9700 §4.7.1). A parameter that comes twice is refused (RFC 6749 §3.1).
 */
export function readCallbackQuery(query: string, state: string): CallbackParameters {
  const parameters = new URLSearchParams(query);
  const states = parameters.getAll('state');
  if (states.length > 1) return refused('repeated-parameter');
  if (!sameText(states[0] ?? '', state)) return refused('wrong-state');
  const names = [...parameters.keys()];
  if (new Set(names).size !== names.length) return refused('repeated-parameter');
  const code = parameters.get('code');
  const error = parameters.get('error');
  if (code !== null && error === null && codeForm.test(code)) return { kind: 'code', code };
  if (error !== null && code === null && errorForm.test(error)) {
    return { kind: 'error', error, errorDescription: readable(parameters.get('error_description') ?? '') };
  }
  return refused('malformed');
}

/** Equal or not, in a time that does not tell how much of it is equal. An empty text equals nothing. */
export function sameText(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected)) && expected !== '';
}

/** Somebody else's words: one line of visible characters, cut. */
export function readable(text: string): string {
  const visible = text.replace(/[\p{Z}\s]+/gu, ' ').replace(/\p{C}/gu, '').trim();
  return visible.length > 300 ? `${visible.slice(0, 300)}…` : visible;
}

/** The callback with what was checked and nothing else; unknown parameters are ignored (RFC 6749 §4.1.2). */
export function callbackUrlOf(redirectUri: string, code: string, state: string): string {
  return `${redirectUri}?${new URLSearchParams({ state, code }).toString()}`;
}
