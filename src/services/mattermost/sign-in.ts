/**
 * Signing in once, and out again. The password goes to POST /users/login alone; the session token
 * comes back in the `Token` header (recorded: login-ok and the refusals beside it).
 */
import type { HttpResponse } from '../../context.ts';
import type { Cause, CredsetupError } from '../../errors.ts';
import { get, invalidAnswer, timeOf } from '../answer.ts';
import type { Session } from '../provisioning.ts';
import type { Api, ServerState, Values } from '../api.ts';
import { ended, errorOf, headerDropped, headerSeen, refused, type Refusal, type Refusals } from './answers.ts';
import { about, errorId, parseUser, type User } from './api.ts';
import { idPattern } from './fields.ts';

const wrong = 'Mattermost refused the username and the password. It does not say which of the two is wrong.';
const lockOut = 'Check both before the next try: each refused password counts, and after some (10 unless the admin changed it) the account is locked.';

const passwordCauses: readonly Cause[] = [
  { code: 'PASSWORD_WRONG', message: 'The password may not be this account\'s.', check: 'Sign in at {base}/login with it.', fix: 'Reset it there, or ask the admin.' },
  { code: 'USERNAME_WRONG', message: 'There may be no account with this username or email address.', check: 'Sign in at {base}/login with it.', fix: 'Give the username that Mattermost shows under your picture, without the @.' },
];

const elsewhere: Cause = {
  code: 'SIGN_IN_ELSEWHERE', message: 'The account may sign in through another service (SAML, GitLab, Google, ...) and have no password in Mattermost.',
  check: 'Does {base}/login send you to another page when you sign in?',
  fix: 'Use what works without a password: a bot account (--bot) or an admin\'s token (--admin-token-file), or make the token yourself under Profile > Security > Personal Access Tokens.',
};

function passwordRefused(message: string, causes: readonly Cause[] = passwordCauses, hint = lockOut): Refusal {
  return { code: 'PASSWORD_REJECTED', field: 'password', message, hint, causes };
}

const noPassword: Refusal = {
  code: 'SIGN_IN_UNSUPPORTED', message: 'This account cannot sign in to Mattermost with a password.', hint: elsewhere.fix,
};

/** Source: the recorded refusals of POST /users/login; the last two from the server's sources. */
const refusals: Refusals = {
  'api.user.login.invalid_credentials_email_username': passwordRefused(wrong),
  'api.user.login.invalid_credentials_username': passwordRefused(`${wrong} Sign-in by email address is off here: give the username.`),
  'api.user.login.invalid_credentials_email': passwordRefused(`${wrong} Sign-in by username is off here: give the email address.`),
  'api.user.login.invalid_credentials_sso': passwordRefused(
    'Mattermost refused the sign-in. A single sign-on is on there, so it does not say whether the password is wrong or the account has none in Mattermost.',
    [...passwordCauses, elsewhere],
    `If you sign in to Mattermost through another service, stop here: ${elsewhere.fix} Otherwise: ${lockOut.charAt(0).toLowerCase()}${lockOut.slice(1)}`,
  ),
  'mfa.validate_token.authenticate.app_error': {
    code: 'MFA_REQUIRED', field: 'mfaCode', message: 'The password is right; this account also needs its multi-factor code.',
    hint: 'Give the code that the authenticator app shows now: --mfa-code CODE or CREDSETUP_MATTERMOST_MFA_CODE.',
  },
  'api.user.check_user_mfa.bad_code.app_error': {
    code: 'MFA_REJECTED', field: 'mfaCode', message: 'Mattermost refused the multi-factor code.',
    hint: 'Wait for the next code and give that one: each is taken only once (the one that set the app up too) and is good for half a minute, and the clock of the phone must be right. Wrong codes count towards locking the account.',
  },
  'api.user.check_user_login_attempts.too_many.app_error': {
    code: 'ACCOUNT_LOCKED', message: 'Mattermost has locked this account after too many refused passwords or codes.',
    hint: 'Reset the password at {base}/reset_password, or ask an admin to unlock it: {base}/admin_console/user_management/users',
  },
  'api.user.login.inactive.app_error': {
    code: 'ACCOUNT_DEACTIVATED', message: 'This account was deactivated.',
    hint: 'An admin activates it again, or you use another account: {base}/admin_console/user_management/users',
  },
  'api.user.login.not_verified.app_error': {
    code: 'EMAIL_NOT_VERIFIED', message: 'The password is right; Mattermost lets this account in only after its email address is verified.',
    hint: 'Open the link in the message that Mattermost sent to that address ({base}/login offers to send it again), or ask an admin to verify it: {base}/admin_console/user_management/users',
  },
  'api.user.login.blank_pwd.app_error': passwordRefused('The password is empty.', []),
  'api.user.login.bot_login_forbidden.app_error': { ...noPassword, message: 'This is a bot account: bots have tokens and never sign in.', hint: 'Sign in as an admin and give the bot with --bot.' },
  'api.user.login.use_auth_service.app_error': noPassword,
};

/** A wrong code on servers that have one id for both: the code was given. */
const rejectedCode = refusals['api.user.check_user_mfa.bad_code.app_error'];

/**
 * Opens a login session. Who calls it ends it. Throws PASSWORD_REJECTED, MFA_REQUIRED,
 * MFA_REJECTED, ACCOUNT_LOCKED, ACCOUNT_DEACTIVATED, SIGN_IN_UNSUPPORTED.
 */
export async function signIn(api: Api, values: Values, protect: (secret: string) => void): Promise<Session> {
  const { username = '', password = '', mfaCode = '' } = values;
  const response = await api.send({
    method: 'POST', path: '/api/v4/users/login',
    json: { login_id: username, password, ...(mfaCode === '' ? {} : { token: mfaCode }) },
  });
  if (response.status !== 200) {
    const error = refused(api, response, refusals, 'the sign-in');
    throw error.code === 'MFA_REQUIRED' && mfaCode !== '' && rejectedCode !== undefined ? errorOf(api, rejectedCode) : error;
  }
  const token = response.header('token') ?? '';
  protect(token);
  if (!idPattern.test(token)) throw invalidAnswer(api, about, 'a sign-in');
  try {
    return sessionOf(parseUser(api, response.json()), token, true, response);
  } catch (error) {
    await endLogin(api, `Bearer ${token}`);
    throw error;
  }
}

/** The account behind a token that stands in for a sign-in. Throws TOKEN_REJECTED. */
export async function withToken(api: Api, token: string): Promise<Session> {
  const response = await get(api, '/api/v4/users/me', `Bearer ${token}`);
  if (response.status === 401 && errorId(response) !== undefined) throw await refusedToken(api, response);
  if (response.status !== 200) throw refused(api, response, {}, 'the account of the token');
  return sessionOf(parseUser(api, response.json()), token, false, response);
}

/** A token that is refused, or that did not arrive. */
async function refusedToken(api: Api, response: HttpResponse): Promise<CredsetupError> {
  return await headerSeen(api, response) === 'dropped' ? headerDropped(api) : ended(api, response);
}

/** Ends a login. A token that somebody gave is theirs and stays. */
export async function signOut(api: Api, session: Session): Promise<void> {
  if (session.isLogin) await endLogin(api, session.authorization);
}

async function endLogin(api: Api, authorization: string): Promise<void> {
  const response = await api.send({ method: 'POST', path: '/api/v4/users/logout', headers: { authorization } });
  // 401: it has ended already.
  if (response.status !== 200 && response.status !== 401) throw refused(api, response, {}, 'the end of the sign-in');
}

/** Whether any password can sign in, as the anonymous configuration tells. */
export function signInProblem(api: Api, state: ServerState): ReturnType<typeof errorOf> | undefined {
  if (state.done['password-sign-in'] !== false) return undefined;
  return errorOf(api, { ...noPassword, message: 'Nobody signs in to this Mattermost with a password: every such way is off.' });
}

function sessionOf(user: User, token: string, isLogin: boolean, response: HttpResponse): Session {
  const admin = isAdmin(user.roles);
  return {
    authorization: `Bearer ${token}`, admin, isLogin, at: timeOf(response),
    account: { id: user.id, username: user.username, ...(user.email === '' ? {} : { email: user.email }), admin, bot: user.is_bot },
  };
}

/** Whether a list of roles holds the system admin's. */
export function isAdmin(roles: string): boolean {
  return roles.split(' ').includes('system_admin');
}
