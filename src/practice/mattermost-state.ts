/** What a practice Mattermost knows: switches, accounts, personal access tokens, sessions, teams. */
import { randomBytes } from 'node:crypto';

/** The switches. Tests and the practice program change them while the server runs. */
export interface MattermostSettings {
  version: string;
  /** What the server believes its address is. */
  siteUrl: string;
  tokensEnabled: boolean;
  botsEnabled: boolean;
  /** Whether accounts may have multi-factor authentication. */
  mfa: boolean;
  enforceMfa: boolean;
  /** Refused passwords or codes after which an account is locked. */
  attempts: number;
  /** The single sign-ons that are on. */
  sso: readonly SingleSignOn[];
  ldap: boolean;
  signInWithEmail: boolean;
  signInWithUsername: boolean;
  /** The error detail of a 401 repeats the token. */
  developerMode: boolean;
  /** config/patch answers 200 and drops what this administrator may not write. */
  configReadOnly: boolean;
  /** 11.9 and later: above 0, a personal access token must expire within that many days. */
  maxTokenLifetimeDays: number;
  /** Nobody signs in whose email address is not verified. */
  verifiedEmail: boolean;
}

export type SingleSignOn = 'saml' | 'gitlab' | 'google' | 'office365' | 'openid';

export interface MattermostUser {
  readonly id: string;
  username: string;
  email: string;
  password: string;
  roles: string;
  /** '' for a password account; `gitlab`, `saml`, `ldap` ... */
  authService: string;
  displayName: string;
  /** Sign-in asks for this code when it is set and the server's `mfa` is on. */
  mfaCode: string | undefined;
  /** The code that was taken last, which 10.4 and later take once. */
  usedCode: string | undefined;
  emailVerified: boolean;
  failedAttempts: number;
  isBot: boolean;
  /** Who made the bot. */
  ownerId: string;
  createAt: number;
  updateAt: number;
  /** 0 while the account is active. */
  deleteAt: number;
}

export interface MattermostToken {
  readonly id: string;
  token: string;
  readonly userId: string;
  description: string;
  active: boolean;
  /** Unix milliseconds, 0 = never. Servers before 11.9 have none. */
  expiresAt: number;
}

export interface MattermostSession {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
  readonly createAt: number;
  readonly csrf: string;
  lastActivityAt: number;
  expiresAt: number;
  /** Of a personal access token's session. */
  readonly tokenId: string | undefined;
}

export interface MattermostTeam {
  readonly id: string;
  readonly name: string;
  readonly displayName: string;
  /** User ids. */
  readonly members: string[];
  /** Town Square holds every member of the team; `joined` are who was added by a call. */
  readonly channels: { readonly id: string; readonly name: string; readonly displayName: string; joined?: string[] }[];
}

export interface MattermostState extends MattermostSettings {
  readonly users: MattermostUser[];
  readonly tokens: MattermostToken[];
  readonly sessions: MattermostSession[];
  readonly teams: MattermostTeam[];
  now: () => number;
}

/** As recorded: everything that matters is off at first, multi-factor authentication may be used. */
export const defaultSettings: MattermostSettings = {
  version: '6.7.0',
  siteUrl: 'https://mattermost.example.com',
  tokensEnabled: true,
  botsEnabled: false,
  mfa: true,
  enforceMfa: false,
  attempts: 10,
  sso: [],
  ldap: false,
  signInWithEmail: true,
  signInWithUsername: true,
  developerMode: false,
  configReadOnly: false,
  maxTokenLifetimeDays: 0,
  verifiedEmail: false,
};

/** Every account that is there at first has this password, made up for practice. */
export const mattermostPassword = 'Practice-1234';
/** The code that the account `mfa` signs in with. */
export const mattermostMfaCode = '246810';

const seeds: readonly (Partial<MattermostUser> & { readonly username: string })[] = [
  { username: 'admin', roles: 'system_admin system_user' },
  { username: 'joe' },
  { username: 'maker', roles: 'system_user system_user_access_token' },
  { username: 'kim' },
  { username: 'mfa', mfaCode: mattermostMfaCode },
  { username: 'locked', failedAttempts: 1000 },
  { username: 'gone', deleteAt: 1 },
  { username: 'gitlab', authService: 'gitlab' },
  { username: 'unverified', emailVerified: false },
];

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** 26 characters of a-z0-9, the form of every id and token of Mattermost. */
export function newId(): string {
  return Array.from(randomBytes(26), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
}

/** A fresh account; what is not named is as in an ordinary password account. */
export function newUser(fields: Partial<MattermostUser> & { readonly username: string }, now: number): MattermostUser {
  return {
    id: newId(), email: `${fields.username}@example.org`, password: mattermostPassword, roles: 'system_user', authService: '',
    displayName: '', mfaCode: undefined, usedCode: undefined, emailVerified: true, failedAttempts: 0, isBot: false, ownerId: '', createAt: now, updateAt: now, deleteAt: 0, ...fields,
  };
}

/** A server as it is at first; members that are no settings are left out. */
export function newState(settings: Partial<MattermostSettings>, now: () => number): MattermostState {
  const known = Object.fromEntries(Object.entries(settings).filter(([name]) => name in defaultSettings));
  return { ...defaultSettings, ...known, users: seeds.map((seed) => newUser(seed, now())), tokens: [], sessions: [], teams: [], now };
}

/** Whether the server's version is at least this one. */
export function isAtLeast(state: MattermostState, major: number, minor: number): boolean {
  const [haveMajor = 0, haveMinor = 0] = state.version.split('.').map(Number);
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
}

/** The generation that answers as the recorded 11.10 does, in what both have; ends and rotation came within it. */
export function isEleven(state: MattermostState): boolean {
  return isAtLeast(state, 11, 0);
}

const permissions = {
  tokens: ['system_admin', 'system_user_access_token'],
  admin: ['system_admin'],
};

/** `tokens`: make, list, end personal access tokens. `admin`: settings, roles, bots, other accounts. */
export function may(user: MattermostUser, permission: keyof typeof permissions): boolean {
  return user.roles.split(' ').some((role) => permissions[permission].includes(role));
}

const halfYear = 180 * 86_400_000;
const hundredYears = 36_500 * 86_400_000;

/** A login session. */
export function openSession(state: MattermostState, user: MattermostUser): MattermostSession {
  const now = state.now();
  const session = {
    id: newId(), token: newId(), userId: user.id, createAt: now, csrf: newId(), lastActivityAt: now, expiresAt: now + halfYear, tokenId: undefined,
  };
  state.sessions.push(session);
  return session;
}

/** Who a bearer token stands for: a login session's, or a personal access token's whose session opens at its first use. */
export function sessionOf(state: MattermostState, token: string | undefined): {
  readonly session: MattermostSession; readonly user: MattermostUser
} | undefined {
  if (token === undefined) return undefined;
  const now = state.now();
  const login = state.sessions.find((session) => session.token === token && session.tokenId === undefined && session.expiresAt > now);
  const session = login ?? personalSession(state, token);
  const user = state.users.find(({ id, deleteAt }) => id === session?.userId && deleteAt === 0);
  if (session === undefined || user === undefined) return undefined;
  session.lastActivityAt = now;
  return { session, user };
}

function personalSession(state: MattermostState, secret: string): MattermostSession | undefined {
  const now = state.now();
  const token = state.tokens.find((one) => one.token === secret && one.active && (one.expiresAt === 0 || one.expiresAt > now));
  const owner = state.users.find(({ id, deleteAt }) => id === token?.userId && deleteAt === 0);
  if (token === undefined || owner === undefined) return undefined;
  // A bot's token works although personal access tokens are off.
  if (!state.tokensEnabled && !owner.isBot) return undefined;
  const open = state.sessions.find(({ tokenId }) => tokenId === token.id);
  if (open !== undefined) return open;
  const expiresAt = token.expiresAt === 0 ? now + hundredYears : token.expiresAt;
  const session = { id: newId(), token: secret, userId: owner.id, createAt: now, csrf: '', lastActivityAt: now, expiresAt, tokenId: token.id };
  state.sessions.push(session);
  return session;
}

/** Ends the sessions that fit. */
export function closeSessions(state: MattermostState, fits: (session: MattermostSession) => boolean): void {
  for (let index = state.sessions.length - 1; index >= 0; index -= 1) {
    const session = state.sessions[index];
    if (session !== undefined && fits(session)) state.sessions.splice(index, 1);
  }
}

/** The server's hourly job (11.9 and later): what has ended is deleted, and no list shows it any more. */
export function deleteEndedTokens(state: MattermostState): void {
  const ended = state.tokens.filter(({ expiresAt }) => expiresAt !== 0 && expiresAt <= state.now());
  for (const token of ended) state.tokens.splice(state.tokens.indexOf(token), 1);
}

/** Makes a personal access token. */
export function addToken(state: MattermostState, userId: string, description: string, expiresAt = 0): MattermostToken {
  const token = { id: newId(), token: newId(), userId, description, active: true, expiresAt };
  state.tokens.push(token);
  return token;
}
