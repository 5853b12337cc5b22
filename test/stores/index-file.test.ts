import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCredsetupError } from '../../src/errors.ts';
import { certificatesDigest, emptyIndex, parseIndex, readIndex, writeIndex, type Index } from '../../src/stores/index-file.ts';
import { newKey } from '../../src/stores/store.ts';
import { inputs } from '../generated.ts';
import { credentialNamed, failure, temporaryFolder } from './support.ts';

const certificates = ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'];
const digest = certificatesDigest(certificates);

function whole(): Index {
  const credential = {
    ...credentialNamed('chat').credential, store: 'file' as const, grant: 'authorization-code', expiresAt: '2027-01-01T00:00:00.000Z',
    capabilities: { teams: true }, handedOver: { to: 'n8n', at: '2027-01-01T00:00:00Z', state: 'done' }, warnings: [{ code: 'SESSION_TOKEN', message: 'It ends.' }],
  };
  return {
    version: 1, damaged: [],
    entries: [
      { credential, key: newKey() },
      { credential: { ...credential, name: 'Other', store: 'keychain', caCertificates: 1 }, key: newKey(), caSha256: digest },
    ],
    certificates: { [digest]: certificates },
    pending: [{ key: newKey(), store: 'file' }],
    leftovers: [{ key: newKey(), store: 'keychain' }],
  };
}

/** As it stands in the file. */
function written(document: unknown): string {
  return JSON.stringify(document, (name, value: unknown) => name === 'damaged' ? undefined : value);
}

/** `damaged` where it is one entry by itself. */
function codeOf(document: unknown): string {
  const bytes = typeof document === 'string' ? Buffer.from(document) : Buffer.from(written(document));
  try {
    return parseIndex(bytes, 'index.json').damaged.length > 0 ? 'damaged' : 'fine';
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    expect(error.message).toContain('index.json');
    expect(error.hint).not.toBe('');
    return error.code;
  }
}

/** Every place in a document, as a way to it. */
function places(value: unknown, way: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [way];
  return [way, ...Object.entries(value).flatMap(([name, one]) => places(one, [...way, name]))];
}

function replaced(document: unknown, way: readonly (string | number)[], put: (there: unknown) => unknown): unknown {
  const [first, ...rest] = way;
  if (first === undefined) return put(document);
  const copy: Record<string | number, unknown> = Array.isArray(document) ? [...(document as unknown[])] as unknown as Record<string, unknown> : {
    ...(document as Record<string, unknown>),
  };
  const inner = replaced(copy[first], rest, put);
  if (inner === undefined && !Array.isArray(copy)) return Object.fromEntries(Object.entries(copy).filter(([name]) => name !== String(first)));
  copy[first] = inner;
  return copy;
}

describe('the index', () => {
  it('comes back as it was written, without certificates that nobody names', async () => {
    const home = await temporaryFolder();
    const index = whole();
    await writeIndex(home, { ...index, certificates: { ...index.certificates, [certificatesDigest(['x'])]: ['x'] } });
    expect(await readIndex(home)).toEqual(index);
  });

  it('is empty where no file is', async () => {
    expect(await readIndex(await temporaryFolder())).toBe(emptyIndex);
  });

  it('of a newer program is STORE_TOO_NEW', () => {
    expect(codeOf({ version: 2, everything: 'else' })).toBe('STORE_TOO_NEW');
  });

  it.each([
    ['a name twice, in another case', (index: Index) => ({ ...index, entries: index.entries.map((entry, at) => ({ ...entry, credential: { ...entry.credential, name: at === 0 ? 'chat' : 'CHAT' } })) })],
    ['a key in an entry and among the leftovers', (index: Index) => ({ ...index, leftovers: [{ key: index.entries[0]!.key, store: 'file' }] })],
    ['an altered certificate', (index: Index) => ({ ...index, certificates: { [digest]: ['other'] } })],
  ])('with %s is STORE_CORRUPT', (_, change) => {
    expect(codeOf(whole())).toBe('fine');
    expect(codeOf(change(whole()))).toBe('STORE_CORRUPT');
  });

  it.each([
    ['a missing certificate', (index: Index) => ({ ...index, certificates: {} })],
    ['a wrong count of certificates', (index: Index) => replaced(index, ['entries', 1, 'credential', 'caCertificates'], () => 2)],
    ['a store that is none', (index: Index) => replaced(index, ['entries', 1, 'credential', 'store'], () => 'none')],
    ['anything else', (index: Index) => replaced(index, ['entries', 1], () => 'nothing')],
  ])('with %s in an entry leaves the others usable', (_, change) => {
    const document = change(whole());
    expect(codeOf(document)).toBe('damaged');
    const { entries, damaged } = parseIndex(Buffer.from(typeof document === 'string' ? document : written(document)), 'index.json');
    expect(entries.map(({ credential: { name } }) => name)).toEqual(['chat']);
    expect(damaged[0]!.why).toMatch(/entries\[1\]/);
  });

  it('keeps a damaged entry as it is when another one is written', async () => {
    const home = await temporaryFolder();
    const index = whole();
    await writeIndex(home, index);
    const raw = { ...JSON.parse(JSON.stringify(index.entries[1])) as object, surprise: 'kept' };
    const path = join(home, 'index.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/"key": "[0-9a-f]{32}",\s+"caSha256"/, (found) => `"surprise": "kept", ${found}`));
    const read = await readIndex(home);
    expect(read.damaged).toEqual([{ raw, why: 'entries[1] has a member that is not known', name: 'Other', place: { key: index.entries[1]!.key, store: 'keychain' } }]);
    await writeIndex(home, { ...read, entries: [] });
    expect((await readIndex(home)).damaged).toMatchObject([{ raw, name: 'Other' }]);
    // With the certificates that it names.
    expect(Object.keys((await readIndex(home)).certificates)).toEqual([digest]);
  });

  it('of 15,000 entries is written and read, and one that would not be read again is not written', async () => {
    const home = await temporaryFolder();
    const [first] = whole().entries;
    const many = (count: number, message = 'It ends.'): Index => ({ ...emptyIndex, entries: Array.from({ length: count }, (_, at) => ({ key: newKey(), credential: { ...first!.credential, name: `chat-${at}`, warnings: [{ code: 'SESSION_TOKEN', message }] } })) });
    await writeIndex(home, many(15_000));
    expect((await readIndex(home)).entries).toHaveLength(15_000);
    const error = await failure(writeIndex(home, many(15_000, 'x'.repeat(4096))), 'STORE_UNWRITABLE');
    expect(error.hint).toContain('credsetup remove');
    expect((await readIndex(home)).entries).toHaveLength(15_000);
  });

  it.each([
    ['url', 'file:///etc/passwd'], ['url', 'https://user:secret@example.com'], ['url', 'javascript:alert(1)'], ['url', ''],
    ['name', '-rf'], ['name', '../x'], ['name', ''], ['id', '../../etc'], ['id', ''], ['service', 'Mautic\n'], ['createdAt', 'yesterday'],
    ['createdAt', '2026-13-01T00:00:00Z'], ['validatedAt', '2026-01-01T00:00:00+01:00'], ['allowHttp', 'true'], ['expiresAt', null], ['warnings', {}],
  ])('with a credential whose %s is %j has one damaged entry', (member, value) => {
    expect(codeOf(replaced(whole(), ['entries', 0, 'credential', member], () => value))).toBe('damaged');
  });

  it('with one place changed to anything is fine, has a damaged entry, or is STORE_CORRUPT or STORE_TOO_NEW, and never another failure', () => {
    const index = whole();
    fc.assert(fc.property(fc.constantFrom(...places(index)), fc.oneof(fc.jsonValue(), fc.string(), fc.constant(undefined)), (way, value) => {
      const altered = replaced(index, way, () => value);
      expect(['fine', 'damaged', 'STORE_CORRUPT', 'STORE_TOO_NEW']).toContain(codeOf(altered ?? null));
    }), inputs(3000));
  });

  it('with an unknown member anywhere is STORE_CORRUPT, in an entry that one is damaged', () => {
    const index = whole();
    const objects = places(index).filter((way) => {
      const there = way.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], index);
      return typeof there === 'object' && there !== null && !Array.isArray(there) && !way.includes('capabilities');
    });
    for (const way of objects) expect(codeOf(replaced(index, way, (there) => ({ ...(there as object), surprise: 1 }))), way.join('.')).toBe(way[0] === 'entries' ? 'damaged' : 'STORE_CORRUPT');
  });

  it('of any bytes is STORE_CORRUPT or STORE_TOO_NEW', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'))), (text) => {
      expect(['STORE_CORRUPT', 'STORE_TOO_NEW']).toContain(codeOf(text));
    }), inputs(1000));
    for (const text of ['', 'null', '[]', '{}', '['.repeat(100_000), '{"version":1}', '{"version":"1"}', '\ufeff{}', '{"__proto__":{"version":1}}']) expect(codeOf(text)).toBe('STORE_CORRUPT');
  });

  it('that is damaged is never repeated in the error', () => {
    for (const text of ['"my-secret', '{"version":1,"my-secret":2}']) {
      expect(() => parseIndex(Buffer.from(text), 'index.json')).toThrow(expect.not.objectContaining({ message: expect.stringContaining('my-secret') }));
    }
  });

  it('is not written when it could not be read again', async () => {
    const home = await temporaryFolder();
    await writeIndex(home, whole());
    const before = await readFile(join(home, 'index.json'));
    const bad = replaced(whole(), ['entries', 0, 'credential', 'url'], () => 'nowhere') as Index;
    await failure(writeIndex(home, bad), 'UNEXPECTED');
    expect(await readFile(join(home, 'index.json'))).toEqual(before);
  });

  it('that is damaged is not overwritten', async () => {
    const home = await temporaryFolder();
    await writeFile(join(home, 'index.json'), '{');
    const error = await failure(readIndex(home), 'STORE_CORRUPT');
    expect(error.message).toContain(home);
    expect(await readFile(join(home, 'index.json'), 'utf8')).toBe('{');
  });
});
