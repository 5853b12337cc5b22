/**
 * What keeps tokens from being made, and what an admin's session would change: one switch by
 * PUT /config/patch, one role by PUT /users/{id}/roles. config/patch answers 200 and drops what
 * the admin may not write, and roles are replaced as a whole: both are read back.
 */
import { CredsetupError } from '../../errors.ts';
import { get, textOf } from '../answer.ts';
import type { Change, Repair, Session } from '../provisioning.ts';
import type { Api } from '../api.ts';
import type { Step } from '../step.ts';
import { objectOf, refused, type Refusals } from './answers.ts';
import { about } from './api.ts';
import { enableBots, enableTokens, grantTokens } from './steps.ts';

type Switch = 'EnableUserAccessTokens' | 'EnableBotAccountCreation';

interface SwitchFacts {
  readonly id: string;
  readonly name: Switch;
  readonly code: 'TOKENS_DISABLED' | 'BOTS_DISABLED';
  readonly message: string;
  readonly step: Step;
}

const switches: Readonly<Record<'tokens' | 'bots', SwitchFacts>> = {
  tokens: { id: 'tokens', name: 'EnableUserAccessTokens', code: 'TOKENS_DISABLED', message: 'Personal access tokens are off on this Mattermost.', step: enableTokens },
  bots: { id: 'bots', name: 'EnableBotAccountCreation', code: 'BOTS_DISABLED', message: 'Making bot accounts is off on this Mattermost.', step: enableBots },
};

const adminOnly: Refusals = {
  'api.context.permissions.app_error': {
    code: 'PERMISSION_DENIED', message: 'The account that is signed in may not change this: it is no system admin.',
    hint: 'Send the admin what the step says, or sign in as an admin (--admin-token-file FILE in a script).',
  },
};

/** The role that lets an account make tokens of its own. */
const tokenRole = 'system_user_access_token';
const mayMake: readonly string[] = [tokenRole, 'system_admin'];

/** Whether the roles are known to allow it. A server's own permission scheme may allow more. */
export function mayMakeTokens(roles: string): boolean {
  return roles.split(' ').some((role) => mayMake.includes(role));
}

/** What an account with a session sees of the switches: `EnableUserAccessTokens` only then. */
export async function isOn(api: Api, session: Session, name: Switch): Promise<boolean | undefined> {
  const response = await get(api, '/api/v4/config/client?format=old', session.authorization);
  if (response.status !== 200) throw refused(api, response, {}, 'its client configuration');
  const value = objectOf(api, response, 'its client configuration')[name];
  return value === 'true' ? true : value === 'false' ? false : undefined;
}

/** A switch that is off, as a repair. */
export function switchedOff(api: Api, which: keyof typeof switches): Repair {
  const { id, name, code, message, step } = switches[which];
  return {
    id, step,
    error: new CredsetupError(code, message, { service: about.id, url: api.base, hint: `${step.instructions.join(': ')} ${step.page(api.base)} As an admin, let credsetup do it with --repair.` }),
    isGone: async (to, session) => await isOn(to, session, name) === true,
    change: () => Promise.resolve(switchChange(name, step.page(api.base), step)),
  };
}

function switchChange(name: Switch, page: string, step: Step): Change {
  return {
    id: name,
    lines: [`ServiceSettings.${name}: false -> true, for the whole server (${step.title})`],
    undoBy: `${step.instructions[0] ?? ''}: set it to false again. ${page}`,
    apply: (api, admin) => setSwitch(api, admin, name, true),
    undo: (api, admin) => setSwitch(api, admin, name, false),
  };
}

async function setSwitch(api: Api, admin: Session, name: Switch, value: boolean): Promise<void> {
  const response = await api.send({ method: 'PUT', path: '/api/v4/config/patch', headers: { authorization: admin.authorization }, json: { ServiceSettings: { [name]: value } } });
  if (response.status !== 200) throw refused(api, response, adminOnly, 'a change of its settings');
  if (await isOn(api, admin, name) === value) return;
  throw new CredsetupError('PERMISSION_DENIED', `Mattermost took the change of ${name} without a word and left the setting as it was.`, {
    service: about.id, url: api.base,
    hint: 'This admin may not write that setting, or it is set in the server\'s environment or configuration file (MM_SERVICESETTINGS_...). Ask who runs the server to change it there.',
  });
}

/** The right that the signed-in account lacks, as a repair. */
export function rightMissing(api: Api, session: Session): Repair {
  const { id, username } = session.account;
  return {
    id: 'right', step: grantTokens,
    error: new CredsetupError('PERMISSION_DENIED', `${username} may not make personal access tokens on this Mattermost.`, {
      service: about.id, url: api.base,
      hint: `${grantTokens.instructions.join(': ')} ${grantTokens.page(api.base)} With an admin's token, let credsetup do it: --repair --admin-token-file FILE.`,
    }),
    isGone: async (to, mine) => mayMakeTokens(await rolesOf(to, mine, id)),
    change: async (to, admin) => roleChange(id, username, await rolesOf(to, admin, id), grantTokens.page(to.base)),
  };
}

function roleChange(id: string, username: string, shown: string, page: string): Change {
  const wanted = `${shown} ${tokenRole}`.trim();
  return {
    id: `roles of ${username}`,
    lines: [`roles of ${username}: "${shown}" -> "${wanted}" (may make personal access tokens)`],
    undoBy: `System Console > User Management > Users > ${username} > Manage roles: take "Allow this account to generate personal access tokens" away. ${page}`,
    apply: (api, admin) => setRoles(api, admin, id, { from: shown, to: wanted, username, mayBeDone: false }),
    undo: (api, admin) => setRoles(api, admin, id, { from: wanted, to: shown, username, mayBeDone: true }),
  };
}

interface RoleChange {
  readonly from: string;
  readonly to: string;
  readonly username: string;
  readonly mayBeDone: boolean;
}

/** PUT roles replaces the whole list: what somebody else changed since it was shown would be lost. */
async function setRoles(api: Api, admin: Session, id: string, { from, to, username, mayBeDone }: RoleChange): Promise<void> {
  const now = await rolesOf(api, admin, id);
  // Undone: the change never arrived, or somebody has taken it back.
  if (mayBeDone && sameRoles(now, to)) return;
  if (!sameRoles(now, from)) {
    throw new CredsetupError('PERMISSION_DENIED', `The roles of ${username} are "${now}" and not "${from}" any more: somebody changed them meanwhile. Nothing was changed.`, {
      service: about.id, url: api.base, hint: 'Run it again to see what would be changed now.',
    });
  }
  const response = await api.send({ method: 'PUT', path: `/api/v4/users/${id}/roles`, headers: { authorization: admin.authorization }, json: { roles: to } });
  if (response.status !== 200) throw refused(api, response, adminOnly, 'a change of roles');
  const after = await rolesOf(api, admin, id);
  if (sameRoles(after, to)) return;
  throw new CredsetupError('PERMISSION_DENIED', `Mattermost answered that the roles of ${username} were changed, and they are "${after}".`, {
    service: about.id, url: api.base, hint: `Look at them: ${grantTokens.page(api.base)}`,
  });
}

async function rolesOf(api: Api, session: Session, id: string): Promise<string> {
  const response = await get(api, `/api/v4/users/${id}`, session.authorization);
  if (response.status !== 200) throw refused(api, response, {}, 'the roles of the account');
  return textOf(objectOf(api, response, 'the account'), 'roles');
}

function sameRoles(one: string, other: string): boolean {
  const sorted = (roles: string): string => roles.split(' ').filter((role) => role !== '').sort().join(' ');
  return sorted(one) === sorted(other);
}
