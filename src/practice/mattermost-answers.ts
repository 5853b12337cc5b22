/** The shapes of a practice Mattermost's answers. */
import { createHash } from 'node:crypto';
import type { Reply } from './server.ts';
import { isAtLeast, isEleven, newId, type MattermostSession, type MattermostState, type MattermostTeam, type MattermostToken, type MattermostUser } from './mattermost-state.ts';

/** The server's errors: status and message by id. */
const errors = {
  'api.context.session_expired.app_error': [401, 'Invalid or expired session, please login again.'],
  'api.context.permissions.app_error': [403, 'You do not have the appropriate permissions.'],
  'api.context.invalid_body_param.app_error': [400, 'Invalid or missing {} in request body.'],
  'api.context.invalid_url_param.app_error': [400, 'Invalid or missing {} parameter in request URL.'],
  'api.user.login.invalid_credentials_email_username': [401, 'Enter a valid email or username and/or password.'],
  'api.user.login.invalid_credentials_username': [401, 'Enter a valid username and/or password.'],
  'api.user.login.invalid_credentials_email': [401, 'Enter a valid email and/or password'],
  'api.user.login.invalid_credentials_sso': [401, 'Enter a valid email or username and/or password, or sign in using another method.'],
  'api.user.login.blank_pwd.app_error': [400, 'Password field must not be blank'],
  'api.user.login.bot_login_forbidden.app_error': [401, 'Bot login is forbidden.'],
  'api.user.login.not_verified.app_error': [401, 'Login failed because email address has not been verified.'],
  'api.context.mfa_required.app_error': [401, 'Multi-factor authentication is required on this server.'],
  'api.user.login.inactive.app_error': [401, 'Login failed because your account has been deactivated.  Please contact an administrator.'],
  'api.user.check_user_login_attempts.too_many.app_error': [401, 'Your account is locked because of too many failed password attempts. Please reset your password.'],
  'mfa.validate_token.authenticate.app_error': [401, 'Invalid MFA token.'],
  'api.user.check_user_mfa.bad_code.app_error': [401, 'Invalid MFA token.'],
  'app.user_access_token.disabled': [501, 'Personal access tokens are disabled on this server. Please contact your system administrator for details.'],
  'app.user_access_token.get_by_user.app_error': [404, 'Unable to get the personal access tokens by user.'],
  'app.user_access_token.expires_at_required.app_error': [400, 'Personal access tokens must include an expiry date because the server enforces a maximum token lifetime.'],
  'app.user_access_token.expires_at_too_far.app_error': [400, 'The provided expires_at exceeds the configured maximum personal access token lifetime ({} days).'],
  'app.user_access_token.expires_at_in_past.app_error': [400, 'The provided expires_at is in the past.'],
  'api.user.rotate_user_access_token.disabled_token.app_error': [400, 'Cannot regenerate a disabled access token.'],
  'model.user_access_token.is_valid.description.app_error': [400, 'Invalid description, must be 255 or less characters.'],
  'app.user.missing_account.const': [404, 'Unable to find the user.'],
  'api.bot.create_disabled': [403, 'Bot creation has been disabled.'],
  'app.user.save.username_exists.app_error': [400, 'An account with that username already exists.'],
  'model.bot.is_valid.username.app_error': [400, 'Invalid username.'],
  'store.sql_bot.get.missing.app_error': [404, 'Unable to find the bot.'],
  'app.team.get.find.app_error': [404, 'Unable to find the existing team.'],
} as const satisfies Record<string, readonly [number, string]>;

export type MattermostErrorId = keyof typeof errors;

/** An error as the server words it; `word` fills the gap of those that name a parameter. */
export function failure(id: MattermostErrorId, word = '', detail = ''): Reply {
  const [status, message] = errors[id];
  return { status, body: { id, message: message.replace('{}', word), detailed_error: detail, request_id: newId(), status_code: status } };
}

/** The one 401 for every credential that is not accepted. The cookie is emptied when one was sent. */
export function sessionExpired(state: MattermostState, token: string | undefined): Reply {
  const detail = state.developerMode ? (token === undefined ? 'UserRequired' : `token=${token}`) : '';
  const reply = failure('api.context.session_expired.app_error', '', detail);
  return token === undefined ? reply : { ...reply, headers: { 'set-cookie': emptyCookie } };
}

export const emptyCookie = 'MMAUTHTOKEN=; Path=/; Max-Age=0; HttpOnly';
export const ok: Reply = { status: 200, body: { status: 'OK' } };
export const forbidden = (): Reply => failure('api.context.permissions.app_error');

/** `X-Version-Id`: version, build, hash of the client configuration, licensed. */
export function versionId(state: MattermostState): string {
  const hash = createHash(isEleven(state) ? 'sha256' : 'md5').update(JSON.stringify(clientConfig(state, true)));
  return `${state.version}..${hash.digest('hex')}.false`;
}

/** What GET /config/client tells; a session gets one member more, on servers that know ends of tokens two. */
export function clientConfig(state: MattermostState, signedIn: boolean): Record<string, string> {
  return {
    BuildNumber: '',
    EnableBotAccountCreation: String(state.botsEnabled),
    EnableLdap: String(state.ldap),
    EnableMultifactorAuthentication: String(state.mfa),
    EnableSaml: String(state.sso.includes('saml')),
    EnableSignInWithEmail: String(state.signInWithEmail),
    EnableSignInWithUsername: String(state.signInWithUsername),
    // Without a licence, 11 does not tell.
    ...(isEleven(state) ? {} : { EnableSignUpWithGitLab: String(state.sso.includes('gitlab')) }),
    EnableSignUpWithGoogle: String(state.sso.includes('google')),
    EnableSignUpWithOffice365: String(state.sso.includes('office365')),
    EnableSignUpWithOpenId: String(state.sso.includes('openid')),
    ...(signedIn ? { EnableUserAccessTokens: String(state.tokensEnabled) } : {}),
    EnforceMultifactorAuthentication: String(state.enforceMfa),
    ...(signedIn && isAtLeast(state, 11, 9) ? { MaximumPersonalAccessTokenLifetimeDays: String(state.maxTokenLifetimeDays) } : {}),
    SiteName: 'Mattermost',
    SiteURL: state.siteUrl,
    Version: state.version,
  };
}

const notifyProps = (state: MattermostState): Record<string, string> => ({
  channel: 'true', ...(isEleven(state) ? { channel_mention_auto_follow_threads: 'true' } : {}), comments: 'never', desktop: 'mention', desktop_sound: 'true',
  desktop_threads: 'all', email: 'true', email_threads: 'all', first_name: 'false', mention_keys: '', push: 'mention',
  push_status: isEleven(state) ? 'online' : 'away', push_threads: 'all',
});

/** An account as others see it, or, with `own`, as it sees itself. */
export function userView(state: MattermostState, user: MattermostUser, own: boolean): Record<string, unknown> {
  return {
    id: user.id, create_at: user.createAt, update_at: user.updateAt, delete_at: user.deleteAt, username: user.username,
    ...(own && isEleven(state) ? {} : { auth_data: '' }), auth_service: user.authService, email: user.email, nickname: '', first_name: user.isBot ? user.displayName : '',
    last_name: '', position: '', roles: user.roles,
    ...(own ? { notify_props: notifyProps(state), last_password_update: user.createAt } : {}),
    ...(own && user.failedAttempts > 0 ? { failed_attempts: user.failedAttempts } : {}),
    locale: 'en',
    timezone: { automaticTimezone: '', manualTimezone: '', useAutomaticTimezone: 'true' },
    ...(own && user.mfaCode !== undefined ? { mfa_active: true } : {}),
    ...(isEleven(state) && !user.isBot ? { remote_id: '' } : {}),
    ...(user.isBot ? { is_bot: true } : {}),
    disable_welcome_email: false,
  };
}

/** A session as GET /users/me/sessions lists it: without its token. */
export function sessionView(state: MattermostState, session: MattermostSession, user: MattermostUser): Record<string, unknown> {
  const props = session.tokenId === undefined
    ? { browser: 'Unknown/0.0', csrf: session.csrf, isMobile: 'false', isOAuthUser: 'false', isSaml: 'false', is_guest: 'false', os: '', platform: isEleven(state) ? 'Unknown' : 'Windows' }
    : { is_guest: 'false', type: 'UserAccessToken', user_access_token_id: session.tokenId };
  return {
    id: session.id, token: '', create_at: session.createAt, expires_at: session.expiresAt, last_activity_at: session.lastActivityAt, user_id: session.userId,
    device_id: '', ...(isEleven(state) ? { voip_device_id: '' } : {}), roles: user.roles, is_oauth: false, expired_notify: false, props, team_members: [], local: false,
  };
}

/** A token as it is listed, or, with `secret`, as the answer to its making shows it this once. */
export function tokenView(state: MattermostState, token: MattermostToken, secret = false): Record<string, unknown> {
  return {
    id: token.id, ...(secret ? { token: token.token } : {}), user_id: token.userId, description: token.description, is_active: token.active,
    ...(isAtLeast(state, 11, 9) ? { expires_at: token.expiresAt } : {}),
  };
}

/** A bot as the bots' endpoints show it. */
export function botView(user: MattermostUser): Record<string, unknown> {
  return {
    user_id: user.id, username: user.username, display_name: user.displayName, owner_id: user.ownerId,
    create_at: user.createAt, update_at: user.updateAt, delete_at: user.deleteAt,
  };
}

/** A team as the teams' endpoints show it. */
export function teamView(team: MattermostTeam): Record<string, unknown> {
  return { id: team.id, create_at: 0, update_at: 0, delete_at: 0, display_name: team.displayName, name: team.name, description: '', email: '', type: 'O', allow_open_invite: true };
}

/** The channels of a team. */
export function channelViews(team: MattermostTeam): Record<string, unknown>[] {
  return team.channels.map(({ id, name, displayName }) => ({ id, create_at: 0, update_at: 0, delete_at: 0, team_id: team.id, type: 'O', display_name: displayName, name, header: '', purpose: '' }));
}
