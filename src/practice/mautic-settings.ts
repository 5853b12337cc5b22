/**
 * A practice Mautic's pages behind its own login: the configuration, API Credentials, users.
 * Their addresses work while the API is off, where the menu has no API Credentials.
 */
import { html, type PracticeRequest, type Reply } from './server.ts';
import { findRoute, type Route } from './routes.ts';
import { clientRoutes } from './mautic-clients.ts';
import { saveConfiguration, showConfiguration, type Visitor } from './mautic-configuration.ts';
import { escaped, flashes, folder, forbidden, mustRevalidate, redirect, sessionCookie } from './mautic-pages.ts';
import { loginRoutes } from './mautic-login.ts';
import { userRoutes } from './mautic-users.ts';
import { isSeven, openSession, sessionWith, type MauticState } from './mautic-state.ts';

/** The pages of who is signed in, and the way there; undefined for every other path. */
export function settingsPages(state: MauticState, request: PracticeRequest): Reply | undefined {
  const open = findRoute(loginRoutes, request.method, request.path);
  if (open !== undefined) return open.route.answer(state, request, open.parts);
  const match = findRoute(routes, request.method, request.path);
  if (match === undefined) return undefined;
  const session = sessionWith(state, request.cookies);
  const user = session?.signedIn;
  return session === undefined || user === undefined ? toLogin(state, request) : match.route.answer({ state, user, session }, request, match.parts);
}

const routes: readonly Route<Visitor>[] = [
  { method: 'GET', path: '/s/dashboard', answer: dashboard },
  { method: 'GET', path: '/s/config/edit', answer: (visitor) => forAdmins(visitor, () => showConfiguration(visitor)) },
  { method: 'POST', path: '/s/config/edit', answer: (visitor, request) => forAdmins(visitor, () => saveConfiguration(visitor, request)) },
  ...clientRoutes,
  ...userRoutes,
];

/** Where SAML is set up its page comes first; 5 says it in whole. */
function toLogin(state: MauticState, request: PracticeRequest): Reply {
  const { id, session } = openSession(state, request.cookies);
  if (request.method === 'GET') session.wanted = request.target;
  const relative = isSeven(state) ? folder(state) : state.siteUrl;
  const to = state.saml ? (isSeven(state) ? '/saml/discovery' : '/s/saml/login') : '/s/login';
  return redirect(state, relative + to, { 'set-cookie': sessionCookie(id) });
}

function forAdmins({ user }: Visitor, answer: () => Reply): Reply {
  return user.role.isAdmin ? answer() : forbidden;
}

/** The menu has API Credentials only while the API is on. */
function dashboard({ state, user, session }: Visitor): Reply {
  const link = (path: string, text: string): string => `<li><a href="${folder(state)}${path}">${text}</a></li>`;
  const menu = [link('/s/dashboard', 'Dashboard'), link('/s/config/edit', 'Configuration'), ...(state.apiEnabled ? [link('/s/credentials', 'API Credentials')] : []), link('/s/logout', 'Logout')];
  return html(200, `<!DOCTYPE html><html><head><meta charset="UTF-8"><title>Dashboard | Mautic</title></head><body>${flashes(session)}<nav><ul>${menu.join('')}</ul></nav><p>${escaped(`${user.firstName} ${user.lastName}`)}</p><h1>Dashboard</h1></body></html>`, mustRevalidate);
}
