/**
 * The documented steps, in Mautic's own words. Source: n8n's page "Mautic credentials" and real
 * servers; the pages' addresses work even where the menu does not show them.
 */
import { throwForStatus } from '../../http/status.ts';
import { get } from '../answer.ts';
import type { Step } from '../service.ts';
import { basic, mauticError, probeUser, selfPath } from './api.ts';

const apiSettings = (base: string) => `${base}/s/config/edit?tab=apiconfig`;
const otherTab = 'If Save changes nothing, another tab holds a field in error: it has a warning sign.';

export const enableApi: Step = {
  id: 'api',
  title: 'Enable the API',
  page: apiSettings,
  instructions: ['Settings > Configuration > API Settings', 'Set "API enabled?" to Yes, then Save.'],
  notes: [otherTab],
  isDone: async (api) => {
    const answer = await get(api, selfPath);
    throwForStatus(answer);
    return mauticError(answer)?.type === 'access_denied';
  },
  error: { code: 'API_DISABLED', message: 'The API of this Mautic is off.' },
  adminTask: [
    'Please enable the API in Mautic, so that n8n can connect:',
    'Settings > Configuration > API Settings: set "API enabled?" to Yes, Save.',
    '{base}/s/config/edit?tab=apiconfig',
  ].join('\n'),
};

export const enableBasicAuth: Step = {
  id: 'basic-auth',
  title: 'Enable HTTP basic auth',
  page: apiSettings,
  instructions: ['Settings > Configuration > API Settings', 'Set "Enable HTTP basic auth?" to Yes, then Save.'],
  notes: [otherTab],
  // While it is off every user gets 403, so the made-up one is no failed sign-in until it is on.
  isDone: async (api) => {
    const answer = await get(api, selfPath, basic(probeUser, probeUser));
    throwForStatus(answer);
    return answer.status === 401;
  },
  error: { code: 'BASIC_AUTH_DISABLED', message: 'HTTP basic auth is off in this Mautic.' },
  adminTask: [
    'Please enable HTTP basic auth for the API in Mautic, so that n8n can sign in with a username and a password:',
    'Settings > Configuration > API Settings: set "Enable HTTP basic auth?" to Yes, Save.',
    '{base}/s/config/edit?tab=apiconfig',
  ].join('\n'),
};
