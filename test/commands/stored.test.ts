import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { errorOf, expectCredential, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from './support.ts';

/** One home for the tests that only read; those that change something copy it. */
let shared: Script;
let chat: PracticeMattermost;
let crm: PracticeMautic;
let token: string;
beforeAll(async () => {
  chat = await mattermostServer();
  crm = await mauticServer();
  shared = script();
  token = await storeMattermost(shared, chat);
  await storeMautic(shared, crm);
});

function copy(): Script {
  const home = folder();
  execFileSync('cp', ['-a', `${shared.home}/.`, home]);
  return script(home);
}

describe('list', () => {
  it('prints an empty list as a list, and creates nothing', async () => {
    const one = script(join(folder(), 'none'));
    expect((await one.run(['list', '--json'])).json()).toEqual({ credentials: [] });
    expect(existsSync(one.home)).toBe(false);
  });

  it('reads the index alone: neither identity nor server is needed', async () => {
    const done = await shared.run(['list', '--json'], { env: { CREDSETUP_IDENTITY: undefined } });
    const credentials = done.json()['credentials'] as Record<string, unknown>[];
    expect(credentials.map(({ name }) => name)).toEqual(['chat', 'crm']);
    credentials.forEach((one) => { expectCredential(one); });
    const table = await shared.run(['list']);
    expect(table.stdout).toMatch(/^NAME +SERVICE .*\nchat +mattermost .*\ncrm +mautic .*\n$/);
    expect(table.stderr).toBe('');
  });
});

describe('show', () => {
  it('prints one credential, found without regard to case', async () => {
    const done = await shared.run(['show', 'CHAT', '--json']);
    expectCredential(done.json());
    expect((await shared.run(['show', 'crm'])).stdout).toMatch(/^Name +crm$/m);
  });

  it('prints the secret only with --reveal', async () => {
    const done = await shared.run(['show', 'chat', '--reveal', '--json'], { reveals: true });
    expectCredential(done.json(), ['secrets']);
    expect(done.json()['secrets']).toEqual({ token });
    expect((await shared.run(['show', 'chat', '--reveal'], { reveals: true })).stdout).toContain(token);
  });

  it('names what there is when the name is not there', async () => {
    const done = await shared.run(['show', 'chatt', '--json']);
    expect(errorOf(done)).toMatchObject({ code: 'NOT_FOUND', exitCode: 11, name: 'chatt', hint: expect.stringContaining('chat, crm') });
  });
});

describe('get', () => {
  it.each([['chat', [], () => token], ['chat', ['token'], () => token], ['crm', [], () => mauticPassword], ['crm', ['password'], () => mauticPassword], ['crm', ['username'], () => 'contacts'], ['chat', ['username'], () => 'maker'], ['chat', ['url'], () => chat.url], ['crm', ['version'], () => '7.0.0']] as readonly (readonly [string, readonly string[], () => string])[])('%s %j is one value and a line end', async (name, field, value) => {
    const done = await shared.run(['get', name, ...field], { reveals: true });
    expect(done).toMatchObject({ exitCode: 0, stdout: `${value()}\n`, stderr: '' });
  });

  it.each(['client-id', 'toString', 'constructor', 'secrets', '__proto__'])('%s is a field that a Mattermost credential does not have', async (field) => {
    const done = await shared.run(['get', 'chat', field, '--json']);
    expect(errorOf(done)).toMatchObject({ code: 'USAGE', exitCode: 2, hint: expect.stringContaining('token') });
  });
});

describe('rename', () => {
  it('keeps everything but the name', async () => {
    const one = copy();
    const before = (await one.run(['show', 'chat', '--json'])).json();
    const done = await one.run(['rename', 'chat', 'Team.Chat', '--json']);
    expect(done.json()).toEqual({ ...before, name: 'Team.Chat' });
    expect((await one.run(['get', 'team.chat'], { reveals: true })).stdout).toBe(`${token}\n`);
    expect((await one.run(['rename', 'team.chat', 'TEAM.CHAT', '--json'])).json()['name']).toBe('TEAM.CHAT');
  });

  it('takes no name that is another one\'s, none that is no name, and none that is not there', async () => {
    const one = copy();
    const taken = errorOf(await one.run(['rename', 'chat', 'CRM', '--json']));
    expect(taken).toMatchObject({ code: 'NAME_TAKEN', exitCode: 11 });
    // What rename does not take is no help.
    expect(taken.hint).not.toMatch(/--name|--replace/);
    expect(errorOf(await one.run(['rename', 'chat', 'a/b', '--json']))).toMatchObject({ code: 'NAME_INVALID', exitCode: 2 });
    expect(errorOf(await one.run(['rename', 'chat', '.hidden', '--json']))).toMatchObject({ code: 'NAME_INVALID' });
    expect(errorOf(await one.run(['rename', 'nobody', 'x', '--json']))).toMatchObject({ code: 'NOT_FOUND', exitCode: 11 });
  });
});

describe('remove', () => {
  it('wants --yes in a script, and removes nothing without', async () => {
    const one = copy();
    const done = await one.run(['remove', 'chat', '--json']);
    expect(errorOf(done)).toMatchObject({ code: 'INPUT_MISSING', exitCode: 2, missing: [{ field: 'confirmation', option: '--yes' }] });
    expect((await one.run(['show', 'chat'])).exitCode).toBe(0);
  });

  it('removes the secret and the entry', async () => {
    const one = copy();
    const done = await one.run(['remove', 'chat', 'CHAT', 'crm', '--yes', '--json']);
    expect(done.exitCode).toBe(0);
    expect(done.json()).toEqual({ results: [{ name: 'chat', status: 'removed' }, { name: 'crm', status: 'removed' }] });
    expect((await one.run(['list', '--json'])).json()).toEqual({ credentials: [] });
  });

  it('tells a name that is not there beside the others', async () => {
    const one = copy();
    const done = await one.run(['remove', 'chat', 'nobody', '--yes', '--json']);
    expect(done.exitCode).toBe(12);
    expect(done.json()).toMatchObject({ results: [{ name: 'chat', status: 'removed' }, { name: 'nobody', status: 'failed', error: { code: 'NOT_FOUND', exitCode: 11 } }] });
    const single = await one.run(['remove', 'nobody', '--yes', '--json']);
    expect(single.exitCode).toBe(11);
    expect(single.json()).toMatchObject({ results: [{ name: 'nobody', status: 'failed', error: { code: 'NOT_FOUND' } }] });
  });
});

describe('test', () => {
  it('validates all, and prints results with the credentials', async () => {
    const done = await shared.run(['test', '--all', '--json']);
    expect(done.stderr).toBe('');
    expect(done.exitCode, done.stderr).toBe(0);
    const results = done.json()['results'] as Record<string, unknown>[];
    expect(results.map(({ name, status }) => [name, status])).toEqual([['chat', 'ok'], ['crm', 'ok']]);
    for (const { credential, durationMs, ...rest } of results) {
      expectCredential(credential);
      expect(durationMs).toEqual(expect.any(Number));
      expect(Object.keys(rest)).toEqual(['name', 'status']);
    }
  });

  it('has the code of the one name, and SOME_FAILED for several or --all', async () => {
    const one = copy();
    const other = await mattermostServer();
    await storeMattermost(one, other, 'other');
    other.deactivate('maker');
    const single = await one.run(['test', 'other', '--json']);
    expect(single.exitCode).toBe(7);
    expect(single.json()).toMatchObject({ results: [{ name: 'other', status: 'failed', error: { code: 'TOKEN_REJECTED', exitCode: 7, name: 'other', service: 'mattermost', url: other.url, causes: expect.any(Array) } }] });
    const several = await one.run(['test', 'other', 'chat', '--json']);
    expect(several.exitCode).toBe(12);
    expect(several.json()).toMatchObject({ results: [{ name: 'other', status: 'failed' }, { name: 'chat', status: 'ok' }] });
    expect((await one.run(['test', '--all'])).exitCode).toBe(12);
    const missing = await one.run(['test', 'chat', 'nobody', '--json']);
    expect(missing).toMatchObject({ exitCode: 12 });
    expect(missing.json()).toMatchObject({ results: [{ status: 'ok' }, { name: 'nobody', status: 'failed', error: { code: 'NOT_FOUND' } }] });
    expect((await one.run(['test', 'nobody', '--json'])).exitCode).toBe(11);
  });

  it('wants names or --all, and not both', async () => {
    expect(errorOf(await shared.run(['test', '--json']))).toMatchObject({ code: 'USAGE' });
    expect(errorOf(await shared.run(['test', 'chat', '--all', '--json']))).toMatchObject({ code: 'USAGE' });
    expect((await script().run(['test', '--all', '--json'])).json()).toEqual({ results: [] });
  });

  it('keeps what it finds out: the version, the account, the warnings', async () => {
    const one = copy();
    chat.state.version = '9.11.0';
    chat.user('maker').roles = 'system_admin system_user';
    const done = await one.run(['test', 'chat', '--json']);
    expect(done.json()).toMatchObject({ results: [{ credential: { server: { version: '9.11.0' }, account: { admin: true } } }] });
    const shown = (await one.run(['show', 'chat', '--json'])).json();
    expect(shown).toMatchObject({ server: { version: '9.11.0' }, warnings: expect.arrayContaining([expect.objectContaining({ code: 'ADMIN_ACCOUNT' }), expect.objectContaining({ code: 'SITE_URL_DIFFERS' })]) });
    chat.user('maker').roles = 'system_user system_user_access_token';
    chat.state.version = '6.7.0';
  });

  it('sends a refused secret once and one made-up token, however many names it has', async () => {
    const one = script();
    const server = await mauticServer();
    await storeMautic(one, server, 'a', 'contacts');
    await storeMautic(one, server, 'b', 'contacts');
    await storeMautic(one, server, 'c', 'admin');
    for (const user of server.state.users) user.password = 'changed since';
    server.log.length = 0;
    const done = await one.run(['test', '--all', '--json']);
    expect(done.exitCode).toBe(12);
    const sent = server.log.map(({ authorization }) => authorization ?? 'none');
    expect(sent.filter((one) => one.startsWith('Basic'))).toHaveLength(2);
    expect(new Set(sent).size).toBe(sent.length);
    expect(sent.filter((one) => one.startsWith('Bearer'))).toEqual(['Bearer credsetup-probe']);
  });

  it('spends no time on optimizing the parser of a few answers', async () => {
    const flags = ['--trace-wasm-compilation-times', programPath, 'test', 'chat'];
    const { stdout } = await promisify(execFile)(process.execPath, flags, { env: cleanEnvironment(shared.env) });
    expect(stdout).toContain('Compiled function');
    expect(stdout).toContain('using Liftoff');
    expect(stdout).not.toContain('using TurboFan');
  });
});

describe('export', () => {
  it('prints the export and nothing else, --json or not', async () => {
    for (const args of [['export', 'chat'], ['export', 'chat', '--format', 'json', '--json']]) {
      const done = await shared.run(args, { reveals: true });
      expect(done.stderr).toBe('');
      const document = done.json();
      expect(document).toMatchObject({ version: 1, exportedAt: expect.stringMatching(/Z$/), credentials: [{ name: 'chat', secrets: { token } }] });
      expectCredential((document['credentials'] as unknown[])[0], ['secrets']);
    }
  });

  it('--all exports all, and a name that is not there exports none', async () => {
    const all = await shared.run(['export', '--all'], { reveals: true });
    expect(all.json()).toMatchObject({ credentials: [{ secrets: { token } }, { secrets: { password: mauticPassword } }] });
    expect(errorOf(await shared.run(['export', 'chat', 'nobody', '--json']))).toMatchObject({ code: 'NOT_FOUND', exitCode: 11 });
    expect(errorOf(await shared.run(['export', '--json']))).toMatchObject({ code: 'USAGE' });
  });

  it('writes a file once, 0600, and over it only with --overwrite', async () => {
    const file = join(folder(), 'out.json');
    const first = await shared.run(['export', '--all', '--output', file, '--json']);
    expect(first.json()).toMatchObject({ file, format: 'json', credentials: [{ name: 'chat' }, { name: 'crm' }] });
    expect(first.stderr).toContain('secrets');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(errorOf(await shared.run(['export', '--all', '--output', file, '--json']))).toMatchObject({ code: 'FILE_EXISTS', exitCode: 11 });
    writeFileSync(file, 'x', { mode: 0o644 });
    expect((await shared.run(['export', 'chat', '--output', file, '--overwrite', '--quiet'])).stderr).toBe('');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ credentials: [{ secrets: { token } }] });
    expect(errorOf(await shared.run(['export', 'chat', '--output', join(file, 'below'), '--json']))).toMatchObject({ code: 'FILE_UNWRITABLE', exitCode: 10 });
    expect(errorOf(await shared.run(['export', 'chat', '--overwrite', '--json']))).toMatchObject({ code: 'USAGE' });
  });

  it('--test writes nothing when one fails', async () => {
    const one = copy();
    const other = await mattermostServer();
    await storeMattermost(one, other, 'other');
    other.deactivate('maker');
    const file = join(folder(), 'out.json');
    const done = await one.run(['export', '--all', '--test', '--output', file, '--json']);
    expect(done.exitCode).toBe(12);
    expect(done.json()).toMatchObject({ results: [{ name: 'other', status: 'failed', error: { code: 'TOKEN_REJECTED' } }] });
    expect(existsSync(file)).toBe(false);
    expect((await one.run(['export', 'chat', '--test'], { reveals: true })).json()).toMatchObject({ credentials: [{ name: 'chat' }] });
  });
});
