import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { startWedgedBus } from '../stores/keychain-session.ts';
import { has } from '../tools.ts';
import { errorOf, expectNoSecret, identity, mattermostServer, script, storeMattermost, type Script } from './support.ts';

let chat: PracticeMattermost;
let stored: Script;
let token: string;
beforeAll(async () => {
  chat = await mattermostServer();
  stored = script();
  token = await storeMattermost(stored, chat);
});

/** The program with its streams in the test's hand. */
function start(args: readonly string[], one: Script, env: Readonly<Record<string, string>> = {}): ChildProcess & { readonly said: () => string } {
  const child = spawn(process.execPath, [programPath, ...args], { env: cleanEnvironment({ ...one.env, ...env }) });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => { text += part; });
  return Object.assign(child, { said: () => text });
}

/** A Mattermost that takes a request and holds it until the test has ended. */
async function silentServer(): Promise<{ readonly server: PracticeMattermost; readonly asked: Promise<void> }> {
  const server = await mattermostServer();
  const asked = new Promise<void>((resolve) => {
    server.intercept = (request, answer) => {
      if (request.path !== '/api/v4/users/me') return answer();
      resolve();
      return new Promise(() => undefined);
    };
  });
  return { server, asked };
}

describe('a wrong call', () => {
  it.each([
    [['frobnicate'], /no command "frobnicate"/],
    [['list', 'x'], /credsetup list takes nothing behind it but options, and 1 was given\./],
    [['show'], /The NAME is missing\./],
    [['list', '--nope'], /There is no option --nope\./],
    [['mattermost', '--store', 'cloud'], /--store cannot be "cloud"\. It takes keychain, file, vault, none\./],
    [['completion', 'tcsh'], /The SHELL cannot be "tcsh"\. It takes bash, zsh, fish/],
    [['mattermost', '--export', 'xml'], /json/],
    [['mattermost', '--url'], /--url needs a value\./],
    [['test', '--all', '--timeout', 'soon'], /--timeout/],
    [['test', '--all', '--timeout', '-1'], /--timeout/],
    ...['1e3', '0x50', '+99', ' 80', '080', '65536'].map((port): [string[], RegExp] => [['mautic', `--callback-port=${port}`], /--callback-port.*port from 1 to 65535/]),
    ...['1e3', '0x50', '+99', ''].map((seconds): [string[], RegExp] => [['test', '--all', `--timeout=${seconds}`], /--timeout.*number above zero/]),
    [['mattermost', '--output', 'x'], /--export/],
    [['mattermost', '--overwrite'], /--export/],
  ])('%j is USAGE, on standard error and as one JSON document', async (args, message) => {
    const text = await stored.run(args);
    expect(text).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringMatching(message) });
    const json = await stored.run([...args, '--json']);
    if (args.at(-1) === '--url') return;
    expect(errorOf(json)).toMatchObject({ code: 'USAGE', exitCode: 2, retryable: false, message: expect.stringMatching(message), hint: expect.stringMatching(/help|--/) });
    expect(json.stderr).toBe('');
  });

  it('help for a command that there is not names it', async () => {
    expect(errorOf(await stored.run(['help', 'nope', '--json']))).toMatchObject({ code: 'USAGE', message: 'There is no command "nope".' });
  });

  it('never repeats the value of an option that there is not', async () => {
    const secret = 'abcdefghijklmnopqrstuvwxy9';
    for (const option of ['--token', '--password', '--tokenfile', '--x']) {
      const done = await stored.run(['mattermost', `${option}=${secret}`, '--json'], { secrets: [secret] });
      expect(errorOf(done).message).toContain(option);
    }
  });

  it.each([
    [['mattermst'], 'Did you mean mattermost?'], [['lits'], 'Did you mean list?'], [['mattermost', '--toke', 'x'], 'Did you mean --token-file or --token-stdin?'],
    [['mautic', '--usrname', 'x'], 'Did you mean --username?'], [['list', '--jsn'], 'Did you mean --json?'],
  ])('%o is answered with what was probably meant', async (args, guess) => {
    expect((await stored.run(args)).stderr).toContain(guess);
  });

  it.each([['list', '--nope'], ['--x'], ['push', '--gracefully']])('%s %s is like nothing, and nothing is proposed', async (...args) => {
    expect((await stored.run(args)).stderr).not.toContain('Did you mean');
  });

  it.each([
    ['mattermost', '--token', '--token-file FILE, --token-stdin or the variable CREDSETUP_MATTERMOST_TOKEN'],
    ['mautic', '--password', '--password-file FILE, --password-stdin or the variable CREDSETUP_MAUTIC_PASSWORD'],
    ['rotate', '--admin-token', '--admin-token-file FILE, --admin-token-stdin.'],
  ])('%s %s SECRET says how a secret is given, and that this one stands in the history', async (command, option, ways) => {
    const secret = 'abcdefghijklmnopqrstuvwxy9';
    const hint = errorOf(await stored.run([command, option, secret, '--json'], { secrets: [secret] })).hint;
    expect(hint).toContain(ways);
    expect(hint).toContain('take it out of the history');
  });

  it('rm and delete do what remove does, ls what list does', async () => {
    for (const word of ['rm', 'delete']) expect((await stored.run([word, 'nobody', '--json'])).json()).toEqual((await stored.run(['remove', 'nobody', '--json'])).json());
    expect((await stored.run(['ls'])).stdout).toBe((await stored.run(['list'])).stdout);
    expect((await stored.run(['rm', '--help'])).stdout).toContain('credsetup remove');
  });

  it('without a command and a terminal gets the help on standard error', async () => {
    const done = await stored.run([]);
    expect(done).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining('mattermost') });
    expect(errorOf(await stored.run(['--json']))).toMatchObject({ code: 'USAGE' });
  });
});

describe('help and version', () => {
  it('begin with examples that are read by the program, and say under which option the others go', async () => {
    for (const service of ['mattermost', 'mautic', 'n8n']) {
      const { stdout } = await stored.run([service, '--help']);
      const examples = stdout.slice(stdout.indexOf('Examples:\n'), stdout.indexOf('\n\nValues:')).split('\n').slice(1).map((line) => line.trim());
      expect(examples[0]).toBe(`credsetup ${service}`);
      expect(examples.filter((line) => !line.startsWith('credsetup '))).toEqual([]);
      for (const example of examples) {
        const done = await stored.run([...example.replace('NAME', 'someone').split(' ').slice(1), '--no-input'], { stdin: 'x' });
        expect(done.stderr, example).not.toMatch(/There is no option|\(UNEXPECTED\)/);
      }
      expect(Math.max(...stdout.split('\n').filter((line) => !line.startsWith('Variables:')).map((line) => line.length))).toBeLessThanOrEqual(80);
    }
    const { stdout } = await stored.run(['mautic', '--help']);
    expect(stdout).toMatch(/With --method oauth2:\n(?: .*\n)* {2}--callback-port/);
    expect(stdout).toMatch(/With --export: written out, too:\n(?: .*\n)* {2}--output/);
  });

  it('are data', async () => {
    expect(await stored.run(['--version'])).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' });
    for (const args of [['--help'], ['help'], ['mattermost', '--help'], ['help', 'mattermost']]) {
      expect(await stored.run(args)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('--json'), stderr: '' });
    }
  });

  it.each(['18.20.4', '20.18.3', '4.9.1'])('Node %s gets a sentence and no syntax error', async (version) => {
    const code = `Object.defineProperty(process.versions, 'node', { value: ${JSON.stringify(version)} }); require(${JSON.stringify(programPath)});`;
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => { text += part; });
    const [exitCode] = await once(child, 'close') as [number];
    expect(exitCode).toBe(2);
    expect(text).toContain(`this is ${version}`);
    expect(text).not.toContain('Error');
  });

  it('starts with words that an old Node reads', () => {
    const text = readFileSync(programPath, 'utf8');
    expect(text).not.toMatch(/\b(let|const|import|class|async)\b.*[;{(]|=>|`|\?\./);
  });
});

describe('talk', () => {
  it('--quiet leaves warnings and errors', async () => {
    const quiet = await stored.run(['test', 'chat', '--quiet']);
    expect(quiet.stderr).not.toContain('✔');
    expect(quiet.stderr).toContain('N8N_LOOPBACK_ADDRESS');
    expect((await stored.run(['show', 'x', '--quiet'])).stderr).toContain('NOT_FOUND');
  });

  it('--debug tells what is asked of whom, and masks what is secret although the server repeats it', async () => {
    const server = await mattermostServer({ developerMode: true });
    const wrong = 'zyxwvutsrqponmlkjihgfedcb8';
    const done = await script().run(['mattermost', '--url', server.url, '--debug', '--json'], { env: { CREDSETUP_TOKEN: wrong } });
    expect(errorOf(done)).toMatchObject({ code: 'TOKEN_REJECTED' });
    expect(done.stderr).toMatch(/debug: GET http:.*\/users\/me: 401/);
  });

  it('uses no colour when nobody looks at it', async () => {
    expect((await stored.run(['show', 'x'])).stderr).not.toContain('\u001b');
    expect((await stored.run(['show', 'x'], { env: { FORCE_COLOR: '1' } })).stderr).toContain('\u001b');
    expect((await stored.run(['show', 'x', '--no-color'], { env: { FORCE_COLOR: '1' } })).stderr).not.toContain('\u001b');
  });
});

describe('standard output', () => {
  it('that nobody reads any more ends it with 141 and without a word', async () => {
    const child = start(['export', 'chat'], stored);
    child.stdout?.destroy();
    const [exitCode] = await once(child, 'close') as [number];
    expect(exitCode).toBe(141);
    expect(child.said()).toBe('');
  });

  it.runIf(existsSync('/dev/full'))('on a full disk is an error', async () => {
    for (const args of [['list'], ['list', '--json'], ['get', '--help']]) {
      const child = spawn('sh', ['-c', '"$@" > /dev/full', 'sh', process.execPath, programPath, ...args], { env: cleanEnvironment(stored.env), stdio: ['ignore', 'ignore', 'pipe'] });
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => { text += part; });
      const [exitCode] = await once(child, 'close') as [number];
      expect(exitCode).toBe(10);
      expect(text).toContain('FILE_UNWRITABLE');
    }
  });
});

describe('a signal', () => {
  it.each([['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]] as const)('%s ends it with %i while a server is asked, and nothing is saved', async (signal, exitCode) => {
    const one = script();
    const { server, asked } = await silentServer();
    const child = start(['mattermost', '--url', server.url, '--json'], one, { CREDSETUP_TOKEN: token });
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => { out += part; });
    await asked;
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([exitCode, null]);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'CANCELLED', exitCode } });
    expect((await one.run(['list', '--json'])).json()).toEqual({ credentials: [] });
    expect(readdirSync(one.home).filter((name) => name.includes('lock'))).toEqual([]);
  });

  it('that comes when the result is being written comes too late: one document, and the exit code of the work', async () => {
    const one = script();
    await storeMattermost(one, chat);
    const path = join(one.home, 'index.json');
    const index = JSON.parse(readFileSync(path, 'utf8')) as { entries: { key: string; credential: Record<string, unknown> }[] };
    const [first] = index.entries;
    // More than a pipe holds: until somebody reads, the program waits within its last write.
    index.entries = Array.from({ length: 400 }, (_, at) => ({ ...first!, key: randomBytes(16).toString('hex').padEnd(first!.key.length, '0').slice(0, first!.key.length), credential: { ...first!.credential, name: `chat-${at}`, id: randomUUID() } }));
    writeFileSync(path, JSON.stringify(index));
    const child = start(['list', '--json'], one);
    child.stdout!.pause();
    await once(child.stdout!, 'readable');
    child.kill('SIGINT');
    let out = '';
    child.stdout!.setEncoding('utf8').on('data', (part: string) => { out += part; });
    const [exitCode] = await once(child, 'close') as [number];
    expect((JSON.parse(out) as { credentials: unknown[] }).credentials).toHaveLength(400);
    expect(exitCode).toBe(0);
    expect(child.said()).toBe('');
  });

  it('ends it while standard input is waited for', async () => {
    const child = start(['mattermost', '--url', chat.url, '--token-stdin'], script());
    // More than a pipe holds: it is all taken only when somebody reads.
    await new Promise<void>((resolve) => { child.stdin?.write(' '.repeat(300_000), () => { resolve(); }); });
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
  });
});

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => { setImmediate(resolve); });
}

describe.runIf(existsSync('/proc/self/cmdline'))('the process list', () => {
  it('shows no secret while it runs, of the program and of its children', async () => {
    const { server, asked } = await silentServer();
    const child = start(['mattermost', '--url', server.url], script(), { CREDSETUP_TOKEN: token, CREDSETUP_IDENTITY: identity });
    await asked;
    const lines = family(child.pid ?? 0).map((pid) => read(pid, 'cmdline'));
    expect(lines.join()).toContain('mattermost');
    expectNoSecret(lines.join('\n'), [token, identity]);
    child.kill('SIGTERM');
    await once(child, 'close');
  });

  it.runIf(has('keychain'))('nor of the child that talks to the keychain, and its environment has none of ours', async () => {
    const bus = await startWedgedBus();
    const env = { ...bus.env, CREDSETUP_STORE: 'keychain', CREDSETUP_TOKEN: token };
    const child = start(['mattermost', '--url', chat.url, '--json'], script(), env);
    const pid = child.pid ?? 0;
    await until(() => family(pid).some((one) => read(one, 'cmdline').includes('keychain-child')));
    const [, ...children] = family(pid);
    expectNoSecret(children.map((one) => read(one, 'cmdline')).join('\n'), [token, identity]);
    expect(children.map((one) => read(one, 'environ')).join('\n')).not.toContain('CREDSETUP_');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([143, null]);
    await bus.stop();
  });
});

/** A process and all below it; one that has just ended has none. */
function family(pid: number): number[] {
  const children = read(pid, `task/${pid}/children`).split(' ').filter((text) => text !== '').map(Number);
  return [pid, ...children.flatMap(family)];
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH'].includes(String(error.code))) return '';
    throw error;
  }
}
