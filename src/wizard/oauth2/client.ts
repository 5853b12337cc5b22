/** The OAuth2 client: its Redirect URI is known before it is made, and it is checked before any browser opens. */
import type { Answer, Terminal } from '../../context.ts';
import type { Credential } from '../../credential.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import type { RedirectServer } from '../../oauth/redirect-server.ts';
import type { TokenEndpoint } from '../../oauth/tokens.ts';
import type { OAuth } from '../../services/oauth-description.ts';
import { anyRedirectUri } from '../../server/client-alone.ts';
import { apiOf } from '../../server/connection.ts';
import { tokenEndpointOf } from '../../server/token-endpoint.ts';
import { known, type Draft, type Grant, type Outcome, type PlacedDraft } from '../draft.ts';
import { callbackOfStored, callbackOfTyped, callbackProblem, callbackUrlFor, callbackUrlOf, storedN8ns, usualAddress } from './n8n-callback.ts';
import { askWhoSignsIn, onlyN8nSignsIn } from './who-signs-in.ts';

export function grantOf(draft: Draft): Grant {
  return draft.options.signIn.grant ?? 'authorization-code';
}

export function endpointOf(draft: PlacedDraft): TokenEndpoint {
  const { service, http, connection, context } = draft;
  return tokenEndpointOf({
    service, oauth: oauthOf(draft), base: draft.base, http, connection, context,
    clientId: known(draft.values.get('clientId'), 'client ID'), clientSecret: known(draft.values.get('clientSecret'), 'client secret'),
  });
}

export function oauthOf({ method }: PlacedDraft): OAuth {
  return known(method.oauth, 'OAuth2 of the method');
}

/** Who signs in, and what is registered for that: our own URI has a port that was tried. Throws PORT_IN_USE, INPUT_INVALID. */
export async function redirectStage(draft: PlacedDraft): Promise<Outcome> {
  const who = draft.terminal === undefined ? undefined : await askWhoSignsIn(draft, draft.terminal);
  if (who?.kind === 'back') return 'back';
  if (who !== undefined) {
    draft.signInBy = who.value.by;
    if (!who.value.n8n) draft.n8nCallbackUrl = '';
  }
  const n8n = await n8nCallbackUrl(draft, who?.value.n8n === true || onlyN8nSignsIn(draft));
  if (n8n === 'back') {
    delete draft.signInBy;
    return who === undefined ? 'back' : redirectStage(draft);
  }
  const server = await serverFor(draft);
  const before = draft.redirect?.registered;
  draft.redirect = { ...(server === undefined ? {} : { server }), registered: [server?.redirectUri ?? '', n8n.url].filter((one) => one !== '').join(',') };
  if (n8n.url !== '' && draft.redirect.registered !== before) tellRegistered(draft, draft.redirect.registered);
  return who !== undefined || n8n.asked ? 'next' : 'through';
}

/** Where only n8n signs in, nothing is listened for here. */
async function serverFor(draft: PlacedDraft): Promise<RedirectServer | undefined> {
  const open = draft.redirect?.server;
  if (!onlyN8nSignsIn(draft)) return open ?? openRedirectServer(draft);
  await open?.close();
  return undefined;
}

async function openRedirectServer(draft: PlacedDraft): Promise<RedirectServer> {
  const { startRedirectServer } = await import('../../oauth/redirect-server.ts');
  const { signal, output } = draft.context;
  return startRedirectServer({
    ports: portsOf(draft), signal, redact: (text) => output.plain(text),
    protect: (secret) => { output.protect(secret); }, debug: (line) => { output.debug(line); },
  }).catch((error: unknown) => { throw withRegistration(draft, error); });
}

/** The redirect server of this run. */
export function redirectServerOf({ redirect }: PlacedDraft): RedirectServer {
  return known(redirect?.server, 'redirect server');
}

/** What was made of an answer is seen before it is registered; a step shows it too, on a terminal. */
function tellRegistered({ context: { output } }: Draft, registered: string): void {
  output.say('  To be registered as Redirect URI, in one line:');
  output.say(registered);
}

/** Another port than the stored one has to be registered first. */
function withRegistration(draft: PlacedDraft, error: unknown): unknown {
  const { existing } = draft.options;
  if (existing === undefined || !isCredsetupError(error) || error.code !== 'PORT_IN_USE') return error;
  const page = oauthOf(draft).clientsPage(draft.base);
  return error.with({ name: existing.credential.name })
    .withHint(`${error.hint} The client is at ${page}: add the new URI to its Redirect URI, behind a comma, and Save. Then: credsetup reconnect ${existing.credential.name} --callback-port PORT`);
}

function portsOf(draft: Draft): readonly number[] | undefined {
  const { existing, inPlaceOf } = draft.options;
  const stored = (existing?.credential ?? inPlaceOf)?.fields.redirectUri;
  const port = draft.options.signIn.callbackPort ?? portIn(stored);
  return port === undefined ? undefined : [port];
}

/** The index alone may say anything. */
function portIn(redirectUri: string | undefined): number | undefined {
  const port = redirectUri !== undefined && URL.canParse(redirectUri) ? Number(new URL(redirectUri).port) : 0;
  return port === 0 ? undefined : port;
}

/** '' when n8n does not use this client, or nobody said what its address is. */
async function n8nCallbackUrl(draft: PlacedDraft, wanted: boolean): Promise<{ readonly url: string; readonly asked: boolean } | 'back'> {
  const given = draft.options.signIn.n8nCallbackUrl;
  if (given !== undefined) return { url: await callbackUrlOf(given, draft).catch((error: unknown) => { throw atOption(error); }), asked: false };
  const { terminal } = draft;
  // A stored credential's client has its redirect URIs already.
  if (terminal === undefined || (draft.options.existing ?? draft.options.inPlaceOf) !== undefined) return { url: '', asked: false };
  // A step that was done leads through here once more.
  if (draft.n8nCallbackUrl !== undefined) return { url: draft.n8nCallbackUrl, asked: false };
  const answer = wanted ? await askForCallbackUrl(draft, terminal) : await askForN8n(draft, terminal);
  if (answer.kind === 'back') return 'back';
  draft.n8nCallbackUrl = answer.value;
  return { url: answer.value, asked: true };
}

function atOption(error: unknown): unknown {
  return isCredsetupError(error) ? new CredsetupError(error.code, `--n8n-callback-url: ${error.message}`, error.details) : error;
}

async function askForN8n(draft: PlacedDraft, terminal: Terminal): Promise<Answer<string>> {
  const answer = await terminal.choose({
    message: 'Will n8n sign in with this client too?',
    choices: [
      { value: true, label: 'Yes', note: 'n8n\'s OAuth Callback URL is registered beside ours' },
      { value: false, label: 'No', note: 'only this computer signs in with it' },
    ],
  });
  if (answer.kind === 'back') return answer;
  return answer.value ? askForCallbackUrl(draft, terminal) : { kind: 'value', value: '' };
}

/** A stored n8n's is known; any other's address is asked for. */
async function askForCallbackUrl(draft: PlacedDraft, terminal: Terminal): Promise<Answer<string>> {
  const known = await storedN8ns(draft.vault);
  if (known.length > 0) {
    const answer = await terminal.choose<Credential | undefined>({
      message: 'Which n8n?',
      choices: [...known.map((one) => ({ value: one, label: one.name, note: one.url })), { value: undefined, label: 'Another one', note: 'by its address' }],
    });
    if (answer.kind === 'back') return answer;
    if (answer.value !== undefined) return { kind: 'value', value: await callbackOfStored(answer.value, draft) };
  }
  const address = await terminal.text({
    message: 'n8n\'s OAuth Callback URL', initial: callbackUrlFor(usualAddress), check: callbackProblem, maxLength: 2048,
    help: `n8n's address is enough. n8n shows the whole one in its credential "${draft.method.n8n.title}" as OAuth Redirect URL.`,
  });
  if (address.kind === 'back') return address;
  return { kind: 'value', value: await terminal.busy('asking n8n what it calls itself', () => callbackOfTyped(address.value, draft)) };
}

/**
 * Client ID and Client Secret, by their shape and then by the token endpoint with a made-up code;
 * and what the client may do by itself. Throws INPUT_INVALID, CLIENT_REJECTED, and what a token
 * request throws.
 */
export async function clientStage(draft: PlacedDraft): Promise<Outcome> {
  const { context, service } = draft;
  const problem = oauthOf(draft).clientProblem(Object.fromEntries(draft.values));
  if (problem !== undefined) throw new CredsetupError('INPUT_INVALID', problem.message, { field: problem.field, service: service.id, hint: 'Copy both again from the form of the client.' });
  if (grantOf(draft) === 'client-credentials') return clientSignsIn(draft);
  const { createClientCheck } = await import('../../oauth/client-check.ts');
  draft.clientCheck ??= createClientCheck();
  const check = draft.clientCheck;
  const ask = async () => {
    await check(endpointOf(draft), draft.redirect?.server?.redirectUri ?? anyRedirectUri);
    await lookAtClient(draft);
  };
  try {
    await (draft.terminal?.busy(`asking ${service.title} about the client`, ask) ?? ask());
  } catch (error) {
    throw askAgain(draft, error);
  }
  context.output.say(`  ${context.output.style.good('✔')} ${service.title} accepts this client`);
  return 'through';
}

/** It is not told which of the two is wrong: both are asked for again. */
function askAgain(draft: Draft, error: unknown): unknown {
  if (!isCredsetupError(error) || error.code !== 'CLIENT_REJECTED') return error;
  draft.given.delete('clientSecret');
  return error.with({ field: 'clientId', url: draft.base });
}

/** A client that gets a token for itself acts with the role of who made it. Never throws a refusal: what is not known is not warned of. */
export async function lookAtClient(draft: PlacedDraft): Promise<void> {
  const { clientCredentials } = await import('../../oauth/tokens.ts');
  try {
    await warnOfClient(draft, (await clientCredentials(endpointOf(draft))).accessToken);
  } catch (error) {
    // Whatever else is answered, the client was accepted before: what it may do by itself is then
    // not known, and nothing is warned of. A server that asks for rest gets it.
    if (!isCredsetupError(error) || error.code === 'RATE_LIMITED' || error.code === 'UNEXPECTED' || draft.context.signal.aborted) throw error;
    draft.context.output.debug(`what the client may do by itself is not known: ${error.code}`);
  }
}

async function warnOfClient(draft: PlacedDraft, accessToken: string): Promise<void> {
  const found = await oauthOf(draft).clientWarnings(apiOf(draft.base, draft.http, draft.connection), accessToken);
  for (const warning of found) draft.warnings.set(warning.code, warning);
}

async function clientSignsIn(draft: PlacedDraft): Promise<Outcome> {
  const { clientCredentials } = await import('../../oauth/tokens.ts');
  const ask = () => clientCredentials(endpointOf(draft));
  try {
    const tokens = await (draft.terminal?.busy(`asking ${draft.service.title} for a token`, ask) ?? ask());
    draft.tokens = tokens;
    await warnOfClient(draft, tokens.accessToken);
  } catch (error) {
    throw askAgain(draft, error);
  }
  return 'through';
}
