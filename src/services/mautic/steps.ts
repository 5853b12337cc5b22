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
  notes: [otherTab, 'Saved, and still off here? On some installs the cache has to be cleared: delete var/cache/prod, or run in Mautic\'s folder:', { copied: 'php bin/console cache:clear' }],
  isDone: async (api) => mauticError(await probe(api))?.type === 'access_denied',
  whenDone: 'The API is on',
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
  whenDone: 'HTTP basic auth is on',
  error: { code: 'BASIC_AUTH_DISABLED', message: 'HTTP basic auth is off in this Mautic.' },
  adminTask: [
    'Please enable HTTP basic auth for the API in Mautic, so that n8n can sign in with a username and a password:',
    'Settings > Configuration > API Settings: set "Enable HTTP basic auth?" to Yes, Save.',
    '{base}/s/config/edit?tab=apiconfig',
  ].join('\n'),
};

const withoutIt = 'Without it: HTTP basic auth takes your own username and password, where it is on (another way, then Basic auth).';
const forAdmin = [
  'With credsetup, as an admin; it makes an account that may do what n8n\'s nodes do and nothing else, and "push" puts it into n8n:',
  'credsetup mautic --method oauth2 --url {base} --create-user n8n --username YOU --password-file FILE --name mautic-n8n',
  'credsetup push n8n mautic-n8n',
];

/** What an account lacks that may sign in and may not make clients. */
export const clientRight: Step = {
  id: 'client-right',
  title: 'Get the right to make clients',
  page: (base) => `${base}/s/roles`,
  instructions: ['Settings > Roles: the role of your account, Permissions > API Permissions', 'Tick View, Edit and Create of "API Credentials", then Save.'],
  whenDone: 'This account may make clients',
  notes: [withoutIt, 'Or an admin makes an account for n8n: the message has the command.'],
  adminTask: [
    'Please set up Mautic for n8n. Best is an account of its own for it.', ...forAdmin,
    'Or give my role the right to make clients: Settings > Roles, Permissions > API Permissions, "API Credentials": View, Edit, Create.',
    '{base}/s/roles',
  ].join('\n'),
};

/** An account for n8n is an admin's to make. */
export const signInAsAdmin: Step = {
  id: 'admin',
  title: 'Sign in as an administrator',
  page: (base) => `${base}/s/users`,
  instructions: ['Accounts and roles are made by who may change everything in Mautic.', 'Esc goes back: sign in as an admin there, or choose another way.'],
  whenDone: 'This account is an administrator',
  notes: ['"Make it for me" needs no admin where your role may make clients; n8n then acts as you.', withoutIt],
  adminTask: ['Please make an account for n8n in Mautic.', ...forAdmin, '{base}/s/users'].join('\n'),
};

export const createClient: Step = {
  id: 'create-client',
  title: 'Create a client',
  page: (base) => `${base}/s/credentials/new`,
  instructions: [
    'The address works even where the menu has no API Credentials.',
    'Authorization Protocol  OAuth 2',
    'Name                    n8n integration',
    'Redirect URI            the next line, whole:',
    '{redirectUri}',
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
