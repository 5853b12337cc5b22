/** `push` in a list for `apply`: n8n's copies, and where a hostile list must not have them sent. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { n8n241, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { atTheEnd, errorOf, folder, mattermostServer, script, type Script, type ScriptRun } from './support.ts';

let chat: PracticeMattermost;
let n8n: PracticeN8n;
let second: PracticeN8n;
let token: string;
beforeAll(async () => {
  [chat, n8n, second] = [await mattermostServer({ tokensEnabled: true }), await startN8n(), await startN8n()];
  atTheEnd(async () => { await n8n.close(); await second.close(); });
  token = chat.makeToken('maker').token;
});

let to: Script;
beforeEach(() => {
  to = script();
  for (const one of [n8n, second]) {
    one.state.mode = 'running';
    Object.assign(one.state.abilities, n8n241);
    one.state.credentials.length = 0;
    one.state.keys.clear();
    one.state.keys.set(n8nApiKey, ['credential:create', 'credential:read', 'credential:update']);
    one.log.length = 0;
  }
  chat.log.length = 0;
});

const host = (url: string): string => new URL(url).host;
const entry = (name: string, push = '', more = ''): string => `- {name: ${name}, service: mattermost, url: "${chat.url}", token: {env: CREDSETUP_CHAT}${push === '' ? '' : `, push: ${push}`}${more}}\n`;
const flow = (name = 'flow', one = n8n): string => `- {name: ${name}, service: n8n, url: "${one.url}", apiKey: {env: CREDSETUP_FLOW}}\n`;

interface Told {
  readonly name: string;
  readonly status: string;
  readonly error?: { code: string; hint: string };
  readonly credential?: object;
  readonly push?: readonly { target: string; url: string; status: string }[];
}

async function apply(entries: string, args: readonly string[] = [], { env = {}, ...options }: ScriptRun = {}) {
  const path = join(folder(), 'list.yaml');
  writeFileSync(path, `version: 1\ncredentials:\n${entries}`);
  const hosts = [chat, n8n, second].flatMap(({ url }) => ['--allow-host', host(url)]);
  const done = await to.run(['apply', path, ...hosts, '--json', ...args], { env: { CREDSETUP_CHAT: token, CREDSETUP_FLOW: n8nApiKey, ...env }, secrets: [token, n8nApiKey], ...options });
  const results = done.stdout.includes('"results"') ? done.json()['results'] as readonly Told[] : [];
  return { ...done, done, told: Object.fromEntries(results.map((one) => [one.name, one])) };
}

const sent = (one = n8n): readonly string[] => one.log.filter(({ method }) => method !== 'GET')
  .map(({ method, path }) => `${method} ${path.replace(/credentials\/[^/]+/, 'credentials/ID')}`);

describe('push in an entry', () => {
  it('puts the copy into an n8n that the same list sets up, has n8n test it, and leaves both as they are the next time', async () => {
    const first = await apply(entry('chat', 'flow') + flow());
    expect([first.exitCode, first.told], first.stderr).toMatchObject([0, { flow: { status: 'created' }, chat: { status: 'created', push: [{ target: 'flow', url: n8n.url, status: 'created' }], inN8n: [{ status: 'ok', proof: 'test' }] } }]);
    expect(n8n.state.credentials).toMatchObject([{ name: 'chat', type: 'mattermostApi', data: { accessToken: token, baseUrl: chat.url } }]);
    n8n.log.length = 0;
    const again = await apply(entry('chat', 'flow') + flow());
    expect([again.exitCode, again.told]).toMatchObject([0, { chat: { status: 'unchanged', push: [{ status: 'unchanged' }], inN8n: [{ status: 'ok' }] } }]);
    // Only n8n's own test: nothing is written, and no scope to write is asked about.
    expect(sent()).toEqual(['POST /api/v1/credentials/ID/test']);
  });

  it('writes a secret that differs into the copy, also when n8n could not be reached the first time', async () => {
    await apply(entry('chat', 'flow') + flow());
    const fresh = chat.makeToken('maker').token;
    n8n.state.mode = 'starting';
    const late = await apply(entry('chat', 'flow'), [], { env: { CREDSETUP_CHAT: fresh } });
    expect([late.exitCode, late.told['chat']]).toMatchObject([12, { status: 'failed', error: { code: 'SERVER_ERROR', hint: expect.stringContaining('chat itself is stored here') as string }, credential: { name: 'chat' }, push: [{ status: 'failed' }] }]);
    n8n.state.mode = 'running';
    expect((await apply(entry('chat', 'flow'), [], { env: { CREDSETUP_CHAT: fresh } })).told['chat']).toMatchObject({ status: 'unchanged', push: [{ status: 'replaced' }] });
    expect(n8n.state.credentials).toMatchObject([{ data: { accessToken: fresh } }]);
  });

  it('makes a copy again that was deleted in n8n, and writes over one that n8n cannot use any more', async () => {
    await apply(entry('chat', 'flow') + flow());
    n8n.state.credentials.length = 0;
    expect((await apply(entry('chat', 'flow'))).told['chat']).toMatchObject({ status: 'unchanged', push: [{ status: 'created' }] });
    n8n.credential('chat').data = { ...n8n.credential('chat').data, accessToken: 'x'.repeat(26) };
    expect((await apply(entry('chat', 'flow'))).told['chat']).toMatchObject({ push: [{ status: 'replaced' }], inN8n: [{ status: 'ok' }] });
    expect(n8n.state.credentials).toMatchObject([{ data: { accessToken: token } }]);
  });

  it('takes several n8ns and the address by which each reaches the service, and tells which of them failed', async () => {
    second.state.keys.clear();
    const done = await apply(`${flow()}${flow('other', second)}${entry('plain')}${entry('chat', `[flow, {target: other, urlInN8n: "${chat.url}"}]`)}`);
    expect(done.told).toMatchObject({ other: { error: { code: 'API_KEY_REJECTED' } }, plain: { status: 'created' }, chat: { status: 'failed', push: [{ target: 'flow', status: 'created' }, { target: 'other', status: 'failed' }] } });
    expect([done.exitCode, n8n.state.credentials.length, second.state.credentials.length]).toEqual([12, 1, 0]);
    second.state.keys.set(n8nApiKey, ['credential:create', 'credential:read', 'credential:update']);
    const inDocker = chat.url.replace('127.0.0.1', 'localhost');
    const right = await apply(`${flow('other', second)}${entry('chat', `[flow, {target: other, urlInN8n: "${inDocker}"}]`)}`, ['--allow-host', host(inDocker)]);
    expect([right.exitCode, right.told['chat']?.push]).toMatchObject([0, [{ status: 'unchanged' }, { status: 'created' }]]);
    expect(second.state.credentials).toMatchObject([{ data: { baseUrl: inDocker } }]);
  });

  it('takes the n8n of the variables as n8n, and of an entry that failed sends nothing', async () => {
    const env = { CREDSETUP_N8N_URL: n8n.url, CREDSETUP_N8N_API_KEY: n8nApiKey };
    expect((await apply(entry('chat', 'n8n'), [], { env: { ...env, CREDSETUP_CHAT: 'w'.repeat(26) } })).told['chat']).toMatchObject({ status: 'failed', error: { code: 'TOKEN_REJECTED' } });
    expect(n8n.log).toEqual([]);
    expect((await apply(entry('chat', 'n8n'), [], { env })).told['chat']).toMatchObject({ status: 'created', push: [{ target: 'n8n', status: 'created' }] });
  });

  it('opens an n8n once for many entries, and goes on when n8n refuses one', async () => {
    n8n.intercept = (request, answer) => (request.method === 'POST' && request.body.includes('"name3"') ? { status: 500, body: { message: 'no' } } : answer());
    const done = await apply(flow() + Array.from({ length: 12 }, (_, index) => entry(`name${index}`, 'flow')).join('')).finally(() => { n8n.intercept = undefined; });
    expect([done.exitCode, Object.values(done.told).filter(({ status }) => status === 'failed').map(({ name }) => name)]).toEqual([12, ['name3']]);
    expect(n8n.state.credentials).toHaveLength(11);
    // With its key, the type is asked for once.
    expect(n8n.log.filter(({ path }) => path.endsWith('/schema/mattermostApi'))).toHaveLength(1);
  });

  it('tells the plan with --dry-run, and sends nothing', async () => {
    await apply(entry('chat', 'flow') + flow());
    for (const one of [n8n, chat]) one.log.length = 0;
    const done = await apply(entry('chat', 'flow') + entry('talk', 'flow'), ['--dry-run']);
    expect(done.told).toMatchObject({ chat: { status: 'unchanged', push: [{ url: n8n.url, status: 'unchanged' }] }, talk: { status: 'created', push: [{ url: n8n.url, status: 'created' }] } });
    expect((await apply(entry('chat', 'flow'), ['--dry-run'], { env: { CREDSETUP_CHAT: 'n'.repeat(26) } })).told['chat']).toMatchObject({ status: 'replaced', push: [{ status: 'replaced' }] });
    expect([n8n.log.length, chat.log.length]).toEqual([0, 0]);
    const words = await to.run(['apply', '-', '--allow-host', host(chat.url), '--allow-host', host(n8n.url), '--dry-run'], { stdin: `version: 1\ncredentials:\n${entry('talk', 'flow')}`, env: { CREDSETUP_CHAT: token } });
    expect(words.stderr).toContain(`copy in the n8n at ${n8n.url}: created`);
  });
});

describe('a hostile push', () => {
  it.each<[string, (push: string) => string, readonly string[], string, RegExp]>([
    ['an n8n whose host the command line does not name', () => 'flow', [], 'INPUT_MISSING', /--allow-host 127\.0\.0\.1:\d+/],
    ['an address in n8n whose host it does not name', () => '{target: flow, urlInN8n: "https://evil.example"}', ['flow'], 'INPUT_MISSING', /--allow-host evil\.example/],
    ['an address in n8n that is not encrypted', () => '{target: flow, urlInN8n: "http://chat.example"}', ['flow', '--allow-host', 'chat.example'], 'INPUT_MISSING', /--allow-http/],
    ['an address in n8n with a user name', () => '{target: flow, urlInN8n: "https://me:geheim1234@chat.example"}', ['flow'], 'URL_INVALID', /line 4/],
    ['an n8n that there is not', () => 'nobody', ['flow'], 'USAGE', /no stored n8n named nobody/],
    ['a key in it', () => '{target: flow, apiKey: geheim1234}', ['flow'], 'FILE_INVALID', /line 4, column \d+: there is a member that is not known/],
    ['an address in place of a name', () => '"https://evil.example"', ['flow'], 'FILE_INVALID', /push is the name of a stored n8n/],
    ['no n8n', () => '[]', ['flow'], 'FILE_INVALID', /at least one n8n/],
    ['one n8n twice', () => '[flow, FLOW]', ['flow'], 'FILE_INVALID', /twice/],
    ['one n8n by two words', () => '[flow, n8n]', ['flow'], 'USAGE', /twice/],
  ])('to %s connects to nobody', async (_, push, [allowed, ...args], code, says) => {
    const path = join(folder(), 'list.yaml');
    writeFileSync(path, `version: 1\ncredentials:\n${flow()}${entry('chat', push(n8n.url))}`);
    const hosts = [chat.url, ...(allowed === undefined ? [] : [n8n.url])].flatMap((url) => ['--allow-host', host(url)]);
    const done = await to.run(['apply', path, ...hosts, ...args, '--json'], { env: { CREDSETUP_CHAT: token, CREDSETUP_FLOW: n8nApiKey }, secrets: ['geheim1234'] });
    const error = errorOf(done);
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(says)]);
    expect([n8n.log.length, chat.log.length]).toEqual([0, 0]);
  });

  it('gives no other address to a stored n8n: nothing goes to either', async () => {
    await apply(flow());
    n8n.log.length = 0;
    const done = await apply(flow('flow', second) + entry('chat', 'flow'));
    expect(done.told).toMatchObject({ flow: { error: { code: 'NAME_TAKEN' } }, chat: { status: 'failed', error: { code: 'NAME_TAKEN' } } });
    expect([n8n.log.length, second.log.length]).toEqual([0, 0]);
  });

  it('is what the schema says of it', async () => {
    const { Ajv } = await import('ajv');
    const { readFileSync } = await import('node:fs');
    const { parse } = await import('yaml');
    const check = new Ajv({ strict: true }).compile(JSON.parse(readFileSync(new URL('../../schema/apply-1.schema.json', import.meta.url), 'utf8')) as object);
    const takes = (push: string): boolean => check(parse(`version: 1\ncredentials:\n${entry('chat', push)}`));
    expect(['flow', '[flow, other]', '{target: flow, urlInN8n: "http://chat"}'].map(takes)).toEqual([true, true, true]);
    expect(['[]', '../flow', '{apiKey: x, target: flow}', '{urlInN8n: "http://chat"}'].map(takes)).toEqual([false, false, false, false]);
  });
});
