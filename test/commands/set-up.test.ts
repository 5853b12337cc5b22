import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { errorOf, expectCredential, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic } from './support.ts';

let chat: PracticeMattermost;
let crm: PracticeMautic;
let token: string;
beforeAll(async () => {
  chat = await mattermostServer();
  crm = await mauticServer();
  chat.joinTeam('maker');
  token = chat.makeToken('maker').token;
});

const basic = ['mautic', '--method', 'basic'];

describe('credsetup mattermost in a script', () => {
  it('saves what the variables give and prints the credential as --json', async () => {
    const one = script();
    const done = await one.run(['mattermost', '--json'], { env: { CREDSETUP_MATTERMOST_URL: `${chat.url}/team/channels/town-square`, CREDSETUP_MATTERMOST_TOKEN: token } });
    expect(done.exitCode, done.stderr).toBe(0);
    const credential = done.json();
    expectCredential(credential);
    expect(credential).toMatchObject({
      name: `mattermost-127.0.0.1-${chat.port}`, service: 'mattermost', method: 'access-token', url: chat.url, store: 'file',
      account: { id: chat.user('maker').id, username: 'maker', email: 'maker@example.org', admin: false, bot: false },
      server: { version: '6.7.0' }, capabilities: { teams: true, channels: true, posts: true, users: true },
    });
    expect((await one.run(['get', String(credential['name'])], { reveals: true })).stdout).toBe(`${token}\n`);
  });

  it('takes the option before the variable of the service, and that before the short one', async () => {
    const one = script();
    const other = await mattermostServer();
    const env = { CREDSETUP_MATTERMOST_URL: chat.url, CREDSETUP_URL: other.url, CREDSETUP_MATTERMOST_TOKEN: '', CREDSETUP_TOKEN: token };
    const byVariable = await one.run(['mattermost', '--name', 'a', '--json'], { env });
    expect(byVariable.json()['url']).toBe(chat.url);
    const byOption = await one.run(['mattermost', '--name', 'b', '--url', other.url, '--json'], { env: { ...env, CREDSETUP_TOKEN: other.makeToken('joe').token } });
    expect(byOption.json()['url']).toBe(other.url);
  });

  it.each(['\n', '\r\n', ''])('reads a token from a file and from standard input, with the line end %j', async (end) => {
    const one = script();
    const file = join(folder(), 'token');
    writeFileSync(file, token + end);
    const fromFile = await one.run(['mattermost', '--url', chat.url, '--token-file', file], { secrets: [token] });
    expect(fromFile.exitCode, fromFile.stderr).toBe(0);
    const fromInput = await one.run(['mattermost', '--url', chat.url, '--token-stdin'], { stdin: token + end, secrets: [token] });
    expect(fromInput.exitCode, fromInput.stderr).toBe(0);
    expect(fromInput.stdout).toBe('');
  });

  it('wants one line and no second source', async () => {
    const one = script();
    const file = join(folder(), 'token');
    writeFileSync(file, `${token}\nsomething else\n`);
    const lines = await one.run(['mattermost', '--url', chat.url, '--token-file', file, '--json'], { secrets: [token, 'something else'] });
    expect(errorOf(lines)).toMatchObject({ code: 'INPUT_INVALID', exitCode: 2, message: expect.stringContaining('--token-file') });
    const both = await one.run(['mattermost', '--url', chat.url, '--token-file', file, '--token-stdin', '--json'], { stdin: token });
    expect(errorOf(both)).toMatchObject({ code: 'USAGE' });
  });

  it('names all that is missing at once, each with its option and its variable', async () => {
    const missing = await script().run(['mattermost', '--json'], { env: { CREDSETUP_IDENTITY: undefined } });
    expect(errorOf(missing)).toMatchObject({ code: 'INPUT_MISSING', exitCode: 2, retryable: false });
    expect(errorOf(missing)['missing']).toEqual([
      { field: 'url', option: '--url', variable: 'CREDSETUP_MATTERMOST_URL' },
      { field: 'token', option: '--token-file', variable: 'CREDSETUP_MATTERMOST_TOKEN' },
      { field: 'passphrase', variable: 'CREDSETUP_PASSPHRASE' },
    ]);
  });

  it('takes spaces, line ends and invisible characters away around a token', async () => {
    const done = await script().run(['mattermost', '--url', `  ${chat.url.toUpperCase().replace('HTTP', 'http')}/login \n`], { env: { CREDSETUP_TOKEN: `\u200b ${token}\u00a0\n` }, secrets: [token] });
    expect(done.exitCode, done.stderr).toBe(0);
  });

  it('only validates with --store none, and touches no home', async () => {
    const home = join(folder(), 'home');
    const one = script(home);
    const args = ['mattermost', '--url', chat.url, '--store', 'none', '--json'];
    const first = await one.run(args, { env: { CREDSETUP_TOKEN: token } });
    expectCredential(first.json());
    expect(first.json()).toMatchObject({ store: 'none' });
    const second = await one.run(args, { env: { CREDSETUP_TOKEN: token } });
    expect(second.json()['id']).toBe(first.json()['id']);
    expect(() => statSync(home)).toThrow('ENOENT');
  });

  it('sets up and exports in one run, to standard output and nothing else', async () => {
    const done = await script().run(['mattermost', '--url', chat.url, '--store', 'none', '--export', 'json'], { env: { CREDSETUP_TOKEN: token }, reveals: true });
    const { credentials, ...rest } = done.json();
    expect(rest).toEqual({ version: 1, exportedAt: expect.stringMatching(/Z$/) });
    expect(credentials).toHaveLength(1);
    const [credential] = credentials as [Record<string, unknown>];
    expectCredential(credential, ['secrets']);
    expect(credential['secrets']).toEqual({ token });
  });

  it('exports to a file of mode 0600, and tells with --json what it wrote', async () => {
    const one = script();
    const file = join(folder(), 'export.json');
    const args = ['mattermost', '--url', chat.url, '--export', 'json', '--output', file, '--json'];
    const done = await one.run(args, { env: { CREDSETUP_TOKEN: token } });
    expect(done.json()).toMatchObject({ file, format: 'json', credentials: [{ service: 'mattermost' }] });
    expectCredential((done.json()['credentials'] as unknown[])[0]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1, credentials: [{ secrets: { token } }] });
  });

  it('finds a file in the way before it asks anybody, and --overwrite replaces it', async () => {
    const one = script();
    const file = join(folder(), 'export.json');
    writeFileSync(file, 'mine', { mode: 0o644 });
    const args = ['mattermost', '--url', chat.url, '--export', 'json', '--output', file, '--json'];
    chat.log.length = 0;
    const there = await one.run(args, { env: { CREDSETUP_TOKEN: token } });
    expect(errorOf(there)).toMatchObject({ code: 'FILE_EXISTS', exitCode: 11 });
    expect(chat.log).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect((await one.run(['list', '--json'])).json()['credentials']).toEqual([]);
    expect((await one.run([...args, '--overwrite'], { env: { CREDSETUP_TOKEN: token } })).exitCode).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const link = join(folder(), 'link.json');
    symlinkSync(file, link);
    const linked = await one.run([...args.slice(0, 6), link, '--overwrite', '--json'], { env: { CREDSETUP_TOKEN: token } });
    expect(errorOf(linked)).toMatchObject({ code: 'FILE_UNWRITABLE' });
  });

  it('fails without a capability that --require names, and saves nothing', async () => {
    const one = script();
    const alone = chat.makeToken('kim').token;
    const args = ['mattermost', '--url', chat.url, '--require', 'teams,posts', '--json'];
    const done = await one.run(args, { env: { CREDSETUP_TOKEN: alone } });
    expect(errorOf(done)).toMatchObject({ code: 'PERMISSION_DENIED', exitCode: 8, message: expect.stringContaining('posts') });
    expect((await one.run(['list', '--json'])).json()['credentials']).toEqual([]);
    expect((await one.run(args, { env: { CREDSETUP_TOKEN: token } })).exitCode).toBe(0);
    const unknown = await one.run(['mattermost', '--require', 'everything', '--json']);
    expect(errorOf(unknown)).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('channels') });
  });

  it('warns without --require, and keeps the warnings', async () => {
    const one = script();
    const done = await one.run(['mattermost', '--url', chat.url, '--name', 'kim', '--json'], { env: { CREDSETUP_TOKEN: chat.makeToken('kim').token } });
    const codes = (done.json()['warnings'] as { code: string }[]).map(({ code }) => code);
    expect(codes.sort()).toEqual(['CAPABILITY_MISSING', 'CAPABILITY_MISSING', 'N8N_LOOPBACK_ADDRESS', 'SITE_URL_DIFFERS']);
    expect(done.stderr).toContain('CAPABILITY_MISSING');
  });

  it('keeps the id when the same set-up is repeated, with a new token too', async () => {
    const one = script();
    const args = ['mattermost', '--url', chat.url, '--name', 'chat', '--json'];
    const first = (await one.run(args, { env: { CREDSETUP_TOKEN: token } })).json();
    const fresh = chat.makeToken('maker').token;
    const second = (await one.run(args, { env: { CREDSETUP_TOKEN: fresh } })).json();
    expect(second).toMatchObject({ id: first['id'], createdAt: first['createdAt'], name: 'chat' });
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${fresh}\n`);
    expect((await one.run(['list', '--json'])).json()['credentials']).toHaveLength(1);
  });

  it('refuses a name that holds another service before it asks for anything more, and --replace takes it', async () => {
    const one = script();
    const password = await storeMautic(one, crm, 'shared');
    chat.log.length = 0;
    const args = ['mattermost', '--url', chat.url, '--name', 'SHARED', '--json'];
    const taken = await one.run(args, { env: { CREDSETUP_TOKEN: token } });
    expect(errorOf(taken)).toMatchObject({ code: 'NAME_TAKEN', exitCode: 11, name: 'shared' });
    expect(chat.log.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
    expect((await one.run(['get', 'shared'], { reveals: true })).stdout).toBe(`${password}\n`);
    expect((await one.run([...args, '--replace'], { env: { CREDSETUP_TOKEN: token } })).exitCode).toBe(0);
    expect((await one.run(['get', 'shared'], { reveals: true })).stdout).toBe(`${token}\n`);
  });

  it('CREDSETUP_STORE is overruled by --store, and must name a store', async () => {
    const one = script();
    const env = { CREDSETUP_TOKEN: token, CREDSETUP_STORE: 'none' };
    expect((await one.run(['mattermost', '--url', chat.url, '--store', 'file', '--json'], { env })).json()['store']).toBe('file');
    const wrong = await one.run(['mattermost', '--json'], { env: { CREDSETUP_STORE: 'cloud' } });
    expect(errorOf(wrong)).toMatchObject({ code: 'USAGE' });
  });

  it('keeps what it needs of a passphrase: set up with one, read with the same, refused with another', async () => {
    const one = script(join(folder(), 'a', 'new', 'home'));
    const env = { CREDSETUP_IDENTITY: undefined, CREDSETUP_PASSPHRASE: 'ten chars!' };
    const done = await one.run(['mattermost', '--url', chat.url, '--name', 'chat'], { env: { ...env, CREDSETUP_TOKEN: token } });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr).toContain('has 10 characters');
    expect(statSync(one.home).mode & 0o777).toBe(0o700);
    // What is there already is not judged.
    expect(await one.run(['get', 'chat'], { env, reveals: true })).toMatchObject({ stdout: `${token}\n`, stderr: '' });
    const wrong = await one.run(['get', 'chat', '--json'], { env: { ...env, CREDSETUP_PASSPHRASE: 'another horse' } });
    expect(errorOf(wrong)).toMatchObject({ code: 'PASSPHRASE_REJECTED', exitCode: 10 });
  });
});

describe('credsetup mautic in a script', () => {
  it('never guesses the method', async () => {
    const done = await script().run(['mautic', '--url', crm.url, '--username', 'admin', '--json'], { env: { CREDSETUP_PASSWORD: mauticPassword } });
    expect(errorOf(done)['missing']).toContainEqual({ field: 'method', option: '--method' });
  });

  it.each(['7.0.0', '5.1.0'])('saves an account of a Mautic %s with what it may do', async (version) => {
    const one = script();
    const server = await mauticServer({ version, prefix: '/mautic' });
    const done = await one.run([...basic, '--url', `${server.url}/s/dashboard`, '--username', 'contacts', '--json'], { env: { CREDSETUP_MAUTIC_PASSWORD: mauticPassword } });
    expect(done.exitCode, done.stderr).toBe(0);
    expectCredential(done.json());
    expect(done.json()).toMatchObject({
      name: `mautic-127.0.0.1-${server.port}-mautic`, service: 'mautic', method: 'basic', url: server.url, server: { version },
      account: { id: '7', username: 'contacts' }, fields: { username: 'contacts' },
      capabilities: { contacts: true, companies: true, segments: false, campaigns: false, webhooks: false },
    });
  });

  it('reads the password from a file and keeps the spaces in it', async () => {
    const one = script();
    const server = await mauticServer();
    const password = ' two words; ünd "quotes" ';
    server.user('admin').password = password;
    const file = join(folder(), 'password');
    writeFileSync(file, `${password}\n`);
    const done = await one.run([...basic, '--url', server.url, '--username', 'admin@example.com', '--password-file', file, '--name', 'crm'], { secrets: [password] });
    expect(done.exitCode, done.stderr).toBe(0);
    expect((await one.run(['get', 'crm'], { reveals: true })).stdout).toBe(`${password}\n`);
    expect((await one.run(['test', 'crm', '--json'])).exitCode).toBe(0);
  });

  it('warns of an administrator', async () => {
    const done = await script().run([...basic, '--url', crm.url, '--username', 'admin', '--json'], { env: { CREDSETUP_PASSWORD: mauticPassword } });
    expect(done.json()).toMatchObject({ account: { admin: true }, warnings: expect.arrayContaining([expect.objectContaining({ code: 'ADMIN_ACCOUNT' })]) });
  });

  it('another account under the name is NAME_TAKEN, and what was stored still works', async () => {
    const one = script();
    await storeMautic(one, crm, 'crm', 'contacts');
    const done = await one.run([...basic, '--url', crm.url, '--username', 'admin', '--name', 'crm', '--json'], { env: { CREDSETUP_PASSWORD: mauticPassword } });
    expect(errorOf(done)).toMatchObject({ code: 'NAME_TAKEN', exitCode: 11, message: expect.stringContaining('contacts') });
    expect((await one.run(['test', 'crm', '--json'])).json()).toMatchObject({ results: [{ status: 'ok', credential: { account: { username: 'contacts' } } }] });
  });

  it('the same account by its email address is the same account', async () => {
    const one = script();
    await storeMautic(one, crm, 'crm', 'contacts');
    const done = await one.run([...basic, '--url', `${crm.url}/s/login`, '--username', 'contacts@example.com', '--name', 'crm', '--json'], { env: { CREDSETUP_PASSWORD: mauticPassword } });
    expect(done.exitCode, done.stderr).toBe(0);
  });
});

describe('what was stored before a set-up that fails', () => {
  it('is still there and works', async () => {
    const one = script();
    const stored = await storeMattermost(one, chat);
    const before = (await one.run(['show', 'chat', '--json'])).stdout;
    const refused = await one.run(['mattermost', '--url', chat.url, '--name', 'chat', '--json'], { env: { CREDSETUP_TOKEN: chat.makeToken('maker').id } });
    expect(errorOf(refused)).toMatchObject({ code: 'TOKEN_REJECTED', exitCode: 7 });
    expect((await one.run(['show', 'chat', '--json'])).stdout).toBe(before);
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${stored}\n`);
  });
});
