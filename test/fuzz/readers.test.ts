/** Records, exports and lists from anybody's hand: each is what it was, or an error of ours that repeats none of it. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { isCredsetupError, type ErrorCode } from '../../src/errors.ts';
import { readManifest } from '../../src/manifest/read.ts';
import { entriesOf, wantedOf } from '../../src/stored/export-file-reader.ts';
import { readRecord, recordText } from '../../src/stores/record.ts';
import { newKey } from '../../src/stores/store.ts';
import { toJson } from '../../src/exporters/json.ts';
import { chat, crm, plain, signedIn } from '../exporters/support.ts';
import { inputs } from '../generated.ts';
import { credentialNamed } from '../stores/credentials.ts';

/** A text with a few places cut, doubled or changed. */
const changes = fc.array(fc.tuple(fc.nat(10_000), fc.constantFrom('', '"', '{', '}', ',', ':', '\\', '\n', '0', 'null', '__proto__', '\u0000', 'é', '  '), fc.nat(12)), { minLength: 1, maxLength: 3 });
const changed = (text: string, list: readonly (readonly [number, string, number])[]): string => list.reduce((whole, [at, put, cut]) => {
  const place = at % (whole.length + 1);
  return whole.slice(0, place) + put + whole.slice(place + cut);
}, text);

/** A JSON document with one member anywhere replaced. */
function withMember(document: unknown, place: number, put: unknown): unknown {
  const ways = waysOf(document);
  return placed(document, ways[place % ways.length] ?? [], put);
}

function waysOf(value: unknown, way: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [way];
  return [way, ...Object.entries(value).flatMap(([name, one]) => waysOf(one, [...way, name]))];
}

function placed(value: unknown, [first, ...rest]: readonly string[], put: unknown): unknown {
  if (first === undefined) return put;
  const copy = (Array.isArray(value) ? [...value as unknown[]] : { ...value as object }) as Record<string, unknown>;
  copy[first] = placed(copy[first], rest, put);
  return copy;
}

/** What it is, or the code of our error, in which nothing of the secret stands. */
function outcome<T>(read: () => T, secrets: readonly string[], codes: readonly ErrorCode[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    expect(codes).toContain(error.code);
    for (const secret of secrets) expect(`${error.message} ${error.hint}`).not.toContain(secret);
    return undefined;
  }
}

const put = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string(), fc.constantFrom('https://evil.example', '../../etc', '-rf', '__proto__', 'file:///etc/passwd', 2, -1, true, null));

/** A record's text with the checksum that fits it. */
function withSum(record: unknown): string {
  const plain = JSON.stringify(record);
  return `${plain.slice(0, -1)},"sum":"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"}`;
}

describe('a record', () => {
  const full = credentialNamed('chat', 'q8zk3wexr5tnb7yp4dhc9gfjma');
  const entry = { credential: { ...full.credential, store: 'file' as const }, key: newKey() };
  const text = recordText(full);
  const { sum, ...plainRecord } = JSON.parse(text) as Record<string, unknown>;

  it('is the one that was written, to the letter where it has a checksum, or STORE_CORRUPT or STORE_TOO_NEW', () => {
    expect(readRecord(text, entry).secrets).toEqual(full.secrets);
    fc.assert(fc.property(fc.oneof(changes.map((list) => changed(text, list)), fc.string({ unit: 'binary' }), fc.json()), (stored) => {
      const record = outcome(() => readRecord(stored, entry), ['q8zk3wexr5'], ['STORE_CORRUPT', 'STORE_TOO_NEW']);
      // A text that lost its whole checksum is one from before there were any: bound to its place, which the next test holds.
      if (record !== undefined && Object.hasOwn(JSON.parse(stored) as object, 'sum')) expect(stored).toBe(text);
    }), inputs(1500));
  });

  it('with any member changed by who knows how the checksum is made, or that there once was none, is bound to the index still', () => {
    expect(withSum(plainRecord)).toBe(text);
    expect(sum).toHaveLength(22);
    fc.assert(fc.property(fc.nat(1000), put, (place, value) => {
      const { id, service, method, url, ignoreSslIssues, allowHttp } = full.credential;
      for (const written of [withSum, JSON.stringify]) {
        const record = outcome(() => readRecord(written(withMember(plainRecord, place, value)), entry), ['q8zk3wexr5'], ['STORE_CORRUPT', 'STORE_TOO_NEW']);
        if (record !== undefined) expect(record).toMatchObject({ id, service, method, url, ignoreSslIssues, allowHttp });
      }
    }), inputs(1500));
  });
});

describe('an export', () => {
  const secrets = ['q8zk3wexr5tnb7yp4dhc9gfjma', 'Practice-4711', 'the-access-token'];
  const text = toJson([chat(secrets[0]!), crm(secrets[1]!), signedIn()], plain);
  const allowed = { ignoreSslIssues: false, allowHttp: false, certificates: [], store: 'file', ids: new Map() } as const;
  const whole = JSON.parse(text) as unknown;

  const read = (json: string): void => {
    const entries = outcome(() => entriesOf(json, 'export.json'), secrets, ['FILE_INVALID', 'FILE_TOO_NEW']);
    for (const one of entries === undefined ? [] : wantedOf(entries, 'export.json', allowed)) {
      if ('status' in one) {
        expect(isCredsetupError(one.error)).toBe(true);
        expect(JSON.stringify([one.error?.message, one.error?.hint])).not.toMatch(/q8zk3wexr5|Practice-4711|the-access-token/);
        continue;
      }
      expect(one.name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/);
      expect(one.url).toMatch(/^https?:\/\//);
      // A file alone weakens nothing.
      expect(one.connection).toMatchObject({ ignoreSslIssues: false, allowHttp: false });
    }
  };

  it('gives what can be typed, or an error that repeats no secret', () => {
    fc.assert(fc.property(fc.oneof(changes.map((list) => changed(text, list)), fc.string({ unit: 'binary' }), fc.json()), read), inputs(800));
  });

  it('with any member replaced weakens no connection and names no other place', () => {
    fc.assert(fc.property(fc.nat(10_000), put, (place, value) => { read(JSON.stringify(withMember(whole, place, value))); }), inputs(800));
  });
});

describe('a list for apply', () => {
  const whole = { version: 1, credentials: [
    { name: 'chat', service: 'mattermost', url: 'https://chat.example.com', token: { env: 'CREDSETUP_CHAT' } },
    { name: 'crm', service: 'mautic', method: 'basic', url: 'https://crm.example.com', username: 'ada', password: { file: 'crm' }, store: 'file' },
  ] };
  const text = stringify(whole);

  const read = (yaml: string): void => {
    const entries = outcome(() => readManifest(yaml, 'list.yaml'), ['s3cret-in-the-list'], ['FILE_INVALID', 'FILE_TOO_NEW']) ?? [];
    for (const { name, service, sources } of entries) {
      expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/);
      expect(['mautic', 'mattermost', 'n8n']).toContain(service);
      for (const source of Object.values(sources)) expect(Object.keys(source).length).toBe(1);
    }
  };

  it('is a list of what is known, or FILE_INVALID', () => {
    const yaml = fc.constantFrom('&a ', '*a', '!!js/function ', '!!binary ', '<<: ', '- ', '? ', '| ', '> ', '{', '[', '%YAML 1.1\n', '---\n', '...\n', '\t', '#', 's3cret-in-the-list', '"');
    const inserted = fc.array(fc.tuple(fc.nat(10_000), yaml, fc.nat(8)), { minLength: 1, maxLength: 3 });
    fc.assert(fc.property(fc.oneof(changes.map((list) => changed(text, list)), inserted.map((list) => changed(text, list)), fc.string({ unit: 'binary' })), read), inputs(500));
  });

  it('with any member replaced holds no secret of its own', () => {
    fc.assert(fc.property(fc.nat(10_000), fc.oneof(put, fc.constant('s3cret-in-the-list')), (place, value) => { read(stringify(withMember(whole, place, value))); }), inputs(500));
  });
});
