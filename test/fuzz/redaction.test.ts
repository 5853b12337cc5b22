/** The redactor behind the sink, as the program uses it: no secret comes out in any encoding, and nothing of ours is touched. */
import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CredsetupError, errorDocument, exitCodes, toCredsetupError, type ErrorCode } from '../../src/errors.ts';
import { printError } from '../../src/error-text.ts';
import { foreign } from '../../src/foreign.ts';
import { Redactor } from '../../src/redaction.ts';
import { createOutput, type Sink } from '../../src/terminal/output.ts';
import { noColors } from '../../src/terminal/style.ts';
import { inputs } from '../generated.ts';

class Collector extends EventEmitter {
  text = '';
  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

function sinkWith(...secrets: string[]): { readonly output: Sink; readonly stdout: Collector; readonly stderr: Collector } {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const output = createOutput({ stdout, stderr, quiet: false, debug: true, colors: noColors, redactor: new Redactor(), onBrokenPipe: () => undefined });
  for (const secret of secrets) output.protect(secret);
  return { output, stdout, stderr };
}

/** Tokens, keys and passwords that no sentence of ours and no word holds by chance. */
const secret = fc.oneof(
  fc.stringMatching(/^[a-z0-9]{26}$/),
  fc.stringMatching(/^[A-Za-z0-9_-]{30,60}$/),
  fc.stringMatching(/^Q7[A-Za-z0-9!"#$%&'()+,./:;<=>?@^{|}~ -]{9,24}Z$/),
  fc.array(fc.constantFrom('ä', '€', '\u{1F511}', '"', '\\', 'Q', '7', '/', '+', '&', ' '), { minLength: 10, maxLength: 20 }).map((parts) => `Q${parts.join('')}7`),
);
const escapedAsJson = (text: string): string => JSON.stringify(text).slice(1, -1);
const encodings: readonly ((text: string) => string)[] = [
  (text) => text, encodeURIComponent, escapedAsJson, (text) => escapedAsJson(escapedAsJson(text)),
  (text) => new URLSearchParams({ v: text }).toString().slice(2),
  (text) => escapedAsJson(text).replace(/\//g, '\\/').replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  (text) => text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`),
  (text) => Buffer.from(text).toString('base64'), (text) => Buffer.from(text).toString('base64url'),
  (text) => Buffer.from(`user:${text}`).toString('base64'), (text) => encodeURIComponent(Buffer.from(`x${text}y`).toString('base64')),
];
const longOnly: readonly ((text: string) => string)[] = [(text) => Buffer.from(text).toString('hex'), (text) => Buffer.from(text).toString('hex').toUpperCase()];
const encoded = (text: string, which: number): string => {
  const all = text.length >= 20 ? [...encodings, ...longOnly] : encodings;
  return (all[which % all.length] ?? ((one: string) => one))(text);
};

/** Six characters in a row of a secret, as it is or decoded from what was printed. */
function shows(printed: string, hidden: string): boolean {
  const readings = [printed, printed.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))).replace(/\\(.)/g, '$1')];
  return readings.some((text) => text.includes(hidden)) || encodings.some((encode) => printed.includes(encode(hidden)));
}

const around = fc.constantFrom('', ' ', '"', '\'', '=', '\n', ': ', '{"token":"', '?access_token=', 'Bearer ', 'Basic ', '\u001b[31m', '<b>', '&x=', '/');

describe('what is said', () => {
  it('of a server\'s text holds no secret, however it is encoded, in talk, warnings and debug lines', () => {
    fc.assert(fc.property(secret, fc.nat(1000), around, around, (hidden, which, before, behind) => {
      const { output, stderr } = sinkWith(hidden, 'another-secret-of-this-run-4711');
      const text = `${before}${encoded(hidden, which)}${behind}`;
      output.say(foreign(text));
      output.warn(`the server says ${foreign(text)}`);
      output.debug(foreign(text));
      expect(shows(stderr.text, hidden), stderr.text).toBe(false);
      expect(stderr.text).not.toContain(encoded(hidden, which));
    }), inputs(400));
  });

  it('of a secret that invisible characters and control sequences split holds none of it', () => {
    const splitter = fc.constantFrom('\u200b', '\u001b[0m', '\u0000', '\u202e', '\ufeff', '\u001b]0;x\u0007', '\u00ad');
    fc.assert(fc.property(fc.stringMatching(/^[a-z0-9]{26}$/), fc.array(fc.tuple(fc.nat(26), splitter), { minLength: 1, maxLength: 6 }), (hidden, cuts) => {
      const { output, stderr } = sinkWith(hidden);
      const text = cuts.reduce((whole, [at, put]) => whole.slice(0, at) + put + whole.slice(at), hidden);
      output.warn(foreign(text));
      for (let at = 0; at + 9 <= hidden.length; at += 1) expect(stderr.text).not.toContain(hidden.slice(at, at + 9));
    }), inputs(300));
  });

  it('of a long secret in two pieces holds no eight characters in a row of either', () => {
    fc.assert(fc.property(fc.stringMatching(/^[a-z0-9]{26}$/), fc.nat(26), (hidden, at) => {
      const { output, stderr } = sinkWith(hidden);
      output.warn(foreign(hidden.slice(0, at)));
      output.warn(foreign(hidden.slice(at)));
      for (let from = 0; from + 8 <= hidden.length; from += 1) expect(stderr.text).not.toContain(hidden.slice(from, from + 8));
    }), inputs(300));
  });
});

describe('an error', () => {
  it('holds no secret in text and in JSON, wherever in it a server\'s words stand, and keeps code, hint and members', () => {
    const code = fc.constantFrom(...Object.keys(exitCodes) as ErrorCode[]);
    fc.assert(fc.property(secret, fc.nat(1000), code, (hidden, which, ofError) => {
      const { output, stdout, stderr } = sinkWith(hidden);
      const words = foreign(encoded(hidden, which));
      const inner = new Error(`library: ${hidden}`, { cause: new AggregateError([new Error(hidden)], hidden) });
      const error = new CredsetupError(ofError, `It says ${words}.`, {
        hint: `Look at ${words}.`, url: 'https://chat.example.com', name: 'chat', service: 'mattermost', cause: inner,
        causes: [{ code: 'TOKEN_REVOKED', message: `A ${words}`, check: 'Look.', fix: `Not ${words}` }],
      });
      printError(error, output);
      output.debug(inner.stack ?? '');
      output.json({ error: errorDocument(error) });
      const printed = stdout.text + stderr.text;
      expect(shows(printed, hidden), printed).toBe(false);
      const document = (JSON.parse(stdout.text) as { error: Record<string, unknown> }).error;
      expect(document).toMatchObject({ code: errorDocument(error).code, exitCode: exitCodes[ofError], url: 'https://chat.example.com', name: 'chat', service: 'mattermost' });
      expect(Object.keys(document)).toEqual(Object.keys(errorDocument(error)));
      expect(stderr.text).toContain('Look at ');
      const ours = toCredsetupError(inner);
      expect(JSON.stringify(errorDocument(ours))).not.toContain(hidden);
    }), inputs(300));
  });
});

describe('what is ours', () => {
  const ownWord = fc.constantFrom('mautic', 'mattermost', 'name', 'service', 'status', 'failed', 'ok', 'code', 'file', 'keychain', 'credsetup', 'https', 'http', 'example', 'true', 'saved', 'token', 'password');
  it('is left as it is though a secret is the same word: names of members, codes, sentences, addresses', () => {
    fc.assert(fc.property(fc.array(ownWord, { minLength: 1, maxLength: 5 }), (words) => {
      const { output, stdout, stderr } = sinkWith(...words);
      const document = {
        credentials: [{ name: 'my-mautic', service: 'mautic', method: 'basic', store: 'file', status: 'failed', url: 'https://example.com', message: 'credsetup saved the password in the file' }],
        error: { code: 'TOKEN_REJECTED', message: 'Mattermost does not accept the token.', hint: 'Run credsetup reconnect chat.' },
      };
      output.publish('my-mautic');
      output.json(document);
      expect(JSON.parse(stdout.text)).toEqual(document);
      output.say('Saved as my-mautic in the file: credsetup test my-mautic');
      expect(stderr.text).toBe('Saved as my-mautic in the file: credsetup test my-mautic\n');
    }), inputs(300));
  });

  it('is one JSON document whatever stands in it, and no terminal escape and no runner\'s command comes out', () => {
    const hostile = fc.array(fc.oneof(fc.constantFrom('\u001b[31m', '::add-mask::', '::set-output name=x::', '##[error]', '##vso[task]', '\n', '\r', '\u202e', '\ud800', '__proto__', '\u0085', '\u2028'), fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 10 }).map((parts) => parts.join(''));
    fc.assert(fc.property(hostile, hostile, fc.jsonValue(), (one, other, value) => {
      const { output, stdout, stderr } = sinkWith('a-secret-of-this-run-4711');
      output.json({ account: { [one]: other }, name: one, list: [value] });
      expect(() => JSON.parse(stdout.text) as unknown).not.toThrow();
      output.say(`${one} ${foreign(other)}`);
      output.debug(one);
      expect(output.plain(one)).not.toContain('\u001b');
      for (const line of (stdout.text + stderr.text).split('\n')) {
        expect(line.trimStart().startsWith('::')).toBe(false);
        expect(line).not.toMatch(/##\w*\[/);
        expect(line).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069\u200b-\u200f]/u);
      }
    }), inputs(400));
  });
});
