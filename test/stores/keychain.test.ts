import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CredsetupError } from '../../src/errors.ts';
import { createKeychain, type KeychainOptions } from '../../src/stores/keychain.ts';
import { callFailed, loadFailed } from '../../src/stores/keychain-errors.ts';
import { readIndex } from '../../src/stores/index-file.ts';
import { newKey, type SecretStore } from '../../src/stores/store.ts';
import { createVault } from '../../src/vault.ts';
import { has } from '../tools.ts';
import { buildEntries, type Built } from './built.ts';
import { startSession, startWedgedBus, type KeychainSession } from './keychain-session.ts';
import { credentialNamed, failure, machine, now, temporaryFolder } from './support.ts';

const here = has('keychain');
let built: Built;
beforeAll(async () => { built = await buildEntries('src/stores/keychain-child'); });
afterAll(async () => { await built.remove(); });

const path = process.env['PATH'] ?? '';

async function withStore(change: Partial<KeychainOptions>, task: (store: SecretStore) => Promise<void>): Promise<void> {
  const store = createKeychain({ execPath: process.execPath, childPath: built.path('keychain-child'), env: { PATH: path }, service: `credsetup-test-${newKey()}`, interactive: false, limits: { script: 30_000 }, ...change });
  try {
    await task(store);
  } finally {
    await store.close();
  }
}

/** A child of the test's own that does not what it should. */
async function fakeChild(source: string): Promise<string> {
  const file = join(await temporaryFolder(), 'child.mjs');
  await writeFile(file, source);
  return file;
}

const readRequests = "import { createInterface } from 'node:readline'; const lines = createInterface({ input: process.stdin });";
const stuck = `${readRequests} for (const s of ['SIGTERM', 'SIGINT']) process.on(s, () => {}); setInterval(() => {}, 1000);`;

async function took(task: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await task();
  return performance.now() - began;
}

describe.skipIf(!here)('the keychain of a session', () => {
  let session: KeychainSession;
  beforeAll(async () => { session = await startSession(); });
  afterAll(async () => { await session.stop(); });

  it('says that it is locked when it is written to', async () => {
    await withStore({ env: session.env }, async (store) => {
      session.lock();
      const error = await failure(store.prepare(), 'STORE_LOCKED');
      expect(error.hint).toContain('--store file');
    });
    await session.unlock();
  });

  it('is tried again by prepare, with a new service behind it too', async () => {
    await withStore({ env: session.env }, async (store) => {
      session.lock();
      await failure(store.prepare(), 'STORE_LOCKED');
      await session.unlock();
      await store.prepare();
    });
  });

  it('does not pass a locked keychain off as an empty one', async () => {
    const key = newKey();
    const shared = { env: session.env, service: `credsetup-test-${newKey()}` };
    await withStore(shared, async (store) => {
      await store.write(key, 'secret');
      session.lock();
      expect(await store.read(key)).toBeUndefined();
      expect(await store.delete(key)).toBe(false);
      await failure(store.confirmAbsence(), 'STORE_LOCKED');
    });
    await session.unlock();
    await withStore(shared, async (store) => {
      expect(await store.read(key)).toBe('secret');
      await store.confirmAbsence();
      await store.delete(key);
    });
  });

  it('has no item left of a probe that was killed when the next one ran, and two at once are in no other\'s way', async () => {
    const shared = { env: session.env, service: `credsetup-test-${newKey()}` };
    const dying = await fakeChild(`process.on('message', () => {}); await import(${JSON.stringify(built.path('keychain-child'))}); const write = process.stdout.write.bind(process.stdout); process.stdout.write = (...all) => { const done = write(...all); process.kill(process.pid, 'SIGKILL'); return done; };`);
    await withStore({ ...shared, childPath: dying }, async (store) => {
      await failure(store.prepare(), 'STORE_UNAVAILABLE');
    });
    expect(session.count(shared.service)).toBe(1);
    await Promise.all(Array.from({ length: 3 }, () => withStore(shared, async (store) => store.prepare())));
    expect(session.count(shared.service)).toBe(0);
  });

  it('uses one child process for all calls of a run', async () => {
    const log = join(await temporaryFolder(), 'starts');
    const counting = await fakeChild(`import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(log)}, 'x'); await import(${JSON.stringify(built.path('keychain-child'))});`);
    await withStore({ env: session.env, childPath: counting }, async (store) => {
      await store.prepare();
      await Promise.all([store.read(newKey()), store.read(newKey()), store.delete(newKey())]);
    });
    expect(await readFile(log, 'utf8')).toBe('x');
  });
});

describe.skipIf(!here)('a keychain on a bad day', () => {
  let session: KeychainSession;
  let shared: { readonly env: Readonly<Record<string, string>>; readonly service: string };
  beforeEach(async () => {
    session = await startSession();
    shared = { env: session.env, service: `credsetup-test-${newKey()}` };
  });
  afterEach(async () => {
    session.signal('SIGCONT');
    await session.stop();
  });

  it('whose daemon does not answer is STORE_TIMEOUT, and works again when it goes on', async () => {
    await withStore(shared, async (store) => { await store.prepare(); });
    session.signal('SIGSTOP');
    await withStore({ ...shared, limits: { script: 1500 } }, async (store) => { await failure(store.prepare(), 'STORE_TIMEOUT'); });
    session.signal('SIGCONT');
    await withStore(shared, async (store) => { await store.prepare(); });
  });

  it('whose daemon is killed in the middle of a write is told in time, and what it held before is there again', async () => {
    const key = newKey();
    await withStore(shared, async (store) => {
      await store.write(key, 'held before');
      session.signal('SIGSTOP');
      const writing = store.write(newKey(), 'lost').then(() => undefined, (error: unknown) => error);
      session.signal('SIGKILL');
      expect(['STORE_UNAVAILABLE', 'STORE_TIMEOUT', 'STORE_LOCKED']).toContain(((await writing) as CredsetupError).code);
    });
    await session.unlock();
    await withStore(shared, async (store) => { expect(await store.read(key)).toBe('held before'); });
  });

  it('that holds an item of somebody else under our service leaves it where it is', async () => {
    session.byAnother('setPassword', shared.service, 'somebody-else', 'not ours');
    await withStore(shared, async (store) => {
      await store.prepare();
      const key = newKey();
      await store.write(key, 'ours');
      expect(await store.delete(key)).toBe(true);
      expect(await store.read(newKey())).toBeUndefined();
    });
    expect(session.count(shared.service)).toBe(1);
  });

  it('whose item another program changed or took away is STORE_CORRUPT and SECRET_MISSING, and the others load', async () => {
    const home = join(await temporaryFolder(), 'home');
    await withStore(shared, async (store) => {
      const vault = createVault({
        home, machine, now, signal: new AbortController().signal, stores: { keychain: async () => store, file: async () => { throw new Error('not used'); } },
      });
      for (const name of ['changed', 'gone', 'whole']) await vault.save(credentialNamed(name, `token-of-${name}`, { store: 'keychain', id: `7f0c3a52-6d0e-4c0f-9a54-3d1b8f6f2c1${name.length}` }), () => true);
      const { entries } = await readIndex(home);
      const keyOf = (name: string): string => entries.find(({ credential }) => credential.name === name)?.key ?? '';
      session.byAnother('setPassword', shared.service, keyOf('changed'), (await store.read(keyOf('changed')))!.replace('token-of-changed', 'token-of-another'));
      session.byAnother('deletePassword', shared.service, keyOf('gone'));
      await failure(vault.load('changed'), 'STORE_CORRUPT');
      await failure(vault.load('gone'), 'SECRET_MISSING');
      expect((await vault.load('whole')).secrets).toEqual({ token: 'token-of-whole' });
      await vault.close();
    });
  });
});

describe('a machine without a keychain', () => {
  it('without a D-Bus session is STORE_UNAVAILABLE, with what to install', async () => {
    await withStore({ env: { PATH: path, HOME: await temporaryFolder() } }, async (store) => {
      const error = await failure(store.prepare(), 'STORE_UNAVAILABLE');
      expect(error.message).toContain(process.platform === 'linux' && here ? 'D-Bus' : 'keychain');
      expect(error.hint).toContain('gnome-keyring');
      expect(error.hint).toContain('--store file');
    });
  });

  it.skipIf(!here)('with a bus on which nobody keeps secrets is STORE_UNAVAILABLE', async () => {
    const session = await startSession({ keyring: false });
    try {
      await withStore({ env: session.env }, async (store) => {
        const error = await failure(store.prepare(), 'STORE_UNAVAILABLE');
        expect(error.message).toContain('org.freedesktop.secrets');
      });
    } finally {
      await session.stop();
    }
  });

  it('without the addon is STORE_UNAVAILABLE and no crash', async () => {
    // Outside of any package: keytar is not found from there.
    const alone = await fakeChild(await readFile(built.path('keychain-child'), 'utf8'));
    await withStore({ childPath: alone }, async (store) => {
      const error = await failure(store.prepare(), 'STORE_UNAVAILABLE');
      expect(error.hint).toContain('optional');
    });
  });

  it('with an addon that does not load names the packages that Linux needs', () => {
    const error = loadFailed('Failed to load keytar native addon, checked [./build/Release]', 'linux');
    expect(error.code).toBe('STORE_UNAVAILABLE');
    expect(error.hint).toContain('libsecret-1-0');
  });

  it.each([
    ['Cannot create an item in a locked collection', 'STORE_LOCKED', 'locked'],
    ['GDBus.Error:org.freedesktop.Secret.Error.IsLocked: The collection is locked', 'STORE_LOCKED', 'locked'],
    ['User interaction is not allowed.', 'STORE_LOCKED', 'locked'],
    ['Cannot autolaunch D-Bus without X11 $DISPLAY', 'STORE_UNAVAILABLE', 'D-Bus'],
    ['Could not connect: No such file or directory', 'STORE_UNAVAILABLE', 'D-Bus'],
    ['GDBus.Error:org.freedesktop.DBus.Error.ServiceUnknown: The name org.freedesktop.secrets was not provided by any .service files', 'STORE_UNAVAILABLE', 'org.freedesktop.secrets'],
    ['Object does not exist at path “/org/freedesktop/secrets/collection/login”', 'STORE_UNAVAILABLE', 'collection'],
    ['something new', 'STORE_UNAVAILABLE', 'something new'],
  ] as const)('knows what “%s” means', (said, code, word) => {
    const error = callFailed(said);
    expect(error.code).toBe(code);
    expect(error.message).toContain(word);
    expect(error.hint).not.toBe('');
  });
});

describe('a keychain that hangs', () => {
  it.skipIf(!here)('on a bus that takes connections and says nothing ends within 5 seconds, and later calls at once', async () => {
    const bus = await startWedgedBus();
    try {
      await withStore({ env: bus.env, limits: {} }, async (store) => {
        const first = await took(() => failure(store.prepare(), 'STORE_TIMEOUT'));
        expect(first).toBeGreaterThan(4900);
        // As long as a busy machine takes for it; later calls wait for nothing.
        expect(first).toBeLessThan(30_000);
        expect(await took(() => failure(store.read(newKey()), 'STORE_TIMEOUT'))).toBeLessThan(first / 2);
      });
    } finally {
      await bus.stop();
    }
  });

  it('is waited for on a terminal, and says so once', async () => {
    const childPath = await fakeChild(stuck);
    const said: number[] = [];
    const began = performance.now();
    const limits = { slow: 100, person: 600 };
    await withStore({ childPath, interactive: true, limits, onSlow: () => said.push(performance.now() - began) }, async (store) => {
      await failure(store.prepare(), 'STORE_TIMEOUT');
      await failure(store.prepare(), 'STORE_TIMEOUT');
    });
    expect(said).toHaveLength(1);
    expect(said[0]).toBeGreaterThan(90);
    expect(performance.now() - began).toBeGreaterThan(1190);
  });

  it('says nothing about waiting without a terminal', async () => {
    const said: string[] = [];
    await withStore({ childPath: await fakeChild(stuck), limits: { slow: 10, script: 200 }, onSlow: () => said.push('slow') }, async (store) => {
      await failure(store.prepare(), 'STORE_TIMEOUT');
    });
    expect(said).toEqual([]);
  });

  it('is left at once on Ctrl-C, with the reason of the stop', async () => {
    const stopper = new AbortController();
    const stop = new CredsetupError('CANCELLED', 'Stopped.', { hint: 'Run it again.' });
    await withStore({
      childPath: await fakeChild(stuck), interactive: true, signal: stopper.signal, limits: { slow: 50 }, onSlow: () => stopper.abort(stop),
    }, async (store) => {
      expect(await failure(store.prepare(), 'CANCELLED')).toBe(stop);
    });
  });

  it('is killed, not asked: nothing of it is left', async () => {
    const pids = join(await temporaryFolder(), 'pid');
    const childPath = await fakeChild(`import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(pids)}, String(process.pid)); ${stuck}`);
    await withStore({ childPath, limits: { script: 500 } }, async (store) => {
      await failure(store.prepare(), 'STORE_TIMEOUT');
    });
    const pid = Number(await readFile(pids, 'utf8'));
    await expect.poll(() => running(pid), { timeout: 20_000 }).toBe(false);
  });
});

function running(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the child of the keychain', () => {
  it('that dies is STORE_UNAVAILABLE, and the next prepare starts another', async () => {
    const childPath = await fakeChild(`${readRequests} lines.on('line', () => process.kill(process.pid, 'SIGSEGV'));`);
    await withStore({ childPath }, async (store) => {
      const error = await failure(store.prepare(), 'STORE_UNAVAILABLE');
      expect(error.message).toContain('SIGSEGV');
      await failure(store.read(newKey()), 'STORE_UNAVAILABLE');
      await failure(store.prepare(), 'STORE_UNAVAILABLE');
    });
  });

  it('that cannot be started is STORE_UNAVAILABLE', async () => {
    await withStore({ execPath: '/nonexistent/node' }, async (store) => {
      await failure(store.prepare(), 'STORE_UNAVAILABLE');
    });
  });

  it.each(['not json', '{}', 'null', '[]', '"text"'])('that says %s is STORE_UNAVAILABLE', async (line) => {
    const childPath = await fakeChild(`${readRequests} lines.on('line', () => console.log(${JSON.stringify(line)}));`);
    await withStore({ childPath }, async (store) => {
      await failure(store.prepare(), 'STORE_UNAVAILABLE');
    });
  });

  it('that loses what it was given is found out', async () => {
    const childPath = await fakeChild(`${readRequests} lines.on('line', (line) => console.log(JSON.stringify({ id: JSON.parse(line).id })));`);
    await withStore({ childPath }, async (store) => {
      const error = await failure(store.prepare(), 'STORE_UNAVAILABLE');
      expect(error.message).toContain('did not give the same back');
    });
  });

  it('gets secrets on its standard input, none in its arguments and no variable of ours', async () => {
    const log = join(await temporaryFolder(), 'log');
    const childPath = await fakeChild(`${readRequests} import { writeFileSync } from 'node:fs'; lines.on('line', (line) => {
      writeFileSync(${JSON.stringify(log)}, JSON.stringify({ argv: process.argv, env: process.env, line }));
      console.log(JSON.stringify({ id: JSON.parse(line).id })); });`);
    await withStore({ childPath, env: { PATH: path, CREDSETUP_PASSPHRASE: 'master', credsetup_token: 'other', VAULT_TOKEN: 'team' } }, async (store) => {
      await store.write(newKey(), 'the-secret');
    });
    const { argv, env, line } = JSON.parse(await readFile(log, 'utf8')) as { argv: string[]; env: Record<string, string>; line: string };
    expect(line).toContain('the-secret');
    expect(argv.join(' ')).not.toContain('the-secret');
    expect(Object.keys(env).filter((name) => /^CREDSETUP|_TOKEN$/i.test(name))).toEqual([]);
  });

  it('never calls what crashes keytar', async () => {
    const folder = new URL('../../src/stores/', import.meta.url);
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.ts'));
    const sources = await Promise.all(files.map((file) => readFile(new URL(file, folder), 'utf8')));
    expect(sources.join('\n')).not.toMatch(/\.(?:findCredentials|findPassword)\b/);
  });
});
