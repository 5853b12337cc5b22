/** How a token is made at Mattermost, as the core sees it. */
import { CredsetupError, type ErrorCode } from '../../errors.ts';
import { get, nameOf } from '../answer.ts';
import type { Provisioning, Repair, Owner, Session, Way } from '../provisioning.ts';
import type { Api, Values } from '../api.ts';
import { objectOf, refused } from './answers.ts';
import { about, idIn } from './api.ts';
import { createBot, findBot, teams } from './bots.ts';
import { createToken, expiryOf, listTokens, revokeToken } from './create-token.ts';
import { adminToken, bot, description, expiresIn, mfaCode, password, tokenId, username } from './fields.ts';
import { isOn, rightMissing, switchedOff } from './repair.ts';
import { signIn, signInProblem, signOut, withToken } from './sign-in.ts';

const own: Way = { id: 'own', title: 'Make one for me (sign in once)', suits: 'you have a username and a password here; n8n then acts as you', fields: [], makes: true };
const asBot: Way = { id: 'bot', title: 'Make a bot account for n8n (admin)', suits: 'n8n gets an account of its own that ends with nobody; needs an admin', fields: [bot], makes: true };

export const provisioning: Provisioning = {
  option: '--create-token',
  ways: [
    { id: 'given', title: 'I have a token', suits: 'you or your admin made one, or you make it now in Mattermost\'s pages', fields: [], makes: false },
    own, asBot,
  ],
  signInFields: [username, password],
  codeField: mfaCode, adminTokenField: adminToken, descriptionField: description, expiryField: expiresIn, idField: tokenId,
  words: {
    thing: 'token', id: 'Token ID', whereIdsStand: 'Profile > Security > Personal Access Tokens',
    endSignIn: 'your picture > Profile > Security > View and Log Out of Active Sessions',
  },
  repairWord: 'repair',
  signInProblem, expiryOf, signIn, withToken, signOut, owner, repairs, repairOf,
  make: createToken, list: listTokens, revoke: revokeToken, places: teams,
};

/** The bot of the name that was given, the account that an admin named, or who is signed in. */
async function owner(api: Api, session: Session, way: Way, values: Values): Promise<Owner> {
  if (way.id === asBot.id) {
    const name = botName(values);
    return await findBot(api, session, name) ?? createBot(api, session, name);
  }
  const named = values['username'] ?? '';
  if (!session.isLogin && named !== '' && named !== session.account.username) return namedAccount(api, session, named);
  return { id: session.account.id, username: session.account.username, bot: false, created: false };
}

function botName(values: Values): string {
  return (values['bot'] ?? '').toLowerCase();
}

/** An admin's token makes tokens for others: the account by username or email. */
async function namedAccount(api: Api, session: Session, named: string): Promise<Owner> {
  const by = named.includes('@') ? 'email' : 'username';
  const response = await get(api, `/api/v4/users/${by}/${encodeURIComponent(named)}`, session.authorization);
  if (response.status === 404) {
    throw new CredsetupError('INPUT_INVALID', `This Mattermost has no account ${named}.`, {
      service: about.id, url: api.base, field: username.key, hint: 'Give the username that Mattermost shows under the picture, without the @, or leave it out to make the token for the admin.',
    });
  }
  if (response.status !== 200) throw refused(api, response, {}, 'the account of that name');
  const body = objectOf(api, response, 'the account of that name');
  return { id: idIn(api, body, 'id', 'the account of that name'), username: nameOf(body['username']), bot: body['is_bot'] === true, created: false };
}

/** The switch is told by the server; a missing right is certain only by roles that are known to lack it together with a refusal. */
async function repairs(api: Api, session: Session, way: Way, values: Values): Promise<readonly Repair[]> {
  if (way.id === asBot.id) {
    if (await findBot(api, session, botName(values)) !== undefined) return [];
    return await isOn(api, session, 'EnableBotAccountCreation') === false ? [switchedOff(api, 'bots')] : [];
  }
  return await isOn(api, session, 'EnableUserAccessTokens') === false ? [switchedOff(api, 'tokens')] : [];
}

function repairOf(api: Api, code: ErrorCode, session: Session, way: Way): Repair | undefined {
  if (code === 'TOKENS_DISABLED') return switchedOff(api, 'tokens');
  if (code === 'BOTS_DISABLED') return switchedOff(api, 'bots');
  return code === 'PERMISSION_DENIED' && way.id === own.id ? rightMissing(api, session) : undefined;
}
