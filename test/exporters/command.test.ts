/** `export` and `--export`: formats from the command line, files, pipes, and nothing half written. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { atTheEnd, errorOf, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from '../commands/support.ts';
import { cleanEnvironment, programPath } from '../program.ts';

let home: Script;
let mattermost: PracticeMattermost;
let token: string;
let password: string;
beforeAll(async () => {
  mattermost = await mattermostServer({ tokensEnabled: true });
  home = script();
  token = await storeMattermost(home, mattermost);
  await storeMattermost(home, mattermost, 'team');
  password = await storeMautic(home, await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true }));
});

const both = ['export', 'chat', 'crm'];
const formats = ['json', 'n8n', 'dotenv', 'docker-env', 'shell', 'kubernetes'] as const;
const run = (args: readonly string[], options: Parameters<Script['run']>[1] = {}) => home.run(args, { reveals: true, secrets: [token, password], ...options });

/** A file system of 64 KiB; undefined where this user may not make one. */
function tinyDisk(): string | undefined {
  const at = folder();
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', at]).status !== 0) {
    console.log('skipped: this user may not mount a file system');
    return undefined;
  }
  atTheEnd(() => { spawnSync('umount', [at]); });
  return at;
}
const disk = tinyDisk();

describe('export to standard output', () => {
  it('writes what the format says and nothing else', async () => {
    const env = parseDotenv((await run([...both, '--format', 'dotenv'])).stdout);
    expect(env).toMatchObject({ MATTERMOST_TOKEN: token, MAUTIC_USERNAME: 'contacts', MAUTIC_PASSWORD: password });
    const shell = await run([...both, '--format', 'shell']);
    expect(spawnSync('sh', [], { input: `${shell.stdout}printf %s "$MAUTIC_PASSWORD"` }).stdout.toString()).toBe(password);
    const secret = parseYaml((await run(['export', 'chat', '--format', 'kubernetes'])).stdout) as { data: Record<string, string> };
    expect(Buffer.from(secret.data['MATTERMOST_TOKEN'] ?? '', 'base64').toString()).toBe(token);
    expect((await run([...both])).json()).toMatchObject({ version: 1, credentials: [{ secrets: { token } }, { secrets: { password } }] });
  });

  it('keeps all talk for n8n on standard error: the warnings, and the line that proves the import', async () => {
    const { stdout, stderr } = await run([...both, '--format', 'n8n']);
    expect(JSON.parse(stdout)).toMatchObject([{ type: 'mattermostApi', data: { accessToken: token } }, { type: 'mauticApi', data: { password } }]);
    // Said in full when it was stored.
    expect(stderr).toMatch(/! \S+, as before: [A-Z0-9_, ]*N8N_LOOPBACK_ADDRESS/);
    expect(stderr).not.toContain('An n8n in a container');
    expect(stderr).toContain('Successfully imported 2 credentials.');
  });

  it.each(formats.filter((format) => format !== 'json'))('refuses --json with %s, which is no JSON document', async (format) => {
    expect(errorOf(await run([...both, '--format', format, '--json'])).code).toBe('USAGE');
  });

  it('is one JSON document with --json and the format json', async () => {
    expect((await run([...both, '--json'])).json()).toMatchObject({ version: 1 });
  });

  it('ends with 141 and no message when the reader closes early', async () => {
    for (const format of ['json', 'shell']) {
      const child = spawn(process.execPath, [programPath, ...both, '--format', format], { env: cleanEnvironment(home.env), stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.destroy();
      const told: string[] = [];
      child.stderr.setEncoding('utf8').on('data', (text: string) => told.push(text));
      const [exitCode] = await once(child, 'close') as [number];
      expect([exitCode, told.join('')]).toEqual([141, '']);
    }
  });

  it.skipIf(disk === undefined)('tells a full disk behind a redirection', async () => {
    fill();
    const child = spawnSync('sh', ['-c', `exec "$@" > ${join(disk!, 'out')}`, 'sh', process.execPath, programPath, ...both], { env: cleanEnvironment(home.env) });
    expect([child.status, child.stderr.toString()]).toEqual([10, expect.stringContaining('(FILE_UNWRITABLE)')]);
  });
});

/** Takes every page of the tiny disk, but those of the files that are there. */
function fill(): void {
  const used = readdirSync(disk!).filter((name) => name !== 'filler').reduce((pages, name) => pages + Math.ceil(statSync(join(disk!, name)).size / 4096), 0);
  writeFileSync(join(disk!, 'filler'), 'x'.repeat((16 - used) * 4096));
}

describe('export to a file', () => {
  it.each(formats)('%s: 0600 whatever the umask is, saying first what it holds', async (format) => {
    const file = join(folder(), 'out');
    const done = spawnSync('sh', ['-c', 'umask 000; exec "$@"', 'sh', process.execPath, programPath, ...both, '--format', format, '--output', file], { env: cleanEnvironment(home.env) });
    expect([done.status, done.stdout.toString()]).toEqual([0, '']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(done.stderr.toString()).toContain(`${file} now holds 2 credentials with secrets.`);
    if (!['json', 'n8n'].includes(format)) expect(readFileSync(file, 'utf8')).toMatch(/^# .*holds secrets/);
  });

  it('tells --json what was written, without secrets', async () => {
    const file = join(folder(), 'out');
    const done = await run([...both, '--format', 'dotenv', '--output', file, '--json'], { reveals: false });
    expect(done.json()).toMatchObject({ file, format: 'dotenv', credentials: [{ name: 'chat' }, { name: 'crm' }] });
  });

  it('never writes over a file without --overwrite, and makes it 0600 with it', async () => {
    const file = join(folder(), 'out');
    writeFileSync(file, 'mine', { mode: 0o644 });
    expect((await run([...both, '--format', 'shell', '--output', file])).exitCode).toBe(11);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await run([...both, '--format', 'shell', '--output', file, '--overwrite'])).exitCode).toBe(0);
    expect([readFileSync(file, 'utf8').includes(token), statSync(file).mode & 0o777]).toEqual([true, 0o600]);
  });

  it.skipIf(disk === undefined)('writes nothing at all on a full disk, and leaves what was there', async () => {
    rmSync(join(disk!, 'filler'), { force: true });
    writeFileSync(join(disk!, 'old'), 'mine');
    fill();
    const done = await run([...both, '--output', join(disk!, 'old'), '--overwrite']);
    expect([done.exitCode, done.stderr]).toEqual([10, expect.stringContaining('the disk is full')]);
    expect(readFileSync(join(disk!, 'old'), 'utf8')).toBe('mine');
    expect((await run([...both, '--output', join(disk!, 'new')])).exitCode).toBe(10);
    expect(readdirSync(disk!).filter((name) => name !== 'out').sort()).toEqual(['filler', 'old']);
  });

  it('goes straight through /dev/stdout and a FIFO', async () => {
    expect(parseDotenv((await run([...both, '--format', 'dotenv', '--output', '/dev/stdout'])).stdout)).toMatchObject({ MATTERMOST_TOKEN: token });
    const fifo = join(folder(), 'fifo');
    spawnSync('mkfifo', [fifo]);
    const reader = spawn('cat', [fifo]);
    const parts: string[] = [];
    reader.stdout.setEncoding('utf8').on('data', (text: string) => parts.push(text));
    const ended = once(reader, 'close');
    expect((await run([...both, '--format', 'n8n', '--output', fifo])).exitCode).toBe(0);
    await ended;
    expect(JSON.parse(parts.join(''))).toHaveLength(2);
  });

  it('refuses --json when standard output is the file too', async () => {
    expect(errorOf(await run([...both, '--output', '/dev/stdout', '--json'])).code).toBe('USAGE');
  });

  it('warns inside a git work tree, below it and through a link, and not elsewhere', async () => {
    const tree = folder();
    spawnSync('git', ['init', '-q', tree]);
    mkdirSync(join(tree, 'deep', 'er'), { recursive: true });
    const link = join(folder(), 'link');
    symlinkSync(join(tree, 'deep'), link);
    for (const [file, warned] of [[join(tree, 'a'), true], [join(tree, 'deep', 'er', 'b'), true], [join(link, 'c'), true], [join(folder(), 'd'), false]] as const) {
      const { stderr, exitCode } = await run([...both, '--quiet', '--output', file]);
      expect([exitCode, stderr.includes('git work tree')], file).toEqual([0, warned]);
    }
  });
});

describe('what does not go together', () => {
  it.each([
    ['a format that there is not', ['--format', 'xml'], /json, n8n, n8n-overwrites, dotenv, docker-env, shell, kubernetes/],
    ['a prefix without variables', ['--format', 'n8n', '--prefix', 'X'], /--prefix/],
    ['a prefix that is no name', ['--format', 'shell', '--prefix', '1X'], /begins with no digit/],
    ['one prefix for two', ['--format', 'shell', '--prefix', 'X'], /chat and crm would both set X_URL/],
  ])('refuses %s and writes nothing', async (_, options, told) => {
    const file = join(folder(), 'out');
    const done = await run([...both, ...options, '--output', file], { reveals: false });
    expect([done.exitCode, done.stdout, done.stderr]).toEqual([2, '', expect.stringMatching(told)]);
    expect(() => statSync(file)).toThrow('ENOENT');
  });

  it('refuses two credentials that set one variable, naming both, but not as Secrets of their own', async () => {
    const two = ['export', 'chat', 'team'];
    expect((await run([...two, '--format', 'dotenv'])).stderr).toContain('chat and team would both set MATTERMOST_URL.');
    expect((await run([...two, '--format', 'kubernetes'])).exitCode).toBe(0);
  });

  it('writes nothing when one name of several is not there', async () => {
    const done = await run(['export', 'chat', 'nobody', '--format', 'shell'], { reveals: false });
    expect([done.exitCode, done.stdout]).toEqual([11, '']);
  });
});

describe('set-up with --export', () => {
  const setUp = (args: readonly string[]) => home.run(['mattermost', '--url', mattermost.url, '--store', 'none', ...args], { env: { CREDSETUP_TOKEN: token }, reveals: true });

  it('writes the format that is named, with a prefix', async () => {
    expect(parseDotenv((await setUp(['--export', 'dotenv', '--prefix', 'CHAT'])).stdout)).toEqual({ CHAT_URL: mattermost.url, CHAT_TOKEN: token });
  });

  it('gives n8n the same id at every run without a store', async () => {
    const [one, two] = [await setUp(['--export', 'n8n']), await setUp(['--export', 'n8n'])];
    expect(one.stdout).toBe(two.stdout);
  });

  it.each([[['--export', 'shell', '--json']], [['--prefix', 'X']], [['--export', 'json', '--prefix', 'X']]])('refuses %j before it asks the server anything', async (args) => {
    mattermost.log.length = 0;
    expect((await setUp(args)).exitCode).toBe(2);
    expect(mattermost.log).toEqual([]);
  });
});
