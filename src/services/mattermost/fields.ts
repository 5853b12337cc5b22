/** Mattermost's fields. No imports but types: options, prompts and help come from here. */
import type { Field } from '../service.ts';

export const url: Field = {
  key: 'url', label: 'Mattermost address', secret: false, option: '--url', variable: 'URL',
  help: 'What your browser shows when Mattermost is open; any page of it will do.',
  maxLength: 2048, spaces: 'never',
};

export const token: Field = {
  key: 'token', label: 'Access Token', secret: true, option: '--token-file', stdinOption: '--token-stdin', variable: 'TOKEN',
  help: 'The Access Token, not the Token ID: both have 26 characters, and the Access Token is shown only once, right after Save.',
  maxLength: 512, spaces: 'never',
};

export const fields = [url, token] as const;
