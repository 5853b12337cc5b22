/**
 * Every command with secrets that are known, and then a search through everything that was written
 * anywhere: both streams with --debug, every file, the arguments and the environment of every process.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/commands/catalog.ts';
import { mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import { n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { unusedPort } from '../ports.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { atTheEnd, folder, identity, mattermostServer, mauticServer } from './support.ts';

const linux = process.platform === 'linux';

/** A secret in every form in which it could be written, those of base64 without what a neighbour changes. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const cores = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  const hex = bytes.toString('hex');
  return [
    secret, encodeURIComponent(secret), encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()), JSON.stringify(secret).slice(1, -1),
    hex, hex.toUpperCase(), ...cores, ...cores.map((core) => core.replaceAll('+', '-').replaceAll('/', '_')), ...cores.map(encodeURIComponent),
  ];
}

/** Every text that was written, by where. */
const written: { readonly where: string; readonly text: string }[] = [];
const [home, temporary, cwd, given] = [folder(), folder(), folder(), folder()];
const run = new Map<string, number>();

/** The process and all below it; one that has just ended has none. */
function family(pid: number): readonly number[] {
  const children = ofProcess(pid, `task/${pid}/children`).split(' ').filter((text) => text !== '').map(Number);
  return [pid, ...children.flatMap(family)];
}

function ofProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH', 'EACCES'].includes(String(error.code))) return '';
    throw error;
  }
}

/** Looks at the processes as often as a busy machine lets it, and at least once. */
function watched(pid: number, where: string, environments: boolean): () => void {
  const seen = new Set<string>();
  const look = (): void => {
    for (const one of linux ? family(pid) : []) {
      seen.add(ofProcess(one, 'cmdline'));
      if (environments) seen.add(ofProcess(one, 'environ'));
    }
  };
  const timer = setInterval(look, 8);
  look();
  return () => {
    clearInterval(timer);
    for (const text of seen) written.push({ where: `${where}: a process`, text });
  };
}

function filesBelow(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? filesBelow(join(path, one.name)) : [join(path, one.name)]));
}

interface Way {
  readonly stdin?: string;
  /** Standard output holds a secret on purpose: it is not searched. */
  readonly reveals?: boolean;
  readonly exitCode?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** The command that it starts is given the secret in its environment, as it should. */
  readonly handsOn?: boolean;
}

const file = (name: string, text: string): string => {
  const path = join(given, name);
  writeFileSync(path, text);
  return path;
};

/** Runs a command; what it wrote is kept for the search at the end. No secret is in a variable, so none may be in any environment. */
async function credsetup(args: readonly string[], { stdin = '', reveals = false, exitCode = 0, env = {}, handsOn = false }: Way = {}): Promise<string> {
  const where = args.join(' ');
  const all = { CREDSETUP_HOME: home, CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY_FILE: join(given, 'identity'), TMPDIR: temporary, ...env };
  const words = [programPath, args[0] ?? '', '--debug', ...args.slice(1)];
  const child = spawn(process.execPath, words, { env: cleanEnvironment(all), cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  const looked = watched(child.pid ?? 0, where, !handsOn);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
  child.stdin.on('error', () => undefined).end(stdin);
  const [code] = await once(child, 'close') as [number | null];
  looked();
  expect(code, `${where}: ${stdout}${stderr}`).toBe(exitCode);
  run.set(args[0] ?? '', (run.get(args[0] ?? '') ?? 0) + 1);
  written.push({ where: `${where}: standard error`, text: stderr });
  if (!reveals) written.push({ where: `${where}: standard output`, text: stdout });
  for (const path of [home, temporary, cwd].flatMap(filesBelow)) written.push({ where: `${where}: ${path}`, text: readFileSync(path, 'latin1') });
  return stdout;
}

let [chat, crm, n8n] = [] as unknown as [PracticeMattermost, PracticeMautic, PracticeN8n];
/** Everything that is secret here, with what the servers made of themselves meanwhile. */
const secrets = (): readonly string[] => [...new Set([
  identity, mattermostPassword, mauticPassword, n8nApiKey, ...chat.state.tokens.map(({ token }) => token),
  ...crm.state.clients.map(({ clientSecret }) => clientSecret),
  ...crm.state.accessTokens.map(({ token }) => token), ...crm.state.refreshTokens.map(({ token }) => token), ...madeBefore,
])];
const madeBefore = new Set<string>();
const remember = (): void => { for (const one of secrets()) madeBefore.add(one); };

beforeAll(async () => {
  chat = await mattermostServer({ tokensEnabled: true, botsEnabled: true, developerMode: true });
  crm = await mauticServer({ apiEnabled: true, basicEnabled: true });
  n8n = await startN8n();
  atTheEnd(() => n8n.close());
  file('identity', `${identity}\n`);
  for (const [name, text] of [['chat-password', mattermostPassword], ['crm-password', mauticPassword], ['api-key', n8nApiKey]] as const) file(name, `${text}\n`);
});

describe('no secret is written anywhere', () => {
  it('by any command, done or failed: not in what is said, not in a file, not in a process list', async () => {
    const { token } = chat.makeToken('maker');
    const client = crm.makeClient();
    const from = (name: string): string => join(given, name);
    // Set-ups.
    await credsetup(['mattermost', '--url', chat.url, '--name', 'chat', '--token-file', file('token', token), '--json']);
    await credsetup(['mattermost', '--url', chat.url, '--create-token', '--username', 'maker', '--password-file', from('chat-password'), '--name', 'made']);
    await credsetup(['mattermost', '--url', chat.url, '--name', 'no', '--token-stdin', '--json'], { stdin: 'q8zk3wexr5tnb7yp4dhc9gfjma', exitCode: 7 });
    await credsetup(['mautic', '--method', 'basic', '--url', crm.url, '--username', 'contacts', '--password-file', from('crm-password'), '--name', 'crm']);
    await credsetup(['mautic', '--method', 'oauth2', '--grant', 'client-credentials', '--url', crm.url, '--client-id', client.clientId, '--client-secret-stdin', '--name', 'client', '--json'], { stdin: client.clientSecret });
    await credsetup(['mautic', '--method', 'oauth2', '--url', crm.url, '--username', 'admin', '--password-file', from('crm-password'), '--create-client', '--callback-port', String(await unusedPort()), '--name', 'page', '--json']);
    await credsetup(['n8n', '--url', n8n.url, '--api-key-file', from('api-key'), '--name', 'work']);
    remember();
    // What is stored, looked at and handed on.
    for (const args of [['list'], ['show', 'page', '--json'], ['test', '--all', '--json'], ['get', 'chat', 'url'], ['store', '--json'], ['completion', 'names'], ['rename', 'crm', 'customers'], ['check', 'work', '--json'], ['help', 'TOKEN_REJECTED'], ['completion', 'bash']]) await credsetup(args);
    await credsetup(['doctor', '--json']);
    await credsetup(['get', 'chat'], { reveals: true });
    await credsetup(['refresh', 'page', 'client', '--json']);
    await credsetup(['refresh', '--all', '--json']);
    const json = await credsetup(['export', 'chat', 'customers'], { reveals: true });
    await credsetup(['push', 'work', 'made', 'customers', '--json']);
    await credsetup(['exec', 'chat', '--', process.execPath, '-e', 'process.exit(process.env.MATTERMOST_TOKEN ? 0 : 1)'], { handsOn: true });
    await credsetup(['edit', 'chat', '--url', `${chat.url}/`]);
    await credsetup(['reconnect', 'chat', '--json', '--token-file', from('token')]);
    await credsetup(['rotate', 'made', '--grace', '0', '--json']);
    remember();
    await credsetup(['remove', 'chat', '--yes']);
    await credsetup(['import', file('export.json', json), '--partial', '--replace', '--json']);
    await credsetup(['apply', file('list.yaml', `version: 1\ncredentials:\n  - {name: again, service: mattermost, url: "${chat.url}", token: {file: token}}\n`), '--secrets-dir', given, '--allow-host', new URL(chat.url).host, '--json']);
    remember();
    await credsetup(['remove', 'made', '--revoke', '--yes', '--json', '--username', 'maker', '--password-file', from('chat-password')]);
    // Failures: a store that cannot be opened, a damaged one, a server that repeats what it got.
    await credsetup(['get', 'customers'], { exitCode: 10, env: { CREDSETUP_IDENTITY_FILE: file('other', 'AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n') } });
    chat.state.tokens.length = 0;
    await credsetup(['test', 'again', '--json'], { exitCode: 7 });
    expect([...run.keys()].sort()).toEqual([...new Set([...commands.map(({ name }) => name), 'help'])].sort());

    const forms = secrets().flatMap(formsOf).filter((form) => form.length >= 8);
    const found = written.flatMap(({ where, text }) => forms.filter((form) => text.includes(form)).map((form) => `${form} in ${where}`));
    expect(found).toEqual([]);
    // The search sees what it is there to see.
    expect(written.some(({ text }) => text.includes(chat.url))).toBe(true);
    expect(written.length).toBeGreaterThan(100);
    if (linux) expect(written.filter(({ where, text }) => where.endsWith('a process') && text.includes('credsetup')).length).toBeGreaterThan(20);
  }, 240_000);

  it.runIf(linux)('by a report of Node\'s own, which holds the environment, though the secret came in a variable', async () => {
    const reports = join(folder(), 'reports');
    mkdirSync(reports);
    const { token } = chat.makeToken('maker');
    const env = {
      CREDSETUP_HOME: folder(), CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity, CREDSETUP_TOKEN: token,
      NODE_OPTIONS: `--report-on-signal --report-signal=SIGUSR2 --report-directory=${reports} --report-filename=report.json`,
    };
    const child = spawn(process.execPath, [programPath, 'mattermost', '--url', chat.url, '--name', 'chat'], { env: cleanEnvironment(env), stdio: ['ignore', 'ignore', 'pipe'] });
    const path = join(reports, 'report.json');
    let asked = 0;
    chat.intercept = async (request, answer) => {
      asked += request.authorization === undefined ? 0 : 1;
      if (asked === 1) {
        child.kill('SIGUSR2');
        while (!wholeReport(path)) await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
      return await answer();
    };
    const [code] = await once(child, 'close') as [number | null];
    chat.intercept = undefined;
    expect(code).toBe(0);
    const report = readFileSync(path, 'utf8');
    expect((JSON.parse(report) as { environmentVariables: Record<string, string> }).environmentVariables).toHaveProperty('CREDSETUP_STORE', 'file');
    for (const form of [token, identity].flatMap(formsOf)) expect(report).not.toContain(form);
    rmSync(reports, { recursive: true });
  });
});

function wholeReport(path: string): boolean {
  try {
    return statSync(path).size > 0 && JSON.parse(readFileSync(path, 'utf8')) !== null;
  } catch (error) {
    // Not there yet, or written in part.
    if (error instanceof SyntaxError || (error instanceof Error && 'code' in error && error.code === 'ENOENT')) return false;
    throw error;
  }
}
