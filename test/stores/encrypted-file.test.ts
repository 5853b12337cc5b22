import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chmod, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { armor, Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CredsetupError } from '../../src/errors.ts';
import { createEncryptedFile, type EncryptedFileOptions } from '../../src/stores/encrypted-file.ts';
import type { SecretStore } from '../../src/stores/store.ts';
import { has } from '../tools.ts';
import { buildEntries, type Built } from './built.ts';
import { failure, identity, now, temporaryFolder } from './support.ts';

let built: Built;
beforeAll(async () => { built = await buildEntries('src/stores/scrypt-worker'); });
afterAll(async () => { await built.remove(); });

const key = '0123456789abcdef0123456789abcdef';
/** Fast where the factor is not what is tested. */
const quick = 10;

function storeOf(home: string, change: Partial<EncryptedFileOptions> = {}): SecretStore {
  return createEncryptedFile({
    home, workerPath: built.path('scrypt-worker'), now, workFactor: quick,
    identity: async () => undefined, passphrase: async () => 'correct horse', ...change,
  });
}

const given = { identity: async () => identity };

/** What fails must leave every file as it was. */
async function untouched(home: string, task: () => Promise<unknown>): Promise<void> {
  const before = await contents(home);
  await task();
  expect(await contents(home)).toEqual(before);
}

async function contents(home: string): Promise<Record<string, string>> {
  const names = (await readdir(home)).sort();
  const files = await Promise.all(names.map((name) => readFile(join(home, name), 'latin1')));
  return Object.fromEntries(names.map((name, index) => [name, files[index] ?? '']));
}

async function encrypted(text: string, recipient?: string): Promise<string> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient ?? await identityToRecipient(identity));
  return armor.encode(await encrypter.encrypt(text));
}

describe('the encrypted file with a passphrase', () => {
  it('asks to create once, opens without a question in the same run, and asks once in the next', async () => {
    const home = await temporaryFolder();
    const asked: string[] = [];
    const passphrase = async (purpose: string): Promise<string> => {
      asked.push(purpose);
      return 'correct horse';
    };
    const store = storeOf(home, { passphrase });
    expect(store.asks).toBe(true);
    await store.prepare();
    expect(store.asks).toBe(false);
    await store.write(key, 'secret');
    const next = storeOf(home, { passphrase });
    expect(await Promise.all([next.read(key), next.read(key)])).toEqual(['secret', 'secret']);
    expect(asked).toEqual(['create', 'open']);
  });

  it('asks for nothing where no file is', async () => {
    const passphrase = async (): Promise<string> => { throw new Error('asked'); };
    const store = storeOf(await temporaryFolder(), { passphrase });
    await store.open('open');
    expect(await store.read(key)).toBeUndefined();
    expect(await store.delete(key)).toBe(false);
  });

  it('refuses a wrong one, leaves the files as they are, and takes the right one after', async () => {
    const home = await temporaryFolder();
    await storeOf(home).write(key, 'secret');
    const answers = ['wrong', '', 'correct horse'];
    const store = storeOf(home, { passphrase: async () => answers.shift()! });
    await untouched(home, () => failure(store.prepare(), 'PASSPHRASE_REJECTED'));
    await untouched(home, () => failure(store.write(key, 'other'), 'PASSPHRASE_REJECTED'));
    await store.prepare();
    expect(await store.read(key)).toBe('secret');
  });

  it('refuses an empty new one before anything is written', async () => {
    const home = await temporaryFolder();
    await failure(storeOf(home, { passphrase: async () => '' }).prepare(), 'INPUT_INVALID');
    expect(await readdir(home)).toEqual([]);
  });

  it('passes on that none can be asked for', async () => {
    const missing = new CredsetupError('INPUT_MISSING', 'No passphrase.', { hint: 'Give one.' });
    const store = storeOf(await temporaryFolder(), { passphrase: async () => { throw missing; } });
    expect(await failure(store.prepare(), 'INPUT_MISSING')).toBe(missing);
  });

  it('keeps the event loop free while scrypt runs at its real work factor', async () => {
    const store = storeOf(await temporaryFolder(), { workFactor: 18 });
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 10);
    const began = performance.now();
    await store.prepare();
    clearInterval(timer);
    expect(performance.now() - began).toBeGreaterThan(400);
    expect(longest).toBeLessThan(400);
  });

  it('stops scrypt at once when the run is stopped', async () => {
    const stopper = new AbortController();
    const stop = new CredsetupError('CANCELLED', 'Stopped.', { hint: 'Again.' });
    const passphrase = async (): Promise<string> => {
      setImmediate(() => stopper.abort(stop));
      return 'correct horse';
    };
    const began = performance.now();
    const store = storeOf(await temporaryFolder(), { workFactor: 20, passphrase, signal: stopper.signal });
    expect(await failure(store.prepare(), 'CANCELLED')).toBe(stop);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('keeps one identity when two runs create it at once', async () => {
    const home = await temporaryFolder();
    const [one, two] = [storeOf(home), storeOf(home)];
    await Promise.all([one.open('create'), two.open('create')]);
    await one.write(key, 'secret');
    expect(await two.read(key)).toBe('secret');
    expect(await storeOf(home).read(key)).toBe('secret');
  });

  it('refuses a work factor above its own without trying it', async () => {
    const home = await temporaryFolder();
    await storeOf(home).write(key, 'secret');
    const path = join(home, 'identity.age');
    const text = Buffer.from(armor.decode(await readFile(path, 'utf8'))).toString('latin1');
    await writeFile(path, Buffer.from(text.replace(/(-> scrypt \S+) 10\n/, '$1 22\n'), 'latin1'));
    const began = performance.now();
    await untouched(home, async () => {
      const error = await failure(storeOf(home).read(key), 'STORE_CORRUPT');
      expect(error.message).toContain('work factor 22');
    });
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('does not make a new identity where the old one is lost', async () => {
    const home = await temporaryFolder();
    await storeOf(home).write(key, 'secret');
    await rm(join(home, 'identity.age'));
    await untouched(home, () => failure(storeOf(home).prepare(), 'STORE_CORRUPT'));
    await untouched(home, () => failure(storeOf(home).write(key, 'x'), 'STORE_CORRUPT'));
  });
});

describe('the encrypted file with an identity', () => {
  it('takes the line alone and the file of age-keygen', async () => {
    const home = await temporaryFolder();
    await storeOf(home, given).write(key, 'secret');
    const file = `# created: 2026-01-01T00:00:00Z\r\n# public key: age1...\r\n${identity}\r\n\r\n`;
    expect(await storeOf(home, { identity: async () => file }).read(key)).toBe('secret');
    expect(await readdir(home)).toEqual(['credentials.age']);
  });

  it.each([
    ['nothing', ''], ['some text', 'hello'], ['two identities', `${identity}\n${identity}`], ['a recipient', 'age1qqqq'],
    ['a wrong checksum', `${identity.slice(0, -1)}7`], ['an encrypted one', '-----BEGIN AGE ENCRYPTED FILE-----'],
  ])('refuses %s and does not repeat it', async (_, text) => {
    const home = await temporaryFolder();
    const error = await failure(storeOf(home, { identity: async () => text }).prepare(), 'INPUT_INVALID');
    if (text !== '') expect(error.message + error.hint).not.toContain(text);
    expect(await readdir(home)).toEqual([]);
  });

  it('tells a wrong identity from a damaged file, and overwrites neither', async () => {
    const home = await temporaryFolder();
    await storeOf(home, given).write(key, 'secret');
    const other = await generateX25519Identity();
    const store = storeOf(home, { identity: async () => other });
    await untouched(home, () => failure(store.prepare(), 'PASSPHRASE_REJECTED'));
    await untouched(home, () => failure(store.write(key, 'x'), 'PASSPHRASE_REJECTED'));
    await untouched(home, () => failure(store.delete(key), 'PASSPHRASE_REJECTED'));
  });

  it('says that it is needed when none is given', async () => {
    const home = await temporaryFolder();
    await storeOf(home, given).write(key, 'secret');
    const error = await failure(storeOf(home).read(key), 'INPUT_MISSING');
    expect(error.details.missing?.[0]?.variable).toBe('CREDSETUP_IDENTITY');
  });

  it('encrypts to its own identity alone, whatever the file said before', async () => {
    const home = await temporaryFolder();
    const spy = await generateX25519Identity();
    const encrypter = new Encrypter();
    encrypter.addRecipient(await identityToRecipient(identity));
    encrypter.addRecipient(await identityToRecipient(spy));
    await writeFile(join(home, 'credentials.age'), await encrypter.encrypt('{"version":1,"records":{}}'));
    await storeOf(home, given).write(key, 'secret');
    const decrypter = new Decrypter();
    decrypter.addIdentity(spy);
    await expect(decrypter.decrypt(armor.decode(await readFile(join(home, 'credentials.age'), 'utf8')))).rejects.toThrow('no identity matched');
  });
});

describe('a damaged encrypted file', () => {
  it('is STORE_CORRUPT whichever byte changed, and stays as it is', async () => {
    const home = await temporaryFolder();
    const path = join(home, 'credentials.age');
    await storeOf(home, given).write(key, 'secret');
    const binary = armor.decode(await readFile(path, 'utf8'));
    await fc.assert(fc.asyncProperty(fc.nat(binary.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const altered = Buffer.from(binary);
      altered[at] = altered[at]! ^ change;
      await writeFile(path, altered);
      const error = await storeOf(home, given).write(key, 'new').then(() => undefined, (reason: unknown) => reason as CredsetupError);
      // A changed version number may look newer.
      expect(['STORE_CORRUPT', 'STORE_TOO_NEW']).toContain(error?.code);
      expect(await readFile(path)).toEqual(altered);
    }), { numRuns: 150 });
  });

  it('is STORE_CORRUPT or still whole whichever character of its armor changed', async () => {
    const home = await temporaryFolder();
    const path = join(home, 'credentials.age');
    await storeOf(home, given).write(key, 'secret');
    const text = await readFile(path);
    await fc.assert(fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const altered = Buffer.from(text);
      altered[at] = altered[at]! ^ change;
      await writeFile(path, altered);
      const answer = await storeOf(home, given).read(key).catch((error: unknown) => (error as CredsetupError).code);
      expect(['secret', 'STORE_CORRUPT']).toContain(answer);
    }), { numRuns: 150 });
  });

  it('is STORE_CORRUPT however it was cut, and however junk was added', async () => {
    const home = await temporaryFolder();
    const path = join(home, 'credentials.age');
    await storeOf(home, given).write(key, 'secret');
    const binary = armor.decode(await readFile(path, 'utf8'));
    await fc.assert(fc.asyncProperty(fc.nat(binary.length - 1), fc.uint8Array({ maxLength: 40 }), async (length, junk) => {
      const altered = Buffer.concat([binary.subarray(0, length), junk]);
      if (altered.equals(binary)) return;
      await writeFile(path, altered);
      expect(await storeOf(home, given).read(key).catch((error: unknown) => (error as CredsetupError).code)).toBe('STORE_CORRUPT');
    }), { numRuns: 200 });
  });

  it.each([
    ['no JSON', 'hello', 'STORE_CORRUPT'], ['another shape', '[]', 'STORE_CORRUPT'], ['no version', '{"records":{}}', 'STORE_CORRUPT'],
    ['a newer version', '{"version":2,"records":{},"more":1}', 'STORE_TOO_NEW'], ['a record that is no text', `{"version":1,"records":{"${key}":1}}`, 'STORE_CORRUPT'],
    ['a name that is no key', '{"version":1,"records":{"__proto__":"x"}}', 'STORE_CORRUPT'], ['an unknown member', '{"version":1,"records":{},"x":1}', 'STORE_CORRUPT'],
  ] as const)('with %s inside is %3$s and stays as it is', async (_, text, code) => {
    const home = await temporaryFolder();
    await writeFile(join(home, 'credentials.age'), await encrypted(text));
    await untouched(home, () => failure(storeOf(home, given).read(key), code));
    await untouched(home, () => failure(storeOf(home, given).write(key, 'x'), code));
  });

  it('tells an altered identity from a wrong passphrase', async () => {
    const home = await temporaryFolder();
    const path = join(home, 'identity.age');
    await storeOf(home).write(key, 'secret');
    const binary = armor.decode(await readFile(path, 'utf8'));
    await fc.assert(fc.asyncProperty(fc.nat(binary.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const altered = Buffer.from(binary);
      altered[at] = altered[at]! ^ change;
      await writeFile(path, altered);
      const error = await storeOf(home).read(key).then(() => undefined, (reason: unknown) => reason as CredsetupError);
      expect(['STORE_CORRUPT', 'STORE_TOO_NEW']).toContain(error?.code);
      expect(await readFile(path)).toEqual(altered);
    }), { numRuns: 25 });
  });

  it('tells it also where only the cryptography sees the change', async () => {
    const home = await temporaryFolder();
    const path = join(home, 'identity.age');
    await storeOf(home).write(key, 'secret');
    const text = Buffer.from(armor.decode(await readFile(path, 'utf8'))).toString('latin1');
    // Another salt, as well formed as the first.
    await writeFile(path, Buffer.from(text.replace(/-> scrypt (.)/, (_, first: string) => `-> scrypt ${first === 'A' ? 'B' : 'A'}`), 'latin1'));
    await untouched(home, () => failure(storeOf(home).read(key), 'STORE_CORRUPT'));
  });

  it('says what it is when it holds no age file at all', async () => {
    const home = await temporaryFolder();
    for (const text of ['', 'age', 'age-encryption.org/v1', 'age-encryption.org/v1\n-> X25519 a\n', '-----BEGIN AGE ENCRYPTED FILE-----', '\0'.repeat(100)]) {
      await writeFile(join(home, 'credentials.age'), text);
      await failure(storeOf(home, given).read(key), 'STORE_CORRUPT');
    }
    await writeFile(join(home, 'credentials.age'), 'age-encryption.org/v2\n-> X25519 a\nb\n--- c\n');
    await failure(storeOf(home, given).read(key), 'STORE_TOO_NEW');
  });
});

describe('the files of the encrypted file', () => {
  it('are 0600, also where they were wider before', async () => {
    const home = await temporaryFolder();
    await storeOf(home).write(key, 'secret');
    await chmod(join(home, 'credentials.age'), 0o666);
    await chmod(join(home, 'identity.age'), 0o644);
    await storeOf(home).write(key, 'other');
    for (const name of ['credentials.age', 'identity.age']) expect((await stat(join(home, name))).mode & 0o777).toBe(0o600);
    expect((await readdir(home)).sort()).toEqual(['credentials.age', 'identity.age']);
  });

  it('are not links to somewhere else', async () => {
    const [home, elsewhere] = [await temporaryFolder(), await temporaryFolder()];
    await writeFile(join(elsewhere, 'target'), 'precious');
    await symlink(join(elsewhere, 'target'), join(home, 'credentials.age'));
    await failure(storeOf(home, given).write(key, 'secret'), 'STORE_UNWRITABLE');
    await failure(storeOf(home, given).read(key), 'STORE_UNWRITABLE');
    expect(await readFile(join(elsewhere, 'target'), 'utf8')).toBe('precious');
  });
});

describe.skipIf(!has('age'))('the age program', () => {
  const age = promisify(execFile);

  it('reads the encrypted file with our identity', async () => {
    const home = await temporaryFolder();
    await storeOf(home, given).write(key, 'secret');
    await writeFile(join(home, 'key.txt'), `${identity}\n`);
    const { stdout } = await age('age', ['-d', '-i', join(home, 'key.txt'), join(home, 'credentials.age')]);
    expect(JSON.parse(stdout)).toEqual({ version: 1, records: { [key]: 'secret' } });
  });

  it.each([['binary', []], ['armored', ['-a']]])('writes a %s file that we read', async (_, options) => {
    const home = await temporaryFolder();
    execFileSync('age', [...options, '-r', await identityToRecipient(identity), '-o', join(home, 'credentials.age')], { input: JSON.stringify({ version: 1, records: { [key]: 'from age' } }) });
    expect(await storeOf(home, given).read(key)).toBe('from age');
  });

  it('opens the wrapped identity with the passphrase and the data with both', async () => {
    const home = await temporaryFolder();
    await storeOf(home).write(key, 'secret');
    // age reads a passphrase from the terminal only: `script` gives it one.
    const { output } = terminal(`age -d -i ${home}/identity.age -o ${home}/plain ${home}/credentials.age`, 'correct horse');
    expect(await readFile(join(home, 'plain'), 'utf8'), output).toContain('"secret"');
    terminal(`age -d -o ${home}/key.txt ${home}/identity.age`, 'correct horse');
    expect(await readFile(join(home, 'key.txt'), 'utf8')).toMatch(/^# created: 2026-03-01T12:00:00.000Z\n# public key: age1\w+\nAGE-SECRET-KEY-1\w+\n$/);
  });

  it('wraps an identity that we open', async () => {
    const home = await temporaryFolder();
    await writeFile(join(home, 'key.txt'), `${identity}\n`);
    terminal(`age -p -a -o ${home}/identity.age ${home}/key.txt`, 'correct horse', 2);
    const store = storeOf(home, { workFactor: 18 });
    await store.write(key, 'secret');
    expect(await storeOf(home, given).read(key)).toBe('secret');
  });

  function terminal(command: string, typed: string, times = 1): { output: string } {
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { input: `${typed}\n`.repeat(times), encoding: 'utf8' });
    return { output: stdout };
  }
});
