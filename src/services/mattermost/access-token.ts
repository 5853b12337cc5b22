/** The method "personal access token": validation against the live server. */
import type { Account, Warning } from '../../credential.ts';
import type { HttpResponse } from '../../context.ts';
import { throwForStatus } from '../../http/status.ts';
import { get, isObject, presentedValue } from '../answer.ts';
import type { Api } from '../api.ts';
import type { Method, Presented, Validation } from '../service.ts';
import { errorId, idIn, isAtLeast, parseUser, versionOf, type User } from './api.ts';
import { listTokens } from './create-token.ts';
import { mfaRequired, mfaRequiredId } from './answers.ts';
import { refusal } from './diagnosis.ts';
import { token as tokenField } from './fields.ts';
import { provisioning } from './provisioning.ts';
import { createToken } from './steps.ts';

export const accessToken: Method = {
  id: 'access-token',
  title: 'Access token',
  summary: 'a personal access token or a bot\'s token that you have or make now',
  steps: [createToken],
  fields: [tokenField],
  provisioning,
  n8n: {
    type: 'mattermostApi', title: 'Mattermost API', tlsOption: true, nodes: 'Mattermost',
    proof: {
      type: 'n8n-nodes-base.mattermost', typeVersion: 1, credentialType: 'mattermostApi',
      parameters: { resource: 'user', operation: 'getAll', returnAll: false, limit: 1, additionalFields: {} },
    },
    fields: [
      { label: 'Access Token', member: 'accessToken', from: { secret: 'token' } },
      { label: 'Base URL', member: 'baseUrl', from: 'url' },
      { label: 'Ignore SSL Issues (Insecure)', member: 'allowUnauthorizedCerts', from: 'ignoreSslIssues' },
    ],
  },
  variables: [{ word: 'URL', from: 'url' }, { word: 'TOKEN', from: { secret: 'token' } }],
  validate,
};

async function validate(api: Api, { fields: { tokenId }, secrets, stored }: Presented): Promise<Validation> {
  const token = presentedValue(secrets, tokenField.key);
  const response = await get(api, '/api/v4/users/me', `Bearer ${token}`);
  if (response.status !== 200) throw await refusal(api, response, stored);
  const user = parseUser(api, response.json());
  const [capabilities, sessionWarning] = await Promise.all([askCapabilities(api, token), warnOfSession(api, token)]);
  const admin = isAdmin(user);
  const version = versionOf(response);
  const expiresAt = await expiryOf(api, token, user, tokenId, version);
  return {
    account: accountOf(user, admin),
    ...(version === undefined ? {} : { version }),
    capabilities,
    warnings: [...sessionWarning, ...(admin ? [adminWarning(user)] : [])],
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** When the token ends, on servers that know it; the account must be allowed to list its tokens, and ours must be known by its ID. */
async function expiryOf(api: Api, token: string, user: User, tokenId: string | undefined, version: string | undefined): Promise<string | undefined> {
  if (tokenId === undefined || version === undefined || !isAtLeast(version, 11, 9)) return undefined;
  const listed = await listTokens(api, { authorization: `Bearer ${token}` }, user.id);
  return listed?.find(({ id }) => id === tokenId)?.expiresAt;
}

function accountOf(user: User, admin: boolean): Account {
  const name = `${user.first_name} ${user.last_name}`.trim();
  return {
    id: user.id, username: user.username,
    ...(name === '' ? {} : { name }), ...(user.email === '' ? {} : { email: user.email }),
    admin, bot: user.is_bot,
  };
}

function isAdmin(user: User): boolean {
  return user.roles.split(' ').includes('system_admin');
}

function adminWarning(user: User): Warning {
  return {
    code: 'ADMIN_ACCOUNT',
    message: `${user.username} is a system admin: this token opens everything on the server. An account of its own for n8n is safer.`,
  };
}

/**
 * What n8n's Mattermost node asks for: users, the account's teams and channels. A post is not
 * tried (it would be seen); the node can post only where the account is a member of a channel.
 */
async function askCapabilities(api: Api, token: string): Promise<Record<string, boolean>> {
  const [teams, users] = await Promise.all([
    ask(api, '/api/v4/users/me/teams', token),
    ask(api, '/api/v4/users?per_page=1', token),
  ]);
  const team: unknown = teams.status === 200 ? listOf(teams.json())[0] : undefined;
  const channels = isObject(team) ? await ask(api, `/api/v4/users/me/teams/${idIn(api, team, 'id', 'its teams')}/channels`, token) : undefined;
  const hasChannels = channels?.status === 200 && listOf(channels.json()).length > 0;
  return { teams: teams.status === 200, channels: hasChannels, posts: hasChannels, users: users.status === 200 };
}

/**
 * No session of the type UserAccessToken on the account: the token in hand is a login session's,
 * which expires. One there proves nothing, and then nothing is said.
 */
async function warnOfSession(api: Api, token: string): Promise<readonly Warning[]> {
  const response = await ask(api, '/api/v4/users/me/sessions', token);
  if (response.status !== 200) return [];
  const sessions = listOf(response.json());
  const known = sessions.some((session) => isObject(session) && isObject(session['props']) && session['props']['type'] === 'UserAccessToken');
  if (known) return [];
  return [{
    code: 'SESSION_TOKEN',
    message: 'This is the token of a login session: it works now and ends by itself. Create a Personal Access Token instead.',
  }];
}

/**
 * An answer that may be a refusal; "try again" ends the set-up, and so does a server that lets an
 * account without multi-factor authentication see nothing but itself: n8n's own test would fail.
 */
async function ask(api: Api, path: string, token: string): Promise<HttpResponse> {
  const response = await get(api, path, `Bearer ${token}`);
  throwForStatus(response);
  if (errorId(response) === mfaRequiredId) throw mfaRequired(api);
  return response;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
