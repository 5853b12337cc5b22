/** The server's own exchange of a token's secret (11.10 and later): the old one ends at once. */
import type { Made, Session } from '../provisioning.ts';
import type { Api } from '../service.ts';
import { objectOf, refused, type Refusals } from './answers.ts';
import { isAtLeast, madeOf } from './create-token.ts';
import { expiresIn } from './fields.ts';

const gone: Refusals = {
  'app.user_access_token.get_by_user.app_error': {
    code: 'TOKEN_REJECTED', message: 'Mattermost has no token with this Token ID.',
    hint: 'Look it up under Profile > Security > Personal Access Tokens, and give it with --token-id ID.',
  },
  'app.user_access_token.expires_at_required.app_error': {
    code: 'EXPIRY_REQUIRED', field: expiresIn.key, message: 'This Mattermost demands that a token expires.', hint: 'Give the days with --expires-in DAYS.',
  },
  'app.user_access_token.expires_at_too_far.app_error': {
    code: 'EXPIRY_INVALID', field: expiresIn.key, message: 'This Mattermost does not let a token live that long.', hint: 'Give fewer days with --expires-in DAYS.',
  },
};

/** Undefined where the server has no such call. */
export function exchange(version: string | undefined): typeof exchangeToken | undefined {
  return version !== undefined && isAtLeast(version, 11, 10) ? exchangeToken : undefined;
}

async function exchangeToken(api: Api, session: Session, id: string, expiresAt: Date | undefined, protect: (secret: string) => void): Promise<Made> {
  const response = await api.send({
    method: 'POST', path: '/api/v4/users/tokens/rotate', headers: { authorization: session.authorization },
    json: { token_id: id, ...(expiresAt === undefined ? {} : { expires_at: expiresAt.getTime() }) },
  });
  if (response.status !== 200) throw refused(api, response, gone, 'the rotation of the token');
  return madeOf(api, objectOf(api, response, 'a rotated token'), protect);
}
