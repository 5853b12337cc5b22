/** What an n8n is set up and reached with. No imports but types: options, prompts and help come from here. */
import type { Field } from '../field.ts';

/** How the service is named. */
export const about = { id: 'n8n', title: 'n8n' } as const;

export const url: Field = {
  key: 'url', label: 'n8n address', secret: false, option: '--url', variable: 'URL',
  help: 'What your browser shows when n8n is open; any page of it will do.',
  maxLength: 2048, spaces: 'never',
};

export const apiKey: Field = {
  key: 'apiKey', label: 'API key', secret: true, option: '--api-key-file', stdinOption: '--api-key-stdin', variable: 'API_KEY',
  help: 'In n8n: Settings > n8n API > Create API key. It is shown once, right after it was made.',
  maxLength: 4096, spaces: 'never',
};

/** What the method is set up with. */
export const fields = [url, apiKey] as const;

/** Where something else is pushed to: its own address is not n8n's. */
export const targetUrl: Field = { ...url, option: '--n8n-url' };
export const targetFields = [targetUrl, apiKey] as const;
