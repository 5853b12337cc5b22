/**
 * What a refusal of Mattermost can mean. Its one 401, `api.context.session_expired.app_error`,
 * stands for a Token ID, garbage, a disabled or revoked token, one that has ended, a deactivated
 * account and tokens turned off (recorded: me-token-id, me-garbage, me-disabled-token,
 * me-revoked-token, me-deactivated-user, me-tokens-turned-off; 11.10: "expired, used before").
 */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError, type Cause } from '../../errors.ts';
import { throwForStatus } from '../../http/status.ts';
import { isJson, timeOf } from '../answer.ts';
import type { Api } from '../api.ts';
import type { Stored } from '../service.ts';
import { refusedInFront, headerDropped, headerSeen, mfaRequired, mfaRequiredId, printable } from './answers.ts';
import { errorId, isAtLeast, versionOf } from './api.ts';

/** What is known of a refused token, which rules causes out. */
interface Known {
  readonly base: string;
  readonly version: string | undefined;
  /** Undefined for one that was just given. */
  readonly stored: Stored | undefined;
  /** The server's time, or ours where it does not tell. */
  readonly now: Date | undefined;
}

interface CandidateCause extends Cause {
  /** Absent: nothing rules it out. */
  readonly possible?: (known: Known) => boolean;
  /** Known to be so: told before all others. */
  readonly certain?: (known: Known) => boolean;
}

const isNew = ({ stored }: Known): boolean => stored === undefined;
const isBot = ({ stored }: Known): boolean => stored?.credential.account.bot === true;
const isOurs = ({ stored }: Known): boolean => stored?.credential.fields.tokenId !== undefined;
const wasSession = ({ stored }: Known): boolean => stored?.credential.warnings.some(({ code }) => code === 'SESSION_TOKEN') === true;

function hasEnded({ stored, now }: Known): boolean {
  const end = stored?.credential.expiresAt;
  return end !== undefined && now !== undefined && Date.parse(end) <= now.getTime();
}

/** Where the lists of tokens are; a bot's are shown elsewhere than a person's. */
const listOf = (known: Known): string => isBot(known)
  ? 'Integrations > Bot Accounts, at the bot' : 'Profile > Security > Personal Access Tokens';

const integrations = 'System Console > Integrations > Integration Management';

function candidates(known: Known): readonly CandidateCause[] {
  const { base, stored } = known;
  const name = stored?.credential.name ?? '';
  const list = listOf(known);
  const ended = stored?.credential.expiresAt?.slice(0, 10) ?? '';
  return [
    {
      code: 'TOKEN_ID_PASTED', message: 'It may be the Token ID: the Access Token is another value of the same length.', possible: isNew,
      check: `${list} lists the Token ID of each token. Is it what you pasted?`,
      fix: 'The Access Token is shown only once. Create a new token there and copy the value below "Access Token".',
    },
    {
      code: 'SESSION_TOKEN_ENDED', message: `${wasSession(known) ? 'It is' : 'It may be'} the token of a login session, which ends by itself or at sign-out.`,
      possible: (one) => isNew(one) || !isOurs(one), certain: wasSession,
      check: 'Was it taken from a browser\'s cookies or developer tools?',
      fix: 'Create a token under Profile > Security > Personal Access Tokens.',
    },
    {
      code: 'TOKEN_REVOKED', message: stored === undefined ? 'It may have been deleted.' : 'It may have been deleted, or given a new secret, here or from another computer.',
      check: `${list}: is a token with its description still listed?`,
      fix: 'Create a new one there.',
    },
    {
      code: 'TOKEN_DISABLED', message: 'It may have been disabled.',
      check: `${list}: is it marked as disabled?`,
      fix: 'Press Enable beside it, or create a new one.',
    },
    {
      code: 'TOKENS_DISABLED', message: 'Personal access tokens may have been turned off on the server after this one was made.', possible: (one) => !isBot(one),
      check: 'Profile > Security: is the section Personal Access Tokens gone?',
      fix: `An admin sets ${integrations} > "Enable personal access tokens" to true: ${base}/admin_console/integrations/integration_management`,
    },
    isBot(known) ? {
      code: 'ACCOUNT_DEACTIVATED', message: 'The bot may have been disabled; its token works again once it is enabled.',
      check: 'Integrations > Bot Accounts: does the bot stand among the disabled ones?',
      fix: 'Press Enable beside it.',
    } : {
      code: 'ACCOUNT_DEACTIVATED', message: 'The account may have been deactivated.',
      check: 'Can the account still sign in?',
      fix: `An admin activates it: ${base}/admin_console/user_management/users`,
    },
    hasEnded(known) ? {
      code: 'TOKEN_EXPIRED', message: `The token ended on ${ended}.`, certain: hasEnded,
      check: `${list} shows its expiry date; after it the server soon deletes the token.`,
      fix: `A new one in its place, by a sign-in: credsetup rotate ${name} --username NAME`,
    } : {
      code: 'TOKEN_EXPIRED', message: 'It may have expired (Mattermost 11.9 and later).',
      // The end of one that we made is known, and a server without ends ends none.
      possible: (one) => !isOurs(one) && (one.version === undefined || isAtLeast(one.version, 11, 9)),
      check: 'Does the list show an expiry date that has passed, or is the token gone from it?',
      fix: 'Create a new one, with a later expiry.',
    },
    {
      code: 'WRONG_SERVER', message: 'It may belong to another Mattermost server.', possible: (one) => isNew(one) || one.stored?.credential.url !== base,
      check: `Was it created at ${base}?`,
      fix: 'Give the address of the server where the token was created.',
    },
  ];
}

function causesOf(known: Known): readonly Cause[] {
  const found = candidates(known).filter(({ possible = () => true }) => possible(known));
  const certain = found.filter((one) => one.certain?.(known) === true);
  return [...certain, ...found.filter((one) => !certain.includes(one))]
    .map(({ code, message, check, fix }) => ({ code, message, check, fix }));
}

/** The error behind an answer to GET /api/v4/users/me that is not 200. `stored`: the token was accepted before. */
export async function refusal(api: Api, response: HttpResponse, stored: Stored | undefined): Promise<CredsetupError> {
  throwForStatus(response);
  const about = { service: 'mattermost', url: api.base };
  const id = errorId(response);
  if (id === mfaRequiredId) return mfaRequired(api);
  if (response.status === 401 && id !== undefined) {
    const seen = await headerSeen(api, response);
    if (seen === 'dropped') return headerDropped(api);
    return tokenRejected(api, { base: api.base, version: versionOf(response), stored, now: timeOf(response) ?? stored?.now }, seen === 'unknown' ? [droppedCause(api)] : []);
  }
  if (response.status === 401 && versionOf(response) === undefined) return refusedInFront(api);
  if (response.status === 403 && id !== undefined) {
    return new CredsetupError('PERMISSION_DENIED', `Mattermost does not let this account read its own profile (${printable(id)}).`, {
      ...about, hint: 'Ask the admin whether the account must accept terms of service first; sign in to Mattermost once to see.',
    });
  }
  return new CredsetupError('RESPONSE_INVALID', `${api.base} answered status ${response.status}${isJson(response) ? '' : ' with a page'} where Mattermost would answer with the account.`, {
    ...about, hint: 'Open the address in a browser: is something between you and Mattermost, such as a firewall or a proxy, answering instead?',
  });
}

function tokenRejected(api: Api, known: Known, first: readonly Cause[]): CredsetupError {
  const causes = [...first, ...causesOf(known)];
  const ended = hasEnded(known) ? ` It ended on ${known.stored?.credential.expiresAt?.slice(0, 10) ?? ''}.` : ' It does not say why.';
  return new CredsetupError('TOKEN_REJECTED', `Mattermost refused the token.${ended}`, {
    service: 'mattermost', url: api.base, field: 'token', causes,
    hint: known.stored === undefined ? 'Create a new token under Profile > Security > Personal Access Tokens, and copy the Access Token, not the Token ID.'
      : !hasEnded(known) ? `Where it is gone, create a new one (${listOf(known)}) and give it: credsetup reconnect ${known.stored.credential.name}`
      : `Make a new one in its place by a sign-in: credsetup rotate ${known.stored.credential.name} --username NAME. To give one that you have: credsetup reconnect ${known.stored.credential.name}`,
  });
}

function droppedCause(api: Api): Cause {
  return {
    code: 'AUTHORIZATION_HEADER_DROPPED', message: 'Something in front of Mattermost may take the Authorization header away, so that no token arrives.',
    check: `Ask from the server itself, without what stands in front: does the token work at http://localhost:8065/api/v4/users/me there?`,
    fix: headerDropped(api).hint,
  };
}
