import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopbackAddress, isLoopbackHost } from '../../src/http/loopback.ts';

const hostname = (url: string): string => new URL(url).hostname;

describe('what counts as this machine', () => {
  it.each([
    'evil.com', 'localhost.evil.com', 'notlocalhost', 'localhosts', 'localhost.com', '127.0.0.1.evil.com', '127-0-0-1.nip.io',
    '128.0.0.1', '126.255.255.255', '0.0.0.0', '10.0.0.1', '192.168.0.1', '169.254.169.254', '[::2]', '[::]', '[fe80::1]',
    '[::ffff:10.0.0.1]', '[::ffff:128.0.0.1]', '[64:ff9b::127.0.0.1]', '', '.', '[', '[]', 'local host',
  ])('is not %j', (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });

  it.each(['localhost', 'LOCALHOST', 'localhost.', 'mattermost.localhost', 'a.b.localhost.', '127.0.0.1', '127.255.255.254', '::1', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '0:0:0:0:0:0:0:1'])('is %j', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each(['http://2130706433/', 'http://0x7f.1/', 'http://127.1/', 'http://0177.0.0.1/', 'http://[::FFFF:127.0.0.1]/', 'http://１２７.0.0.1/'])('sees through the spelling of %s', (url) => {
    expect(isLoopbackHost(hostname(url))).toBe(true);
  });

  it('is an IPv4 address exactly when it begins with 127, mapped into IPv6 or not', () => {
    fc.assert(fc.property(fc.ipV4(), (address) => {
      const expected = address.startsWith('127.');
      expect(isLoopbackHost(address)).toBe(expected);
      expect(isLoopbackHost(hostname(`http://[::ffff:${address}]/`))).toBe(expected);
      expect(isLoopbackAddress(`::ffff:${address}`)).toBe(expected);
    }));
  });

  it('is no IPv6 address but ::1 and the mapped ones', () => {
    fc.assert(fc.property(fc.ipV6(), (address) => {
      const normal = hostname(`http://[${address}]/`);
      expect(isLoopbackHost(address)).toBe(normal === '[::1]' || normal.startsWith('[::ffff:7f'));
    }));
  });

  it('never takes a name for a socket\'s address', () => {
    expect(isLoopbackAddress('localhost')).toBe(false);
  });
});
