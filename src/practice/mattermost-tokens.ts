/** A practice Mattermost's personal access tokens, bots and server settings. */
import { bodyMembers, bodyText, type PracticeRequest, type Reply } from './server.ts';
import type { Route } from './routes.ts';
import { namedUser, type Asker } from './mattermost-accounts.ts';
import { botView, failure, forbidden, ok, tokenView } from './mattermost-answers.ts';
import { addToken, closeSessions, isAtLeast, may, newId, newUser, type MattermostState, type MattermostToken, type MattermostUser } from './mattermost-state.ts';

type Parts = Readonly<Record<string, string>>;

/** Own account, any as an administrator, or a bot that one made. */
const mayEdit = (asker: MattermostUser, target: MattermostUser): boolean =>
  target.id === asker.id || may(asker, 'admin') || (target.isBot && target.ownerId === asker.id);

function makeToken(asker: Asker, request: PracticeRequest, parts: Parts): Reply {
  const description = bodyText(request, 'description');
  if (description === '') return failure('api.context.invalid_body_param.app_error', 'description');
  const named = namedUser(asker, parts['user']);
  if (!may(asker.user, 'tokens')) return forbidden();
  if (named === undefined) return may(asker.user, 'admin') ? failure('app.user.missing_account.const') : forbidden();
  if (!mayEdit(asker.user, named)) return forbidden();
  if (!asker.state.tokensEnabled && !named.isBot) return failure('app.user_access_token.disabled');
  if (description.length > 255) return failure('model.user_access_token.is_valid.description.app_error');
  const expiry = requestedExpiry(asker.state, request, named, 'user_access_token');
  if (typeof expiry !== 'number') return expiry;
  return { status: 200, body: tokenView(asker.state, addToken(asker.state, named.id, description, expiry), true) };
}

/**
 * 11.9 and later take `expires_at`, a whole number; below it is not looked at. Bots are exempt from
 * every check: a past end makes a token that is dead.
 */
function requestedExpiry(state: MattermostState, request: PracticeRequest, owner: MattermostUser, called: string): number | Reply {
  if (!isAtLeast(state, 11, 9)) return 0;
  const given = bodyMembers(request)['expires_at'] ?? 0;
  if (typeof given !== 'number' || !Number.isInteger(given)) return failure('api.context.invalid_body_param.app_error', called);
  if (owner.isBot) return given;
  if (given !== 0 && given <= state.now()) return failure('app.user_access_token.expires_at_in_past.app_error');
  if (state.maxTokenLifetimeDays === 0) return given;
  if (given === 0) return failure('app.user_access_token.expires_at_required.app_error');
  const latest = state.now() + state.maxTokenLifetimeDays * 86_400_000;
  return given > latest ? failure('app.user_access_token.expires_at_too_far.app_error', String(state.maxTokenLifetimeDays)) : given;
}

function listTokens(asker: Asker, request: PracticeRequest, parts: Parts): Reply {
  const named = namedUser(asker, parts['user']);
  if (!may(asker.user, 'tokens') || named === undefined || !mayEdit(asker.user, named)) return forbidden();
  const size = Number(request.query.get('per_page') ?? 60);
  const page = Number(request.query.get('page') ?? 0);
  const own = asker.state.tokens.filter(({ userId }) => userId === named.id).slice(page * size, page * size + size);
  return { status: 200, body: own.map((token) => tokenView(asker.state, token)) };
}

function showToken(asker: Asker, _request: PracticeRequest, parts: Parts): Reply {
  const token = tokenById(asker, parts['token'] ?? '');
  return isToken(token) ? { status: 200, body: tokenView(asker.state, token) } : token;
}

/** How many tokens of people break the limit. */
function nonCompliant({ state, user }: Asker): Reply {
  if (!may(user, 'admin')) return forbidden();
  const people = new Set(state.users.filter(({ isBot }) => !isBot).map(({ id }) => id));
  const latest = state.now() + state.maxTokenLifetimeDays * 86_400_000;
  return { status: 200, body: { count: state.tokens.filter(({ userId, expiresAt }) => people.has(userId) && (expiresAt === 0 || expiresAt > latest)).length } };
}

/** The token that the body's `token_id` names, if the asker may end it. */
function namedToken(asker: Asker, request: PracticeRequest): MattermostToken | Reply {
  const id = bodyText(request, 'token_id');
  return id === '' ? failure('api.context.invalid_body_param.app_error', 'token_id') : tokenById(asker, id);
}

function tokenById({ state, user }: Asker, id: string): MattermostToken | Reply {
  if (!may(user, 'tokens')) return forbidden();
  const token = state.tokens.find((one) => one.id === id);
  if (token === undefined) return failure('app.user_access_token.get_by_user.app_error');
  const owner = state.users.find((one) => one.id === token.userId);
  return owner !== undefined && mayEdit(user, owner) ? token : forbidden();
}

const isToken = (value: MattermostToken | Reply): value is MattermostToken => 'userId' in value;

/** What ends or changes a token ends its session too. */
const onToken = (change: (state: MattermostState, token: MattermostToken) => Reply) => (asker: Asker, request: PracticeRequest): Reply => {
  const token = namedToken(asker, request);
  if (!isToken(token)) return token;
  closeSessions(asker.state, ({ tokenId }) => tokenId === token.id);
  return change(asker.state, token);
};

const revoke = onToken((state, token) => {
  state.tokens.splice(state.tokens.indexOf(token), 1);
  return ok;
});

const setActive = (active: boolean): ReturnType<typeof onToken> => onToken((_state, token) => {
  token.active = active;
  return ok;
});

/**
 * 11.10 and later: a new secret, and the old one ends at once. It needs what making a token needs; an
 * `expires_at` that is left out lifts the end. One that has ended and is still listed lives again.
 */
function rotate(asker: Asker, request: PracticeRequest): Reply {
  const { state } = asker;
  const token = namedToken(asker, request);
  if (!isToken(token)) return token;
  const owner = state.users.find(({ id }) => id === token.userId);
  if (owner === undefined) return forbidden();
  if (!state.tokensEnabled && !owner.isBot) return failure('app.user_access_token.disabled');
  const expiry = requestedExpiry(state, request, owner, 'rotate_user_access_token');
  if (typeof expiry !== 'number') return expiry;
  if (!token.active) return failure('api.user.rotate_user_access_token.disabled_token.app_error');
  closeSessions(state, ({ tokenId }) => tokenId === token.id);
  token.token = newId();
  token.expiresAt = expiry;
  return { status: 200, body: tokenView(state, token, true) };
}

function makeBot({ state, user }: Asker, request: PracticeRequest): Reply {
  const username = bodyText(request, 'username');
  if (!may(user, 'admin') || user.isBot) return forbidden();
  if (!state.botsEnabled) return failure('api.bot.create_disabled');
  if (!/^[a-z0-9._-]{1,64}$/.test(username)) return failure('model.bot.is_valid.username.app_error');
  if (state.users.some((one) => one.username === username)) return failure('app.user.save.username_exists.app_error');
  const displayName = bodyText(request, 'display_name');
  const bot = newUser({ username, displayName, email: `${username}@localhost`, isBot: true, ownerId: user.id, password: newId() }, state.now());
  state.users.push(bot);
  return { status: 201, body: botView(bot) };
}

const onBot = (change: (state: MattermostState, bot: MattermostUser) => void) => ({ state, user }: Asker, _request: PracticeRequest, parts: Parts): Reply => {
  const bot = state.users.find(({ id, isBot }) => isBot && id === parts['bot']);
  if (bot === undefined) return failure('store.sql_bot.get.missing.app_error');
  if (!mayEdit(user, bot)) return forbidden();
  change(state, bot);
  return { status: 200, body: botView(bot) };
};

function listBots({ state, user }: Asker): Reply {
  if (!may(user, 'admin')) return forbidden();
  return { status: 200, body: state.users.filter(({ isBot, deleteAt }) => isBot && deleteAt === 0).map(botView) };
}

/** What an administrator may read and write of the settings, where it stands in the state. */
const configView = (state: MattermostState): Record<string, unknown> => ({
  ServiceSettings: {
    SiteURL: state.siteUrl, EnableUserAccessTokens: state.tokensEnabled, EnableBotAccountCreation: state.botsEnabled, MaximumLoginAttempts: state.attempts,
    EnableDeveloper: state.developerMode, ...(isAtLeast(state, 11, 9) ? { MaximumPersonalAccessTokenLifetimeDays: state.maxTokenLifetimeDays } : {}),
  },
});

/** Answers 200 whatever of it was taken over: an administrator who may not write the fields finds them dropped. */
function patchConfig({ state, user }: Asker, request: PracticeRequest): Reply {
  if (!may(user, 'admin')) return forbidden();
  const wanted = bodyMembers(request)['ServiceSettings'];
  const fields: Record<string, unknown> = typeof wanted === 'object' && wanted !== null ? { ...wanted } : {};
  if (!state.configReadOnly) {
    const { EnableUserAccessTokens: tokens, EnableBotAccountCreation: bots, MaximumPersonalAccessTokenLifetimeDays: days } = fields;
    if (typeof days === 'number' && isAtLeast(state, 11, 9)) state.maxTokenLifetimeDays = days;
    if (typeof tokens === 'boolean') state.tokensEnabled = tokens;
    if (typeof bots === 'boolean') state.botsEnabled = bots;
  }
  return { status: 200, body: configView(state) };
}

export const tokenRoutes: readonly Route<Asker>[] = [
  { method: 'POST', path: '/api/v4/users/:user/tokens', answer: makeToken },
  { method: 'GET', path: '/api/v4/users/tokens/:token', answer: showToken },
  { method: 'GET', path: '/api/v4/users/:user/tokens', answer: listTokens },
  { method: 'POST', path: '/api/v4/users/tokens/revoke', answer: revoke },
  { method: 'POST', path: '/api/v4/users/tokens/disable', answer: setActive(false) },
  { method: 'POST', path: '/api/v4/users/tokens/enable', answer: setActive(true) },
];

/** From 11.10 on. */
export const rotateRoutes: readonly Route<Asker>[] = [
  { method: 'GET', path: '/api/v4/users/tokens/non_compliant/count', answer: nonCompliant },
  { method: 'POST', path: '/api/v4/users/tokens/rotate', answer: rotate },
];

export const adminRoutes: readonly Route<Asker>[] = [
  { method: 'POST', path: '/api/v4/bots', answer: makeBot },
  { method: 'GET', path: '/api/v4/bots', answer: listBots },
  { method: 'GET', path: '/api/v4/bots/:bot', answer: onBot(() => undefined) },
  { method: 'POST', path: '/api/v4/bots/:bot/disable', answer: onBot((state, bot) => { bot.deleteAt = state.now(); }) },
  { method: 'POST', path: '/api/v4/bots/:bot/enable', answer: onBot((_state, bot) => { bot.deleteAt = 0; }) },
  { method: 'PUT', path: '/api/v4/config/patch', answer: patchConfig },
  { method: 'GET', path: '/api/v4/config', answer: ({ state, user }) => may(user, 'admin') ? { status: 200, body: configView(state) } : forbidden() },
];
