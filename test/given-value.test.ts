/** What people add around a value, wherever it comes from; and texts that other programs wrote as bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanedValue, decodedText, oddEdges } from '../src/given-value.ts';
import { adminToken, bot, description, mfaCode, password, token, username } from '../src/services/mattermost/fields.ts';
import { clientId, username as mauticUsername } from '../src/services/mautic/fields.ts';
import { apiKey } from '../src/services/n8n/fields.ts';
import { inputs } from './generated.ts';

const secret = 'k5zg9fr3mtbqdxoyp1wn7ucj4a';
const key = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYWRlIHVwIn0.c2lnbmF0dXJl';

describe('a value', () => {
  it.each([
    [`"${secret}"`], [`'${secret}'`], [`\`${secret}\``], [`“${secret}”`], [`„${secret}“`], [`«${secret}»`], [`<${secret}>`], [` \u200b"${secret}"\u00a0`], [`"'${secret}'"`],
    [`MATTERMOST_TOKEN=${secret}`], [`export MATTERMOST_TOKEN="${secret}"`], [`Access Token: ${secret}`], [`access token = "${secret}"`], [`Bearer ${secret}`], [`Authorization: Bearer ${secret}`],
  ])('is what is left of %s', (text) => expect(cleanedValue(token, text)).toBe(secret));

  it.each([[apiKey, `"${key}"`, key], [apiKey, `N8N_API_KEY=${key}`, key], [clientId, 'Client ID: 2_5r158k', '2_5r158k'], [adminToken, `"${secret}"`, secret], [mauticUsername, '"ada@example.org"', 'ada@example.org']] as const)('of another field is cleaned by the same rules (%j, %s)', (field, text, value) => {
    expect(cleanedValue(field, text)).toBe(value);
  });

  it.each([[username, '@maker', 'maker'], [username, '"@maker"', 'maker'], [username, 'mailto:maker@example.org', 'maker@example.org'], [username, 'maker@example.org', 'maker@example.org'], [bot, '@n8n', 'n8n']] as const)('that names an account has no at sign before it (%j, %s)', (field, text, value) => {
    expect(cleanedValue(field, text)).toBe(value);
  });

  it.each(['246810', '246 810', '246-810', ' 24 68 10 ', '"246 810"', '246\u00a0810'])('that is a code is six digits, however they are grouped: %j', (text) => expect(cleanedValue(mfaCode, text)).toBe('246810'));

  it.each(['"Practice 1"', ' Practice-1', 'Practice\'s', '<x>', 'PASSWORD=x', 'Bearer x'])('that is a password is used as it is: %j', (text) => expect(cleanedValue(password, text)).toBe(text));
  it('that is a password loses line ends and what cannot be typed', () => expect(cleanedValue(password, '\ufeffPractice-1\r\n')).toBe('Practice-1'));
  it.each([[' Practice-1', 'space'], ['Practice-1 ', 'space'], ['"Practice-1"', 'quotes'], ['Practice-1', undefined]])('that is a password with odd edges (%j) is told to have them', (text, word) => {
    const told = oddEdges(password, text);
    if (word === undefined) expect(told).toBeUndefined();
    else expect(told).toContain(word);
  });

  it('that is a sentence keeps its quotes', () => expect(cleanedValue(description, ' "n8n" ')).toBe('"n8n"'));
  it.each(['', '""', '"', '\'', 'MATTERMOST_TOKEN=', 'Bearer '])('that is nothing else (%j) is no crash, and never more than it was', (text) => expect(cleanedValue(token, text).length).toBeLessThanOrEqual(text.length));

  it('stays what it is when it is cleaned again', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom(token, username, mfaCode, description, password), (text, field) => {
      const once = cleanedValue(field, text);
      // Deeper than people nest them, each time takes some off.
      fc.pre(!/["'`“„‘‚«‹<(=:]/.test(once) && !/^bearer/i.test(once));
      expect(cleanedValue(field, once)).toBe(once);
    }), inputs(2000));
  });

  it.each([(n: number) => '"'.repeat(n), (n: number) => ' '.repeat(n), (n: number) => `"${' '.repeat(n)}x`, (n: number) => `Bearer ${' \t'.repeat(n)}`, (n: number) => `A${'_'.repeat(n)}`])('is cleaned in linear time, whatever it is: %s', (make) => {
    const time = (length: number): number => {
      const text = make(length);
      const begun = performance.now();
      cleanedValue(token, text);
      return performance.now() - begun;
    };
    time(1000);
    expect(time(400_000)).toBeLessThan(Math.max(100, time(100_000) * 40));
  });
});

describe('bytes', () => {
  const utf16be = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
  it.each([
    ['UTF-8', Buffer.from(secret)], ['UTF-8 with its mark', Buffer.from(`\ufeff${secret}`)],
    ['UTF-16 as PowerShell writes it', Buffer.from(`\ufeff${secret}\r\n`, 'utf16le')], ['UTF-16 without its mark', Buffer.from(`${secret}\r\n`, 'utf16le')],
    ['big-endian UTF-16', utf16be(`\ufeff${secret}`)], ['big-endian UTF-16 without its mark', utf16be(secret)],
  ])('in %s are the text', (_, bytes) => expect(cleanedValue(token, decodedText(bytes))).toBe(secret));

  it('of a password in UTF-16 keep its letters', () => expect(decodedText(Buffer.from('\ufeffPässwörd', 'utf16le'))).toBe('Pässwörd'));
  it('in Latin-1 are seen to be none of them', () => expect(decodedText(Buffer.from('Passwörd', 'latin1'))).toContain('\ufffd'));
  it('of any text are that text again', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 2 }), (text) => {
      fc.pre(!text.includes('\0') && !text.startsWith('\ufeff'));
      expect(decodedText(Buffer.from(text))).toBe(text);
    }), inputs(2000));
  });
});
