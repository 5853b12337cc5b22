/** The program with a team's store: two machines, one engine; what each failure says; moves to and fro. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startMattermost } from '../../src/practice/mattermost.ts';
import { startOpenBao, type OpenBaoOptions, type PracticeOpenBao } from '../../src/practice/openbao.ts';
import { makeCertificates } from '../certificates.ts';
import { storeOAuth2 } from '../commands/oauth.ts';
import { atTheEnd, errorOf, folder, identity, mattermostServer, mauticServer, script, storeMattermost, type Script } from '../commands/support.ts';
import { has } from '../tools.ts';

async function openBao(options: OpenBaoOptions = {}): Promise<PracticeOpenBao> {
  const server = await startOpenBao(options);
  atTheEnd(() => server.close());
  return server;
}

/** A machine with an empty home that is told of the team's store. */
function machine(server: PracticeOpenBao, more: Readonly<Record<string, string>> = {}): Script {
  const base = script();
  const env = { ...base.env, HOME: base.home, CREDSETUP_STORE: 'vault', BAO_ADDR: server.url, BAO_TOKEN: server.rootToken, ...more };
  return { home: base.home, env, run: (args, options = {}) => base.run(args, { ...options, env: { ...env, ...options.env } }) };
}

describe('a value that was changed by hand in the engine', () => {
  it('is set up anew by reconnect, whose address is asked about again', async () => {
    const [server, chat] = [await openBao(), await mattermostServer()];
    const one = machine(server);
    await storeMattermost(one, chat);
    const peeked = server.peek('credsetup/chat')!;
    Object.assign(peeked.data, { token: 'typed by somebody' });
    const { token } = chat.makeToken('maker');
    const results = (await one.run(['test', 'chat', '--json'])).json()['results'];
    expect(results).toMatchObject([{ error: { code: 'SECRET_ALTERED', hint: expect.stringContaining('credsetup reconnect chat') as string } }]);
    chat.log.length = 0;
    expect(errorOf(await one.run(['reconnect', 'chat', '--json'], { env: { CREDSETUP_TOKEN: token } })).code).toBe('INPUT_MISSING');
    expect(chat.log).toEqual([]);
    const done = await one.run(['reconnect', 'chat', '--url', chat.url, '--json'], { env: { CREDSETUP_TOKEN: token } });
    expect(done.exitCode, done.stdout).toBe(0);
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
  });
});

describe('a second machine with an empty home', () => {
  it('lists, gets, shows, runs and tests what the first one set up', async () => {
    const [server, chat] = [await openBao(), await mattermostServer()];
    const token = await storeMattermost(machine(server), chat);
    const second = machine(server);
    expect((await second.run(['list', '--json'])).json()).toMatchObject({ credentials: [{ name: 'chat', store: 'vault', url: chat.url }] });
    expect((await second.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
    expect((await second.run(['get', 'chat', 'url'])).stdout).toBe(`${chat.url}\n`);
    expect((await second.run(['exec', 'chat', '--', 'sh', '-c', 'test "$MATTERMOST_TOKEN" = "$1"', 'sh', token])).exitCode).toBe(0);
    expect((await second.run(['test', 'chat', '--json'], { secrets: [token] })).exitCode).toBe(0);
    const shown = await second.run(['show', 'chat'], { secrets: [token] });
    expect(shown.stdout).toContain('vault');
    const nobody = await second.run(['get', 'nobody', '--json']);
    expect(errorOf(nobody)).toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('chat') });
  });

  it('spends one refresh token together with the first, and both end with the new access token', async () => {
    const [server, crm] = [await openBao(), await mauticServer()];
    const [one, other] = [machine(server), machine(server)];
    await storeOAuth2(one, crm);
    let asked = 0;
    crm.intercept = async (request, answer) => {
      if (!request.body.includes('grant_type=refresh_token')) return answer();
      asked += 1;
      await new Promise((resolve) => { setTimeout(resolve, 1500); });
      return answer();
    };
    const done = await Promise.all([one, other].map((each) => each.run(['refresh', 'crm', '--json'])));
    expect(done.map(({ exitCode, stderr }) => `${exitCode} ${stderr}`)).toEqual(['0 ', '0 ']);
    expect(asked).toBe(1);
    const tokens = await Promise.all([one, other].map((each) => each.run(['get', 'crm'], { reveals: true })));
    expect(tokens[0]!.stdout).toBe(tokens[1]!.stdout);
    expect(tokens[0]!.stdout.trim()).toBe(server.peek('credsetup/crm')!.data['accessToken']);
  });
});

describe('a move', () => {
  it('goes to the team and back, validated, and leaves no copy behind', async () => {
    const [server, chat] = [await openBao(), await mattermostServer()];
    const one = machine(server, { CREDSETUP_STORE: 'file' });
    const token = await storeMattermost(one, chat);
    const { id } = (await one.run(['show', 'chat', '--json'])).json();
    const moved = await one.run(['edit', 'chat', '--store', 'vault', '--json'], { secrets: [token] });
    expect(moved.exitCode, moved.stderr).toBe(0);
    expect(moved.json()).toMatchObject({ id, store: 'vault' });
    expect(moved.stderr).toContain('{{ $secrets.vault.secret.credsetup.chat.token }}');
    expect(server.peek('credsetup/chat')!.data['token']).toBe(token);
    // Not told of the store, this home still finds it.
    expect((await one.run(['list', '--json'])).json()['credentials']).toMatchObject([{ id, store: 'vault' }]);
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
    const back = await one.run(['edit', 'chat', '--store', 'file', '--json'], { secrets: [token] });
    expect(back.json()).toMatchObject({ id, store: 'file' });
    expect(server.state.mounts[0]!.secrets.size).toBe(0);
    server.log.length = 0;
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
    expect(server.log).toEqual([]);
  });

  it('leaves the copy at home where the team\'s store refuses it', async () => {
    const [server, chat] = [await openBao(), await mattermostServer()];
    const one = machine(server, { CREDSETUP_STORE: 'file', BAO_TOKEN: server.makeToken([{ path: 'secret/data/credsetup/*', capabilities: ['read'] }]) });
    const token = await storeMattermost(one, chat);
    expect(errorOf(await one.run(['edit', 'chat', '--store', 'vault', '--json'], { secrets: [token] })).code).toBe('STORE_FORBIDDEN');
    expect((await one.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${token}\n`);
  });

  it('sends the token to no engine that a file alone names', async () => {
    const [server, other, chat] = [await openBao(), await openBao(), await mattermostServer()];
    const one = machine(server, { CREDSETUP_STORE: '' });
    await storeMattermost({ ...one, run: (args, options = {}) => one.run(args, { ...options, env: { ...options.env, CREDSETUP_STORE: 'vault' } }) }, chat, 'first');
    const saved = await one.run(['mattermost', '--url', chat.url, '--name', 'chat', '--store', 'vault'], { env: { CREDSETUP_TOKEN: chat.makeToken('maker').token } });
    expect(saved.exitCode, saved.stderr).toBe(0);
    const elsewhere = await one.run(['get', 'chat', '--json'], { env: { BAO_ADDR: other.url } });
    expect(errorOf(elsewhere)).toMatchObject({ code: 'SECRET_MISSING', message: expect.stringContaining(server.url) });
    expect(other.log).toEqual([]);
  });
});

describe('the engine is found and signed in to', () => {
  it('by BAO_ before VAULT_, a token file, an AppRole, a JWT', async () => {
    const server = await openBao();
    server.state.policies.set('crew', [{ path: 'secret/data/credsetup/*', capabilities: ['create', 'update', 'read'] }]);
    const works = async (env: Readonly<Record<string, string>>, home?: string): Promise<boolean> => {
      const one = machine(server, { BAO_TOKEN: '', ...(home === undefined ? {} : { HOME: home }), ...env });
      return (await one.run(['store', '--json'])).json()['works'] as boolean;
    };
    expect(await works({ VAULT_TOKEN: server.rootToken })).toBe(false);
    expect(await works({ BAO_TOKEN: server.rootToken, VAULT_TOKEN: 's.other', VAULT_ADDR: 'http://127.0.0.1:1' })).toBe(true);
    const home = folder();
    writeFileSync(join(home, '.vault-token'), `${server.rootToken}\n`);
    expect(await works({}, home)).toBe(true);
    const { roleId, secretId } = server.makeAppRole(['crew'], 1);
    const files = folder();
    writeFileSync(join(files, 'secret-id'), `${secretId}\n`);
    const role = { CREDSETUP_VAULT_ROLE_ID: roleId, CREDSETUP_VAULT_SECRET_ID_FILE: join(files, 'secret-id') };
    expect(await works(role)).toBe(true);
    const usedUp = await machine(server, { BAO_TOKEN: '', ...role }).run(['list', '--json'], { secrets: [secretId] });
    expect(errorOf(usedUp)).toMatchObject({ code: 'STORE_TOKEN_REJECTED', message: expect.stringContaining('used up') });
    server.state.jwts.push({ mount: 'jwt', role: 'ci', jwt: 'eyJ.good.one', policies: ['crew'] });
    writeFileSync(join(files, 'jwt'), 'eyJ.good.one\n');
    expect(await works({ CREDSETUP_VAULT_ROLE: 'ci', CREDSETUP_VAULT_JWT_FILE: join(files, 'jwt') })).toBe(true);
    writeFileSync(join(files, 'jwt'), 'eyJ.bad.one\n');
    const refused = await machine(server, { BAO_TOKEN: '', CREDSETUP_VAULT_ROLE: 'ci', CREDSETUP_VAULT_JWT_FILE: join(files, 'jwt') }).run(['list', '--json'], { secrets: ['eyJ.bad.one'] });
    expect(errorOf(refused)).toMatchObject({ code: 'STORE_TOKEN_REJECTED', message: expect.stringContaining('invalid audience') });
  });

  it('says what is missing, half given or refused before anything is sent', async () => {
    const server = await openBao();
    const said = async (env: Readonly<Record<string, string>>) => errorOf(await machine(server, { BAO_TOKEN: '', ...env }).run(['list', '--json']));
    const missing = await said({});
    expect(missing).toMatchObject({ code: 'INPUT_MISSING', missing: [{ variable: 'BAO_TOKEN' }, { variable: 'CREDSETUP_VAULT_ROLE_ID' }, { variable: 'CREDSETUP_VAULT_JWT_FILE' }] });
    expect((await said({ CREDSETUP_VAULT_ROLE_ID: 'one' })).code).toBe('USAGE');
    expect(await said({ BAO_TOKEN: 's.x', BAO_SKIP_VERIFY: 'true' })).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('BAO_CACERT') });
    expect((await said({ BAO_TOKEN: 's.x', BAO_ADDR: 'http://vault.example.com:8200' })).code).toBe('URL_INSECURE');
    expect((await said({ BAO_TOKEN: 's.x', BAO_CLIENT_CERT: '/x' })).code).toBe('FILE_UNREADABLE');
    expect((await said({ BAO_TOKEN: 's.x', CREDSETUP_VAULT_PATH: 'secret//../x' })).code).toBe('USAGE');
    expect(server.log.filter(({ path }) => !path.includes('sys/internal'))).toEqual([]);
  });

  it.skipIf(!has('openssl'))('over TLS with its own authority, which BAO_CACERT names', async () => {
    const certificates = makeCertificates(folder());
    const server = await openBao({ tls: certificates.good });
    const files = folder();
    writeFileSync(join(files, 'ca.pem'), certificates.ca);
    const trusted = await machine(server, { BAO_CACERT: join(files, 'ca.pem') }).run(['store', '--json']);
    expect(trusted.json()).toMatchObject({ store: 'vault', works: true, address: server.url, path: 'secret/credsetup' });
    expect(errorOf(await machine(server).run(['list', '--json']))).toMatchObject({ code: 'TLS_UNKNOWN_CA', hint: expect.stringContaining('BAO_CACERT') });
  });
});

describe('each failure of the engine', () => {
  const failing = async (happens: (server: PracticeOpenBao) => void, env: Readonly<Record<string, string>> = {}) => {
    const server = await openBao();
    happens(server);
    return errorOf(await machine(server, env).run(['list', '--json']));
  };

  it('has its own code and words', async () => {
    expect(await failing(({ state }) => { state.seal = 'sealed'; })).toMatchObject({ code: 'STORE_SEALED', hint: expect.stringContaining('bao operator unseal') });
    expect((await failing(({ state }) => { state.seal = 'uninitialized'; })).message).toContain('never initialised');
    expect(await failing(({ state }) => { state.standby = true; })).toMatchObject({ code: 'STORE_STANDBY', message: expect.stringContaining('https://active.openbao.example') });
    expect(await failing(({ state }) => { state.overQuota = true; })).toMatchObject({ code: 'RATE_LIMITED', retryable: true, message: expect.stringContaining('wait 1 s') });
    expect(await failing(() => undefined, { BAO_NAMESPACE: 'crew' })).toMatchObject({ code: 'STORE_NOT_FOUND', message: expect.stringContaining('namespace crew') });
    expect(await failing(() => undefined, { CREDSETUP_VAULT_PATH: 'nope/x' })).toMatchObject({ code: 'STORE_NOT_FOUND', hint: expect.stringContaining('bao secrets list') });
    expect(await failing((server) => { server.intercept = () => ({ status: 400, body: 'Client sent an HTTP request to an HTTPS server.\n' }); })).toMatchObject({ code: 'URL_INVALID', hint: expect.stringContaining('BAO_ADDR=https://') });
    expect((await failing((server) => { server.intercept = () => ({ status: 502, headers: { 'content-type': 'text/html' }, body: '<html>bad gateway</html>' }); })).code).toBe('STORE_UNAVAILABLE');
  });

  it('names the rule that a policy lacks, to be pasted', async () => {
    const server = await openBao();
    const token = server.makeToken([{ path: 'secret/data/credsetup/*', capabilities: ['read'] }]);
    const one = machine(server, { BAO_TOKEN: token });
    expect(errorOf(await one.run(['list', '--json'])).hint).toContain('path "secret/metadata/credsetup/" { capabilities = ["list"] }');
    const saving = await one.run(['mattermost', '--url', (await mattermostServer()).url, '--json'], { env: { CREDSETUP_TOKEN: 'abcdefghijklmnopqrstuvwxyz' } });
    expect(errorOf(saving).hint).toContain('path "secret/data/credsetup/*" { capabilities = ["create", "update"] }');
  });

  it('refuses version 1 before a single write, which it would take and lose', async () => {
    const [server, chat] = [await openBao(), await mattermostServer()];
    const done = await machine(server, { CREDSETUP_VAULT_PATH: 'kv1/credsetup' }).run(['mattermost', '--url', chat.url, '--json'], { env: { CREDSETUP_TOKEN: chat.makeToken('maker').token } });
    expect(errorOf(done).code).toBe('STORE_UNSUPPORTED');
    expect(server.state.mounts[1]!.plain.size).toBe(0);
  });

  it('says that a value is too large for the storage, and nothing is written', async () => {
    const [server, chat] = [await openBao(), await mattermostServer()];
    server.intercept = (request, answer) => (request.method === 'POST' && request.body.includes('"record"') ? { status: 500, body: { errors: ['1 error occurred:\n\t* put failed due to value being too large\n\n'] } } : answer());
    const done = await machine(server).run(['mattermost', '--url', chat.url, '--json'], { env: { CREDSETUP_TOKEN: chat.makeToken('maker').token } });
    expect(errorOf(done)).toMatchObject({ code: 'SECRET_TOO_LARGE' });
    expect(server.state.mounts[0]!.secrets.size).toBe(0);
  });
});

describe('another store', () => {
  it('asks no engine, whatever the variables say', async () => {
    const [server, chat] = [await openBao(), await startMattermost()];
    atTheEnd(() => chat.close());
    const one = machine(server, { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity });
    await storeMattermost(one, chat);
    expect((await one.run(['list'])).exitCode).toBe(0);
    expect((await one.run(['store', '--json'])).json()).toEqual({ store: 'file', why: 'CREDSETUP_STORE', works: true });
    expect(server.log).toEqual([]);
  });

  it('is told with why, and what keeps it from working', async () => {
    const server = await openBao();
    const works = await machine(server).run(['store', '--json']);
    expect(works.json()).toEqual({ store: 'vault', why: 'CREDSETUP_STORE', works: true, address: server.url, path: 'secret/credsetup' });
    server.state.seal = 'sealed';
    const sealed = await machine(server).run(['store', '--json']);
    expect(sealed.exitCode).toBe(10);
    expect(sealed.json()).toMatchObject({ works: false, error: { code: 'STORE_SEALED' } });
    expect(errorOf(await machine(server, { CREDSETUP_STORE: 'safe' }).run(['store', '--json'])).code).toBe('USAGE');
  });
});
