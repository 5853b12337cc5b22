/** Mautic, as the core sees it. */
import type { Service } from '../service.ts';
import { about, capabilityPaths, mauticError, outOfOrder, selfPath } from './api.ts';
import { basic } from './basic.ts';
import { url } from './fields.ts';
import { inspect } from './inspect.ts';
import { oauth2 } from './oauth2.ts';

export const mautic: Service = {
  ...about,
  address: {
    field: url,
    pages: [/\/s(\/|$)/, /\/api(\/|$)/, /\/oauth(\/|$)/, /\/installer(\/|$)/, /\/(form|asset|email|page|media|app)(\/|$)/],
    frontControllers: ['index.php'],
    proofPath: selfPath,
    // Recorded: none (401 access_denied) and api-off-none (403 api_disabled).
    proves: (response) => ['access_denied', 'api_disabled'].includes(mauticError(response)?.type ?? ''),
    resembles: (response) => ['access_denied', 'api_disabled'].includes(mauticError(response)?.type ?? '') || response.header('mautic-version') !== undefined,
    notThisService: 'NOT_MAUTIC',
    outOfOrder,
  },
  inspect,
  inspectWarnings: [],
  methods: [oauth2, basic],
  variables: ['URL', 'USERNAME', 'PASSWORD', 'ACCESS_TOKEN', 'CLIENT_ID', 'CLIENT_SECRET'],
  methodOption: { field: 'method', option: '--method', variable: '' },
  capabilities: Object.keys(capabilityPaths),
  capabilityUse: {
    contacts: 'the Mautic node works on contacts',
    companies: 'the Mautic node works on companies',
    segments: 'the Mautic node adds contacts to segments',
    campaigns: 'the Mautic node adds contacts to campaigns',
    webhooks: 'the Mautic Trigger node makes webhooks',
  },
};
