/**
 * Signing in to Mautic's own pages, and out again. Outcomes are told by status, Location and
 * selectors alone: texts are in the account's language. Source: login-* in test/wire/mautic-forms-7.json and -5.json.
 */
import { CredsetupError, isCredsetupError, type Cause } from '../../../errors.ts';
import type { Api } from '../../api.ts';
import { passwordCauses } from '../password-causes.ts';
import { hasClass, withValues } from './document.ts';
import { checkPage, openVisit, pageDiffers, whose, type Page, type Visit } from './visit.ts';

export interface PersonSignIn {
  readonly username: string;
  readonly password: string;
}

/**
 * Opens a session of Mautic's pages. Who calls it ends it with `signOutOfPages`. Throws
 * PASSWORD_REJECTED, SIGN_IN_UNSUPPORTED, GATEWAY_IN_FRONT, NOT_MAUTIC, SERVER_ERROR, RESPONSE_INVALID.
 */
export async function signInToPages(api: Api, who: PersonSignIn): Promise<Visit> {
  const visit = await openVisit(api);
  // 5 refuses a token or a cookie that it does not know without a word: that alone is tried a second time.
  if (await attempt(visit, who) === 'again' && await attempt(visit, who) === 'again') {
    throw new CredsetupError('RESPONSE_INVALID', `Mautic's login page at ${api.base}/s/login does not take back what it gave: its cookie or its token is lost on the way.`, {
      ...whose(api), hint: 'Something in front of Mautic (a cache, a proxy) drops cookies or shows an old page. Sign in with a browser to see whether that works.',
    });
  }
  return visit;
}

async function attempt(visit: Visit, { username, password }: PersonSignIn): Promise<'signed-in' | 'again'> {
  const { api } = visit;
  const page = await loginPage(visit);
  const form = (await page.document()).form('login') ?? await otherForm(page);
  if (form === undefined) throw pageDiffers(api, page, 'form with _username and _password');
  for (const name of ['_username', '_password']) if (!form.names.has(name)) throw pageDiffers(api, page, `field ${name}`);
  const answer = await visit.submit(form, page, withValues(form.pairs().filter(([name]) => name !== '_remember_me'), { _username: username, _password: password }));
  checkPage(api, answer);
  const to = answer.redirect();
  if (to === undefined) throw pageDiffers(api, answer, 'redirect after the sign-in');
  if (isSaml(to)) throw unsupported(api);
  return isLogin(to) ? afterRefusal(visit) : 'signed-in';
}

async function loginPage(visit: Visit): Promise<Page> {
  const page = await visit.get('/s/login');
  checkPage(visit.api, page);
  const to = page.redirect();
  if (to !== undefined && isSaml(to)) throw unsupported(visit.api);
  if (page.status !== 200) throw page.status === 403 ? gateway(visit.api) : pageDiffers(visit.api, page, 'login form');
  return page;
}

/** A theme may have taken the form's name away. */
async function otherForm(page: Page): Promise<Awaited<ReturnType<Page['document']>> extends { form: (name: string) => infer F } ? F : never> {
  return (await page.document()).form('');
}

// Where the web server rewrites nothing, every path begins with the script.
const isLogin = (path: string): boolean => /^(\/index\.php)?\/s\/login(\?|$)/.test(path);
const isSaml = (path: string): boolean => /^(\/index\.php)?\/(s\/)?saml\//.test(path);

/** One answer to whatever was wrong; the login page then tells by its forms which kind it was. */
async function afterRefusal(visit: Visit): Promise<'again'> {
  const { api } = visit;
  const page = await visit.get('/s/login');
  checkPage(api, page);
  const document = await page.document();
  if (document.form('passwordreset') !== undefined) throw tooWeak(api);
  const told = document.texts((one) => hasClass(one, 'alert-growl--error'));
  // Recorded (5, login-wrong-csrf-then): an error flash without a word stands for the token.
  if (told.length === 0 || told.every((text) => text === '')) return 'again';
  throw passwordRefused(api, await hasSaml(visit));
}

/** Where SAML is set up, the pages of who is signed in lead there; an account of it may have no password here. */
async function hasSaml(visit: Visit): Promise<boolean> {
  try {
    const to = (await visit.get('/s/dashboard')).redirect();
    return to !== undefined && isSaml(to);
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    return false; // The refusal is what is told.
  }
}

/** Ends the session of a visit. The person's own browser stays signed in. Throws what a request throws. */
export async function signOutOfPages(visit: Visit): Promise<void> {
  await visit.get('/s/logout');
}

/** Why a password that may be right is not taken: one code, its own words. */
export function passwordRefused(api: Api, saml = false): CredsetupError {
  const login = `${api.base}/s/login`;
  return new CredsetupError('PASSWORD_REJECTED', 'Mautic refused the username and the password. It does not say which of the two is wrong.', {
    ...whose(api), field: 'password', causes: passwordCauses(api.base, { stored: false, saml }), hint: `It was sent once. Sign in at ${login} with the same two values: that shows which cause it is.`,
  });
}

/** 7: right, and too weak for its rule. 5: too weak, right or wrong. */
function tooWeak(api: Api): CredsetupError {
  const causes: readonly Cause[] = [
    { code: 'PASSWORD_TOO_WEAK', message: 'The password is too weak for Mautic\'s rule: its pages want a new one first (Mautic 7 says so only of a right password, Mautic 5 of any weak one).', check: `Sign in at ${api.base}/s/login: a form for a new password comes.`, fix: 'Set a stronger one there: upper and lower case, digits and special characters. Then run this again.' },
    { code: 'PASSWORD_WRONG', message: 'On Mautic 5 the password may be wrong as well: a weak one is not compared.', check: `Sign in at ${api.base}/s/login with it.`, fix: 'Reset it there, or ask the admin.' },
  ];
  return new CredsetupError('PASSWORD_REJECTED', 'Mautic\'s pages do not take this password: it is too weak for Mautic\'s rule, so it asks for a new one.', {
    ...whose(api), field: 'password', causes,
    hint: `Set a stronger password at ${api.base}/s/login and run this again. On Mautic 5 a weak one still works for HTTP basic auth and for OAuth2 in the browser; make the client in Mautic's pages then.`,
  });
}

function unsupported(api: Api): CredsetupError {
  return new CredsetupError('SIGN_IN_UNSUPPORTED', 'This Mautic signs in through SAML, and its login page for passwords leads there.', {
    ...whose(api), hint: `An account with a password of its own in Mautic is needed; ask the admin for one. Or do the step in a browser: ${api.base}/s/credentials/new`,
  });
}

function gateway(api: Api): CredsetupError {
  return new CredsetupError('GATEWAY_IN_FRONT', `${api.base}/s/login is refused (403): a firewall or a gateway stands in front of Mautic's pages.`, {
    ...whose(api), hint: 'Ask who runs it to let this computer through, or do this step in a browser.',
  });
}

/** The session has ended in the middle: a page of who is signed in leads to the login. Throws CONNECTION_LOST. */
export function checkSession(api: Api, page: Page): void {
  checkPage(api, page);
  const to = page.redirect();
  if (to === undefined || !(isLogin(to) || isSaml(to))) return;
  throw new CredsetupError('CONNECTION_LOST', `Mautic ended the sign-in in the middle: ${page.path.split('?', 1)[0] ?? ''} leads to the login page.`, {
    ...whose(api), hint: 'Run it again: it signs in anew, and what this run began is found. If it happens each time, sessions are lost on the server (its session folder, or several servers behind one address).',
  });
}
