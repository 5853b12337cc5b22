/**
 * A small Mattermost for practice and tests: accounts, sessions, personal access tokens, bots and
 * switches, answering as the recorded server does (6.7, and from version 11 on 11.10: test/wire/mattermost.json and mattermost-11*.json hold it to that).
 */
import { findRoute, type Route } from './routes.ts';
import { accountRoutes, signIn } from './mattermost-accounts.ts';
import { clientConfig, failure, sessionExpired, versionId } from './mattermost-answers.ts';
import { addToken, closeSessions, deleteEndedTokens, isAtLeast, isEleven, newId, newState, newUser, openSession, sessionOf, type MattermostSettings, type MattermostState, type MattermostToken, type MattermostUser } from './mattermost-state.ts';
import { adminRoutes, rotateRoutes, tokenRoutes } from './mattermost-tokens.ts';
import { bearerToken, html, startServer, type PracticeRequest, type PracticeServer, type Reply, type ServerOptions } from './server.ts';

export { mattermostMfaCode, mattermostPassword, type MattermostSettings, type MattermostState } from './mattermost-state.ts';

export interface MattermostOptions extends ServerOptions, Partial<MattermostSettings> {
  /** The clock, in Unix milliseconds. */
  readonly now?: () => number;
}

export interface PracticeMattermost extends PracticeServer {
  /** Switches and contents; change them while the server runs. */
  readonly state: MattermostState;
  /** The account of that name; throws when there is none. */
  user(username: string): MattermostUser;
  addUser(fields: Partial<MattermostUser> & { readonly username: string }): MattermostUser;
  /** Makes a personal access token without asking whether the account may. */
  makeToken(username: string, description?: string): MattermostToken;
  /** The token of a fresh login session. */
  makeSession(username: string): string;
  /** Adds to an account's roles the right to make personal access tokens. */
  allowTokens(username: string): void;
  deactivate(username: string): void;
  /** Runs the hourly job that deletes tokens which have ended. */
  deleteEndedTokens(): void;
  /** Puts an account into a team with the channel Town Square; the team is made when it is not there. */
  joinTeam(username: string, team?: string): void;
}

/**
 * Starts a Mattermost on 127.0.0.1. Accounts, all with the password `mattermostPassword`: admin,
 * joe and kim (ordinary), maker (may make tokens), mfa (code `mattermostMfaCode`), locked, gone
 * (deactivated), gitlab (no password of its own), unverified (its email address, which matters with `verifiedEmail`).
 */
export async function startMattermost(options: MattermostOptions = {}): Promise<PracticeMattermost> {
  const state = newState(options, options.now ?? Date.now);
  const server = await startServer((request) => answer(state, request), options);
  return Object.assign(server, { state }, helpers(state));
}

function helpers(state: MattermostState): Omit<PracticeMattermost, keyof PracticeServer | 'state'> {
  const user = (username: string): MattermostUser => {
    const found = state.users.find((one) => one.username === username);
    if (found === undefined) throw new Error(`the practice Mattermost has no account ${username}`);
    return found;
  };
  return {
    user,
    addUser(fields) {
      const made = newUser(fields, state.now());
      state.users.push(made);
      return made;
    },
    makeToken: (username, description = 'n8n integration') => addToken(state, user(username).id, description),
    makeSession: (username) => openSession(state, user(username)).token,
    allowTokens(username) {
      const account = user(username);
      account.roles = [...new Set([...account.roles.split(' '), 'system_user_access_token'])].join(' ');
    },
    deactivate(username) {
      const account = user(username);
      account.deleteAt = state.now();
      closeSessions(state, ({ userId }) => userId === account.id);
    },
    deleteEndedTokens: () => { deleteEndedTokens(state); },
    joinTeam(username, name = 'practice') {
      let team = state.teams.find((one) => one.name === name);
      if (team === undefined) {
        team = { id: newId(), name, displayName: name, members: [], channels: [{ id: newId(), name: 'town-square', displayName: 'Town Square' }] };
        state.teams.push(team);
      }
      team.members.push(user(username).id);
    },
  };
}

const signedInRoutes = [...accountRoutes, ...tokenRoutes, ...adminRoutes];

/** What needs no credentials. */
const openRoutes: readonly Route<MattermostState>[] = [
  { method: 'GET', path: '/api/v4/system/ping', answer: (state) => ({ status: 200, body: isEleven(state) ? { ActiveSearchBackend: 'database', ...pong } : pong }) },
  { method: 'POST', path: '/api/v4/users/login', answer: signIn },
  { method: 'GET', path: '/api/v4/config/client', answer: (state, request) => ({ status: 200, body: clientConfig(state, sessionOf(state, tokenOf(request)) !== undefined) }) },
];
const pong = { AndroidLatestVersion: '', AndroidMinVersion: '', IosLatestVersion: '', IosMinVersion: '', status: 'OK' };

/** The cookie of a browser is a credential too. */
const tokenOf = (request: PracticeRequest): string | undefined => bearerToken(request.authorization) ?? request.cookies.get('MMAUTHTOKEN');

function answer(state: MattermostState, request: PracticeRequest): Reply {
  // Its router (gorilla/mux) sends a client to the clean path; n8n's node asks for /api/v4//users.
  if (request.path.includes('//')) return { status: 301, headers: { location: request.target.replace(/\/{2,}/g, '/') } };
  // Taken before the answer: a request that changes the settings is still answered under the old ones.
  const version = versionId(state);
  const date = new Date(state.now()).toUTCString();
  const reply = openAnswer(state, request) ?? signedInAnswer(state, request);
  if (reply !== undefined) return { ...reply, headers: { date, ...reply.headers, 'x-version-id': version } };
  if (request.path === '/api' || request.path.startsWith('/api/')) return unknownCall(state, request);
  const page = isEleven(state) ? elevenPage() : webPage(request.path);
  return { ...page, headers: { date, ...page.headers, 'x-version-id': version } };
}

function openAnswer(state: MattermostState, request: PracticeRequest): Reply | undefined {
  const match = findRoute(openRoutes, request.method, request.path);
  return match?.route.answer(state, request, match.parts);
}

function signedInAnswer(state: MattermostState, request: PracticeRequest): Reply | undefined {
  const match = findRoute(isAtLeast(state, 11, 10) ? [...rotateRoutes, ...signedInRoutes] : signedInRoutes, request.method, request.path);
  if (match === undefined) return undefined;
  const token = tokenOf(request);
  const found = sessionOf(state, token);
  if (found === undefined) return sessionExpired(state, token);
  if (lacksFactor(state, found.user) && !freeOfFactor.includes(request.path)) return failure('api.context.mfa_required.app_error');
  return match.route.answer({ state, ...found }, request, match.parts);
}

/**
 * Where multi-factor authentication is enforced, an account without it sees itself and can set it up; bots are exempt.
 * From the server's source, not recorded.
 */
const lacksFactor = (state: MattermostState, user: MattermostUser): boolean => state.mfa && state.enforceMfa && user.mfaCode === undefined && !user.isBot && ['', 'ldap'].includes(user.authService);
const freeOfFactor = ['/api/v4/users/me', '/api/v4/users/logout', '/api/v4/users/me/mfa'];

/** The 404 of an unknown API path: without X-Version-Id, and before 11 plain text by its header. */
function unknownCall(state: MattermostState, { target }: PracticeRequest): Reply {
  const body = {
    id: 'api.context.404.app_error',
    message: 'Sorry, we could not find the page.',
    detailed_error: `There doesn't appear to be an api call for the url='${target.split('?', 1)[0] ?? ''}'.  Typo? are you missing a team_id or user_id as part of the url?`,
    status_code: 404,
  };
  return { status: 404, headers: { 'content-type': isEleven(state) ? 'application/json' : 'text/plain; charset=utf-8' }, body: JSON.stringify(body) };
}

/** From 11 on every path outside the API is the web client. */
const elevenPage = (): Reply => html(200, '<html><body>Mattermost</body></html>\n', { 'content-type': 'text/html' });

function webPage(path: string): Reply {
  if (path !== '/' && path !== '/login') return { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: '404 page not found\n' };
  return html(200, '<!doctype html><html lang="en"><head><title>Mattermost</title></head><body><div id="root"></div></body></html>', { 'content-type': 'text/html; charset=utf-8' });
}
