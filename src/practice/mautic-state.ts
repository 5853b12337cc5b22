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
  /** local.php cannot be written. */
  configNotWritable: boolean;
  /** The two switches are in restrictedConfigFields, with this displayMode. */
  switchesRestricted: 'no' | 'remove' | 'mask';
  /** `api_enabled` is forced to 0 in parameters_local.php. */
  apiForcedOff: boolean;
  /** A monitored mailbox is set up; with two % in its password, a Save ends in a Mautic that is dead. */
  mailbox: 'none' | 'plain' | 'percent';
  /** Save answers 302 and leaves half a local.php: the disk is full. */
  diskFull: boolean;
  /** A SAML identity provider is set. */
  saml: boolean;
  /** The installer has not run. */
  notInstalled: boolean;
  /** The database is away, or local.php cannot be read: everything is 500. */
  offline: boolean;
  /** What the pages speak. */
  language: 'en' | 'es';
}

export interface MauticRole {
  readonly id: number;
  name: string;
  description: string;
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
  /** The admin who has its form open. */
  checkedOutBy?: number;
}

/** A number that no account and no role has or had. */
export function nextId(state: MauticState): number {
  state.lastId = Math.max(state.lastId, ...state.users.map(({ id }) => id), ...state.roles.map(({ id }) => id)) + 1;
  return state.lastId;
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
  /** Made by an admin: may use client_credentials. */
  readonly byAdmin: boolean;
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
  /** The tokens of the forms that this session was shown. */
  readonly formTokens: string[];
  /** Told on the next page that tells. Texts are HTML. */
  readonly flashes: { readonly text: string; readonly error: boolean }[];
  /** The next login page asks for a new password instead. */
  mustReset: boolean;
  lastUsername: string;
  /** Rows a page of its lists, once it asked for another number. */
  listLimit?: number;
  /** What its lists search for, once it asked. */
  listSearch?: string;
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
  const session: MauticBrowserSession = { user: undefined, target: '', refused: false, signedIn: undefined, wanted: '', formTokens: [], flashes: [], mustReset: false, lastUsername: '' };
  state.browsers.set(id, session);
  return { id, session };
}

/** A new name for a session, as after a login. */
export function renewSession(state: MauticState, session: MauticBrowserSession): string {
  for (const [old, one] of state.browsers) if (one === session) state.browsers.delete(old);
  const id = newToken();
  state.browsers.set(id, session);
  return id;
}

/** One line of Mautic's audit log. */
export interface MauticAudit {
  readonly user: string;
  readonly what: string;
}

export interface MauticState extends MauticSettings {
  /** What the server believes its address is; filled in when it listens. */
  siteUrl: string;
  readonly users: MauticUser[];
  /** Those of the accounts, and those that nobody has. */
  readonly roles: MauticRole[];
  /** What is in local.php, by the form's names; undefined before the first Save. */
  configuration: Map<string, readonly string[]> | undefined;
  readonly audit: MauticAudit[];
  readonly clients: MauticClient[];
  readonly codes: MauticCode[];
  readonly accessTokens: MauticAccessToken[];
  readonly refreshTokens: MauticRefreshToken[];
  /** By session cookie. */
  readonly browsers: Map<string, MauticBrowserSession>;
  nextClient: number;
  lastId: number;
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
  configNotWritable: false,
  switchesRestricted: 'no',
  apiForcedOff: false,
  mailbox: 'none',
  diskFull: false,
  saml: false,
  notInstalled: false,
  offline: false,
  language: 'en',
};

/** Every account that is there at first has this password, made up for practice. */
export const mauticPassword = 'Practice-5678';

const seeds: readonly {
  readonly id: number; readonly username: string; readonly role: string; readonly rawPermissions: Readonly<Record<string, readonly string[]>>
}[] = [
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
  const users = newUsers(now());
  return { ...defaultSettings, ...known, siteUrl: '', users, roles: [...new Set(users.map(({ role }) => role))], configuration: undefined, audit: [], clients: [], codes: [], accessTokens: [], refreshTokens: [], browsers: new Map(), nextClient: 1, lastId: 0, now };
}

/** The versions differ: 7 and later, or 5. */
export const isSeven = ({ version }: MauticState): boolean => Number(version.split('.')[0]) >= 7;

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Letters and digits; `length` 50 for a client's ID and secret. */
export function randomText(length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet.charAt(byte % alphabet.length)).join('');
}

/** What the form under API Credentials makes; it acts with the role of who fills it in. */
export function addClient(
  state: MauticState, { name, redirectUris, owner }: { readonly name: string; readonly redirectUris: readonly string[]; readonly owner: MauticUser },
): MauticClient {
  const number = state.nextClient;
  state.nextClient += 1;
  const client: MauticClient = { number, clientId: `${number}_${randomText(50)}`, clientSecret: randomText(50), name, redirectUris, role: owner.role, byAdmin: owner.role.isAdmin, allowedBy: [] };
  state.clients.push(client);
  return client;
}

/** With its codes and tokens. */
export function deleteClient(state: MauticState, client: MauticClient): void {
  for (const list of [state.codes, state.accessTokens, state.refreshTokens]) {
    removeWhere<{ readonly client: MauticClient }>(list, (one) => one.client === client);
  }
  removeWhere(state.clients, (one) => one === client);
}

/** With what it signed in to: sessions, codes and tokens. */
export function deleteUser(state: MauticState, user: MauticUser): void {
  for (const list of [state.codes, state.accessTokens, state.refreshTokens]) {
    removeWhere<{ readonly user: MauticUser | undefined }>(list, (one) => one.user === user);
  }
  for (const [id, session] of state.browsers) if (session.signedIn === user || session.user === user) state.browsers.delete(id);
  removeWhere(state.users, (one) => one === user);
}

function removeWhere<T>(list: T[], fits: (one: T) => boolean): void {
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const one = list[index];
    if (one !== undefined && fits(one)) list.splice(index, 1);
  }
}

/** Mautic's codes and tokens: 86 letters and digits. */
export const newToken = (): string => Buffer.from(randomText(64)).toString('base64url');

/** Whether a role has one of the actions; `full` is every action, an administrator has all. */
export function may(role: MauticRole, permission: string, actions: readonly string[]): boolean {
  const granted = role.rawPermissions[permission] ?? [];
  return role.isAdmin || granted.includes('full') || actions.some((action) => granted.includes(action));
}

/** The account with that user name, or that email address. */
export function accountNamed(state: MauticState, name: string): MauticUser | undefined {
  return state.users.find((user) => user.username === name || user.email === name);
}

/** The same with its password; a deactivated one is none. 7 takes a weak password nowhere, 5 everywhere but on its own pages. */
export function authenticate(state: MauticState, name: string, password: string): MauticUser | undefined {
  const user = accountNamed(state, name);
  if (user?.published !== true || user.password !== password) return undefined;
  return isSeven(state) && isWeak(password) ? undefined : user;
}

/** Mautic's rule, as far as it was measured: `password1` is too weak, and what has all kinds of characters is not. */
export function isWeak(password: string): boolean {
  return /^[a-z]+\d?$/.test(password);
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

export function roleView(state: MauticState, role: MauticRole): Record<string, unknown> {
  const permissions = Object.keys(role.rawPermissions).length === 0 ? [] : role.rawPermissions;
  return {
    isPublished: true,
    ...made(state, role.dateAdded),
    id: role.id, name: role.name, ...(role.description === '' ? {} : { description: role.description }), isAdmin: role.isAdmin,
    ...(role.isAdmin ? {} : { rawPermissions: permissions }),
  };
}

/** A role in a list: what is not known is null. */
export function listedRole(state: MauticState, role: MauticRole): Record<string, unknown> {
  const nobody = { dateAdded: null, dateModified: null, createdBy: null, createdByUser: null, modifiedBy: null, modifiedByUser: null };
  const { isPublished, id, name, description, isAdmin, rawPermissions, ...times } = roleView(state, role);
  return { isPublished, ...nobody, ...times, id, name, description: description ?? null, isAdmin, rawPermissions: rawPermissions ?? null };
}

/** An account as the API gives it, with its role in short. */
export function userView(state: MauticState, user: MauticUser): Record<string, unknown> {
  const { createdByUser, modifiedByUser, id, name, description, isAdmin, rawPermissions } = listedRole(state, user.role);
  const { isPublished, id: own, username, firstName, lastName, email, ...times } = selfView(state, user);
  const { dateAdded = null, dateModified = null, createdBy = null, createdByUser: creator = null, modifiedBy = null, modifiedByUser: modifier = null } = times;
  return {
    isPublished, dateAdded, dateModified, createdBy, createdByUser: creator, modifiedBy, modifiedByUser: modifier,
    id: own, username, firstName, lastName, email, position: null,
    role: { createdByUser, modifiedByUser, id, name, description, isAdmin, rawPermissions },
    timezone: null, locale: null, lastLogin: times['lastLogin'] ?? null, lastActive: times['lastActive'] ?? null, signature: null,
  };
}

/** Not measured: the same as one alone. */
export const listedUser = userView;

function made(state: MauticState, dateAdded: number | undefined): Record<string, unknown> {
  if (dateAdded === undefined) return {};
  return {
    dateAdded: time(dateAdded), ...(isSeven(state) ? { dateModified: time(dateAdded) } : {}), createdBy: 1, createdByUser: 'Ada Admin',
    ...(isSeven(state) ? { modifiedBy: 1, modifiedByUser: 'Ada Admin' } : {}),
  };
}

const time = (milliseconds: number): string => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, '+00:00');
