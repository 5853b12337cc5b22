/** Many credentials into one n8n: each is named, none is made twice, and an n8n that goes away meanwhile is not waited for by each. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allScopes, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { atTheEnd, folder, mattermostServer, script, type Script } from '../commands/support.ts';

const n8n: PracticeN8n = await startN8n();
atTheEnd(() => n8n.close());
const names = Array.from({ length: 200 }, (_, index) => `chat-${index}`);
let home: Script;

beforeAll(async () => {
  const mattermost = await mattermostServer({ tokensEnabled: true });
  const { token } = mattermost.makeToken('maker');
  home = script();
  const list = join(folder(), 'list.json');
  writeFileSync(list, JSON.stringify({ version: 1, credentials: names.map((name) => ({ name, service: 'mattermost', method: 'access-token', url: mattermost.url, token: { env: 'CREDSETUP_CHAT_TOKEN' } })) }));
  for (const [args, env] of [
    [['apply', list, '--allow-host', new URL(mattermost.url).host], { CREDSETUP_CHAT_TOKEN: token }],
    [['n8n', '--url', n8n.url, '--name', 'work'], { CREDSETUP_API_KEY: n8nApiKey }],
  ] as const) {
    const done = await home.run(args, { env, secrets: [n8nApiKey] });
    expect(done.exitCode, done.stderr).toBe(0);
  }
});

beforeEach(() => {
  n8n.intercept = undefined;
  n8n.state.mode = 'running';
  n8n.state.credentials.length = 0;
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, allScopes);
  n8n.log.length = 0;
});

interface Told { readonly name: string; readonly status: string; readonly error?: { readonly code: string; readonly message: string; readonly url?: string } }
async function push(which: readonly string[], more: readonly string[] = []): Promise<readonly Told[]> {
  const done = await home.run(['push', 'work', ...which, ...more, '--json'], { secrets: [n8nApiKey] });
  return done.json()['results'] as Told[];
}
const there = (): readonly string[] => n8n.state.credentials.map(({ name }) => name).sort();
const sorted = (list: readonly string[]): readonly string[] => [...list].sort();

/** From the answer to this creation on, n8n is as `change` makes it. */
function after(count: number, change: () => void): void {
  let made = 0;
  n8n.intercept = async (request, answer) => {
    const reply = await answer();
    if (request.method === 'POST' && request.path === '/api/v1/credentials' && reply.status === 200 && ++made === count) change();
    return reply;
  };
}

describe('a push of 200', () => {
  it('makes each once, says each, and writes over each when it comes again', async () => {
    expect((await push(names)).map(({ name, status }) => `${name} ${status}`)).toEqual(names.map((name) => `${name} created`));
    expect(there()).toEqual(sorted(names));
    expect(new Set((await push(names)).map(({ error }) => error?.code))).toEqual(new Set(['NAME_TAKEN']));
    expect((await push(names.slice(0, 9), ['--replace'])).map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'replaced'));
    expect(there()).toEqual(sorted(names));
  }, 120_000);
});

describe('a push of many', () => {
  const several = names.slice(0, 60);

  it.each([
    ['starts again', 'SERVER_ERROR', () => { n8n.state.mode = 'starting-api'; }],
    ['takes the key no more', 'API_KEY_REJECTED', () => { n8n.state.keys.clear(); }],
  ])('of which an n8n has ten when it %s, names the rest, asks no more for each, and goes on later', async (_, code, change) => {
    after(10, change);
    const results = await push(several, ['--replace']);
    const failed = results.filter(({ status }) => status === 'failed');
    expect([results.length, failed.length, new Set(failed.map(({ error }) => `${error?.code} ${error?.url}`))]).toEqual([60, 60 - there().length, new Set([`${code} ${n8n.url}`])]);
    // Those under way find out; nothing is asked for each of the rest.
    expect(failed.filter(({ error }) => error?.message.startsWith('It was not sent: ') !== true).length).toBeLessThanOrEqual(4);
    n8n.intercept = undefined;
    n8n.state.mode = 'running';
    n8n.state.keys.set(n8nApiKey, allScopes);
    expect((await push(several, ['--replace'])).filter(({ status }) => status === 'failed')).toEqual([]);
    expect(there()).toEqual(sorted(several));
  });

  it('goes on where n8n answers about one credential no more, and about the others does', async () => {
    const few = names.slice(0, 5);
    n8n.intercept = async (request, answer) => ({ ...await answer(), ...(request.body.includes('"chat-1"') ? { hangUp: true } : {}) });
    expect((await push(few, ['--replace'])).map(({ status, error }) => error?.code ?? status)).toEqual(['created', 'CONNECTION_LOST', 'created', 'created', 'created']);
    n8n.intercept = undefined;
    // Whether it was made was not known: it is found by its own id, and not made twice.
    await push(['chat-1'], ['--replace']);
    expect(there()).toEqual(few);
  });
});
