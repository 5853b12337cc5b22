/** A token response under the names that the secrets are stored by. */
import type { Secrets } from '../credential.ts';
import type { OAuth } from '../services/oauth-description.ts';
import type { TokenSet } from '../oauth/tokens.ts';

/** The secrets that a token response gives; what it does not name is absent. */
export function tokenSecrets({ accessToken, expiresAt, refreshToken }: TokenSet): Secrets {
  return {
    accessToken,
    ...(expiresAt === undefined ? {} : { accessTokenExpiresAt: expiresAt }),
    ...(refreshToken === undefined ? {} : { refreshToken }),
  };
}

const day = 86_400_000;

/** An estimate: no answer tells how long a refresh token lives, and an admin may change it. RFC 3339. */
export function idleEnd({ refreshTokenDays }: OAuth, now: Date): string {
  return new Date(now.getTime() + refreshTokenDays * day).toISOString();
}
