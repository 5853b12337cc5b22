/** `apply`: many credentials from a list, and what a hostile list must not reach. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import type { PracticeMautic } from '../../src/practice/mautic.ts';
import { errorOf, folder, mattermostServer, mauticServer, script, storeMattermost, type Script, type ScriptRun } from './support.ts';

let chat: PracticeMattermost;
let crm: PracticeMautic;
let token: string;
let password: string;
beforeAll(async () => {
  [chat, crm] = [await mattermostServer({ tokensEnabled: true }), await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true })];
  token = chat.makeToken('maker').token;
  password = crm.user('contacts').password;
});

let to: Script;
beforeEach(() => {
  to = script();
  chat.log.length = 0;
  crm.log.length = 0;
});

const requests = (): number => chat.log.length + crm.log.length;
const host = (url: string): string => new URL(url).host;

function list(text: string): string {
  const path = join(folder(), 'credentials.yaml');
  writeFileSync(path, text);
  return path;
}

const both = () => `version: 1
credentials:
  - name: chat
    service: mattermost
    url: ${chat.url}/login
    token: {env: CREDSETUP_CHAT_TOKEN}
  - name: crm   # a comment
    service: mautic
    method: basic
    url: ${crm.url}
    username: contacts
    password: {file: crm.txt}
`;

function secretsDir(): string {
  const dir = folder();
  writeFileSync(join(dir, 'crm.txt'), `${password}\n`);
  return dir;
}

/** Everything allowed that the list of both needs. */
const apply = (text: string, args: readonly string[] = [], { env = {}, ...options }: ScriptRun = {}) =>
  to.run(['apply', list(text), '--allow-host', host(chat.url), '--allow-host', host(crm.url), '--secrets-dir', secretsDir(), '--json', ...args],
    { env: { CREDSETUP_CHAT_TOKEN: token, ...env }, secrets: [password], ...options });

const statuses = (finished: { json(): Record<string, unknown> }): Record<string, string> =>
  Object.fromEntries((finished.json()['results'] as { name: string; status: string; error?: { code: string } }[]).map(({ name, status, error }) => [name, error?.code ?? status]));

describe('apply', () => {
  it('sets up what the list asks for, and a second time leaves it as it is without a request', async () => {
    const done = await apply(both());
    expect([done.exitCode, statuses(done)]).toEqual([0, { chat: 'created', crm: 'created' }]);
    expect((await to.run(['get', 'crm'], { reveals: true })).stdout).toBe(`${password}\n`);
    const sent = requests();
    expect(statuses(await apply(both()))).toEqual({ chat: 'unchanged', crm: 'unchanged' });
    expect(requests()).toBe(sent);
  });

  it('replaces a secret that differs, and leaves what is no more in the list', async () => {
    await apply(both());
    const other = chat.makeToken('maker').token;
    expect(statuses(await apply(both(), [], { env: { CREDSETUP_CHAT_TOKEN: other } }))).toEqual({ chat: 'replaced', crm: 'unchanged' });
    expect(statuses(await apply(both().replace(/ {2}- name: crm[^]*/, '')))).toEqual({ chat: 'replaced' });
    expect(((await to.run(['list', '--json'])).json()['credentials'] as object[]).length).toBe(2);
  });

  it('prints the plan with --dry-run, and sends nothing', async () => {
    const done = await apply(both(), ['--dry-run']);
    expect([done.exitCode, statuses(done), requests()]).toEqual([0, { chat: 'created', crm: 'created' }, 0]);
    expect((await to.run(['list', '--json'])).json()).toEqual({ credentials: [] });
  });

  it('goes on when one fails, tells all, and sends a refused secret once', async () => {
    const many = `version: 1\ncredentials:\n${Array.from({ length: 40 }, (_, index) => `  - {name: c${index}, service: mautic, method: basic, url: "${crm.url}", username: contacts, password: {env: ${index === 7 ? 'CREDSETUP_RIGHT' : 'CREDSETUP_WRONG'}}}\n`).join('')}`;
    const done = await apply(many, [], { env: { CREDSETUP_RIGHT: password, CREDSETUP_WRONG: 'wrong-all-along' }, secrets: ['wrong-all-along', password] });
    expect([done.exitCode, Object.values(statuses(done)).filter((one) => one === 'created').length, statuses(done)['c0']]).toEqual([12, 1, 'PASSWORD_REJECTED']);
    expect(crm.log.filter(({ authorization }) => authorization === `Basic ${Buffer.from('contacts:wrong-all-along').toString('base64')}`)).toHaveLength(1);
  });

  it('reads JSON and standard input', async () => {
    const json = JSON.stringify(parseYaml(both()));
    const done = await to.run(['apply', '-', '--allow-host', host(chat.url), '--allow-host', host(crm.url), '--secrets-dir', secretsDir(), '--json'], { stdin: json, env: { CREDSETUP_CHAT_TOKEN: token }, secrets: [password] });
    expect(statuses(done)).toEqual({ chat: 'created', crm: 'created' });
  });

  it('leaves another credential of that name alone without --replace', async () => {
    await storeMattermost(to, await mattermostServer({ tokensEnabled: true }));
    expect(statuses(await apply(both()))).toEqual({ chat: 'NAME_TAKEN', crm: 'created' });
    expect(statuses(await apply(both(), ['--replace']))).toEqual({ chat: 'replaced', crm: 'unchanged' });
  });

  it('signs a client in for itself, and says what a person has to do where one must', async () => {
    const client = crm.makeClient({ redirectUris: ['http://127.0.0.1:18265/callback'], owner: 'admin' });
    const entry = (grant: string) => `version: 1\ncredentials:\n- {name: job, service: mautic, method: oauth2, grant: ${grant}, url: "${crm.url}", clientId: ${client.clientId}, clientSecret: {env: CREDSETUP_JOB}}\n`;
    const env = { CREDSETUP_JOB: client.clientSecret };
    expect(statuses(await apply(entry('authorization-code'), [], { env, secrets: [client.clientSecret] }))).toEqual({ job: 'UNSUPPORTED' });
    expect(statuses(await apply(entry('client-credentials'), [], { env, secrets: [client.clientSecret] }))).toEqual({ job: 'created' });
    expect(statuses(await apply(entry('client-credentials'), [], { env, secrets: [client.clientSecret] }))).toEqual({ job: 'unchanged' });
  });
});

describe('a hostile list', () => {
  it.each<[string, (text: string) => string, string, RegExp]>([
    ['a secret in it', (text) => text.replace('{env: CREDSETUP_CHAT_TOKEN}', 'geheim1234'), 'FILE_INVALID', /line 6, column 12: token says where/],
    ['a member that is not known', (text) => text.replace('username: contacts', 'user: geheim1234'), 'FILE_INVALID', /line 11, column 5/],
    ['two sources for one secret', (text) => text.replace('{file: crm.txt}', '{file: crm.txt, env: CREDSETUP_X}'), 'FILE_INVALID', /line 12/],
    ['a service that there is not', (text) => text.replace('service: mautic', 'service: slack'), 'FILE_INVALID', /line 8.*service is one of/],
    ['a name twice', (text) => text.replace('name: crm', 'name: CHAT'), 'FILE_INVALID', /twice/],
    ['a member twice', (text) => text.replace('username: contacts', 'username: contacts\n    username: ada'), 'FILE_INVALID', /line 12.*twice/],
    ['a name that is a path', (text) => text.replace('name: crm', 'name: ../crm'), 'FILE_INVALID', /line 7/],
    ['a future version', (text) => text.replace('version: 1', 'version: 2'), 'FILE_TOO_NEW', /version 2/],
    ['no entry', () => 'version: 1\ncredentials: []\n', 'FILE_INVALID', /at least one/],
    ['no list', () => '- 1\n', 'FILE_INVALID', /line 1/],
    ['broken YAML', (text) => text.replace('url:', '\turl:'), 'FILE_INVALID', /line \d+, column/],
    ['nothing', () => '', 'FILE_INVALID', /line 1/],
    ['an alias', (text) => text.replace('name: chat', 'name: &a chat').replace('name: crm', 'name: *a'), 'FILE_INVALID', /aliases/],
    ['a user name in the address', (text) => text.replace(`${chat.url}/login`, 'https://user:geheim1234@chat.example.com'), 'URL_INVALID', /line 3/],
    ['a host that the command line does not name', (text) => text.replace(chat.url, 'https://evil.example'), 'INPUT_MISSING', /--allow-host evil\.example/],
    ['another port of a host that it names', (text) => text.replace(chat.url, 'http://127.0.0.1:1'), 'INPUT_MISSING', /--allow-host 127\.0\.0\.1:1/],
    ['a variable of somebody else', (text) => text.replace('CREDSETUP_CHAT_TOKEN', 'AWS_SECRET_ACCESS_KEY'), 'INPUT_MISSING', /--allow-env AWS_SECRET_ACCESS_KEY/],
    ['the key to the store', (text) => text.replace('CREDSETUP_CHAT_TOKEN', 'CREDSETUP_IDENTITY'), 'USAGE', /opens the store itself/],
    ['a variable that is not set', (text) => text.replace('CREDSETUP_CHAT_TOKEN', 'CREDSETUP_NOT_SET'), 'INPUT_MISSING', /CREDSETUP_NOT_SET/],
    ['a file above the folder', (text) => text.replace('crm.txt', '../crm.txt'), 'USAGE', /does not lie in|/],
    ['a file of the system', (text) => text.replace('crm.txt', '/etc/passwd'), 'USAGE', /does not lie in/],
    ['an unchecked certificate', (text) => text.replace('method: basic', 'method: basic\n    ignoreSslIssues: true'), 'INPUT_MISSING', /--ignore-ssl-issues/],
  ])('with %s connects to nobody and repeats no secret', async (_, change, code, says) => {
    const done = await apply(change(both()), [], { env: { AWS_SECRET_ACCESS_KEY: 'not-for-this' }, secrets: ['geheim1234', 'not-for-this', password] });
    const error = errorOf(done);
    expect([code, 'FILE_UNREADABLE']).toContain(error.code);
    expect(error.message).toMatch(code === error.code ? says : /could not be read/);
    expect(requests()).toBe(0);
    expect((await to.run(['list', '--json'])).json()).toEqual({ credentials: [] });
  });

  it('reaches no file through a link that leads out of the folder', async () => {
    const [outside, inside] = [folder(), join(folder(), 'in')];
    mkdirSync(inside);
    writeFileSync(join(outside, 'secret.txt'), 'somebody-elses');
    symlinkSync(join(outside, 'secret.txt'), join(inside, 'crm.txt'));
    const done = await to.run(['apply', list(both()), '--allow-host', host(chat.url), '--allow-host', host(crm.url), '--secrets-dir', inside, '--json'], { env: { CREDSETUP_CHAT_TOKEN: token }, secrets: ['somebody-elses'] });
    expect([errorOf(done).code, requests()]).toEqual(['USAGE', 0]);
  });

  it('says in a script all that it would need, at once', async () => {
    const done = await to.run(['apply', list(both()), '--json'], { env: { CREDSETUP_CHAT_TOKEN: token } });
    expect((errorOf(done)['missing'] as { option: string }[]).map(({ option }) => option).sort()).toEqual([`--allow-host ${host(chat.url)}`, `--allow-host ${host(crm.url)}`, '--secrets-dir FOLDER'].sort());
    expect(requests()).toBe(0);
  });

  it.each([
    ['a bomb of aliases', `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from('bcdefghi', (letter, index) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefgh'[index]!}`).join(',')}]`).join('\n')}\nversion: 1\ncredentials: *i\n`],
    ['a thousand levels', `version: 1\ncredentials: ${'['.repeat(20_000)}\n`],
  ])('is done in time with %s', async (_, text) => {
    expect(errorOf(await apply(text)).code).toBe('FILE_INVALID');
  });

  it('names the one wrong entry of a thousand by its line', async () => {
    const entries = Array.from({ length: 1000 }, (_, index) => `- {name: c${index}, service: mattermost, url: "${chat.url}", token: ${index === 640 ? '5' : '{env: CREDSETUP_CHAT_TOKEN}'}}`).join('\n');
    expect(errorOf(await apply(`version: 1\ncredentials:\n${entries}\n`)).message).toContain('line 643, column');
  });
});

describe('the schema of the list', () => {
  const ajv = new Ajv({ strict: true });
  const check = ajv.compile(JSON.parse(readFileSync(new URL('../../schema/apply-1.schema.json', import.meta.url), 'utf8')) as object);

  it('takes what apply takes and refuses what it refuses', () => {
    expect(check(parseYaml(both())), JSON.stringify(check.errors)).toBe(true);
    for (const change of [
      (text: string) => text.replace('{env: CREDSETUP_CHAT_TOKEN}', 'geheim1234'), (text: string) => text.replace('username: contacts', 'user: x'),
      (text: string) => text.replace('service: mautic', 'service: slack'), (text: string) => text.replace('version: 1', 'version: 2'), (text: string) => text.replace('name: crm', 'name: ../crm'),
    ]) expect(check(parseYaml(change(both())))).toBe(false);
  });
});
