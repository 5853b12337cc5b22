/**
 * A practice Mautic's authorization in the browser: its own login page, the consent page, and the
 * failures that never come back to the redirect URI.
 */
import { findRoute, type Route } from './routes.ts';
import { bodyText, html, type PracticeRequest, type Reply } from './server.ts';
import { failure } from './mautic-answers.ts';
import { issueCode, redirectUriMatches } from './mautic-oauth.ts';
import { loginForm } from './mautic-login.ts';
import { escaped, folder, mustRevalidate, page, redirect, sessionCookie } from './mautic-pages.ts';
import { authenticate, isSeven, may, openSession, sessionWith, type MauticBrowserSession, type MauticClient, type MauticState, type MauticUser } from './mautic-state.ts';

const authorizePath = '/oauth/v2/authorize';

/** The pages under /oauth/v2; undefined for every other path. */
export function authorizePages(state: MauticState, request: PracticeRequest): Reply | undefined {
  const match = findRoute(routes, request.method, request.path);
  return match?.route.answer(state, request, match.parts);
}

const routes: readonly Route<MauticState>[] = [
  { method: 'GET', path: authorizePath, answer: ask },
  { method: 'POST', path: authorizePath, answer: decide },
  { method: 'GET', path: '/oauth/v2/authorize_login', answer: showLogin },
  { method: 'POST', path: '/oauth/v2/authorize_login_check', answer: checkLogin },
];

const sessionOf = (state: MauticState, request: PracticeRequest): MauticBrowserSession | undefined => sessionWith(state, request.cookies);

/** GET authorize: who is signed in sees the consent page, anybody else the login page. */
function ask(state: MauticState, request: PracticeRequest): Reply {
  const user = sessionOf(state, request)?.user;
  if (user === undefined) {
    // Who is signed in to Mautic is asked once more all the same.
    const { id, session } = openSession(state, request.cookies);
    session.target = returnTarget(request);
    return redirect(state, `${state.siteUrl}/oauth/v2/authorize_login`, { 'set-cookie': sessionCookie(id) });
  }
  const client = state.clients.find(({ clientId }) => clientId === request.query.get('client_id'));
  if (client === undefined) return failure(404, null, 'Client not found.');
  if (isSeven(state) && !may(user.role, 'api:access', [])) return forbiddenPage;
  // Mautic 7 sends an account that allowed the application before straight back; 5 asks every time.
  if (isSeven(state) && client.allowedBy.includes(user.id)) return giveCode(state, client, user, request.query, somethingBroke);
  return consentPage(state, client, request.query);
}

/** After the login the parameters are in the order of the alphabet. */
function returnTarget(request: PracticeRequest): string {
  const sorted = new URLSearchParams(request.query);
  sorted.sort();
  return `${authorizePath}?${sorted.toString()}`;
}

const forbiddenPage = html(403, '<!DOCTYPE html><html><head></head><body><h1>Oops! An Error Occurred</h1><h2>The server returned a "403 Forbidden".</h2><p>Something is broken. Please let us know what you were doing when this error occurred. We will fix it as soon as possible. Sorry for any inconvenience caused.</p></body></html>');
const somethingBroke = failure(500, null, 'Looks like I encountered an error (error #500). If I do it again, please report me to the system administrator!');
const uriMismatch = failure(400, 'redirect_uri_mismatch', 'The redirect URI provided does not match registered URI(s).');

/** Back to the redirect URI with a code, or `mismatch` when the URI is not registered. */
function giveCode(state: MauticState, client: MauticClient, user: MauticUser, query: URLSearchParams, mismatch: Reply): Reply {
  const redirectUri = query.get('redirect_uri') ?? '';
  if (!redirectUriMatches(redirectUri, client.redirectUris)) return mismatch;
  const target = new URL(redirectUri);
  const given = query.get('state') ?? '';
  if (given !== '') target.searchParams.set('state', given);
  target.searchParams.set('code', issueCode(state, client, user, redirectUri));
  return redirect(state, target.href);
}

const hidden = ['client_id', 'response_type', 'redirect_uri', 'state', 'scope'];
const fieldName = (name: string): string => `fos_oauth_server_authorize_form[${name}]`;
const footer = '<footer>Copyright 2026 Mautic. All Rights Reserved.</footer></body></html>';

function consentPage(state: MauticState, client: MauticClient, query: URLSearchParams): Reply {
  const fields = hidden.map((name) => `<input type="hidden" id="fos_oauth_server_authorize_form_${name}" name="${fieldName(name)}"${query.has(name) ? ` value="${escaped(query.get(name) ?? '')}"` : ''}>`).join('');
  return html(200, `<!DOCTYPE html><html><head></head><body><h4>The application %${escaped(client.name)}% would like to connect to your account.</h4><form name="fos_oauth_server_authorize_form" action="${folder(state)}${authorizePath}" method="post"><input type="submit" name="accepted" value="Accept" class="btn-accept"><input type="submit" name="rejected" value="Deny" class="btn-deny">${fields}</form>${footer}`, mustRevalidate);
}

/** POST authorize: Accept or Deny. */
function decide(state: MauticState, request: PracticeRequest): Reply {
  const user = sessionOf(state, request)?.user;
  const query = new URLSearchParams(hidden.map((name): [string, string] => [name, bodyText(request, fieldName(name))]));
  const client = state.clients.find(({ clientId }) => clientId === query.get('client_id'));
  if (user === undefined || client === undefined) return failure(404, null, 'Client not found.');
  // The status of a redirect, without a Location: the browser shows the JSON and stays.
  if (bodyText(request, 'accepted') === '') return failure(302, 'access_denied', 'API authorization denied.');
  // Remembered before the redirect URI is looked at.
  if (!client.allowedBy.includes(user.id)) client.allowedBy.push(user.id);
  return giveCode(state, client, user, query, uriMismatch);
}

function showLogin(state: MauticState, request: PracticeRequest): Reply {
  const { id, session } = openSession(state, request.cookies);
  const error = session.refused ? '<div id="flashes" class="alert-growl-container"><div class="alert alert-growl alert-growl--error alert-dismissable alert-new"><span>Invalid login. Please verify credentials.</span></div></div>' : '';
  session.refused = false;
  return page(` <!DOCTYPE html> <html> <head> <meta charset="UTF-8" /> </head> <body> ${error} ${loginForm(state, session, '/oauth/v2/authorize_login_check', false)} ${footer}`, id);
}

/** The account signs in for this browser session, or sees the login page again. */
function checkLogin(state: MauticState, request: PracticeRequest): Reply {
  const session = sessionOf(state, request);
  const user = authenticate(state, bodyText(request, '_username'), bodyText(request, '_password'));
  if (session !== undefined) session.lastUsername = bodyText(request, '_username');
  if (session === undefined || user === undefined) {
    if (session !== undefined) session.refused = true;
    return redirect(state, `${state.siteUrl}/oauth/v2/authorize_login`);
  }
  session.user = user;
  user.lastLogin = state.now();
  return redirect(state, state.siteUrl + session.target);
}
