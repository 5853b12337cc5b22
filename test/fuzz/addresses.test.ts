/** Addresses and names from anything: never another origin than the one that was typed, never a failure that is not ours. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkName, defaultName, freeName, isName } from '../../src/credential-name.ts';
import { isCredsetupError } from '../../src/errors.ts';
import { baseAsTyped, candidateBases, parseAddress } from '../../src/server/address.ts';
import { services } from '../../src/services/registry.ts';
import { inputs } from '../generated.ts';

const piece = fc.constantFrom(
  'https', 'http', 'HTTPS', 'ftp', 'javascript', ':', '/', '//', '\\', '///', '@', '.', '..', '%2e', '%2F', '%40', '%00', '?', '#', ' ', '\t', '\n', '\0', '\u200b', '\u202e',
  '[', ']', '::1', '127.0.0.1', '0x7f.1', '2130706433', 'localhost', 'chat.example.com', 'evil.example', 'bücher.example', '\u3002', '\uff0f', '\uff20', ':8065', ':0', ':99999',
  'login', 'api/v4', 'index.php', 's/dashboard', '"', '<', '>', '(', ')', '|', ';', ',', '\ud800', 'Address:', 'URL=', 'export X=',
);
const anything = fc.oneof(
  { weight: 4, arbitrary: fc.array(piece, { maxLength: 14 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 1, arbitrary: fc.webUrl({ withQueryParameters: true, withFragments: true }) },
);

/** The address, or undefined for one that was refused as ours are. */
function parsed(text: string): URL | undefined {
  try {
    return parseAddress(text).url;
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    expect(error.code).toBe('URL_INVALID');
    return undefined;
  }
}

describe('an address', () => {
  it('that was taken is taken again as the same one, and holds no user, no query and no fragment', () => {
    let taken = 0;
    fc.assert(fc.property(anything, (text) => {
      const url = parsed(text);
      if (url === undefined) return;
      taken += 1;
      expect(parsed(url.href)?.origin).toBe(url.origin);
      expect(baseAsTyped(baseAsTyped(text))).toBe(baseAsTyped(text));
      expect([url.username, url.password, url.search, url.hash]).toEqual(['', '', '', '']);
      expect(['http:', 'https:']).toContain(url.protocol);
    }), inputs(1500));
    expect(taken).toBeGreaterThan(0);
  });

  it('leads to the host that was typed and to no other, whatever stands around and behind it', () => {
    const host = fc.constantFrom('chat.example.com', 'CHAT.example.com:8443', '127.0.0.1:8065', '[::1]:8065', 'localhost', 'bücher.example');
    const scheme = fc.constantFrom('', 'https://', 'http://', 'HTTPS://', 'https:/', 'https:\\\\');
    const behind = fc.oneof(fc.constant(''), fc.tuple(fc.constantFrom('/', '\\', '?', '#'), anything).map((parts) => parts.join('')));
    const around = fc.constantFrom(['', ''], ['"', '"'], ['<', '>'], ['(', ')'], [' \u200b', '\n'], ['URL=', ''], ['\'', '\'']);
    fc.assert(fc.property(scheme, host, behind, around, (start, typed, end, [left = '', right = '']) => {
      const url = parsed(`${left}${start}${typed}${end}${right}`);
      if (url === undefined) return;
      expect(url.host.replace(/:443$/, '')).toBe(new URL(`https://${typed}`).host);
    }), inputs(1500));
  });

  it('has bases on its own origin alone', () => {
    fc.assert(fc.property(anything, fc.constantFrom(...services), (text, service) => {
      const url = parsed(text);
      if (url === undefined) return;
      for (const base of candidateBases(url.pathname, service.address)) {
        expect(new URL(`${url.origin}${base}${service.address.proofPath}`).origin).toBe(url.origin);
      }
    }), inputs(800));
  });
});

describe('a name', () => {
  it('is taken as it stands or refused as NAME_INVALID, and what is taken can be no path and no option', () => {
    fc.assert(fc.property(fc.oneof(anything, fc.stringMatching(/^[A-Za-z0-9._-]{0,70}$/)), (text) => {
      try {
        expect(checkName(text)).toBe(text);
      } catch (error) {
        if (!isCredsetupError(error)) throw error;
        expect(error.code).toBe('NAME_INVALID');
        expect(isName(text)).toBe(false);
        return;
      }
      expect(text).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/);
      expect(text.length).toBeLessThanOrEqual(64);
    }), inputs(1500));
  });

  it('is found for every address, and a free one beside any others', () => {
    fc.assert(fc.property(anything, fc.nat(40), (text, others) => {
      const url = parsed(text);
      if (url === undefined) return;
      const name = defaultName('mautic', url.href);
      expect(isName(name), name).toBe(true);
      const taken = [name];
      for (let count = 0; count < others; count += 1) taken.push(freeName(name, taken));
      const free = freeName(name, taken);
      expect(isName(free), free).toBe(true);
      expect(taken.map((one) => one.toLowerCase())).not.toContain(free.toLowerCase());
    }), inputs(300));
  });
});
