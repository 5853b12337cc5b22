/** Mattermost, as the core sees it. */
import type { Warning } from '../../credential.ts';
import { foreign } from '../../foreign.ts';
import { isJson } from '../answer.ts';
import type { Api, ServerState } from '../api.ts';
import type { Service } from '../service.ts';
import { accessToken } from './access-token.ts';
import { about, clientConfig, versionOf } from './api.ts';
import { url } from './fields.ts';
import { withoutTrailingSlashes } from '../../slashes.ts';

export const mattermost: Service = {
  ...about,
  address: {
    field: url,
    pages: [
      /\/api(\/v4)?(\/|$)/, /\/admin_console(\/|$)/, /\/(login|signup_user_complete|reset_password|select_team|landing|help)(\/|$)/,
      /\/[^/]+\/(channels|messages|pl|threads|integrations|drafts)(\/|$)/, /\/(boards|playbooks|plugins|static)(\/|$)/,
    ],
    frontControllers: [],
    proofPath: '/api/v4/system/ping',
    // A web page of Mattermost carries the header too, so the JSON answer is asked for as well.
    proves: (response) => versionOf(response) !== undefined && response.status !== 404 && isJson(response),
    resembles: (response) => response.header('x-version-id') !== undefined,
    notThisService: 'NOT_MATTERMOST',
  },
  inspect,
  inspectWarnings: ['SITE_URL_DIFFERS'],
  methods: [accessToken],
  variables: ['URL', 'TOKEN'],
  capabilities: ['teams', 'channels', 'posts', 'users'],
  capabilityUse: {
    teams: 'the Mattermost node lists the account\'s teams',
    channels: 'the Mattermost node works in channels that the account is a member of; add it to a team and a channel',
    posts: 'the Mattermost node can post only in channels that the account is a member of; add it to one',
    users: 'n8n tests the credential by listing users',
  },
};

async function inspect(api: Api): Promise<ServerState> {
  const config = await clientConfig(api);
  const version = config['Version'];
  return {
    ...(version === undefined || version === '' ? {} : { version }),
    done: { 'password-sign-in': ['EnableSignInWithEmail', 'EnableSignInWithUsername', 'EnableLdap'].some((name) => config[name] !== 'false') },
    warnings: siteUrlWarning(api.base, config['SiteURL'] ?? ''),
    says: version === undefined ? [] : [`version ${version}`],
  };
}

/** The address that the server believes it has; links and webhooks follow it. */
function siteUrlWarning(base: string, siteUrl: string): readonly Warning[] {
  const own = withoutTrailingSlashes(siteUrl);
  if (own === '' || own.toLowerCase() === base.toLowerCase()) return [];
  return [{
    code: 'SITE_URL_DIFFERS',
    message: `Mattermost believes that its address is ${foreign(own)}, and you use ${base}. Both may be right; if n8n cannot reach this one, use the other.`,
  }];
}

