/**
 * A small Mautic for practice and tests, as version 7 or 5: accounts with roles, OAuth clients,
 * codes and tokens, and switches, answering as the recorded servers do (test/wire/mautic-7.json
 * and mautic-5.json hold it to that).
 */
import { api, switchedOff } from './mautic-api.ts';
import { issueCode, issueTokens, tokenEndpoint } from './mautic-oauth.ts';
import { authorizePages } from './mautic-authorize.ts';
import { offline, redirect, webPage } from './mautic-pages.ts';
import { settingsPages } from './mautic-settings.ts';
import { addClient, deleteClient, newState, nextId, type MauticClient, type MauticRole, type MauticSettings, type MauticState, type MauticUser } from './mautic-state.ts';
import { startServer, type PracticeRequest, type PracticeServer, type Reply, type ServerOptions } from './server.ts';

export { mauticPassword, type MauticClient, type MauticSettings, type MauticState, type MauticUser } from './mautic-state.ts';

export interface MauticOptions extends ServerOptions, Partial<MauticSettings> {
  /** The clock, in Unix milliseconds. */
  readonly now?: () => number;
}

export interface PracticeMautic extends PracticeServer {
  /** Switches and contents; change them while the server runs. */
  readonly state: MauticState;
  /** The account of that name; throws when there is none. */
  user(username: string): MauticUser;
  /** An account with a role of its own that has these permissions. */
  addUser(username: string, rawPermissions: MauticRole['rawPermissions']): MauticUser;
  /** What the form under API Credentials makes. `owner`, default admin, is who fills it in. */
  makeClient(options?: { readonly name?: string; readonly redirectUris?: readonly string[]; readonly owner?: string }): MauticClient;
  /** With its codes and tokens, as deleting it under API Credentials does. */
  deleteClient(client: MauticClient): void;
  /** The code that the browser would bring back after the account allowed the client. */
  makeCode(client: MauticClient, username: string, redirectUri?: string): string;
  /** What the token endpoint would have answered. */
  makeTokens(client: MauticClient, username: string): { readonly accessToken: string; readonly refreshToken: string };
}

/**
 * Starts a Mautic on 127.0.0.1. Accounts, all with the password `mauticPassword`: admin, bare (no
 * permission at all), apionly (API access alone), contacts (API access and viewing contacts).
 */
export async function startMautic(options: MauticOptions = {}): Promise<PracticeMautic> {
  const state = newState(options, options.now ?? Date.now);
  const server = await startServer((request) => answer(state, request), options);
  state.siteUrl = server.url;
  return Object.assign(server, { state }, helpers(state));
}

function answer(state: MauticState, request: PracticeRequest): Reply {
  const { method, path } = request;
  if (state.offline) return offline;
  if (state.notInstalled) return redirect(state, `${state.siteUrl}/index.php/installer`);
  const inApi = path === '/api' || path.startsWith('/api/');
  if (!inApi && !path.startsWith('/oauth/')) return settingsPages(state, request) ?? webPage(state, request);
  const off = switchedOff(state, request);
  if (off !== undefined) return off;
  if (path === '/oauth/v2/token' && method === 'POST') return tokenEndpoint(state, request);
  return inApi ? api(state, request) : authorizePages(state, request) ?? webPage(state, request);
}

const defaultRedirectUri = 'http://127.0.0.1:18265/callback';

function helpers(state: MauticState): Omit<PracticeMautic, keyof PracticeServer | 'state'> {
  const user = (username: string): MauticUser => {
    const found = state.users.find((one) => one.username === username);
    if (found === undefined) throw new Error(`the practice Mautic has no account ${username}`);
    return found;
  };
  return {
    user,
    addUser(username, rawPermissions) {
      const id = nextId(state);
      const role: MauticRole = { ...user('bare').role, id, name: username, rawPermissions };
      const made: MauticUser = { ...user('bare'), id, username, email: `${username}@example.com`, firstName: username, role };
      state.users.push(made);
      state.roles.push(role);
      return made;
    },
    makeClient({ name = 'n8n integration', redirectUris = [defaultRedirectUri], owner = 'admin' } = {}) {
      return addClient(state, { name, redirectUris, owner: user(owner) });
    },
    deleteClient: (client) => deleteClient(state, client),
    makeCode: (client, username, redirectUri = client.redirectUris[0] ?? defaultRedirectUri) => issueCode(state, client, user(username), redirectUri),
    makeTokens(client, username) {
      const { accessToken, refreshToken } = issueTokens(state, client, user(username));
      return { accessToken, refreshToken: refreshToken ?? '' };
    },
  };
}
