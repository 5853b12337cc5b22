import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { watch } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Credential, FullCredential, Vault } from '../src/context.ts';
import { CredsetupError } from '../src/errors.ts';
import { createEncryptedFile } from '../src/stores/encrypted-file.ts';
import type { SecretStore } from '../src/stores/store.ts';
import { createVault, type VaultOptions } from '../src/vault.ts';
import { credentialNamed, failure, identity, machine, now, temporaryFolder } from './stores/support.ts';

const never = new AbortController().signal;
const yes = (): boolean => true;
const no = (): boolean => false;

function fileStore(home: string): SecretStore {
  return createEncryptedFile({
    home, workerPath: '/nonexistent', now,
    identity: async () => identity,
    passphrase: async () => { throw new Error('no passphrase is needed'); },
  });
}

const untouchable = async (): Promise<SecretStore> => { throw new Error('the store was touched'); };

function vaultOf(home: string, change: Partial<VaultOptions> = {}): Vault {
  return createVault({ home, machine, now, signal: never, stores: { file: async () => fileStore(home), keychain: untouchable }, ...change });
}

/** The encrypted file with some calls changed, as a store that fails there. */
function broken(home: string, change: Partial<SecretStore>): VaultOptions['stores'] {
  const whole = fileStore(home);
  const store: SecretStore = {
    kind: 'file', asks: false,
    open: (purpose) => whole.open(purpose), prepare: () => whole.prepare(), read: (key) => whole.read(key), write: (key, value) => whole.write(key, value),
    delete: (key) => whole.delete(key), confirmAbsence: () => whole.confirmAbsence(), close: () => whole.close(), ...change,
  };
  return { file: async () => store, keychain: untouchable };
}

/** The keys that the encrypted file holds. */
async function storedKeys(home: string): Promise<string[]> {
  const { Decrypter, armor } = await import('age-encryption');
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const plain = await decrypter.decrypt(armor.decode(await readFile(join(home, 'credentials.age'), 'utf8')), 'text');
  return Object.keys((JSON.parse(plain) as { records: object }).records);
}

interface IndexDocument {
  entries: { key: string; caSha256?: string; credential: Record<string, unknown> }[];
  certificates: Record<string, string[]>;
  pending: { key: string; store: string }[];
  leftovers: { key: string; store: string }[];
}

async function readIndex(home: string): Promise<IndexDocument> {
  return JSON.parse(await readFile(join(home, 'index.json'), 'utf8')) as IndexDocument;
}

async function editIndex(home: string, edit: (index: IndexDocument) => void): Promise<void> {
  const index = await readIndex(home);
  edit(index);
  await writeFile(join(home, 'index.json'), JSON.stringify(index));
}

async function saved(...names: string[]): Promise<string> {
  const home = join(await temporaryFolder(), 'home');
  const vault = vaultOf(home);
  for (const name of names) await vault.save(credentialNamed(name), no);
  return home;
}

describe('saving', () => {
  it('keeps a credential whole and gives it back, whatever the case of its name', async () => {
    const home = join(await temporaryFolder(), 'home');
    const vault = vaultOf(home);
    await vault.prepare('file');
    const full = credentialNamed('chat', 'secret', { grant: 'x', expiresAt: '2027-01-01T00:00:00Z', capabilities: { teams: true } });
    expect((await vault.save(full, no)).status).toBe('created');
    expect(await vaultOf(home).load('CHAT')).toEqual(full);
    expect(await vault.find('Chat')).toEqual(full.credential);
  });

  it('commits what is asked for at once together, and refuses one of them alone', async () => {
    const home = await saved('chat-0');
    const steps: string[] = [];
    const vault = vaultOf(home, { onStep: (step) => { steps.push(step); } });
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, (_, at) => vault.save(credentialNamed(`chat-${at}`), no)));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', ...Array.from({ length: 29 }, () => 'fulfilled')]);
    expect(steps.filter((step) => step === 'committed').length).toBeLessThanOrEqual(2);
    const { entries, pending, leftovers } = await readIndex(home);
    expect([entries.length, pending, leftovers]).toEqual([30, [], []]);
    expect((await storedKeys(home)).sort()).toEqual(entries.map(({ key }) => key).sort());
    expect((await vaultOf(home).load('chat-29')).secrets).toEqual({ token: 'token-of-chat-29' });
  });

  it('takes the second of one name for what replaces the first', async () => {
    const vault = vaultOf(join(await temporaryFolder(), 'home'));
    const [first, second] = [credentialNamed('chat', 'one'), credentialNamed('Chat', 'two')];
    const statuses = await Promise.all([credentialNamed('other'), first, second].map(async (full) => (await vault.save(full, () => true)).status));
    expect(statuses).toEqual(['created', 'created', 'replaced']);
    expect((await vault.load('chat')).secrets).toEqual(second.secrets);
  });

  it('keeps no secret in the index', async () => {
    expect(await readFile(join(await saved('chat'), 'index.json'), 'utf8')).not.toContain('token-of-chat');
  });

  it('puts everything into files of 0600 in a folder of 0700', async () => {
    const home = await saved('chat');
    expect((await stat(home)).mode & 0o777).toBe(0o700);
    for (const file of await readdir(home)) expect((await stat(join(home, file))).mode & 0o777, file).toBe(0o600);
  });

  it('clears away what a killed write left half done', async () => {
    const home = await saved('chat');
    for (const name of ['index.json', 'credentials.age']) await writeFile(join(home, `.${name}.0123456789abcdef.tmp`), 'half');
    await vaultOf(home).save(credentialNamed('more'), no);
    expect((await readdir(home)).sort()).toEqual(['.made-by-credsetup', 'credentials.age', 'index.json']);
  });

  it('refuses a taken name in any case, and changes nothing', async () => {
    const home = await saved('chat');
    const before = await readFile(join(home, 'index.json'), 'utf8');
    const error = await failure(vaultOf(home).save(credentialNamed('CHAT', 'other'), no), 'NAME_TAKEN');
    expect(error.details.name).toBe('chat');
    expect(await readFile(join(home, 'index.json'), 'utf8')).toBe(before);
    expect((await vaultOf(home).load('chat')).secrets).toEqual({ token: 'token-of-chat' });
  });

  it('replaces where it may, keeps id and birthday, and leaves no old secret', async () => {
    const home = await saved('chat');
    const there: Credential[] = [];
    const next = credentialNamed('chat', 'new', { id: 'another-id', createdAt: '2030-01-01T00:00:00Z' });
    const result = await vaultOf(home).save(next, (old) => there.push(old) > 0);
    expect(there).toEqual([credentialNamed('chat').credential]);
    expect(result.status).toBe('replaced');
    expect(result.credential).toEqual({ ...next.credential, id: there[0]!.id, createdAt: there[0]!.createdAt });
    expect((await vaultOf(home).load('chat')).secrets).toEqual({ token: 'new' });
    const index = await readIndex(home);
    expect(await storedKeys(home)).toEqual(index.entries.map(({ key }) => key));
    expect([index.pending, index.leftovers]).toEqual([[], []]);
  });

  it('goes under a new random key each time', async () => {
    const home = await saved('chat');
    const [before] = (await readIndex(home)).entries;
    await vaultOf(home).save(credentialNamed('chat'), yes);
    const [after] = (await readIndex(home)).entries;
    expect(after!.key).toMatch(/^[0-9a-f]{32}$/);
    expect(after!.key).not.toBe(before!.key);
  });

  it('refuses a name that is none and a secret that is too large before anything is written', async () => {
    const home = join(await temporaryFolder(), 'home');
    await failure(vaultOf(home).save(credentialNamed('-x'), no), 'NAME_INVALID');
    await failure(vaultOf(home).save(credentialNamed('chat', 'x'.repeat(2560)), no), 'SECRET_TOO_LARGE');
    expect(await vaultOf(home).list()).toEqual([]);
    expect((await readdir(home)).sort()).toEqual(['.made-by-credsetup']);
  });

  it('keeps CA certificates in the index, bound to the secret by their digest', async () => {
    const home = join(await temporaryFolder(), 'home');
    const certificates = ['x'.repeat(4000), 'y'];
    const full: FullCredential = { ...credentialNamed('chat'), certificates };
    await vaultOf(home).save(full, no);
    const loaded = await vaultOf(home).load('chat');
    expect(loaded.certificates).toEqual(certificates);
    expect(loaded.credential.caCertificates).toBe(2);
    await vaultOf(home).save(credentialNamed('chat'), yes);
    expect((await readIndex(home)).certificates).toEqual({});
  });
});

describe('a save that fails', () => {
  const lost = new CredsetupError('STORE_UNAVAILABLE', 'The store is gone.', { hint: 'Bring it back.' });

  it.each([
    ['when the secret is written', { write: async (): Promise<void> => { throw lost; } }],
    ['when it is read back', { read: async (): Promise<string | undefined> => { throw lost; } }],
    ['because another secret comes back', { read: async (): Promise<string | undefined> => 'other' }],
    ['because nothing comes back', { read: async (): Promise<string | undefined> => undefined }],
  ])('%s leaves the old one, and no trace', async (_, change) => {
    const home = await saved('chat');
    const before = await readFile(join(home, 'index.json'), 'utf8');
    await failure(vaultOf(home, { stores: broken(home, change) }).save(credentialNamed('chat', 'new'), yes), 'STORE_UNAVAILABLE');
    expect(await readFile(join(home, 'index.json'), 'utf8')).toBe(before);
    expect((await vaultOf(home).load('chat')).secrets).toEqual({ token: 'token-of-chat' });
    expect(await storedKeys(home)).toHaveLength(1);
  });

  it('and cannot be taken back is taken back by the next one', async () => {
    const home = await saved('chat');
    const stores = broken(home, { read: async () => { throw lost; }, delete: async () => { throw lost; } });
    await failure(vaultOf(home, { stores }).save(credentialNamed('chat', 'new'), yes), 'STORE_UNAVAILABLE');
    expect(await storedKeys(home)).toHaveLength(2);
    expect((await vaultOf(home).load('chat')).secrets).toEqual({ token: 'token-of-chat' });
    await vaultOf(home).save(credentialNamed('more'), no);
    expect((await storedKeys(home)).sort()).toEqual((await readIndex(home)).entries.map(({ key }) => key).sort());
  });

  it('only to delete the old secret is no failure, and the next one deletes it', async () => {
    const home = await saved('chat');
    const stores = broken(home, { delete: async () => { throw lost; } });
    expect((await vaultOf(home, { stores }).save(credentialNamed('chat', 'new'), yes)).status).toBe('replaced');
    expect((await readIndex(home)).leftovers).toHaveLength(1);
    await vaultOf(home).save(credentialNamed('more'), no);
    expect((await readIndex(home)).leftovers).toEqual([]);
    expect(await storedKeys(home)).toHaveLength(2);
  });

  it('because the lock was taken over commits nothing', async () => {
    const home = await saved('chat');
    const vault = vaultOf(home, {
      onStep: async (step) => {
        if (step === 'verified') await writeFile(join(home, 'write.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', nonce: 'f'.repeat(32) }));
      },
    });
    await failure(vault.save(credentialNamed('chat', 'new'), yes), 'STORE_BUSY');
    expect((await vaultOf(home).load('chat')).secrets).toEqual({ token: 'token-of-chat' });
  });

  it('but whose commit arrived after all does not lose the secret that the index names now', async () => {
    const home = await saved('chat');
    const { file } = broken(home, { kind: 'keychain' });
    const vault = vaultOf(home, {
      stores: { file: untouchable, keychain: file },
      onStep: async (step) => {
        if (step !== 'verified') return;
        await editIndex(home, (index) => {
          index.entries.push({ key: index.pending.splice(0)[0]!.key, credential: { ...credentialNamed('more', 'x', { store: 'keychain' }).credential } });
        });
        await writeFile(join(home, 'write.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', nonce: 'f'.repeat(32) }));
      },
    });
    // What the index names is the outcome, and it is said.
    expect((await vault.save(credentialNamed('more', 'x', { store: 'keychain' }), no)).status).toBe('created');
    expect((await vault.load('more')).secrets).toEqual({ token: 'x' });
  });

  it('because another process holds the lock says which', async () => {
    const home = await saved('chat');
    await writeFile(join(home, 'write.lock'), JSON.stringify({ pid: 4711, host: 'elsewhere', nonce: 'f'.repeat(32) }));
    const vault = vaultOf(home, { lock: { timeoutMs: 50 } });
    expect((await failure(vault.save(credentialNamed('more'), no), 'STORE_BUSY')).message).toContain('4711');
    expect((await vault.load('chat')).secrets).toEqual({ token: 'token-of-chat' });
  });
});

describe('moving a credential to another store', () => {
  /** Two encrypted files, one of them in the keychain's place. */
  async function twoStores(home: string, change: Partial<SecretStore> = {}): Promise<VaultOptions['stores']> {
    await mkdir(join(home, 'other'), { recursive: true });
    const { file } = broken(join(home, 'other'), { kind: 'keychain' });
    return { file: broken(home, change).file, keychain: file };
  }

  it('leaves it in the new one alone', async () => {
    const home = await saved('chat');
    const vault = vaultOf(home, { stores: await twoStores(home) });
    await vault.save(credentialNamed('chat', 'new', { store: 'keychain' }), yes);
    expect((await vault.load('chat')).secrets).toEqual({ token: 'new' });
    expect(await storedKeys(home)).toEqual([]);
    expect((await readIndex(home)).leftovers).toEqual([]);
  });

  it('asks for no passphrase only to delete the old one: the next save to that store does', async () => {
    const home = await saved('chat', 'other');
    let asked = 0;
    const ask = async (): Promise<never> => {
      asked += 1;
      throw new Error('asked');
    };
    const stores = await twoStores(home, { asks: true, open: ask, delete: ask });
    await vaultOf(home, { stores }).save(credentialNamed('chat', 'new', { store: 'keychain' }), yes);
    expect((await readIndex(home)).leftovers).toEqual([{ key: expect.any(String), store: 'file' }]);
    await vaultOf(home, { stores }).save(credentialNamed('more', 'x', { store: 'keychain' }), no);
    expect(asked).toBe(0);
    expect(await storedKeys(home)).toHaveLength(2);
    await vaultOf(home).save(credentialNamed('more'), yes);
    expect((await readIndex(home)).leftovers.filter(({ store }) => store === 'file')).toEqual([]);
    expect(await storedKeys(home)).toHaveLength(2);
  });
});

describe('loading', () => {
  it('of an unknown name names the known ones', async () => {
    const home = await saved('a', 'b');
    const error = await failure(vaultOf(home).load('c'), 'NOT_FOUND');
    expect(error.message).toContain('a, b');
    const none = await failure(vaultOf(join(home, 'none')).load('c'), 'NOT_FOUND');
    expect(none.hint).toContain('credsetup --help');
  });

  it('names at most ten', async () => {
    const home = await saved(...Array.from({ length: 12 }, (_, number) => `n${number}`));
    expect((await failure(vaultOf(home).load('x'), 'NOT_FOUND')).message).toContain('and 2 more');
  });

  it('of a secret that is gone is SECRET_MISSING, and says how to check', async () => {
    const home = await saved('chat');
    const [entry] = (await readIndex(home)).entries;
    await fileStore(home).delete(entry!.key);
    const error = await failure(vaultOf(home).load('chat'), 'SECRET_MISSING');
    expect(error.hint).toContain('credsetup reconnect chat');
  });

  it('of a secret that another process has just replaced gives the new one', async () => {
    const home = await saved('chat');
    const whole = fileStore(home);
    let first = true;
    const stores = broken(home, {
      read: async (key) => {
        if (first) await vaultOf(home).save(credentialNamed('chat', 'new'), yes);
        first = false;
        return await whole.read(key);
      },
    });
    expect((await vaultOf(home, { stores }).load('chat')).secrets).toEqual({ token: 'new' });
  });

  it('does not pass a locked store off as an empty one', async () => {
    const home = await saved('chat');
    const locked = new CredsetupError('STORE_LOCKED', 'The keychain is locked.', { hint: 'Unlock it.' });
    const stores = broken(home, { read: async () => undefined, delete: async () => false, confirmAbsence: async () => { throw locked; } });
    await failure(vaultOf(home, { stores }).load('chat'), 'STORE_LOCKED');
    await failure(vaultOf(home, { stores }).remove('chat'), 'STORE_LOCKED');
    expect(await vaultOf(home).list()).toHaveLength(1);
  });

  it.each([
    ['id', 'other'], ['service', 'mautic'], ['method', 'basic'], ['grant', 'client-credentials'], ['url', 'https://evil.example.com'],
    ['ignoreSslIssues', true], ['allowHttp', true], ['fields', { username: 'eve' }], ['fields', { username: 'ada', tokenId: 'x' }], ['fields', {}],
  ])('with another %s in the index is STORE_CORRUPT', async (member, value) => {
    const home = await saved('chat');
    await editIndex(home, ({ entries }) => { entries[0]!.credential[member] = value; });
    const error = await failure(vaultOf(home).load('chat'), 'STORE_CORRUPT');
    expect(error.message).not.toContain('token-of-chat');
  });

  it.each([
    ['its token alone', (text: string) => text.replace('token-of-chat', 'token-of-eves')],
    ['a line end behind it', (text: string) => `${text}\n`],
    ['a space before it', (text: string) => ` ${text}`],
    ['white space inside', (text: string) => text.replace(',', ', ')],
    ['a space in its token', (text: string) => text.replace('token-of-chat', 'token-of-chat ')],
    ['the checksum', (text: string) => text.replace(/"sum":"./, '"sum":"_')],
    ['a shorter checksum', (text: string) => text.replace(/.(?="\}$)/, '')],
    ['white space where there is no checksum', (text: string) => `${text.replace(/,"sum":"[^"]*"/, '')}\n`],
  ])('whose record was changed by another hand is STORE_CORRUPT: %s', async (_, change) => {
    const home = await saved('chat');
    const { key } = (await readIndex(home)).entries[0]!;
    const text = (await fileStore(home).read(key))!;
    expect(change(text)).not.toBe(text);
    await fileStore(home).write(key, change(text));
    const error = await failure(vaultOf(home).load('chat'), 'STORE_CORRUPT');
    expect(error.message).toContain('by something else than credsetup');
    expect(error.hint).toContain('credsetup reconnect chat');
    await vaultOf(home).remove('chat');
  });

  it('reads a record from before there were checksums', async () => {
    const home = await saved('chat');
    const { key } = (await readIndex(home)).entries[0]!;
    const text = (await fileStore(home).read(key))!;
    await fileStore(home).write(key, text.replace(/,"sum":"[^"]*"/, ''));
    expect((await vaultOf(home).load('chat')).secrets).toEqual({ token: 'token-of-chat' });
  });

  it('with the keys of two credentials exchanged is STORE_CORRUPT', async () => {
    const home = join(await temporaryFolder(), 'home');
    const vault = vaultOf(home);
    await vault.save(credentialNamed('one'), no);
    await vault.save(credentialNamed('two', 'other', { url: 'https://other.example.com' }), no);
    await editIndex(home, ({ entries }) => { [entries[0]!.key, entries[1]!.key] = [entries[1]!.key, entries[0]!.key]; });
    await failure(vault.load('one'), 'STORE_CORRUPT');
    await failure(vault.load('two'), 'STORE_CORRUPT');
  });

  it('with other CA certificates in the index, digest and all, is STORE_CORRUPT', async () => {
    const home = join(await temporaryFolder(), 'home');
    const vault = vaultOf(home);
    await vault.save({ ...credentialNamed('one'), certificates: ['real'] }, no);
    await vault.save({ ...credentialNamed('two'), certificates: ['evil'] }, no);
    await editIndex(home, ({ entries }) => { entries[0]!.caSha256 = entries[1]!.caSha256!; });
    await failure(vault.load('one'), 'STORE_CORRUPT');
    await editIndex(home, ({ entries }) => { delete entries[0]!.caSha256; entries[0]!.credential['caCertificates'] = 0; });
    await failure(vault.load('one'), 'STORE_CORRUPT');
  });

  it.each([['of a newer program', '{"version":2}', 'STORE_TOO_NEW'], ['that is damaged', '{"version":1}', 'STORE_CORRUPT'], ['that is no JSON', 'token', 'STORE_CORRUPT']] as const)('of a record %s is %3$s', async (_, text, code) => {
    const home = await saved('chat');
    const [entry] = (await readIndex(home)).entries;
    await fileStore(home).write(entry!.key, text);
    await failure(vaultOf(home).load('chat'), code);
  });
});

describe('a home', () => {
  it('that is not there lists nothing and is not created', async () => {
    const home = join(await temporaryFolder(), 'home');
    expect(await vaultOf(home, { stores: { file: untouchable, keychain: untouchable } }).list()).toEqual([]);
    expect(await vaultOf(home).find('chat')).toBeUndefined();
    await expect(stat(home)).rejects.toThrow('ENOENT');
  });

  it('is listed without touching a store or writing a file', async () => {
    const home = await saved('b', 'A');
    const before = await readdir(home);
    const { mtimeMs } = await stat(home);
    const vault = vaultOf(home, { stores: { file: untouchable, keychain: untouchable } });
    expect((await vault.list()).map(({ name }) => name)).toEqual(['A', 'b']);
    await vault.close();
    expect(await readdir(home)).toEqual(before);
    expect((await stat(home)).mtimeMs).toBe(mtimeMs);
  });

  it.each([['damaged', '{"version":1', 'STORE_CORRUPT'], ['newer', '{"version":7}', 'STORE_TOO_NEW']] as const)('with a %s index fails everywhere, before any question, and keeps it', async (_, text, code) => {
    const home = await saved('chat');
    await writeFile(join(home, 'index.json'), text);
    const vault = vaultOf(home);
    const calls: readonly (() => Promise<unknown>)[] = [
      () => vault.list(), () => vault.find('x'), () => vault.load('chat'), () => vault.save(credentialNamed('x'), yes), () => vault.remove('chat'), () => vault.rename('chat', 'x'),
    ];
    for (const call of calls) await failure(call(), code);
    await failure(vaultOf(home, { stores: { file: untouchable, keychain: untouchable } }).prepare('file'), code);
    expect(await readFile(join(home, 'index.json'), 'utf8')).toBe(text);
  });

  it('with a hostile index never does more than fail with STORE_CORRUPT or STORE_TOO_NEW', async () => {
    const home = await saved('chat');
    const text = await readFile(join(home, 'index.json'), 'utf8');
    await fc.assert(fc.asyncProperty(fc.nat(text.length - 1), fc.string({ maxLength: 5 }), fc.nat(5), async (at, put, cut) => {
      await writeFile(join(home, 'index.json'), text.slice(0, at) + put + text.slice(at + cut));
      const loaded = await vaultOf(home).load('chat').catch((error: unknown) => error as CredsetupError);
      if ('secrets' in loaded) {
        expect(loaded.credential).toMatchObject({ url: 'https://chat.example.com', service: 'mattermost', method: 'access-token', ignoreSslIssues: false, allowHttp: false });
      } else {
        expect(['STORE_CORRUPT', 'STORE_TOO_NEW', 'NOT_FOUND', 'SECRET_MISSING']).toContain(loaded.code);
      }
    }), { numRuns: 300 });
  }, 60_000);

  it('whose index is a link is STORE_UNWRITABLE', async () => {
    const home = await temporaryFolder();
    await symlink('/etc/hostname', join(home, 'index.json'));
    await failure(vaultOf(home).list(), 'STORE_UNWRITABLE');
  });

  it('that is not ours is refused for reading and writing', async () => {
    const home = await saved('chat');
    const vault = vaultOf(home, { machine: { ...machine, uid: (machine.uid ?? 0) + 1 } });
    await failure(vault.list(), 'STORE_UNWRITABLE');
    await failure(vault.save(credentialNamed('x'), no), 'STORE_UNWRITABLE');
  });

  it.skipIf(machine.uid === 0)('that cannot be written fails at prepare', async () => {
    const home = join(await temporaryFolder(), 'home');
    await mkdir(home);
    await chmod(home, 0o500);
    await failure(vaultOf(home).prepare('file'), 'STORE_UNWRITABLE');
  });
});

describe('preparing', () => {
  it('does nothing for none', async () => {
    await vaultOf(join(await temporaryFolder(), 'home'), { stores: { file: untouchable, keychain: untouchable } }).prepare('none');
  });

  it('proves the store and the home, and leaves no probe', async () => {
    const home = join(await temporaryFolder(), 'home');
    await vaultOf(home).prepare('file');
    expect(await readdir(home)).toEqual(['.made-by-credsetup']);
  });

  it('fails with the store, and never turns to another', async () => {
    const home = join(await temporaryFolder(), 'home');
    const gone = new CredsetupError('STORE_UNAVAILABLE', 'No keychain.', { hint: 'Choose --store file.' });
    const stores = broken(home, { prepare: async () => { throw gone; } });
    const keychain = async (): Promise<SecretStore> => ({ ...(await stores.file()), kind: 'keychain' });
    expect(await failure(vaultOf(home, { stores: { keychain, file: untouchable } }).prepare('keychain'), 'STORE_UNAVAILABLE')).toBe(gone);
  });
});

describe('changing what is known', () => {
  it('updates the index and leaves the secret', async () => {
    const home = await saved('chat');
    const [before] = (await readIndex(home)).entries;
    const vault = vaultOf(home, { stores: { file: untouchable, keychain: untouchable } });
    const updated = await vault.update('CHAT', (there) => ({ ...there, validatedAt: '2026-05-01T00:00:00Z' }));
    expect(updated.validatedAt).toBe('2026-05-01T00:00:00Z');
    expect((await readIndex(home)).entries[0]!.key).toBe(before!.key);
    expect((await vaultOf(home).load('chat')).credential.validatedAt).toBe('2026-05-01T00:00:00Z');
    await failure(vault.update('none', (there) => there), 'NOT_FOUND');
  });

  it('writes the updates that wait for each other together, and tells each its own end', async () => {
    const names = Array.from({ length: 40 }, (_, number) => `chat-${number}`);
    const home = await saved(...names);
    const vault = vaultOf(home);
    let writes = 0;
    const watcher = watch(home, (_, file) => { if (file === 'index.json') writes += 1; });
    const done = await Promise.allSettled([...names, 'none'].map((name, number) => vault.update(name, (there) => ({ ...there, ...(number === 7 ? { url: 'https://evil.example.com' } : { validatedAt: '2026-05-01T00:00:00Z' }) }))));
    await vault.update('chat-0', (there) => ({ ...there, validatedAt: '2026-06-01T00:00:00Z' }));
    watcher.close();
    expect(done.flatMap(({ status }, number) => status === 'rejected' ? number : [])).toEqual([7, 40]);
    expect((await vaultOf(home).list()).map(({ validatedAt }) => validatedAt.slice(0, 7)).sort()).toEqual(['2026-03', ...Array.from({ length: 38 }, () => '2026-05'), '2026-06']);
    expect(writes).toBeLessThan(8);
  });

  it('rejects every update that waits when the lock cannot be had', async () => {
    const home = await saved('chat', 'talk');
    await writeFile(join(home, 'write.lock'), JSON.stringify({ pid: 4711, host: 'elsewhere', nonce: 'f'.repeat(32) }));
    const vault = vaultOf(home, { lock: { timeoutMs: 100, staleMs: 60_000 } });
    const done = await Promise.allSettled(['chat', 'talk'].map((name) => vault.update(name, (there) => there)));
    expect(done.map((one) => one.status === 'rejected' && (one.reason as CredsetupError).code)).toEqual(['STORE_BUSY', 'STORE_BUSY']);
  });

  it('does not update what the secret is bound to', async () => {
    const home = await saved('chat');
    const vault = vaultOf(home);
    for (const change of [{ url: 'https://other.example.com' }, { name: 'x' }, { id: 'x' }, { fields: {} }, { ignoreSslIssues: true }, { caCertificates: 1 }]) {
      await failure(vault.update('chat', (there) => ({ ...there, ...change })), 'UNEXPECTED');
    }
    expect((await vault.load('chat')).credential).toEqual(credentialNamed('chat').credential);
  });

  it('renames, in case only too, and keeps id and secret', async () => {
    const home = await saved('chat', 'other');
    const vault = vaultOf(home);
    await vault.rename('chat', 'talk');
    await vault.rename('TALK', 'Talk');
    const loaded = await vault.load('talk');
    expect(loaded).toEqual({ ...credentialNamed('Talk', 'token-of-chat') });
    await failure(vault.rename('talk', 'OTHER'), 'NAME_TAKEN');
    await failure(vault.rename('chat', 'x'), 'NOT_FOUND');
    await failure(vault.rename('talk', '../x'), 'NAME_INVALID');
  });

  it('removes secret and entry', async () => {
    const home = await saved('chat', 'other');
    const vault = vaultOf(home);
    expect(await vault.remove('CHAT')).toEqual(credentialNamed('chat').credential);
    expect((await vault.list()).map(({ name }) => name)).toEqual(['other']);
    expect(await storedKeys(home)).toHaveLength(1);
    await failure(vault.remove('chat'), 'NOT_FOUND');
  });

  it('keeps the entry when the secret could not be deleted', async () => {
    const home = await saved('chat');
    const gone = new CredsetupError('STORE_TIMEOUT', 'It hangs.', { hint: 'Wait.' });
    const stores = broken(home, { delete: async () => { throw gone; } });
    await failure(vaultOf(home, { stores }).remove('chat'), 'STORE_TIMEOUT');
    expect((await vaultOf(home).load('chat')).secrets).toEqual({ token: 'token-of-chat' });
  });

  it('removes an entry whose secret is gone already', async () => {
    const home = await saved('chat');
    await fileStore(home).delete((await readIndex(home)).entries[0]!.key);
    await vaultOf(home).remove('chat');
    expect(await vaultOf(home).list()).toEqual([]);
  });
});

describe('the refresh lock', () => {
  it('lets one in at a time for one credential, and others beside it', async () => {
    const home = join(await temporaryFolder(), 'home');
    const [one, two] = [vaultOf(home), vaultOf(home)];
    const order: string[] = [];
    await one.withRefreshLock({ id: 'a', name: 'a', store: 'file' }, async () => {
      const waiting = two.withRefreshLock({ id: 'a', name: 'a', store: 'file' }, async () => { order.push('second'); });
      await two.withRefreshLock({ id: 'b', name: 'b', store: 'file' }, async () => { order.push('beside'); });
      await one.save(credentialNamed('chat'), no);
      order.push('first');
      return { waiting };
    }).then(async ({ waiting }) => waiting);
    expect(order).toEqual(['beside', 'first', 'second']);
    expect((await readdir(home)).filter((file) => file.endsWith('.lock'))).toEqual([]);
  });

  it('makes no file name of an id that is none', async () => {
    const home = join(await temporaryFolder(), 'home');
    await expect(vaultOf(home).withRefreshLock({ id: '../../x', name: 'x', store: 'file' }, async () => undefined)).rejects.toThrow('id');
  });
});
