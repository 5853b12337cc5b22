/** From the set-up to an n8n that works, on a real terminal: who signs in, which n8n, Connect, a run. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mauticServer, script, type Script } from '../commands/support.ts';
import { mattermostPassword, startMattermost } from '../../src/practice/mattermost.ts';
import { mauticPassword, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { has } from '../tools.ts';
import { atTheEnd, expectUnseen } from './support.ts';
import { Wizard } from './oauth-support.ts';

let n8n: PracticeN8n;
let mautic: PracticeMautic;
let home: Script;
let client: MauticClient;

beforeAll(async () => {
  n8n = await startN8n();
  atTheEnd(() => n8n.close());
  mautic = await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true });
});

beforeEach(() => {
  n8n.state.credentials.length = 0;
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, allScopes);
  n8n.state.unreachable.clear();
  n8n.state.ownAddress = undefined;
  home = script();
  client = mautic.makeClient({ redirectUris: [`${n8n.url}/rest/oauth2-credential/callback`], owner: 'contacts' });
});

const storeN8n = async (): Promise<void> => {
  const done = await home.run(['n8n', '--url', n8n.url, '--name', 'work'], { env: { CREDSETUP_API_KEY: n8nApiKey }, secrets: [n8nApiKey] });
  expect(done.exitCode, done.stderr).toBe(0);
};
const begin = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Wizard => new Wizard(args, { home: home.home, env });
const setUpOAuth2 = (): Wizard => begin(['mautic', '--url', mautic.url, '--method', 'oauth2', '--client-id', client.clientId, '--name', 'crm'], { CREDSETUP_CLIENT_SECRET: client.clientSecret });

describe.skipIf(!has('terminal'))('On a terminal, n8n', () => {
  it('alone signs in: its client is kept, put into the stored n8n, connected there and proved by a run', async () => {
    await storeN8n();
    n8n.state.ownAddress = 'https://n8n.example.com';
    const wizard = setUpOAuth2();
    await wizard.choose('Who needs the sign-in?', 'n8n alone');
    await wizard.choose('Which n8n?', 'work');
    await wizard.sees('That n8n calls itself https://n8n.example.com');
    await wizard.sees('\nhttps://n8n.example.com/rest/oauth2-credential/callback\n');
    await wizard.sees('Only n8n signs in with this client');
    await wizard.answer('Save as', '');
    await wizard.choose('Where do you need it?', 'In n8n: put it into work now');
    await wizard.choose('Is it registered at the client?', 'Yes');
    await wizard.sees('waiting for Connect in n8n');
    const { id } = n8n.credential('crm');
    await wizard.sees(`Open   ${n8n.url}/home/credentials/${id}`);
    n8n.connect(id, mautic.makeTokens(client, 'contacts'));
    wizard.session.press('enter');
    await wizard.sees('A workflow in n8n read from Mautic with it.');
    expect(await wizard.ends()).toBe(0);
    expect([n8n.state.workflows, wizard.session.screen().includes('waiting for the browser')]).toEqual([[], false]);
    expectUnseen(wizard.session, client.clientSecret);
    const { pushed: [copy] } = (await home.run(['show', 'crm', '--json'])).json() as unknown as { pushed: [{ test: object }] };
    expect(copy.test).toMatchObject({ status: 'ok', proof: 'run' });
  });

  it('gets its callback added to the client by who is asked for a password, before Connect is waited for', async () => {
    await storeN8n();
    const other = mautic.makeClient({ redirectUris: ['https://elsewhere.example.com/callback'], owner: 'contacts' });
    const done = await home.run(
      ['mautic', '--url', mautic.url, '--method', 'oauth2', '--client-id', other.clientId, '--sign-in', 'n8n', '--name', 'crm'], { env: { CREDSETUP_CLIENT_SECRET: other.clientSecret } },
    );
    expect(done.exitCode, done.stderr).toBe(0);
    const wizard = begin(['push', 'work', 'crm', '--username', 'admin']);
    await wizard.answer('Password', mauticPassword);
    await wizard.sees('is registered at the client now');
    await wizard.sees('waiting for Connect in n8n');
    wizard.session.type('s');
    expect(await wizard.ends()).toBe(0);
    expect(mautic.state.clients.find(({ clientId }) => clientId === other.clientId)?.redirectUris).toEqual(['https://elsewhere.example.com/callback', `${n8n.url}/rest/oauth2-credential/callback`]);
    expectUnseen(wizard.session, mauticPassword);
  });

  it('gets its callback added to the client by who is asked whether it is there, also behind a wrong password', async () => {
    await storeN8n();
    const other = mautic.makeClient({ redirectUris: ['https://elsewhere.example.com/callback'], owner: 'contacts' });
    const done = await home.run(
      ['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', other.clientId, '--sign-in', 'n8n', '--name', 'crm'], { env: { CREDSETUP_CLIENT_SECRET: other.clientSecret } },
    );
    expect(done.exitCode, done.stderr).toBe(0);
    const wizard = begin(['push', 'work', 'crm']);
    for (const password of ['wrong-password', mauticPassword]) {
      await wizard.choose('Is it registered at the client?', 'Add it for me');
      await wizard.answer('Username', 'admin');
      await wizard.answer('Password', password);
      await wizard.sees(password === mauticPassword ? 'is registered at the client now' : 'was not added to the client');
    }
    await wizard.press('waiting for Connect in n8n', 's');
    expect(await wizard.ends()).toBe(0);
    expect(mautic.state.clients.find(({ clientId }) => clientId === other.clientId)?.redirectUris).toContain(`${n8n.url}/rest/oauth2-credential/callback`);
    expectUnseen(wizard.session, mauticPassword);
    // It is known now.
    const again = begin(['push', 'work', 'crm', '--replace']);
    await again.press('waiting for Connect in n8n', 's');
    expect(await again.ends()).toBe(0);
    expect(again.session.screen()).not.toContain('Is it registered');
  });

  it('whose address and key are typed is kept where that is wanted, and Connect can be left for later', async () => {
    const wizard = setUpOAuth2();
    await wizard.choose('Who needs the sign-in?', 'n8n alone');
    await wizard.sees('? n8n\'s OAuth Callback URL');
    wizard.session.press('ctrl-u');
    await wizard.answer('n8n\'s OAuth Callback URL', `${n8n.url}/home/workflows`);
    await wizard.sees(`\n${n8n.url}/rest/oauth2-credential/callback\n`);
    await wizard.answer('Save as', '');
    await wizard.choose('Where do you need it?', 'In n8n: put it there now');
    await wizard.answer('n8n address', n8n.url);
    await wizard.answer('API key', n8nApiKey);
    await wizard.choose('Keep this n8n here, with its API key?', 'Yes');
    await wizard.sees('? Save as (n8n-127.0.0.1-');
    await wizard.answer('Save as', 'office');
    await wizard.choose('Is it registered at the client?', 'Yes');
    await wizard.press('waiting for Connect in n8n', 's');
    await wizard.sees('not connected yet (');
    expect(wizard.session.screen().match(/press Connect/g)).toHaveLength(1);
    expect(await wizard.ends()).toBe(0);
    expectUnseen(wizard.session, n8nApiKey);
    expect((await home.run(['show', 'office', '--json'])).json()).toMatchObject({ service: 'n8n', url: n8n.url, capabilities: { run: true } });
  });

  it('that cannot reach the service is given another address, and then runs it', async () => {
    await storeN8n();
    const set = await home.run(['mautic', '--method', 'basic', '--url', mautic.url, '--username', 'contacts', '--name', 'crm'], { env: { CREDSETUP_PASSWORD: mautic.user('contacts').password } });
    expect(set.exitCode, set.stderr).toBe(0);
    n8n.state.unreachable.add(mautic.url);
    n8n.state.hosts.set('http://mautic', mautic.url);
    const wizard = begin(['push', 'work', 'crm']);
    await wizard.sees('? The address by which n8n reaches it');
    wizard.session.press('ctrl-u');
    await wizard.answer('The address by which n8n reaches it', 'http://mautic');
    await wizard.choose('n8n signed in with it. Have n8n run it once', 'Yes');
    await wizard.sees('A workflow in n8n read from Mautic with it.');
    expect(await wizard.ends()).toBe(0);
    expect((await home.run(['show', 'crm', '--json'])).json()).toMatchObject({ pushed: [{ urlInN8n: 'http://mautic', test: { proof: 'run' } }] });
  });
});

describe.skipIf(!has('terminal'))('On a terminal, rotate', () => {
  it('asks for the key of an n8n that is not stored any more, before anything is made', async () => {
    const mattermost = await startMattermost({ tokensEnabled: true });
    atTheEnd(() => mattermost.close());
    await storeN8n();
    for (const [args, env] of [
      [['mattermost', '--url', mattermost.url, '--create-token', '--username', 'maker', '--name', 'chat'], { CREDSETUP_PASSWORD: mattermostPassword }],
      [['push', 'work', 'chat'], {}], [['remove', 'work', '--yes'], {}],
    ] as const) {
      const done = await home.run(args, { env, secrets: [n8nApiKey] });
      expect(done.exitCode, done.stderr).toBe(0);
    }
    const first = n8n.credential('chat').data['accessToken'];
    const wizard = begin(['rotate', 'chat', '--grace', '0']);
    await wizard.sees(`API key of the n8n at ${n8n.url}`);
    expect(mattermost.state.tokens.filter(({ active }) => active).map(({ token }) => token)).toEqual([first]);
    await wizard.answer('API key of the n8n', n8nApiKey);
    await wizard.sees('has the new one, and it works there');
    expect(await wizard.ends()).toBe(0);
    expect(mattermost.state.tokens.filter(({ active }) => active).map(({ token }) => token)).toEqual([n8n.credential('chat').data['accessToken']]);
    expectUnseen(wizard.session, n8nApiKey);
  });
});

describe.skipIf(!has('terminal'))('On a terminal, check', () => {
  const add = (id: string, type: string, data: Readonly<Record<string, unknown>>): unknown => n8n.state.credentials.push({ id, name: `of ${id}`, type, data, createdAt: '', updatedAt: '' });
  const dataOf = (id: string): Readonly<Record<string, unknown>> | undefined => n8n.state.credentials.find((one) => one.id === id)?.data;

  it('has a dead sign-in of somebody set up anew, in the very same credential', async () => {
    await storeN8n();
    const rest = { allowedHttpRequestDomains: 'domains', allowedDomains: 'crm.example.com' };
    add('dead', 'mauticOAuth2Api', { url: mautic.url, clientId: 'gone', clientSecret: 'gone', ...rest, oauthTokenData: { access_token: 'x', refresh_token: 'y' } });
    const wizard = begin(['check', 'work', '--run']);
    await wizard.choose('Set one up anew, in the same place in n8n?', 'of dead');
    await wizard.answer('Mautic address', mautic.url);
    await wizard.choose('Where does the client come from?', 'I do it');
    await wizard.choose('Who needs the sign-in?', 'n8n alone');
    await wizard.press('Enter: I have it, go on', 'enter');
    await wizard.answer('Client ID', client.clientId);
    await wizard.answer('Client Secret', client.clientSecret);
    await wizard.answer('Save as', '');
    await wizard.choose('Is it registered at the client?', 'Yes');
    await wizard.sees('waiting for Connect in n8n');
    expect([dataOf('dead')?.['clientId'], n8n.state.credentials.length]).toEqual([client.clientId, 1]);
    // The old sign-in is there still, which n8n's test calls connected: Enter before Connect finds that it is dead.
    wizard.session.press('enter');
    await wizard.sees('it is to be connected again');
    expect(dataOf('dead')).toMatchObject(rest);
    n8n.connect('dead', mautic.makeTokens(client, 'contacts'));
    wizard.session.press('enter');
    await wizard.sees('A workflow in n8n read from Mautic with it.');
    expect(await wizard.ends()).toBe(0);
    expect(n8n.state.credentials).toMatchObject([{ id: 'dead', name: 'of dead', data: rest }]);
  });

  it('writes what is stored here where it works here, and ends with 15 where one is left', async () => {
    await storeN8n();
    const set = await home.run(['mautic', '--method', 'basic', '--url', mautic.url, '--username', 'contacts', '--name', 'crm'], { env: { CREDSETUP_PASSWORD: mautic.user('contacts').password } });
    expect(set.exitCode, set.stderr).toBe(0);
    await home.run(['push', 'work', 'crm'], { secrets: [n8nApiKey] });
    const copy = n8n.credential('crm');
    copy.data = { ...copy.data, password: 'edited there' };
    add('other', 'mauticApi', { url: mautic.url, username: 'contacts', password: 'wrong' });
    const wizard = begin(['check', 'work']);
    await wizard.choose('Set one up anew, in the same place in n8n?', 'crm');
    await wizard.sees('crm works here, so n8n gets what is stored.');
    await wizard.choose('n8n signed in with it. Have n8n run it once', 'No');
    await wizard.sees('Set one up anew, in the same place in n8n?', 2);
    await wizard.choose('Set one up anew', 'None');
    expect(await wizard.ends()).toBe(15);
    expect([dataOf(copy.id)?.['password'], dataOf('other')?.['password']]).toEqual([mautic.user('contacts').password, 'wrong']);
  });
});
