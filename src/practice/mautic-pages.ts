/** A practice Mautic's pages outside its API: what a person without a session gets to see. */
import { html, type PracticeRequest, type Reply } from './server.ts';
import { isSeven, newToken, type MauticState } from './mautic-state.ts';

export const mustRevalidate = { 'cache-control': 'max-age=0, must-revalidate, private' };

/** Text for HTML. */
export const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

export const sessionCookie = (id: string): string => `mautic_session=${id}; path=/; HttpOnly; SameSite=Lax`;

/** A page with its session cookie. */
export function page(body: string, session = newToken(), status = 200): Reply {
  return html(status, body, { ...mustRevalidate, 'set-cookie': sessionCookie(session) });
}

/** Symfony's redirect page; Mautic 7 and 5 spell the charset differently. */
export function redirect(state: MauticState, location: string, headers: Reply['headers'] = {}): Reply {
  const shown = escaped(location);
  const body = `<!DOCTYPE html> <html> <head> <meta charset="UTF-8" /> <meta http-equiv="refresh" content="0;url='${shown}'" /> <title>Redirecting to ${shown}</title> </head> <body> Redirecting to <a href="${shown}">${shown}</a>. </body> </html>`;
  return html(302, body, { ...mustRevalidate, location, 'content-type': `text/html; charset=${isSeven(state) ? 'utf-8' : 'UTF-8'}`, ...headers });
}

/** The folder that Mautic lies in, '' for none. */
export const folder = (state: MauticState): string => new URL(state.siteUrl).pathname.replace(/\/$/, '');

/** Everything outside /api and /oauth. */
export function webPage(state: MauticState, { path, cookies }: PracticeRequest): Reply {
  if (path === '/' || path === '/index.php') return redirect(state, `${folder(state)}/s/dashboard`);
  if (path === '/s/login') return page(loginPage(state), cookies.get('mautic_session'));
  if (path === '/s' || path.startsWith('/s/')) return redirect(state, `${state.siteUrl}/s/login`);
  return page('<!DOCTYPE html><html><head><title>404 Not Found | Mautic</title></head><body><h1>404 Not Found</h1></body></html>', cookies.get('mautic_session'), 404);
}

/** Mautic's own login page; `error` is what it says above the form. */
export function loginPage(state: MauticState, error = ''): string {
  const icon = isSeven(state) ? '/./app/assets/images/favicon.ico?v98ab31fd' : '/app/assets/images/favicon.ico?v8b14ef41';
  return ` <!DOCTYPE html> <html> <head> <meta charset="UTF-8" /> <title>Mautic</title> <meta name="robots" content="noindex, nofollow" /> <meta name="viewport" content="width=device-width, initial-scale=1, maximum-scale=1"> <link rel="icon" type="image/x-icon" href="${folder(state)}${icon}" /> </head> <body> ${error} <form action="${folder(state)}/s/login_check" method="post"> <input name="_username" placeholder="Username or email"> <input name="_password" type="password" placeholder="Password"> <button type="submit">Login</button> </form> </body> </html>`;
}
