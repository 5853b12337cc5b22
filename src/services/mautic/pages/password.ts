/** A new password for an account that credsetup made: the API ignores one, the account's own form takes it. */
import { CredsetupError } from '../../../errors.ts';
import { markOfAddress } from './accounts.ts';
import { withValues } from './document.ts';
import { checkSession } from './sign-in.ts';
import { formRefused, pageDiffers, whose, type Visit } from './visit.ts';

/**
 * Sends the account's form whole with a new password, and gives its username. Throws PERMISSION_DENIED
 * for one that is not `username`, or that credsetup did not make; NOT_FOUND, RESPONSE_INVALID.
 */
export async function setPassword(visit: Visit, userId: string, username: string | undefined, password: string): Promise<string> {
  const { api } = visit;
  const page = await visit.get(`/s/users/edit/${userId}`);
  checkSession(api, page);
  const users = `${api.base}/s/users`;
  if (page.status === 403) throw new CredsetupError('PERMISSION_DENIED', 'This account may not change accounts in Mautic.', { ...whose(api), hint: 'Sign in as an admin with --username and --password-file.' });
  // Checked out by another admin, or deleted: the same answer.
  if (page.redirect() !== undefined) throw new CredsetupError('NOT_FOUND', `Mautic does not open the account ${username ?? userId}: it is gone, or another admin has it open.`, { ...whose(api), hint: `Look at it: ${users}` });
  const form = (await page.document()).form('user');
  if (form === undefined) throw pageDiffers(api, page, 'form "user"');
  const values = { 'user[plainPassword][password]': password, 'user[plainPassword][confirm]': password };
  for (const name of Object.keys(values)) if (!form.names.has(name)) throw pageDiffers(api, page, `field ${name}`);
  const pairs = form.pairs();
  const shown = new Map(pairs);
  const name = shown.get('user[username]') ?? '';
  if ((username !== undefined && name !== username) || markOfAddress(shown.get('user[email]') ?? '') === '') throw new CredsetupError('PERMISSION_DENIED', `The account ${userId} at Mautic is not ${username ?? 'the one'} that credsetup made, or somebody changed it; it was left as it is.`, { ...whose(api), hint: `Look at it: ${users}` });
  // "Save & Close": the other button leaves the account locked for other admins.
  const answer = await visit.submit(form, page, [...withValues(pairs, values), ['user[buttons][save]', '']]);
  checkSession(api, answer);
  if (answer.status === 403) throw formRefused(api, answer);
  if (answer.redirect() !== undefined) return name;
  const faults = answer.status === 200 ? (await answer.document()).form('user')?.faults ?? [] : [];
  throw new CredsetupError('RESPONSE_INVALID', `Mautic did not take the new password of ${name}${faults[0] === undefined ? ` (status ${answer.status})` : `: ${faults[0].text}`}. The old one stays.`, { ...whose(api), hint: `Change it by hand: ${api.base}/s/users/edit/${userId}` });
}
