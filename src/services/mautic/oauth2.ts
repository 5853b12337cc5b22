/** The method "oauth2": a person signs in in the browser, or the client does for itself. */
import type { Warning } from '../../credential.ts';
import { CredsetupError } from '../../errors.ts';
import { throwForStatus } from '../../http/status.ts';
import { get, invalidAnswer, presentedValue } from '../answer.ts';
import type { OAuth } from '../oauth-description.ts';
import type { Api, ServerState, Values } from '../api.ts';
import type { Method, Presented, Validation } from '../service.ts';
import { about as mautic, lacksRoutes, mauticError, parseUser, routesMissing, selfPath, validationBy } from './api.ts';
import { browserFailures } from './browser-failures.ts';
import { clientId, clientSecret } from './fields.ts';
import { mauticOAuth2Api, oauth2Variables } from './hand-over.ts';
import { headerDropped } from './inspect.ts';
import { clientProvisioning } from './provisioning.ts';
import { createClient, enableApi } from './steps.ts';
import { repairTokenAnswer } from './token-answer.ts';

// Recorded: `<number>_<50 letters and digits>` and 50 letters and digits.
// A real 7.0.0 was also seen to give 49, so the length is no reason to refuse.
const clientIdShape = /^\d+_[a-z0-9]{40,60}$/i;
const secretShape = /^[a-z0-9]{40,60}$/i;

const oauth: OAuth = {
  authorizationEndpoint: (base) => `${base}/oauth/v2/authorize`,
  tokenEndpoint: (base) => `${base}/oauth/v2/token`,
  repair: repairTokenAnswer,
  clientsPage: (base) => `${base}/s/credentials`,
  signOutPage: (base) => `${base}/s/logout`,
  browserFailures,
  roleTask: [
    'Please give my Mautic role access to the API, so that I can sign in for n8n:',
    'Settings > Roles: open the role of my account, Permissions > API Permissions, tick full access, Save & Close.',
    '{base}/s/roles',
  ].join('\n'),
  refreshTokenDays: 14,
  warnAfterDays: 10,
  codeSeconds: 30,
  clientProblem,
  clientWarnings, clientWarningCodes: ['CLIENT_ACTS_AS_ADMIN'],
  clientCredentialsWarnings: [
    { code: 'N8N_GRANT_UNSUPPORTED', message: 'n8n\'s credential "Mautic OAuth2 API" cannot use this grant: it signs in by the browser only. This credential is for programs and CI jobs.' },
  ],
};

export const oauth2: Method = {
  id: 'oauth2',
  title: 'OAuth2',
  summary: 'no password is stored, access can be taken back; lasts as long as it is used every 14 days',
  steps: [enableApi, createClient],
  fields: [clientId, clientSecret],
  oauth,
  provisioning: clientProvisioning,
  n8n: mauticOAuth2Api,
  variables: oauth2Variables,
  validate,
};

function clientProblem(values: Values): { readonly field: string; readonly message: string } | undefined {
  const id = values['clientId'] ?? '';
  const secret = values['clientSecret'] ?? '';
  if (clientIdShape.test(secret) && secretShape.test(id)) return { field: 'clientId', message: 'Client ID and Client Secret are swapped.' };
  if (clientIdShape.test(secret)) return { field: 'clientSecret', message: 'This is a Client ID; the Client Secret stands in the field below it.' };
  if (secretShape.test(id)) return { field: 'clientId', message: 'The Client ID begins with a number and an underscore (such as 2_); they belong to it.' };
  return undefined;
}

/** Source: self-client-credentials. The client acts with the role of who made it. */
async function clientWarnings(api: Api, clientAccessToken: string): Promise<readonly Warning[]> {
  const response = await get(api, selfPath, `Bearer ${clientAccessToken}`);
  if (response.status !== 200 || !parseUser(api, response.json()).admin) return [];
  return [{
    code: 'CLIENT_ACTS_AS_ADMIN',
    message: 'This client was made by an admin: Client ID and Client Secret alone open everything in Mautic, whoever signs in with them. Make the client from an account with a role of its own; --create-user makes both.',
  }];
}

async function validate(api: Api, { secrets }: Presented, state?: ServerState): Promise<Validation> {
  const authorization = `Bearer ${presentedValue(secrets, 'accessToken')}`;
  const response = await get(api, selfPath, authorization);
  if (response.status !== 200) {
    throwForStatus(response);
    if (lacksRoutes(response)) throw routesMissing(api.base);
    throw refusal(api, mauticError(response)?.type, response.status, state);
  }
  return validationBy(api, authorization, response);
}

function refusal(api: Api, type: string | undefined, status: number, state: ServerState | undefined): CredsetupError {
  const about = { service: mautic.id, url: api.base };
  if (type === 'api_disabled') {
    return new CredsetupError('API_DISABLED', 'The API of this Mautic is off.', { ...about, hint: `${enableApi.instructions.join(': ')} ${enableApi.page(api.base)}` });
  }
  if (status === 401 && type === 'access_denied') return headerDropped(api);
  if (status === 401 && type === 'invalid_grant') {
    return new CredsetupError('TOKEN_REJECTED', 'Mautic refused the access token.', {
      ...about, hint: state?.done[enableApi.id] === undefined ? 'It ended, or the client was deleted under API Credentials. Sign in again.' : 'Sign in again.',
    });
  }
  return invalidAnswer(api, mautic, 'the account');
}
