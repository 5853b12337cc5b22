/**
 * How a client, or an account for n8n, is made at Mautic, as the core sees it. A session is a visit
 * to Mautic's own pages; roles and accounts go by the API, with a key that lives for that moment.
 */
import type { Secrets } from '../../credential.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import type { Api, Values } from '../api.ts';
import type { Listed, Made, Owner, Provisioning, Repair, Request, Session, Way } from '../provisioning.ts';
import { basic as basicHeader, idPattern } from './api.ts';
import { createUser, password, username } from './fields.ts';
import { createAccount, cutRole, deleteAccount, deleteRole, findAccounts, letMakeClients, newPassword, proveAccount, roleName, withAdminKey, type MadeAccount } from './pages/accounts.ts';
import { addRedirectUris, createClient, deleteClient, editPath, findClients, readClient, type Client } from './pages/clients.ts';
import type { Switch } from './pages/configuration.ts';
import { consent } from './pages/consent.ts';
import { thenEnd } from './pages/ending.ts';
import { setPassword } from './pages/password.ts';
import { signInToPages, signOutOfPages, type PersonSignIn } from './pages/sign-in.ts';
import { whose } from './pages/visit.ts';
import { repairs } from './repairs.ts';
import { openOf, signIn, signOut } from './session.ts';

const given: Way = { id: 'given', title: 'I do it in Mautic\'s pages', suits: 'you click, credsetup says where and waits for it', fields: [], makes: false };
const own: Way = { id: 'own', title: 'Make it for me (sign in once)', suits: 'you have a username and a password in Mautic; n8n then acts as you', fields: [], makes: true };
const account: Way = { id: 'account', title: 'Make an account for n8n as well (admin)', suits: 'n8n gets an account of its own that may do what its nodes do and nothing else; needs an admin', fields: [createUser], makes: true };

const shared: Omit<Provisioning, 'ways' | 'repairs' | 'make' | 'option'> = {
  // Their usual help is that of the method Basic auth, which keeps both.
  signInFields: [
    { ...username, help: 'Of the account that signs in now, as on Mautic\'s own page; its email address will do.' },
    { ...password, help: 'Used for this sign-in alone, and kept nowhere.' },
  ],
  inSteps: true,
  words: { thing: 'client', id: 'number', whereIdsStand: 'Settings > API Credentials', endSignIn: 'it ends by itself when it was idle for as long as your PHP sets', furtherRedirectUri: 'behind what stands in Redirect URI, after a comma' },
  repairWord: 'repair',
  signInProblem: () => undefined,
  expiryOf: () => undefined,
  signIn,
  signOut: (_api, session) => signOut(session),
  owner: (_api, session) => Promise.resolve<Owner>({ id: session.account.id, username: session.account.username, bot: false, created: false }),
  repairOf: () => undefined,
  consent: (api, session, _made, url, redirectUri) => {
    const { made, who } = openOf(session);
    return consent(api, url, redirectUri, made ?? who);
  },
  prove, partsOf, list, revoke, restore,
  idOf: ({ clientId }) => {
    const number = /^(\d{1,18})_/.exec(clientId ?? '')?.[1];
    return number === undefined ? undefined : `client-${number}`;
  },
  registered: async (_api, session, id) => {
    const { visit, protect } = openOf(session);
    const number = numberOf(id);
    return number === undefined ? undefined : readClient(visit, number, protect);
  },
  clientPage: (base, id) => `${base}${editPath(numberOf(id) ?? '')}`,
  addRedirectUris: (_api, session, id, uris) => {
    const { visit, protect } = openOf(session);
    return addRedirectUris(visit, numberOf(id) ?? '0', uris, protect);
  },
  places: () => Promise.resolve([]),
};

/** OAuth2: a client, and where wanted an account that makes it. */
export const clientProvisioning: Provisioning = {
  ...shared, option: '--create-client', ways: [own, account, given],
  repairs: (api, session, way, values) => missing(api, session, way, values, ['api']),
  make: (api, session, _owner, request, protect) => makeClient(api, session, request, protect),
};

/** Basic auth: an account whose password is the credential. */
export const accountProvisioning: Provisioning = {
  ...shared, option: '--create-user', ways: [account, given], replacesAtOnce: true,
  words: { ...shared.words, thing: 'account', secret: 'password', whereIdsStand: 'Settings > Users' },
  repairs: (api, session, way, values) => missing(api, session, way, values, ['api', 'basic']),
  make: (api, session, _owner, request, protect) => makeAccount(api, session, request, protect),
};

// ---------------------------------------------------------------- making

/** The mark that the core put into the description. */
function markOf({ description }: Request): string {
  return /\[credsetup ([0-9a-f]{12})\]$/.exec(description)?.[1] ?? '';
}

async function makeClient(api: Api, session: Session, request: Request, protect: (secret: string) => void): Promise<Made> {
  const open = openOf(session);
  const wanted = { name: request.description, redirectUris: request.redirectUris ?? [] };
  const old = existingAccount(request);
  if (old !== undefined) return successorOf(old, session, request, protect);
  if (request.way?.id !== account.id) return madeOf(await createClient(open.visit, wanted, protect), request, undefined);
  const name = nameOf(api, request);
  const mark = markOf(request);
  const mine = await accountFor(session, request, name, true, protect);
  const theirs = await signInToPages(api, mine.who);
  const client = await thenEnd(() => createClient(theirs, wanted, protect), () => signOutOfPages(theirs));
  await withAdminKey(open.visit, mark, protect, (key) => cutRole(api, key, mine.made.roleId, name));
  return madeOf(client, request, mine.made, [toldAccount(name)]);
}

/** The account that made the client before, with its role: another password, the right for a moment, and the client by that account. */
async function successorOf(old: ExistingAccount, session: Session, request: Request, protect: (secret: string) => void): Promise<Made> {
  const open = openOf(session);
  const wanted = { name: request.description, redirectUris: request.redirectUris ?? [] };
  const mayMake = (may: boolean): Promise<void> => withAdminKey(
    open.visit, markOf(request), protect, (key) => letMakeClients(open.visit.api, key, old.roleId, may),
  );
  const who = await anotherPassword(old, session, protect);
  const client = await thenEnd(async () => {
    await mayMake(true);
    const theirs = await signInToPages(open.visit.api, who);
    return thenEnd(() => createClient(theirs, wanted, protect), () => signOutOfPages(theirs));
  }, () => mayMake(false));
  return madeOf(client, request, old);
}

interface ExistingAccount extends MadeAccount {
  /** Where it is known. */
  readonly username: string | undefined;
}

/** Of what is replaced, where credsetup made an account for it. */
function existingAccount({ inPlaceOf }: Request): ExistingAccount | undefined {
  if (inPlaceOf === undefined) return undefined;
  const number = (kind: string): string | undefined => partsOf(inPlaceOf.id).find((part) => part.startsWith(`${kind}-`))?.slice(kind.length + 1);
  const [userId, roleId] = [number('user'), number('role')];
  return userId === undefined || roleId === undefined ? undefined : { userId, roleId, username: inPlaceOf.username };
}

async function anotherPassword({ userId, username: name }: ExistingAccount, session: Session, protect: (secret: string) => void): Promise<PersonSignIn> {
  const open = openOf(session);
  const word = newPassword();
  protect(word);
  const who = { username: await setPassword(open.visit, userId, name, word), password: word };
  open.made = who;
  return who;
}

const toldAccount = (name: string): string => `the account ${name}, with the role "${roleName(name)}"`;

function madeOf(client: Client, { description, redirectUris = [] }: Request, made: MadeAccount | undefined, told: readonly string[] = []): Made {
  const redirectUri = redirectUris[0];
  return {
    told: [...told, `the client ${client.clientId}, named "${description}"`],
    id: idOf([`client-${client.number}`, ...partsOfAccount(made)]), description, secrets: { clientSecret: client.clientSecret }, redirectUris,
    fields: { clientId: client.clientId, ...(redirectUri === undefined ? {} : { redirectUri }) },
  };
}

async function makeAccount(api: Api, session: Session, request: Request, protect: (secret: string) => void): Promise<Made> {
  const old = existingAccount(request);
  if (old !== undefined) {
    const mine = await anotherPassword(old, session, protect);
    return { id: request.inPlaceOf?.id ?? '', description: request.description, secrets: { password: mine.password }, fields: { username: mine.username } };
  }
  const name = nameOf(api, request);
  const { who, made } = await accountFor(session, request, name, false, protect);
  return {
    id: idOf(partsOfAccount(made)), description: request.description, told: [toldAccount(name)],
    secrets: { password: who.password }, fields: { username: name },
  };
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

/** Throws INPUT_INVALID. */
async function missing(api: Api, session: Session, way: Way, values: Values, needed: readonly Switch[]): Promise<readonly Repair[]> {
  const makesAccount = way.id === account.id;
  if (makesAccount) nameOf(api, { values });
  return repairs(api, session, makesAccount, needed);
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

/** The client's, of an id that names one. */
function numberOf(id: string): string | undefined {
  return partsOf(id).find((part) => part.startsWith('client-'))?.slice('client-'.length);
}

async function restore(api: Api, session: Session, id: string, mark: string): Promise<void> {
  const { visit, protect } = openOf(session);
  for (const role of partsOf(id).filter((part) => part.startsWith('role-'))) {
    await withAdminKey(visit, mark, protect, (key) => letMakeClients(api, key, role.slice('role-'.length), false));
  }
}

async function list(api: Api, session: Session, _ownerId: string, mark?: string): Promise<readonly Listed[] | undefined> {
  const { visit, protect } = openOf(session);
  try {
    const clients = (await findClients(visit, '[credsetup ', protect)).map(({ number, name }) => ({ id: `client-${number}`, description: name }));
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
    if (!idPattern.test(number)) throw new CredsetupError('INPUT_INVALID', `${part} names nothing at Mautic.`, { ...whose(api), hint: 'Its record may be damaged.' });
    if (kind === 'client') await deleteClient(visit, number);
    else await withAdminKey(visit, mark, protect, (key) => kind === 'user' ? deleteAccount(api, key, number) : deleteRole(api, key, number));
  }
}
