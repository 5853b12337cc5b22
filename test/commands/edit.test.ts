/** `edit NAME`: what changes is validated with the stored secret before it is saved. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { startGateway } from '../../src/practice/gateways.ts';
import { atTheEnd, mattermostServer, script, type Script } from './support.ts';

let server: PracticeMattermost;
let token: string;

beforeAll(async () => {
  server = await mattermostServer();
  token = server.makeToken('maker').token;
});

async function stored(): Promise<Script> {
  const one = script();
  const { exitCode } = await one.run(['mattermost', '--url', server.url, '--name', 'chat'], { env: { CREDSETUP_TOKEN: token } });
  expect(exitCode).toBe(0);
  return one;
}

const localhost = () => server.url.replace('127.0.0.1', 'localhost');

describe('edit', () => {
  it('asks before the secret goes to another host, and in a script wants --yes', async () => {
    const { run } = await stored();
    const before = server.log.length;
    const refused = await run(['edit', 'chat', '--url', localhost(), '--json']);
    expect(refused.json().error).toMatchObject({ code: 'INPUT_MISSING', missing: [{ option: '--yes' }] });
    expect(server.log.slice(before).filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it('moves to another address and keeps id, name and secret', async () => {
    const { run } = await stored();
    const { id } = (await run(['show', 'chat', '--json'])).json();
    expect((await run(['edit', 'chat', '--url', localhost(), '--yes', '--json'])).json()).toMatchObject({ id, name: 'chat', url: localhost() });
    expect((await run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
    expect((await run(['test', 'chat'])).exitCode).toBe(0);
  });

  it('leaves everything as it was when the new address is no Mattermost', async () => {
    const site = await startGateway('website');
    atTheEnd(() => site.close());
    const { run } = await stored();
    expect((await run(['edit', 'chat', '--url', site.url, '--yes', '--json'])).json().error.code).toBe('NOT_MATTERMOST');
    expect((await run(['show', 'chat', '--json'])).json()).toMatchObject({ url: server.url });
    expect((await run(['test', 'chat'])).exitCode).toBe(0);
  });

  it('refuses an address where the secret is another account\'s', async () => {
    const other = await mattermostServer();
    const theirs = other.makeToken('kim');
    const { run } = await stored();
    // The same secret on both servers: what a copied database looks like.
    const copy = other.state.tokens.find(({ id }) => id === theirs.id);
    if (copy !== undefined) copy.token = token;
    const finished = await run(['edit', 'chat', '--url', other.url, '--yes', '--json']);
    expect(finished.json().error).toMatchObject({ code: 'INPUT_INVALID' });
    expect((await run(['show', 'chat', '--json'])).json()).toMatchObject({ url: server.url });
  });

  it('keeps the switch for unchecked certificates and takes it back', async () => {
    const { run } = await stored();
    expect((await run(['edit', 'chat', '--ignore-ssl-issues', '--json'])).json()).toMatchObject({ ignoreSslIssues: true });
    expect((await run(['edit', 'chat', '--check-ssl', '--json'])).json()).toMatchObject({ ignoreSslIssues: false });
  });

  it.each([['--ignore-ssl-issues', '--check-ssl'], ['--allow-http', '--https-only']])('refuses %s and %s together', async (on, off) => {
    const { run } = await stored();
    expect((await run(['edit', 'chat', on, off, '--json'])).json().error).toMatchObject({ code: 'USAGE' });
  });

  it('names what can be changed when nothing was given', async () => {
    const { run } = await stored();
    const { exitCode, stderr } = await run(['edit', 'chat']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--url');
  });
});
