/** A secret whose record is gone is bound to nothing: whoever edits the index sends nothing anywhere. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mattermostPassword } from '../../src/practice/mattermost.ts';
import { Wizard } from '../e2e/oauth-support.ts';
import { has } from '../tools.ts';
import { errorOf, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from './support.ts';

interface Entry { key: string; credential: Record<string, unknown> & { fields: Record<string, unknown> } }

function edit({ home }: Script, change: (entry: Entry) => void): void {
  const path = join(home, 'index.json');
  const index = JSON.parse(readFileSync(path, 'utf8')) as { entries: Entry[] };
  index.entries.forEach(change);
  writeFileSync(path, JSON.stringify(index));
}

/** Another address, and a key under which nothing lies. */
function lead(one: Script, to: string): void {
  edit(one, (entry) => { Object.assign(entry, { key: 'e'.repeat(32), credential: { ...entry.credential, url: to, ignoreSslIssues: true, allowHttp: true } }); });
}

describe('an entry whose record is gone', () => {
  it('of Mattermost gets a new token only with its address, which is told by who gives the token', async () => {
    const [one, chat, evil] = [script(), await mattermostServer(), await mattermostServer()];
    const token = await storeMattermost(one, chat);
    const before = (await one.run(['show', 'chat', '--json'])).json();
    lead(one, evil.url);
    chat.log.length = 0;
    const refused = await one.run(['reconnect', 'chat', '--token-stdin', '--json'], { stdin: token, secrets: [token] });
    expect(errorOf(refused)).toMatchObject({ code: 'INPUT_MISSING', missing: [{ field: 'url', option: '--url' }] });
    expect(refused.stderr).toContain(evil.url);
    expect([chat.log, evil.log]).toEqual([[], []]);
    const done = await one.run(['reconnect', 'chat', '--token-stdin', '--url', chat.url, '--json'], { stdin: token, secrets: [token] });
    expect(done.exitCode, done.stderr).toBe(0);
    // The TLS settings of the index are no more bound than its address.
    expect(done.json()).toMatchObject({ id: before['id'], name: 'chat', url: chat.url, ignoreSslIssues: false, allowHttp: false });
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
    expect(evil.log).toEqual([]);
  });

  it('of Mautic sends no password to where the index points', async () => {
    const [one, crm, evil] = [script(), await mauticServer(), await mauticServer()];
    const password = await storeMautic(one, crm);
    lead(one, evil.url);
    const refused = await one.run(['reconnect', 'crm', '--password-stdin', '--json'], { stdin: password, secrets: [password] });
    expect(errorOf(refused)).toMatchObject({ code: 'INPUT_MISSING', missing: [{ field: 'url', option: '--url' }] });
    const done = await one.run(['reconnect', 'crm', '--password-stdin', '--url', crm.url, '--json'], { stdin: password, secrets: [password] });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(evil.log).toEqual([]);
  });

  it('of an OAuth2 client sends no secret to where the index points', async () => {
    const [one, crm, evil] = [script(), await mauticServer(), await mauticServer()];
    const client = crm.makeClient({ owner: 'admin' });
    const env = { CREDSETUP_CLIENT_SECRET: client.clientSecret };
    expect((await one.run(['mautic', '--method', 'oauth2', '--grant', 'client-credentials', '--url', crm.url, '--client-id', client.clientId, '--name', 'crm'], { env })).exitCode).toBe(0);
    lead(one, evil.url);
    expect(errorOf(await one.run(['reconnect', 'crm', '--json'], { env }))).toMatchObject({ code: 'INPUT_MISSING', missing: [{ field: 'url', option: '--url' }] });
    const done = await one.run(['reconnect', 'crm', '--url', crm.url, '--json'], { env });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(evil.log).toEqual([]);
  });

  it.each([
    [['edit', 'chat', '--store', 'file']], [['rotate', 'chat']], [['test', 'chat']], [['get', 'chat']], [['export', 'chat']], [['exec', 'chat', '--', 'true']],
    [['remove', 'chat', '--revoke', '--yes']], [['export', 'chat', '--hand-over']], [['show', 'chat', '--reveal', '--yes']],
  ])('is not used by %j, and nobody is asked', async (args) => {
    const [one, chat, evil] = [script(), await mattermostServer(), await mattermostServer()];
    await storeMattermost(one, chat);
    lead(one, evil.url);
    chat.log.length = 0;
    const done = await one.run([args[0]!, '--json', ...args.slice(1)]);
    // exec's own errors are told apart from the command's.
    expect(done.exitCode).toBe(args[0] === 'exec' ? 125 : 10);
    expect(done.stdout).toContain('SECRET_MISSING');
    expect([chat.log, evil.log]).toEqual([[], []]);
  });

  it.skipIf(!has('terminal'))('is asked for its address on a terminal, and the one of the index is no default', async () => {
    const [one, chat, evil] = [script(), await mattermostServer(), await mattermostServer()];
    const token = await storeMattermost(one, chat);
    lead(one, evil.url);
    const wizard = new Wizard(['reconnect', 'chat'], { home: one.home });
    await wizard.sees('The index says');
    await wizard.answer('Mattermost address', chat.url);
    await wizard.sees('Enter: I have it');
    wizard.session.press('enter');
    await wizard.answer('Access Token', token);
    await wizard.sees('chat works again.');
    expect(await wizard.ends()).toBe(0);
    expect(evil.log).toEqual([]);
  });

  it('is found again by reconnect, too, where the index names another address than the record', async () => {
    const [one, chat, evil] = [script(), await mattermostServer(), await mattermostServer()];
    const token = await storeMattermost(one, chat);
    const path = join(one.home, 'index.json');
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(chat.url, evil.url));
    expect((await one.run(['test', 'chat', '--json'])).json()['results']).toMatchObject([{ error: { code: 'STORE_CORRUPT' } }]);
    expect(errorOf(await one.run(['reconnect', 'chat', '--token-stdin', '--json'], { stdin: token, secrets: [token] })).code).toBe('INPUT_MISSING');
    expect(evil.log).toEqual([]);
    const done = await one.run(['reconnect', 'chat', '--token-stdin', '--url', chat.url, '--json'], { stdin: token, secrets: [token] });
    expect([done.exitCode, done.json()['url']]).toEqual([0, chat.url]);
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
  });

  it('has no Token ID that a replacement would end', async () => {
    const [one, chat] = [script(), await mattermostServer({ tokensEnabled: true })];
    const password = mattermostPassword;
    const made = async (...more: string[]) => one.run(['mattermost', '--create-token', '--url', chat.url, '--name', 'chat', '--username', 'maker', '--json', ...more], { env: { CREDSETUP_PASSWORD: password } });
    expect((await made()).exitCode).toBe(0);
    const other = chat.makeToken('maker');
    edit(one, ({ credential: { fields } }) => { fields['tokenId'] = other.id; });
    const done = await made('--replace');
    expect(done.exitCode, done.stderr).toBe(0);
    expect(chat.state.tokens.map(({ id }) => id)).toContain(other.id);
  });
});

describe('a stored credential', () => {
  it('is set up again at its own address, whatever a variable says', async () => {
    const [one, chat, evil] = [script(), await mattermostServer(), await mattermostServer()];
    const token = await storeMattermost(one, chat);
    const done = await one.run(['reconnect', 'chat', '--token-stdin', '--json'], { stdin: token, secrets: [token], env: { CREDSETUP_MATTERMOST_URL: evil.url } });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(evil.log).toEqual([]);
  });

  it('is not moved by reconnect, which names edit', async () => {
    const [one, chat, evil] = [script(), await mattermostServer(), await mattermostServer()];
    const token = await storeMattermost(one, chat);
    for (const more of [['--url', evil.url], ['--ignore-ssl-issues'], ['--allow-http'], ['--ca-file', join(folder(), 'ca.pem')]]) {
      const done = await one.run(['reconnect', 'chat', '--token-stdin', '--json', ...more], { stdin: token, secrets: [token] });
      expect(errorOf(done)).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('credsetup edit chat') });
    }
    expect(evil.log).toEqual([]);
  });
});
