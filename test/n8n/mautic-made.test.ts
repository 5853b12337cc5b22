/** What one command makes at Mautic, in the real n8n: pushed, proved by a run, rotated under it, ended. `npm run test:n8n`. */
import { beforeAll, describe, expect, it } from 'vitest';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes } from '../../src/practice/n8n.ts';
import { n8nPermissions } from '../../src/services/mautic/pages/accounts.ts';
import type { Finished } from '../program.ts';
import { atTheEnd, folder, journalOf, mauticServer, script, type Script } from '../commands/support.ts';
import { makeApiKey, realN8n } from './installed.ts';

let base: string;
let key: string;

beforeAll(async () => {
  const n8n = await realN8n(folder());
  atTheEnd(() => n8n.stop());
  base = await n8n.start();
  key = await makeApiKey(base, allScopes);
}, 1_200_000);

interface Case {
  readonly mautic: PracticeMautic;
  readonly home: Script;
  readonly run: (...args: readonly string[]) => Promise<Finished>;
}

/** A Mautic with the API off, and a home that knows the n8n as work. */
async function begin(version: string): Promise<Case> {
  const [mautic, home] = [await mauticServer({ version, apiEnabled: false, basicEnabled: false }), script()];
  const given = { env: { CREDSETUP_PASSWORD: mauticPassword }, secrets: [mauticPassword, key] };
  const run = (...args: readonly string[]): Promise<Finished> => home.run(args, given);
  const stored = await home.run(['n8n', '--url', base, '--name', 'work'], { env: { CREDSETUP_API_KEY: key }, secrets: [key] });
  expect(stored.exitCode, stored.stderr).toBe(0);
  return { mautic, home, run };
}

const sessions = ({ mautic }: Case): readonly unknown[] => [...mautic.state.browsers.values()].filter(
  ({ signedIn, user }) => signedIn !== undefined || user !== undefined,
);

/** The n8n reads with it; what the command before said is in the failure. */
async function expectRuns(one: Case, before: Finished): Promise<void> {
  expect(before.exitCode, before.stdout + before.stderr).toBe(0);
  const done = await one.run('test', 'crm', '--in-n8n', '--run', '--json');
  expect(done.json()['results'], done.stdout).toMatchObject([{ inN8n: [{ status: 'ok', proof: 'run' }] }]);
}

describe.each(['7.0.0', '5.1.0'])('what one command makes at Mautic %s', (version) => {
  it.each([
    ['a client', ['--method', 'oauth2', '--create-client'], ['--hand-over']],
    ['an account with its own client', ['--method', 'oauth2', '--create-user', 'n8n'], ['--hand-over']],
    ['an account', ['--method', 'basic', '--create-user', 'n8n'], []],
  ] as const)('%s: works in the real n8n, is rotated there, and ends', async (_what, args, handOver) => {
    const one = await begin(version);
    const { mautic, home, run } = one;
    const callback = args[1] === 'oauth2' ? ['--n8n-callback-url', 'work'] : [];
    const made = await run('mautic', '--url', mautic.url, '--username', 'admin', '--repair', '--name', 'crm', ...args, ...callback);
    expect(made.exitCode, made.stderr).toBe(0);
    await expectRuns(one, await run('push', 'work', 'crm', '--run', ...handOver));
    const before = [...mautic.state.clients.map(({ clientId }) => clientId), ...mautic.state.users.map(({ password }) => password)];
    await expectRuns(one, await run('rotate', 'crm', '--username', 'admin', '--grace', '0', ...handOver));
    const now = [...mautic.state.clients.map(({ clientId }) => clientId), ...mautic.state.users.map(({ password }) => password)];
    expect(now).not.toEqual(before);
    expect(mautic.state.clients).toHaveLength(args[1] === 'oauth2' ? 1 : 0);
    if (args[2] === '--create-user') expect(mautic.user('n8n').role.rawPermissions).toEqual(n8nPermissions);
    const removed = await run('remove', 'crm', '--revoke', '--in-n8n', '--yes', '--username', 'admin');
    expect([removed.exitCode, mautic.state.clients, mautic.state.users.length, mautic.state.roles.length], removed.stderr).toEqual([0, [], 4, 4]);
    expect([sessions(one), journalOf(home)]).toEqual([[], []]);
  }, 300_000);
});
