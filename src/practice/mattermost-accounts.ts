/** A practice Mattermost's accounts: signing in and out, who am I, roles, teams. */
import { bodyText, bodyMembers, type PracticeRequest, type Reply } from './server.ts';
import type { Route } from './routes.ts';
import { channelViews, emptyCookie, failure, forbidden, ok, sessionView, teamView, userView, type MattermostErrorId } from './mattermost-answers.ts';
import { closeSessions, isAtLeast, may, openSession, type MattermostSession, type MattermostState, type MattermostUser } from './mattermost-state.ts';

/** What an answer is made from: the state, and who asks. */
export interface Asker {
  readonly state: MattermostState;
  readonly session: MattermostSession;
  readonly user: MattermostUser;
}

const signInNames = (state: MattermostState, user: MattermostUser): string[] =>
  [...(state.signInWithUsername ? [user.username] : []), ...(state.signInWithEmail ? [user.email] : []), ...(state.ldap && user.authService === 'ldap' ? [user.username] : [])];

/** Which sentence covers a refused password: any single sign-on hides the rest. */
function refusedPassword(state: MattermostState): MattermostErrorId {
  if (state.sso.length > 0) return 'api.user.login.invalid_credentials_sso';
  if (state.signInWithUsername && !state.signInWithEmail) return 'api.user.login.invalid_credentials_username';
  if (!state.signInWithUsername && state.signInWithEmail) return 'api.user.login.invalid_credentials_email';
  return 'api.user.login.invalid_credentials_email_username';
}

/** Why a sign-in is refused, in the server's order; wrong passwords and wrong codes are counted, a missing code is not. */
function refusal(state: MattermostState, user: MattermostUser, password: string, code: string): MattermostErrorId | undefined {
  if (user.deleteAt !== 0) return 'api.user.login.inactive.app_error';
  if (user.isBot) return 'api.user.login.bot_login_forbidden.app_error';
  if (user.failedAttempts >= state.attempts) return 'api.user.check_user_login_attempts.too_many.app_error';
  const hasPassword = user.authService === '' || user.authService === 'ldap';
  if (!hasPassword) return refusedPassword(state);
  if (password !== user.password) {
    user.failedAttempts += 1;
    return refusedPassword(state);
  }
  const refusedCode = codeRefusal(state, user, code);
  if (refusedCode !== undefined) return refusedCode;
  return state.verifiedEmail && !user.emailVerified ? 'api.user.login.not_verified.app_error' : undefined;
}

/** 10.4 and later take a code once; a second use is a wrong one. */
function codeRefusal(state: MattermostState, user: MattermostUser, code: string): MattermostErrorId | undefined {
  if (!state.mfa || user.mfaCode === undefined) return undefined;
  if (code === '') return 'mfa.validate_token.authenticate.app_error';
  if (code === user.mfaCode && !(isAtLeast(state, 10, 4) && code === user.usedCode)) {
    user.usedCode = code;
    return undefined;
  }
  user.failedAttempts += 1;
  return 'api.user.check_user_mfa.bad_code.app_error';
}

/** POST /users/login: the session token goes into the Token header. */
export function signIn(state: MattermostState, request: PracticeRequest): Reply {
  const name = bodyText(request, 'login_id').trim().toLowerCase();
  const password = bodyText(request, 'password');
  if (password === '') return failure('api.user.login.blank_pwd.app_error');
  const user = state.users.find((one) => signInNames(state, one).includes(name));
  if (user === undefined) return failure(refusedPassword(state));
  const refused = refusal(state, user, password, bodyText(request, 'token'));
  if (refused !== undefined) return failure(refused);
  const session = openSession(state, user);
  const body = userView(state, user, true);
  user.failedAttempts = 0;
  const cookie = `MMAUTHTOKEN=${session.token}; Path=/; Max-Age=15552000; HttpOnly`;
  return { status: 200, headers: { token: session.token, 'set-cookie': cookie }, body };
}

function signOut({ state, session }: Asker): Reply {
  closeSessions(state, ({ id }) => id === session.id);
  return { ...ok, headers: { 'set-cookie': emptyCookie } };
}

/** The account that a path names, `me` included; undefined when there is none. */
export function namedUser({ state, user }: Asker, id: string | undefined): MattermostUser | undefined {
  return id === 'me' ? user : state.users.find((one) => one.id === id);
}

function listUsers({ state }: Asker, request: PracticeRequest): Reply {
  const size = Number(request.query.get('per_page') ?? 60);
  const page = Number(request.query.get('page') ?? 0);
  const sorted = [...state.users].sort((one, other) => one.username < other.username ? -1 : 1);
  return { status: 200, body: sorted.slice(page * size, page * size + size).map((user) => userView(state, user, false)) };
}

function showUser(asker: Asker, _request: PracticeRequest, parts: Readonly<Record<string, string>>): Reply {
  const named = asker.state.users.find(({ id, username }) => id === parts['user'] || username === parts['username']);
  return named === undefined ? failure('app.user.missing_account.const') : { status: 200, body: userView(asker.state, named, named.id === asker.user.id) };
}

function listSessions(asker: Asker, _request: PracticeRequest, parts: Readonly<Record<string, string>>): Reply {
  const named = namedUser(asker, parts['user']);
  if (named === undefined || (named.id !== asker.user.id && !may(asker.user, 'admin'))) return forbidden();
  const own = asker.state.sessions.filter(({ userId }) => userId === named.id).reverse();
  const sorted = own.sort((one, other) => other.lastActivityAt - one.lastActivityAt);
  return { status: 200, body: sorted.map((session) => sessionView(asker.state, session, named)) };
}

/** Replaces the whole list of roles. */
function setRoles(asker: Asker, request: PracticeRequest, parts: Readonly<Record<string, string>>): Reply {
  const roles = bodyMembers(request)['roles'];
  const named = namedUser(asker, parts['user']);
  if (typeof roles !== 'string' || !/^[a-z_]+( [a-z_]+)*$/.test(roles)) return failure('api.context.invalid_body_param.app_error', 'roles');
  if (!may(asker.user, 'admin')) return forbidden();
  if (named === undefined) return failure('app.user.missing_account.const');
  named.roles = roles;
  named.updateAt = asker.state.now();
  return ok;
}

/** Turns multi-factor authentication on or off; the code that turned it on is taken. */
function setMfa(asker: Asker, request: PracticeRequest, parts: Readonly<Record<string, string>>): Reply {
  const named = namedUser(asker, parts['user']);
  if (named === undefined || (named.id !== asker.user.id && !may(asker.user, 'admin'))) return forbidden();
  const code = bodyText(request, 'code');
  named.mfaCode = bodyMembers(request)['activate'] === true ? code : undefined;
  named.usedCode = named.mfaCode;
  return ok;
}

const teamsOf = ({ state, user }: Asker): MattermostState['teams'] => state.teams.filter(({ members }) => members.includes(user.id));

function listChannels(asker: Asker, _request: PracticeRequest, parts: Readonly<Record<string, string>>): Reply {
  const team = teamsOf(asker).find(({ id }) => id === parts['team']);
  return team === undefined ? forbidden() : { status: 200, body: channelViews(team) };
}

/** Not recorded; from https://api.mattermost.com: 201 with the membership. */
function addToTeam(asker: Asker, request: PracticeRequest, parts: Readonly<Record<string, string>>): Reply {
  const team = asker.state.teams.find(({ id }) => id === parts['team']);
  const user = asker.state.users.find(({ id }) => id === bodyMembers(request)['user_id']);
  if (team === undefined || user === undefined) return failure('app.team.get.find.app_error');
  if (!may(asker.user, 'admin')) return forbidden();
  if (!team.members.includes(user.id)) team.members.push(user.id);
  return { status: 201, body: { team_id: team.id, user_id: user.id, roles: 'team_user', delete_at: 0 } };
}

function addToChannel(asker: Asker, request: PracticeRequest, parts: Readonly<Record<string, string>>): Reply {
  const team = asker.state.teams.find(({ channels }) => channels.some(({ id }) => id === parts['channel']));
  const channel = team?.channels.find(({ id }) => id === parts['channel']);
  const user = asker.state.users.find(({ id }) => id === bodyMembers(request)['user_id']);
  // A channel takes only who is in its team.
  if (team === undefined || channel === undefined || user === undefined || !team.members.includes(user.id)) return failure('app.team.get.find.app_error');
  if (!may(asker.user, 'admin')) return forbidden();
  channel.joined = [...(channel.joined ?? []), user.id];
  return { status: 201, body: { channel_id: channel.id, user_id: user.id, roles: 'channel_user' } };
}

export const accountRoutes: readonly Route<Asker>[] = [
  { method: 'POST', path: '/api/v4/users/logout', answer: signOut },
  { method: 'GET', path: '/api/v4/users', answer: listUsers },
  { method: 'GET', path: '/api/v4/users/me', answer: ({ state, user }) => ({ status: 200, body: userView(state, user, true) }) },
  { method: 'GET', path: '/api/v4/users/:user', answer: showUser },
  { method: 'GET', path: '/api/v4/users/username/:username', answer: showUser },
  { method: 'GET', path: '/api/v4/users/:user/sessions', answer: listSessions },
  { method: 'PUT', path: '/api/v4/users/:user/roles', answer: setRoles },
  { method: 'PUT', path: '/api/v4/users/:user/mfa', answer: setMfa },
  { method: 'GET', path: '/api/v4/users/me/teams', answer: (asker) => ({ status: 200, body: teamsOf(asker).map(teamView) }) },
  { method: 'GET', path: '/api/v4/users/me/teams/:team/channels', answer: listChannels },
  { method: 'POST', path: '/api/v4/teams/:team/members', answer: addToTeam },
  { method: 'POST', path: '/api/v4/channels/:channel/members', answer: addToChannel },
];
