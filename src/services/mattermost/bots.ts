/** Bot accounts: one by name, made or used again, and where it can be added to. */
import { CredsetupError } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { get, nameOf, textOf } from '../answer.ts';
import type { Owner, Place, Session } from '../provisioning.ts';
import type { Api } from '../api.ts';
import { objectOf, objectsOf, refused, type Refusals } from './answers.ts';
import { about, idIn, parseUser } from './api.ts';
import { bot as botField } from './fields.ts';

const refusals: Refusals = {
  'api.bot.create_disabled': {
    code: 'BOTS_DISABLED', message: 'Making bot accounts is off on this Mattermost.',
    hint: 'An admin sets System Console > Integrations > Bot Accounts > "Enable Bot Account Creation" to true: {base}/admin_console/integrations/bot_accounts. As an admin, let credsetup do it with --repair.',
  },
  'api.context.permissions.app_error': {
    code: 'PERMISSION_DENIED', message: 'This account may not make bot accounts, or tokens for this one.',
    hint: 'Sign in as a system admin, or give an admin\'s token with --admin-token-file FILE.',
  },
  'model.bot.is_valid.username.app_error': {
    code: 'INPUT_INVALID', field: botField.key, message: 'Mattermost does not take this as the username of a bot.',
    hint: 'Lower-case letters, digits, dots, dashes and underscores, beginning with a letter; 3 to 22 characters on most servers.',
  },
};

const nameTaken = 'app.user.save.username_exists.app_error';

/** The bot of that name; undefined when nobody has it. Throws BOT_NAME_TAKEN for a person's account and a disabled bot. */
export async function findBot(api: Api, session: Session, username: string): Promise<Owner | undefined> {
  const response = await get(api, `/api/v4/users/username/${encodeURIComponent(username)}`, session.authorization);
  // 400: no username could look like this, which the making of the bot says better.
  if (response.status === 404 || response.status === 400) return undefined;
  if (response.status !== 200) throw refused(api, response, {}, 'the account of that name');
  const body = objectOf(api, response, 'the account of that name');
  const user = parseUser(api, body);
  if (!user.is_bot) throw taken(api, username, 'is the name of a person\'s account');
  if (typeof body['delete_at'] === 'number' && body['delete_at'] > 0) throw taken(api, username, 'is a bot that was disabled');
  return { id: user.id, username: user.username, bot: true, created: false };
}

/** Makes the bot. Throws BOTS_DISABLED, PERMISSION_DENIED, BOT_NAME_TAKEN, INPUT_INVALID. */
export async function createBot(api: Api, session: Session, username: string): Promise<Owner> {
  const response = await api.send({
    method: 'POST', path: '/api/v4/bots', headers: { authorization: session.authorization },
    json: { username, display_name: 'n8n', description: 'Account of its own for n8n, made by credsetup' },
  });
  if (response.status === 201 || response.status === 200) {
    const body = objectOf(api, response, 'a new bot');
    return { id: idIn(api, body, 'user_id', 'a new bot'), username: nameOf(body['username']), bot: true, created: true };
  }
  if (response.text.includes(nameTaken)) throw taken(api, username, 'belongs to somebody else');
  throw refused(api, response, refusals, 'the making of a bot');
}

function taken(api: Api, username: string, why: string): CredsetupError {
  return new CredsetupError('BOT_NAME_TAKEN', `${username} ${why} on this Mattermost.`, {
    service: about.id, url: api.base, field: botField.key,
    hint: `Choose another name with --bot USERNAME. A disabled bot is enabled again under Integrations > Bot Accounts.`,
  });
}

/** The admin's teams, and in each the channels: a bot can post only where it is a member. */
export async function teams(api: Api, admin: Session): Promise<readonly Place[]> {
  const response = await get(api, '/api/v4/users/me/teams', admin.authorization);
  if (response.status !== 200) return [];
  return objectsOf(api, response, 'its teams').map((team): Place => {
    const id = idIn(api, team, 'id', 'its teams');
    return {
      title: titleOf(team),
      add: (to, session, owner) => addMember(to, session, `/api/v4/teams/${id}/members`, { team_id: id, user_id: owner.id }),
      inner: (of, session) => channels(of, session, id),
    };
  });
}

async function channels(api: Api, admin: Session, team: string): Promise<readonly Place[]> {
  const response = await get(api, `/api/v4/users/me/teams/${team}/channels`, admin.authorization);
  if (response.status !== 200) return [];
  return objectsOf(api, response, 'its channels')
    // Direct and group messages are nobody else's.
    .filter((channel) => ['O', 'P'].includes(textOf(channel, 'type')))
    .map((channel): Place => {
      const id = idIn(api, channel, 'id', 'its channels');
      return { title: titleOf(channel), add: (to, session, owner) => addMember(to, session, `/api/v4/channels/${id}/members`, { user_id: owner.id }) };
    });
}

function titleOf(place: Readonly<Record<string, unknown>>): string {
  return foreign(nameOf(place['display_name']) || nameOf(place['name']));
}

async function addMember(api: Api, admin: Session, path: string, json: Readonly<Record<string, string>>): Promise<void> {
  const response = await api.send({ method: 'POST', path, headers: { authorization: admin.authorization }, json });
  if (response.status !== 201 && response.status !== 200) throw refused(api, response, {}, 'the adding of the bot there');
}
