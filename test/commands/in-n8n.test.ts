/** What n8ns hold: asked by test and check, told by show and list, named and deleted by remove; and the client for all of an n8n. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { atTheEnd, errorOf, journalOf, mattermostServer, mauticServer, script, storeMattermost, type Script } from './support.ts';

const n8n: PracticeN8n = await startN8n();
atTheEnd(() => n8n.close());
const mattermost: PracticeMattermost = await mattermostServer({ tokensEnabled: true });
const mautic: PracticeMautic = await mauticServer();
let home: Script;
let token: string;

beforeEach(async () => {
  n8n.state.credentials.length = 0;
  n8n.state.unreachable.clear();
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, allScopes);
  home = script();
  await home.run(['n8n', '--url', n8n.url, '--name', 'work'], { env: { CREDSETUP_API_KEY: n8nApiKey }, secrets: [n8nApiKey] });
  token = await storeMattermost(home, mattermost);
  expect((await home.run(['push', 'work', 'chat'], { secrets: [n8nApiKey] })).exitCode).toBe(0);
});

const run = (args: readonly string[]) => home.run([...args, '--json'], { secrets: [n8nApiKey, token] });

describe('a copy in n8n', () => {
  it('that works here and not there is told by test --in-n8n, and a run there is asked for by --run', async () => {
    expect((await run(['test', 'chat', '--in-n8n', '--run'])).json()['results']).toMatchObject([{ status: 'ok', inN8n: [{ url: n8n.url, status: 'ok', proof: 'run' }] }]);
    n8n.credential('chat').data = { ...n8n.credential('chat').data, accessToken: 'edited by somebody' };
    expect((await run(['test', 'chat'])).exitCode).toBe(0);
    const done = await run(['test', 'chat', '--in-n8n']);
    expect([done.exitCode, done.json()['results']]).toMatchObject([15, [{ status: 'failed', credential: { name: 'chat' }, error: { code: 'N8N_TEST_FAILED' }, inN8n: [{ status: 'failed' }] }]]);
  });

  it('in an n8n without a key, or that was deleted, is not known and no failure', async () => {
    n8n.state.credentials.length = 0;
    expect((await run(['test', 'chat', '--in-n8n'])).json()['results']).toMatchObject([{ status: 'ok', inN8n: [{ status: 'not-known', message: 'It was deleted in n8n.' }] }]);
    await home.run(['remove', 'work', '--yes']);
    const done = await run(['test', 'chat', '--in-n8n']);
    expect([done.exitCode, done.json()['results']]).toMatchObject([0, [{ inN8n: [{ status: 'not-known', message: expect.stringContaining('credsetup n8n --url') as string }] }]]);
  });

  it('is older after a new secret here, which is said, and a push brings it up to date', async () => {
    for (const [args, variable] of [[['mattermost', '--url', mattermost.url, '--name', 'chat'], 'CREDSETUP_TOKEN'], [['reconnect', 'chat'], 'CREDSETUP_TOKEN']] as const) {
      const fresh = mattermost.makeToken('maker').token;
      const done = await home.run(args, { env: { [variable]: fresh } });
      expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining('credsetup push n8n chat --replace')]);
      expect((await run(['push', 'n8n', 'chat', '--replace'])).exitCode).toBe(0);
      expect(n8n.credential('chat').data['accessToken']).toBe(fresh);
    }
  });

  it('whose name or id gives a piece of a secret in hand back is told without it', async () => {
    const there = n8n.credential('chat');
    const [piece, cut] = [n8nApiKey.slice(-14), token.slice(4, 18)];
    n8n.state.credentials.push({ ...there, id: cut, name: `mine ${piece} ${cut}` });
    there.name = `other ${piece}`;
    for (const args of [['check', 'work', '--json'], ['check', 'work'], ['push', 'work', 'chat', '--replace'], ['remove', 'chat', '--in-n8n', '--yes'], ['list', '--json']]) {
      const { stdout, stderr } = await home.run(args, { env: args[0] === 'check' ? { CREDSETUP_MATTERMOST_TOKEN: token } : {} });
      expect([piece, ...(args[0] === 'check' ? [cut] : [])].filter((secret) => (stdout + stderr).includes(secret)), `${args.join(' ')}: ${stdout}${stderr}`).toEqual([]);
    }
  });

  it('killed while n8n runs it, leaves a workflow that the next command takes away', async () => {
    const ofRun = ['POST /workflows', 'POST /workflows/ID/activate', 'GET /executions', 'POST /workflows/ID/deactivate', 'DELETE /workflows/ID'];
    n8n.state.keys.set(n8nApiKey, [...allScopes, 'workflow:list']);
    for (const [at, next] of ofRun.map((one, index) => [one, [['test', 'chat', '--in-n8n'], ['push', 'work', 'chat', '--replace'], ['check', 'work']][index % 3]!] as const)) {
      await killedAt(at);
      expect(n8n.state.workflows.length, at).toBe(at.startsWith('DELETE') ? 0 : 1);
      const done = await run(next);
      expect([done.exitCode, n8n.state.workflows, journalOf(home)], `${at}: ${done.stderr}`).toEqual([0, [], []]);
    }
  });

  it('killed before n8n said the id of the workflow, is named to a key that may not look for it', async () => {
    await killedAt('POST /workflows');
    const { stderr } = await run(['test', 'chat', '--in-n8n']);
    expect(stderr).toContain(`delete it there if you see "${n8n.state.workflows[0]!.name}"`);
    n8n.state.workflows.length = 0;
  });

  /** `test --in-n8n --run`, whose process is gone when n8n has answered such a request. */
  async function killedAt(wanted: string): Promise<void> {
    const child = spawn(process.execPath, [programPath, 'test', 'chat', '--in-n8n', '--run'], { env: cleanEnvironment(home.env), stdio: 'ignore' });
    const ended = once(child, 'close');
    let hit = false;
    n8n.intercept = async ({ method, path }, answer) => {
      const reply = await answer();
      if (!hit && `${method} ${path}`.replace('/api/v1', '').replace(/(?<=workflows\/)[^/]+/, 'ID') === wanted && reply.status === 200) {
        hit = true;
        child.kill('SIGKILL');
        await ended;
      }
      return reply;
    };
    await ended;
    n8n.intercept = undefined;
    expect(hit, wanted).toBe(true);
  }

  it('is told by show and list', async () => {
    expect((await home.run(['show', 'chat'])).stdout).toContain(`${n8n.url} as chat (id ${n8n.credential('chat').id}), ok on`);
    expect((await home.run(['list'])).stdout).toContain(`in n8n at ${new URL(n8n.url).host}`);
  });

  it('is named when what it is of is removed, or deleted with it', async () => {
    expect((await run(['remove', 'chat', '--yes'])).json()['results']).toMatchObject([{ status: 'removed', credential: { warnings: [{ code: 'N8N_COPIES_LEFT' }] } }]);
    expect(n8n.state.credentials).toHaveLength(1);
    await storeMattermost(home, mattermost, 'talk');
    await run(['push', 'work', 'talk']);
    expect((await run(['remove', 'talk', '--in-n8n', '--yes'])).json()['results']).toMatchObject([{ status: 'removed' }]);
    expect(n8n.state.credentials).toMatchObject([{ name: 'chat' }]);
  });

  it('that is something else now is not deleted, and nothing is removed here', async () => {
    Object.assign(n8n.credential('chat'), { name: 'of somebody' });
    expect((await run(['remove', 'chat', '--in-n8n', '--yes'])).json()['results']).toMatchObject([{ status: 'failed', error: { code: 'NAME_TAKEN' } }]);
    expect([n8n.state.credentials.length, (await run(['show', 'chat'])).exitCode]).toEqual([1, 0]);
  });
});

describe('check', () => {
  const add = (id: string, type: string, data: Readonly<Record<string, unknown>>) => n8n.state.credentials.push({ id, name: `of ${id}`, type, data, createdAt: '', updatedAt: '' });

  it('finds by a run the dead sign-in that n8n calls OK, and it is repaired in place', async () => {
    const client = mautic.makeClient({ owner: 'contacts' });
    const known = { url: mautic.url, clientId: client.clientId, clientSecret: client.clientSecret };
    add('dead', 'mauticOAuth2Api', { ...known, oauthTokenData: { access_token: 'x', refresh_token: 'y' } });
    add('basic', 'mauticApi', { url: mautic.url, username: 'contacts', password: mauticPassword });
    add('slack', 'slackApi', {});
    const by = async (args: readonly string[] = []) => {
      const done = await run(['check', 'work', ...args]);
      const { credentials } = done.json() as unknown as { credentials: { id: string; status: string; ours?: string }[] };
      return [done.exitCode, Object.fromEntries(credentials.map(({ id, status, ours }) => [ours ?? id, status]))];
    };
    expect(await by()).toEqual([0, { chat: 'ok', dead: 'connected', basic: 'ok' }]);
    expect(await by(['--run'])).toEqual([15, { chat: 'ok', dead: 'failed', basic: 'ok' }]);
    expect(n8n.state.workflows).toEqual([]);
    n8n.state.credentials.find(({ id }) => id === 'basic')!.data = { url: mautic.url, username: 'contacts', password: 'wrong' };
    expect(await by()).toEqual([15, { chat: 'ok', dead: 'connected', basic: 'failed' }]);
    await home.run(['mautic', '--method', 'basic', '--url', mautic.url, '--username', 'contacts', '--name', 'crm'], { env: { CREDSETUP_PASSWORD: mauticPassword } });
    expect((await run(['push', 'work', 'crm', '--into', 'basic'])).json()['results']).toMatchObject([{ status: 'replaced', inN8n: [{ status: 'ok' }] }]);
    expect(await by()).toEqual([0, { chat: 'ok', dead: 'connected', crm: 'ok' }]);
  });

  it('names the scopes that it takes', async () => {
    n8n.state.keys.set(n8nApiKey, ['credential:create']);
    expect(errorOf(await run(['check', 'work']))).toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining('credential:read, credential:list') as string });
  });
});

describe('export --format n8n-overwrites', () => {
  it('is the client by its type, without address and tokens; what has no client is refused', async () => {
    const client = mautic.makeClient({ owner: 'admin' });
    const args = ['mautic', '--method', 'oauth2', '--grant', 'client-credentials', '--url', mautic.url, '--client-id', client.clientId, '--name', 'crm'];
    expect((await home.run(args, { env: { CREDSETUP_CLIENT_SECRET: client.clientSecret } })).exitCode).toBe(0);
    const { stdout, stderr } = await home.run(['export', 'crm', '--format', 'n8n-overwrites'], { reveals: true });
    expect(stderr.replace(/\s+/g, ' ')).toContain('Whoever can read the environment, the file or the process of that n8n has the Client Secret');
    expect(stderr).toContain('CREDENTIALS_OVERWRITE_DATA');
    expect(JSON.parse(stdout)).toEqual({ mauticOAuth2Api: { clientId: client.clientId, clientSecret: client.clientSecret } });
    const refused = await home.run(['export', 'chat', '--format', 'n8n-overwrites']);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('UNSUPPORTED')]);
  });
});
