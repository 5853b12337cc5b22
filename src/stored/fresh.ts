/**
 * Stored credentials that are good to use now. An access token that is about to end is renewed
 * under the credential's own lock; a refresh token is spent only after a write was proven, and
 * what it gave is saved before anything else uses it.
 */
import type { Context, HttpClient, StoreKind, Vault } from '../context.ts';
import type { FullCredential } from '../credential.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { TokenSet } from '../oauth/tokens.ts';
import { presentedValue } from '../services/answer.ts';
import { findMethod, findService } from '../services/registry.ts';
import type { Method } from '../services/service.ts';
import { tokenEndpointOf } from '../server/token-endpoint.ts';
import { isFromLaterClock } from './expiry.ts';
import { refuseHandedOver, refuseOnlyClient } from './handed-over.ts';
import { idleEnd, tokenSecrets } from './token-values.ts';

/** An access token that ends sooner is renewed before it is handed out. */
const enoughMilliseconds = 120_000;
/** No access token lives for longer by any setting that was met; one without a refresh token has no other time to be held against. */
const longestLife = 31 * 86_400_000;

/** The request may have been carried out although we have no answer. */
const answerLost = new Set<string>(['CONNECTION_LOST', 'CONNECTION_TIMEOUT', 'SERVER_ERROR', 'RESPONSE_INVALID']);

export interface FreshDeps {
  readonly vault: Vault;
  readonly http: HttpClient;
  readonly context: Context;
}

export interface FreshOptions {
  readonly renew: 'when-needed' | 'now';
  /** The access token that a server refused: another one that is stored by now is as good as a new one. */
  readonly refused?: string | undefined;
}

/**
 * The credential, its access token renewed when it is about to end, or at once with `now`.
 * Throws what loading does, CLIENT_REJECTED, REFRESH_REJECTED, the network's codes, and
 * STORE_UNWRITABLE with the loss named when a new refresh token could not be kept.
 */
export async function fresh(name: string, deps: FreshDeps, options: FreshOptions = { renew: 'when-needed' }): Promise<FullCredential> {
  const full = await deps.vault.load(name);
  protect(full, deps.context);
  refuseHandedOver(full.credential);
  refuseOnlyClient(full.credential);
  const method = findMethod(findService(full.credential.service), full.credential.method);
  if (method.oauth === undefined) return full;
  if (options.renew === 'when-needed' && !endsSoon(full, deps.context.now())) return full;
  return renew(full, method, deps, options.refused ?? full.secrets['accessToken']);
}

/** When somebody else has renewed it since the token `before` was read, theirs is the result. */
async function renew(seen: FullCredential, method: Method, deps: FreshDeps, before: string | undefined): Promise<FullCredential> {
  const { vault, context } = deps;
  return vault.withRefreshLock(seen.credential, async (proveWrite) => {
    const there = await vault.load(seen.credential.name);
    protect(there, context);
    refuseHandedOver(there.credential);
    if (there.secrets['accessToken'] !== before && !endsSoon(there, context.now())) return there;
    // A full disk, a locked keychain, somebody else at it: known while the refresh token is still good.
    await proveWrite();
    return context.inOnePiece(async () => {
      try {
        const tokens = await ask(there, method, deps);
        return await keep(withTokens(there, tokens, method, context.now()), deps);
      } catch (error) {
        return await renewedMeanwhile(there, error, deps);
      }
    });
  });
}

/** A run that was held up for longer than its lock lives: what was refused is spent, and another run has saved the next one. */
async function renewedMeanwhile(before: FullCredential, error: unknown, { vault, context }: FreshDeps): Promise<FullCredential> {
  if (!isCredsetupError(error) || error.code !== 'REFRESH_REJECTED') throw error;
  const there = await vault.load(before.credential.name);
  if (there.secrets['refreshToken'] === before.secrets['refreshToken'] || endsSoon(there, context.now())) throw error;
  protect(there, context);
  return there;
}

async function ask({ credential, secrets, certificates }: FullCredential, method: Method, { http, context }: FreshDeps): Promise<TokenSet> {
  const oauth = method.oauth;
  if (oauth === undefined) throw new Error(`${method.id} has no tokens to renew`);
  const { refreshTokens, clientCredentials } = await import('../oauth/tokens.ts');
  const endpoint = tokenEndpointOf({
    service: findService(credential.service), oauth, base: credential.url, http, context, accepted: true,
    clientId: presentedValue({ ...credential.fields }, 'clientId'), clientSecret: presentedValue(secrets, 'clientSecret'),
    connection: { ignoreSslIssues: credential.ignoreSslIssues, allowHttp: credential.allowHttp, certificates },
  });
  if (credential.grant === 'client-credentials') return clientCredentials(endpoint);
  const refreshToken = secrets['refreshToken'];
  if (refreshToken === undefined) {
    throw new CredsetupError('REFRESH_REJECTED', `${credential.name} holds no refresh token, so its access token cannot be renewed.`, {
      name: credential.name, hint: `Sign in again: credsetup reconnect ${credential.name}`,
    });
  }
  try {
    return await refreshTokens({ ...endpoint, refreshToken });
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    const known = error.with({ name: credential.name, url: credential.url });
    if (error.exitCode === 7) throw known.withHint(`Sign in again: credsetup reconnect ${credential.name}`);
    if (!answerLost.has(error.code)) throw known;
    throw known.withHint(`${error.hint} The refresh token may be spent, for the answer did not arrive: try again, and if it is refused then, sign in with credsetup reconnect ${credential.name}`);
  }
}

/** The credential with what a token response gave; the refresh token's days begin anew. */
export function withTokens(full: FullCredential, tokens: TokenSet, method: Method, now: Date): FullCredential {
  // The end of the token before is not the new one's.
  const { accessTokenExpiresAt, ...kept } = full.secrets;
  const secrets = { ...kept, ...tokenSecrets(tokens) };
  const until = tokens.refreshToken === undefined && full.secrets['refreshToken'] === undefined || method.oauth === undefined ? {} : { expiresAt: idleEnd(method.oauth, now) };
  return { ...full, secrets, credential: { ...full.credential, ...until } };
}

/** Saves, and offers another store on a terminal before the loss is final. */
async function keep(full: FullCredential, deps: FreshDeps): Promise<FullCredential> {
  const { vault, context } = deps;
  protect(full, context);
  try {
    const { credential } = await vault.save(full, (there) => there.id === full.credential.id);
    return { ...full, credential };
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    const there = await keptAfterAll(full, vault);
    if (there === 'unknown') throw error.with({ name: full.credential.name }).withHint(`${error.hint} The refresh token was spent; whether the new one was kept shows: credsetup test ${full.credential.name}`);
    if (there !== undefined) return there;
    const store = await askForStore(full, error, context);
    if (store !== undefined) return keep({ ...full, credential: { ...full.credential, store } }, deps);
    throw new CredsetupError(error.code, `${error.message} The refresh token was spent and the new one could not be kept: ${full.credential.name} is lost.`, {
      name: full.credential.name, cause: error, hint: `${error.hint} Then sign in again: credsetup reconnect ${full.credential.name}`,
    });
  }
}

/** What is stored decides, not how the save was reported. Undefined when it is not these tokens. */
async function keptAfterAll(full: FullCredential, vault: Vault): Promise<FullCredential | 'unknown' | undefined> {
  try {
    const there = await vault.load(full.credential.name);
    return there.secrets['accessToken'] === full.secrets['accessToken'] && there.secrets['refreshToken'] === full.secrets['refreshToken'] ? there : undefined;
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    return 'unknown';
  }
}

async function askForStore(full: FullCredential, error: CredsetupError, context: Context): Promise<StoreKind | undefined> {
  if (!context.interactive || context.signal.aborted) return undefined;
  context.output.warn(`${error.message} Without a place to keep it, the new refresh token of ${full.credential.name} is lost.`);
  const terminal = await context.terminal();
  const answer = await terminal.choose<StoreKind | 'none'>({
    message: 'Where should it be kept?',
    choices: [{ value: 'keychain', label: 'OS keychain' }, { value: 'file', label: 'Encrypted file' }, { value: 'vault', label: 'OpenBao or Vault' }, { value: 'none', label: 'Nowhere: I sign in again later' }],
  });
  return answer.kind === 'back' || answer.value === 'none' ? undefined : answer.value;
}

/** Also where its end cannot be trusted, for it was reckoned by a clock that was wrong. */
function endsSoon({ credential, secrets }: FullCredential, now: Date): boolean {
  const left = Date.parse(secrets['accessTokenExpiresAt'] ?? '') - now.getTime();
  if (!(left >= enoughMilliseconds)) return true;
  return secrets['refreshToken'] === undefined ? left > longestLife : isFromLaterClock(credential, now);
}

function protect({ secrets }: FullCredential, context: Context): void {
  for (const [key, value] of Object.entries(secrets)) if (key !== 'accessTokenExpiresAt') context.output.protect(value);
}
