/** What a machine promises and does not keep: a home and whose it is, readers, disks, a file system that can be written. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cleanEnvironment, programPath } from '../program.ts';
import { folder, identity, mattermostServer, script, storeMattermost } from './support.ts';

const nobody = 12345;
const root = process.geteuid?.() === 0;

/** A copy of the program where every user may read it. */
function program(): string {
  const place = folder();
  chmodSync(place, 0o755);
  const source = fileURLToPath(new URL('../..', import.meta.url));
  for (const part of ['bin', 'dist', 'package.json']) cpSync(join(source, part), join(place, part), { recursive: true });
  return join(place, 'bin', 'credsetup.js');
}

interface Done { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }

function runAs(user: number, args: readonly string[], env: Readonly<Record<string, string | undefined>>, cwd: string): Promise<Done> {
  const all: Record<string, string | undefined> = { ...cleanEnvironment({ ...env }) };
  for (const [name, value] of Object.entries(env)) if (value === undefined) Reflect.deleteProperty(all, name);
  return new Promise((resolve) => {
    const child = spawn('setpriv', [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', process.execPath, program(), ...args], { cwd, env: all, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part) => { stdout += String(part); });
    child.stderr.on('data', (part) => { stderr += String(part); });
    child.once('close', (exitCode) => { resolve({ exitCode, stdout, stderr }); });
  });
}

const errorIn = ({ stdout }: Done): Record<string, unknown> => (JSON.parse(stdout) as { error: Record<string, unknown> }).error;

function folderOf(user: number): string {
  const made = folder();
  chownSync(made, user, user);
  return made;
}

describe.skipIf(!root || process.platform !== 'linux')('a user', () => {
  it.each([[undefined], [''], ['relative']])('in no list, with HOME %j, has no home, and is told what to set', async (home) => {
    const cwd = folderOf(nobody);
    const done = await runAs(nobody, ['list', '--json'], { HOME: home, XDG_DATA_HOME: home === undefined ? undefined : 'relative' }, cwd);
    expect(errorIn(done)).toMatchObject({ code: 'STORE_UNWRITABLE', message: expect.stringContaining('12345'), hint: expect.stringContaining('CREDSETUP_HOME') });
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('in no list validates and exports without a home', async () => {
    const server = await mattermostServer();
    const cwd = folderOf(nobody);
    const { token } = server.makeToken('maker');
    const env = { HOME: undefined, CREDSETUP_TOKEN: token };
    const done = await runAs(nobody, ['mattermost', '--url', server.url, '--store', 'none', '--json'], env, cwd);
    expect(done.exitCode, done.stdout + done.stderr).toBe(0);
    const exported = await runAs(nobody, ['mattermost', '--url', server.url, '--store', 'none', '--export', 'json', '--output', join(cwd, 'out.json')], env, cwd);
    expect(exported.exitCode, exported.stderr).toBe(0);
    expect(statSync(join(cwd, 'out.json')).uid).toBe(nobody);
  });

  it('in no list keeps credentials where CREDSETUP_HOME or HOME says', async () => {
    const server = await mattermostServer();
    for (const [name, home] of [['CREDSETUP_HOME', folderOf(nobody)], ['HOME', folderOf(nobody)]] as const) {
      const env = { HOME: undefined, CREDSETUP_TOKEN: server.makeToken('maker').token, CREDSETUP_IDENTITY: identity, [name]: home };
      const done = await runAs(nobody, ['mattermost', '--url', server.url, '--store', 'file', '--json'], env, home);
      expect(done.exitCode, done.stdout + done.stderr).toBe(0);
    }
  });

  it('is not locked out of a folder that root made with the user\'s HOME', async () => {
    const server = await mattermostServer();
    const home = folderOf(nobody);
    const env = { HOME: home, CREDSETUP_TOKEN: server.makeToken('maker').token, CREDSETUP_IDENTITY: identity };
    for (const args of [['mattermost', '--url', server.url, '--store', 'file', '--json'], ['list', '--json']]) {
      expect(errorIn(await runAs(0, args, env, '/'))).toMatchObject({ code: 'STORE_UNWRITABLE', message: expect.stringContaining('another user (12345)'), hint: expect.stringContaining('sudo -H') });
    }
    expect(readdirSync(home)).toEqual([]);
    const data = await runAs(0, ['list', '--json'], { ...env, HOME: '/root', XDG_DATA_HOME: home }, '/');
    expect(errorIn(data)['code']).toBe('STORE_UNWRITABLE');
    const chosen = join(home, 'chosen');
    const done = await runAs(0, ['mattermost', '--url', server.url, '--store', 'file', '--json'], { ...env, CREDSETUP_HOME: chosen }, '/');
    expect(done.exitCode, done.stdout + done.stderr).toBe(0);
    expect(existsSync(join(chosen, 'credentials.age'))).toBe(true);
  });
});

/** A shell's line in which `credsetup` is the program, with a home in which `chat` is stored. */
async function shellWith(): Promise<{ readonly line: (text: string) => Promise<Done>; readonly works: () => Promise<boolean> }> {
  const [one, server] = [script(), await mattermostServer()];
  const token = await storeMattermost(one, server);
  const line = (text: string): Promise<Done> => new Promise((resolve) => {
    const child = spawn('bash', ['-o', 'pipefail', '-c', `credsetup() { "$NODE" "$PROGRAM" "$@"; }; ${text}`], {
      env: cleanEnvironment({ ...one.env, NODE: process.execPath, PROGRAM: programPath, URL_OF: server.url, CREDSETUP_TOKEN: token }), stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part) => { stdout += String(part); });
    child.stderr.on('data', (part) => { stderr += String(part); });
    child.once('close', (exitCode) => { resolve({ exitCode, stdout, stderr }); });
  });
  const works = async (): Promise<boolean> => {
    expect(readdirSync(one.home).sort()).toEqual(['credentials.age', 'index.json']);
    return (await one.run(['test', '--all', '--json'])).exitCode === 0;
  };
  return { line, works };
}

const stack = /\n\s+at |node:internal|\bError:/;

describe.skipIf(process.platform === 'win32')('a reader that leaves, and a disk that is full', () => {
  it('end what has something to say with 141 and no word, and what was stored is whole', async () => {
    const { line, works } = await shellWith();
    for (const command of ['list', 'get chat', 'export chat', 'mattermost --url $URL_OF --name new --json', 'completion bash']) {
      const done = await line(`credsetup ${command} | head -c 0`);
      expect([command, done.exitCode]).toEqual([command, 141]);
      expect(done.stderr).not.toMatch(stack);
    }
    expect((await line('credsetup rename chat talk 2>&1 >/dev/null | head -c 0')).exitCode).toBe(141);
    expect(await works()).toBe(true);
  });

  it('do not disturb what says nothing there: closed outputs, and a full disk behind one that is not used', async () => {
    const { line, works } = await shellWith();
    for (const streams of ['2>&-', '>&-', '<&- >&- 2>&-', '>/dev/full', '2>/dev/full']) {
      for (const command of ['exec chat -- true', 'rename chat talk && credsetup rename talk chat']) {
        const done = await line(`{ credsetup ${command}; } ${streams}`);
        expect([streams, command, done.exitCode, done.stdout]).toEqual([streams, command, 0, '']);
      }
    }
    const full = await line('credsetup get chat >/dev/full');
    expect([full.exitCode, full.stderr]).toEqual([10, expect.stringContaining('Standard output could not be written')]);
    expect(await works()).toBe(true);
  });
});

const unshared = root && process.platform === 'linux' && spawnSync('unshare', ['-m', 'true']).status === 0;
if (!unshared) console.log('skipped: this machine makes no mount of its own');

describe.skipIf(!unshared)('a file system that may only be read, all of it', () => {
  const readOnly = (command: string): string => `unshare -m sh -c 'mount --bind / / && mount -o remount,bind,ro / && exec "$NODE" "$PROGRAM" ${command}'`;

  it('is enough for what only reads', async () => {
    const { line } = await shellWith();
    for (const command of ['list', 'get chat', 'exec chat -- true', 'export chat', 'completion zsh', 'mattermost --url $URL_OF --store none']) {
      const done = await line(readOnly(command));
      expect([command, done.exitCode, done.stderr]).toEqual([command, 0, expect.not.stringMatching(stack)]);
    }
  });

  it('is told by what saves, with its code, before anything is sent, and by doctor', async () => {
    const { line, works } = await shellWith();
    for (const command of ['mattermost --url $URL_OF --name new --json', 'test chat --json', 'rename chat talk --json', 'remove chat --yes --json']) {
      const done = await line(readOnly(command));
      expect([command, done.exitCode, done.stdout]).toEqual([command, 10, expect.stringMatching(/STORE_UNWRITABLE[^]*read-only/)]);
      expect(done.stderr).not.toMatch(stack);
    }
    const { checks } = JSON.parse((await line(readOnly('doctor --json'))).stdout) as { checks: { id: string; status: string }[] };
    expect(checks.find(({ id }) => id === 'home')).toMatchObject({ status: 'fail' });
    expect(await works()).toBe(true);
  });
});
