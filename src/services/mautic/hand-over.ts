/**
 * Mautic's credentials as n8n and environment variables know them. Source: the field lists of
 * n8n 2.41.1's installed packages. Of `mauticOAuth2Api`, n8n pins grant type, addresses, scope and
 * client authentication and ignores what is stored for them, so none of those is written.
 */
import type { N8nNode, N8nType, Variable } from '../service.ts';

/** The Mautic node reads one contact; what it may read is what most workflows need. */
function proofBy(authentication: string, credentialType: string): N8nNode {
  return {
    type: 'n8n-nodes-base.mautic', typeVersion: 1, credentialType,
    parameters: { authentication, resource: 'contact', operation: 'getAll', returnAll: false, limit: 1, options: {} },
  };
}

export const mauticApi: N8nType = {
  type: 'mauticApi', title: 'Mautic API', tlsOption: false, nodes: 'Mautic and Mautic Trigger', proof: proofBy('credentials', 'mauticApi'),
  fields: [
    { label: 'URL', member: 'url', from: 'url' },
    { label: 'Username', member: 'username', from: { field: 'username' } },
    { label: 'Password', member: 'password', from: { secret: 'password' } },
  ],
};

export const mauticOAuth2Api: N8nType = {
  type: 'mauticOAuth2Api', title: 'Mautic OAuth2 API', tlsOption: false, nodes: 'Mautic and Mautic Trigger', proof: proofBy('oAuth2', 'mauticOAuth2Api'),
  fields: [
    { label: 'Client ID', member: 'clientId', from: { field: 'clientId' } },
    { label: 'Client Secret', member: 'clientSecret', from: { secret: 'clientSecret' } },
    { label: 'URL', member: 'url', from: 'url' },
  ],
  tokens: { member: 'oauthTokenData', accessToken: 'accessToken', expiresAt: 'accessTokenExpiresAt', refreshToken: 'refreshToken' },
};

export const basicVariables: readonly Variable[] = [
  { word: 'URL', from: 'url' },
  { word: 'USERNAME', from: { field: 'username' } },
  { word: 'PASSWORD', from: { secret: 'password' } },
];

export const oauth2Variables: readonly Variable[] = [
  { word: 'URL', from: 'url' },
  { word: 'ACCESS_TOKEN', from: { secret: 'accessToken' } },
  { word: 'CLIENT_ID', from: { field: 'clientId' } },
  { word: 'CLIENT_SECRET', from: { secret: 'clientSecret' } },
];
