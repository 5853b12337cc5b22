/** The method "basic": HTTP basic auth, validated against the live server. */
import type { Warning } from '../../credential.ts';
import type { HttpResponse } from '../../context.ts';
import { CredsetupError } from '../../errors.ts';
import { throwForStatus } from '../../http/status.ts';
import { get, invalidAnswer, presentedValue } from '../answer.ts';
import type { Api, ServerState } from '../api.ts';
import type { Method, Presented, Validation } from '../service.ts';
import { basic as basicHeader, about as mautic, lacksRoutes, mauticError, probeUser, routesMissing, selfPath, type User, validationBy } from './api.ts';
import { password as passwordField, username as usernameField } from './fields.ts';
import { basicVariables, mauticApi } from './hand-over.ts';
import { headerDropped } from './inspect.ts';
import { passwordCauses } from './password-causes.ts';
import { accountProvisioning } from './provisioning.ts';
import { enableApi, enableBasicAuth } from './steps.ts';

export const basic: Method = {
  id: 'basic',
  title: 'Basic auth',
  summary: 'username and password; never ends by itself; needs the switch "Enable HTTP basic auth?"',
  steps: [enableApi, enableBasicAuth],
  fields: [usernameField, passwordField],
  provisioning: accountProvisioning,
  n8n: mauticApi,
  variables: basicVariables,
  validate,
};

async function validate(api: Api, { fields: { username }, secrets, stored }: Presented, state?: ServerState): Promise<Validation> {
  const password = presentedValue(secrets, passwordField.key);
  if (username === undefined) throw new Error('basic auth is validated without a username');
  if (username.includes(':')) {
    throw new CredsetupError('INPUT_INVALID', 'The username holds a colon, which HTTP basic auth cannot carry.', {
      service: 'mautic', field: 'username', hint: 'Give the email address of the account instead (RFC 7617 §2).',
    });
  }
  const authorization = basicHeader(username, password);
  const response = await get(api, selfPath, authorization);
  if (response.status !== 200) throw await refusal(api, response, state, stored !== undefined);
  return validationBy(api, authorization, response, (user) => (user.admin ? [adminWarning(user)] : []));
}

/** Mautic 5 answers a wrong password with the status and type of a lost header; the made-up Bearer token tells them apart. */
async function refusal(api: Api, response: HttpResponse, state: ServerState | undefined, stored: boolean): Promise<CredsetupError> {
  throwForStatus(response);
  const about = { service: 'mautic', url: api.base };
  const error = mauticError(response);
  if (lacksRoutes(response)) return routesMissing(api.base);
  if (error?.type === 'api_disabled') return stepError(api, enableApi);
  if (error?.status === 403 && error.type === 'access_denied') return stepError(api, enableBasicAuth);
  if (response.status === 401 && (error !== undefined || response.text === '')) {
    if (state?.fault !== undefined || await headerIsLost(api, state)) return headerDropped(api);
    return new CredsetupError('PASSWORD_REJECTED', 'Mautic refused the username and the password. It does not say which of the two is wrong.', {
      ...about, field: 'password', causes: passwordCauses(api.base, { stored, saml: false }),
      hint: `Sign in at ${api.base}/s/login with the same two values: that shows which cause it is.`,
    });
  }
  return invalidAnswer(api, mautic, 'the account');
}

/** A server is sent the made-up token once, however many of its credentials are refused in a run. */
const probed = new WeakMap<Api, Promise<boolean>>();

async function headerIsLost(api: Api, state: ServerState | undefined): Promise<boolean> {
  // Asked once at the start of a set-up; a stored credential is tested without that.
  if (state?.done[enableApi.id] === true) return false;
  const lost = probed.get(api) ?? get(api, selfPath, `Bearer ${probeUser}`).then((answer) => mauticError(answer)?.type === 'access_denied');
  probed.set(api, lost);
  return lost;
}

function stepError(api: Api, step: typeof enableApi): CredsetupError {
  const error = step.error ?? { code: 'API_DISABLED', message: step.title };
  return new CredsetupError(error.code, error.message, {
    service: 'mautic', url: api.base,
    hint: `${step.instructions.join(': ')} ${step.page(api.base)}`,
  });
}

function adminWarning(user: User): Warning {
  return {
    code: 'ADMIN_ACCOUNT',
    message: `${user.username} is an administrator: this password opens everything in Mautic. An account of its own with a role of its own is safer for n8n.`,
  };
}
