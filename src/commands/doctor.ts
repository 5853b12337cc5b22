/** `doctor`: what of this computer keeps a set-up from working, with a fix for each fault. Sends no secret but to a stored n8n. */
import type { Context, HttpOptions } from '../context.ts';
import type { Credential, StoreKind } from '../credential.ts';
import { exitCodes, isCredsetupError, toCredsetupError } from '../errors.ts';
import { certificatesIn } from '../server/connection.ts';
import { timeOf } from '../services/answer.ts';
import { services } from '../services/registry.ts';
import { testAll } from '../stored/testing.ts';
import type { doctor } from './catalog.ts';
import { networkOptions, type Run } from './command.ts';

interface Check {
  readonly id: string;
  readonly status: 'ok' | 'warn' | 'fail' | 'skip';
  readonly message: string;
  readonly fix?: string;
}

type Examine = (context: Context, network: HttpOptions) => Promise<readonly Check[]>;

const ok = (id: string, message: string): readonly Check[] => [{ id, status: 'ok', message }];
const skip = (id: string, message: string): readonly Check[] => [{ id, status: 'skip', message }];
const bad = (id: string, status: 'warn' | 'fail', message: string, fix: string): readonly Check[] => [{ id, status, message, fix }];

/** In the order in which one fault explains the next. A check that cannot be made has failed. */
const examinations: readonly (readonly [string, Examine])[] = [
  ['node', node], ['home', home], ['keychain', keychain], ['encrypted-file', encryptedFile], ['vault', vault],
  ['callback-port', callbackPort], ['browser', browser], ['clipboard', clipboard], ['proxy', proxy], ['ca-files', caFiles],
  ['clock', clock], ['n8n', storedN8ns],
];

export const run: Run<typeof doctor> = async (call, context) => {
  const checks: Check[] = [];
  for (const [id, examine] of examinations) {
    try {
      checks.push(...await examine(context, networkOptions(call.options)));
    } catch (error) {
      if (context.signal.aborted) throw error;
      const { message, hint } = toCredsetupError(error);
      checks.push(...bad(id, 'fail', message, hint));
    }
  }
  if (call.json) context.output.json({ checks });
  else for (const one of checks) say(one, context);
  return checks.some(({ status }) => status === 'fail') ? exitCodes.SOME_FAILED : 0;
};

function say({ id, status, message, fix }: Check, { output }: Context): void {
  const { good, caution, bad: red, dim } = output.style;
  const sign = { ok: good('✔'), warn: caution('!'), fail: red('✖'), skip: dim('-') }[status];
  const line = `${sign} ${id}: ${message}`;
  if (status === 'ok' || status === 'skip') output.say(line);
  else output.warn(line);
  if (fix !== undefined) output.warn(`    ${fix}`);
}

async function node(context: Context): Promise<readonly Check[]> {
  const { nodeVersion } = await context.machine();
  return ok('node', `Node.js ${nodeVersion}`);
}

async function home(context: Context): Promise<readonly Check[]> {
  const { home: folder, homeMode, homeIsWritable } = await context.machine();
  if (!homeIsWritable) return bad('home', 'fail', `${folder} cannot be ${homeMode === undefined ? 'made' : 'written'} by this user; what is stored can be used, and nothing can be saved or renewed`, 'Set CREDSETUP_HOME to a folder of yours that can be written, or let this one be: its owner, its rights, and whether its file system may only be read.');
  const stored = await (await context.vault()).list();
  if (homeMode === undefined) return ok('home', `${folder} is made by the first set-up`);
  if ((homeMode & 0o077) !== 0) return bad('home', 'warn', `${folder} can be opened by others (mode ${(homeMode & 0o777).toString(8)}); the files in it cannot`, `chmod 700 ${folder}`);
  return ok('home', `${folder}, ${stored.length} stored`);
}

/** A store that nobody chose and nothing lies in may be missing. */
async function usesStore(kind: StoreKind, context: Context): Promise<boolean> {
  return (context.env['CREDSETUP_STORE'] ?? '') === kind || (await (await context.vault()).list()).some(({ store }) => store === kind);
}

async function keychain(context: Context): Promise<readonly Check[]> {
  try {
    await (await context.vault()).prepare('keychain');
    return ok('keychain', 'it takes a secret and gives it back');
  } catch (error) {
    if (!isCredsetupError(error) || error.exitCode > 128) throw error;
    const needed = await usesStore('keychain', context) || (context.env['CREDSETUP_STORE'] ?? '') === '';
    return bad('keychain', needed ? 'fail' : 'warn', error.message, error.hint);
  }
}

async function encryptedFile(context: Context): Promise<readonly Check[]> {
  const store = await context.vault();
  const one = (await store.list()).find((credential) => credential.store === 'file');
  if (one === undefined) return skip('encrypted-file', 'nothing is stored in it');
  await store.load(one.name);
  return ok('encrypted-file', 'it opens, and holds what the list says');
}

async function vault(context: Context): Promise<readonly Check[]> {
  const { env } = context;
  if ((env['BAO_ADDR'] ?? env['VAULT_ADDR'] ?? '') === '' && !await usesStore('vault', context)) return skip('vault', 'neither BAO_ADDR nor VAULT_ADDR is set');
  await (await context.vault()).prepare('vault');
  return ok('vault', 'it takes a secret and gives it back');
}

/** The first of the contract's ports is the one that is registered where nobody chose another. */
async function callbackPort(context: Context): Promise<readonly Check[]> {
  const { portIsFree } = await context.machine();
  const ports = [18265, 18266, 18267, 18268, 18269];
  const free: number[] = [];
  for (const port of ports) if (await portIsFree(port)) free.push(port);
  if (free.includes(18265)) return ok('callback-port', '127.0.0.1:18265 is free');
  const fix = free[0] === undefined ? 'End the program that holds it (lsof -i :18265), or choose another with --callback-port.' : `A first set-up takes ${free[0]} by itself; for what is registered with 18265, end the program that holds it (lsof -i :18265).`;
  return bad('callback-port', 'warn', 'another program listens on 127.0.0.1:18265', fix);
}

async function browser(context: Context): Promise<readonly Check[]> {
  return (await context.machine()).canOpenBrowser ? ok('browser', 'there is a program to open one with')
    : bad('browser', 'warn', 'no browser can be opened here', 'The address is printed then, to be opened on your own computer. Or name one that shows itself: BROWSER=PROGRAM.');
}

async function clipboard(context: Context): Promise<readonly Check[]> {
  return (await context.machine()).hasClipboard ? ok('clipboard', 'it can be written')
    : bad('clipboard', 'warn', 'this machine has none that can be written', 'On Linux install wl-clipboard or xclip; or copy from the screen.');
}

async function proxy(context: Context): Promise<readonly Check[]> {
  const { env } = context;
  const set = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].filter((name) => (env[name] ?? '') !== '');
  if (set.length === 0) return skip('proxy', 'none is set');
  const broken = set.find((name) => !/^https?:$/.test(URL.canParse(env[name] ?? '') ? new URL(env[name] ?? '').protocol : ''));
  if (broken !== undefined) return bad('proxy', 'fail', `${broken} is no address of a proxy`, `Set it to http://HOST:PORT, or unset it: unset ${broken}`);
  const { connects } = await context.machine();
  for (const name of set) {
    const { host, hostname, port, protocol } = new URL(env[name] ?? '');
    if (await connects(hostname.replace(/^\[(.*)\]$/, '$1'), Number(port === '' ? { 'http:': 80, 'https:': 443 }[protocol] : port))) continue;
    return bad('proxy', 'fail', `nothing takes a connection at ${host}, which ${name} names`, `Start that proxy, correct the address, or go without one: unset ${name}`);
  }
  return ok('proxy', set.map((name) => `${name} is ${new URL(env[name] ?? '').host}`).join(', '));
}

async function caFiles(context: Context): Promise<readonly Check[]> {
  if (context.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    return bad('ca-files', 'warn', 'NODE_TLS_REJECT_UNAUTHORIZED=0 is set; credsetup checks certificates all the same, other programs of Node do not', 'unset NODE_TLS_REJECT_UNAUTHORIZED');
  }
  const path = context.env['NODE_EXTRA_CA_CERTS'] ?? '';
  if (path === '') return skip('ca-files', 'NODE_EXTRA_CA_CERTS is not set');
  const found = await certificatesIn(await context.readFile(path, 5 * 1024 * 1024, 'NODE_EXTRA_CA_CERTS'), path);
  return ok('ca-files', `${path} holds ${found.length === 1 ? 'one certificate' : `${found.length} certificates`}`);
}

const mostSecondsOff = 60;

/** Against the first stored server that answers, without any credential. */
async function clock(context: Context, network: HttpOptions): Promise<readonly Check[]> {
  for (const one of await serversOf(context)) {
    const at = await timeAt(one, context, network);
    if (at === undefined) continue;
    const off = Math.round((context.now().getTime() - at.getTime()) / 1000);
    const { host } = new URL(one.url);
    if (Math.abs(off) <= mostSecondsOff) return ok('clock', `as at ${host}`);
    return bad('clock', 'fail', `it is ${Math.abs(off)} seconds ${off > 0 ? 'before' : 'behind'} the one of ${host}: tokens seem to end too ${off > 0 ? 'early' : 'late'}, and certificates may seem not valid`, 'Set the clock of this computer (timedatectl set-ntp true), or ask the admin of that server to set theirs.');
  }
  return skip('clock', 'no stored server answered');
}

async function serversOf(context: Context): Promise<readonly Credential[]> {
  const stored = await (await context.vault()).list();
  return stored.filter(({ url }, index) => stored.findIndex((other) => new URL(other.url).host === new URL(url).host) === index).slice(0, 3);
}

async function timeAt({ url, service, ignoreSslIssues, allowHttp }: Credential, context: Context, network: HttpOptions): Promise<Date | undefined> {
  const known = services.find(({ id }) => id === service);
  if (known === undefined) return undefined;
  const http = await context.http(network);
  const answer = await http.send({ method: 'GET', url: `${url}${known.address.proofPath}` }, { ignoreSslIssues, allowHttp, certificates: [] }).catch((error: unknown) => {
    if (isCredsetupError(error) && error.exitCode < 128) return undefined;
    throw error;
  });
  return answer === undefined ? undefined : timeOf(answer);
}

async function storedN8ns(context: Context, network: HttpOptions): Promise<readonly Check[]> {
  const stored = await (await context.vault()).list();
  const n8ns = stored.filter(({ service }) => services.find(({ id }) => id === service)?.address.isN8n === true);
  if (n8ns.length === 0) return skip('n8n', 'none is stored');
  const results = [...(await testAll(n8ns, network, context)).values()];
  return results.flatMap(({ name, error, credential }) => (error === undefined ? ok('n8n', `${name} at ${credential?.url ?? ''} takes its key`) : bad('n8n', 'fail', `${name}: ${error.message}`, error.hint)));
}
