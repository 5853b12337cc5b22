import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeJson, escapeText } from '../../src/terminal/escape.ts';
import { inputs } from '../generated.ts';

const hostile = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('\u001b', '\u001b[', '\u001b]', '[31m', '\u009b', '\u0007', '\u001b\\', '::', ':', '##[', '##', '[', 'vso[', '\r', '\n', '\r\n', '\t', '\u0000', '\u007f', '\u0085', '\u200b', '\u200d', '\u202e', '\u2066', '\u2028', '\ufeff', '\u2060', '\u061c', '\ud800', '\udc00', '\u00ad', '\u3164', ' ') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }) },
);
const hostileText = fc.array(hostile, { maxLength: 30 }).map((parts) => parts.join(''));

/** Named one by one and apart from the list in the code. Written as text: lint takes a control in a literal for a mistake. */
const dangerous = new RegExp('[\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff\\ud800-\\udfff\\u00ad\\u034f\\u115f\\u1160\\u3164\\uffa0]', 'u');

describe('Text for people', () => {
  it('holds no control, bidi or zero-width character and no lone surrogate, whatever goes in', () => {
    fc.assert(fc.property(hostileText, (text) => {
      expect(escapeText(text)).not.toMatch(dangerous);
    }), inputs(3000));
  });

  it('never holds what a CI runner takes as a command', () => {
    fc.assert(fc.property(hostileText, (text) => {
      // As actions/runner does it: lines, trimmed; and anywhere for the older form.
      for (const line of escapeText(text).split(/[\r\n]/)) {
        expect(line.trimStart().startsWith('::')).toBe(false);
        expect(line).not.toMatch(/##(\w*)\[/);
      }
    }), inputs(3000));
  });

  it('is not changed by a second pass', () => {
    fc.assert(fc.property(hostileText, (text) => {
      expect(escapeText(escapeText(text))).toBe(escapeText(text));
    }), inputs(3000));
  });

  it('keeps what people write', () => {
    const text = 'Ada Lovelace – „Größe“ 漢字 🔑\n  ✔ Mautic answers at https://crm.example.com:8443/s?a=1#[x]\n';
    expect(escapeText(text)).toBe(text);
  });

  it('takes sequences out whole', () => {
    expect(escapeText('a\u001b[31mred\u001b[0m b\u001b[2K\u001b[1;2Hc')).toBe('ared bc');
    expect(escapeText('a\u001b]0;title\u0007b\u001b]8;;https://evil.example\u001b\\link\u001b]8;;\u001b\\')).toBe('ablink');
    expect(escapeText('a\u009b31mb\u009d0;t\u009cc\u001bPq..\u001b\\d\u001bce')).toBe('abcde');
    expect(escapeText('a\u001b]52;c;ZXZpbA==\nnext')).toBe('a\nnext');
  });

  it('makes spaces of tabs, carriage returns and separators', () => {
    expect(escapeText('a\tb\rc\u2028d\u2029e\u0085f\r\ng')).toBe('a b c d e f\ng');
  });

  it('breaks a runner command inside, because the runner trims what stands before', () => {
    expect(escapeText('::error::x\n  ::add-mask::y\na::b')).toBe(': :error::x\n  : :add-mask::y\na::b');
    expect(escapeText('ok ##[error]x ##vso[task.complete]y')).toBe('ok # #[error]x # #vso[task.complete]y');
    expect(escapeText('\u200b:\u200b:error::x')).toBe(': :error::x');
  });
});

describe('JSON', () => {
  it('holds the same value, and nothing unseen is raw in it', () => {
    fc.assert(fc.property(fc.oneof(fc.jsonValue(), hostileText, fc.dictionary(hostileText, hostileText)), (value) => {
      const text = escapeJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(text).not.toMatch(dangerous);
      for (const line of text.split('\n')) {
        expect(line.trimStart().startsWith('::')).toBe(false);
        expect(line).not.toMatch(/##(\w*)\[/);
      }
    }), inputs(2000));
  });

  it('is one document also of undefined', () => {
    expect(escapeJson(undefined)).toBe('null');
  });

  it('is indented by two spaces', () => {
    expect(escapeJson({ a: ['\u202e'] })).toBe('{\n  "a": [\n    "\\u202e"\n  ]\n}');
  });
});
