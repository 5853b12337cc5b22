import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputs } from '../generated.ts';
import { isCredsetupError } from '../../src/errors.ts';
import { withoutMarks } from '../../src/foreign.ts';
import { callbackError } from '../../src/oauth/callback-error.ts';
import { readCallbackQuery, sameText } from '../../src/oauth/callback-query.ts';
import { readPastedCallback } from '../../src/oauth/pasted-callback.ts';
import { otherState, state } from './support.ts';

const redirectUri = 'http://127.0.0.1:18265/callback';
const code = 'NTZkYjM4OWU2OTc2MTYwNTU0ZTRiYjVlYjI2';
const address = `${redirectUri}?state=${state}&code=${code}`;
const read = (text: string): unknown => readPastedCallback(text, { redirectUri, state });

function refusal(text: string): { readonly code: string; readonly message: string; readonly hint: string; readonly field: string | undefined } {
  try {
    read(text);
  } catch (error) {
    if (isCredsetupError(error)) return { code: error.code, message: error.message, hint: error.hint, field: error.details.field };
    throw error;
  }
  return expect.fail(`it should have refused ${text}`);
}

describe('a pasted address', () => {
  it.each([
    ['as it is', address],
    ['with spaces and a line end around it', `  ${address}\n`],
    ['wrapped by a terminal', address.replace('&', '\r\n&').replace('call', 'call\n  ')],
    ['with invisible characters', `\ufeff${address.slice(0, 30)}\u200b${address.slice(30)}\u00a0`],
    ['without its scheme', address.slice('http://'.length)],
    ['with its scheme in capitals', address.replace('http', 'HTTP')],
    ['in angle brackets', `<${address}>`],
    ['in quotes', `"${address}"`],
    ['from a page\'s source', address.replace('&', '&amp;')],
    ['with the code first', `${redirectUri}?code=${code}&state=${state}`],
    ['with parameters that nobody knows', `${address}&iss=x&session_state=y`],
    ['with a fragment', `${address}#_=_`],
  ])('is read %s', (_name, text) => {
    expect(read(text)).toEqual({ kind: 'code', code, callbackUrl: address });
  });

  it.each([
    ['empty', '  \n', /Nothing was pasted/],
    ['far too long', address + 'x'.repeat(9000), /characters/],
    ['no address', 'I see a page that cannot be reached', /not an address/],
    ['the code alone', code, /not an address/],
    ['a script', 'javascript:alert(1)', /not an address/],
    ['for another host', address.replace('127.0.0.1:18265', 'crm.example.com'), /crm\.example\.com/],
    ['for localhost', address.replace('127.0.0.1', 'localhost'), /localhost:18265/],
    ['for another port', address.replace('18265', '18266'), /127\.0\.0\.1:18266/],
    ['for a host that looks like ours', address.replace('18265', '18265.evil.example'), /not an address|evil/],
    ['with user info before another host', address.replace('127.0.0.1:18265/', '127.0.0.1:18265@evil.example/'), /evil\.example/],
    ['by https', address.replace('http:', 'https:'), /127\.0\.0\.1:18265/],
    ['of the start page', 'http://127.0.0.1:18265/start/abc', /another page/],
    ['cut before the query', redirectUri, /not whole/],
    ['cut in the name of the state', `${redirectUri}?sta`, /not whole/],
    ['cut in the state', address.slice(0, address.indexOf('&code') - 5), /not whole/],
    ['cut before the code', address.slice(0, address.indexOf('&code')), /not whole/],
    ['cut at the code', address.slice(0, address.indexOf(code)), /not whole/],
    ['cut inside a percent sign', `${address}%2`, /not whole/],
    ['from another attempt', address.replace(state, otherState), /another sign-in/],
    ['with an error from another attempt', `${redirectUri}?state=${otherState}&error=access_denied`, /another sign-in/],
    ['pasted twice', address + address.slice(redirectUri.length).replace('?', '&'), /twice/],
    ['with code and error', `${address}&error=access_denied`, /not whole/],
  ])('is refused: %s', (_name, text, message) => {
    const error = refusal(text);
    expect(error).toMatchObject({ code: 'INPUT_INVALID', field: 'callback', message: expect.stringMatching(message) as unknown });
    expect(error.hint).not.toBe('');
  });

  it('that carries an error says which', () => {
    expect(refusal(`${redirectUri}?state=${state}&error=access_denied`)).toMatchObject({ code: 'AUTHORIZATION_DENIED', field: 'callback' });
    expect(refusal(`${redirectUri}?state=${state}&error=server_error`)).toMatchObject({ code: 'SERVER_ERROR', field: 'callback' });
  });

  it('gives its code or a clear error, whatever it is, and never repeats a secret', () => {
    const piece = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(redirectUri, 'http://', '127.0.0.1:18265', '?', '&', '=', '#', '%', '\n', 'state', 'code', 'error', state, code, address, '[', ']', '@', ':99999'));
    fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      try {
        const result = readPastedCallback(text, { redirectUri, state });
        expect(text.replace(/[\s\p{C}\p{Z}]+/gu, '')).toContain('state');
        expect(new URL(result.callbackUrl).searchParams.get('state')).toBe(state);
        expect(new URL(result.callbackUrl).searchParams.get('code')).toBe(result.code);
      } catch (error) {
        if (!isCredsetupError(error)) throw error;
        expect(error.details.field).toBe('callback');
        expect(error.message + error.hint).not.toMatch(new RegExp(`${state}|${code}`));
      }
    }), inputs(2000));
  });

  it('is read wherever it was wrapped', () => {
    fc.assert(fc.property(fc.nat(address.length), fc.constantFrom('\n', '\r\n', ' ', '\t', '\r\n   '), (at, wrap) => {
      expect(read(address.slice(0, at) + wrap + address.slice(at))).toMatchObject({ code });
    }));
  });

  it('is never taken when its state is cut', () => {
    fc.assert(fc.property(fc.nat(address.indexOf(`&code`) - 1), (length) => {
      expect(refusal(address.slice(0, length))).toMatchObject({ code: 'INPUT_INVALID' });
    }));
  });
});

describe('the callback\'s query', () => {
  it('is accepted only with the right state, once', () => {
    const name = fc.oneof(fc.constantFrom('state', 'code', 'error', 'error_description', 'iss', 'STATE', 'state[]', ' state'), fc.string());
    const value = fc.oneof(fc.constantFrom(state, otherState, code, 'access_denied', ''), fc.string({ unit: 'binary' }));
    fc.assert(fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), (pairs) => {
      const query = new URLSearchParams(pairs).toString();
      const result = readCallbackQuery(query, state);
      if (result.kind === 'refused') return;
      const all = new URLSearchParams(query);
      expect(all.getAll('state')).toEqual([state]);
      expect(all.getAll('code').length + all.getAll('error').length).toBe(1);
      expect(new Set(all.keys()).size).toBe([...all.keys()].length);
    }), inputs(3000));
  });

  it('is refused with any other state', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.nat(state.length - 1).map((length) => state.slice(0, length)), fc.constantFrom(`${state}\0`, ` ${state}`, state.toUpperCase())), (given) => {
      fc.pre(given !== state);
      expect(readCallbackQuery(new URLSearchParams({ state: given, code: 'c' }).toString(), state)).toEqual({ kind: 'refused', why: 'wrong-state' });
    }), inputs(1000));
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (query) => {
      expect(['code', 'error', 'refused']).toContain(readCallbackQuery(query, state).kind);
    }), inputs(1000));
  });
});

describe('sameText', () => {
  it('knows equal texts, and an empty one equals nothing', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (one, other) => {
      expect(sameText(one, other)).toBe(one === other && one !== '');
      expect(sameText(one, one)).toBe(one !== '');
    }));
  });
});

describe('an error that came back', () => {
  it('has a code for each that RFC 6749 names, and says what else a service says', () => {
    expect(callbackError({ error: 'unauthorized_client', errorDescription: '' }).code).toBe('CLIENT_REJECTED');
    expect(callbackError({ error: 'temporarily_unavailable', errorDescription: '' }).code).toBe('SERVER_ERROR');
    const other = callbackError({ error: 'quota_exceeded', errorDescription: 'Zu viele.' });
    expect(other.code).toBe('AUTHORIZATION_DENIED');
    expect(withoutMarks(other.message)).toBe('The service ended the sign-in (quota_exceeded). The service says: "Zu viele."');
    expect(callbackError({ error: 'toString', errorDescription: '' }).code).toBe('AUTHORIZATION_DENIED');
  });
});
