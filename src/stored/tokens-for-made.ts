/** Tokens for a client that was just made at its service: its own, or by the consent of who signed in to make it. */
import type { TokenEndpoint, TokenSet } from '../oauth/tokens.ts';

export interface MadeClient {
  readonly endpoint: TokenEndpoint;
  readonly authorizationEndpoint: string;
  /** Where the answer of a sign-in would be sent to; undefined: the client gets tokens for itself. */
  readonly redirectUri: string | undefined;
  /** Goes through the service's own pages; gives the address that a browser would be sent to. */
  readonly consent: (authorizationUrl: string, redirectUri: string) => Promise<string>;
  readonly protect: (secret: string) => void;
}

/** Throws what the service's pages and its token endpoint refuse. */
export async function tokensForMade({ endpoint, authorizationEndpoint, redirectUri, consent, protect }: MadeClient): Promise<TokenSet> {
  const { exchangeCode, clientCredentials } = await import('../oauth/tokens.ts');
  if (redirectUri === undefined) return clientCredentials(endpoint);
  const { authorizationRequest } = await import('../oauth/authorization.ts');
  const request = await authorizationRequest({ authorizationEndpoint, clientId: endpoint.clientId, redirectUri });
  protect(request.state);
  const callbackUrl = await consent(request.url, redirectUri);
  const tokens = await exchangeCode({ ...endpoint, callbackUrl, state: request.state, codeVerifier: request.codeVerifier });
  protect(tokens.accessToken);
  protect(tokens.refreshToken ?? '');
  return tokens;
}
