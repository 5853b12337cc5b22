/**
 * Whether Client ID and Client Secret are right, before a browser opens: a made-up code is sent
 * with them, and the kind of refusal tells (recorded: token-wrong-code, token-wrong-secret).
 */
import { createHash } from 'node:crypto';
import { askTokenEndpoint, invalidAnswer, type TokenEndpoint } from './token-request.ts';
import { errorOf } from './tokens.ts';

/** Fixed, so that an admin who finds it in a log learns who it was. */
export const probeCode = 'credsetup-probe';

/** Resolves when the client is right. Throws CLIENT_REJECTED when it is wrong, and what every token request throws. */
export type ClientCheck = (endpoint: TokenEndpoint, redirectUri: string) => Promise<void>;

/**
 * A check for a whole run. Each pair is sent once at most when the server told which it is: a
 * refused secret a second time looks like an attack. A check that could not be made may be repeated.
 */
export function createClientCheck(): ClientCheck {
  const verdicts = new Map<string, Promise<void>>();
  return async (endpoint, redirectUri) => {
    const { tokenEndpoint, clientId, clientSecret } = endpoint;
    const key = createHash('sha256').update(JSON.stringify([tokenEndpoint, clientId, clientSecret])).digest('hex');
    const known = verdicts.get(key);
    if (known !== undefined) return known;
    let told = false;
    const verdict = ask(endpoint, redirectUri, () => { told = true; }).catch((error: unknown) => {
      if (!told) verdicts.delete(key);
      throw error;
    });
    verdicts.set(key, verdict);
    return verdict;
  };
}

async function ask(endpoint: TokenEndpoint, redirectUri: string, told: () => void): Promise<void> {
  const callback = new URL(`${redirectUri}?${new URLSearchParams({ code: probeCode, state: probeCode }).toString()}`);
  const answer = await askTokenEndpoint(endpoint, (openid, configuration) =>
    openid.authorizationCodeGrant(configuration, callback, { expectedState: probeCode, pkceCodeVerifier: openid.randomPKCECodeVerifier() }));
  if (answer.kind === 'tokens') throw invalidAnswer(endpoint, 'tokens for a made-up code');
  told();
  // The client is looked at before the code, and the code before the redirect URI.
  if (answer.error === 'invalid_grant' || answer.error === 'redirect_uri_mismatch') return;
  throw errorOf(endpoint, 'authorization_code', answer);
}
