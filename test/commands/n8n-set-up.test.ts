/** `credsetup n8n`: an n8n is set up, told, tested and given to programs like every other credential. */
import { beforeEach, describe, expect, it } from 'vitest';
import { inFront } from '../../src/practice/gateways.ts';
import { allScopes, firstN8n, n8n241, newApiKey, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { atTheEnd, errorOf, expectCredential, mattermostServer, script, type Script } from './support.ts';

const n8n: PracticeN8n = await startN8n();
atTheEnd(() => n8n.close());
let home: Script;

beforeEach(() => {
  Object.assign(n8n.state, { mode: 'running' });
  Object.assign(n8n.state.abilities, n8n241);
  n8n.intercept = undefined;
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, allScopes);
  home = script();
});

const setUp = (args: readonly string[] = [], key = n8nApiKey) =>
  home.run(['n8n', '--url', n8n.url, '--name', 'work', '--json', ...args], { env: { CREDSETUP_N8N_API_KEY: key }, secrets: [key] });
const day = 86_400;
const inDays = (days: number): number => Math.floor(Date.now() / 1000) + days * day;

describe('credsetup n8n', () => {
  it('keeps an n8n with what its key may do, found without a change there', async () => {
    const done = await setUp();
    expect(done.exitCode, done.stdout).toBe(0);
    const credential: unknown = done.json();
    expectCredential(credential);
    expect(credential).toMatchObject({
      name: 'work', service: 'n8n', method: 'api-key', url: n8n.url, account: { id: 'practice' }, warnings: [],
      capabilities: { create: true, read: true, update: true, delete: true, list: true, run: true },
    });
    expect(credential).not.toHaveProperty('expiresAt');
    expect([n8n.state.credentials, n8n.state.workflows]).toEqual([[], []]);
  });

  it('takes any page of it as the address, and the variables with and without its word', async () => {
    for (const env of [{ CREDSETUP_N8N_URL: `${n8n.url}/home/workflows?x=1`, CREDSETUP_N8N_API_KEY: n8nApiKey }, { CREDSETUP_URL: `${n8n.url}/workflow/abc`, CREDSETUP_API_KEY: n8nApiKey }]) {
      const done = await script().run(['n8n', '--json'], { env, secrets: [n8nApiKey] });
      expect([done.exitCode, done.json()['url']]).toEqual([0, n8n.url]);
    }
  });

  it('knows from the key when it ends, and says it when that is soon', async () => {
    const [late, soon] = [newApiKey(inDays(90)), newApiKey(inDays(1))];
    for (const key of [late, soon]) n8n.state.keys.set(key, allScopes);
    expect((await setUp([], late)).json()).toMatchObject({ expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) as string, warnings: [] });
    const ending = (await setUp(['--replace'], soon)).json();
    expect(ending).toMatchObject({ warnings: [{ code: 'EXPIRES_SOON', message: expect.stringContaining('credsetup reconnect work') as string }] });
    expect(JSON.stringify(ending)).not.toContain('n8n with it');
  });

  it('says what a narrow key may not do and what for, and fails for what is required', async () => {
    n8n.state.keys.set('narrow-key', ['credential:create']);
    const done = await setUp([], 'narrow-key');
    expect([done.exitCode, done.json()['capabilities']]).toEqual([0, { create: true, read: false, update: false, delete: false, list: false, run: false }]);
    expect(done.json()['warnings']).toHaveLength(5);
    const error = errorOf(await setUp(['--require', 'create,run'], 'narrow-key'));
    expect([error.code, error.exitCode, error.message]).toEqual(['PERMISSION_DENIED', 8, expect.stringContaining('workflow:activate')]);
  });

  it('can be set up again under its name, and is another one with another account\'s key', async () => {
    const other = newApiKey(undefined, 'somebody-else');
    n8n.state.keys.set(other, allScopes);
    expect((await setUp()).exitCode).toBe(0);
    expect((await setUp()).exitCode).toBe(0);
    expect(errorOf(await setUp([], other)).code).toBe('NAME_TAKEN');
  });

  it('is told of an n8n of before, which has less', async () => {
    Object.assign(n8n.state.abilities, firstN8n);
    expect((await setUp()).json()).toMatchObject({ capabilities: { create: true, delete: true, read: false, update: false } });
  });

  it.each<[string, () => void, string, number]>([
    ['a key that it does not know', () => { n8n.state.keys.clear(); }, 'API_KEY_REJECTED', 7],
    ['a public API that is off', () => { n8n.state.mode = 'api-off'; }, 'API_KEY_REJECTED', 7],
    ['an editor and no API', () => { n8n.state.mode = 'editor'; }, 'NOT_N8N', 5],
    ['a website', () => { n8n.intercept = inFront('website'); }, 'NOT_N8N', 5],
    ['the first moment of a start', () => { n8n.state.mode = 'starting'; }, 'SERVER_ERROR', 3],
    ['the seconds after', () => { n8n.state.mode = 'starting-api'; }, 'SERVER_ERROR', 3],
  ])('tells %s', async (_, arrange, code, exitCode) => {
    arrange();
    const error = errorOf(await setUp());
    expect([error.code, error.exitCode, error['retryable']]).toEqual([code, exitCode, exitCode === 3]);
    if (code === 'SERVER_ERROR') expect(error.hint).toContain('Try again');
    if (code === 'API_KEY_REJECTED') expect(error['causes']).toMatchObject([{}, { code: 'PUBLIC_API_OFF' }]);
  });

  it('and a Mattermost are told apart', async () => {
    const chat = await mattermostServer();
    const error = errorOf(await home.run(['n8n', '--url', chat.url, '--json'], { env: { CREDSETUP_API_KEY: n8nApiKey }, secrets: [n8nApiKey] }));
    expect(error.code).toBe('NOT_N8N');
    expect(errorOf(await home.run(['mattermost', '--url', n8n.url, '--json'], { env: { CREDSETUP_TOKEN: 'wq7tzk3h5jd8nf2yb6mcr4xpae' } })).code).toBe('NOT_MATTERMOST');
  });

  it('names all that is missing', async () => {
    expect(errorOf(await home.run(['n8n', '--json']))['missing']).toEqual([
      { field: 'url', option: '--url', variable: 'CREDSETUP_N8N_URL' }, { field: 'apiKey', option: '--api-key-file', variable: 'CREDSETUP_N8N_API_KEY' },
    ]);
  });
});

describe('a stored n8n', () => {
  beforeEach(async () => {
    expect((await setUp()).exitCode).toBe(0);
  });

  it('is listed, shown, and tested with the key that it has', async () => {
    expect((await home.run(['list', '--json'])).json()).toMatchObject({ credentials: [{ name: 'work', service: 'n8n', method: 'api-key' }] });
    expect((await home.run(['test', 'work', '--json'])).json()['results']).toMatchObject([{ name: 'work', status: 'ok', credential: { capabilities: { run: true } } }]);
    n8n.state.keys.clear();
    expect((await home.run(['test', 'work', '--json'])).json()['results']).toMatchObject([{ status: 'failed', error: { code: 'API_KEY_REJECTED', hint: expect.stringContaining('credsetup reconnect work') as string } }]);
  });

  it('is exported as n8n\'s own type and as variables, and given to a command', async () => {
    const reveal = { reveals: true };
    expect(JSON.parse((await home.run(['export', 'work', '--format', 'n8n', '--yes'], reveal)).stdout)).toMatchObject([{ name: 'work', type: 'n8nApi', data: { apiKey: n8nApiKey, baseUrl: `${n8n.url}/api/v1` } }]);
    expect(JSON.parse((await home.run(['export', 'work', '--yes'], reveal)).stdout)).toMatchObject({ credentials: [{ secrets: { apiKey: n8nApiKey } }] });
    const { stdout } = await home.run(['exec', 'work', '--', process.execPath, '-e', 'console.log(process.env.N8N_URL, process.env.N8N_API_KEY)'], reveal);
    expect(stdout).toBe(`${n8n.url} ${n8nApiKey}\n`);
    expect((await home.run(['get', 'work'], reveal)).stdout).toBe(`${n8nApiKey}\n`);
  });

  it('gets a new key by reconnect, and keeps its name', async () => {
    const fresh = newApiKey(inDays(60));
    n8n.state.keys.clear();
    n8n.state.keys.set(fresh, allScopes);
    const done = await home.run(['reconnect', 'work', '--api-key-stdin', '--json'], { stdin: fresh, secrets: [fresh] });
    expect(done.exitCode, done.stdout + done.stderr).toBe(0);
    expect((await home.run(['test', 'work', '--json'])).json()['results']).toMatchObject([{ status: 'ok', credential: { expiresAt: expect.any(String) as string } }]);
  });
});
