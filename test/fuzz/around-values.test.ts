/** What people add around a value, put together at random: the value comes out of it, and nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanedValue, decodedText, oddEdges, unwrapped } from '../../src/given-value.ts';
import { token, password } from '../../src/services/mattermost/fields.ts';
import { services } from '../../src/services/registry.ts';
import { inputs } from '../generated.ts';

const value = fc.stringMatching(/^[a-z0-9]{26}$/);
const space = fc.array(fc.constantFrom(' ', '\n', '\r\n', '\t', '\u00a0', '\u200b', '\ufeff', '\u2060', '\u200e'), { maxLength: 4 }).map((parts) => parts.join(''));
/** From the inside outwards, as they are copied. */
const marks = fc.constantFrom(['', ''], ['"', '"'], ['\'', '\''], ['`', '`'], ['“', '”'], ['„', '“'], ['«', '»'], ['<', '>'], ['(', ')']);
const label = fc.constantFrom('', 'Access Token: ', 'access token = ', 'MATTERMOST_TOKEN=', 'export MATTERMOST_TOKEN=', 'Bearer ', 'Authorization: Bearer ');
const fields = services.flatMap(({ methods }) => methods.flatMap((method) => method.fields));

describe('a value', () => {
  it('comes out of quotes, labels, spaces and what is not seen', () => {
    fc.assert(fc.property(value, marks, space, label, space, marks, (inside, [a = '', b = ''], before, name, behind, [c = '', d = '']) => {
      expect(cleanedValue(token, `${before}${c}${name}${a}${inside}${b}${d}${behind}`)).toBe(inside);
    }), inputs(1000));
  });

  it('of any field is a part of what was given, whatever that is', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.array(fc.oneof(marks.map(([a = '']) => a), marks.map(([, b = '']) => b), label, space, value), { maxLength: 9 }).map((parts) => parts.join(''))), fc.constantFrom(...fields), (text, field) => {
      const cleaned = cleanedValue(field, text);
      // Groups of digits are drawn together; everything else is cut off at the ends.
      if (field.around === 'groups') expect(text.replace(/[\s-]+/g, '')).toContain(cleaned);
      else expect(text).toContain(cleaned);
      expect(unwrapped(text).length).toBeLessThanOrEqual(text.length);
    }), inputs(1500));
  });

  it('that is a password keeps every character that can be typed', () => {
    fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 40 }), space, (typed, behind) => {
      expect(cleanedValue(password, typed)).toBe(typed);
      expect(cleanedValue(password, `${typed}${behind.replace(/[ \u00a0]/g, '')}`)).toBe(typed);
      oddEdges(password, typed);
    }), inputs(800));
  });

  it('in any bytes is a text', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(typeof decodedText(bytes)).toBe('string');
    }), inputs(800));
  });
});
