/** The steps to an API key, in n8n's own words. Source: n8n 2.41.1's pages. */
import type { Step } from '../step.ts';
import { capabilityScopes } from './capabilities.ts';
import { keyPage } from './requests.ts';

/** All that credsetup has a use for, in the order that n8n lists them. */
const scopes = Object.values(capabilityScopes).flat().sort();

export const createApiKey: Step = {
  id: 'create-api-key',
  title: 'Create an API key',
  page: keyPage,
  instructions: [
    'Settings > n8n API > Create API key',
    'Label       credsetup',
    'Expiration  30 days unless you choose another; n8n goes on without it, and credsetup does not',
    `Scopes      under "Custom": ${scopes.filter((scope) => scope.startsWith('credential:')).join(', ')}`,
    `            to prove a credential by a run, also: ${scopes.filter((scope) => !scope.startsWith('credential:')).join(', ')}`,
    'Save, and copy the key. It is shown only now.',
  ],
  notes: ['No n8n API in the settings? It is off in that n8n (N8N_PUBLIC_API_DISABLED), or your account may not make keys.'],
  adminTask: [
    'Please make me an API key in n8n, so that credentials can be put there and kept up to date:',
    'Settings > n8n API > Create API key, scopes under "Custom":',
    scopes.join(', '),
    '{base}/settings/api',
  ].join('\n'),
};
