/**
 * Every code that the program has, from a real cause: the built program against real servers,
 * stores and files. A code that is added fails here until its cause stands in the table.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import { exitCodes, type ErrorCode } from '../../src/errors.ts';
import { startGateway, type GatewayKind, type GatewayOptions } from '../../src/practice/gateways.ts';
import { mattermostPassword, startMattermost, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { mauticPassword, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { n8nApiKey, startN8n } from '../../src/practice/n8n.ts';
import { startOpenBao, type PracticeOpenBao } from '../../src/practice/openbao.ts';
import type { SecretVersion } from '../../src/practice/openbao-state.ts';
import { authorizeAs } from '../../src/practice/person.ts';
import { makeCertificates, type Certificates, type Pair } from '../certificates.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { startSession, startWedgedBus } from '../stores/keychain-session.ts';
import { has } from '../tools.ts';
import { atTheEnd, expectNoSecret, folder, identity, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from './support.ts';
import { unusedPort } from '../ports.ts';

/** Codes that a script cannot get, and why. */
const onTerminalsOnly: Partial<Record<ErrorCode, string>> = {
  CLIENT_NOT_FOUND: 'Mautic shows it in the browser alone; a person tells it. In a script it is a cause of AUTHORIZATION_TIMEOUT.',
  API_ACCESS_MISSING: 'the same',
};

/** What one run said. */
interface Said {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
type Cause = () => Promise<Said>;

const token = 'wq7tzk3h5jd8nf2yb6mcr4xpae';
const tokenEnv = { CREDSETUP_TOKEN: token };
let certificates: Certificates;
let chat: PracticeMattermost;
let crm: PracticeMautic;
/** Holds `chat` and `crm`; copied by who changes something. */
let stored: Script;

beforeAll(async () => {
  [chat, crm] = await Promise.all([mattermostServer(), mauticServer()]);
  if (has('openssl')) certificates = makeCertificates(join(folder(), 'certificates'));
  stored = script();
  await storeMattermost(stored, chat);
  await storeMautic(stored, crm);
});

function copy(): Script {
  const home = folder();
  cpSync(stored.home, home, { recursive: true });
  return script(home);
}

const mattermost = (url: string, more: readonly string[] = [], env: Readonly<Record<string, string | undefined>> = {}, one = script()) => one.run(['mattermost', '--json', '--url', url, ...more], { env: { ...tokenEnv, ...env } });
const basic = (url: string, more: readonly string[] = [], password = mauticPassword) => script().run(['mautic', '--method', 'basic', '--username', 'contacts', '--json', '--url', url, ...more], { env: { CREDSETUP_PASSWORD: password } });

const gateway = (kind: GatewayKind, options: GatewayOptions = {}): Cause => async () => {
  const server = await startGateway(kind, options);
  atTheEnd(() => server.close());
  return mattermost(server.url);
};

/** Mattermost behind TLS with this certificate. */
const tls = (choose: (all: Certificates) => Pair, more: () => readonly string[] = () => []): Cause => async () => {
  const server = await startMattermost({ tls: choose(certificates) });
  atTheEnd(() => server.close());
  return mattermost(server.url, more());
};
const ours = (): readonly string[] => ['--ca-file', certificates.caFile];

/** A token that Mattermost is to make. */
const provisioning = (options: MattermostOptions, username: string, more: readonly string[] = []): Cause => async () => {
  const { url } = await mattermostServer({ tokensEnabled: true, ...options });
  return script().run(['mattermost', '--url', url, '--create-token', '--username', username, '--json', ...more], { env: { CREDSETUP_PASSWORD: mattermostPassword } });
};

const mauticOf = (options: MauticOptions): Cause => async () => basic((await mauticServer(options)).url);

/** A stored home in which one file was changed. */
const changed = (file: string, change: (text: string) => string, args: readonly string[] = ['get', 'chat', '--json']): Cause => async () => {
  const one = copy();
  const path = join(one.home, file);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
  return one.run(args);
};

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  atTheEnd(() => { server.close(); });
  return (server.address() as AddressInfo).port;
}

/** The program with a signal at the moment when the server was asked. */
const stopped = (signal: NodeJS.Signals): Cause => async () => {
  const server = await mattermostServer();
  const asked = new Promise<void>((resolve) => {
    server.intercept = () => {
      resolve();
      return new Promise(() => undefined);
    };
  });
  const running = start(['mattermost', '--url', server.url, '--json'], script(), tokenEnv);
  await asked;
  running.child.kill(signal);
  return running.end;
};

interface Running {
  readonly child: ReturnType<typeof spawn>;
  readonly end: Promise<Said>;
  /** The first text on standard error that matches. */
  said(pattern: RegExp): Promise<string>;
}

function start(args: readonly string[], one: Script, env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [programPath, ...args], { env: cleanEnvironment({ ...one.env, ...env }), stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => { stdout += part; });
  child.stderr.setEncoding('utf8').on('data', (part: string) => { stderr += part; });
  const end = once(child, 'close').then(([exitCode]) => ({ exitCode: exitCode as number | null, stdout, stderr }));
  const said = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = pattern.exec(stderr)?.[0];
      if (found !== undefined) return found;
      const more = await Promise.race([once(child.stderr, 'data').then(() => true), end.then(() => false)]);
      if (!more) throw new Error(`it ended before it said ${String(pattern)}: ${stdout}${stderr}`);
    }
  };
  return { child, end, said };
}

/** A sign-in by OAuth2 in a script; `browser` is what happens with the address that it prints. */
async function signIn(browser: (address: string, server: PracticeMautic) => Promise<void>, { seconds = '60', one = script(), port = 0 } = {}): Promise<Said & { readonly server: PracticeMautic }> {
  const server = await mauticServer();
  const free = port === 0 ? await unusedPort() : port;
  const client = server.makeClient({ redirectUris: [`http://127.0.0.1:${free}/callback`] });
  const running = start(['mautic', '--method', 'oauth2', '--url', server.url, '--client-id', client.clientId, '--callback-port', String(free), '--no-browser', '--login-timeout', seconds, '--name', 'oauth', '--json'], one, { CREDSETUP_CLIENT_SECRET: client.clientSecret });
  if (port === 0) await browser(await running.said(/http:\/\/\S+\/oauth\/v2\/authorize\S+/), server);
  return { ...await running.end, server };
}

/** A home with the credential `oauth`, for which a person signed in. */
async function signedIn(): Promise<{ readonly one: Script; readonly server: PracticeMautic }> {
  const one = script();
  const { server, exitCode, stderr } = await signIn(async (address) => {
    const { redirectedTo = '' } = await authorizeAs(address, { username: 'admin', password: mauticPassword });
    await fetch(redirectedTo);
  }, { one });
  expect(exitCode, stderr).toBe(0);
  return { one, server };
}

const callback = (address: string, parameters: Readonly<Record<string, string>>): string => {
  const asked = new URL(address).searchParams;
  const url = new URL(asked.get('redirect_uri') ?? '');
  url.search = new URLSearchParams({ state: asked.get('state') ?? '', ...parameters }).toString();
  return url.href;
};

const inN8n = (key: string, kind: 'n8n' | 'website'): Cause => async () => {
  const server = kind === 'n8n' ? await startN8n() : await startGateway('website');
  atTheEnd(() => server.close());
  return copy().run(['push', 'n8n', 'chat', '--n8n-url', server.url, '--json'], { env: { CREDSETUP_N8N_API_KEY: key }, secrets: [key] });
};

/** A team's OpenBao that holds a credential, after something happened there. */
const team = (happens: (server: PracticeOpenBao) => void, env: Readonly<Record<string, string>> = {}, args = ['get', 'chat', '--json']): Cause => async () => {
  const server = await startOpenBao();
  atTheEnd(() => server.close());
  const given = { CREDSETUP_STORE: 'vault', BAO_ADDR: server.url, BAO_TOKEN: server.rootToken };
  const base = script();
  const one: Script = { ...base, run: (words, options = {}) => base.run(words, { ...options, env: { ...given, ...options.env } }) };
  const secret = await storeMattermost(one, chat);
  happens(server);
  return one.run(args, { env, secrets: [secret] });
};
const kept = (server: PracticeOpenBao): SecretVersion => {
  const secret = server.state.mounts[0]!.secrets.get('credsetup/chat')!;
  return secret.versions.get(secret.currentVersion)!;
};

/** n8n has it, and runs where the service cannot be reached. */
const outOfItsReach: Cause = async () => {
  const server = await startN8n();
  atTheEnd(() => server.close());
  server.state.unreachable.add(chat.url);
  return resultOf(await copy().run(['push', 'n8n', 'chat', '--n8n-url', server.url, '--json'], { env: { CREDSETUP_N8N_API_KEY: n8nApiKey }, secrets: [n8nApiKey] }), 0);
};

const n8nKey = 'eyJhbGciOiJIUzI1NiJ9.bWFkZSB1cA.not-a-key-of-this-n8n';
const keychain = { CREDSETUP_STORE: 'keychain', CREDSETUP_IDENTITY: '', CREDSETUP_KEYCHAIN_SERVICE: 'credsetup-error-table' };

const causes: Readonly<Record<ErrorCode, Cause | undefined>> = {
  // An installation of which a file is missing: one that only this command loads.
  UNEXPECTED: async () => {
    const broken = folder();
    const root = dirname(dirname(programPath));
    for (const part of ['bin', 'dist', 'package.json']) cpSync(join(root, part), join(broken, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(broken, 'node_modules'));
    const chunks = join(broken, 'dist', 'chunks');
    for (const name of readdirSync(chunks).filter((file) => file.startsWith('rename-'))) rmSync(join(chunks, name));
    const child = spawn(process.execPath, [join(broken, 'bin', 'credsetup.js'), 'rename', 'old', 'new', '--json'], { env: cleanEnvironment(stored.env), stdio: ['ignore', 'pipe', 'ignore'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => { stdout += part; });
    const [exitCode] = await once(child, 'close') as [number];
    return { exitCode, stdout, stderr: '' };
  },

  USAGE: () => stored.run(['list', '--nope', '--json']),
  INPUT_MISSING: () => script().run(['mattermost', '--json']),
  INPUT_INVALID: () => mattermost(chat.url, [], { CREDSETUP_TOKEN: `${token.slice(0, 13)} ${token.slice(13)}` }),
  URL_INVALID: () => mattermost('https://user:geheim1234@chat.example.com'),
  URL_INSECURE: () => mattermost('http://chat.example.com'),
  NAME_INVALID: () => mattermost(chat.url, ['--name', '../chat']),
  FILE_UNREADABLE: () => script().run(['mattermost', '--url', chat.url, '--token-file', join(folder(), 'none'), '--json']),
  FILE_INVALID: () => mattermost(chat.url, ['--ca-file', programPath]),
  FILE_TOO_NEW: () => script().run(['import', '-', '--json'], { stdin: '{"version":2,"credentials":[]}' }),
  EXPIRES_SOON: async () => {
    const one = copy();
    const path = join(one.home, 'index.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"validatedAt"', `"expiresAt": "${new Date(Date.now() + 86_400_000).toISOString()}", "validatedAt"`));
    return resultOf(await one.run(['test', 'chat', '--expiring', '3', '--json']));
  },
  // What a newer version stored: an index that is well and names a service of the future.
  UNSUPPORTED: changed('index.json', (text) => text.replace('"service": "mattermost"', '"service": "slack"')),

  EXPIRY_REQUIRED: provisioning({ version: '11.9.0', maxTokenLifetimeDays: 30 }, 'maker'),
  EXPIRY_INVALID: provisioning({ version: '11.9.0', maxTokenLifetimeDays: 30 }, 'maker', ['--expires-in', '31']),

  // A label of more than 63 letters is no name: no name server is asked.
  HOST_NOT_FOUND: () => mattermost(`https://${'chat'.repeat(16)}.example`),
  CONNECTION_REFUSED: async () => mattermost(`http://127.0.0.1:${await unusedPort()}`),
  CONNECTION_TIMEOUT: async () => {
    const sockets: { destroy: () => void }[] = [];
    const port = await listening(createServer((socket) => { sockets.push(socket.on('error', () => undefined)); }));
    const said = await mattermost(`http://127.0.0.1:${port}`, ['--timeout', '1']);
    for (const socket of sockets) socket.destroy();
    return said;
  },
  CONNECTION_LOST: gateway('hang-up'),
  PROXY_FAILED: async () => mattermost('https://chat.example.com', [], { HTTPS_PROXY: `http://me:geheim1234@127.0.0.1:${await unusedPort()}` }),
  SERVER_ERROR: gateway('maintenance'),
  RATE_LIMITED: gateway('rate-limit', { retryAfter: 60 }),

  TLS_SELF_SIGNED: tls((all) => all.selfSigned),
  TLS_UNKNOWN_CA: tls((all) => all.good),
  TLS_EXPIRED: tls((all) => all.expired, ours),
  TLS_NOT_YET_VALID: tls((all) => all.notYetValid, ours),
  TLS_HOST_MISMATCH: tls((all) => all.wrongHost, ours),
  TLS_CLIENT_CERTIFICATE: async () => {
    const server = createHttpsServer({ ...certificates.good, ca: certificates.ca, requestCert: true, rejectUnauthorized: true });
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    atTheEnd(() => { server.close(); });
    return mattermost(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, ours());
  },
  TLS_FAILED: () => mattermost(chat.url.replace('http:', 'https:')),

  NOT_MAUTIC: () => basic(chat.url),
  NOT_MATTERMOST: () => mattermost(crm.url),
  NOT_N8N: inN8n(n8nKey, 'website'),
  REDIRECTED: async () => gateway('redirect', { to: chat.url })(),
  GATEWAY_IN_FRONT: gateway('oauth2-proxy-redirect'),
  RESPONSE_INVALID: gateway('json-cut'),

  API_DISABLED: mauticOf({ apiEnabled: false }),
  BASIC_AUTH_DISABLED: mauticOf({ basicEnabled: false }),
  AUTHORIZATION_HEADER_DROPPED: mauticOf({ headerDropped: true }),
  TOKENS_DISABLED: provisioning({ tokensEnabled: false }, 'maker'),
  BOTS_DISABLED: provisioning({ botsEnabled: false }, 'admin', ['--bot', 'n8n']),
  SIGN_IN_UNSUPPORTED: provisioning({ signInWithEmail: false, signInWithUsername: false }, 'maker'),

  PASSWORD_REJECTED: () => basic(crm.url, [], 'not this one'),
  MFA_REQUIRED: provisioning({ mfa: true }, 'mfa'),
  MFA_REJECTED: provisioning({ mfa: true }, 'mfa', ['--mfa-code', '000000']),
  ACCOUNT_LOCKED: provisioning({}, 'locked'),
  ACCOUNT_DEACTIVATED: provisioning({}, 'gone'),
  EMAIL_NOT_VERIFIED: provisioning({ verifiedEmail: true }, 'unverified'),
  API_KEY_REJECTED: inN8n(n8nKey, 'n8n'),
  N8N_TEST_FAILED: outOfItsReach,
  TOKEN_REJECTED: () => mattermost(chat.url),
  CLIENT_REJECTED: () => script().run(['mautic', '--method', 'oauth2', '--grant', 'client-credentials', '--url', crm.url, '--client-id', `1_${'a'.repeat(50)}`, '--json'], { env: { CREDSETUP_CLIENT_SECRET: 'b'.repeat(49) + 'c' }, secrets: ['b'.repeat(49)] }),
  // Another program used the refresh token, and with it the one that is stored.
  REFRESH_REJECTED: async () => {
    const { one, server } = await signedIn();
    server.state.refreshTokens.length = 0;
    return resultOf(await one.run(['refresh', 'oauth', '--json']));
  },

  PERMISSION_DENIED: () => basic(crm.url, ['--require', 'webhooks']),

  STORE_UNAVAILABLE: () => mattermost(chat.url, [], { ...keychain, DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(folder(), 'none')}` }),
  STORE_LOCKED: async () => {
    const session = await startSession();
    atTheEnd(() => session.stop());
    session.lock();
    return mattermost(chat.url, [], { ...keychain, ...session.env });
  },
  STORE_SEALED: team(({ state }) => { state.seal = 'sealed'; }),
  STORE_STANDBY: team(({ state }) => { state.standby = true; }),
  STORE_TOKEN_REJECTED: team(() => undefined, { BAO_TOKEN: 's.never-one-of-this-server' }),
  STORE_FORBIDDEN: team(({ state }) => {
    for (const one of state.tokens.values()) Object.assign(one, { policies: ['default'] });
  }),
  STORE_UNSUPPORTED: team(() => undefined, { CREDSETUP_VAULT_PATH: 'kv1/credsetup' }),
  STORE_NOT_FOUND: team(() => undefined, { CREDSETUP_VAULT_PATH: 'nope/credsetup' }),
  SECRET_DELETED: team((server) => { kept(server).deletionTime = new Date(0).toISOString(); }),
  SECRET_ALTERED: team((server) => { kept(server).data = { ...kept(server).data, url: 'https://elsewhere.example' }; }),
  STORE_TIMEOUT: async () => {
    const session = await startWedgedBus();
    atTheEnd(() => session.stop());
    return mattermost(chat.url, [], { ...keychain, ...session.env });
  },
  STORE_CORRUPT: changed('index.json', (text) => text.slice(0, -20)),
  STORE_TOO_NEW: changed('index.json', (text) => text.replace('"version": 1', '"version": 2')),
  // This process holds the lock and beats, as another credsetup at work would.
  STORE_BUSY: async () => {
    const one = copy();
    const path = join(one.home, 'write.lock');
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`, nonce: '0123456789abcdef'.repeat(2) }));
    const beat = setInterval(() => { utimesSync(path, new Date(), new Date()); }, 1000);
    const said = await one.run(['rename', 'chat', 'talk', '--json']);
    clearInterval(beat);
    return said;
  },
  STORE_UNWRITABLE: () => mattermost(chat.url, [], { CREDSETUP_HOME: programPath }),
  // The encrypted file was brought back from before the credential was saved.
  SECRET_MISSING: async () => {
    const one = script();
    await storeMautic(one, crm, 'crm');
    const before = readFileSync(join(one.home, 'credentials.age'));
    await storeMattermost(one, chat, 'chat');
    writeFileSync(join(one.home, 'credentials.age'), before);
    return one.run(['get', 'chat', '--json']);
  },
  SECRET_TOO_LARGE: async () => {
    const server = await mauticServer();
    const password = '€'.repeat(1000);
    server.user('contacts').password = password;
    return basic(server.url, [], password);
  },
  PASSPHRASE_REJECTED: async () => stored.run(['get', 'chat', '--json'], { env: { CREDSETUP_IDENTITY: await generateIdentity() } }),
  FILE_UNWRITABLE: () => stored.run(['export', 'chat', '--output', join(folder(), 'none', 'x.json'), '--json']),

  NOT_FOUND: () => stored.run(['show', 'nobody', '--json']),
  BOT_NAME_TAKEN: provisioning({ botsEnabled: true }, 'admin', ['--bot', 'joe']),
  NAME_TAKEN: () => copy().run(['rename', 'chat', 'crm', '--json']),
  HANDED_OVER: async () => {
    const { one } = await signedIn();
    await one.run(['export', 'oauth', '--format', 'n8n', '--hand-over'], { reveals: true });
    return one.run(['get', 'oauth', '--json']);
  },
  FILE_EXISTS: () => stored.run(['export', 'chat', '--output', programPath, '--json']),

  ACCOUNT_NAME_TAKEN: async () => {
    const server = await mauticServer();
    return script().run(['mautic', '--method', 'oauth2', '--url', server.url, '--username', 'admin', '--create-user', 'contacts', '--json'], { env: { CREDSETUP_PASSWORD: mauticPassword } });
  },
  CLIENT_NOT_FOUND: undefined,
  API_ACCESS_MISSING: undefined,
  SOME_FAILED: () => copy().run(['test', 'chat', 'nobody', '--json']),

  COMMAND_NOT_EXECUTABLE: () => stored.run(['exec', 'chat', '--json', '--', join(folder())]),
  COMMAND_NOT_FOUND: () => stored.run(['exec', 'chat', '--json', '--', 'credsetup-no-such-command']),

  AUTHORIZATION_DENIED: () => signIn(async (address) => { await fetch(callback(address, { error: 'access_denied' })); }),
  AUTHORIZATION_TIMEOUT: () => signIn(async () => undefined, { seconds: '1' }),
  // The code was made for another redirect URI of the same client.
  REDIRECT_URI_MISMATCH: () => signIn(async (address, server) => {
    const [client] = server.state.clients;
    if (client === undefined) throw new Error('there is no client');
    await fetch(callback(address, { code: server.makeCode(client, 'admin', 'http://127.0.0.1:1/other') }));
  }),
  PORT_IN_USE: async () => signIn(async () => undefined, { port: await listening(createServer()) }),

  SIGHUP: stopped('SIGHUP'),
  CANCELLED: stopped('SIGINT'),
  SIGTERM: stopped('SIGTERM'),
  BROKEN_PIPE: async () => {
    const { child, end } = start(['export', 'chat'], stored);
    child.stdout?.destroy();
    return end;
  },
};

/** The error of one result of a command that has results. */
function resultOf(said: Said, index = 0): Said {
  const { results } = JSON.parse(said.stdout) as { results: { error?: unknown }[] };
  return { ...said, stdout: JSON.stringify({ error: results[index]?.error }) };
}

const tools: Partial<Record<ErrorCode, Parameters<typeof has>[0]>> = {
  STORE_LOCKED: 'keychain', STORE_TIMEOUT: 'keychain',
  TLS_SELF_SIGNED: 'openssl', TLS_UNKNOWN_CA: 'openssl', TLS_EXPIRED: 'openssl', TLS_NOT_YET_VALID: 'openssl', TLS_HOST_MISMATCH: 'openssl',
};
const lacking = new Set([...new Set(Object.values(tools))].filter((tool) => !has(tool)));
const codes = Object.keys(exitCodes) as ErrorCode[];
const produced = codes.filter((code) => onTerminalsOnly[code] === undefined);
/** Thirty seconds of waiting, beside which the others run. */
const slowest: ErrorCode = 'STORE_BUSY';

/** What has no document: nobody reads it. */
const documentless: readonly ErrorCode[] = ['BROKEN_PIPE'];

describe('every code', () => {
  it('stands in the table with a cause, or with the reason why a script cannot get it', () => {
    expect(Object.keys(causes).sort()).toEqual([...codes].sort());
    expect(codes.filter((code) => causes[code] === undefined).sort()).toEqual(Object.keys(onTerminalsOnly).sort());
  });
});

describe.concurrent('a real cause gives', () => {
  for (const code of [slowest, ...produced.filter((one) => one !== slowest)]) {
    const tool = tools[code];
    it.skipIf(tool !== undefined && lacking.has(tool))(`${code}, its exit code, a message and what to do`, async ({ expect: expected }) => {
      const said = await (causes[code] as Cause)();
      expected(said.exitCode, `${said.stdout}${said.stderr}`).toBe(exitCodes[code]);
      expectNoSecret(said.stdout + said.stderr, [token, identity, mauticPassword, 'geheim1234', n8nKey]);
      if (documentless.includes(code)) return;
      const { error } = JSON.parse(code === 'SOME_FAILED' ? resultOf(said, 1).stdout : said.stdout) as { error: unknown };
      expected(error).toMatchObject({
        code: exitCodes[code] > 128 ? 'CANCELLED' : code === 'SOME_FAILED' ? 'NOT_FOUND' : code,
        exitCode: code === 'SOME_FAILED' ? exitCodes.NOT_FOUND : exitCodes[code],
        message: expected.stringMatching(/\S/), hint: expected.stringMatching(/\S/), retryable: [3].includes(exitCodes[code]) || ['STORE_BUSY', 'STORE_TIMEOUT'].includes(code),
      });
    }, 60_000);
  }
});
