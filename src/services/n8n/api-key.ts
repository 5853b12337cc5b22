/** The method "API key": validation against the live n8n, and what the key may do there. */
import { presentedValue } from '../answer.ts';
import type { Api } from '../api.ts';
import type { Method, Presented, Validation } from '../service.ts';
import { schemaPath } from './address.ts';
import { capabilitiesOf } from './capabilities.ts';
import { apiKey as apiKeyField } from './fields.ts';
import { endOfKey, ownerOfKey } from './key.ts';
import { bodyOf, requestsTo } from './requests.ts';
import { createApiKey } from './steps.ts';

/** n8n's own type for its API, which its own test asks for too. */
const own = 'n8nApi';

export const apiKey: Method = {
  id: 'api-key',
  title: 'API key',
  summary: 'a key of n8n\'s public API, with the scopes that it is needed for',
  steps: [createApiKey],
  fields: [apiKeyField],
  n8n: {
    type: own, title: 'n8n API', tlsOption: false, nodes: 'n8n',
    fields: [
      { label: 'API Key', member: 'apiKey', from: { secret: apiKeyField.key } },
      { label: 'Base URL', member: 'baseUrl', from: { path: '/api/v1' } },
    ],
  },
  variables: [{ word: 'URL', from: 'url' }, { word: 'API_KEY', from: { secret: apiKeyField.key } }],
  validate,
};

async function validate(api: Api, { secrets }: Presented): Promise<Validation> {
  const key = presentedValue(secrets, apiKeyField.key);
  const requests = requestsTo(api, key);
  // Needs a key and no scope, and every n8n knows this type.
  bodyOf(await requests.ask('GET', `${schemaPath}httpBasicAuth`), api.base);
  const expiresAt = endOfKey(key);
  const owner = ownerOfKey(key);
  return {
    account: owner === undefined ? {} : { id: owner },
    ...(owner === undefined ? {} : { publicParts: [owner] }),
    capabilities: await capabilitiesOf(requests), warnings: [],
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}
