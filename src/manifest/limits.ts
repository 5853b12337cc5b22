/**
 * What a file for `apply` may reach. Whoever writes it must not be able to have somebody's secrets
 * sent to an address of theirs, so the command line, and not the file, says which variables, which
 * folder and which hosts. All of it is found out before anything is read or sent.
 */
import { CredsetupError, type MissingInput } from '../errors.ts';
import { isLoopbackHost } from '../http/loopback.ts';
import type { Entry } from './read.ts';

export interface Limits {
  /** `--allow-env`: names that do not begin with CREDSETUP_. */
  readonly env: readonly string[];
  readonly secretsDir: string | undefined;
  /** `--allow-host`: HOST or HOST:PORT. Undefined where a person is asked. */
  readonly hosts: readonly string[] | undefined;
  readonly ignoreSslIssues: boolean;
  readonly allowHttp: boolean;
}

/** Somewhere that an entry's secret goes, by the member that says so. */
export interface Place {
  readonly field: 'url' | 'push' | 'urlInN8n';
  readonly url: URL;
}

/** What opens the stores themselves is nobody's credential, whatever is allowed. */
const neverOurs = /^CREDSETUP_(PASSPHRASE|IDENTITY|VAULT_|HOME$|STORE$|KEYCHAIN_)/i;

/** `host:port`, the scheme's own port filled in. */
function placeOf(url: URL): string {
  return `${url.hostname}:${url.port === '' ? (url.protocol === 'http:' ? '80' : '443') : url.port}`;
}

/** How `--allow-host` names it. */
export function hostOf(url: URL): string {
  return placeOf(url).replace(/:443$/, '');
}

/**
 * @param placesOf all that an entry's secret would go to
 * @throws USAGE for what may never be, INPUT_MISSING naming all that the command line would have to allow
 */
export function checkLimits(entries: readonly Entry[], limits: Limits, placesOf: (entry: Entry) => readonly Place[]): void {
  const missing = new Map<string, MissingInput>();
  const need = (field: string, option: string): void => void missing.set(option, { field, option, variable: '' });
  for (const entry of entries) {
    for (const [key, source] of Object.entries(entry.sources)) {
      if ('env' in source) needEnv(source.env, entry, limits, () => { need(key, `--allow-env ${shown(source.env)}`); });
      else if (limits.secretsDir === undefined) need(key, '--secrets-dir FOLDER');
    }
    if (entry.caFile !== undefined && limits.secretsDir === undefined) need('caFile', '--secrets-dir FOLDER');
    if (entry.ignoreSslIssues && !limits.ignoreSslIssues) need('ignoreSslIssues', '--ignore-ssl-issues');
    for (const { field, url } of placesOf(entry)) {
      if (limits.hosts !== undefined && !isAllowed(url, limits.hosts)) need(field, `--allow-host ${hostOf(url)}`);
      if (field === 'urlInN8n' && url.protocol === 'http:' && !isLoopbackHost(url.hostname) && !limits.allowHttp) need(field, '--allow-http');
    }
  }
  if (missing.size === 0) return;
  throw new CredsetupError('INPUT_MISSING', `The file asks for more than this command line allows: ${[...missing.keys()].join(', ')}.`, {
    missing: [...missing.values()], hint: 'Read the file, and add what it may really have. Nothing was read and nothing was sent.',
  });
}

function needEnv(name: string, entry: Entry, { env }: Limits, need: () => void): void {
  if (neverOurs.test(name)) {
    throw new CredsetupError('USAGE', `${entry.at}: ${shown(name)} opens the store itself and is never sent to a server.`, { hint: 'Name a variable that holds this credential\'s secret.' });
  }
  if (!name.startsWith('CREDSETUP_') && !env.includes(name)) need();
}

function isAllowed(url: URL, hosts: readonly string[]): boolean {
  return hosts.some((host) => {
    const given = URL.canParse(`https://${host}`) ? new URL(`${url.protocol}//${host}`) : undefined;
    return given !== undefined && given.pathname === '/' && given.username === '' && placeOf(given) === placeOf(url);
  });
}

/** A name as a message may show it. */
function shown(name: string): string {
  return /^[A-Za-z_]\w{0,99}$/.test(name) ? name : JSON.stringify(name.slice(0, 100));
}
