/**
 * The documented steps for a personal access token, in Mattermost's own words.
 * Source: n8n's page "Mattermost credentials" and a real server; the page says to copy the Token
 * ID, which a real server refuses.
 */
import type { Step } from '../step.ts';

export const createToken: Step = {
  id: 'create-token',
  title: 'Create a Personal Access Token',
  page: (base) => base,
  instructions: [
    'Your picture (top right) > Profile > Security > Personal Access Tokens',
    'Create Token, description  n8n integration  then Save',
    'Copy the Access Token. It is shown only now; the Token ID beside it does not work.',
  ],
  notes: [
    'No Personal Access Tokens there? Either they are off on this server, or your account may not make them. An admin changes both: press m for a message to yours.',
    'Advice: use an account of its own for n8n. A token acts as its account and ends with it; a system admin\'s token opens everything.',
  ],
  adminTask: [
    'Please allow me to create a Personal Access Token in Mattermost, so that n8n can connect:',
    '1. System Console > Integrations > Integration Management: set "Enable personal access tokens" to true, Save.',
    '   {base}/admin_console/integrations/integration_management',
    '2. System Console > User Management > Users: search my account, Actions > Manage roles, tick "Allow this account to generate personal access tokens", Save.',
    '   {base}/admin_console/user_management/users',
    'Or make a bot account instead: System Console > Integrations > Bot Accounts, "Enable Bot Account Creation" to true; then Integrations > Bot Accounts > Add Bot Account, give me its token, and add the bot to its team and to each channel that it should post in.',
  ].join('\n'),
};

const integrationPage = (base: string): string => `${base}/admin_console/integrations/integration_management`;
const botPage = (base: string): string => `${base}/admin_console/integrations/bot_accounts`;
const usersPage = (base: string): string => `${base}/admin_console/user_management/users`;

/** An admin's steps, which only a signed-in account can tell apart. */
export const enableTokens: Step = {
  id: 'tokens', title: 'Enable personal access tokens', page: integrationPage,
  instructions: ['System Console > Integrations > Integration Management', 'Set "Enable personal access tokens" to true, then Save.'],
  whenDone: 'Personal access tokens are on',
  adminTask: [
    'Please enable personal access tokens in Mattermost, so that n8n can connect:',
    'System Console > Integrations > Integration Management: set "Enable personal access tokens" to true, Save.',
    '{base}/admin_console/integrations/integration_management',
  ].join('\n'),
};

export const enableBots: Step = {
  id: 'bots', title: 'Enable bot account creation', page: botPage,
  instructions: ['System Console > Integrations > Bot Accounts', 'Set "Enable Bot Account Creation" to true, then Save.'],
  whenDone: 'Bot accounts may be created',
  adminTask: [
    'Please enable bot accounts in Mattermost, so that n8n can have an account of its own:',
    'System Console > Integrations > Bot Accounts: set "Enable Bot Account Creation" to true, Save.',
    '{base}/admin_console/integrations/bot_accounts',
  ].join('\n'),
};

export const grantTokens: Step = {
  id: 'right', title: 'Allow this account to make personal access tokens', page: usersPage,
  instructions: ['System Console > User Management > Users > the account > Manage roles', 'Tick "Allow this account to generate personal access tokens", then Save.'],
  whenDone: 'This account may make personal access tokens',
  adminTask: [
    'Please allow me to create a personal access token in Mattermost, so that n8n can connect:',
    'System Console > User Management > Users: search my account, Actions > Manage roles, tick "Allow this account to generate personal access tokens", Save.',
    '{base}/admin_console/user_management/users',
  ].join('\n'),
};
