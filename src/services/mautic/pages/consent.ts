/**
 * Mautic's OAuth pages, gone through as a person does in a browser: its own login, its question,
 * the redirect with the code, which is read and not followed. A visit of its own: the session of
 * /s/login does not count here. Source: oauth-* in test/wire/mautic-forms-7.json and -5.json.
 */
import { CredsetupError } from '../../../errors.ts';
import { mauticError } from '../api.ts';
import type { Api } from '../../api.ts';
import { withValues } from './document.ts';
import { thenEnd } from './ending.ts';
import { passwordRefused, signOutOfPages, type PersonSignIn } from './sign-in.ts';
import { checkPage, openVisit, pageDiffers, whose, type Page, type Visit } from './visit.ts';

const mostSteps = 8;
const consentForm = 'fos_oauth_server_authorize_form';

/**
 * Signs in and accepts. The address that the browser would be sent to, with the code in it.
 * Throws PASSWORD_REJECTED, API_DISABLED, API_ACCESS_MISSING, CLIENT_NOT_FOUND, REDIRECT_URI_MISMATCH, AUTHORIZATION_DENIED, RESPONSE_INVALID.
 */
export async function consent(api: Api, authorizationUrl: string, redirectUri: string, who: PersonSignIn): Promise<string> {
  const visit = await openVisit(api);
  return thenEnd(() => walk(visit, authorizationUrl, redirectUri, who), () => signOutOfPages(visit));
}

async function walk(visit: Visit, authorizationUrl: string, redirectUri: string, who: PersonSignIn): Promise<string> {
  const { api } = visit;
  let page = await visit.get(authorizationUrl.slice(api.base.length));
  let signedIn = false;
  for (let steps = 0; steps < mostSteps; steps += 1) {
    const callback = callbackOf(page, redirectUri);
    if (callback !== undefined) return callback;
    checkAnswer(api, page);
    const to = page.redirect();
    if (to !== undefined) {
      if (signedIn && to.startsWith('/oauth/v2/authorize_login')) throw passwordRefused(api);
      page = await visit.get(to);
      continue;
    }
    const document = await page.document();
    const question = document.form(consentForm);
    const login = document.form('login') ?? document.form('');
    if (question !== undefined) {
      const accepted = document.attributes(({ name, attribs }) => name === 'input' && attribs['name'] === 'accepted', 'value')[0] ?? 'Accept';
      page = await visit.submit(question, page, [...question.pairs(), ['accepted', accepted]]);
    } else if (login?.names.has('_password') === true && !signedIn) {
      signedIn = true;
      page = await visit.submit(login, page, withValues(login.pairs(), { _username: who.username, _password: who.password }));
    } else if (login !== undefined && signedIn) {
      throw passwordRefused(api);
    } else {
      throw pageDiffers(api, page, `form ${consentForm}`);
    }
  }
  throw new CredsetupError('RESPONSE_INVALID', 'Mautic\'s OAuth pages lead in a circle.', { ...whose(api), hint: 'Sign in with a browser instead: leave --create-client out.' });
}

/** Exactly the redirect URI, with the answer behind it. */
function callbackOf({ location }: Page, redirectUri: string): string | undefined {
  return location?.startsWith(`${redirectUri}?`) === true ? location : undefined;
}

function checkAnswer(api: Api, page: Page): void {
  const type = mauticError(page.response)?.type;
  const about = whose(api);
  if (type === 'api_disabled') throw new CredsetupError('API_DISABLED', 'The API of this Mautic is off, and its OAuth pages with it.', { ...about, hint: `Settings > Configuration > API Settings: "API enabled?". ${api.base}/s/config/edit?tab=apiconfig` });
  if (type === 'access_denied' || (page.status === 302 && page.location === undefined)) {
    throw new CredsetupError('AUTHORIZATION_DENIED', 'Mautic says that the access was refused.', { ...about, hint: 'Run it again, or sign in with a browser.' });
  }
  if (type === 'redirect_uri_mismatch') throw new CredsetupError('REDIRECT_URI_MISMATCH', 'The client has another Redirect URI than the one that was sent.', { ...about, hint: `Compare it at ${api.base}/s/credentials` });
  if (page.status === 404) throw new CredsetupError('CLIENT_NOT_FOUND', 'Mautic knows no client with this Client ID.', { ...about, hint: `Its clients: ${api.base}/s/credentials` });
  if (page.status === 403) throw new CredsetupError('API_ACCESS_MISSING', 'The role of this account has no API access, which Mautic 7 wants for OAuth2.', { ...about, hint: 'An admin gives the role API Permissions > "API Access", or makes an account for n8n: --create-user n8n' });
  checkPage(api, page);
}
