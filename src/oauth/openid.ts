/**
 * The only home of openid-client. It is loaded when a request is made: importing it costs
 * start-up time, and most commands never need it.
 */
import type { ClientAuth, Configuration, customFetch, CustomFetch, TokenEndpointResponse } from 'openid-client';

export type { CustomFetch, TokenEndpointResponse };

/** What of the library is used, with its own names. */
export interface OpenidClient {
  readonly Configuration: typeof Configuration;
  readonly ClientSecretPost: (clientSecret: string) => ClientAuth;
  readonly None: () => ClientAuth;
  /**
   * Always called: whether http:// may be used is decided once, by the HTTP client (loopback, or
   * --allow-http). The library marks it as deprecated only to make it stand out.
   */
  readonly allowInsecureRequests: (configuration: Configuration) => void;
  readonly randomState: () => string;
  readonly randomPKCECodeVerifier: () => string;
  readonly calculatePKCECodeChallenge: (codeVerifier: string) => Promise<string>;
  readonly buildAuthorizationUrl: (configuration: Configuration, parameters: Record<string, string>) => URL;
  readonly authorizationCodeGrant: (
    configuration: Configuration, callback: URL, checks: { readonly expectedState: string; readonly pkceCodeVerifier: string },
  ) => Promise<TokenEndpointResponse>;
  readonly refreshTokenGrant: (configuration: Configuration, refreshToken: string) => Promise<TokenEndpointResponse>;
  readonly clientCredentialsGrant: (configuration: Configuration) => Promise<TokenEndpointResponse>;
  readonly customFetch: typeof customFetch;
}

export type OpenidConfiguration = Configuration;

export async function loadOpenidClient(): Promise<OpenidClient> {
  return import('openid-client');
}
