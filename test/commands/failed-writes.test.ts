/**
 * A disk that fails while something is made or renewed at a service: whatever call it is, what is
 * stored afterwards is good at the service, and what was reported is what stands.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { has } from '../tools.ts';
import { storeOAuth2 } from './oauth.ts';
import { folder, mattermostServer, mauticServer, script, type Script } from './support.ts';

interface Traced { readonly exitCode: number; readonly stdout: string; readonly stderr: string; readonly failed: boolean }

/** Runs the program with one system call failing, from the nth on. */
async function traced(args: readonly string[], one: Script, call: string, nth: number, env: Readonly<Record<string, string>> = {}): Promise<Traced> {
  const log = join(folder(), 'trace');
  const done = await new Promise<Omit<Traced, 'failed'>>((resolve) => {
    execFile('strace', ['-f', '-qq', '-o', log, '-e', `trace=${call}`, '-e', `inject=${call}:error=ENOSPC:when=${nth}+`, process.execPath, programPath, ...args], {
      env: { ...cleanEnvironment({ ...one.env, ...env }), UV_THREADPOOL_SIZE: '1' },
    }, (error, stdout, stderr) => { resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }); });
  });
  return { ...done, failed: readFileSync(log, 'utf8').includes('(INJECTED)') };
}

async function stored(one: Script, name = 'chat'): Promise<string> {
  return (await one.run(['get', name], { reveals: true })).stdout.trim();
}

const env = { CREDSETUP_PASSWORD: mattermostPassword };
const making = (server: PracticeMattermost): string[] => ['mattermost', '--url', server.url, '--create-token', '--username', 'maker', '--name', 'chat'];

async function made(): Promise<{ readonly one: Script; readonly server: PracticeMattermost }> {
  const [one, server] = [script(), await mattermostServer({ tokensEnabled: true })];
  const done = await one.run(making(server), { env });
  expect(done.exitCode, done.stderr).toBe(0);
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
    for (let nth = 1; ; nth += 1) {
      const { one, server } = await made();
      const before = await stored(one);
      const done = await traced(['rotate', 'chat'], one, call, nth);
      expect(await stored(one) === before ? 'kept' : 'rotated', `${call} ${nth}: ${done.stderr}`).toBe(done.exitCode === 0 ? 'rotated' : 'kept');
      await expectAlive(one, server, `${call} ${nth}: ${done.stderr}`);
      if (!done.failed) break;
    }
  }, 300_000);

  it('a new token in place of a stored one is stored or ended', async () => {
    const call = 'rename';
    for (let nth = 1; ; nth += 1) {
      const { one, server } = await made();
      const before = await stored(one);
      const done = await traced([...making(server), '--replace', '--json'], one, call, nth, env);
      expect(await stored(one) === before ? 'kept' : 'replaced', `${call} ${nth}: ${done.stderr}`).toBe(done.exitCode === 0 ? 'replaced' : 'kept');
      await expectAlive(one, server, `${call} ${nth}: ${done.stderr}`);
      if (!done.failed) break;
    }
  }, 300_000);

  it('refresh says that a sign-in is lost only when it is', async () => {
    const call = 'fsync';
    const [one, server] = [script(), await mauticServer()];
    await storeOAuth2(one, server);
    for (let nth = 1; ; nth += 1) {
      const done = await traced(['refresh', 'crm', '--json'], one, call, nth);
      const said = `${call} ${nth}: ${done.stdout}${done.stderr}`;
      const lost = done.stdout.includes('is lost');
      const next = await one.run(['refresh', 'crm', '--json']);
      expect(next.exitCode, said).toBe(lost ? 7 : 0);
      if (lost) await storeOAuth2(one, server);
      if (!done.failed) break;
    }
  }, 300_000);

  it('a hand-over that was written is handed over, though that cannot be noted', async () => {
    const [one, server] = [script(), await mauticServer()];
    for (let nth = 1; ; nth += 1) {
      await storeOAuth2(one, server);
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
