/** Mautic's fields. No imports but types: options, prompts and help come from here. */
import type { Field } from '../field.ts';

/** How the service is named. */
export const about = { id: 'mautic', title: 'Mautic' } as const;

export const url: Field = {
  key: 'url', label: 'Mautic address', secret: false, option: '--url', variable: 'URL',
  help: 'What your browser shows when Mautic is open; any page of it will do.',
  maxLength: 2048, spaces: 'never',
};

export const username: Field = {
  key: 'username', label: 'Username', secret: false, option: '--username', variable: 'USERNAME',
  help: 'The username or the email address of the Mautic account that n8n will use.',
  maxLength: 512, spaces: 'allowed',
};

export const password: Field = {
  key: 'password', label: 'Password', secret: true, option: '--password-file', stdinOption: '--password-stdin', variable: 'PASSWORD',
  help: 'The password of that account. It is validated with Mautic before it is saved.',
  maxLength: 1024, spaces: 'allowed',
};

export const clientId: Field = {
  key: 'clientId', label: 'Client ID', secret: false, option: '--client-id', variable: 'CLIENT_ID',
  help: 'All of it, with the number and the underscore before the letters.',
  maxLength: 512, spaces: 'never', random: true,
};

export const clientSecret: Field = {
  key: 'clientSecret', label: 'Client Secret', secret: true, option: '--client-secret-file', stdinOption: '--client-secret-stdin', variable: 'CLIENT_SECRET',
  help: 'It stands below the Client ID; Mautic\'s list calls it Secret Key.',
  maxLength: 512, spaces: 'never',
};

export const createUser: Field = {
  key: 'createUser', label: 'Username of the new account', secret: false, option: '--create-user', variable: 'CREATE_USER',
  help: 'A name that nobody has in this Mautic, such as n8n. Its role may do what n8n\'s nodes do and nothing else.',
  maxLength: 50, spaces: 'never',
};

export const fields = [url, username, password, clientId, clientSecret] as const;
