/** A practice Mautic's own login, and the way out. */
import { bodyPairs, type PracticeRequest, type Reply } from './server.ts';
import type { Route } from './routes.ts';
import { escaped, flashes, folder, formToken, mustRevalidate, page, redirect, sessionCookie } from './mautic-pages.ts';
import { accountNamed, authenticate, isSeven, isWeak, openSession, renewSession, sessionWith, type MauticBrowserSession, type MauticState } from './mautic-state.ts';

/** What everybody may ask for. */
export const loginRoutes: readonly Route<MauticState>[] = [
  { method: 'GET', path: '/s/login', answer: showLogin },
  { method: 'POST', path: '/s/login_check', answer: checkLogin },
  { method: 'GET', path: '/s/logout', answer: leave },
];

const wrong = 'Invalid login. Please verify credentials.';

/** Who is signed in is sent on. */
function showLogin(state: MauticState, request: PracticeRequest): Reply {
  const { id, session } = openSession(state, request.cookies);
  if (session.signedIn !== undefined) return redirect(state, `${folder(state)}/s/dashboard`);
  const reset = session.mustReset;
  session.mustReset = false;
  const told = flashes(session);
  return page(`${head(state)}${told}${reset ? resetForm(state, session) : loginForm(state, session, '/s/login_check', true)}</body></html>`, id);
}

function head(state: MauticState): string {
  const icon = isSeven(state) ? '/./app/assets/images/favicon.ico?v98ab31fd' : '/app/assets/images/favicon.ico?v8b14ef41';
  return ` <!DOCTYPE html> <html> <head> <meta charset="UTF-8" /> <title>Mautic</title> <meta name="robots" content="noindex, nofollow" /> <meta name="viewport" content="width=device-width, initial-scale=1, maximum-scale=1"> <link rel="icon" type="image/x-icon" href="${folder(state)}${icon}" /> </head> <body> `;
}

/** The form of `/s/login`, and without its token and its box that of the authorization. */
export function loginForm(state: MauticState, session: MauticBrowserSession, action: string, own: boolean): string {
  const more = own ? `<label for="remember_me"><input type="checkbox" id="remember_me" name="_remember_me"></label><input type="hidden" name="_csrf_token" value="${formToken(session)}">` : '';
  return `<form name="login" action="${folder(state)}${action}" method="post"><label for="username">Username or email</label><input type="text" id="username" name="_username" value="${escaped(session.lastUsername)}" required placeholder="Username or email"><label for="password">Password:</label><input type="password" id="password" name="_password" required placeholder="Password">${more}<button type="submit">${isSeven(state) ? 'Login' : 'login'}</button></form>`;
}

function resetForm(state: MauticState, session: MauticBrowserSession): string {
  return `<form novalidate name="passwordreset" method="post" action="${folder(state)}/passwordreset"><label for="passwordreset_identifier">Username or email</label><input type="text" id="passwordreset_identifier" name="passwordreset[identifier]" required="required" placeholder="Username or email"><button type="submit" name="passwordreset[submit]">Reset password</button><input type="hidden" id="passwordreset__token" name="passwordreset[_token]" value="${formToken(session)}"></form>`;
}

/** One answer to whatever was wrong; 7 looks at neither token nor cookie. */
function checkLogin(state: MauticState, request: PracticeRequest): Reply {
  const field = (name: string): string => bodyPairs(request).find(([one]) => one === name)?.[1] ?? '';
  const there = sessionWith(state, request.cookies);
  const { session } = openSession(state, request.cookies);
  const refuse = (): Reply => redirect(state, `${folder(state)}/s/login`, { 'set-cookie': ['REMEMBERME=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; path=/; httponly; samesite=lax', sessionCookie(openId(state, session))] });
  session.lastUsername = field('_username');
  if (!isSeven(state) && there?.formTokens.includes(field('_csrf_token')) !== true) {
    session.flashes.push({ text: '', error: true });
    return refuse();
  }
  const user = authenticate(state, field('_username'), field('_password'));
  const isTooWeak = isWeak(field('_password')) && (isSeven(state) ? accountNamed(state, field('_username'))?.password === field('_password') : true);
  if (isTooWeak) {
    session.mustReset = true;
    session.flashes.push({ text: 'Your password is too weak. Please reset it.', error: true });
    return refuse();
  }
  if (user === undefined) {
    session.flashes.push({ text: wrong, error: true });
    return refuse();
  }
  session.signedIn = user;
  user.lastLogin = state.now();
  const target = session.wanted === '' ? `${folder(state)}/s/dashboard` : session.wanted;
  const id = renewSession(state, session);
  return redirect(state, target, { 'set-cookie': ['REMEMBERME=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; path=/; httponly; samesite=lax', sessionCookie(id)] });
}

function openId(state: MauticState, session: MauticBrowserSession): string {
  return [...state.browsers].find(([, one]) => one === session)?.[0] ?? '';
}

/** Ends this session alone. */
function leave(state: MauticState, request: PracticeRequest): Reply {
  state.browsers.delete(request.cookies.get('mautic_session') ?? '');
  const { id } = openSession(state, new Map());
  return redirect(state, `${state.siteUrl}/s/login`, { ...mustRevalidate, 'set-cookie': ['REMEMBERME=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; path=/; httponly; samesite=lax', sessionCookie(id)] });
}
