/** n8n's OAuth Callback URL at the client of what is pushed: added by who signs in for it, or said where it is to be added. */
import type { Context, HttpOptions } from '../context.ts';
import type { Credential } from '../credential.ts';
import { CredsetupError, isCredsetupError, type ErrorCode } from '../errors.ts';
import { isOnCommandLine } from '../field-sources.ts';
import { targetFields } from '../services/n8n/fields.ts';
import { findService, methodOf } from '../services/registry.ts';
import { addRedirectUri, clientIdAtService, isRegistered } from '../stored/client-callback.ts';
import type { OpenN8n } from '../stored/copies/open.ts';
import type { StoredOptions } from '../stored/session.ts';
import { callbackOfN8n } from '../wizard/oauth2/n8n-callback.ts';
import { networkOptions, type Call } from './command.ts';

/** What became of it: why it was not added, or nothing where it is registered now. */
export interface Registration {
  readonly error?: CredsetupError;
}

/** What stops the push before anything is sent; every other failure lets it go on. */
const ofCommandLine: readonly ErrorCode[] = ['USAGE', 'INPUT_MISSING', 'CANCELLED'];

/** The sign-in that the command line gives; undefined where none is. Variables alone choose nothing: they may be another server's. */
export function signInGiven({ fields, options }: { readonly fields: Call['fields']; readonly options: { readonly proxy: string | undefined; readonly timeout: number | undefined } }): StoredOptions | undefined {
  const ofN8n: readonly string[] = targetFields.map(({ key }) => key);
  const given = Object.fromEntries(Object.entries(fields).filter(([key]) => !ofN8n.includes(key)));
  if (!Object.values(given).some(isOnCommandLine)) return undefined;
  return { fields: given, tokenId: undefined, proxy: options.proxy, timeout: networkOptions(options).timeout };
}

/** Throws USAGE for what has no client to which it could be added. */
export function refuseWithoutClient(credential: Credential): void {
  const { oauth, provisioning } = methodOf(credential);
  if (oauth !== undefined && provisioning?.addRedirectUris !== undefined) return;
  throw new CredsetupError('USAGE', `A sign-in adds n8n's OAuth Callback URL to an OAuth2 client, and ${credential.name} has none.`, {
    name: credential.name, hint: 'Nothing was sent. Leave the sign-in out.',
  });
}

/** Adds it where a sign-in is given. A refusal is said and kept for the result. Throws USAGE, INPUT_MISSING, CANCELLED. */
export async function registerCallback(
  credential: Credential, target: OpenN8n, signIn: StoredOptions | undefined, context: Context,
): Promise<Registration | undefined> {
  if (signIn === undefined) return undefined;
  const { output } = context;
  const uri = await callbackOf(target, context);
  try {
    const added = await addRedirectUri(await (await context.vault()).load(credential.name), uri, signIn, context);
    output.say(`  ${output.style.good('✔')} n8n's OAuth Callback URL ${added ? 'is registered at the client now' : 'was registered at the client already'}: ${uri}`);
    return {};
  } catch (error) {
    if (!isCredsetupError(error) || context.signal.aborted || ofCommandLine.includes(error.code)) throw error;
    output.warn(`  ${output.style.caution('!')} n8n's OAuth Callback URL was not added to the client: ${error.message} (${error.code})`);
    return { error: error.withHint(`${error.hint} What was written into n8n stays there; to add n8n's OAuth Callback URL, push it again with --replace and another sign-in, or do it by hand at ${pageOf(credential)}`) };
  }
}

/**
 * For what is still to be connected, where it is not known to be registered: only who signs in sees it. On a
 * terminal it is added at once if that is wanted; else it is said where a person adds it.
 */
export async function settleCallback(credential: Credential, target: OpenN8n, network: HttpOptions, context: Context): Promise<void> {
  const { oauth, provisioning } = methodOf(credential);
  if (oauth === undefined) return;
  const uri = await callbackOf(target, context);
  if (isRegistered(credential, uri)) return;
  const canAdd = provisioning?.addRedirectUris !== undefined;
  const { output } = context;
  output.say(['', '  Connect works when n8n\'s OAuth Callback URL is registered at the client. It is this line, whole:', uri].join('\n'));
  if (canAdd && context.interactive) {
    await addIfWanted(credential, target, network, context);
    return;
  }
  const where = provisioning?.words.furtherRedirectUri;
  const command = `credsetup push ${target.name ?? 'n8n'} ${credential.name} --replace --username USERNAME --password-file FILE`;
  output.say([
    `  If it is not there yet, add it${where === undefined ? '' : ` ${where}`}:`, `    Open   ${pageOf(credential)}`,
    ...(canAdd ? ['  Or have it added with a sign-in at the service:', `    ${command}`] : []),
  ].join('\n'));
}

/** A sign-in that failed, or was left, leads back to the question. */
async function addIfWanted(credential: Credential, target: OpenN8n, network: HttpOptions, context: Context): Promise<void> {
  const terminal = await context.terminal();
  for (;;) {
    const answer = await terminal.choose<boolean>({
      message: 'Is it registered at the client?',
      choices: [
        { value: false, label: 'Yes, or I add it myself', note: pageOf(credential) },
        { value: true, label: 'Add it for me', note: `sign in to ${findService(credential.service).title} once, as who may change the client` },
      ],
    });
    if (answer.kind === 'back' || !answer.value) return;
    try {
      const done = await registerCallback(credential, target, { fields: {}, tokenId: undefined, proxy: network.proxy, timeout: network.timeout }, context);
      if (done?.error === undefined) return;
    } catch (error) {
      if (!isCredsetupError(error) || error.code !== 'CANCELLED' || context.signal.aborted) throw error;
    }
  }
}

function callbackOf({ base, open }: OpenN8n, context: Context): Promise<string> {
  return callbackOfN8n(base, () => Promise.resolve(open), context);
}

function pageOf(credential: Credential): string {
  const { oauth, provisioning } = methodOf(credential);
  const id = provisioning === undefined ? undefined : clientIdAtService(credential, provisioning);
  const page = id === undefined ? undefined : provisioning?.clientPage?.(credential.url, id);
  return page ?? oauth?.clientsPage(credential.url) ?? credential.url;
}
