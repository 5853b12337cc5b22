/** A token response among the values of a set-up, under the names that the secrets are stored by. */
import type { OAuth } from '../services/oauth-description.ts';
import type { TokenSet } from '../oauth/tokens.ts';

export function withTokenValues(values: Map<string, string>, { accessToken, expiresAt, refreshToken }: TokenSet): void {
  values.set('accessToken', accessToken);
  for (const [key, value] of [['accessTokenExpiresAt', expiresAt], ['refreshToken', refreshToken]] as const) {
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  }
}

const day = 86_400_000;

/** An estimate: no answer tells how long a refresh token lives, and an admin may change it. RFC 3339. */
export function idleEnd({ refreshTokenDays }: OAuth, now: Date): string {
  return new Date(now.getTime() + refreshTokenDays * day).toISOString();
}
