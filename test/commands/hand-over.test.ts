/** A refresh token lives in one place only: handed over once, refreshed there, taken back by a sign-in. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startMautic, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { unusedPort } from '../ports.ts';
import { credsetup, type Finished } from '../program.ts';
import { runWithSignIn } from './oauth.ts';
import { folder, identity } from './support.ts';

const port = await unusedPort();

let mautic: PracticeMautic;
let client: MauticClient;
let home: string;

beforeEach(async () => {
  mautic = await startMautic({ version: '7.0.0' });
  client = mautic.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' });
  home = folder();
  await signIn();
});
afterEach(() => mautic.close());

const env = () => ({ CREDSETUP_HOME: home, CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity, CREDSETUP_CLIENT_SECRET: client.clientSecret });
const run = (...args: string[]): Promise<Finished> => credsetup(args, { env: env() });

/** The program waits, and a person signs in at the address that it prints. */
async function signIn(command: readonly string[] = ['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', client.clientId, '--callback-port', String(port), '--name', 'crm']): Promise<number | null> {
  return (await runWithSignIn({ env: env() }, command)).exitCode;
}

/** n8n's own refresh, as measured: a form POST with the client in the body. */
async function refreshAsN8n(refreshToken: string): Promise<number> {
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: client.clientId, client_secret: client.clientSecret };
  const { status } = await fetch(`${mautic.url}/oauth/v2/token`, { method: 'POST', body: new URLSearchParams(form) });
  return status;
}

const refreshes = () => mautic.log.filter(({ path, body }) => path.endsWith('/oauth/v2/token') && body.includes('grant_type=refresh_token')).length;
const exported = (finished: Finished) => (JSON.parse(finished.stdout) as { data: { oauthTokenData?: { refresh_token: string } } }[])[0]?.data;

describe('without --hand-over', () => {
  it('no format lets a refresh token out', async () => {
    for (const format of ['json', 'n8n', 'dotenv', 'shell', 'kubernetes']) {
      const { exitCode, stdout } = await run('export', 'crm', '--format', format, '--yes');
      expect([format, exitCode]).toEqual([format, 0]);
      expect(stdout.toLowerCase()).not.toContain('refresh');
    }
  });
});

describe('with --hand-over', () => {
  it('gives n8n a refresh token that works there, and never uses it here again', async () => {
    const given = exported(await run('export', 'crm', '--format', 'n8n', '--hand-over'));
    const before = refreshes();
    expect((await run('test', 'crm', '--json')).json()['results']).toMatchObject([{ name: 'crm', status: 'skipped' }]);
    for (const command of [['get', 'crm'], ['refresh', 'crm'], ['export', 'crm'], ['export', 'crm', '--format', 'n8n', '--hand-over']]) {
      const finished = await credsetup([...command, '--json'].filter((word) => word !== '--json' || !command.includes('n8n')), { env: env() });
      expect([command, finished.exitCode]).toEqual([command, 11]);
      expect(finished.stdout + finished.stderr).toContain('HANDED_OVER');
    }
    expect(refreshes()).toBe(before);
    expect(await refreshAsN8n(given?.oauthTokenData?.refresh_token ?? '')).toBe(200);
  });

  it('says which address to take out of the client', async () => {
    const { stderr } = await run('export', 'crm', '--hand-over');
    expect(stderr).toContain(`http://127.0.0.1:${port}/callback`);
    expect(stderr).toContain('/s/credentials');
  });

  it('is taken back by a new sign-in, once it is done', async () => {
    await run('export', 'crm', '--hand-over');
    expect(await signIn(['reconnect', 'crm'])).toBe(0);
    const { exitCode, stdout } = await run('get', 'crm');
    expect(exitCode).toBe(0);
    expect(stdout.trim()).toMatch(/^\S{40,}$/);
  });

  it('stays pending when nothing could be written, and is taken back without a sign-in', async () => {
    const { exitCode } = await run('export', 'crm', '--hand-over', '--output', '/dev/full', '--overwrite');
    expect(exitCode).toBe(10);
    expect((await run('show', 'crm', '--json')).json()).toMatchObject({ handedOver: { state: 'pending' } });
    expect((await run('reconnect', 'crm')).exitCode).toBe(0);
    expect((await run('show', 'crm', '--json')).json()).not.toHaveProperty('handedOver');
    expect((await run('test', 'crm')).exitCode).toBe(0);
  });

  it('needs a sign-in when the one who got it has used it although it was pending', async () => {
    await run('export', 'crm', '--hand-over', '--output', join(home, 'given.json'), '--format', 'n8n');
    const given = JSON.parse(readFileSync(join(home, 'given.json'), 'utf8')) as { data: { oauthTokenData: { refresh_token: string } } }[];
    const index = join(home, 'index.json');
    writeFileSync(index, readFileSync(index, 'utf8').replace(/("state":\s*)"done"/, '$1"pending"'));
    expect(await refreshAsN8n(given[0]?.data.oauthTokenData.refresh_token ?? '')).toBe(200);
    const finished = await run('reconnect', 'crm', '--json');
    expect(finished.json().error).toMatchObject({ code: 'INPUT_MISSING', missing: [{ option: '--login-timeout' }] });
  });

  it('is refused for formats that have no place for it', async () => {
    expect((await run('export', 'crm', '--format', 'dotenv', '--hand-over', '--yes')).exitCode).toBe(2);
    expect((await run('export', 'crm')).exitCode).toBe(0);
  });

  it('goes through the API of n8n too', async () => {
    const n8n: PracticeN8n = await startN8n();
    try {
      const finished = await credsetup(['push', 'n8n', 'crm', '--hand-over', '--json'], { env: { ...env(), CREDSETUP_N8N_URL: n8n.url, CREDSETUP_N8N_API_KEY: n8nApiKey } });
      expect(finished.json()['results']).toMatchObject([{ status: 'created', credential: { handedOver: { state: 'done' } } }]);
      expect(JSON.stringify(n8n.state)).toContain('refresh_token');
    } finally {
      await n8n.close();
    }
  });
});
