/** Mattermost's fields. No imports but types: options, prompts and help come from here. */
import type { Field } from '../field.ts';

/** How the service is named. */
export const about = { id: 'mattermost', title: 'Mattermost' } as const;

/** Every id and every token that Mattermost makes, a session's and a bot's too. Source: its NewId, and each recorded one. */
export const idPattern = /^[a-z0-9]{26}$/;

const tokenShape: NonNullable<Field['shape']> = { pattern: idPattern, length: 26, is: 'an Access Token has 26, of a to z and 0 to 9' };

export const url: Field = {
  key: 'url', label: 'Mattermost address', secret: false, option: '--url', variable: 'URL',
  help: 'What your browser shows when Mattermost is open; any page of it will do.',
  maxLength: 2048, spaces: 'never',
};

export const token: Field = {
  key: 'token', label: 'Access Token', secret: true, option: '--token-file', stdinOption: '--token-stdin', variable: 'TOKEN',
  help: 'The Access Token, not the Token ID: both have 26 characters, and the Access Token is shown only once, right after Save.',
  maxLength: 512, spaces: 'never', shape: tokenShape,
};

export const username: Field = {
  key: 'username', label: 'Username or email', secret: false, option: '--username', variable: 'USERNAME',
  help: 'What you sign in to Mattermost with.',
  maxLength: 256, spaces: 'never', around: 'at-sign',
};

export const password: Field = {
  key: 'password', label: 'Password', secret: true, option: '--password-file', stdinOption: '--password-stdin', variable: 'PASSWORD',
  help: 'Used once to sign in, kept nowhere; the sign-in is ended again. Each refused one counts towards locking the account.',
  maxLength: 1024, spaces: 'allowed',
};

export const mfaCode: Field = {
  key: 'mfaCode', label: 'Multi-factor code', secret: false, option: '--mfa-code', variable: 'MFA_CODE',
  help: 'The six digits that your authenticator app shows now. Each wrong one counts towards locking the account.',
  maxLength: 64, spaces: 'never', around: 'groups', shape: { pattern: /^\d{6}$/, length: 6, is: 'a code is six digits' },
};

export const adminToken: Field = {
  key: 'adminToken', label: 'Admin\'s Access Token', secret: true, option: '--admin-token-file', stdinOption: '--admin-token-stdin', variable: 'ADMIN_TOKEN',
  help: 'A token of a system admin, in place of a sign-in. It is used in this run and kept nowhere.',
  maxLength: 512, spaces: 'never', shape: tokenShape,
};

export const tokenId: Field = {
  key: 'tokenId', label: 'Token ID', secret: false, option: '--token-id', variable: '',
  help: 'It stands in the list of tokens, beside the description; the Access Token is another value of the same length.',
  maxLength: 512, spaces: 'never', random: true, shape: { pattern: idPattern, length: 26, is: 'a Token ID has 26, of a to z and 0 to 9' },
};

export const description: Field = {
  key: 'description', label: 'Description of the new token', secret: false, option: '--description', variable: 'DESCRIPTION',
  help: 'What the list of tokens in Mattermost shows; a mark of this run is added.',
  maxLength: 200, spaces: 'allowed', around: 'kept',
};

export const expiresIn: Field = {
  key: 'expiresIn', label: 'Days until the new token ends', secret: false, option: '--expires-in', variable: 'EXPIRES_IN',
  help: 'Mattermost 11.9 and later. n8n stops working at that day unless you rotate the token before: credsetup rotate NAME',
  maxLength: 8, spaces: 'never',
};

export const bot: Field = {
  key: 'bot', label: 'Username of the bot', secret: false, option: '--bot', variable: 'BOT',
  help: 'Lower-case letters, digits, dots, dashes and underscores. A bot of that name is used again.',
  maxLength: 64, spaces: 'never', around: 'at-sign',
};

/** What the method is set up with when its value is in hand. */
export const fields = [url, token] as const;
