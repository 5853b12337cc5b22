/** Why Mautic refuses a username and a password. It has one answer for all of them (recorded: self-wrong-password). */
import type { Cause } from '../../errors.ts';

/**
 * `stored`: both were let in before, so they are whole, and what changed lies at Mautic. `saml`: its
 * page for signing in offers that.
 */
export function passwordCauses(base: string, { stored, saml }: { readonly stored: boolean; readonly saml: boolean }): readonly Cause[] {
  const login = `${base}/s/login`;
  const elsewhere: Cause = {
    code: 'SIGN_IN_ELSEWHERE',
    message: saml ? 'This Mautic signs in by SAML, and an account of it has no password of its own.' : `The account may sign in by SAML${stored ? ' now' : ''} and have no password of its own.`,
    check: 'Do you sign in to Mautic through another page?', fix: 'Ask the admin for an account with a password in Mautic itself.',
  };
  return [
    ...(saml ? [elsewhere] : []),
    {
      code: 'PASSWORD_WRONG', message: stored ? 'The password may have been changed in Mautic.' : 'The password may not be this account\'s.',
      check: `Sign in at ${login} with it.`, fix: 'Reset it there, or ask the admin.',
    },
    {
      code: 'USERNAME_WRONG', message: stored ? 'The account may have another username now, or have been deleted.' : 'There may be no account with this username or email address.',
      check: stored ? 'An admin looks for it under Settings > Users.' : `Sign in at ${login} with it.`,
      fix: 'Give the username that Mautic shows under your name > Account; the email address works too.',
    },
    {
      code: 'ACCOUNT_DEACTIVATED', message: 'The account may have been deactivated (not published).',
      check: `Signing in at ${login} is refused with the right password.`, fix: 'An admin publishes it again under Settings > Users.',
    },
    ...(saml ? [] : [elsewhere]),
  ];
}
