/** A rotation with copies in n8n: no n8n is left with a secret that has ended, wherever it is cut off. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { allScopes, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { cleanEnvironment, programPath, type Finished } from '../program.ts';
import { atTheEnd, errorOf, mattermostServer, script, type Script } from './support.ts';

const n8n: PracticeN8n = await startN8n();
atTheEnd(() => n8n.close());
let mattermost: PracticeMattermost;
let home: Script;
let first: string;

beforeEach(async () => {
  mattermost = await mattermostServer({ tokensEnabled: true });
  n8n.state.credentials.length = 0;
  n8n.state.unreachable.clear();
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, allScopes);
  n8n.intercept = undefined;
  home = script();
  const env = { CREDSETUP_PASSWORD: 'Practice-1234' };
  for (const [args, more] of [
    [['n8n', '--url', n8n.url, '--name', 'work'], { CREDSETUP_API_KEY: n8nApiKey }],
    [['mattermost', '--url', mattermost.url, '--create-token', '--username', 'maker', '--name', 'chat'], { ...env, CREDSETUP_PASSWORD: (await import('../../src/practice/mattermost.ts')).mattermostPassword }],
    [['push', 'work', 'chat'], {}],
  ] as const) {
    const done = await home.run(args, { env: more, secrets: [n8nApiKey] });
    expect(done.exitCode, done.stderr).toBe(0);
  }
  first = inN8n();
  mattermost.log.length = 0;
  n8n.log.length = 0;
});

const inN8n = (): string => String(n8n.credential('chat').data['accessToken']);
const alive = (): readonly string[] => mattermost.state.tokens.filter(({ active }) => active).map(({ token }) => token);
const rotate = (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Finished> => home.run(['rotate', 'chat', '--grace', '0', '--json', ...args], { env, secrets: [n8nApiKey, ...mattermost.state.tokens.map(({ token }) => token)] });
const stored = async (): Promise<string> => (await home.run(['get', 'chat'], { reveals: true })).stdout.trim();

describe('rotate with a copy in n8n', () => {
  it('writes the new one there and has n8n prove it, and only then ends the old one', async () => {
    const order: string[] = [];
    n8n.intercept = (request, answer) => {
      order.push(`n8n ${request.method} ${request.path.replace(/credentials\/[^/]+/, 'credentials/ID')}`);
      return answer();
    };
    mattermost.intercept = (request, answer) => {
      if (request.path.endsWith('/revoke')) order.push('revoke');
      return answer();
    };
    const done = await rotate();
    expect(done.exitCode, done.stderr).toBe(0);
    expect(alive()).toEqual([inN8n()]);
    expect(inN8n()).not.toBe(first);
    expect(await stored()).toBe(inN8n());
    expect(order.indexOf('revoke')).toBeGreaterThan(order.lastIndexOf('n8n POST /api/v1/credentials/ID/test'));
    expect(order.lastIndexOf('n8n POST /api/v1/credentials/ID/test')).toBeGreaterThan(order.lastIndexOf('n8n PATCH /api/v1/credentials/ID'));
  });

  it('makes nothing where the key to that n8n is not there', async () => {
    await home.run(['remove', 'work', '--yes']);
    const error = errorOf(await rotate());
    expect([error.code, error['missing']]).toEqual(['INPUT_MISSING', [{ field: 'apiKey', variable: 'CREDSETUP_N8N_API_KEY' }]]);
    expect(alive()).toEqual([first]);
    expect((await rotate([], { CREDSETUP_N8N_URL: n8n.url, CREDSETUP_N8N_API_KEY: n8nApiKey })).exitCode).toBe(0);
    expect(alive()).toEqual([inN8n()]);
  });

  it('makes nothing where the key lacks what it takes, and names it', async () => {
    n8n.state.keys.set(n8nApiKey, ['credential:read']);
    expect(errorOf(await rotate())).toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining('credential:update') as string });
    expect(alive()).toEqual([first]);
  });

  it('leaves the old one alive where n8n does not prove the new one, and goes on from there at the next run', async () => {
    n8n.state.unreachable.add(mattermost.url);
    const failed = errorOf(await rotate());
    expect([failed.code, failed.exitCode, failed.hint]).toEqual(['N8N_TEST_FAILED', 15, expect.stringContaining('credsetup rotate chat')]);
    expect(alive()).toHaveLength(2);
    expect(alive()).toContain(first);
    n8n.state.unreachable.clear();
    expect((await rotate()).exitCode).toBe(0);
    expect(alive()).toEqual([inN8n()]);
    expect(await stored()).toBe(inN8n());
  });

  it('has n8n run the new one where that is asked for', async () => {
    expect((await rotate(['--run'])).json()).toMatchObject({ pushed: [{ test: { status: 'ok', proof: 'run' } }] });
    expect([alive(), n8n.state.workflows]).toEqual([[inN8n()], []]);
    expect(errorOf(await rotate(['--run', '--no-push'])).code).toBe('USAGE');
  });

  it('makes nothing where that n8n cannot be reached, and names it', async () => {
    n8n.intercept = () => ({ status: 503, headers: { 'content-type': 'text/plain' }, body: 'down' });
    const error = errorOf(await rotate());
    expect([error.exitCode, error['url'], error.message, error.hint]).toEqual([3, n8n.url, expect.stringContaining(`The n8n at ${n8n.url}, which holds a copy of chat`), expect.stringContaining('Nothing was made')]);
    expect(alive()).toEqual([first]);
    n8n.intercept = undefined;
    expect(mattermost.log.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('makes nothing where the key of that n8n is gone from the store, and says which variable gives it', async () => {
    const path = join(home.home, 'index.json');
    const index = JSON.parse(readFileSync(path, 'utf8')) as { entries: { key: string; credential: { name: string } }[] };
    const work = index.entries.find(({ credential }) => credential.name === 'work')!;
    work.key = work.key.replace(/./g, (one) => (one === 'a' ? 'b' : one === 'b' ? 'a' : one));
    writeFileSync(path, JSON.stringify(index));
    const error = errorOf(await rotate());
    expect([error.code, error['missing']]).toEqual(['INPUT_MISSING', [{ field: 'apiKey', variable: 'CREDSETUP_N8N_API_KEY' }]]);
    expect(alive()).toEqual([first]);
  });

  it('leaves the copies alone with --no-push, and says so', async () => {
    const done = await rotate(['--no-push']);
    expect([done.exitCode, done.stderr]).toEqual([0, expect.stringContaining('credsetup push n8n chat --replace')]);
    expect(inN8n()).toBe(first);
  });

  it('forgets a copy that was deleted in n8n', async () => {
    n8n.state.credentials.length = 0;
    const done = await rotate();
    expect([done.exitCode, alive().length]).toEqual([0, 1]);
    expect(done.json()).toMatchObject({ pushed: [] });
    expect(n8n.state.credentials).toEqual([]);
  });

  it('killed at any request, leaves n8n a token that works, and the next run ends with one', async () => {
    const requests = await countRequests();
    expect(requests).toBeGreaterThan(8);
    for (let at = 1; at <= requests; at += 1) {
      await killedAt(at);
      expect(alive(), `killed at request ${at}`).toContain(inN8n());
      expect(alive(), `killed at request ${at}`).toContain(await stored());
    }
    const last = await rotate();
    expect(last.exitCode, last.stderr).toBe(0);
    expect(alive()).toEqual([inN8n()]);
  }, 240_000);

  async function countRequests(): Promise<number> {
    expect((await rotate()).exitCode).toBe(0);
    return mattermost.log.length + n8n.log.length;
  }

  /** The process is gone while the request, answered or not, is on its way. */
  async function killedAt(wanted: number): Promise<void> {
    let count = 0;
    const child = spawn(process.execPath, [programPath, 'rotate', 'chat', '--grace', '0'], { env: cleanEnvironment(home.env), stdio: 'ignore' });
    const ended = new Promise((resolve) => { child.once('close', resolve); });
    const kill: PracticeN8n['intercept'] = async (_, answer) => {
      count += 1;
      const reply = await answer();
      if (count === wanted) {
        child.kill('SIGKILL');
        await ended;
      }
      return reply;
    };
    mattermost.intercept = kill;
    n8n.intercept = kill;
    await ended;
    mattermost.intercept = undefined;
    n8n.intercept = undefined;
  }
});
