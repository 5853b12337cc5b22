/**
 * `--github-mask`, against what GitHub's runner does with a step's output (actions/runner,
 * ActionCommand.cs and ActionCommandManager.cs): a line `::add-mask::VALUE` leaves the log, VALUE
 * is turned back from `%25`, `%0D` and `%0A`, and stands as `***` in every later line.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, credsetup, programPath, type Finished } from '../program.ts';
import { folder, mattermostServer, mauticServer, script, storeMattermost, type Script } from './support.ts';

// The runner would take a mask apart at a % that is not turned; quotes are written by other signs in every format.
const password = 'p%0Aa$s\'w"o\\rd %25 end';
const job = { GITHUB_ACTIONS: 'true', CI: 'true' };

let stored: Script;
let token: string;
beforeAll(async () => {
  const [chat, crm] = await Promise.all([mattermostServer(), mauticServer({ basicEnabled: true })]);
  stored = script();
  token = await storeMattermost(stored, chat);
  crm.user('contacts').password = password;
  const done = await stored.run(['mautic', '--method', 'basic', '--url', crm.url, '--username', 'contacts', '--name', 'crm'], { env: { CREDSETUP_PASSWORD: password } });
  expect(done.exitCode, done.stderr).toBe(0);
});

const inJob = (...args: readonly string[]): Promise<Finished> => credsetup(args, { env: { ...stored.env, ...job } });

/** The step's log as GitHub shows it: standard error first, as the runner drains it. */
function logOf({ stdout, stderr }: Finished): string {
  const masks: string[] = [];
  const shown: string[] = [];
  for (const line of [...stderr.split('\n'), ...stdout.split('\n')]) {
    const data = /^\s*::add-mask::(.*)$/.exec(line)?.[1];
    if (data === undefined) shown.push(masks.reduce((text, mask) => text.replaceAll(mask, '***'), line));
    else masks.push(data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%'));
  }
  return shown.join('\n');
}

describe('a secret that a job prints with --github-mask', () => {
  it('is masked in the log, and what is captured is the secret alone', async () => {
    const done = await inJob('get', 'crm', '--github-mask');
    expect(done).toMatchObject({ exitCode: 0, stdout: `${password}\n` });
    expect(logOf(done)).toBe('\n***\n');
    const json = await inJob('get', 'chat', '--github-mask', '--json');
    expect(json.json()).toMatchObject({ value: token });
    expect(logOf(json)).toContain('"value": "***"');
  });

  it('is not there without the option, and nothing public is masked', async () => {
    expect(await inJob('get', 'chat')).toMatchObject({ stdout: `${token}\n`, stderr: '' });
    expect((await inJob('get', 'chat', 'url', '--github-mask')).stderr).toBe('');
  });

  it.each(['json', 'n8n', 'dotenv', 'docker-env', 'shell', 'kubernetes'])('stands in no form of the format %s in the log', async (format) => {
    const done = await inJob('export', 'chat', 'crm', '--format', format, '--github-mask', '--yes');
    expect(done.exitCode, done.stderr).toBe(0);
    const log = logOf(done);
    const base64 = [token, password].map((one) => Buffer.from(one).toString('base64'));
    for (const piece of [token, password, ...base64, 'w"o', 'w\\"o', '$s', 'rd %25']) expect(log).not.toContain(piece);
    expect(log).toContain('***');
    expect(log).toMatch(/127\.0\.0\.1|MTI3|data/);
  });

  it('is masked before a command of exec can print it', async () => {
    const done = await inJob('exec', 'chat', 'crm', '--github-mask', '--', 'sh', '-c', 'printf "%s\\n" "$MATTERMOST_TOKEN at $MATTERMOST_URL; $MAUTIC_PASSWORD of $MAUTIC_USERNAME"');
    expect(done.stdout).toContain(token);
    expect(logOf(done)).toMatch(/^\n\*\*\* at http:\/\/127\S+; \*\*\* of contacts\n$/);
  });

  it('is masked line by line where it has several, blank lines left out', async () => {
    const { maskLines } = await import('../../src/terminal/runner-mask.ts');
    expect(maskLines(['one\r\n  two\n\n \nthree%', 'one'])).toBe('::add-mask::one\n::add-mask::  two\n::add-mask::two\n::add-mask::three%25\n');
  });

  it('is masked too when it goes to a file, for a later step may print that', async () => {
    const file = join(folder(), 'chat.env');
    const done = await inJob('export', 'chat', '--format', 'dotenv', '--output', file, '--github-mask');
    expect(done.stdout).toBe('');
    expect(logOf({ ...done, stdout: readFileSync(file, 'utf8') })).not.toContain(token);
  });
});

describe('a mask holds the secret, so it is written only where the runner takes it out', () => {
  it('outside of a job nothing is written, and that is said', async () => {
    for (const GITHUB_ACTIONS of [undefined, '', 'false']) {
      const done = await stored.run(['get', 'chat', '--github-mask'], { env: { GITHUB_ACTIONS }, secrets: [token], reveals: true });
      expect(done).toMatchObject({ exitCode: 0, stdout: `${token}\n`, stderr: expect.stringMatching(/^! --github-mask masks nothing here: GITHUB_ACTIONS is not true/) });
    }
  });

  it.each([
    ['a file', '2>said'],
    ['nowhere', '2>/dev/null'],
    ['a closed descriptor', '2>&-'],
  ])('when standard error goes to %s, nothing is read and nothing printed', (_, redirected) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'said'), '');
    for (const words of ['get chat', 'export chat --format shell', 'exec chat']) {
      const { status, stdout } = spawnSync('sh', ['-c', `"$0" "$1" ${words} --github-mask ${words.startsWith('exec') ? '-- env' : ''} ${redirected}`, process.execPath, programPath], {
        cwd, encoding: 'utf8', env: cleanEnvironment({ ...stored.env, ...job }),
      });
      expect({ status, stdout }).toEqual({ status: words.startsWith('exec') ? 125 : 2, stdout: '' });
    }
    expect(readFileSync(join(cwd, 'said'), 'utf8')).not.toContain(token);
  });

  it('belongs to an export in a set-up', async () => {
    expect((await inJob('mattermost', '--url', 'http://127.0.0.1:1', '--github-mask', '--json')).json().error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('--export') });
  });
});
