/** n8n, as the core sees it. */
import type { Service } from '../service.ts';
import { address } from './address.ts';
import { apiKey } from './api-key.ts';
import { capabilityScopes } from './capabilities.ts';
import { about } from './fields.ts';

export const n8n: Service = {
  ...about, address,
  // It tells nothing of itself without a key.
  inspect: () => Promise.resolve({ done: {}, warnings: [], says: [] }),
  inspectWarnings: [],
  methods: [apiKey],
  variables: ['URL', 'API_KEY'],
  capabilities: Object.keys(capabilityScopes),
  capabilityUse: {
    create: 'credsetup push puts new credentials there with credential:create',
    read: 'credsetup has n8n test what it holds with credential:read',
    update: 'credsetup push --replace and rotate write with credential:update',
    delete: 'credsetup remove --in-n8n deletes with credential:delete',
    list: 'credsetup check finds what n8n holds with credential:list and the account of an owner or admin',
    run: `a run proves that a credential works in n8n; it takes ${capabilityScopes.run.join(', ')}`,
  },
};
