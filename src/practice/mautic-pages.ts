/** A practice Mautic's pages outside its API: what they have in common. */
import { html, type PracticeRequest, type Reply } from './server.ts';
import { isSeven, newToken, type MauticBrowserSession, type MauticState } from './mautic-state.ts';

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

/** Everything that no other table of pages knows. */
export function webPage(state: MauticState, { path, cookies }: PracticeRequest): Reply {
  if (path === '/' || path === '/index.php') return redirect(state, `${folder(state)}/s/dashboard`);
  if (path === '/s' || path.startsWith('/s/')) return redirect(state, `${state.siteUrl}/s/login`);
  return page('<!DOCTYPE html><html><head><title>404 Not Found | Mautic</title></head><body><h1>404 Not Found</h1></body></html>', cookies.get('mautic_session'), 404);
}

/** Symfony's token for a form: good for the session that it was shown to. */
export function formToken(session: MauticBrowserSession): string {
  const token = newToken();
  session.formTokens.push(token);
  return token;
}

/** What an earlier request of this session left to be told, once. */
export function flashes(session: MauticBrowserSession): string {
  const told = session.flashes.splice(0).map(({ text, error }) => `<div class="alert alert-growl${error ? ' alert-growl--error' : ''} alert-dismissable alert-new"><span>${text}</span></div>`);
  return told.length === 0 ? '' : `<div id="flashes" class="alert-growl-container">${told.join('')}</div>`;
}

/** What Mautic says where an account may not go. */
export const forbidden = html(403, '<!DOCTYPE html><html><head><title>Forbidden</title></head><body><h1>Tsk tsk. Apparently you don\'t have access to this area.</h1></body></html>');
/** Its page for a fault of its own. */
export const broken = html(500, '<!DOCTYPE html><html><head><title>Internal Server Error</title></head><body><h1>Uh oh! I think I broke it. If I do it again, please report me to the system administrator!</h1></body></html>');
/** Its page while the database is away or the configuration cannot be read. */
export const offline = html(500, '<!DOCTYPE html><html><head><title>Site is offline</title></head><body><div class="alert alert-danger">The site is currently offline due to encountering an error. If the problem persists, please contact the system administrator. :</div></body></html>');

/** An error below a field, or for the whole form. 7 wraps it once more. */
export function helpBlock(state: MauticState, text: string): string {
  const inner = isSeven(state) ? `<div class="alert alert-danger">${text}</div>` : text;
  return `<div class="help-block">${inner}</div>`;
}
