/**
 * How a client, or an account for n8n, is made at Mautic, as the core sees it. A session is a visit
 * to Mautic's own pages; roles and accounts go by the API, with a key that lives for that moment.
 */
import type { Secrets } from '../../credential.ts';
import { CredsetupError, isCredsetupError, type ErrorCode } from '../../errors.ts';
import { get } from '../answer.ts';
import type { Api, Values } from '../api.ts';
import type { Step } from '../step.ts';
import type { Change, Listed, Made, Owner, Provisioning, Repair, Request, Session, Way } from '../provisioning.ts';
import { basic as basicHeader, mauticError, probeUser, selfPath } from './api.ts';
import { createUser, password, username } from './fields.ts';
import { createAccount, cutRole, deleteAccount, deleteRole, findAccounts, newPassword, notAdmin, proveAccount, withAdminKey, type MadeAccount } from './pages/accounts.ts';
import { checkMayCreateClients, createClient, deleteClient, findClients, type Client } from './pages/clients.ts';
import { mayConfigure, rehearse, saveConfiguration, tabsOf, type Configuration, type Switch, type Switches } from './pages/configuration.ts';
import { consent } from './pages/consent.ts';
import { signInToPages, signOutOfPages, type PersonSignIn } from './pages/sign-in.ts';
import { whose, type Visit } from './pages/visit.ts';
import { enableApi, enableBasicAuth } from './steps.ts';

const given: Way = { id: 'given', title: 'I do it in Mautic\'s pages', suits: 'you click, credsetup says where and waits for it', fields: [], makes: false };
const own: Way = { id: 'own', title: 'Make it for me (sign in once)', suits: 'you have a username and a password in Mautic; n8n then acts as you', fields: [], makes: true };
const account: Way = { id: 'account', title: 'Make an account for n8n as well (admin)', suits: 'n8n gets an account of its own that may do what its nodes do and nothing else; needs an admin', fields: [createUser], makes: true };

/** What a session holds beside what the core sees. */
interface Opened {
  readonly visit: Visit;
  readonly who: PersonSignIn;
  readonly protect: (secret: string) => void;
  /** Of the account that was made in this run: it signs in at the OAuth pages instead of who made it. */
  made?: PersonSignIn;
}

const opened = new WeakMap<Session, Opened>();

function openOf(session: Session): Opened {
  const open = opened.get(session);
  if (open === undefined) throw new Error('this session was not opened here');
  return open;
}

const shared: Omit<Provisioning, 'ways' | 'repairs' | 'make' | 'option'> = {
  signInFields: [username, password],
  inSteps: true, rotates: false, offered: false,
  words: { thing: 'client', id: 'number', whereIdsStand: 'Settings > API Credentials', endSignIn: 'it ends by itself when it was idle for as long as your PHP sets' },
  repairWord: 'repair',
  signInProblem: () => undefined,
  expiryOf: () => undefined,
  signIn,
  signOut: (_api, session) => signOutOfPages(openOf(session).visit),
  owner: (_api, session) => Promise.resolve<Owner>({ id: session.account.id, username: session.account.username, bot: false, created: false }),
  repairOf: () => undefined,
  consent: (api, session, _made, url, redirectUri) => {
    const { made, who } = openOf(session);
    return consent(api, url, redirectUri, made ?? who);
  },
  prove, partsOf, list, revoke,
  places: () => Promise.resolve([]),
};

/** OAuth2: a client, and where wanted an account that makes it. */
export const clientProvisioning: Provisioning = {
  ...shared, option: '--create-client', ways: [given, own, account],
  repairs: async (api, session, way, values) => {
    await checkRights(api, session, way, values);
    return missing(api, session, ['api']);
  },
  make: (api, session, _owner, request, protect) => makeClient(api, session, request, protect),
};

/** Basic auth: an account whose password is the credential. */
export const accountProvisioning: Provisioning = {
  ...shared, option: '--create-user', ways: [given, account],
  words: { ...shared.words, thing: 'account', whereIdsStand: 'Settings > Users' },
  repairs: async (api, session, way, values) => {
    await checkRights(api, session, way, values);
    return missing(api, session, ['api', 'basic']);
  },
  make: (api, session, _owner, request, protect) => makeAccount(api, session, request, protect),
};

async function signIn(api: Api, values: Values, protect: (secret: string) => void): Promise<Session> {
  const who = { username: values['username'] ?? '', password: values['password'] ?? '' };
  const visit = await signInToPages(api, who);
  const session: Session = {
    authorization: '', isLogin: true, at: undefined, admin: await mayConfigure(visit),
    account: { id: who.username, username: who.username },
  };
  opened.set(session, { visit, who, protect });
  return session;
}

// ---------------------------------------------------------------- making

/** The mark that the core put into the description. */
function markOf({ description }: Request): string {
  return /\[credsetup ([0-9a-f]{12})\]$/.exec(description)?.[1] ?? '';
}

async function makeClient(api: Api, session: Session, request: Request, protect: (secret: string) => void): Promise<Made> {
  const open = openOf(session);
  const wanted = { name: request.description, redirectUris: request.redirectUris ?? [] };
  if (request.way?.id !== account.id) return madeOf(await createClient(open.visit, wanted, protect), request, undefined);
  const name = nameOf(api, request);
  const mark = markOf(request);
  const mine = await accountFor(session, request, name, true, protect);
  const theirs = await signInToPages(api, mine.who);
  let client: Client;
  try {
    client = await createClient(theirs, wanted, protect);
  } finally {
    await signOutOfPages(theirs);
  }
  await withAdminKey(open.visit, mark, protect, (key) => cutRole(api, key, mine.made.roleId, name));
  return madeOf(client, request, mine.made);
}

function madeOf(client: Client, { description, redirectUris = [] }: Request, made: MadeAccount | undefined): Made {
  const redirectUri = redirectUris[0];
  return {
    id: idOf([`client-${client.number}`, ...partsOfAccount(made)]), description, secrets: { clientSecret: client.clientSecret },
    fields: { clientId: client.clientId, ...(redirectUri === undefined ? {} : { redirectUri }) },
  };
}

async function makeAccount(api: Api, session: Session, request: Request, protect: (secret: string) => void): Promise<Made> {
  const name = nameOf(api, request);
  const { who, made } = await accountFor(session, request, name, false, protect);
  return { id: idOf(partsOfAccount(made)), description: request.description, secrets: { password: who.password }, fields: { username: name } };
}

async function accountFor(
  session: Session, request: Request, name: string, makesClient: boolean, protect: (secret: string) => void,
): Promise<{ readonly who: PersonSignIn; readonly made: MadeAccount }> {
  const open = openOf(session);
  const who = { username: name, password: newPassword() };
  protect(who.password);
  const made = await withAdminKey(
    open.visit, markOf(request), protect, (key) => createAccount(open.visit.api, key, { ...who, mark: markOf(request), makesClient }),
  );
  open.made = who;
  return { who, made };
}

/** What the account lacks is told before anything is changed or noted. Throws PERMISSION_DENIED, INPUT_INVALID. */
async function checkRights(api: Api, session: Session, way: Way, values: Values): Promise<void> {
  if (way.id !== account.id) {
    await checkMayCreateClients(openOf(session).visit);
    return;
  }
  nameOf(api, { values });
  if (!session.admin) throw notAdmin(api);
}

/** What Mautic takes as a username and no pattern of ours trips over. Throws INPUT_INVALID. */
function nameOf(api: Api, { values }: Pick<Request, 'values'>): string {
  const name = values?.['createUser'] ?? '';
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$/.test(name)) return name;
  throw new CredsetupError('INPUT_INVALID', '--create-user takes letters, digits, dots, dashes and underscores, 50 at most.', { ...whose(api), field: createUser.key, hint: 'For example: --create-user n8n' });
}

async function prove(api: Api, session: Session, made: Made, secrets: Secrets): Promise<void> {
  if (openOf(session).made === undefined) return;
  const { clientId, username: name = '' } = made.fields ?? {};
  const [accessToken, clientSecret, word] = [secrets['accessToken'], secrets['clientSecret'], secrets['password']];
  const authorization = typeof accessToken === 'string' ? `Bearer ${accessToken}` : basicHeader(name, typeof word === 'string' ? word : '');
  await proveAccount(api, authorization, clientId === undefined || typeof clientSecret !== 'string' ? undefined : { clientId, clientSecret });
}

// ---------------------------------------------------------------- finding and ending

const order = ['user', 'client', 'role'];
const idOf = (parts: readonly string[]): string => parts.join('_');
const partsOfAccount = (made: MadeAccount | undefined): readonly string[] => made === undefined ? [] : [`user-${made.userId}`, `role-${made.roleId}`];

/** Account, client, role: a role in use cannot be deleted. */
function partsOf(id: string): readonly string[] {
  const kind = (part: string): number => order.indexOf(part.split('-', 1)[0] ?? '');
  return id.split('_').filter((part) => kind(part) >= 0).sort((one, other) => kind(one) - kind(other));
}

async function list(api: Api, session: Session, _ownerId: string, mark?: string): Promise<readonly Listed[] | undefined> {
  const { visit, protect } = openOf(session);
  try {
    const clients = (await findClients(visit, ({ name }) => name.includes('[credsetup '), protect)).map(({ number, name }) => ({ id: `client-${number}`, description: name }));
    if (mark === undefined || !session.admin) return clients;
    const accounts = await withAdminKey(visit, mark, protect, (key) => findAccounts(api, key));
    const all = [...clients, ...accounts.map(({ id, description }) => ({ id: id.replace(':', '-'), description }))];
    return all.sort((one, other) => order.indexOf(one.id.split('-', 1)[0] ?? '') - order.indexOf(other.id.split('-', 1)[0] ?? ''));
  } catch (error) {
    if (isCredsetupError(error) && error.code === 'PERMISSION_DENIED') return undefined;
    throw error;
  }
}

async function revoke(api: Api, session: Session, id: string, mark = '000000000000'): Promise<void> {
  const { visit, protect } = openOf(session);
  for (const part of partsOf(id)) {
    const [kind, number = ''] = part.split('-');
    if (!/^\d{1,18}$/.test(number)) throw new CredsetupError('INPUT_INVALID', `${part} names nothing at Mautic.`, { ...whose(api), hint: 'Its record may be damaged.' });
    if (kind === 'client') await deleteClient(visit, number);
    else await withAdminKey(visit, mark, protect, (key) => kind === 'user' ? deleteAccount(api, key, number) : deleteRole(api, key, number));
  }
}

// ---------------------------------------------------------------- the switches

const switches: Readonly<Record<Switch, { readonly step: Step; readonly label: string }>> = {
  api: { step: enableApi, label: 'API enabled?' }, basic: { step: enableBasicAuth, label: 'Enable HTTP basic auth?' },
};

async function isOn(api: Api, which: Switch): Promise<boolean> {
  if (which === 'api') return mauticError(await get(api, selfPath))?.type !== 'api_disabled';
  return (await get(api, selfPath, basicHeader(probeUser, probeUser))).status !== 403;
}

/** One repair for all that is off: a second Save right after the first would only write the same once more. */
async function missing(api: Api, session: Session, needed: readonly Switch[]): Promise<readonly Repair[]> {
  const off: Switch[] = [];
  // While the API is off the other switch cannot be asked for: it is looked at in the form.
  if (!await isOn(api, 'api')) off.push(...needed);
  else for (const which of needed) if (!await isOn(api, which)) off.push(which);
  return off.length === 0 ? [] : [repairOf(api, session, off)];
}

function repairOf(api: Api, session: Session, off: readonly Switch[]): Repair {
  const first = off[0] ?? 'api';
  const { step } = switches[first];
  const code: ErrorCode = first === 'api' ? 'API_DISABLED' : 'BASIC_AUTH_DISABLED';
  const asAdmin = session.admin ? 'Let credsetup do it with --repair.' : 'An admin does it; or signs in and lets credsetup do it with --repair.';
  return {
    id: off.join('+'), step: { ...step, title: off.map((which) => switches[which].step.title).join(', ') },
    error: new CredsetupError(code, step.error?.message ?? step.title, { ...whose(api), hint: `${step.instructions.join(': ')} ${step.page(api.base)} ${asAdmin}` }),
    isGone: async (to) => {
      for (const which of off) if (!await isOn(to, which)) return false;
      return true;
    },
    change: (to, admin) => changeOf(to, admin, off),
  };
}

/** The rehearsal comes with the description: what would not pass is told while everything is as it was. */
async function changeOf(api: Api, admin: Session, off: readonly Switch[]): Promise<Change> {
  const { visit } = openOf(admin);
  const wanted: Switches = Object.fromEntries(off.map((which) => [which, true]));
  const rehearsed = await rehearse(visit, wanted);
  const before: Switches = Object.fromEntries(off.map((which) => [which, rehearsed.switches[which]]));
  const names = off.map((which) => `"${switches[which].label}"`).join(' and ');
  return {
    id: `configuration ${off.join('+')}`,
    lines: off.map((which) => `"${switches[which].label}": ${rehearsed.switches[which] ? 'Yes' : 'No'} -> Yes, for the whole Mautic`),
    details: whatElse(rehearsed),
    undoBy: `Settings > Configuration > API Settings: set ${names} to No again, Save. ${enableApi.page(api.base)}`,
    ...(rehearsed.mailboxes.length === 0 ? {} : { byPersonOnly: mailboxWarning(api, rehearsed) }),
    apply: () => saveConfiguration(visit, rehearsed, wanted),
    undo: async () => saveConfiguration(visit, await rehearse(visit, before), before),
  };
}

function whatElse(configuration: Configuration): readonly string[] {
  return [
    'The whole form is sent, as a browser\'s Save sends it. The first Save ever made also writes each setting below with the value that it shows now; a later one leaves them as they are:',
    ...tabsOf(configuration).map((tab) => `  ${tab}`),
    ...configuration.mailboxes.map((host) => `Careful: a monitored mailbox is set up (${host}). Where its password holds two %, any Save, a browser's too, ends in a Mautic that does not start until config/local.php is repaired on the server. Have a copy of that file.`),
  ];
}

function mailboxWarning(api: Api, { mailboxes }: Configuration): CredsetupError {
  const message = `A monitored mailbox is set up (${mailboxes[0] ?? ''}): where its password holds two %, any Save ends in a Mautic that does not start. Nothing was changed.`;
  return new CredsetupError('API_DISABLED', message, {
    ...whose(api), causes: [{ code: 'MONITORED_MAILBOX', message, check: `${api.base}/s/config/edit?tab=emailconfig`, fix: 'Look whether that password holds two %, then turn the switch on in the page, or run this on a terminal and type the word.' }],
    hint: 'A script does not do this, --yes or not. Turn the switch on in Mautic\'s page, or run credsetup on a terminal and type the word there.',
  });
}
