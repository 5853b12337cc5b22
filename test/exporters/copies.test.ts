/** What a push leaves in an n8n: nothing of n8n's own is broken by it, and n8n says what it is good for. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { MauticClient, PracticeMautic } from '../../src/practice/mautic.ts';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { allScopes, n8n241, n8nApiKey, oldN8n, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { runWithSignIn } from '../commands/oauth.ts';
import { unusedPort } from '../ports.ts';
import type { Finished } from '../program.ts';
import { atTheEnd, errorOf, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from '../commands/support.ts';

const n8n: PracticeN8n = await startN8n();
atTheEnd(() => n8n.close());
const mattermost: PracticeMattermost = await mattermostServer({ tokensEnabled: true });
const mautic: PracticeMautic = await mauticServer();
const port = await unusedPort();
const client: MauticClient = mautic.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' });
let home: Script;

beforeEach(async () => {
  Object.assign(n8n.state, { mode: 'running', executionsCome: true });
  Object.assign(n8n.state.abilities, n8n241);
  n8n.state.credentials.length = 0;
  n8n.state.hosts.clear();
  n8n.state.unreachable.clear();
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, allScopes);
  home = script();
  const stored = await home.run(['n8n', '--url', n8n.url, '--name', 'work'], { env: { CREDSETUP_API_KEY: n8nApiKey }, secrets: [n8nApiKey] });
  expect(stored.exitCode, stored.stderr).toBe(0);
  n8n.log.length = 0;
});

const push = (args: readonly string[]) => home.run(['push', 'work', ...args, '--json'], { secrets: [n8nApiKey] });
interface Told {
  readonly status: string;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string; readonly causes: readonly { readonly code: string }[] };
  readonly inN8n?: readonly { readonly status: string; readonly proof?: string }[];
}
const told = (finished: Finished): Told => (finished.json()['results'] as Told[])[0]!;
const isReplaced = async (args: readonly string[]): Promise<void> => {
  expect(told(await push([...args, '--replace']))).toMatchObject({ status: 'replaced' });
};

/** A Mautic credential whose sign-in a person gave, with the client that is named. */
async function storeOAuth2(one: Script = home, by: MauticClient = client): Promise<void> {
  const args = ['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', by.clientId, '--callback-port', String(port), '--name', 'crm', '--replace'];
  const { exitCode, stderr } = await runWithSignIn(one, args, { CREDSETUP_CLIENT_SECRET: by.clientSecret });
  expect(exitCode, stderr).toBe(0);
}

describe('a connected credential in n8n', () => {
  beforeEach(async () => {
    await storeOAuth2();
    expect(told(await push(['crm']))).toMatchObject({ status: 'created', inN8n: [{ status: 'not-connected' }] });
    n8n.connect(n8n.credential('crm').id, mautic.makeTokens(client, 'contacts'));
  });

  it('keeps its sign-in when it is replaced, and still runs', async () => {
    const { oauthTokenData } = n8n.credential('crm').data;
    const done = await push(['crm', '--replace', '--run']);
    expect([done.exitCode, told(done)]).toMatchObject([0, { status: 'replaced', inN8n: [{ status: 'ok', proof: 'run' }] }]);
    expect(n8n.credential('crm').data['oauthTokenData']).toEqual(oauthTokenData);
    expect([n8n.state.workflows, n8n.state.executions]).toEqual([[], []]);
  });

  it('is only called connected by n8n\'s test, whatever its tokens are worth, and a run finds that they are dead', async () => {
    n8n.connect(n8n.credential('crm').id, { accessToken: 'dead', refreshToken: 'dead' });
    expect(told(await push(['crm', '--replace']))).toMatchObject({ status: 'replaced', inN8n: [{ status: 'connected', proof: 'test' }] });
    const done = await push(['crm', '--replace', '--run']);
    expect([done.exitCode, told(done)]).toMatchObject([15, { status: 'failed', error: { code: 'N8N_TEST_FAILED', causes: [{ code: 'N8N_SIGN_IN_DEAD' }] }, inN8n: [{ status: 'failed', proof: 'run' }] }]);
  });

  it('is not replaced by another client unless somebody said that its sign-in may end', async () => {
    const before = n8n.credential('crm').data;
    await storeOAuth2(home, mautic.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' }));
    const refused = await push(['crm', '--replace', '--yes']);
    expect([refused.exitCode, told(refused).error]).toMatchObject([2, { code: 'INPUT_MISSING', missing: [{ option: '--disconnect' }] }]);
    expect(n8n.credential('crm').data).toEqual(before);
    expect(told(await push(['crm', '--replace', '--disconnect']))).toMatchObject({ status: 'replaced', inN8n: [{ status: 'not-connected' }] });
    expect(n8n.credential('crm').data).not.toHaveProperty('oauthTokenData');
  });

  it('is brought its sign-in by a hand-over, which a run proves', async () => {
    await storeOAuth2(home, mautic.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' }));
    expect(told(await push(['crm', '--replace', '--hand-over']))).toMatchObject({ status: 'replaced', inN8n: [{ status: 'ok', proof: 'run' }] });
  });

  it('of an n8n that replaces the whole is left alone, too', async () => {
    Object.assign(n8n.state.abilities, oldN8n);
    const before = n8n.credential('crm').data;
    const refused = await push(['crm', '--replace', '--yes']);
    expect([refused.exitCode, told(refused).error?.message]).toEqual([2, expect.stringContaining('can only replace the whole credential')]);
    expect(n8n.credential('crm').data).toEqual(before);
    expect(told(await push(['crm', '--replace', '--disconnect']))).toMatchObject({ status: 'replaced', inN8n: [{ status: 'not-known' }] });
  });

  it('keeps what somebody added to it there', async () => {
    const one = n8n.credential('crm');
    one.data = { ...one.data, allowedHttpRequestDomains: 'domains', allowedDomains: 'crm.example.com' };
    await isReplaced(['crm']);
    expect(n8n.credential('crm').data).toMatchObject({ allowedDomains: 'crm.example.com' });
  });
});

describe('which n8n, and which credential in it', () => {
  beforeEach(async () => {
    await storeMattermost(home, mattermost);
  });

  it('is the only stored one by the word n8n, and its page stands at the end', async () => {
    const done = await home.run(['push', 'n8n', 'chat'], { secrets: [n8nApiKey] });
    expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining(`${n8n.url}/home/credentials/${n8n.credential('chat').id}`)]);
  });

  it('by another name of this computer is the same one, and gets no second copy', async () => {
    await push(['chat']);
    const by = n8n.url.replace('127.0.0.1', 'localhost');
    const again = (args: readonly string[]) => home.run(['push', 'n8n', 'chat', '--n8n-url', by, '--api-key-stdin', '--json', ...args], { stdin: n8nApiKey, secrets: [n8nApiKey] });
    expect(told(await again([]))).toMatchObject({ error: { code: 'NAME_TAKEN' } });
    expect(told(await again(['--replace']))).toMatchObject({ status: 'replaced' });
    expect(n8n.state.credentials).toHaveLength(1);
  });

  it('has the copy of another computer, which is found by its id and not made twice', async () => {
    await push(['chat']);
    const { stdout } = await home.run(['show', 'chat', '--json']);
    const index = JSON.parse(stdout) as { id: string; pushed: { id: string }[] };
    expect(index.pushed[0]!.id).toBe(n8n.credential('chat').id);
    // As on the other computer: the same credential, and nothing known of a copy.
    await home.run(['test', 'chat']);
    const { readFileSync, writeFileSync } = await import('node:fs');
    const file = `${home.home}/index.json`;
    const document = JSON.parse(readFileSync(file, 'utf8')) as { entries: { credential: { pushed?: unknown } }[] };
    for (const { credential } of document.entries) delete credential.pushed;
    writeFileSync(file, JSON.stringify(document));
    expect(told(await push(['chat']))).toMatchObject({ error: { code: 'NAME_TAKEN', hint: expect.stringContaining('--replace') as string } });
    await isReplaced(['chat']);
    expect(n8n.state.credentials).toHaveLength(1);
  });

  it('names what has taken the id, and writes into what is named', async () => {
    await push(['chat']);
    const { id } = n8n.credential('chat');
    Object.assign(n8n.credential('chat'), { name: 'of somebody', type: 'mattermostApi', data: { baseUrl: 'x', accessToken: 'y', allowedDomains: 'z' } });
    const taken = told(await push(['chat', '--replace']));
    expect([taken.error?.code, taken.error?.message]).toEqual(['NAME_TAKEN', expect.stringContaining('of somebody')]);
    expect(told(await push(['chat', '--into', id]))).toMatchObject({ status: 'replaced', inN8n: [{ status: 'ok', proof: 'test' }] });
    expect(n8n.credential('of somebody')).toMatchObject({ id, data: { baseUrl: mattermost.url, allowedDomains: 'z' } });
    expect(told(await push(['chat', '--into', 'nobody'])).error?.code).toBe('NOT_FOUND');
    Object.assign(n8n.credential('of somebody'), { type: 'mauticApi' });
    expect(told(await push(['chat', '--into', id])).error?.code).toBe('UNSUPPORTED');
  });

  it('that is an older one is told to write all of it, by which goes what was set there', async () => {
    await push(['chat']);
    Object.assign(n8n.state.abilities, oldN8n);
    const done = await push(['chat', '--replace']);
    expect([done.exitCode, done.stderr.replace(/\s+/g, ' ')]).toEqual([0, expect.stringContaining('All of chat is written: what was set in it in n8n beside that')]);
    Object.assign(n8n.state.abilities, n8n241);
    expect((await push(['chat', '--replace'])).stderr).not.toContain('All of chat is written');
  });

  it('is told which copy is kept up no more where another credential is written into', async () => {
    await push(['chat']);
    const { id } = n8n.credential('chat');
    n8n.state.credentials.push({ ...n8n.credential('chat'), id: 'another', name: 'of somebody' });
    const done = await push(['chat', '--into', 'another']);
    expect([done.exitCode, done.stderr.replace(/\s+/g, ' ')]).toEqual([0, expect.stringContaining(`before (chat, id ${id}) stays as it is`)]);
    expect((await push(['chat', '--into', 'another'])).stderr).not.toContain('stays as it is');
  });

  it('is told that its project is not there, and takes a short name', async () => {
    expect(told(await push(['chat', '--project', 'nope'])).error?.code).toBe('NOT_FOUND');
    await home.run(['rename', 'chat', 'c']);
    await push(['c']);
    await isReplaced(['c']);
    expect(n8n.state.credentials).toMatchObject([{ name: 'c (credsetup)' }]);
  });

  it('names every scope that is missing, before anything is sent', async () => {
    n8n.state.keys.set(n8nApiKey, ['credential:create']);
    const error = errorOf(await push(['chat', '--replace', '--run']));
    expect([error.code, error.message]).toEqual(['PERMISSION_DENIED', expect.stringContaining('credential:read, credential:update, workflow:create, workflow:activate, workflow:deactivate, workflow:delete, execution:list')]);
    expect(n8n.state.credentials).toEqual([]);
  });
});

describe('what n8n says of the copy', () => {
  it('is that it cannot reach the service, until it gets the address by which it does', async () => {
    await storeMattermost(home, mattermost);
    n8n.state.unreachable.add(mattermost.url);
    n8n.state.hosts.set('http://mattermost', mattermost.url);
    const done = await push(['chat']);
    expect([done.exitCode, told(done)]).toMatchObject([15, { status: 'failed', error: { code: 'N8N_TEST_FAILED', causes: [{ code: 'N8N_CANNOT_REACH' }] } }]);
    expect(told(await push(['chat', '--replace', '--url-in-n8n', 'http://mattermost/']))).toMatchObject({ status: 'replaced', inN8n: [{ status: 'ok' }] });
    expect(n8n.credential('chat').data['baseUrl']).toBe('http://mattermost');
    // Kept with the copy.
    await isReplaced(['chat']);
    expect(n8n.credential('chat').data['baseUrl']).toBe('http://mattermost');
    expect((await home.run(['show', 'chat', '--json'])).json()).toMatchObject({ pushed: [{ urlInN8n: 'http://mattermost', test: { status: 'ok', proof: 'test' } }] });
  });

  it('by its own test is ok for an account without the right, and a run finds it', async () => {
    await storeMautic(home, mautic, 'crm', 'apionly');
    expect(told(await push(['crm']))).toMatchObject({ status: 'created', inN8n: [{ status: 'ok', proof: 'test' }] });
    expect(told(await push(['crm', '--replace', '--run']))).toMatchObject({ status: 'failed', error: { code: 'N8N_TEST_FAILED', causes: [{ code: 'N8N_LACKS_PERMISSION' }] } });
    expect(n8n.state.workflows).toEqual([]);
  });

  it('is not known to a key that may not ask, and that is no failure', async () => {
    await storeMattermost(home, mattermost);
    n8n.state.keys.set(n8nApiKey, ['credential:create']);
    const done = await push(['chat']);
    expect([done.exitCode, told(done)]).toMatchObject([0, { status: 'created', inN8n: [{ status: 'not-known', message: expect.stringContaining('credential:read') as string }] }]);
  });
});
