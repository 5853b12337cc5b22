/**
 * Mautic's pages from which nothing comes back. Source: the recorded browser visits
 * (test/wire/mautic-7.json, mautic-5.json, entries with `browser`).
 */
import type { BrowserFailure } from '../oauth-description.ts';

export const browserFailures: readonly BrowserFailure[] = [
  {
    id: 'login', seen: 'It asks for username and password (again)', types: [], texts: [/Invalid login\. Please verify credentials/i, /Username or email\s+Password/i, /\/oauth\/v2\/authorize_login/],
    message: 'Mautic asks for username and password once more on this page, even when you are signed in.',
    hint: 'Type them there. "Invalid login" means that one of them is wrong. An account that signs in by SAML only has no password and cannot pass: use another account.', repair: 'wait',
  },
  {
    id: 'redirect-uri', seen: '"The redirect URI provided does not match registered URI(s)."', types: ['redirect_uri_mismatch'], texts: [/redirect URI provided does not match/i],
    code: 'REDIRECT_URI_MISMATCH', message: 'The Redirect URI that is registered in Mautic is another one.',
    hint: 'Compare it character by character.', repair: 'redirect-uri',
  },
  {
    id: 'error-500', seen: '"Looks like I encountered an error (error #500)."', types: [], texts: [/encountered an error \(error #500\)/i],
    code: 'REDIRECT_URI_MISMATCH', message: 'Mautic 7 shows this when the registered Redirect URI is another one and the application was allowed before; or something else broke in Mautic.',
    hint: 'Compare the Redirect URI first. If it is the same, Mautic\'s log (var/logs) names the other cause.', repair: 'redirect-uri',
  },
  {
    id: 'client', seen: '"Client not found."', types: [], texts: [/Client not found/i],
    code: 'CLIENT_NOT_FOUND', message: 'Mautic does not know this Client ID.',
    hint: 'Copy it again, with the number and the underscore before the letters; or the client was deleted.', repair: 'client-id',
  },
  {
    id: 'denied', seen: '"API authorization denied." (Deny was pressed)', types: ['access_denied'], texts: [/API authorization denied/i],
    code: 'AUTHORIZATION_DENIED', message: 'The sign-in was refused on Mautic\'s page.',
    hint: 'Sign in once more and press Accept.', repair: 'sign-in',
  },
  {
    id: 'role', seen: '"403 Forbidden" or "Oops! An Error Occurred"', types: [], texts: [/403 Forbidden/i, /Oops! An Error Occurred/i],
    code: 'API_ACCESS_MISSING', message: 'The role of the account has no API access.',
    hint: 'An admin gives it under Settings > Roles: the role > Permissions > API Permissions > full access. Or sign in as another account.', repair: 'role',
  },
  {
    id: 'api', seen: '"API disabled. You need to enable the API ..."', types: ['api_disabled'], texts: [/API disabled/i],
    code: 'API_DISABLED', message: 'The API was turned off.',
    hint: 'Turn it on again: Settings > Configuration > API Settings, "API enabled?" to Yes, Save.', repair: 'inspect',
  },
];
