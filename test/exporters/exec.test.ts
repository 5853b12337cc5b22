/** `exec`: real programs in the place of ours. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mauticPassword } from '../../src/practice/mautic.ts';
import { folder, mattermostServer, mauticServer, script, type Script } from '../commands/support.ts';
import { cleanEnvironment, programPath } from '../program.ts';

let home: Script;
let token: string;
let chatUrl: string;
beforeAll(async () => {
  const [mattermost, mautic] = [await mattermostServer({ tokensEnabled: true }), await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true })];
  home = script();
  token = mattermost.makeToken('maker').token;
  chatUrl = mattermost.url;
  for (const name of ['chat', 'team']) await home.run(['mattermost', '--url', mattermost.url, '--name', name], { env: { CREDSETUP_TOKEN: token } });
  const made = await home.run(['mautic', '--method', 'basic', '--url', mautic.url, '--username', 'contacts', '--name', 'crm'], { env: { CREDSETUP_PASSWORD: mauticPassword } });
  expect(made.exitCode, made.stderr).toBe(0);
});

const node = process.execPath;
const print = (...names: string[]) => [node, '-e', `console.log(JSON.stringify([${names.map((name) => `process.env[${JSON.stringify(name)}] ?? null`).join()}]))`];

describe('exec', () => {
  it('gives the program the variables of all names, and prints nothing of its own', async () => {
    const { stdout, stderr, exitCode } = await home.run(['exec', 'chat', 'crm', '--', ...print('MATTERMOST_URL', 'MATTERMOST_TOKEN', 'MAUTIC_USERNAME', 'MAUTIC_PASSWORD')], { reveals: true });
    expect([JSON.parse(stdout), stderr, exitCode]).toEqual([[chatUrl, token, 'contacts', mauticPassword], '', 0]);
  });

  it('takes away what the services may have there and everything of credsetup, and leaves the rest', async () => {
    const env = { MAUTIC_ACCESS_TOKEN: 'old', MAUTIC_CLIENT_ID: 'old', MATTERMOST_TOKEN: 'mine', credsetup_x: 'y', OTHER: 'stays' };
    const { stdout } = await home.run(['exec', 'crm', '--', ...print('MAUTIC_ACCESS_TOKEN', 'MAUTIC_CLIENT_ID', 'MATTERMOST_TOKEN', 'OTHER', 'credsetup_x', ...Object.keys(home.env))], { env, reveals: true });
    expect(JSON.parse(stdout)).toEqual([null, null, 'mine', 'stays', null, ...Object.keys(home.env).map(() => null)]);
  });

  it('puts the prefix for the service\'s word, and then clears that word\'s variables alone', async () => {
    const { stdout } = await home.run(['exec', '--prefix', 'ONE', 'chat', '--', ...print('ONE_TOKEN', 'ONE_URL', 'MATTERMOST_TOKEN')], { env: { MATTERMOST_TOKEN: 'mine' }, reveals: true });
    expect(JSON.parse(stdout)).toEqual([token, chatUrl, 'mine']);
  });

  it('leaves to the program whatever stands behind the dashes, its options and dashes too', async () => {
    const { stdout, exitCode } = await home.run(['exec', 'chat', '--', node, '-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', '--json', '--help', '--', '-x', '--prefix=Y'], { reveals: true });
    expect([JSON.parse(stdout), exitCode]).toEqual([['--json', '--help', '--', '-x', '--prefix=Y'], 0]);
  });

  it('gives the program its standard input', async () => {
    const { stdout } = await home.run(['exec', 'chat', '--', 'cat'], { stdin: 'what was piped\n' });
    expect(stdout).toBe('what was piped\n');
  });

  it.each([0, 1, 3, 12, 125, 255])('ends with the program\'s own exit code %i', async (code) => {
    expect((await home.run(['exec', 'chat', '--', 'sh', '-c', `exit ${code}`])).exitCode).toBe(code);
  });

  it.each([['TERM', 143], ['KILL', 137], ['SEGV', 139]] as const)('ends with 128 + the number of SIG%s that ended the program', async (signal, code) => {
    expect((await home.run(['exec', 'chat', '--', 'sh', '-c', `kill -${signal} $$`])).exitCode).toBe(code);
  });

  it('keeps the program\'s exit code and adds no document under --json once it has run', async () => {
    const { stdout, exitCode } = await home.run(['exec', '--json', 'chat', '--', 'sh', '-c', 'echo out; exit 7']);
    expect([stdout, exitCode]).toEqual(['out\n', 7]);
  });

  it.each([
    ['a name that is not there', ['exec', 'nobody', '--', 'true'], 'NOT_FOUND', 125],
    ['a name that is not there beside one that is', ['exec', 'chat', 'nobody', '--', 'true'], 'NOT_FOUND', 125],
    ['no dashes', ['exec', 'chat', 'true'], 'USAGE', 125],
    ['no command', ['exec', 'chat', '--'], 'USAGE', 125],
    ['an empty command', ['exec', 'chat', '--', ''], 'USAGE', 125],
    ['no name', ['exec', '--', 'true'], 'USAGE', 125],
    ['an option that there is not', ['exec', '--bogus', 'chat', '--', 'true'], 'USAGE', 125],
    ['one variable of two', ['exec', 'chat', 'team', '--', 'true'], 'USAGE', 125],
    ['one prefix for two', ['exec', '--prefix', 'X', 'chat', 'crm', '--', 'true'], 'USAGE', 125],
    ['a program that there is not', ['exec', 'chat', '--', 'no-such-program'], 'COMMAND_NOT_FOUND', 127],
    ['a path that there is not', ['exec', 'chat', '--', '/no/such/program'], 'COMMAND_NOT_FOUND', 127],
    ['a folder', ['exec', 'chat', '--', '/tmp'], 'COMMAND_NOT_EXECUTABLE', 126],
  ])('tells %s, as text and as one JSON document with the same exit code', async (_, args, code, exitCode) => {
    const text = await home.run(args);
    expect([text.exitCode, text.stdout]).toEqual([exitCode, '']);
    expect(text.stderr).toContain(`(${code})`);
    const finished = await home.run(['--json', ...args]);
    expect([finished.exitCode, finished.json().error]).toMatchObject([exitCode, { code, exitCode, hint: expect.stringMatching(/./) as string }]);
  });

  it('tells a file that cannot be executed', async () => {
    const file = join(folder(), 'data');
    writeFileSync(file, 'no program');
    chmodSync(file, 0o644);
    expect((await home.run(['exec', 'chat', '--', file])).exitCode).toBe(126);
  });

  it('searches the program in PATH alone, not in the folder it is in', async () => {
    const here = folder();
    mkdirSync(join(here, 'bin'));
    writeFileSync(join(here, 'tool'), '#!/bin/sh\necho wrong\n', { mode: 0o755 });
    expect((await home.run(['exec', 'chat', '--', 'tool'], { cwd: here })).exitCode).toBe(127);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const)('passes %s on to the program, and waits for what it does', async (signal) => {
    const code = `process.on('${signal}', () => { console.log('got ${signal}'); process.exit(9); }); console.log('ready'); setInterval(() => {}, 1000);`;
    const child = spawn(node, [programPath, 'exec', 'chat', '--', node, '-e', code], { env: cleanEnvironment(home.env), stdio: ['ignore', 'pipe', 'inherit'] });
    const parts: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      parts.push(text);
      if (parts.join('') === 'ready\n') child.kill(signal);
    });
    const [exitCode] = await once(child, 'close') as [number];
    expect([parts.join(''), exitCode]).toEqual([`ready\ngot ${signal}\n`, 9]);
  });

  it('has no secret in any command line while it runs', async () => {
    const reader = `const fs = require('fs'); const pids = [process.pid, process.ppid]; console.log(pids.map((pid) => fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8')).join());`;
    const { stdout } = await home.run(['exec', 'chat', 'crm', '--', node, '-e', reader], { secrets: [token, mauticPassword] });
    expect(stdout).toContain('exec');
    expect(readFileSync('/proc/self/cmdline', 'utf8')).not.toContain(token);
  });
});
