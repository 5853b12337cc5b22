/** `reconnect NAME`: the same credential again; everything but what was refused is kept, the redirect URI too. */
import { sayCopiesOlder } from '../stored/copies/current.ts';
import { findService, methodOf } from '../services/registry.ts';
import type { SetupOptions } from '../wizard/draft.ts';
import { setUp } from '../wizard/set-up.ts';
import { fresh } from '../stored/fresh.ts';
import { takeBack } from '../stored/hand-over.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { CredsetupError, isCredsetupError, type ErrorCode } from '../errors.ts';
import type { Context, Vault } from '../context.ts';
import { sameName } from '../credential-name.ts';
import type { reconnect } from './catalog.ts';
import { name, networkOptions, type CallOf, type Run } from './command.ts';
import { findOne } from './find-credentials.ts';

export const run: Run<typeof reconnect> = async (call, context) => {
  const vault = await context.vault();
  const credential = await findStored(name(call.args), vault);
  const existing = await load(credential, vault);
  if (existing !== undefined) refuseOtherAddress(existing, call);
  if (existing?.credential.handedOver?.state === 'pending' && await tookBack(existing.credential, call, context)) return 0;
  if (existing === undefined) sayUnbound(credential, context);
  const { full } = await setUp(existing === undefined ? anewOptions(credential, call) : reconnectOptions(existing, call), context);
  const { output } = context;
  output.say(`${output.style.good('✔')} ${output.style.bold(full.credential.name)} works again.`);
  // A sign-in that n8n keeps is its own; what is typed there is what was typed here.
  if (methodOf(full.credential).oauth === undefined || full.credential.signIn !== undefined) sayCopiesOlder(full.credential, context);
  if (call.json) output.json(full.credential);
  return 0;
};

/** A team's store looks at the secret to find it; its list does not. */
async function findStored(wanted: string, vault: Vault): Promise<Credential> {
  try {
    return await findOne(wanted, vault);
  } catch (error) {
    const listed = isCredsetupError(error) && unbound.includes(error.code) ? (await vault.list()).find((one) => sameName(one.name, wanted)) : undefined;
    if (listed === undefined) throw error;
    return listed;
  }
}

/** A hand-over that was cut off is undone without a sign-in, when the tokens still work here. */
async function tookBack(credential: Credential, call: CallOf<typeof reconnect>, context: Context): Promise<boolean> {
  const { output } = context;
  const deps = { vault: await context.vault(), http: await context.http(networkOptions(call.options)), context };
  await takeBack(credential, deps);
  try {
    const full = await fresh(credential.name, deps, { renew: 'now' });
    output.say(`${output.style.good('✔')} ${output.style.bold(credential.name)} is here again; nobody else has used its sign-in.`);
    if (call.json) output.json(full.credential);
    return true;
  } catch (error) {
    if (!isCredsetupError(error) || error.code !== 'REFRESH_REJECTED') throw error;
    output.say(`  ${credential.handedOver?.to ?? 'Somebody else'} has used the sign-in since; a new one is needed.`);
    return false;
  }
}

/** What is not there, or was changed by another hand, is bound to nothing. */
const unbound: readonly ErrorCode[] = ['SECRET_MISSING', 'SECRET_ALTERED', 'SECRET_DELETED'];

/** A secret that is gone is what reconnecting repairs: undefined. An unreadable store is not. */
async function load({ name: wanted }: Credential, vault: Vault): Promise<FullCredential | undefined> {
  try {
    return await vault.load(wanted);
  } catch (error) {
    // A record of this name that is damaged; not a store that is.
    const damaged = isCredsetupError(error) && error.code === 'STORE_CORRUPT' && error.details.name === wanted;
    if (!isCredsetupError(error) || !(damaged || unbound.includes(error.code))) throw error;
    return undefined;
  }
}

/** What a stored secret is bound to stays. Throws USAGE. */
function refuseOtherAddress({ credential: { name: stored, url } }: FullCredential, { options }: CallOf<typeof reconnect>): void {
  const moved = options.url !== undefined && options.url.replace(/\/$/, '') !== url;
  if (!moved && !options.ignoreSslIssues && !options.allowHttp && options.caFile.length === 0) return;
  throw new CredsetupError('USAGE', `${stored} stays at ${url}, connected as it is: reconnect only gives it a new secret.`, { name: stored, hint: `Change that first: credsetup edit ${stored}` });
}

/** Only the secret's own record says where it belongs; what the index says may be anybody's. */
function sayUnbound({ name: stored, url, service }: Credential, { output, interactive }: Context): void {
  output.warn(`  ${output.style.caution('!')} The secret of ${stored} is gone or was changed by another hand, and with it the proof of where it belonged. The index says ${url}: give the address of your ${findService(service).title} again${interactive ? '' : ', with --url'}.`);
}

function anewOptions(credential: Credential, call: CallOf<typeof reconnect>): SetupOptions {
  const { caFile, ignoreSslIssues, allowHttp } = call.options;
  return { ...commonOptions(credential, call), inPlaceOf: credential, caFiles: caFile, ignoreSslIssues, allowHttp };
}

function reconnectOptions(existing: FullCredential, call: CallOf<typeof reconnect>): SetupOptions {
  const { ignoreSslIssues, allowHttp } = existing.credential;
  return { ...commonOptions(existing.credential, call), existing, caFiles: [], ignoreSslIssues, allowHttp };
}

function commonOptions(credential: Credential, { options, fields }: CallOf<typeof reconnect>): Omit<SetupOptions, 'caFiles' | 'ignoreSslIssues' | 'allowHttp'> {
  const service = findService(credential.service);
  const { callbackPort, browser, loginTimeout } = options;
  const grant = credential.grant === 'client-credentials' ? credential.grant : undefined;
  return {
    service, method: credential.method, name: credential.name, replace: false, store: credential.store,
    fields: { ...fields, [service.address.field.key]: { value: options.url } }, require: [],
    signIn: { grant, by: undefined, callbackPort, browser, loginTimeout, n8nCallbackUrl: undefined },
    proxy: networkOptions(options).proxy, timeout: networkOptions(options).timeout,
  };
}
