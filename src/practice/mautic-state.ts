/** What a practice Mautic knows: switches, accounts with their roles, OAuth clients, codes and tokens. */
import { randomBytes } from 'node:crypto';

/** The switches. Tests and the practice program change them while the server runs. */
export interface MauticSettings {
  version: string;
  /** "API enabled?" */
  apiEnabled: boolean;
  /** "Enable HTTP basic auth?" */
  basicEnabled: boolean;
  /** The web server does not pass the Authorization header on. */
  headerDropped: boolean;
  /** "Access token lifetime (in minutes)" */
  accessTokenMinutes: number;
  /** "Refresh token lifetime (in days)" */
  refreshTokenDays: number;
  /** Another tab of the configuration holds a field in error: Save changes nothing. */
  otherTabInError: boolean;
}

export interface MauticRole {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly isAdmin: boolean;
  /** As `role.rawPermissions` shows them: `{'lead:leads': ['viewown', 'viewother']}`. */
  rawPermissions: Readonly<Record<string, readonly string[]>>;
  /** Undefined for what the installer made. */
  readonly dateAdded: number | undefined;
}

export interface MauticUser {
  readonly id: number;
  username: string;
  email: string;
  password: string;
  firstName: string;
  lastName: string;
  role: MauticRole;
  /** False: the account is deactivated. */
  published: boolean;
  /** Undefined for what the installer made. */
  readonly dateAdded: number | undefined;
  /** When it last signed in on a page; undefined before. */
  lastLogin: number | undefined;
}

export interface MauticClient {
  readonly number: number;
  /** `<number>_<50 letters and digits>` */
  readonly clientId: string;
  readonly clientSecret: string;
  name: string;
  redirectUris: readonly string[];
  /** Of who made it: what client_credentials may do. */
  readonly role: MauticRole;
  /** Ids of the accounts that pressed Accept before. */
  readonly allowedBy: number[];
}

export interface MauticCode {
  readonly code: string;
  readonly client: MauticClient;
  readonly user: MauticUser;
  readonly redirectUri: string;
  readonly expiresAt: number;
}

export interface MauticAccessToken {
  readonly token: string;
  readonly client: MauticClient;
  /** Undefined: the client's own, by client_credentials. */
  readonly user: MauticUser | undefined;
  readonly expiresAt: number;
}

export interface MauticRefreshToken extends MauticAccessToken {
  readonly user: MauticUser;
}

/** What a browser's session knows. */
export interface MauticBrowserSession {
  /** Who signed in on the authorization page. */
  user: MauticUser | undefined;
  /** Where the authorization's login page was reached from. */
  target: string;
  /** The login page says so once. */
  refused: boolean;
  /** Who signed in to Mautic itself; the authorization page does not know of it. */
  signedIn: MauticUser | undefined;
  /** The page that Mautic's own login leads to. */
  wanted: string;
}

/** The session of a request's cookie, or undefined. */
export function sessionWith(state: MauticState, cookies: ReadonlyMap<string, string>): MauticBrowserSession | undefined {
  return state.browsers.get(cookies.get('mautic_session') ?? '');
}

/** The same, made where there is none; its id goes into the cookie. */
export function openSession(state: MauticState, cookies: ReadonlyMap<string, string>): { readonly id: string; readonly session: MauticBrowserSession } {
  const given = cookies.get('mautic_session') ?? '';
  const there = state.browsers.get(given);
  if (there !== undefined) return { id: given, session: there };
  const id = newToken();
  const session: MauticBrowserSession = { user: undefined, target: '', refused: false, signedIn: undefined, wanted: '' };
  state.browsers.set(id, session);
  return { id, session };
}

export interface MauticState extends MauticSettings {
  /** What the server believes its address is; filled in when it listens. */
  siteUrl: string;
  readonly users: MauticUser[];
  readonly clients: MauticClient[];
  readonly codes: MauticCode[];
  readonly accessTokens: MauticAccessToken[];
  readonly refreshTokens: MauticRefreshToken[];
  /** By session cookie. */
  readonly browsers: Map<string, MauticBrowserSession>;
  nextClient: number;
  now: () => number;
}

/** Everything is on at first, so that a test turns off what it is about. A fresh Mautic has both switches off. */
export const defaultSettings: MauticSettings = {
  version: '7.0.0',
  apiEnabled: true,
  basicEnabled: true,
  headerDropped: false,
  accessTokenMinutes: 60,
  refreshTokenDays: 14,
  otherTabInError: false,
};

/** Every account that is there at first has this password, made up for practice. */
export const mauticPassword = 'Practice-5678';

const seeds: readonly { readonly id: number; readonly username: string; readonly role: string; readonly rawPermissions: Readonly<Record<string, readonly string[]>> }[] = [
  { id: 5, username: 'bare', role: 'bare', rawPermissions: {} },
  { id: 6, username: 'apionly', role: 'api', rawPermissions: { 'api:access': ['full'] } },
  { id: 7, username: 'contacts', role: 'contacts', rawPermissions: { 'api:access': ['full'], 'lead:leads': ['viewown', 'viewother'] } },
];

function newUsers(now: number): MauticUser[] {
  const administrator: MauticRole = { id: 1, name: 'Administrator', description: 'Full system access', isAdmin: true, rawPermissions: {}, dateAdded: undefined };
  const admin: MauticUser = {
    id: 1, username: 'admin', email: 'admin@example.com', password: mauticPassword, firstName: 'Ada', lastName: 'Admin', role: administrator,
    published: true, dateAdded: undefined, lastLogin: now,
  };
  return [admin, ...seeds.map(({ id, username, role, rawPermissions }): MauticUser => ({
    id, username, email: `${username}@example.com`, password: mauticPassword, firstName: username, lastName: 'x',
    role: { id, name: role, description: '', isAdmin: false, rawPermissions, dateAdded: now }, published: true, dateAdded: now, lastLogin: undefined,
  }))];
}

/** A server as it is at first; members that are no settings are left out. */
export function newState(settings: Partial<MauticSettings>, now: () => number): MauticState {
  const known = Object.fromEntries(Object.entries(settings).filter(([name]) => name in defaultSettings));
  return { ...defaultSettings, ...known, siteUrl: '', users: newUsers(now()), clients: [], codes: [], accessTokens: [], refreshTokens: [], browsers: new Map(), nextClient: 1, now };
}

/** The versions differ: 7 and later, or 5. */
export const isSeven = ({ version }: MauticState): boolean => Number(version.split('.')[0]) >= 7;

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits; `length` 50 for a client's ID and secret. */
export function randomText(length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
}

/** What the form under API Credentials makes; it acts with the role of who fills it in. */
export function addClient(state: MauticState, { name, redirectUris, owner }: { readonly name: string; readonly redirectUris: readonly string[]; readonly owner: MauticUser }): MauticClient {
  const number = state.nextClient;
  state.nextClient += 1;
  const client: MauticClient = { number, clientId: `${number}_${randomText(50)}`, clientSecret: randomText(50), name, redirectUris, role: owner.role, allowedBy: [] };
  state.clients.push(client);
  return client;
}

/** Mautic's codes and tokens: 86 letters and digits. */
export const newToken = (): string => Buffer.from(randomText(64)).toString('base64url');

/** Whether a role has one of the actions; `full` is every action, an administrator has all. */
export function may(role: MauticRole, permission: string, actions: readonly string[]): boolean {
  const granted = role.rawPermissions[permission] ?? [];
  return role.isAdmin || granted.includes('full') || actions.some((action) => granted.includes(action));
}

/** The account with that user name, or that email address, and password; a deactivated one is none. */
export function authenticate(state: MauticState, name: string, password: string): MauticUser | undefined {
  return state.users.find((user) => user.published && user.password === password && (user.username === name || user.email === name));
}

/** What GET /api/users/self shows. */
export function selfView(state: MauticState, user: MauticUser): Record<string, unknown> {
  return {
    isPublished: user.published,
    ...made(state, user.dateAdded),
    id: user.id, username: user.username, firstName: user.firstName, lastName: user.lastName, email: user.email,
    role: roleView(state, user.role),
    ...(user.dateAdded === undefined ? { timezone: '', locale: '' } : {}),
    ...(user.lastLogin === undefined ? {} : { lastLogin: time(user.lastLogin), lastActive: time(user.lastLogin) }),
  };
}

/** The same for client_credentials: a user named after the client, with the role of who made it. */
export function clientSelfView(state: MauticState, client: MauticClient): Record<string, unknown> {
  return {
    isPublished: true, username: `${client.name} [${client.number}]`, firstName: client.name, lastName: `[${client.number}]`,
    role: roleView(state, client.role), timezone: '', locale: '',
  };
}

function roleView(state: MauticState, role: MauticRole): Record<string, unknown> {
  const permissions = Object.keys(role.rawPermissions).length === 0 ? [] : role.rawPermissions;
  return {
    isPublished: true,
    ...made(state, role.dateAdded),
    id: role.id, name: role.name, ...(role.description === '' ? {} : { description: role.description }), isAdmin: role.isAdmin,
    ...(role.isAdmin ? {} : { rawPermissions: permissions }),
  };
}

function made(state: MauticState, dateAdded: number | undefined): Record<string, unknown> {
  if (dateAdded === undefined) return {};
  return {
    dateAdded: time(dateAdded), ...(isSeven(state) ? { dateModified: time(dateAdded) } : {}), createdBy: 1, createdByUser: 'Ada Admin',
    ...(isSeven(state) ? { modifiedBy: 1, modifiedByUser: 'Ada Admin' } : {}),
  };
}

const time = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '+00:00');
