/** What a machine promises and does not keep: a home, and whose it is. */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cleanEnvironment } from '../program.ts';
import { folder, identity, mattermostServer } from './support.ts';

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
