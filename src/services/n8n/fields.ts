/** What reaching an n8n needs. No imports but types: options, prompts and help come from here. */
import type { Field } from '../field.ts';

export const url: Field = {
  key: 'url', label: 'n8n address', secret: false, option: '--n8n-url', variable: 'URL',
  help: 'What your browser shows when n8n is open; any page of it will do.',
  maxLength: 2048, spaces: 'never',
};

export const apiKey: Field = {
  key: 'apiKey', label: 'API key', secret: true, option: '--api-key-file', stdinOption: '--api-key-stdin', variable: 'API_KEY',
  help: 'In n8n: Settings > n8n API > Create an API key, with the scope credential:create; --replace needs credential:read and credential:update too.',
  maxLength: 4096, spaces: 'never',
};

export const fields = [url, apiKey] as const;
