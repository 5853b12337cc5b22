/** n8n's OAuth Callback URL at the client of what is pushed: added with a sign-in, or said where it goes. */
import { afterEach, describe, expect, it } from 'vitest';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import { allScopes, n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import type { Finished } from '../program.ts';
import { storeOAuth2, type Stored } from './oauth.ts';
import { atTheEnd, errorOf, mauticServer, script, type Script } from './support.ts';

const versions = ['7.0.0', '5.1.0'] as const;
const n8n: PracticeN8n = await startN8n();
atTheEnd(() => n8n.close());
const callback = `${n8n.url}/rest/oauth2-credential/callback`;

interface Case extends Stored {
  readonly server: PracticeMautic;
  readonly home: Script;
  registered(): readonly string[];
  push(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>;
}

/** A pasted client that knows our Redirect URI alone, with our sign-in, and an n8n that is stored as work. */
async function pasted(version: string): Promise<Case> {
  const [server, home] = [await mauticServer({ version, apiEnabled: true, basicEnabled: true }), script()];
  n8n.state.credentials.length = 0;
  n8n.state.keys.clear();
  n8n.state.keys.set(n8nApiKey, allScopes);
  const stored = await storeOAuth2(home, server);
  const work = await home.run(['n8n', '--url', n8n.url, '--name', 'work'], { env: { CREDSETUP_API_KEY: n8nApiKey }, secrets: [n8nApiKey] });
  expect(work.exitCode, work.stderr).toBe(0);
  return {
    ...stored, server, home,
    registered: () => server.state.clients.find(({ clientId }) => clientId === stored.client.clientId)?.redirectUris ?? [],
    push: (args = [], env = { CREDSETUP_PASSWORD: mauticPassword }) => home.run(['push', 'work', 'crm', ...args], { env, secrets: [n8nApiKey] }),
  };
}

/** Without the browser of who allowed the client before. */
const openSessions = ({ server }: Case): readonly unknown[] => [...server.state.browsers.values()].filter(
  ({ signedIn, user }) => signedIn !== undefined || (user !== undefined && user.username !== 'contacts'),
);

afterEach(() => {
  n8n.state.ownAddress = undefined;
  n8n.intercept = undefined;
});

describe.each(versions)('push with a sign-in at Mautic %s', (version) => {
  it('adds n8n\'s callback beside ours; secret and tokens still work, and the sign-in is ended', async () => {
    const one = await pasted(version);
    const [secret, before] = [one.client.clientSecret, one.registered()];
    const done = await one.push(['--username', 'admin']);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(one.registered()).toEqual([...before, callback]);
    expect(done.stderr).toContain(`is registered at the client now: ${callback}`);
    expect(done.stderr).not.toContain('If it is not there yet');
    expect(openSessions(one)).toEqual([]);
    expect([n8n.credential('crm').data['clientSecret'], one.server.state.clients[0]?.clientSecret]).toEqual([secret, secret]);
    for (const args of [['test', 'crm'], ['refresh', 'crm']]) expect((await one.home.run(args)).exitCode).toBe(0);

    const again = await one.push(['--replace', '--username', 'admin']);
    expect([again.exitCode, one.registered()]).toEqual([0, [...before, callback]]);
    expect(again.stderr).toContain('was registered at the client already');
  });

  it('says a wrong password, and what was pushed stands', async () => {
    const one = await pasted(version);
    const before = one.registered();
    const done = await one.push(['--username', 'admin', '--json'], { CREDSETUP_PASSWORD: 'not-the-password' });
    expect(done.exitCode).not.toBe(0);
    expect(done.json()['results']).toMatchObject([{ status: 'failed', error: { code: 'PASSWORD_REJECTED' }, inN8n: [{ url: n8n.url, status: 'not-connected' }] }]);
    expect([one.registered(), n8n.credential('crm').data['clientId'], openSessions(one)]).toEqual([before, one.client.clientId, []]);
    expect(done.stderr.split('\n')).toContain(callback);
  });
});

describe('push with a sign-in', () => {
  it('registers the address by which n8n calls itself', async () => {
    const one = await pasted('7.0.0');
    n8n.state.ownAddress = 'https://n8n.example.com';
    expect((await one.push(['--username', 'admin'])).exitCode).toBe(0);
    expect(one.registered()).toContain('https://n8n.example.com/rest/oauth2-credential/callback');
  });

  it('changes no client that has the number by now, and sends nothing for what has no client or for several', async () => {
    const one = await pasted('7.0.0');
    const [client] = one.server.state.clients;
    const other = one.server.makeClient({ owner: 'admin' });
    one.server.state.clients.splice(0, 2, { ...client!, ...other, number: client!.number });
    const done = await one.push(['--username', 'admin', '--json']);
    expect(done.json()['results']).toMatchObject([{ error: { code: 'PERMISSION_DENIED' } }]);
    expect(one.server.state.clients[0]?.redirectUris).not.toContain(callback);

    const basic = await one.home.run(['mautic', '--method', 'basic', '--url', one.server.url, '--username', 'contacts', '--name', 'plain'], { env: { CREDSETUP_PASSWORD: mauticPassword } });
    expect(basic.exitCode, basic.stderr).toBe(0);
    let requests = 0;
    n8n.intercept = (_request, answer) => {
      requests += 1;
      return answer();
    };
    for (const names of [['plain'], ['crm', 'plain']]) {
      expect(errorOf(await one.home.run(['push', 'work', ...names, '--username', 'admin', '--json'], { env: { CREDSETUP_PASSWORD: mauticPassword } }))).toMatchObject({ code: 'USAGE' });
    }
    expect(requests).toBe(0);
  });

  it('says what an account lacks that may not change the client, and what was pushed stands', async () => {
    const one = await pasted('7.0.0');
    const done = await one.push(['--username', 'contacts', '--json']);
    expect(done.json()['results']).toMatchObject([{ status: 'failed', error: { code: 'PERMISSION_DENIED', hint: expect.stringContaining('API Credentials') as string } }]);
    expect([one.registered().includes(callback), n8n.state.credentials.length]).toEqual([false, 1]);
  });

  it('writes nothing where the password is missing in a script', async () => {
    const one = await pasted('7.0.0');
    const done = await one.push(['--username', 'admin', '--json'], {});
    expect(done.json()['results']).toMatchObject([{ error: { code: 'INPUT_MISSING', missing: [{ option: '--password-file' }] } }]);
    expect(n8n.state.credentials).toEqual([]);
  });
});

describe('push without a sign-in', () => {
  it('says which URL goes where, alone on its line, and how to have it added', async () => {
    const one = await pasted('7.0.0');
    const before = one.registered();
    // Variables alone are not sent: they may be another server's.
    const done = await one.push([], { CREDSETUP_USERNAME: 'admin', CREDSETUP_PASSWORD: mauticPassword });
    expect([done.exitCode, one.registered()]).toEqual([0, before]);
    expect(done.stderr.split('\n')).toContain(callback);
    expect(done.stderr).toContain(`Open   ${one.server.url}/s/credentials/edit/${one.client.number}\n`);
    expect(done.stderr).toContain('credsetup push work crm --replace --username USERNAME --password-file FILE');
  });

  it('says nothing of it where it was registered when the client was made, or since', async () => {
    const one = await pasted('7.0.0');
    const env = { CREDSETUP_PASSWORD: mauticPassword };
    for (const [name, args] of [['knows', ['--n8n-callback-url', 'work']], ['knows-not', []]] as const) {
      const made = await one.home.run(['mautic', '--method', 'oauth2', '--url', one.server.url, '--create-client', '--username', 'admin', '--name', name, ...args], { env });
      expect(made.exitCode, made.stderr).toBe(0);
    }
    const push = async (name: string, args: readonly string[] = []): Promise<string> => (await one.home.run(['push', 'work', name, ...args], { env })).stderr;
    expect(await push('knows')).not.toContain(callback);
    expect(await push('knows-not')).toContain(callback);
    await push('knows-not', ['--replace', '--username', 'admin']);
    expect(await push('knows-not', ['--replace'])).not.toContain(callback);
    expect((await one.home.run(['show', 'knows-not', '--json'])).json()['redirectUris']).toEqual([expect.any(String), callback]);
  });

  it('says nothing of it where n8n is connected or has our sign-in', async () => {
    const one = await pasted('7.0.0');
    expect((await one.push()).exitCode).toBe(0);
    n8n.connect(n8n.credential('crm').id, one.server.makeTokens(one.client, 'contacts'));
    const connected = await one.push(['--replace']);
    const handedOver = await one.push(['--replace', '--hand-over']);
    expect([connected.exitCode, handedOver.exitCode]).toEqual([0, 0]);
    expect(connected.stderr + handedOver.stderr).not.toContain('oauth2-credential/callback');
  });
});
