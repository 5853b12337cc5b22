import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mask, Redactor } from '../src/redaction.ts';
import { inputs } from './generated.ts';

function redactorOf(...secrets: string[]): Redactor {
  const redactor = new Redactor();
  for (const secret of secrets) redactor.protect(secret);
  return redactor;
}

const html = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const htmlNamed = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;').replace(/'/g, '&#x27;');
const form = (text: string): string => new URLSearchParams({ v: text }).toString().slice(2);
const lowerHex = (text: string): string => encodeURIComponent(text).replace(/%../g, (hex) => hex.toLowerCase());

const encodings: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'in a JSON string': (text) => JSON.stringify(text).slice(1, -1),
  'in JSON within JSON': (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  'in JSON of PHP, which escapes slashes and all that is not ASCII': (text) =>
    JSON.stringify(text).slice(1, -1).replace(/\//g, '\\/').replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  'percent-encoded': encodeURIComponent,
  'percent-encoded in lower case': lowerHex,
  'form-encoded': form,
  'in HTML with numbers': html,
  'in HTML with names': htmlNamed,
};

// Whole words that a mask or the text around cannot make by chance; no lone surrogates, which no encoding carries.
const character = fc.oneof(
  fc.constantFrom(...Array.from('abXY09"\'\\/&<>+ %=-_.:#?{}[]()^$|~!*`@;,')),
  fc.constantFrom('ä', 'ß', '€', '漢', '\u{1F511}', '\n', '\t'),
);
const secrets = fc.array(character, { minLength: 4, maxLength: 40 })
  .map((characters) => characters.join(''))
  .filter((secret) => Array.from(secret.trim()).length >= 4 && !secret.includes('**'));

describe('The redactor', () => {
  for (const [name, encode] of Object.entries(encodings)) {
    it(`masks a secret that stands ${name}`, () => {
      fc.assert(fc.property(secrets, (secret) => {
        const masked = redactorOf(secret).mask(`before ${encode(secret)} after`);
        expect(masked.startsWith('before ') && masked.endsWith(' after')).toBe(true);
        expect(masked).toContain(mask);
        expect(masked).not.toContain(encode(secret));
      }), inputs(400));
    });
  }

  it('masks a secret among many, each of its characters in a dress of its own', () => {
    const dresses = Object.values(encodings);
    const others = Array.from({ length: 20 }, (_, index) => `another-secret-number-${index}-of-many`);
    fc.assert(fc.property(secrets, fc.infiniteStream(fc.nat(30)), (secret, chosen) => {
      // Most as they are, so that whole groups of them stand side by side.
      const dressed = Array.from(secret, (one) => (dresses[chosen.next().value ?? 0] ?? ((text: string) => text))(one)).join('');
      const [few, many] = [redactorOf(secret), redactorOf(...others, secret)].map((redactor) => redactor.mask(`before ${dressed} after`));
      expect(few).toContain(mask);
      expect(many).toBe(few);
    }), inputs(200));
  });

  it('is done in time with a thousand secrets and as many texts, plain and disguised', () => {
    const redactor = redactorOf(...Array.from({ length: 1000 }, (_, index) => Buffer.from(`token ${index * 7919}`).toString('hex').padEnd(26, 'x')));
    const started = process.cpuUsage();
    for (let index = 0; index < 1000; index += 1) redactor.mask(`R&D ${index}: https://chat-${index}.example.com/a%20b answers in ${index} ms; nothing secret stands in this line`);
    expect(process.cpuUsage(started).user).toBeLessThan(5_000_000);
  });

  it('leaves nothing but the mask of a secret without characters that an encoding changes', () => {
    expect(redactorOf('s3cr3t-token').mask('token=s3cr3t-token; again s3cr3t-token')).toBe(`token=${mask}; again ${mask}`);
  });

  it('masks the base64 of a secret wherever it lies in a longer text', () => {
    fc.assert(fc.property(secrets, fc.uint8Array({ maxLength: 7 }), fc.uint8Array({ maxLength: 7 }), (secret, before, after) => {
      const bytes = Buffer.concat([before, Buffer.from(secret), after]);
      for (const encoding of ['base64', 'base64url'] as const) {
        for (const dress of [(text: string) => text, encodeURIComponent, (text: string) => text.replace(/\//g, '\\/')]) {
          const masked = redactorOf(secret).mask(dress(bytes.toString(encoding)));
          // What the masked text still gives, put back at its place, must not hold half of the secret.
          expect(masked).toContain(mask);
          const left = masked.split(mask).map((part) => Buffer.from(part, 'base64').toString('latin1'));
          expect(left.some((part) => part.includes(Buffer.from(secret).toString('latin1')))).toBe(false);
        }
      }
    }), inputs(100));
  });

  it('masks the same in a text with signs of an encoding as in one without', () => {
    const plain = fc.array(fc.constantFrom(...Array.from('ab+-/_ äß漢\u{1F511}')), { minLength: 4, maxLength: 12 }).map((characters) => characters.join('')).filter((secret) => Array.from(secret.trim()).length >= 4);
    fc.assert(fc.property(plain, fc.string({ maxLength: 3, unit: fc.constantFrom(...Array.from('ab+-/_ ')) }), (secret, between) => {
      const inside = [secret, Buffer.from(`${between}${secret}${between}`).toString('base64'), Buffer.from(`${between}${secret}`).toString('base64url'), secret.slice(1), secret];
      for (const text of [inside.join(between), inside.join('')]) {
        for (const sign of ['%', '\\.', '&']) expect(redactorOf(secret).mask(`${text}.${sign}`)).toBe(`${redactorOf(secret).mask(`${text}.`)}${sign}`);
      }
    }), inputs(400));
  });

  it('masks all of a base64 text but the bits that it shares with its neighbours', () => {
    const secret = 'a-password-of-some-length';
    for (const before of ['', 'x', 'xy']) {
      const masked = redactorOf(secret).mask(Buffer.from(`${before}${secret}`).toString('base64'));
      expect(masked.replace(mask, '').length).toBeLessThanOrEqual(before.length + 4);
    }
  });

  it('masks user and password as Authorization: Basic sends them', () => {
    const redactor = new Redactor();
    redactor.protect('correct horse');
    const header = `Basic ${Buffer.from('ada:correct horse').toString('base64')}`;
    expect(redactor.mask(header).replace(/=+$/, '')).toMatch(/^Basic \w*\*{3}.?$/);
    expect(redactor.mask('https://x/?p=correct+horse&q=correct%20horse')).toBe(`https://x/?p=${mask}&q=${mask}`);
  });

  it('masks pieces of a long secret, of its hex digits and of its base64, and nothing that only looks like one', () => {
    const secret = 'q8zk3wexr5tnb7yp4dhc9gfjma';
    const redactor = redactorOf(secret);
    const hex = Buffer.from(secret).toString('hex');
    fc.assert(fc.property(fc.integer({ min: 0, max: 18 }), fc.integer({ min: 8, max: 26 }), (at, length) => {
      const piece = secret.slice(at, at + length);
      if (piece.length >= 8) expect(redactor.mask(`id.${piece}.x`)).toBe(`id.${mask}.x`);
      const digits = hex.slice(at, at + length * 2);
      if (digits.length >= 16) expect(redactor.mask(`<${digits.toUpperCase()}>`)).toBe(`<${mask}>`);
      const inside = Buffer.from(`ab${secret}`).toString('base64').slice(4 + at, 4 + at + length);
      if (inside.length >= 11) expect(redactor.mask(`<${inside}>`)).toContain(mask);
    }));
    for (const id of ['api.context.session_expired.app_error', 'r5tnb7y', 'zzzzzzzzzzzzzzzzzzzzzzzzzz']) expect(redactor.mask(id)).toBe(id);
  });

  it('leaves what is public as it is, and masks the same characters beside it', () => {
    const redactor = redactorOf('maker');
    redactor.publish('maker-of-chat');
    expect(redactor.mask('maker-of-chat is maker')).toBe(`maker-of-chat is ${mask}`);
  });

  it('masks two secrets that overlap as one, and the longer one whole', () => {
    expect(redactorOf('abcdXY', 'XYefgh').mask('<abcdXYefgh>')).toBe(`<${mask}>`);
    expect(redactorOf('token', 'token-and-more').mask('<token-and-more>')).toBe(`<${mask}>`);
    expect(redactorOf('aaaa').mask('<aaaaaa>')).toBe(`<${mask}>`);
  });

  it('masks a pasted secret also without the spaces that stood around it', () => {
    expect(redactorOf(' secret-1\n').mask('<secret-1>')).toBe(`<${mask}>`);
  });

  it('leaves text alone that holds no secret', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => {
      expect(redactorOf('Zq7-no-such-secret-9').mask(text)).toBe(text);
    }), inputs(100));
  });

  it('does not blank out words for a secret shorter than four characters', () => {
    expect(redactorOf('is', 'abc', ' ab ').mask('this is abc')).toBe('this is abc');
  });

  it('takes secrets full of characters that mean something to a pattern', () => {
    for (const secret of ['.*.*', '(((((', '[a-z]+', '\\\\\\\\', '$1$2$3', '^^^^', 'a|b|c|d']) {
      expect(redactorOf(secret).mask(`<${secret}>`)).toBe(`<${mask}>`);
      expect(redactorOf(secret).mask('harmless')).toBe('harmless');
    }
  });

  it.each([500, 513, 3000, 100_000])('masks a secret of %i characters as one', (length) => {
    const secret = Array.from({ length }, (_, index) => String.fromCharCode(97 + ((index * 7 + Math.floor(index / 26)) % 26))).join('');
    const start = secret.slice(0, 8192);
    expect(redactorOf(secret).mask(`a ${start} b`)).toBe(`a ${mask} b`);
  });

  it('is done in time with hostile text', () => {
    const redactor = redactorOf('\\'.repeat(60) + 'x', 'a'.repeat(300) + 'b', '%25'.repeat(40), '&amp;'.repeat(40));
    // Of this process alone: other programs may be at work.
    const begun = process.cpuUsage().user;
    for (const text of ['\\'.repeat(20_000), 'a'.repeat(20_000), '%25'.repeat(10_000), '&amp;'.repeat(10_000)]) redactor.mask(text);
    expect(process.cpuUsage().user - begun).toBeLessThan(5_000_000);
  });
});
