/** A question to Mautic that nothing else may answer in its place. */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError } from '../../errors.ts';
import { throwForStatus } from '../../http/status.ts';
import { get } from '../answer.ts';
import type { Api } from '../api.ts';
import { mauticError, selfPath } from './api.ts';

/**
 * The answer to a request for the account, when it is Mautic's own refusal. Made-up credentials in
 * a log look like an attack, and so does asking a firewall again and again: any other answer ends
 * the questions. Throws RATE_LIMITED, SERVER_ERROR, REDIRECTED, GATEWAY_IN_FRONT.
 */
export async function probe(api: Api, authorization?: string): Promise<HttpResponse> {
  const response = await get(api, selfPath, authorization);
  throwForStatus(response);
  // Mautic 7 refuses a Basic user with an empty body; everything else of Mautic is its JSON error.
  const empty = authorization !== undefined && response.status === 401 && response.text === '';
  if (mauticError(response) !== undefined || empty) return response;
  throw new CredsetupError('GATEWAY_IN_FRONT', `Something in front of ${api.base} answered ${authorization === undefined ? 'in place of Mautic' : 'a request that carries credentials'} (status ${response.status}); Mautic did not see it.`, {
    service: 'mautic', url: api.base,
    hint: 'A firewall or a sign-in page stands before Mautic, and n8n cannot pass it either, unless it is credsetup\'s name alone that is refused. Ask the admin to let requests to /api through to Mautic. If this address was blocked for too many wrong sign-ins, wait before trying again.',
  });
}
