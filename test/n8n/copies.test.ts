/** Copies in the real n8n: proved by a run, kept connected, and rotated without one failed execution. `npm run test:n8n`. */
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { allScopes } from '../../src/practice/n8n.ts';
import type { PracticeMautic } from '../../src/practice/mautic.ts';
import { runWithSignIn } from '../commands/oauth.ts';
import { unusedPort } from '../ports.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import { atTheEnd, folder, mattermostServer, mauticServer, script, storeMautic, type Script } from '../commands/support.ts';
import { makeApiKey, realN8n, type RealN8n } from './installed.ts';

let n8n: RealN8n;
let base: string;
let key: string;
let home: Script;
let mattermost: PracticeMattermost;
let mautic: PracticeMautic;

beforeAll(async () => {
  n8n = await realN8n(folder());
  atTheEnd(() => n8n.stop());
  base = await n8n.start();
  key = await makeApiKey(base, allScopes);
  mattermost = await mattermostServer({ tokensEnabled: true });
  mautic = await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true });
  home = script();
  const setUp = await home.run(['n8n', '--url', base, '--name', 'work', '--require', 'create,read,update,delete,list,run', '--json'], { env: { CREDSETUP_API_KEY: key }, secrets: [key] });
  expect(setUp.exitCode, setUp.stdout).toBe(0);
}, 1_200_000);

const api = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const headers = { 'X-N8N-API-KEY': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  return await (await fetch(`${base}/api/v1${path}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) })).json() as Record<string, unknown>;
};
const push = async (args: readonly string[]) => (await home.run(['push', 'work', ...args, '--json'], { secrets: [key] })).json()['results'];

/** A person signs in at the address that the program prints. */
async function signIn(one: Script, args: readonly string[], clientSecret: string): Promise<void> {
  const { exitCode, stderr } = await runWithSignIn(one, args, { CREDSETUP_CLIENT_SECRET: clientSecret });
  expect(exitCode, stderr).toBe(0);
}

describe('the real n8n', () => {
  it('proves a pushed credential by its own test and by a run, and finds the account without the right', async () => {
    await storeMautic(home, mautic);
    await storeMautic(home, mautic, 'narrow', 'apionly');
    expect(await push(['crm', '--run'])).toMatchObject([{ status: 'created', inN8n: [{ status: 'ok', proof: 'run' }] }]);
    expect(await push(['narrow'])).toMatchObject([{ status: 'created', inN8n: [{ status: 'ok', proof: 'test' }] }]);
    expect(await push(['narrow', '--replace', '--run'])).toMatchObject([{ status: 'failed', error: { code: 'N8N_TEST_FAILED', causes: [{ code: 'N8N_LACKS_PERMISSION' }] } }]);
    expect((await api('GET', '/executions?limit=5'))['data']).toEqual([]);
  }, 300_000);

  it('calls a dead sign-in OK, which a run finds, and has it repaired in the very same credential', async () => {
    const port = await unusedPort();
    const client = mautic.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' });
    const known = { url: mautic.url, clientId: client.clientId, clientSecret: client.clientSecret };
    const dead = { access_token: 'dead', refresh_token: 'dead', token_type: 'bearer' };
    const { id } = await api('POST', '/credentials', { name: 'of somebody', type: 'mauticOAuth2Api', data: { ...known, oauthTokenData: dead } });
    const of = async (args: readonly string[]) => {
      const done = await home.run(['check', 'work', '--json', ...args], { secrets: [key] });
      return { exitCode: done.exitCode, one: (done.json()['credentials'] as { id: string }[]).find((credential) => credential.id === id) };
    };
    expect((await of([])).one).toMatchObject({ status: 'connected', proof: 'test' });
    expect(await of(['--run'])).toMatchObject({ exitCode: 15, one: { status: 'failed', proof: 'run' } });
    await signIn(home, ['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', client.clientId, '--callback-port', String(port), '--name', 'by-oauth2'], client.clientSecret);
    expect(await push(['by-oauth2', '--into', String(id), '--hand-over'])).toMatchObject([{ status: 'replaced', inN8n: [{ id, status: 'ok', proof: 'run' }] }]);
    expect((await of(['--run'])).one).toMatchObject({ status: 'ok', ours: 'by-oauth2', name: 'of somebody' });
    // A change that brings no sign-in leaves the one that n8n has.
    expect(await push(['by-oauth2', '--replace', '--run'])).toMatchObject([{ status: 'replaced', inN8n: [{ status: 'ok', proof: 'run' }] }]);
  }, 300_000);

  it('has a token rotated under a workflow that runs every second, and no execution fails', async () => {
    const made = await home.run(['mattermost', '--url', mattermost.url, '--create-token', '--username', 'maker', '--name', 'chat'], { env: { CREDSETUP_PASSWORD: mattermostPassword } });
    expect(made.exitCode, made.stderr).toBe(0);
    expect(await push(['chat', '--run'])).toMatchObject([{ inN8n: [{ status: 'ok', proof: 'run' }] }]);
    const { pushed: [copy] } = (await home.run(['show', 'chat', '--json'])).json() as unknown as { pushed: [{ id: string; name: string }] };
    const { type, typeVersion, parameters, credentialType } = findMethod(findService('mattermost'), 'access-token').n8n.proof!;
    const trigger = { id: 'a', name: 'Each second', type: 'n8n-nodes-base.scheduleTrigger', typeVersion: 1.2, position: [0, 0], parameters: { rule: { interval: [{ field: 'seconds', secondsInterval: 1 }] } } };
    const node = { id: 'b', name: 'Users', position: [200, 0], type, typeVersion, parameters, credentials: { [credentialType]: { id: copy.id, name: copy.name } } };
    const settings = { executionOrder: 'v1', saveDataSuccessExecution: 'all', saveDataErrorExecution: 'all' };
    const { id } = await api('POST', '/workflows', { name: 'works all the time', settings, nodes: [trigger, node], connections: { 'Each second': { main: [[{ node: 'Users', type: 'main', index: 0 }]] } } });
    await api('POST', `/workflows/${String(id)}/activate`);
    const executions = async () => (await api('GET', `/executions?workflowId=${String(id)}&limit=100`))['data'] as { status: string }[];
    await expect.poll(async () => (await executions()).length, { timeout: 60_000, interval: 500 }).toBeGreaterThan(2);
    const before = mattermost.state.tokens.filter(({ active }) => active).map(({ token }) => token);
    const rotated = await home.run(['rotate', 'chat', '--json'], { secrets: [key, ...before] });
    expect(rotated.exitCode, rotated.stdout + rotated.stderr).toBe(0);
    const then = (await executions()).length;
    await expect.poll(async () => (await executions()).length, { timeout: 60_000, interval: 500 }).toBeGreaterThan(then + 2);
    await api('POST', `/workflows/${String(id)}/deactivate`);
    await pause(1000);
    expect((await executions()).filter(({ status }) => status !== 'success')).toEqual([]);
    const after = mattermost.state.tokens.filter(({ active }) => active).map(({ token }) => token);
    expect([after.length, before.includes(after[0]!)]).toEqual([1, false]);
  }, 300_000);
});
