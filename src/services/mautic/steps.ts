/**
 * The documented steps, in Mautic's own words. Source: n8n's page "Mautic credentials" and real
 * servers; the pages' addresses work even where the menu does not show them.
 */
import type { Step } from '../step.ts';
import { basic, mauticError, probeUser } from './api.ts';
import { probe } from './probe.ts';

const apiSettings = (base: string) => `${base}/s/config/edit?tab=apiconfig`;
const otherTab = 'If Save changes nothing, another tab holds a field in error: it has a warning sign.';

export const enableApi: Step = {
  id: 'api',
  title: 'Enable the API',
  page: apiSettings,
  instructions: ['Settings > Configuration > API Settings', 'Set "API enabled?" to Yes, then Save.'],
  notes: [otherTab, 'Saved, and still off here? On some installs the cache has to be cleared: php bin/console cache:clear, or delete var/cache/prod.'],
  isDone: async (api) => mauticError(await probe(api))?.type === 'access_denied',
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
  isDone: async (api) => (await probe(api, basic(probeUser, probeUser))).status === 401,
  error: { code: 'BASIC_AUTH_DISABLED', message: 'HTTP basic auth is off in this Mautic.' },
  adminTask: [
    'Please enable HTTP basic auth for the API in Mautic, so that n8n can sign in with a username and a password:',
    'Settings > Configuration > API Settings: set "Enable HTTP basic auth?" to Yes, Save.',
    '{base}/s/config/edit?tab=apiconfig',
  ].join('\n'),
};

export const createClient: Step = {
  id: 'create-client',
  title: 'Create a client',
  page: (base) => `${base}/s/credentials/new`,
  instructions: [
    'The address works even where the menu has no API Credentials.',
    'Authorization Protocol  OAuth 2',
    'Name                    n8n integration',
    'Redirect URI            {redirectUri}',
    'Save (older versions: Apply), and keep the form open: it then shows Client ID and Client Secret.',
  ],
  notes: ['Advice: make it while signed in with an account of its own for n8n. A client made by an admin is an admin\'s key.'],
  adminTask: [
    'Please create API credentials in Mautic, so that n8n can sign in by OAuth2, and send me Client ID and Client Secret in a safe way:',
    '{base}/s/credentials/new',
    'Authorization Protocol: OAuth 2. Name: n8n integration. Redirect URI (one line):',
    '{redirectUri}',
    'Best from an account whose role may do no more than n8n needs: the client acts with the role of who made it.',
  ].join('\n'),
};
