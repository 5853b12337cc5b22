/** A credential with which only n8n signs in: its client is made, checked and pushed from here, and nobody signs in here. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MauticClient, PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { atTheEnd, errorOf, folder, mauticServer, script, type Script } from './support.ts';

const n8n: PracticeN8n = await startN8n();
atTheEnd(() => n8n.close());
const callback = 'https://n8n.example.com/rest/oauth2-credential/callback';
let mautic: PracticeMautic;
let client: MauticClient;
let home: Script;

const setUp = (more: readonly string[] = [], by: MauticClient = client) => home.run(
  ['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', by.clientId, '--sign-in', 'n8n', '--name', 'crm', '--json', ...more],
  { env: { CREDSETUP_CLIENT_SECRET: by.clientSecret } },
);

beforeAll(async () => {
  mautic = await mauticServer({ version: '7.0.0' });
  client = mautic.makeClient({ redirectUris: [callback], owner: 'contacts' });
  n8n.state.keys.set(n8nApiKey, allScopes);
  home = script();
  const stored = await home.run(['n8n', '--url', n8n.url, '--name', 'work'], { env: { CREDSETUP_API_KEY: n8nApiKey }, secrets: [n8nApiKey] });
  expect(stored.exitCode, stored.stderr).toBe(0);
  const done = await setUp();
  expect(done.exitCode, done.stdout + done.stderr).toBe(0);
});

describe('--sign-in n8n', () => {
  it('keeps the client that the service accepts, and what is not known is absent', async () => {
    const shown = (await home.run(['show', 'crm', '--json'])).json();
    expect(shown).toMatchObject({ signIn: 'n8n', grant: 'authorization-code', account: {}, fields: { clientId: client.clientId } });
    expect(Object.keys(shown)).not.toContain('capabilities');
    expect(shown['fields']).not.toHaveProperty('redirectUri');
    expect((await setUp(['--name', 'wrong'], { ...client, clientSecret: client.clientSecret.replace(/.$/, '#') })).json()).toMatchObject({ error: { code: 'CLIENT_REJECTED' } });
  });

  it('is pushed, connected there and proved by a run', async () => {
    const push = () => home.run(['push', 'work', 'crm', '--replace', '--run', '--json'], { secrets: [n8nApiKey] });
    expect((await push()).json()['results']).toMatchObject([{ status: 'created', inN8n: [{ status: 'not-connected' }] }]);
    n8n.connect(n8n.credential('crm').id, mautic.makeTokens(client, 'contacts'));
    expect((await push()).json()['results']).toMatchObject([{ status: 'replaced', inN8n: [{ status: 'ok', proof: 'run' }] }]);
  });

  it('is tested by its client, and by n8n where its copy is', async () => {
    const test = async () => (await home.run(['test', 'crm', '--in-n8n', '--json'], { secrets: [n8nApiKey] })).json()['results'];
    expect(await test()).toMatchObject([{ status: 'ok', reason: expect.stringContaining('only n8n signs in') as string, inN8n: [{ status: 'connected', proof: 'test' }] }]);
    const clients = mautic.state.clients.splice(0);
    expect(await test()).toMatchObject([{ status: 'failed', error: { code: 'CLIENT_REJECTED' } }]);
    mautic.state.clients.push(...clients);
  });

  it.each([
    ['get', ['get', 'crm']], ['exec', ['exec', 'crm', '--', 'true']], ['refresh', ['refresh', 'crm']], ['rotate', ['rotate', 'crm']],
    ['an export of variables', ['export', 'crm', '--format', 'dotenv', '--output', join(folder(), 'env')]], ['a hand-over', ['push', 'work', 'crm', '--replace', '--hand-over']],
  ] as const)('has no token for %s, which says what helps', async (_what, [command, ...args]) => {
    const done = await home.run([command, '--json', ...args], { secrets: [n8nApiKey] });
    const { error, results: [only] = [] } = done.json() as unknown as { error?: object; results?: { error?: object }[] };
    expect(error ?? only?.error).toMatchObject({ code: 'UNSUPPORTED', hint: expect.stringMatching(/--sign-in (here|n8n)/) as string });
    expect(done.exitCode).toBe(command === 'exec' ? 125 : 2);
  });

  it('gives its client to programs, n8n and a list, which brings it back as it is', async () => {
    expect((await home.run(['get', 'crm', 'client-secret'], { reveals: true })).stdout).toBe(`${client.clientSecret}\n`);
    const overwrites = await home.run(['export', 'crm', '--format', 'n8n-overwrites'], { reveals: true });
    expect(JSON.parse(overwrites.stdout)).toMatchObject({ mauticOAuth2Api: { clientId: client.clientId } });
    const exported = await home.run(['export', 'crm'], { reveals: true });
    const other = script();
    const back = await other.run(['import', '-', '--json'], { stdin: exported.stdout });
    expect(back.json()['results']).toMatchObject([{ status: 'created', credential: { signIn: 'n8n' } }]);
  });

  it('is left alone by refresh --all, and stays as it is when it is edited or set up again', async () => {
    expect((await home.run(['refresh', '--all', '--json'])).json()['results']).toMatchObject([{ name: 'crm', status: 'skipped' }, { name: 'work', status: 'skipped' }]);
    const edited = await home.run(['edit', 'crm', '--url', `${mautic.url}/index.php`, '--json']);
    expect([edited.exitCode, edited.json()]).toMatchObject([0, { signIn: 'n8n' }]);
    const again = await home.run(['reconnect', 'crm', '--json'], { env: { CREDSETUP_CLIENT_SECRET: client.clientSecret } });
    expect([again.exitCode, again.json()]).toMatchObject([0, { signIn: 'n8n' }]);
  });

  it('is another one with another client, which needs a word to take its place', async () => {
    const second = mautic.makeClient({ redirectUris: [callback], owner: 'contacts' });
    expect(errorOf(await setUp([], second))).toMatchObject({ code: 'NAME_TAKEN' });
    expect((await setUp(['--replace'], second)).exitCode).toBe(0);
    expect((await setUp([], second)).exitCode).toBe(0);
  });
});

describe('--sign-in', () => {
  it.each([
    ['--login-timeout', ['--login-timeout', '5']], ['--callback-port', ['--callback-port', '4000']], ['--require', ['--require', 'contacts']],
  ] as const)('n8n refuses %s, which is about a sign-in here', async (option, args) => {
    expect(errorOf(await setUp(args))).toMatchObject({ code: 'USAGE', message: expect.stringContaining(option) as string });
  });

  it('is here in a script that does not say it', async () => {
    const done = await home.run(['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', client.clientId, '--json'], { env: { CREDSETUP_CLIENT_SECRET: client.clientSecret } });
    expect(errorOf(done)).toMatchObject({ code: 'INPUT_MISSING', missing: [{ option: '--login-timeout' }] });
  });
});
