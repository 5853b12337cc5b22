/** Bad input, and nothing lost: each a clear error with code, hint and exit code; what was stored is still there and works. */
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { inFront, startGateway, type GatewayKind } from '../../src/practice/gateways.ts';
import { startMattermost, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import { makeCertificates } from '../certificates.ts';
import { has } from '../tools.ts';
import { atTheEnd, errorOf, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from './support.ts';

let chat: PracticeMattermost;
let crm: PracticeMautic;
let one: Script;
let token: string;
beforeAll(async () => {
  [chat, crm] = await Promise.all([mattermostServer(), mauticServer()]);
  one = script();
  token = await storeMattermost(one, chat);
  await storeMautic(one, crm);
});

interface Bad {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly secrets?: readonly string[];
}

/** Every file of the home but the locks. */
const contents = (home: string): Record<string, string> => Object.fromEntries(readdirSync(home).filter((name) => !name.endsWith('.lock')).sort().map((name) => [name, readFileSync(join(home, name), 'latin1')]));

/** Encrypted files that were seen to give both secrets: the same bytes give the same. */
const seen = new Set<string | undefined>();

async function expectBothStored(): Promise<void> {
  const encrypted = contents(one.home)['credentials.age'];
  if (seen.has(encrypted)) return;
  const given = await Promise.all(['chat', 'crm'].map((name) => one.run(['get', name], { reveals: true })));
  expect(given.map(({ stdout }) => stdout)).toEqual([`${token}\n`, `${mauticPassword}\n`]);
  seen.add(encrypted);
}

/** The call fails with the code, and both stored credentials are as before and work. */
async function refused({ args, ...bad }: Bad, code: string): Promise<ReturnType<typeof errorOf>> {
  const index = contents(one.home)['index.json'];
  const done = await one.run([...args, '--json'], bad);
  const error = errorOf(done);
  expect(error.code, error.message).toBe(code);
  expect(contents(one.home)['index.json']).toBe(index);
  await expectBothStored();
  return error;
}

const asChat = (...more: readonly string[]): readonly string[] => ['mattermost', '--url', chat.url, '--name', 'chat', ...more];

describe('a value', () => {
  it.each(['a token', 'tok\u200ben', 'to\nken', 'to\u00a0ken', 'to\u202eken'])('with something inside that cannot be seen or typed (%j) is not sent', async (value) => {
    chat.log.length = 0;
    const error = await refused({ args: asChat(), env: { CREDSETUP_TOKEN: value } }, 'INPUT_INVALID');
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringMatching(/CREDSETUP_TOKEN.*(space|line end|invisible)/) });
    expect(chat.log).toEqual([]);
  });

  it('of 100 KB is refused with its length, from a variable, a file and standard input', async () => {
    const value = 'abcdefghij'.repeat(10_000);
    const file = join(folder(), 'token');
    writeFileSync(file, value);
    for (const bad of [{ args: asChat(), env: { CREDSETUP_TOKEN: value } }, { args: asChat('--token-file', file) }, { args: asChat('--token-stdin'), stdin: value }]) {
      const error = await refused({ ...bad, secrets: [value.slice(0, 40)] }, 'INPUT_INVALID');
      expect(error.message).toContain('100000');
    }
  });

  it('without an end is not read for ever', async () => {
    expect(await refused({ args: asChat('--token-file', '/dev/zero') }, 'FILE_INVALID')).toMatchObject({ exitCode: 2 });
    const error = await refused({ args: asChat('--token-stdin'), stdin: 'a'.repeat(2_000_000) }, 'INPUT_INVALID');
    expect(error.message).toContain('Standard input');
  });

  it('that is empty counts as not given', async () => {
    await refused({ args: asChat(), env: { CREDSETUP_TOKEN: '' } }, 'INPUT_MISSING');
    await refused({ args: asChat('--token-stdin'), stdin: '\n' }, 'INPUT_INVALID');
  });

  it.each([
    ['--token-file', ['--token-file', 'VALUE'], {}, '--token-stdin or CREDSETUP_MATTERMOST_TOKEN'],
    ['--admin-token-file', ['--create-token', '--admin-token-file', 'VALUE'], {}, '--admin-token-stdin or CREDSETUP_MATTERMOST_ADMIN_TOKEN'],
    ['--ca-file', ['--ca-file', 'VALUE'], { CREDSETUP_TOKEN: 'geheim1234' }, 'PEM form'],
    ['CREDSETUP_IDENTITY_FILE', ['--store', 'file'], { CREDSETUP_TOKEN: 'geheim1234', CREDSETUP_IDENTITY: '', CREDSETUP_IDENTITY_FILE: 'VALUE' }, 'The value itself belongs in CREDSETUP_IDENTITY.'],
    ['CREDSETUP_PASSPHRASE_FILE', ['--store', 'file'], { CREDSETUP_TOKEN: 'geheim1234', CREDSETUP_IDENTITY: '', CREDSETUP_PASSPHRASE_FILE: 'VALUE' }, 'The value itself belongs in CREDSETUP_PASSPHRASE.'],
  ] as const)('that is given where %s takes the name of a file is repeated nowhere, and the slip is told', async (source, args, env, told) => {
    const shapely = ['AGE-SECRET-KEY-17TE3KDHZ2WJUM07CXQJEPZXAM686U7GWYDH6PTKLFFA32V3XV70Q26QRA7', 'k5zg9fr3mtbqdxoyp1wn7ucj4a'];
    const values = [...shapely, 'Passphrase/with a slash', 'long'.repeat(200)];
    await Promise.all(values.map(async (value) => {
      const put = (text: string): string => (text === 'VALUE' ? value : text);
      const variables = Object.fromEntries(Object.entries(env).map(([name, text]) => [name, put(text)]));
      const done = await script().run(['mattermost', '--url', chat.url, '--name', 'another', ...args.map(put), '--debug', '--json'], { env: variables, secrets: [value] });
      const error = errorOf(done);
      // A file with a secret may have any name; no other option takes what looks like one.
      if (source === '--ca-file' && shapely.includes(value)) {
        expect(error).toMatchObject({ code: 'INPUT_INVALID', exitCode: 2, message: expect.stringContaining('--ca-file was given what looks like a secret') });
        return;
      }
      expect(error).toMatchObject({ code: 'FILE_UNREADABLE', exitCode: 2, message: expect.stringContaining(`${source} names no file that is there`), hint: expect.stringContaining(told) });
      expect(error.message).toContain(`${value.length} characters`);
    }));
  });

  it('in a file that may not be read names the file: it is there, so its name is none', async () => {
    const error = await refused({ args: asChat('--token-file', folder()) }, 'FILE_UNREADABLE');
    expect(error.message).toMatch(/credsetup-test-.* could not be read \(EISDIR\)/);
  });

  it('that is a username with a colon cannot be carried by basic auth', async () => {
    await refused({ args: ['mautic', '--method', 'basic', '--url', crm.url, '--username', 'a:b', '--name', 'crm'], env: { CREDSETUP_PASSWORD: 'geheim1234' } }, 'INPUT_INVALID');
  });
});

describe('a name', () => {
  it.each(['a/b', '../x', '.x', '-', 'a b', 'ä', 'x'.repeat(65), ''])('%j is refused before anybody is asked', async (name) => {
    chat.log.length = 0;
    await refused({ args: ['mattermost', '--url', chat.url, `--name=${name}`], env: { CREDSETUP_TOKEN: token } }, 'NAME_INVALID');
    expect(chat.log).toEqual([]);
  });

  it('that holds another account is taken', async () => {
    const error = await refused({ args: asChat(), env: { CREDSETUP_TOKEN: chat.makeToken('kim').token } }, 'NAME_TAKEN');
    expect(error).toMatchObject({ exitCode: 11, name: 'chat' });
  });
});

describe('an address', () => {
  it('of another service is named', async () => {
    const error = await refused({ args: ['mattermost', '--url', crm.url], env: { CREDSETUP_TOKEN: token } }, 'NOT_MATTERMOST');
    expect(error).toMatchObject({ exitCode: 5, message: expect.stringContaining('Mautic') });
  });

  it.each([['html', 'GATEWAY_IN_FRONT'], ['json-cut', 'RESPONSE_INVALID'], ['website', 'NOT_MATTERMOST']] as const)('that answers with %s is %s', async (kind: GatewayKind, code) => {
    const server = await startGateway(kind, kind === 'html' ? { text: '<form><input type="password"></form>' } : {});
    atTheEnd(() => server.close());
    await refused({ args: ['mattermost', '--url', server.url], env: { CREDSETUP_TOKEN: token } }, code);
  });

  it.each([['json-cut', 'RESPONSE_INVALID'], ['html', 'RESPONSE_INVALID'], ['firewall', 'RESPONSE_INVALID'], ['rate-limit', 'RATE_LIMITED'], ['bad-gateway', 'SERVER_ERROR'], ['hang-up', 'CONNECTION_LOST']] as const)('whose server begins to answer with %s when it sees the token is %s, and the token is sent once', async (kind, code) => {
    const server = await mattermostServer();
    const bad = inFront(kind);
    server.intercept = (request, answer) => (request.authorization === undefined ? answer() : bad(request));
    await refused({ args: ['mattermost', '--url', server.url], env: { CREDSETUP_TOKEN: token } }, code);
    expect(server.log.filter(({ authorization }) => authorization !== undefined)).toHaveLength(1);
  });

  it.runIf(has('openssl'))('whose certificate has expired is refused before the token is sent', async () => {
    const certificates = makeCertificates(join(folder(), 'certificates'));
    const server = await startMattermost({ tls: certificates.expired });
    atTheEnd(() => server.close());
    const error = await refused({ args: ['mattermost', '--url', server.url, '--ca-file', certificates.caFile], env: { CREDSETUP_TOKEN: token } }, 'TLS_EXPIRED');
    expect(error).toMatchObject({ exitCode: 4, message: expect.stringContaining('2021-01-01') });
    expect(server.log).toEqual([]);
  });
});

describe('a home', () => {
  function copy(): Script {
    const home = folder();
    cpSync(one.home, home, { recursive: true });
    return script(home);
  }

  it.each([
    ['index.json', 'STORE_TOO_NEW', (text: string) => text.replace('"version": 1', '"version": 2')],
    ['index.json', 'STORE_CORRUPT', (text: string) => text.slice(1)],
    ['index.json', 'STORE_CORRUPT', () => ''],
    ['credentials.age', 'STORE_CORRUPT', (text: string) => text.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA')],
    ['credentials.age', 'STORE_CORRUPT', (text: string) => text.slice(0, text.length / 2)],
  ] as const)('whose %s is from a newer version or damaged is %s for whoever uses it, and left as it is', async (file, code, change) => {
    const damaged = copy();
    const path = join(damaged.home, file);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
    const before = contents(damaged.home);
    for (const args of [['get', 'chat'], ['test', 'chat'], ['mattermost', '--url', chat.url, '--name', 'new'], ['remove', 'chat', '--yes']]) {
      const done = await damaged.run([...args, '--json'], { env: { CREDSETUP_TOKEN: token } });
      const document = done.json() as { error?: { code: string }; results?: { error: { code: string } }[] };
      expect((document.error ?? document.results?.[0]?.error)?.code, args.join(' ')).toBe(code);
      expect(done.exitCode).toBe(10);
    }
    expect(contents(damaged.home)[file]).toBe(before[file]);
  });

  it('with one damaged entry works for all others, says so, and lets that one be removed', async () => {
    const damaged = copy();
    await damaged.run(['rename', 'chat', 'talk'], {});
    const path = join(damaged.home, 'index.json');
    const index = JSON.parse(readFileSync(path, 'utf8')) as { entries: { key: string; credential: { name: string; url: string } }[] };
    const [first] = index.entries;
    index.entries.push({ key: 'f'.repeat(32), credential: { ...first!.credential, name: 'broken', url: 'nowhere' } });
    writeFileSync(path, JSON.stringify(index));
    const listed = await damaged.run(['list', '--json']);
    expect(listed.json()).toMatchObject({ credentials: [{ name: 'crm' }, { name: 'talk' }], damaged: [{ name: 'broken', why: expect.stringContaining('url') }] });
    expect(listed.stderr).toContain('The entry broken of');
    expect((await damaged.run(['get', 'talk'], { reveals: true })).stdout.trim()).toBe(token);
    expect((await damaged.run(['mattermost', '--url', chat.url, '--name', 'more', '--json'], { env: { CREDSETUP_TOKEN: token } })).exitCode).toBe(0);
    for (const args of [['get', 'broken'], ['reconnect', 'broken'], ['rename', 'talk', 'broken'], ['mattermost', '--url', chat.url, '--name', 'broken']]) {
      const done = await damaged.run([...args, '--json'], { env: { CREDSETUP_TOKEN: token } });
      expect(done.json().error, args.join(' ')).toMatchObject({ code: 'STORE_CORRUPT', hint: expect.stringContaining('credsetup remove broken') });
    }
    expect((await damaged.run(['remove', 'broken', '--yes', '--json'])).json()).toMatchObject({ results: [{ name: 'broken', status: 'removed' }] });
    const after = await damaged.run(['list', '--json']);
    expect((after.json()['credentials'] as { name: string }[]).map(({ name }) => name)).toEqual(['crm', 'more', 'talk']);
    expect(after.stderr).toBe('');
  });

  it('whose index sends a secret to another address is damaged, and nobody is asked', async () => {
    const damaged = copy();
    const path = join(damaged.home, 'index.json');
    const evil = await mattermostServer();
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(chat.url, evil.url));
    const done = await damaged.run(['test', 'chat', '--json']);
    expect(done.json()).toMatchObject({ results: [{ status: 'failed', error: { code: 'STORE_CORRUPT', message: expect.stringContaining('url') } }] });
    expect(evil.log).toEqual([]);
  });
});

describe('two set-ups at once', () => {
  it('under different names are both saved', async () => {
    const both = script();
    const done = await Promise.all(['a', 'b', 'c'].map((name) => both.run(['mattermost', '--url', chat.url, '--name', name, '--json'], { env: { CREDSETUP_TOKEN: token } })));
    expect(done.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    for (const name of ['a', 'b', 'c']) expect((await both.run(['get', name], { reveals: true })).stdout).toBe(`${token}\n`);
  });

  it('under one name for two accounts: one is saved whole, the other is NAME_TAKEN', async () => {
    const both = script();
    const tokens = { maker: token, kim: chat.makeToken('kim').token };
    const done = await Promise.all(Object.values(tokens).map((value) => both.run(['mattermost', '--url', chat.url, '--name', 'chat', '--json'], { env: { CREDSETUP_TOKEN: value } })));
    expect(done.map(({ exitCode }) => exitCode).sort((a, b) => (a ?? 0) - (b ?? 0))).toEqual([0, 11]);
    const saved = (await both.run(['show', 'chat', '--json'])).json() as unknown as { account: { username: keyof typeof tokens } };
    expect((await both.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${tokens[saved.account.username]}\n`);
    expect((await both.run(['test', 'chat'])).exitCode).toBe(0);
  });

  it('that make the encrypted file with one passphrase agree on it', async () => {
    const both = script(join(folder(), 'home'));
    const env = { CREDSETUP_IDENTITY: undefined, CREDSETUP_PASSPHRASE: 'correct horse battery', CREDSETUP_TOKEN: token };
    const done = await Promise.all(['a', 'b'].map((name) => both.run(['mattermost', '--url', chat.url, '--name', name], { env })));
    expect(done.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect((await both.run(['export', '--all'], { env, reveals: true })).json()).toMatchObject({ credentials: [{ secrets: { token } }, { secrets: { token } }] });
  });
});
