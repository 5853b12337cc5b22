/** Token requests (RFC 6749 §4.1.3, §6, §4.4.2). Load lazily: a request brings openid-client along. */
import type { CredsetupError } from '../errors.ts';
import { tokenError, type GrantType } from './token-errors.ts';
import { askTokenEndpoint, invalidAnswer, named, type Grant, type TokenAnswer, type TokenEndpoint } from './token-request.ts';

export { isCodeExpired } from './token-errors.ts';
export type { RepairTokenAnswer, TokenEndpoint } from './token-request.ts';

export interface TokenSet {
  readonly accessToken: string;
  /** Lower case: `bearer`. */
  readonly tokenType: string;
  /**
   * Counted from before the request, or from the answer's Date where that is earlier: a clock that
   * was ahead, here or there, lengthens no token's life. Absent when the server does not tell.
   */
  readonly expiresAt?: string;
  /** Absent: the one that was used stays (RFC 6749 §6), or there is none (§4.4.3). */
  readonly refreshToken?: string;
}

/**
 * Exchanges a code for tokens, at once: they live for seconds. `callbackUrl` and `state` are
 * compared once more by openid-client. Throws CLIENT_REJECTED, REDIRECT_URI_MISMATCH (the code
 * stays good), AUTHORIZATION_TIMEOUT (see isCodeExpired), AUTHORIZATION_DENIED, and what every
 * token request throws.
 */
export async function exchangeCode({ callbackUrl, state, codeVerifier, ...endpoint }: TokenEndpoint & {
  readonly callbackUrl: string;
  readonly state: string;
  readonly codeVerifier: string;
}): Promise<TokenSet> {
  return request(endpoint, 'authorization_code', (openid, configuration) =>
    openid.authorizationCodeGrant(configuration, new URL(callbackUrl), { expectedState: state, pkceCodeVerifier: codeVerifier }));
}

/**
 * New tokens for a refresh token, which is spent by that: save them before anything else. Throws
 * REFRESH_REJECTED with its causes, CLIENT_REJECTED, and what every token request throws.
 */
export async function refreshTokens({ refreshToken, ...endpoint }: TokenEndpoint & { readonly refreshToken: string }): Promise<TokenSet> {
  return request(endpoint, 'refresh_token', (openid, configuration) => openid.refreshTokenGrant(configuration, refreshToken));
}

/** Tokens for the client itself, without a person and without a refresh token. Throws CLIENT_REJECTED, and what every token request throws. */
export async function clientCredentials(endpoint: TokenEndpoint): Promise<TokenSet> {
  return request(endpoint, 'client_credentials', (openid, configuration) => openid.clientCredentialsGrant(configuration));
}

async function request(endpoint: TokenEndpoint, grantType: GrantType, grant: Grant): Promise<TokenSet> {
  const asked = endpoint.now?.() ?? new Date();
  const answer = await askTokenEndpoint(endpoint, grant);
  if (answer.kind === 'error') throw errorOf(endpoint, grantType, answer);
  return tokensOf(endpoint, answer, asked);
}

/** An error answer as a CredsetupError. */
export function errorOf(endpoint: TokenEndpoint, grantType: GrantType, answer: Extract<TokenAnswer, { kind: 'error' }>): CredsetupError {
  const { clientId, clientSecret, accepted } = endpoint;
  const given = `the Client ID that was given has ${clientId.length}, the Client Secret ${clientSecret.length} characters`;
  return tokenError(grantType, answer, { ...named(endpoint), accepted: accepted === true || grantType === 'refresh_token', given }, (what) => invalidAnswer(endpoint, what));
}

// RFC 6749 appendix A.12, A.17, without the space: it must fit into a header.
const tokenForm = /^[\x21-\x7e]+$/;

function tokensOf(endpoint: TokenEndpoint, { response, answeredAt }: Extract<TokenAnswer, { kind: 'tokens' }>, asked: Date): TokenSet {
  const from = Math.min(asked.getTime(), answeredAt?.getTime() ?? Infinity);
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds, token_type: tokenType } = response;
  for (const token of [accessToken, refreshToken]) {
    if (token === undefined) continue;
    endpoint.protect?.(token);
    if (!tokenForm.test(token)) throw invalidAnswer(endpoint, 'a token that no header can carry');
  }
  return {
    accessToken, tokenType,
    ...(seconds === undefined ? {} : { expiresAt: new Date(from + seconds * 1000).toISOString() }),
    ...(refreshToken === undefined ? {} : { refreshToken }),
  };
}
