/** The authorization request (RFC 6749 §4.1.1, RFC 7636). */
import { loadOpenidClient } from './openid.ts';

export interface AuthorizationRequest {
  /** What the browser is sent to. Holds `state`: it belongs in no log and no process list. */
  readonly url: string;
  /** 256 random bits. */
  readonly state: string;
  /** PKCE's secret, sent with the code. */
  readonly codeVerifier: string;
}

/**
 * A new request, each time with a new `state` and a new PKCE verifier. PKCE S256 is always sent
 * and never relied on: Mautic accepts its parameters and ignores them (recorded: token-ok), so
 * `state` is the only defence there.
 */
export async function authorizationRequest({ authorizationEndpoint, clientId, redirectUri }: {
  readonly authorizationEndpoint: string;
  readonly clientId: string;
  readonly redirectUri: string;
}): Promise<AuthorizationRequest> {
  const openid = await loadOpenidClient();
  const server = { issuer: new URL(authorizationEndpoint).origin, authorization_endpoint: authorizationEndpoint };
  const configuration = new openid.Configuration(server, clientId, undefined, openid.None());
  openid.allowInsecureRequests(configuration);
  const state = openid.randomState();
  const codeVerifier = openid.randomPKCECodeVerifier();
  const url = openid.buildAuthorizationUrl(configuration, {
    response_type: 'code',
    redirect_uri: redirectUri,
    state,
    code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  });
  return { url: url.href, state, codeVerifier };
}
