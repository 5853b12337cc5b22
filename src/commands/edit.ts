/** `edit NAME`: another address, TLS setting or store; validated with the stored secret before it is saved. */
import { sayCopiesOlder } from '../stored/copies/current.ts';
import type { Connection, Context } from '../context.ts';
import type { Credential, FullCredential, StoreKind } from '../credential.ts';
import { CredsetupError } from '../errors.ts';
import { findService, methodOf, services } from '../services/registry.ts';
import type { Validation } from '../services/service.ts';
import { locate } from '../server/address.ts';
import { validatedClient } from '../server/client-alone.ts';
import { apiOf, readConnection } from '../server/connection.ts';
import { validated } from '../server/validation.ts';
import { revalidated } from '../stored/revalidated.ts';
import { printWarnings } from '../warning-text.ts';
import { confirm } from './confirm.ts';
import { loadClient } from '../stored/load-fresh.ts';
import type { edit } from './catalog.ts';
import { name, networkOptions, type CallOf, type Run } from './command.ts';
import { findOne } from './find-credentials.ts';
import { sayWhere, storeTitles } from './where-kept.ts';

export const run: Run<typeof edit> = async (call, context) => {
  const change = changeOf(call);
  const vault = await context.vault();
  const there = await findOne(name(call.args), vault);
  const full = await loadClient(there, networkOptions(call.options), context);
  const connection = await newConnection(full, change, context);
  const store = change.store ?? full.credential.store;
  // A store that does not work is told before anything is sent.
  await vault.prepare(store);
  const url = await newAddress(full.credential, change, connection, call, context);
  const validation = await validate(full, url, connection, call, context);
  const { credential } = await vault.save(await edited(full, { url, connection, store, validation }, call, context), (one) => one.id === there.id);
  context.output.say(`${context.output.style.good('✔')} ${credential.name} was validated and saved: ${credential.url}, in ${storeTitles[credential.store]}.`);
  if (credential.url !== there.url || credential.ignoreSslIssues !== there.ignoreSslIssues) sayCopiesOlder(credential, context);
  if (credential.store === 'vault' && change.store === 'vault') await sayWhere({ ...full, credential }, context);
  printWarnings(credential.warnings, there.warnings, context.output);
  if (call.json) context.output.json(credential);
  return 0;
};

type Edit = CallOf<typeof edit>;

interface Change {
  readonly url: string | undefined;
  readonly caFiles: readonly string[];
  readonly noCa: boolean;
  /** undefined: as it is. */
  readonly ignoreSslIssues: boolean | undefined;
  readonly allowHttp: boolean | undefined;
  readonly store: StoreKind | undefined;
}

/** Options that take each other back. */
const opposites = [['ignoreSslIssues', 'checkSsl', '--ignore-ssl-issues and --check-ssl'], ['allowHttp', 'httpsOnly', '--allow-http and --https-only']] as const;

/** Throws USAGE when there is nothing to change, or two ways at once. */
function changeOf({ options }: Edit): Change {
  const both = opposites.find(([on, off]) => options[on] && options[off]);
  if (both !== undefined) throw new CredsetupError('USAGE', `${both[2]} say the opposite of each other.`, { hint: 'Keep one of them.' });
  const switched = (on: boolean, off: boolean): boolean | undefined => (off ? false : on ? true : undefined);
  const change: Change = {
    url: options.url, caFiles: options.caFile, noCa: options.dropCa,
    ignoreSslIssues: switched(options.ignoreSslIssues, options.checkSsl), allowHttp: switched(options.allowHttp, options.httpsOnly),
    store: options.store,
  };
  const { ignoreSslIssues, allowHttp, ...others } = change;
  const nothing = Object.values(others).every((value) => value === undefined || value === false || (Array.isArray(value) && value.length === 0));
  if (nothing && ignoreSslIssues === undefined && allowHttp === undefined) {
    throw new CredsetupError('USAGE', 'Nothing to change was given.', { hint: 'Give --url, --store, --ca-file, --drop-ca, --ignore-ssl-issues, --check-ssl, --allow-http or --https-only.' });
  }
  return change;
}

async function newConnection({ credential, certificates }: FullCredential, change: Change, context: Context): Promise<Connection> {
  const read = await readConnection({
    caFiles: change.caFiles, ignoreSslIssues: change.ignoreSslIssues ?? credential.ignoreSslIssues, allowHttp: change.allowHttp ?? credential.allowHttp,
  }, context);
  const kept = change.noCa ? [] : certificates;
  return { ...read, certificates: [...new Set([...kept, ...read.certificates])] };
}

/** Another host gets the stored secret only when somebody said so. Throws what `locate` throws, INPUT_MISSING, CANCELLED. */
async function newAddress(credential: Credential, { url }: Change, connection: Connection, call: Edit, context: Context): Promise<string> {
  if (url === undefined) return credential.url;
  const http = await context.http(networkOptions(call.options));
  const base = await locate(url, findService(credential.service), services, http, connection);
  const host = (address: string): string => new URL(address).host;
  if (host(base) !== host(credential.url) && !call.yes) {
    await confirm(context, { message: `The stored secret will be sent to ${host(base)}; until now it belonged to ${host(credential.url)}. Type the word to go on`, word: 'move', otherwise: '--yes' });
  }
  return base;
}

/** The stored secret at the new place. Throws what the server refused, and INPUT_INVALID for another account. */
async function validate({ credential, secrets }: FullCredential, url: string, connection: Connection, call: Edit, context: Context): Promise<Validation> {
  const method = methodOf(credential);
  const http = await context.http(networkOptions(call.options));
  const presented = { fields: credential.fields, secrets, stored: { credential, now: context.now() } };
  if (credential.signIn !== undefined) {
    return validatedClient(presented, { service: findService(credential.service), method, base: url, http, connection, context });
  }
  const validation = await validated(method, apiOf(url, http, connection), presented, context.output);
  const { id, username } = validation.account;
  if ((id ?? username) !== (credential.account.id ?? credential.account.username)) {
    throw new CredsetupError('INPUT_INVALID', `At ${url} the secret belongs to another account (${username ?? id ?? 'unnamed'}); nothing was changed.`, {
      name: credential.name, hint: `Set it up as a credential of its own: credsetup ${credential.service} --url ${url}`,
    });
  }
  return validation;
}

/** The address is looked at anew where it changed: what was said of the one before is not true of it. */
async function edited(full: FullCredential, to: {
  readonly url: string; readonly connection: Connection; readonly store: StoreKind; readonly validation: Validation
}, call: Edit, context: Context): Promise<FullCredential> {
  const { url, connection, store, validation } = to;
  const service = findService(full.credential.service);
  const method = methodOf(full.credential);
  const inspected = url === full.credential.url ? undefined : await service.inspect(
    apiOf(url, await context.http(networkOptions(call.options)), connection), method, undefined,
  );
  return {
    secrets: full.secrets, certificates: connection.certificates,
    credential: { ...revalidated(full.credential, { service, method, url, connection, validation, inspected, now: context.now() }), store },
  };
}
