/** An n8n that is not as it was when it was looked at last, or that is reached in another way: each is named, and nothing is lost by it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { allScopes, n8n241, n8nApiKey, newApiKey, startN8n, type N8nOptions, type PracticeN8n } from '../../src/practice/n8n.ts';
import { makeCertificates } from '../certificates.ts';
import type { Finished } from '../program.ts';
import { storeOAuth2 } from './oauth.ts';
import { atTheEnd, errorOf, folder, mattermostServer, mauticServer, script, storeMattermost, type Script } from './support.ts';

let mattermost: PracticeMattermost;
let n8n: PracticeN8n;
let home: Script;
let key: string;

async function another(options: N8nOptions = {}): Promise<PracticeN8n> {
  const one = await startN8n(options);
  atTheEnd(() => one.close());
  return one;
}

beforeAll(async () => {
  n8n = await another();
});
beforeEach(async () => {
  mattermost = await mattermostServer({ tokensEnabled: true });
  n8n.state.credentials.length = 0;
  n8n.state.keys.clear();
  // Known by its length as what n8n makes, and ending tomorrow.
  key = newApiKey(Math.floor(Date.now() / 1000) + 86_400);
  n8n.state.keys.set(key, allScopes);
  home = script();
  await storeN8n(n8n, 'work');
});
afterEach(() => {
  n8n.intercept = undefined;
  Object.assign(n8n.state.abilities, n8n241);
});

async function storeN8n(one: PracticeN8n, name: string): Promise<void> {
  one.state.keys.set(key, allScopes);
  const done = await home.run(['n8n', '--url', one.url, '--name', name], { env: { CREDSETUP_API_KEY: key }, secrets: [key] });
  expect(done.exitCode, done.stderr).toBe(0);
}
async function makeToken(): Promise<void> {
  const done = await home.run(['mattermost', '--url', mattermost.url, '--create-token', '--username', 'maker', '--name', 'chat'], { env: { CREDSETUP_PASSWORD: mattermostPassword } });
  expect(done.exitCode, done.stderr).toBe(0);
}
const secrets = (): readonly string[] => [key, n8nApiKey, ...mattermost.state.tokens.map(({ token }) => token)];
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> => home.run([...args, '--json'], { env, secrets: secrets() });
const works = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> => {
  const done = await run(args, env);
  expect(done.exitCode, done.stdout + done.stderr).toBe(0);
  return done;
};
const alive = (): readonly string[] => mattermost.state.tokens.filter(({ active }) => active).map(({ token }) => token);

describe('A key', () => {
  it('that ends tomorrow is named by whatever uses it', async () => {
    await makeToken();
    for (const args of [['push', 'work', 'chat'], ['check', 'work'], ['test', 'chat', '--in-n8n'], ['rotate', 'chat', '--grace', '0'], ['remove', 'chat', '--in-n8n', '--yes']]) {
      const { stderr } = await works(args);
      expect(stderr.replace(/\s+/g, ' '), args.join(' ')).toMatch(new RegExp(`The API key of the n8n at ${n8n.url} ends on \\S+ Make a new one at ${n8n.url}/settings/api; then: credsetup reconnect work \\(EXPIRES_SOON\\)`));
    }
  });

  it('of another n8n is refused before anything is sent or made, and a test says that it could not ask', async () => {
    await makeToken();
    await works(['push', 'work', 'chat']);
    const [before, tokens] = [n8n.state.credentials.map(({ data }) => data), alive()];
    n8n.state.keys.clear();
    n8n.state.keys.set(n8nApiKey, allScopes);
    for (const args of [['push', 'work', 'chat', '--replace'], ['check', 'work'], ['rotate', 'chat']]) {
      expect(errorOf(await run(args)), args.join(' ')).toMatchObject({ code: 'API_KEY_REJECTED', url: n8n.url, causes: [{ code: 'API_KEY_ENDED' }, { code: 'PUBLIC_API_OFF' }] });
    }
    const tested = await works(['test', 'chat', '--in-n8n']);
    expect(tested.json()['results']).toMatchObject([{ status: 'ok', inN8n: [{ url: n8n.url, status: 'not-known', message: expect.stringContaining('API_KEY_REJECTED') as string }] }]);
    expect([n8n.state.credentials.map(({ data }) => data), alive()]).toEqual([before, tokens]);
  });
});

describe('An n8n', () => {
  it('that has become an older one between the look and the write has broken what was connected, and it is said', async () => {
    const mautic = await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true });
    const { client } = await storeOAuth2(home, mautic);
    await works(['push', 'work', 'crm']);
    n8n.connect(n8n.credential('crm').id, mautic.makeTokens(client, 'contacts'));
    n8n.intercept = (request, answer) => {
      if (request.method === 'PATCH' && request.body.includes('clientId')) n8n.state.abilities.partialData = false;
      return answer();
    };
    const done = await run(['push', 'work', 'crm', '--replace']);
    expect([done.exitCode, done.json()['results']]).toMatchObject([15, [{ status: 'failed', error: { code: 'N8N_TEST_FAILED', message: expect.stringContaining('It was connected before this') as string }, inN8n: [{ status: 'failed' }] }]]);
  });

  it('whose copy was deleted there and made again from another computer gets no second one', async () => {
    await storeMattermost(home, mattermost);
    n8n.state.abilities.ownId = false;
    await works(['push', 'work', 'chat']);
    n8n.state.abilities.ownId = true;
    const chosen = n8n.credential('chat').id;
    n8n.state.credentials.length = 0;
    const other = script(join(folder(), 'other'));
    mkdirSync(other.home, { mode: 0o700 });
    const exported = await home.run(['export', 'chat'], { reveals: true });
    const file = join(folder(), 'export.json');
    const document = JSON.parse(exported.stdout) as { credentials: { pushed?: unknown }[] };
    for (const one of document.credentials) delete one.pushed;
    writeFileSync(file, JSON.stringify(document));
    for (const [args, env] of [[['import', file], {}], [['push', 'n8n', 'chat'], { CREDSETUP_N8N_URL: n8n.url, CREDSETUP_N8N_API_KEY: key }]] as const) {
      const done = await other.run(args, { env, secrets: secrets() });
      expect(done.exitCode, done.stderr).toBe(0);
    }
    expect((await works(['push', 'work', 'chat', '--replace'])).json()['results']).toMatchObject([{ status: 'replaced' }]);
    expect([n8n.state.credentials.length, n8n.credential('chat').id === chosen]).toEqual([1, false]);
  });

  it('that does not activate the workflow of a run has proved nothing, and it is said', async () => {
    await storeMattermost(home, mattermost);
    n8n.intercept = (request, answer) => (request.path.endsWith('/activate') && !request.path.includes('/none/') ? { status: 400, headers: { 'content-type': 'application/json' }, body: { message: 'Workflow has issues' } } : answer());
    const done = await works(['push', 'work', 'chat', '--run']);
    expect(done.json()['results']).toMatchObject([{ status: 'created', inN8n: [{ status: 'not-known', message: expect.stringContaining('did not activate') as string }] }]);
    expect(n8n.state.workflows).toEqual([]);
  });

  it('of two that is away keeps the token from being rotated, and is named; the other one still answers a test', async () => {
    await makeToken();
    const second = await another();
    await storeN8n(second, 'office');
    // The copy has one id of ours in both.
    for (const target of ['work', 'office']) await works(['push', target, 'chat']);
    expect((await works(['show', 'chat'])).json()).toMatchObject({ pushed: [{ url: n8n.url }, { url: second.url }] });
    await works(['rotate', 'chat', '--grace', '0']);
    expect([n8n, second].map((one) => one.credential('chat').data['accessToken'])).toEqual([alive()[0], alive()[0]]);
    const before = alive();
    await second.close();
    expect(errorOf(await run(['rotate', 'chat']))).toMatchObject({ exitCode: 3, url: second.url, message: expect.stringContaining(`The n8n at ${second.url}, which holds a copy of chat`) as string });
    expect([alive(), n8n.credential('chat').data['accessToken']]).toEqual([before, before[0]]);
    const { inN8n } = ((await run(['test', 'chat', '--in-n8n'])).json()['results'] as { inN8n: { url: string; status: string }[] }[])[0]!;
    expect(inN8n).toMatchObject([{ url: n8n.url, status: 'ok' }, { url: second.url, status: 'not-known' }]);
  });

  it('below a folder has its copies, pages and callback there', async () => {
    const below = await another({ prefix: '/automation' });
    await storeN8n(below, 'below');
    await storeMattermost(home, mattermost);
    const done = await works(['push', 'below', 'chat', '--run']);
    expect(done.stderr).toContain(`In n8n: ${below.url}/home/credentials/${below.credential('chat').id}`);
    expect([below.url.endsWith('/automation'), done.json()['results']]).toMatchObject([true, [{ inN8n: [{ status: 'ok', proof: 'run' }] }]]);
  });

  it('behind an authority of its own, given by variables, is reached by whatever takes --ca-file, and by nothing else', async () => {
    const { good, caFile } = makeCertificates(folder());
    const secure = await another({ tls: good });
    secure.state.keys.set(key, allScopes);
    await makeToken();
    const given = { CREDSETUP_N8N_URL: secure.url, CREDSETUP_N8N_API_KEY: key };
    await works(['remove', 'work', '--yes']);
    await works(['push', 'n8n', 'chat', '--ca-file', caFile], given);
    const before = alive();
    expect(errorOf(await run(['rotate', 'chat'], given))).toMatchObject({ exitCode: 4, url: secure.url });
    expect(alive()).toEqual(before);
    expect((await run(['test', 'chat', '--in-n8n', '--ca-file', caFile], given)).json()['results']).toMatchObject([{ inN8n: [{ status: 'ok' }] }]);
    await works(['rotate', 'chat', '--grace', '0', '--ca-file', caFile], given);
    expect(alive()).toEqual([secure.credential('chat').data['accessToken']]);
    await works(['remove', 'chat', '--in-n8n', '--yes', '--ca-file', caFile], given);
    expect(secure.state.credentials).toEqual([]);
  });
});
