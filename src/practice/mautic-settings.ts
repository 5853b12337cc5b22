/**
 * A practice Mautic's pages behind its own login: the two switches of API Settings, and the form
 * under API Credentials. Labels and addresses as measured; the pages around them are bare. Both
 * addresses work while the API is off, where the menu has no API Credentials.
 */
import { bodyText, html, type PracticeRequest, type Reply } from './server.ts';
import { findRoute, type Route } from './routes.ts';
import { escaped, folder, loginPage, mustRevalidate, page, redirect, sessionCookie } from './mautic-pages.ts';
import { addClient, authenticate, isSeven, may, openSession, sessionWith, type MauticClient, type MauticState, type MauticUser } from './mautic-state.ts';

/** The pages of who is signed in, and the way there; undefined for every other path. */
export function settingsPages(state: MauticState, request: PracticeRequest): Reply | undefined {
  const open = findRoute(doors, request.method, request.path);
  if (open !== undefined) return open.route.answer(state, request, open.parts);
  const match = findRoute(routes, request.method, request.path);
  if (match === undefined) return undefined;
  const user = sessionWith(state, request.cookies)?.signedIn;
  return user === undefined ? toLogin(state, request) : match.route.answer({ state, user }, request, match.parts);
}

const doors: readonly Route<MauticState>[] = [
  { method: 'POST', path: '/s/login_check', answer: checkLogin },
  { method: 'GET', path: '/s/logout', answer: leave },
];

interface Scope {
  readonly state: MauticState;
  readonly user: MauticUser;
}

const routes: readonly Route<Scope>[] = [
  { method: 'GET', path: '/s/dashboard', answer: (scope) => shown(scope, 'Dashboard', '<p>Welcome.</p>') },
  { method: 'GET', path: '/s/config/edit', answer: (scope) => forAdmins(scope, () => settingsForm(scope, '')) },
  { method: 'POST', path: '/s/config/edit', answer: (scope, request) => forAdmins(scope, () => saveSettings(scope, request)) },
  { method: 'GET', path: '/s/credentials', answer: (scope) => forMakers(scope, () => listClients(scope)) },
  { method: 'GET', path: '/s/credentials/new', answer: (scope) => forMakers(scope, () => clientForm(scope, { name: '', redirectUris: '' })) },
  { method: 'POST', path: '/s/credentials/new', answer: (scope, request) => forMakers(scope, () => saveClient(scope, request, undefined)) },
  { method: 'GET', path: '/s/credentials/edit/:number', answer: (scope, _request, { number }) => forMakers(scope, () => editClient(scope, number)) },
  { method: 'POST', path: '/s/credentials/edit/:number', answer: (scope, request, { number }) => forMakers(scope, () => saveClient(scope, request, findClient(scope, number))) },
];

function toLogin(state: MauticState, request: PracticeRequest): Reply {
  const { id, session } = openSession(state, request.cookies);
  session.wanted = request.target;
  return redirect(state, `${state.siteUrl}/s/login`, { 'set-cookie': sessionCookie(id) });
}

function checkLogin(state: MauticState, request: PracticeRequest): Reply {
  const { id, session } = openSession(state, request.cookies);
  const user = authenticate(state, bodyText(request, '_username'), bodyText(request, '_password'));
  if (user === undefined) return page(loginPage(state, '<div class="alert">Invalid login.</div>'), id);
  session.signedIn = user;
  user.lastLogin = state.now();
  const target = session.wanted === '' ? `${folder(state)}/s/dashboard` : session.wanted;
  return redirect(state, new URL(target, state.siteUrl).href, { 'set-cookie': sessionCookie(id) });
}

/** The whole session ends, the authorization page's too. */
function leave(state: MauticState, request: PracticeRequest): Reply {
  state.browsers.delete(request.cookies.get('mautic_session') ?? '');
  return redirect(state, `${state.siteUrl}/s/login`);
}

const forbidden = html(403, '<!DOCTYPE html><html><head><title>403 Forbidden | Mautic</title></head><body><h1>403 Forbidden</h1><p>You do not have access to the requested area/action.</p></body></html>');

function forAdmins({ user }: Scope, answer: () => Reply): Reply {
  return user.role.isAdmin ? answer() : forbidden;
}

function forMakers({ user }: Scope, answer: () => Reply): Reply {
  return may(user.role, 'api:clients', ['create']) ? answer() : forbidden;
}

/** The menu has API Credentials only while the API is on. */
function shown({ state, user }: Scope, title: string, body: string): Reply {
  const link = (path: string, text: string): string => `<li><a href="${folder(state)}${path}">${text}</a></li>`;
  const menu = [link('/s/dashboard', 'Dashboard'), link('/s/config/edit', 'Configuration'), ...(state.apiEnabled ? [link('/s/credentials', 'API Credentials')] : []), link('/s/logout', 'Logout')];
  return html(200, `<!DOCTYPE html><html><head><meta charset="UTF-8"><title>${title} | Mautic</title></head><body><nav><ul>${menu.join('')}</ul></nav><p>${escaped(`${user.firstName} ${user.lastName}`)}</p><h1>${title}</h1>${body}</body></html>`, mustRevalidate);
}

/** Mautic 7 names the button that stays Save, Mautic 5 Apply. */
function buttons({ state }: Scope): string {
  const stay = isSeven(state) ? 'Save' : 'Apply';
  return `<button name="apply" value="1">${stay}</button> <button name="save" value="1">Save &amp; Close</button>`;
}

function yesNo(legend: string, name: string, on: boolean): string {
  const choice = (label: string, value: string, checked: boolean): string => `<label><input type="radio" name="${name}" value="${value}"${checked ? ' checked' : ''}> ${label}</label>`;
  return `<fieldset><legend>${legend}</legend>${choice('No', '0', !on)} ${choice('Yes', '1', on)}</fieldset>`;
}

function settingsForm(scope: Scope, notice: string): Reply {
  const { state } = scope;
  const tabs = `<ul><li>System Settings${state.otherTabInError ? ' &#9888;' : ''}</li><li>API Settings</li></ul>`;
  return shown(scope, 'Configuration', `${notice}${tabs}<form method="post" action="${folder(state)}/s/config/edit">${yesNo('API enabled?', 'api_enabled', state.apiEnabled)}${yesNo('Enable HTTP basic auth?', 'api_enable_basic_auth', state.basicEnabled)}`
    + `<label>Access token lifetime (in minutes) <input name="access_lifetime" value="${state.accessTokenMinutes}"></label><label>Refresh token lifetime (in days) <input name="refresh_lifetime" value="${state.refreshTokenDays}"></label>${buttons(scope)}</form>`);
}

function saveSettings(scope: Scope, request: PracticeRequest): Reply {
  const { state } = scope;
  if (state.otherTabInError) return settingsForm(scope, '');
  state.apiEnabled = bodyText(request, 'api_enabled') === '1';
  state.basicEnabled = bodyText(request, 'api_enable_basic_auth') === '1';
  state.accessTokenMinutes = Number(bodyText(request, 'access_lifetime'));
  state.refreshTokenDays = Number(bodyText(request, 'refresh_lifetime'));
  if (bodyText(request, 'save') !== '') return redirect(state, `${folder(state)}/s/dashboard`);
  return settingsForm(scope, '<p role="status">Configuration successfully updated</p>');
}

/** The list has its own words for the two. */
function listClients(scope: Scope): Reply {
  const rows = scope.state.clients.map((client) => `<tr><td><a href="${folder(scope.state)}/s/credentials/edit/${client.number}">${escaped(client.name)}</a></td><td>${client.clientId}</td><td>${client.clientSecret}</td></tr>`);
  return shown(scope, 'API Credentials', `<table><tr><th>Name</th><th>Public Key</th><th>Secret Key</th></tr>${rows.join('')}</table><a href="${folder(scope.state)}/s/credentials/new">New</a>`);
}

interface ClientForm {
  readonly name: string;
  readonly redirectUris: string;
  readonly error?: string;
  readonly client?: MauticClient;
}

function clientForm(scope: Scope, { name, redirectUris, error, client }: ClientForm): Reply {
  const field = (label: string, key: string, value: string, more = ''): string => `<label>${label} <input name="${key}" value="${escaped(value)}" size="90"${more}></label>`;
  const made = client === undefined ? '' : field('Client ID', 'client_id', client.clientId, ' readonly') + field('Client Secret', 'client_secret', client.clientSecret, ' readonly');
  const action = `${folder(scope.state)}/s/credentials/${client === undefined ? 'new' : `edit/${client.number}`}`;
  return shown(scope, 'API Credentials', `<form method="post" action="${action}"><label>Authorization Protocol <select name="api_mode"><option>OAuth 2</option></select></label>${field('Name', 'name', name)}${field('Redirect URI', 'redirect_uris', redirectUris)}${error === undefined ? '' : `<p role="alert">${escaped(error)}</p>`}${made}${buttons(scope)}</form>`);
}

function findClient({ state }: Scope, number: string | undefined): MauticClient | undefined {
  return state.clients.find((client) => String(client.number) === number);
}

function editClient(scope: Scope, number: string | undefined): Reply {
  const client = findClient(scope, number);
  return client === undefined ? listClients(scope) : clientForm(scope, { name: client.name, redirectUris: client.redirectUris.join(','), client });
}

/** A new client, or an old one changed; the form stays open and shows both values unless Save & Close was pressed. */
function saveClient(scope: Scope, request: PracticeRequest, there: MauticClient | undefined): Reply {
  const { state, user } = scope;
  const [name, redirectUris] = [bodyText(request, 'name'), bodyText(request, 'redirect_uris')];
  const uris = redirectUris.split(',').map((uri) => uri.trim()).filter((uri) => uri !== '');
  const wrong = uris.find((uri) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(uri));
  const again = { name, redirectUris, ...(there === undefined ? {} : { client: there }) };
  if (wrong !== undefined) return clientForm(scope, { ...again, error: `${wrong} is an invalid URI.` });
  if (name === '' || uris.length === 0) return clientForm(scope, { ...again, error: 'This field is required.' });
  const client = there ?? addClient(state, { name, redirectUris: uris, owner: user });
  client.name = name;
  client.redirectUris = uris;
  if (bodyText(request, 'save') !== '') return redirect(state, `${folder(state)}/s/credentials`);
  return clientForm(scope, { name, redirectUris: uris.join(','), client });
}
