/** `reconnect`: the same credential again, with nothing asked that still holds. */
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import { after } from '../http/harness.ts';
import { unusedPort } from '../ports.ts';
import { has } from '../tools.ts';
import { browse, Wizard } from '../e2e/oauth-support.ts';
import { printedAddress, signInAt, startRun, storeOAuth2 } from './oauth.ts';
import { errorOf, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from './support.ts';

async function shown(one: Script, name = 'crm'): Promise<Record<string, unknown>> {
  return (await one.run(['show', name, '--json'])).json();
}

const kept = ['id', 'name', 'createdAt', 'service', 'method', 'grant', 'url', 'fields', 'store', 'account'];
const same = (one: Record<string, unknown>): Record<string, unknown> => Object.fromEntries(kept.flatMap((key) => (key in one ? [[key, one[key]]] : [])));

function listenOn(port: number): Promise<() => Promise<void>> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve(() => new Promise((ended) => { server.close(() => ended()); })));
  });
}

/** An OAuth2 credential whose refresh token is gone. */
async function ended(options: { readonly username?: string } = {}): Promise<{ readonly one: Script; readonly server: PracticeMautic; readonly port: number }> {
  const [one, server] = [script(), await mauticServer()];
  const { port } = await storeOAuth2(one, server, options);
  server.state.refreshTokens.length = 0;
  server.state.accessTokens.length = 0;
  return { one, server, port };
}

describe.skipIf(!has('terminal'))('reconnect on a terminal', () => {
  it('OAuth2: only the sign-in is asked for; id, name, client and Redirect URI stay', async () => {
    const { one, server } = await ended();
    const before = await shown(one);
    const wizard = new Wizard(['reconnect', 'crm'], { home: one.home });
    expect((await browse(await wizard.opened())).callback?.ok).toBe(true);
    await wizard.choose('Signed in as contacts', 'Yes');
    await wizard.sees('crm works again.');
    expect(await wizard.ends()).toBe(0);
    expect(wizard.session.screen()).not.toMatch(/\? (Mautic address|Client|Save as|Will n8n)|Create a client/);
    expect(same(await shown(one))).toEqual(same(before));
    expect((await one.run(['get', 'crm'], { reveals: true })).stdout).toBe(`${server.state.accessTokens.at(-1)!.token}\n`);
  });

  it('OAuth2: another account is refused, and nothing is changed', async () => {
    const { one } = await ended();
    const before = await shown(one);
    const wizard = new Wizard(['reconnect', 'crm'], { home: one.home });
    await browse(await wizard.opened(), { username: 'apionly' });
    await wizard.choose('Signed in as apionly', 'Yes');
    await wizard.sees('The name crm holds another credential');
    wizard.session.press('ctrl-c');
    await wizard.ends();
    expect(await shown(one)).toEqual(before);
  });

  it('basic: only the password is asked for', async () => {
    const [one, server] = [script(), await mauticServer()];
    await storeMautic(one, server);
    const before = await shown(one);
    server.user('contacts').password = 'Another-9012';
    const wizard = new Wizard(['reconnect', 'crm'], { home: one.home });
    await wizard.answer('Password', mauticPassword);
    await wizard.sees('(PASSWORD_REJECTED)');
    await wizard.answer('Password', 'Another-9012');
    await wizard.sees('crm works again.');
    expect(await wizard.ends()).toBe(0);
    expect(wizard.session.screen()).not.toMatch(/\? (Mautic address|Username|How should|Save as)/);
    expect(same(await shown(one))).toEqual(same(before));
    expect((await one.run(['get', 'crm'], { reveals: true })).stdout).toBe('Another-9012\n');
  });

  it('Mattermost: only the token is asked for', async () => {
    const [one, chat] = [script(), await mattermostServer()];
    await storeMattermost(one, chat);
    const before = await shown(one, 'chat');
    const { token } = chat.makeToken('maker');
    const wizard = new Wizard(['reconnect', 'chat'], { home: one.home });
    await wizard.sees(/\? Access Token|Enter: I have it, go on/);
    if (wizard.session.screen().includes('go on')) wizard.session.press('enter');
    await wizard.answer('Access Token', token);
    await wizard.sees('chat works again.');
    expect(await wizard.ends()).toBe(0);
    expect(wizard.session.screen()).not.toMatch(/\? (Mattermost address|Save as)/);
    expect(same(await shown(one, 'chat'))).toEqual(same(before));
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
  });
});

describe('reconnect in a script', () => {
  it('OAuth2: waits for the person at the stored Redirect URI', async () => {
    const { one, server, port } = await ended();
    const before = await shown(one);
    const running = startRun(one, ['reconnect', 'crm', '--login-timeout', '30', '--json']);
    const address = await running.said(printedAddress);
    expect(new URL(address).searchParams.get('redirect_uri')).toBe(`http://127.0.0.1:${port}/callback`);
    await signInAt(address);
    expect(await running.exitCode, running.stderr()).toBe(0);
    expect(same(JSON.parse(running.stdout()) as Record<string, unknown>)).toEqual(same(before));
    expect((await one.run(['test', 'crm', '--json'])).exitCode).toBe(0);
    expect(server.state.clients).toHaveLength(1);
  });

  it('OAuth2: says what to add in Mautic when the stored Redirect URI\'s port is taken, and --callback-port takes another', async () => {
    const { one, server, port } = await ended();
    after(await listenOn(port));
    const taken = await one.run(['reconnect', 'crm', '--login-timeout', '5', '--json']);
    expect(errorOf(taken)).toMatchObject({ code: 'PORT_IN_USE', exitCode: 14, hint: expect.stringMatching(/--callback-port .*http:\/\/127\.0\.0\.1:\d+\/callback/) });
    expect(errorOf(taken).hint).toContain(`${server.url}/s/credentials: add the new URI`);
    const other = await unusedPort();
    server.state.clients[0]!.redirectUris = [`http://127.0.0.1:${other}/callback`];
    const running = startRun(one, ['reconnect', 'crm', '--login-timeout', '30', '--callback-port', String(other), '--json']);
    await signInAt(await running.said(printedAddress));
    expect(await running.exitCode, running.stderr()).toBe(0);
    expect(await shown(one)).toMatchObject({ fields: { redirectUri: `http://127.0.0.1:${other}/callback` } });
  });

  it('OAuth2: without --login-timeout it names what is missing', async () => {
    const { one } = await ended();
    expect(errorOf(await one.run(['reconnect', 'crm', '--json']))).toMatchObject({ code: 'INPUT_MISSING', missing: [{ field: 'sign-in', option: '--login-timeout' }] });
  });

  it('OAuth2: another account is NAME_TAKEN, and what was stored stays', async () => {
    const { one } = await ended();
    const before = await shown(one);
    const running = startRun(one, ['reconnect', 'crm', '--login-timeout', '30', '--json']);
    await signInAt(await running.said(printedAddress), 'apionly');
    expect(await running.exitCode).toBe(11);
    expect(JSON.parse(running.stdout())).toMatchObject({ error: { code: 'NAME_TAKEN', name: 'crm' } });
    expect(await shown(one)).toEqual(before);
  });

  it.each(['file', 'stdin', 'variable'])('basic: the password comes from a %s', async (source) => {
    const [one, server] = [script(), await mauticServer()];
    await storeMautic(one, server);
    const before = await shown(one);
    server.user('contacts').password = 'Another-9012';
    const missing = await one.run(['reconnect', 'crm', '--json']);
    expect(errorOf(missing)).toMatchObject({ code: 'INPUT_MISSING', missing: [{ field: 'password', option: '--password-file', variable: 'CREDSETUP_MAUTIC_PASSWORD' }] });
    const file = join(folder(), 'password');
    writeFileSync(file, 'Another-9012\n');
    const done = await one.run(['reconnect', 'crm', '--json', ...(source === 'file' ? ['--password-file', file] : source === 'stdin' ? ['--password-stdin'] : [])], {
      secrets: ['Another-9012'], stdin: 'Another-9012\n', ...(source === 'variable' ? { env: { CREDSETUP_MAUTIC_PASSWORD: 'Another-9012' } } : {}),
    });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(same(done.json())).toEqual(same(before));
  });

  it('Mattermost: a token of another account is refused', async () => {
    const [one, chat] = [script(), await mattermostServer()];
    const token = await storeMattermost(one, chat);
    const done = await one.run(['reconnect', 'chat', '--token-stdin', '--json'], { stdin: chat.makeToken('joe').token });
    expect(errorOf(done)).toMatchObject({ code: 'NAME_TAKEN' });
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
  });

  it('the client of a CI job gets a new secret', async () => {
    const [one, server] = [script(), await mauticServer()];
    const first = server.makeClient({ owner: 'admin' });
    expect((await one.run(['mautic', '--method', 'oauth2', '--grant', 'client-credentials', '--url', server.url, '--client-id', first.clientId, '--name', 'crm'], { env: { CREDSETUP_CLIENT_SECRET: first.clientSecret } })).exitCode).toBe(0);
    const before = await shown(one);
    const done = await one.run(['reconnect', 'crm', '--json'], { env: { CREDSETUP_CLIENT_SECRET: first.clientSecret } });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(same(done.json())).toEqual(same(before));
  });
});
