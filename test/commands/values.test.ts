/** Values as people give them, from every source: taken as what they mean, or refused before anything is sent. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mattermostMfaCode, mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { n8nApiKey, startN8n } from '../../src/practice/n8n.ts';
import { callbackUrlFor } from '../../src/wizard/oauth2/n8n-callback.ts';
import { atTheEnd, errorOf, folder, mattermostServer, mauticServer, script } from './support.ts';
import { unusedPort } from '../ports.ts';

let chat: PracticeMattermost;
let token: string;
beforeAll(async () => {
  chat = await mattermostServer({ tokensEnabled: true });
  ({ token } = chat.makeToken('maker'));
});

const validate = (args: readonly string[], env: Readonly<Record<string, string>> = {}, stdin?: string): ReturnType<ReturnType<typeof script>['run']> =>
  script().run(['mattermost', '--store', 'none', ...args, '--json'], { env, secrets: [token], ...(stdin === undefined ? {} : { stdin }) });

function file(bytes: string | Buffer): string {
  const path = join(folder(), 'value');
  writeFileSync(path, bytes);
  return path;
}

describe('a token', () => {
  it.each<[string, (value: string) => readonly [readonly string[], Readonly<Record<string, string>>, string?]]>([
    ['a variable in quotes', (value) => [[], { CREDSETUP_TOKEN: `"${value}"` }]],
    ['a file in quotes', (value) => [['--token-file', file(`'${value}'\n`)], {}]],
    ['a file that PowerShell wrote', (value) => [['--token-file', file(Buffer.from(`\ufeff${value}\r\n`, 'utf16le'))], {}]],
    ['a line of a .env file', (value) => [['--token-file', file(`MATTERMOST_TOKEN="${value}"\n`)], {}]],
    ['standard input with its header', (value) => [['--token-stdin'], {}, `Authorization: Bearer ${value}\n`]],
    ['standard input in UTF-16', (value) => [['--token-stdin'], {}, `\ufeff${value}\r\n`]],
  ])('from %s is the token', async (_, give) => {
    const [args, env, stdin] = give(token);
    const done = await validate(['--url', chat.url, ...args], env, stdin);
    expect(done.exitCode, done.stderr).toBe(0);
  });

  it.each([['25 characters', (value: string) => value.slice(1)], ['27 characters', (value: string) => `${value}x`], ['other characters', (value: string) => value.toUpperCase().replace(/^./, 'A')]])('that has %s is never sent', async (words, change) => {
    chat.log.length = 0;
    const error = errorOf(await validate(['--url', chat.url], { CREDSETUP_TOKEN: change(token) }));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', exitCode: 2, message: expect.stringContaining(words) });
    expect(error['causes']).toBeUndefined();
    expect(chat.log.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it('that is no UTF-8 is refused with the reason', async () => {
    const error = errorOf(await validate(['--url', chat.url, '--token-file', file(Buffer.from(`${token}\xe9`, 'latin1'))]));
    expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('not written in UTF-8') });
  });
});

describe('an address', () => {
  it.each(['"URL"', '\'URL\'', 'https://URL', 'http://URL', '<URL>', '[chat](URL/practice)', 'MATTERMOST_URL=URL', 'URL/,', '“URL”', 'URL?utm_source=mail', '\ufeffURL'])('that is given as %s is the address', async (written) => {
    const done = await validate(['--url', written.replace(/URL(?!=)/, chat.url)], { CREDSETUP_TOKEN: token });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.json()).toMatchObject({ url: chat.url });
  });

  it.each(['http//HOST', 'http:/HOST', 'http:://HOST', 'http;//HOST'])('whose scheme is mistyped (%s) is the address', async (written) => {
    const done = await validate(['--url', written.replace('HOST', new URL(chat.url).host)], { CREDSETUP_TOKEN: token });
    expect(done.exitCode, done.stderr).toBe(0);
  });

  it('with two schemes that differ is never asked in clear on another machine', async () => {
    for (const written of ['https://http://chat.example.invalid', 'http://https://chat.example.invalid']) {
      expect(errorOf(await validate(['--url', written], { CREDSETUP_TOKEN: token }))).toMatchObject({ code: 'HOST_NOT_FOUND', message: expect.stringContaining('chat.example.invalid') });
    }
  });
});

describe('a sign-in', () => {
  const signIn = async (username: string, args: readonly string[] = []): Promise<ReturnType<typeof validate>> => {
    const one = script();
    return one.run(['mattermost', '--url', chat.url, '--create-token', '--username', username, '--name', 'chat', ...args, '--json'], { env: { CREDSETUP_PASSWORD: mattermostPassword } });
  };

  it.each(['@maker', '"maker"', 'mailto:maker@example.org', ' maker '])('by the username %s is the account\'s', async (username) => {
    const done = await signIn(username);
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.json()).toMatchObject({ account: { username: 'maker' } });
  });

  it('takes a code in groups, and sends none that is no code', async () => {
    chat.allowTokens('mfa');
    chat.log.length = 0;
    for (const code of ['24681', '2468100', '24681x', '123 45']) {
      const error = errorOf(await signIn('mfa', ['--mfa-code', code]));
      expect(error).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('six digits') });
    }
    expect(chat.log.filter(({ path }) => path.endsWith('/login'))).toEqual([]);
    expect(chat.user('mfa').failedAttempts).toBe(0);
    const done = await signIn('mfa', ['--mfa-code', `${mattermostMfaCode.slice(0, 3)} ${mattermostMfaCode.slice(3)}`]);
    expect(done.exitCode, done.stderr).toBe(0);
  });

  it('by a password keeps its quotes, and tells that they are a part of it', async () => {
    chat.addUser({ username: 'quoted', password: '"quoted pass"', roles: 'system_user system_user_access_token' });
    const one = script();
    const done = await one.run(['mattermost', '--url', chat.url, '--create-token', '--username', 'quoted', '--name', 'chat'], { env: { CREDSETUP_PASSWORD: '"quoted pass"' } });
    expect(done.exitCode, done.stderr).toBe(0);
    expect(done.stderr).toContain('The Password stands in quotes or brackets, which are taken as a part of it.');
  });
});

describe('n8n\'s OAuth Callback URL', () => {
  /** What is to be registered beside our own Redirect URI, as it is shown. */
  const registered = async (given: string, prepare?: (one: ReturnType<typeof script>) => Promise<void>): Promise<string> => {
    const port = await unusedPort();
    const crm = await mauticServer();
    const client = crm.makeClient();
    const one = script();
    await prepare?.(one);
    const done = await one.run(['mautic', '--method', 'oauth2', '--url', crm.url, '--client-id', client.clientId, '--n8n-callback-url', given, '--login-timeout', '1', '--callback-port', String(port)], { env: { CREDSETUP_CLIENT_SECRET: client.clientSecret } });
    const line = /in one line:\n(.*)\n/.exec(done.stderr)?.[1] ?? done.stderr;
    expect(line).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${port}/callback,`));
    return line.replace(/^[^,]*,/, '');
  };

  it.each([
    ['https://n8n.example.com', 'https://n8n.example.com/rest/oauth2-credential/callback'],
    ['n8n.example.com/', 'https://n8n.example.com/rest/oauth2-credential/callback'],
    ['https://n8n.example.com/home/credentials?x=1', 'https://n8n.example.com/rest/oauth2-credential/callback'],
    ['https://example.com/n8n', 'https://example.com/n8n/rest/oauth2-credential/callback'],
    ['localhost:5678', 'http://localhost:5678/rest/oauth2-credential/callback'],
  ])('for %s is %s', (given, url) => {
    expect(callbackUrlFor(given)).toBe(url);
  });

  it.each([
    ['127.0.0.1:1', 'http://127.0.0.1:1/rest/oauth2-credential/callback'],
    ['https://n8n.example.com/rest/oauth2-credential/callback', 'https://n8n.example.com/rest/oauth2-credential/callback'],
    ['"https://n8n.example.com/api-rest/oauth2-credential/callback/"', 'https://n8n.example.com/api-rest/oauth2-credential/callback'],
  ])('for %s, which cannot be asked or is one, is %s, and is shown before it is registered', async (given, url) => {
    expect(await registered(given)).toBe(url);
  });

  it('for the address of an n8n is what that n8n calls itself', async () => {
    const n8n = await startN8n();
    atTheEnd(() => n8n.close());
    n8n.state.ownAddress = n8n.url.replace('127.0.0.1', 'localhost');
    expect(await registered(`${n8n.url}/home/workflows`)).toBe(`${n8n.state.ownAddress}/rest/oauth2-credential/callback`);
    n8n.intercept = () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: { data: { sso: { oidc: { loginUrl: 'javascript:alert(1)/sso/oidc/login' } } } } });
    expect(await registered(n8n.url)).toBe(`${n8n.url}/rest/oauth2-credential/callback`);
  });

  it('for the name of a stored n8n is that one\'s', async () => {
    const n8n = await startN8n();
    atTheEnd(() => n8n.close());
    const shown = await registered('mine', async (one) => {
      const done = await one.run(['n8n', '--url', n8n.url, '--name', 'mine'], { env: { CREDSETUP_N8N_API_KEY: n8nApiKey } });
      expect(done.exitCode, done.stderr).toBe(0);
    });
    expect(shown).toBe(`${n8n.url}/rest/oauth2-credential/callback`);
  });

  it.each(['', 'https://', 'https://a.example.com,https://b.example.com', 'https://me:geheim1234@n8n.example.com'])('that is none (%s) is refused before the client is', async (given) => {
    const crm = await mauticServer();
    const client = crm.makeClient();
    const error = errorOf(await script().run(['mautic', '--method', 'oauth2', '--url', crm.url, '--client-id', client.clientId, `--n8n-callback-url=${given}`, '--login-timeout', '1', '--json'], { env: { CREDSETUP_CLIENT_SECRET: client.clientSecret }, secrets: ['geheim1234'] }));
    expect([error.code, error.message]).toEqual(['INPUT_INVALID', expect.stringContaining('--n8n-callback-url')]);
  });
});

it.each([['nonsense', '--help'], ['--help', 'nonsense'], ['nonsense', '-h']])('help for a command that there is not is a mistake and no help: %s %s', async (...words) => {
  const done = await script().run(words);
  expect(done.exitCode).toBe(2);
  expect([done.stdout, done.stderr]).toEqual(['', expect.stringContaining('There is no command "nonsense".')]);
});
