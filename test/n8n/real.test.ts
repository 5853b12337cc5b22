/** Once against the real n8n: `npm run test:n8n`. Import, list, a workflow, push. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { atTheEnd, errorOf, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from '../commands/support.ts';
import { makeApiKey, realN8n, type RealN8n } from './installed.ts';

interface Stored { readonly id: string; readonly name: string; readonly type: string; readonly data: Readonly<Record<string, unknown>> }

let n8n: RealN8n;
let home: Script;
let mattermost: PracticeMattermost;
let wanted: readonly Stored[];
beforeAll(async () => {
  n8n = await realN8n(folder());
  atTheEnd(() => n8n.stop());
  mattermost = await mattermostServer({ tokensEnabled: true });
  const mautic = await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true });
  home = script();
  const token = await storeMattermost(home, mattermost);
  const password = await storeMautic(home, mautic);
  const { stdout } = await home.run(['export', '--all', '--format', 'n8n'], { reveals: true });
  wanted = JSON.parse(stdout) as Stored[];
  expect(wanted.map(({ data }) => data)).toEqual([
    { accessToken: token, baseUrl: mattermost.url, allowUnauthorizedCerts: false }, { url: mautic.url, username: 'contacts', password },
  ]);
}, 1_200_000);

/** What n8n keeps, decrypted, by its own command. */
async function kept(): Promise<readonly Stored[]> {
  const file = join(folder(), 'kept.json');
  await n8n.command(['export:credentials', '--all', '--decrypted', `--output=${file}`]);
  return (JSON.parse(readFileSync(file, 'utf8')) as Stored[]).map(({ id, name, type, data }) => ({ id, name, type, data })).sort((a, b) => a.name.localeCompare(b.name));
}

describe('the real n8n', () => {
  it('imports the export from a pipe, and keeps exactly what was written', async () => {
    expect(await n8n.command(['import:credentials', '--input=/dev/stdin'], JSON.stringify(wanted))).toContain('Successfully imported 2 credentials.');
    expect(await kept()).toEqual(wanted);
  }, 120_000);

  it('keeps one credential when the same export comes again', async () => {
    await n8n.command(['import:credentials', '--input=/dev/stdin'], JSON.stringify(wanted));
    expect(await kept()).toHaveLength(2);
  }, 120_000);

  it('uses the imported credential in a workflow with its Mattermost node', async () => {
    const chat = wanted[0]!;
    const node = (name: string, type: string, typeVersion: number, more: object) => ({
      id: name, name, type, typeVersion, position: [0, 0], parameters: {}, ...more,
    });
    const workflow = {
      id: 'credsetup-test', name: 'credsetup test', active: false, settings: {}, pinData: {},
      nodes: [
        node('Start', 'n8n-nodes-base.manualTrigger', 1, {}),
        node('Users', 'n8n-nodes-base.mattermost', 1, { parameters: { resource: 'user', operation: 'getAll', returnAll: true }, credentials: { mattermostApi: { id: chat.id, name: chat.name } } }),
      ],
      connections: { Start: { main: [[{ node: 'Users', type: 'main', index: 0 }]] } },
    };
    const file = join(folder(), 'workflow.json');
    writeFileSync(file, JSON.stringify([workflow]));
    expect(await n8n.command(['import:workflow', `--input=${file}`])).toContain('Successfully imported 1 workflow');
    mattermost.log.length = 0;
    // This operation of the node asks /api/v4//users; a real Mattermost's router (gorilla/mux) redirects to the clean path.
    mattermost.intercept = (request, answer) => request.target.startsWith('/api/v4//') ? { status: 301, headers: { location: request.target.replace('//', '/') } } : answer();
    expect(await n8n.command(['execute', '--id=credsetup-test'])).toContain('Execution was successful');
    const { method, path, authorization } = mattermost.log.at(-1)!;
    expect([method, path.split('?')[0], authorization]).toEqual(['GET', '/api/v4/users', `Bearer ${String(chat.data['accessToken'])}`]);
    mattermost.intercept = undefined;
  }, 180_000);

  it('takes a push, refuses the second and replaces on request', async () => {
    const base = await n8n.start();
    const key = await makeApiKey(base, ['credential:create', 'credential:read', 'credential:update']);
    const push = (args: readonly string[], apiKey = key) => home.run(['push', 'n8n', ...args, '--json'], { env: { CREDSETUP_N8N_URL: `${base}/home/workflows`, CREDSETUP_N8N_API_KEY: apiKey } });
    expect(errorOf(await push(['chat'], 'wrong')).code).toBe('API_KEY_REJECTED');
    expect((await push(['--all'])).json()['results']).toMatchObject([{ name: 'chat', status: 'created' }, { name: 'crm', status: 'created' }]);
    expect((await push(['chat'])).exitCode).toBe(11);
    expect((await push(['--all', '--replace'])).json()['results']).toMatchObject([{ status: 'replaced' }, { status: 'replaced' }]);
    const limited = await makeApiKey(base, ['credential:create']);
    expect((await push(['chat', '--replace'], limited)).exitCode).toBe(8);
    await n8n.stop();
    // Each once from the import and once from the push, under the id that n8n chose.
    expect((await kept()).map(({ name, type, data }) => ({ name, type, data }))).toEqual(
      wanted.flatMap(({ name, type, data }) => [{ name, type, data }, { name, type, data }]),
    );
  }, 300_000);
});
