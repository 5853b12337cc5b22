/** What is said of a credential whose end comes near. Computed when it is shown, never stored. */
import type { Credential, Warning } from '../credential.ts';
import type { Provisioning } from '../services/provisioning.ts';
import { CredsetupError } from '../errors.ts';
import { services } from '../services/registry.ts';
import type { Method } from '../services/service.ts';

const day = 86_400_000;
/** A token that a person has to replace is announced this many days before its end. */
const usualDays = 14;

/** EXPIRES_SOON, or nothing. For a refresh token the end is an estimate, and is said so. */
export function expiryWarnings({ service, method, expiresAt, name }: Credential, now: Date): readonly Warning[] {
  if (expiresAt === undefined) return [];
  // A service of a newer version is listed too.
  const known = services.find(({ id }) => id === service);
  const { oauth, provisioning } = known?.methods.find(({ id }) => id === method) ?? {};
  const announced = oauth === undefined ? usualDays : oauth.refreshTokenDays - oauth.warnAfterDays;
  const left = (Date.parse(expiresAt) - now.getTime()) / day;
  if (left > announced) return [];
  const when = left < 0 ? `ended on ${expiresAt.slice(0, 10)}` : `ends on ${expiresAt.slice(0, 10)}`;
  const message = oauth === undefined
    ? `It ${when}${known?.address.isN8n === true ? '' : ', and n8n with it'}. A new one in its place: ${replacement(provisioning, name, left < 0)}`
    : `Unused for long, its sign-in ${when} (an estimate: ${oauth.refreshTokenDays} days after the last use). credsetup refresh ${name} keeps it alive.`;
  return [{ code: 'EXPIRES_SOON', message }];
}

/** What has ended opens nothing any more, not even its own replacement: somebody signs in for it. */
function replacement(provisioning: Provisioning | undefined, name: string, ended: boolean): string {
  if (provisioning === undefined) return `credsetup reconnect ${name}`;
  return `credsetup rotate ${name}${ended ? ` ${provisioning.signInFields[0]?.option ?? ''} NAME, with a sign-in, for the old one opens nothing any more` : ''}`;
}

/** EXPIRES_SOON for what ends within so many days, or has ended. */
export function endsWithin(days: number, credential: Credential, now: Date): CredsetupError | undefined {
  const { expiresAt, name, service, url } = credential;
  if (expiresAt === undefined || Date.parse(expiresAt) - now.getTime() > days * day) return undefined;
  const [warning] = expiryWarnings(credential, now);
  const renews = methodIn(credential)?.oauth !== undefined;
  return new CredsetupError('EXPIRES_SOON', warning?.message ?? `It ends on ${expiresAt.slice(0, 10)}${renews ? ', unless it is used before' : ''}.`, {
    name, service, url, hint: renews ? `Renew it: credsetup refresh ${name}` : `Make a new one in its place: credsetup rotate ${name}, or credsetup reconnect ${name}`,
  });
}

/** When a sign-in was renewed last, from the end that was reckoned then; undefined where it does not end unused. */
export function renewedAt(credential: Credential): Date | undefined {
  const oauth = methodIn(credential)?.oauth;
  if (oauth === undefined || credential.expiresAt === undefined) return undefined;
  return new Date(Date.parse(credential.expiresAt) - oauth.refreshTokenDays * day);
}

/** Of two computers that share a store, and of a token's hour. */
const usualSkew = 3_600_000;

/** Whether it was renewed at a time that has not come: by a clock that has been set back since, so no end that it reckoned can be trusted. */
export function isFromLaterClock(credential: Credential, now: Date): boolean {
  const renewed = renewedAt(credential);
  return renewed !== undefined && renewed.getTime() - now.getTime() > usualSkew;
}

function methodIn({ service, method }: Credential): Method | undefined {
  // A service of a newer version is listed too.
  return services.find(({ id }) => id === service)?.methods.find(({ id }) => id === method);
}
