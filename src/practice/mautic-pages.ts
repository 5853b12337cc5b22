/** A practice Mautic's pages: what a person without a session gets to see. */
import { html, type PracticeRequest, type Reply } from './server.ts';
import { isSeven, newToken, type MauticState } from './mautic-state.ts';

const mustRevalidate = { 'cache-control': 'max-age=0, must-revalidate, private' };

/** A page with its session cookie. */
function page(body: string, status = 200): Reply {
  return html(status, body, { ...mustRevalidate, 'set-cookie': `mautic_session=${newToken()}; path=/; HttpOnly; SameSite=Lax` });
}

/** Symfony's redirect page; Mautic 7 and 5 spell the charset differently. */
function redirect(state: MauticState, location: string, headers: Reply['headers'] = {}): Reply {
  const body = `<!DOCTYPE html> <html> <head> <meta charset="UTF-8" /> <meta http-equiv="refresh" content="0;url='${location}'" /> <title>Redirecting to ${location}</title> </head> <body> Redirecting to <a href="${location}">${location}</a>. </body> </html>`;
  return html(302, body, { ...mustRevalidate, location, 'content-type': `text/html; charset=${isSeven(state) ? 'utf-8' : 'UTF-8'}`, ...headers });
}

/** The folder that Mautic lies in, '' for none. */
const folder = (state: MauticState): string => new URL(state.siteUrl).pathname.replace(/\/$/, '');

/** GET /oauth/v2/authorize without a session: to the login page of the authorization. */
export function authorizePage(state: MauticState): Reply {
  return redirect(state, `${state.siteUrl}/oauth/v2/authorize_login`, { 'set-cookie': `mautic_session=${newToken()}; path=/; HttpOnly; SameSite=Lax` });
}

/** Everything outside /api and /oauth. */
export function webPage(state: MauticState, { path }: PracticeRequest): Reply {
  if (path === '/' || path === '/index.php') return redirect(state, `${folder(state)}/s/dashboard`);
  if (path === '/s/login') return page(loginPage(state));
  if (path === '/s' || path.startsWith('/s/')) return redirect(state, `${state.siteUrl}/s/login`);
  return page('<!DOCTYPE html><html><head><title>404 Not Found | Mautic</title></head><body><h1>404 Not Found</h1></body></html>', 404);
}

function loginPage(state: MauticState): string {
  const icon = isSeven(state) ? '/./app/assets/images/favicon.ico?v98ab31fd' : '/app/assets/images/favicon.ico?v8b14ef41';
  return ` <!DOCTYPE html> <html> <head> <meta charset="UTF-8" /> <title>Mautic</title> <meta name="robots" content="noindex, nofollow" /> <meta name="viewport" content="width=device-width, initial-scale=1, maximum-scale=1"> <link rel="icon" type="image/x-icon" href="${folder(state)}${icon}" /> </head> <body> <form action="${folder(state)}/s/login_check" method="post"> <input name="_username"> <input name="_password" type="password"> <button type="submit">Login</button> </form> </body> </html>`;
}
