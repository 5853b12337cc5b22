/** `reconnect NAME`: the same credential again; everything but what was refused is kept, the redirect URI too. */
import { findService } from '../services/registry.ts';
import type { SetupOptions } from '../wizard/draft.ts';
import { setUp } from '../wizard/set-up.ts';
import { fresh } from '../stored/fresh.ts';
import { takeBack } from '../stored/hand-over.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { isCredsetupError } from '../errors.ts';
import type { Context, Vault } from '../context.ts';
import type { reconnect } from './catalog.ts';
import { name, networkOptions, type CallOf, type Run } from './command.ts';
import { findOne } from './find-credentials.ts';

export const run: Run<typeof reconnect> = async (call, context) => {
  const vault = await context.vault();
  const existing = await load(name(call.args), vault);
  if (existing.credential.handedOver?.state === 'pending' && await tookBack(existing.credential, call, context)) return 0;
  const { full } = await setUp(reconnectOptions(existing, call), context);
  const { output } = context;
  output.say(`${output.style.good('✔')} ${output.style.bold(full.credential.name)} works again.`);
  if (call.json) output.json(full.credential);
  return 0;
};

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

/** A secret that is gone is what reconnecting repairs; an unreadable store is not. */
async function load(wanted: string, vault: Vault): Promise<FullCredential> {
  const credential = await findOne(wanted, vault);
  try {
    return await vault.load(credential.name);
  } catch (error) {
    if (!isCredsetupError(error) || error.code !== 'SECRET_MISSING') throw error;
    return { credential, secrets: {}, certificates: [] };
  }
}

function reconnectOptions(existing: FullCredential, { options, fields }: CallOf<typeof reconnect>): SetupOptions {
  const { credential } = existing;
  const service = findService(credential.service);
  const { callbackPort, browser, loginTimeout } = options;
  const grant = credential.grant === 'client-credentials' ? credential.grant : undefined;
  return {
    service, method: credential.method, name: credential.name, replace: false, store: credential.store, existing,
    fields, require: [], caFiles: [],
    ignoreSslIssues: credential.ignoreSslIssues, allowHttp: credential.allowHttp,
    signIn: { grant, callbackPort, browser, loginTimeout, n8nCallbackUrl: undefined },
    proxy: networkOptions(options).proxy, timeout: networkOptions(options).timeout,
  };
}
