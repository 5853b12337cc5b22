/**
 * What a refusal of Mattermost can mean. Its one 401, `api.context.session_expired.app_error`,
 * stands for a Token ID, garbage, a disabled or revoked token, a deactivated account and tokens
 * turned off (recorded: me-token-id, me-garbage, me-disabled-token, me-revoked-token,
 * me-deactivated-user, me-tokens-turned-off).
 */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError, type Cause } from '../../errors.ts';
import { throwForStatus } from '../../http/status.ts';
import { isJson } from '../answer.ts';
import type { Api } from '../service.ts';
import { errorId, versionOf } from './api.ts';

// Both ids and secrets of Mattermost are 26 characters of a-z0-9.
const tokenShape = /^[a-z0-9]{26}$/;

const integrations = 'System Console > Integrations > Integration Management';

function causesOf(base: string): readonly Cause[] {
  return [
    {
      code: 'TOKEN_ID_PASTED', message: 'This is the Token ID; the Access Token is another value of the same length.',
      check: 'Profile > Security > Personal Access Tokens lists the Token ID of each token. Is it what you pasted?',
      fix: 'The Access Token is shown only once. Create a new token there and copy the value below "Access Token".',
    },
    {
      code: 'SESSION_TOKEN_ENDED', message: 'This is the token of a login session, which ends by itself or at sign-out.',
      check: 'Was it taken from a browser\'s cookies or developer tools?',
      fix: 'Create a token under Profile > Security > Personal Access Tokens.',
    },
    {
      code: 'TOKEN_REVOKED', message: 'The token was deleted.',
      check: 'Profile > Security > Personal Access Tokens: is a token with its description still listed?',
      fix: 'Create a new one there.',
    },
    {
      code: 'TOKEN_DISABLED', message: 'The token was disabled.',
      check: 'In that list, is it marked as disabled?',
      fix: 'Press Enable beside it, or create a new one.',
    },
    {
      code: 'TOKENS_DISABLED', message: 'Personal access tokens were turned off on the server after this one was made.',
      check: 'Profile > Security: is the section Personal Access Tokens gone?',
      fix: `An admin sets ${integrations} > "Enable personal access tokens" to true: ${base}/admin_console/integrations/integration_management`,
    },
    {
      code: 'ACCOUNT_DEACTIVATED', message: 'The account was deactivated.',
      check: 'Can the account still sign in?',
      fix: `An admin activates it: ${base}/admin_console/user_management/users`,
    },
    {
      code: 'TOKEN_EXPIRED', message: 'The token has expired (Mattermost 11.9 and later).',
      check: 'Does the list show an expiry date that has passed?',
      fix: 'Create a new one, with a later expiry.',
    },
    {
      code: 'WRONG_SERVER', message: 'The token belongs to another Mattermost server.',
      check: `Was it created at ${base}?`,
      fix: 'Give the address of the server where the token was created.',
    },
  ];
}

/** What the shape alone tells, for people; undefined when it is an Access Token's. */
export function shapeProblem(token: string): string | undefined {
  if (tokenShape.test(token)) return undefined;
  if (token.length !== 26) return `It has ${token.length} characters; an Access Token has 26.`;
  return 'It has other characters than an Access Token, which is made of a to z and 0 to 9.';
}

/** The error behind an answer to GET /api/v4/users/me that is not 200. */
export function refusal(api: Api, response: HttpResponse, token: string): CredsetupError {
  throwForStatus(response);
  const about = { service: 'mattermost', url: api.base };
  const id = errorId(response);
  if (response.status === 401 && id !== undefined) {
    const shape = shapeProblem(token);
    return new CredsetupError('TOKEN_REJECTED', `Mattermost refused the token.${shape === undefined ? ' It does not say why; these are the causes, most likely first.' : ` ${shape}`}`, {
      ...about, field: 'token', causes: causesOf(api.base),
      hint: shape === undefined
        ? 'Create a new token under Profile > Security > Personal Access Tokens, and copy the Access Token, not the Token ID.'
        : 'Copy the whole Access Token. It is shown only once: if it is gone, create a new token under Profile > Security > Personal Access Tokens.',
    });
  }
  if (response.status === 401 && versionOf(response) === undefined) {
    return new CredsetupError('GATEWAY_IN_FRONT', `Something in front of ${api.base} refused the request before Mattermost saw it.`, {
      ...about, hint: 'n8n cannot pass it either. Ask the admin to let requests to /api/v4 through to Mattermost without a sign-in of their own.',
    });
  }
  if (response.status === 403 && id !== undefined) {
    return new CredsetupError('PERMISSION_DENIED', `Mattermost does not let this account read its own profile (${id}).`, {
      ...about, hint: 'Ask the admin whether the account must accept terms of service or set up multi-factor authentication first; sign in to Mattermost once to see.',
    });
  }
  return new CredsetupError('RESPONSE_INVALID', `${api.base} answered status ${response.status}${isJson(response) ? '' : ' with a page'} where Mattermost would answer with the account.`, {
    ...about, hint: 'Open the address in a browser: is something between you and Mattermost, such as a firewall or a proxy, answering instead?',
  });
}
