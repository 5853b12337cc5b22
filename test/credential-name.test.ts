import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkName, defaultName, freeName, isName, sameName, nearestName } from '../src/credential-name.ts';
import { isCredsetupError } from '../src/errors.ts';

describe('a name', () => {
  it.each(['a', 'A-b_c.d', '0', '_x', 'a.', 'a-', 'x'.repeat(64)])('may be %s', (name) => {
    expect(checkName(name)).toBe(name);
  });

  it.each(['', '.a', '-a', '--replace', 'a b', 'a/b', '..', 'ä', 'a\n', '\na', 'a\0', 'x'.repeat(65), '__proto__ ', 'a\u200b'])('may not be %j', (name) => {
    expect(isName(name)).toBe(false);
    try {
      checkName(name);
      expect.unreachable();
    } catch (error) {
      expect(isCredsetupError(error) && error.code).toBe('NAME_INVALID');
    }
  });

  it('is compared without regard to case', () => {
    expect(sameName('Chat', 'cHAT')).toBe(true);
    expect(sameName('chat', 'chat2')).toBe(false);
  });
});

describe('the default name', () => {
  it.each([
    ['mautic', 'https://crm.example.com', 'mautic-crm.example.com'],
    ['mautic', 'https://CRM.example.com:8443/', 'mautic-crm.example.com-8443'],
    ['mattermost', 'https://example.com/team/chat', 'mattermost-example.com-team-chat'],
    ['mattermost', 'http://127.0.0.1:8065', 'mattermost-127.0.0.1-8065'],
    ['mautic', 'http://[::1]:8080/m%20x', 'mautic---1-8080-m-20x'],
    ['mautic', 'https://bücher.example', 'mautic-xn--bcher-kva.example'],
  ])('of %s at %s is %s', (service, url, name) => {
    expect(defaultName(service, url)).toBe(name);
  });

  it('is cut to 55 characters and marked with the address where it is too long', () => {
    const url = `https://${'a'.repeat(60)}.example.com`;
    const digest = createHash('sha256').update(url).digest('hex').slice(0, 8);
    expect(defaultName('mautic', url)).toBe(`mautic-${'a'.repeat(48)}-${digest}`);
    expect(defaultName('mautic', `https://${'a'.repeat(53)}.b`)).toHaveLength(62);
  });

  it('is always a name', () => {
    fc.assert(fc.property(fc.webUrl({ withQueryParameters: false }), (url) => isName(defaultName('mautic', url))));
  });
});

describe('a free name', () => {
  it('is the wanted one, or the first with a number', () => {
    expect(freeName('chat', [])).toBe('chat');
    expect(freeName('chat', ['Chat'])).toBe('chat-2');
    expect(freeName('chat', ['chat', 'CHAT-2', 'chat-4'])).toBe('chat-3');
  });

  it('is never too long', () => {
    const long = 'x'.repeat(64);
    expect(freeName(long, [long])).toBe(`${'x'.repeat(62)}-2`);
  });
});

describe('the nearest name', () => {
  it.each([['my crm', 'my-crm'], ['Crème brûlée', 'Creme-brulee'], ['-a/b\\c.', 'a-b-c.'], ['Straße', 'Strasse']])('to %s is %s', (typed, name) => {
    expect(nearestName(typed)).toBe(name);
  });

  it('is a name, or there is none', () => {
    expect(nearestName('✨ ...')).toBeUndefined();
    fc.assert(fc.property(fc.string(), (typed) => {
      const name = nearestName(typed);
      return name === undefined || isName(name);
    }));
  });
});
