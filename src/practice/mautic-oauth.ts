/** A practice Mautic's token endpoint: clients, codes, access and refresh tokens, rotation. */
import { basicCredentials, bodyMembers, type PracticeRequest, type Reply } from './server.ts';
import { failure } from './mautic-answers.ts';
import { newToken, type MauticClient, type MauticState, type MauticUser } from './mautic-state.ts';

const codeSeconds = 30;

interface Grant {
  readonly state: MauticState;
  readonly client: MauticClient;
  readonly field: (name: string) => string;
}

const grants: ReadonlyMap<string, (grant: Grant) => Reply> = new Map([
  ['authorization_code', exchangeCode],
  ['refresh_token', refresh],
  ['client_credentials', ({ state, client }: Grant) => client.byAdmin ? issue(state, client, undefined) : failure(400, 'unauthorized_client', 'The grant type is unauthorized for this client_id')],
  ['password', () => failure(400, 'unauthorized_client', 'The grant type is unauthorized for this client_id')],
]);

/** POST /oauth/v2/token. The order of the checks is the OAuth library's. */
export function tokenEndpoint(state: MauticState, request: PracticeRequest): Reply {
  const members = bodyMembers(request);
  const field = (name: string): string => typeof members[name] === 'string' ? members[name] : '';
  const grant = grants.get(field('grant_type'));
  if (grant === undefined) return failure(400, 'invalid_request', 'Invalid grant_type parameter or parameter missing');
  const header = state.headerDropped ? undefined : basicCredentials(request.authorization);
  const id = header?.user ?? field('client_id');
  if (id === '') return failure(400, 'invalid_client', 'Client id was not found in the headers or body');
  const client = state.clients.find(({ clientId }) => clientId === id);
  if (client?.clientSecret !== (header?.password ?? field('client_secret'))) return failure(400, 'invalid_client', 'The client credentials are invalid');
  return grant({ state, client, field });
}

function exchangeCode({ state, client, field }: Grant): Reply {
  if (field('code') === '') return failure(400, 'invalid_request', 'Missing parameter. "code" is required');
  const found = state.codes.find(({ code }) => code === field('code'));
  if (found?.client !== client) return failure(400, 'invalid_grant', "Code doesn't exist or is invalid for the client");
  // The code stays good: only an accepted exchange uses it up.
  if (!redirectUriMatches(field('redirect_uri'), [found.redirectUri])) return failure(400, 'redirect_uri_mismatch', 'The redirect URI is missing or do not match');
  if (found.expiresAt <= state.now()) return failure(400, 'invalid_grant', 'The authorization code has expired');
  state.codes.splice(state.codes.indexOf(found), 1);
  return issue(state, client, found.user);
}

function refresh({ state, client, field }: Grant): Reply {
  if (field('refresh_token') === '') return failure(400, 'invalid_request', 'No "refresh_token" parameter found');
  const found = state.refreshTokens.find(({ token }) => token === field('refresh_token'));
  if (found?.client !== client) return failure(400, 'invalid_grant', 'Invalid refresh token');
  if (found.expiresAt <= state.now()) return failure(400, 'invalid_grant', 'Refresh token has expired');
  // The old one ends at once; access tokens stay good until they expire.
  state.refreshTokens.splice(state.refreshTokens.indexOf(found), 1);
  return issue(state, client, found.user);
}

/** A new access token, and for an account a refresh token with it. */
export function issueTokens(state: MauticState, client: MauticClient, user: MauticUser | undefined): {
  readonly accessToken: string; readonly refreshToken: string | undefined
} {
  const token = newToken();
  state.accessTokens.push({ token, client, user, expiresAt: state.now() + state.accessTokenMinutes * 60_000 });
  if (user === undefined) return { accessToken: token, refreshToken: undefined };
  const refreshToken = newToken();
  state.refreshTokens.push({ token: refreshToken, client, user, expiresAt: state.now() + state.refreshTokenDays * 86_400_000 });
  return { accessToken: token, refreshToken };
}

function issue(state: MauticState, client: MauticClient, user: MauticUser | undefined): Reply {
  const { accessToken, refreshToken } = issueTokens(state, client, user);
  return {
    status: 200,
    headers: { 'cache-control': 'no-store, private', pragma: 'no-cache' },
    body: { access_token: accessToken, expires_in: state.accessTokenMinutes * 60, token_type: 'bearer', scope: null, ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }) },
  };
}

/** A code for an account that allowed the client, as the consent page makes it. */
export function issueCode(state: MauticState, client: MauticClient, user: MauticUser, redirectUri: string): string {
  const code = newToken();
  state.codes.push({ code, client, user, redirectUri, expiresAt: state.now() + codeSeconds * 1000 });
  return code;
}

/** It begins with a registered one, letters' case ignored, host and port exactly equal. */
export function redirectUriMatches(given: string, registered: readonly string[]): boolean {
  return registered.some((uri) => given.toLowerCase().startsWith(uri.toLowerCase()) && hostOf(given) === hostOf(uri));
}

const hostOf = (uri: string): string | undefined => URL.canParse(uri) ? new URL(uri).host : undefined;
