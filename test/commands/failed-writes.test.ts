/**
 * A disk that fails while something is made or renewed at a service: whatever call it is, what is
 * stored afterwards is good at the service, and what was reported is what stands.
 */
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import type { PracticeMautic } from '../../src/practice/mautic.ts';
import { createEncryptedFile } from '../../src/stores/encrypted-file.ts';
import { createVault } from '../../src/vault.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { has } from '../tools.ts';
import { storeOAuth2 } from './oauth.ts';
import { machine, now } from '../stores/support.ts';
import { folder, identity, mattermostServer, mauticServer, script, type Script } from './support.ts';

interface Traced { readonly exitCode: number; readonly stdout: string; readonly stderr: string; readonly failed: boolean }

/** Runs the program with one system call failing, from the nth on. */
async function traced(args: readonly string[], one: Script, call: string, nth: number, env: Readonly<Record<string, string>> = {}): Promise<Traced> {
  const log = join(folder(), 'trace');
  const done = await new Promise<Omit<Traced, 'failed'>>((resolve) => {
    execFile('strace', ['-f', '--seccomp-bpf', '-qq', '-o', log, '-e', `trace=${call}`, '-e', `inject=${call}:error=ENOSPC:when=${nth}+`, process.execPath, programPath, ...args], {
      env: { ...cleanEnvironment({ ...one.env, ...env }), UV_THREADPOOL_SIZE: '1' },
    }, (error, stdout, stderr) => { resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }); });
  });
  return { ...done, failed: readFileSync(log, 'utf8').includes('(INJECTED)') };
}

async function stored({ home }: Script): Promise<string> {
  const vault = createVault({
    home, machine, now, signal: new AbortController().signal,
    stores: {
      file: async () => createEncryptedFile({ home, workerPath: '/nonexistent', now, identity: async () => identity, passphrase: async () => '' }),
      keychain: async () => { throw new Error('the keychain was touched'); },
    },
  });
  return (await vault.load('chat')).secrets['token'] ?? '';
}

/** What can be done again and again from the same start: each time a new home, and the server as it was. */
function again<T extends { readonly one: Script; readonly server: { readonly state: object } }>(begun: T): () => T {
  const kept = (): object => structuredClone(Object.fromEntries(Object.entries(begun.server.state).filter(([, value]) => typeof value !== 'function')));
  const state = kept();
  return () => {
    const one = script();
    cpSync(begun.one.home, one.home, { recursive: true });
    Object.assign(begun.server.state, structuredClone(state));
    return { ...begun, one };
  };
}

const env = { CREDSETUP_PASSWORD: mattermostPassword };
const making = (server: PracticeMattermost): string[] => ['mattermost', '--url', server.url, '--create-token', '--username', 'maker', '--name', 'chat'];

async function made(): Promise<{ readonly one: Script; readonly server: PracticeMattermost }> {
  const [one, server] = [script(), await mattermostServer({ tokensEnabled: true })];
  const done = await one.run(making(server), { env });
  expect(done.exitCode, done.stderr).toBe(0);
  return { one, server };
}

async function signedIn(): Promise<{ readonly one: Script; readonly server: PracticeMautic }> {
  const [one, server] = [script(), await mauticServer()];
  await storeOAuth2(one, server);
  return { one, server };
}

/** The stored token works, and the next run ends every other one. */
async function expectAlive(one: Script, server: PracticeMattermost, said: string): Promise<void> {
  expect(server.state.tokens.map(({ token }) => token), said).toContain(await stored(one));
  const next = await one.run(['rotate', 'chat']);
  expect(next.exitCode, `${said}\n${next.stderr}`).toBe(0);
  expect(server.state.tokens.map(({ token }) => token), said).toEqual([await stored(one)]);
}

describe.skipIf(!has('strace'))('when the disk fails from the nth write on', () => {
  it('rotate never ends the stored token', async () => {
    const call = 'fsync';
    const start = again(await made());
    for (let nth = 1; ; nth += 1) {
      const { one, server } = start();
      const before = await stored(one);
      const done = await traced(['rotate', 'chat'], one, call, nth);
      expect(await stored(one) === before ? 'kept' : 'rotated', `${call} ${nth}: ${done.stderr}`).toBe(done.exitCode === 0 ? 'rotated' : 'kept');
      await expectAlive(one, server, `${call} ${nth}: ${done.stderr}`);
      if (!done.failed) break;
    }
  }, 300_000);

  it('a new token in place of a stored one is stored or ended', async () => {
    const call = 'rename';
    const start = again(await made());
    for (let nth = 1; ; nth += 1) {
      const { one, server } = start();
      const before = await stored(one);
      const done = await traced([...making(server), '--replace', '--json'], one, call, nth, env);
      expect(await stored(one) === before ? 'kept' : 'replaced', `${call} ${nth}: ${done.stderr}`).toBe(done.exitCode === 0 ? 'replaced' : 'kept');
      await expectAlive(one, server, `${call} ${nth}: ${done.stderr}`);
      if (!done.failed) break;
    }
  }, 300_000);

  it('refresh says that a sign-in is lost only when it is', async () => {
    const call = 'fsync';
    const start = again(await signedIn());
    for (let nth = 1; ; nth += 1) {
      const { one } = start();
      const done = await traced(['refresh', 'crm', '--json'], one, call, nth);
      const said = `${call} ${nth}: ${done.stdout}${done.stderr}`;
      const lost = done.stdout.includes('is lost');
      const next = await one.run(['refresh', 'crm', '--json']);
      expect(next.exitCode, said).toBe(lost ? 7 : 0);
      if (!done.failed) break;
    }
  }, 300_000);

  it('a hand-over that was written is handed over, though that cannot be noted', async () => {
    const start = again(await signedIn());
    for (let nth = 1; ; nth += 1) {
      const { one, server } = start();
      const file = join(folder(), 'export.json');
      const done = await traced(['export', 'crm', '--hand-over', '--output', file], one, 'rename', nth);
      const given = (() => { try { return (JSON.parse(readFileSync(file, 'utf8')) as { credentials: { secrets: { refreshToken: string } }[] }).credentials[0]!.secrets.refreshToken; } catch { return undefined; } })();
      expect(given === undefined ? 'kept' : 'given', done.stderr).toBe(done.exitCode === 0 ? 'given' : 'kept');
      // What was given is the server's newest, and is not used here any more.
      if (given !== undefined) {
        expect(server.state.refreshTokens.map(({ token }) => token)).toContain(given);
        expect((await one.run(['get', 'crm', '--json'])).json().error.code).toBe('HANDED_OVER');
      }
      if (!done.failed) break;
    }
  }, 300_000);
});

describe('the journal', () => {
  it('with a damaged entry is in no later run\'s way', async () => {
    const { one, server } = await made();
    const path = join(one.home, 'journal.json');
    const journal = JSON.parse(readFileSync(path, 'utf8')) as { begun: unknown[] };
    journal.begun.push({ mark: '0123456789ab', service: 'mattermost', url: server.url, ownerId: 'x'.repeat(300), at: '2026-01-01T00:00:00Z' });
    writeFileSync(path, JSON.stringify(journal));
    writeFileSync(join(one.home, '.journal.json.0123456789abcdef.tmp'), 'half');
    await expectAlive(one, server, 'damaged');
    expect(readFileSync(path, 'utf8')).toContain('x'.repeat(300));
    expect(() => readFileSync(join(one.home, '.journal.json.0123456789abcdef.tmp'))).toThrow('ENOENT');
  });
});
