/**
 * Eight processes of two homes work on one engine at once. CREDSETUP_TEST_CREW_SECONDS says for
 * how long; a minute is the long run.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startServer, type PracticeServer } from '../../src/practice/server.ts';
import { buildEntries, type Built } from '../stores/built.ts';
import { credentialNamed, temporaryFolder } from '../stores/support.ts';
import { machineAt, openBao } from './support.ts';

const seconds = Number(process.env['CREDSETUP_TEST_CREW_SECONDS'] ?? '5');
let built: Built;

beforeAll(async () => {
  built = await buildEntries('test/team/crew-program');
});
afterAll(() => built.remove());

interface Report {
  readonly notes: readonly string[];
  readonly mine?: string;
  readonly made: number;
  readonly rounds: number;
  readonly said: readonly string[];
}

/** Takes each token once, and gives the next one for it, as a service does with refresh tokens. */
async function startIssuer(): Promise<PracticeServer & { readonly current: () => string; readonly refused: string[] }> {
  let count = 0;
  const refused: string[] = [];
  const server = await startServer(({ path }) => {
    const given = path.split('/').at(-1) ?? '';
    if (given !== `t${count}`) {
      refused.push(given);
      return { status: 400, body: 'invalid_grant' };
    }
    count += 1;
    return { status: 200, body: `t${count}` };
  });
  return Object.assign(server, { current: () => `t${count}`, refused });
}

async function crewMember(number: number, home: string, address: string, token: string, issuer: string): Promise<Report> {
  const child = spawn(process.execPath, [built.path('crew-program'), home, address, token, issuer, String(number), String(seconds)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), child.exitCode === null ? once(child, 'exit') : undefined]);
  if (out === '') throw new Error(`crew member ${number}: ${err}`);
  return JSON.parse(out) as Report;
}

it('eight processes of two homes lose and double nothing', async () => {
  const [server, issuer, homes] = [await openBao(), await startIssuer(), [await temporaryFolder(), await temporaryFolder()]];
  const { vault } = machineAt(server);
  await vault.save(credentialNamed('shared', 't0', { store: 'vault' }), () => false);
  const reports = await Promise.all(Array.from({ length: 8 }, (_, number) => crewMember(number, homes[number % 2]!, server.url, server.rootToken, issuer.url)));
  await issuer.close();

  // Each token was spent once, and the last one is the one that is stored.
  expect(issuer.refused).toEqual([]);
  expect(issuer.current()).not.toBe('t0');
  expect((await vault.load('shared')).secrets['token']).toBe(issuer.current());
  // No note was lost or doubled.
  const { pushed = [] } = (await vault.load('shared')).credential;
  expect(pushed.map(({ id }) => id).sort()).toEqual(reports.flatMap(({ notes }) => notes).sort());
  // What each one left is there, once, under its last name, and nothing else is.
  const left = reports.flatMap(({ mine }) => mine ?? []);
  expect((await vault.list()).map(({ name }) => name)).toEqual([...left, 'shared'].sort());
  expect([...server.state.mounts[0]!.secrets.keys()].sort()).toEqual([...left, 'shared'].map((name) => `credsetup/${name}`).sort());
  // No spent token can be read any more.
  const versions = [...server.state.mounts[0]!.secrets.get('credsetup/shared')!.versions.values()].flatMap(({ data }) => (data === null ? [] : [data['token']]));
  expect(new Set(versions)).toEqual(new Set([issuer.current()]));
  expect(Math.min(...reports.map(({ rounds }) => rounds))).toBeGreaterThan(0);
  console.log(`crew: ${reports.reduce((sum, { rounds }) => sum + rounds, 0)} rounds, ${issuer.current().slice(1)} tokens, ${server.log.length} requests in ${seconds} s`);
  expect(reports.flatMap(({ said }) => said)).toEqual([]);
}, (seconds + 60) * 1000);
