/** `push n8n`: against the practice n8n, each refusal before any credential is sent. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inFront } from '../../src/practice/gateways.ts';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { firstN8n, n8n241, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { atTheEnd, errorOf, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from '../commands/support.ts';

let home: Script;
let mattermost: PracticeMattermost;
let n8n: PracticeN8n;
let token: string;
let password: string;

beforeAll(async () => {
  mattermost = await mattermostServer({ tokensEnabled: true });
  n8n = await startN8n();
  atTheEnd(() => n8n.close());
});
beforeEach(async () => {
  n8n.state.mode = 'running';
  Object.assign(n8n.state.abilities, n8n241);
  n8n.intercept = undefined;
  n8n.state.credentials.length = 0;
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, ['credential:create', 'credential:read', 'credential:update']);
  home = script();
  token = await storeMattermost(home, mattermost);
  n8n.log.length = 0;
});

const env = (key: string | undefined = n8nApiKey) => ({ CREDSETUP_N8N_URL: n8n.url, CREDSETUP_N8N_API_KEY: key });
const push = (args: readonly string[], more: Readonly<Record<string, string | undefined>> = {}) => home.run(['push', 'n8n', ...args, '--json'], { env: { ...env(), ...more }, secrets: [token, n8nApiKey] });
const resultsOf = (finished: Awaited<ReturnType<typeof push>>) => finished.json()['results'] as { name: string; status: string; error?: { code: string; hint: string }; credential?: { pushed: { id: string }[] } }[];
const bodies = () => n8n.log.map(({ body }) => body).join('');

describe('push n8n', () => {
  it('creates the credential as n8n keeps it, and remembers the id that n8n chose', async () => {
    const done = await push(['chat']);
    expect(done.exitCode, done.stdout).toBe(0);
    expect(n8n.state.credentials).toMatchObject([{ name: 'chat', type: 'mattermostApi', data: { accessToken: token, baseUrl: mattermost.url, allowUnauthorizedCerts: false } }]);
    const { id } = n8n.state.credentials[0]!;
    expect(resultsOf(done)).toMatchObject([{ name: 'chat', status: 'created', credential: { pushed: [{ url: n8n.url, id, name: 'chat', type: 'mattermostApi' }] } }]);
    expect(JSON.parse(readFileSync(join(home.env['CREDSETUP_HOME'] ?? '', 'index.json'), 'utf8'))).toMatchObject({ entries: [{ credential: { pushed: [{ id }] } }] });
  });

  it('asks the schema without and then with the key before it sends a credential, and n8n\'s own test behind it', async () => {
    await push(['chat']);
    const id = encodeURIComponent(n8n.state.credentials[0]!.id);
    expect(n8n.log.map(({ method, path, headers }) => [method, path, headers['x-n8n-api-key'] !== undefined])).toEqual([
      ['GET', '/api/v1/credentials/schema/httpBasicAuth', false], ['GET', '/api/v1/credentials/schema/mattermostApi', true], ['POST', '/api/v1/credentials', true],
      ['POST', `/api/v1/credentials/${id}/test`, true],
    ]);
  });

  it('takes any page of n8n as its address, and the key from a file or standard input', async () => {
    const done = await home.run(['push', 'n8n', 'chat', '--n8n-url', `${n8n.url}/home/workflows?x=1`, '--api-key-stdin'], { stdin: `${n8nApiKey}\n`, secrets: [n8nApiKey] });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(n8n.state.credentials).toHaveLength(1);
  });

  it('keeps no id without end, and says to look in n8n', async () => {
    n8n.intercept = (request, answer) => (request.method === 'POST' ? { status: 200, body: { id: 'x'.repeat(5000), name: 'chat', type: 'mattermostApi' } } : answer());
    const done = await push(['chat']);
    expect([done.exitCode, resultsOf(done)[0]]).toMatchObject([5, { error: { code: 'RESPONSE_INVALID' } }]);
    expect((await home.run(['list', '--json'])).exitCode).toBe(0);
  });

  it('refuses a second push, and with --replace writes over the same id', async () => {
    await push(['chat']);
    const { id } = n8n.state.credentials[0]!;
    const again = await push(['chat']);
    expect([again.exitCode, resultsOf(again)[0]]).toMatchObject([11, { status: 'failed', error: { code: 'NAME_TAKEN', hint: expect.stringContaining('--replace') as string } }]);
    n8n.state.credentials[0]!.data = {};
    const replaced = await push(['chat', '--replace']);
    expect([replaced.exitCode, resultsOf(replaced)[0]]).toMatchObject([0, { status: 'replaced' }]);
    expect(n8n.state.credentials).toMatchObject([{ id, data: { accessToken: token } }]);
  });

  it('creates it anew with --replace when it was deleted in n8n', async () => {
    await push(['chat']);
    n8n.state.credentials.length = 0;
    expect(resultsOf(await push(['chat', '--replace']))).toMatchObject([{ status: 'created' }]);
    expect(resultsOf(await push(['chat', '--replace']))).toMatchObject([{ status: 'replaced' }]);
    expect(n8n.state.credentials).toHaveLength(1);
  });

  it.each([['name', { name: 'somebody else\'s' }], ['type', { type: 'mauticApi' }]])('leaves what has the id alone when its %s is another', async (_, change) => {
    await push(['chat']);
    Object.assign(n8n.state.credentials[0]!, change, { data: {} });
    const done = await push(['chat', '--replace']);
    expect([done.exitCode, resultsOf(done)[0]?.error?.code]).toEqual([11, 'NAME_TAKEN']);
    expect(n8n.state.credentials).toMatchObject([{ data: {} }]);
  });

  it('knows after a rename and after a new secret what was pushed', async () => {
    await push(['chat']);
    await home.run(['rename', 'chat', 'talk']);
    const fresh = mattermost.makeToken('maker').token;
    await home.run(['mattermost', '--url', mattermost.url, '--name', 'talk'], { env: { CREDSETUP_TOKEN: fresh } });
    expect(resultsOf(await push(['talk', '--replace']))).toMatchObject([{ status: 'replaced' }]);
    expect(n8n.state.credentials).toMatchObject([{ name: 'talk', data: { accessToken: fresh } }]);
  });

  it('pushes all, and tells one failure beside what went well', async () => {
    const mautic = await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true });
    password = await storeMautic(home, mautic);
    await push(['chat']);
    const done = await push(['--all'], { X_PASSWORD: password });
    expect(done.exitCode).toBe(12);
    expect(resultsOf(done)).toMatchObject([{ name: 'chat', status: 'failed', error: { code: 'NAME_TAKEN' } }, { name: 'crm', status: 'created' }]);
    expect(n8n.state.credentials).toMatchObject([{ name: 'chat' }, { name: 'crm', type: 'mauticApi', data: { url: mautic.url, username: 'contacts', password } }]);
    expect(resultsOf(await push(['crm', 'nobody', '--replace']))).toMatchObject([{ status: 'replaced' }, { name: 'nobody', error: { code: 'NOT_FOUND' } }]);
  });

  it.each<[string, () => void, string, number]>([
    ['a wrong key', () => { n8n.state.keys.clear(); }, 'API_KEY_REJECTED', 7],
    ['a page for everything', () => { n8n.state.mode = 'editor'; }, 'NOT_N8N', 5],
    ['no public API', () => { n8n.state.mode = 'api-off'; }, 'API_KEY_REJECTED', 7],
    ['an n8n that starts', () => { n8n.state.mode = 'starting'; }, 'SERVER_ERROR', 3],
    ['a sign-in page in front', () => { n8n.intercept = inFront('oauth2-proxy-page'); }, 'GATEWAY_IN_FRONT', 5],
    ['a website', () => { n8n.intercept = inFront('website'); }, 'NOT_N8N', 5],
    ['maintenance', () => { n8n.intercept = inFront('maintenance'); }, 'SERVER_ERROR', 3],
    ['a server that hangs up', () => { n8n.intercept = inFront('hang-up'); }, 'CONNECTION_LOST', 3],
    ['too many requests', () => { n8n.intercept = inFront('rate-limit'); }, 'RATE_LIMITED', 3],
    ['a page behind the proof', () => { n8n.intercept = async (request, answer) => request.headers['x-n8n-api-key'] === undefined ? await answer() : { status: 200, headers: { 'content-type': 'text/html' }, body: '<p>hello' }; }, 'NOT_N8N', 5],
    ['JSON that is no schema', () => { n8n.intercept = async (request, answer) => request.headers['x-n8n-api-key'] === undefined ? await answer() : { status: 200, body: { status: 'ok' } }; }, 'NOT_N8N', 5],
    ['a type that is not known there', () => { n8n.intercept = async (request, answer) => request.path.endsWith('mattermostApi') ? { status: 404, body: { message: 'Not Found' } } : await answer(); }, 'UNSUPPORTED', 2],
  ])('tells %s before a credential is sent', async (_, arrange, code, exitCode) => {
    arrange();
    const error = errorOf(await push(['chat']));
    expect([error.code, error.exitCode]).toEqual([code, exitCode]);
    expect(bodies()).toBe('');
    expect(`${error.message} ${error.hint}`).not.toMatch(/cannot pass it either|n8n (gets the same|connects to the same|at the same)/);
  });

  it('names the scope that the key lacks, for creating and for replacing', async () => {
    n8n.state.keys.set(n8nApiKey, ['workflow:list']);
    const done = await push(['chat']);
    expect([done.exitCode, resultsOf(done)[0]?.error]).toMatchObject([8, { code: 'PERMISSION_DENIED', hint: expect.stringContaining('credential:create') as string }]);
    n8n.state.keys.set(n8nApiKey, ['credential:create']);
    await push(['chat']);
    const { hint } = errorOf(await push(['chat', '--replace']));
    expect(hint).toContain('credential:read, credential:update');
  });

  it('works with an n8n of before version 2, which cannot replace', async () => {
    Object.assign(n8n.state.abilities, firstN8n);
    expect((await push(['chat'])).exitCode).toBe(0);
    expect(resultsOf(await push(['chat', '--replace']))[0]?.error?.code).toBe('UNSUPPORTED');
  });

  it('says that n8n has it when its answer names no id', async () => {
    n8n.intercept = async (request, answer) => request.method === 'POST' ? { status: 200, body: {} } : await answer();
    expect(resultsOf(await push(['chat']))[0]?.error?.code).toBe('RESPONSE_INVALID');
  });

  it('names all that is missing, and asks nothing of anybody', async () => {
    const error = errorOf(await home.run(['push', 'n8n', 'chat', '--json']));
    expect([error.code, error['missing']]).toEqual(['INPUT_MISSING', [
      { field: 'url', option: '--n8n-url', variable: 'CREDSETUP_N8N_URL' }, { field: 'apiKey', option: '--api-key-file', variable: 'CREDSETUP_N8N_API_KEY' },
    ]]);
  });

  it.each([
    ['nothing to push to that is known', ['push', 'make', 'chat'], 'USAGE', 2],
    ['no name', ['push', 'n8n'], 'USAGE', 2],
    ['names and --all', ['push', 'n8n', 'chat', '--all'], 'USAGE', 2],
    ['two sources of the key', ['push', 'n8n', 'chat', '--api-key-stdin', '--api-key-file', 'x'], 'USAGE', 2],
    ['an address that is not encrypted', ['push', 'n8n', 'chat', '--n8n-url', 'http://n8n.example.com'], 'URL_INSECURE', 2],
  ])('refuses %s', async (_, args, code, exitCode) => {
    const error = errorOf(await home.run([...args, '--json'], { env: env(), secrets: [n8nApiKey] }));
    expect([error.code, error.exitCode]).toEqual([code, exitCode]);
    expect(n8n.log).toEqual([]);
  });
});
