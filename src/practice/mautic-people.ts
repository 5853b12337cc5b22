/** A practice Mautic's API of roles and accounts, for admins. */
import { bodyMembers, type PracticeRequest, type Reply } from './server.ts';
import { authorized, failure, notPermitted } from './mautic-answers.ts';
import type { Route } from './routes.ts';
import { deleteUser, isSeven, isWeak, listedRole, listedUser, nextId, userView, type MauticRole, type MauticState, type MauticUser } from './mautic-state.ts';

/** Who asks. */
export interface Asker {
  readonly state: MauticState;
  readonly role: MauticRole;
  readonly self: Record<string, unknown>;
}

const somethingBroke = (status: number): Reply => failure(status, null, `Looks like I encountered an error (error #${status}). If I do it again, please report me to the system administrator!`);

const allowed = (answer: Route<Asker>['answer']): Route<Asker>['answer'] => (asker, request, parts) => asker.role.isAdmin ? answer(asker, request, parts) : notPermitted(asker.state);

export const peopleRoutes: readonly Route<Asker>[] = [
  { method: 'GET', path: '/api/roles', answer: allowed(({ state }, request) => listed(state, request, 'roles', [...state.roles].sort((one, other) => one.name < other.name ? -1 : 1).map((role) => listedRole(state, role)))) },
  { method: 'POST', path: '/api/roles/new', answer: allowed(newRole) },
  { method: 'GET', path: '/api/roles/:id', answer: allowed(({ state }, _request, { id }) => withRole(state, id, (role) => authorized(state, { role: listedRole(state, role) }))) },
  { method: 'PATCH', path: '/api/roles/:id/edit', answer: allowed(({ state }, request, { id }) => withRole(state, id, (role) => editRole(state, role, request))) },
  { method: 'DELETE', path: '/api/roles/:id/delete', answer: allowed(({ state }, _request, { id }) => withRole(state, id, (role) => deleteRole(state, role))) },
  { method: 'GET', path: '/api/users', answer: allowed(({ state }, request) => listed(state, request, 'users', state.users.map((user) => listedUser(state, user)))) },
  { method: 'POST', path: '/api/users/new', answer: allowed(newUser) },
  { method: 'GET', path: '/api/users/:id', answer: allowed(({ state }, _request, { id }) => withUser(state, id, (user) => authorized(state, { user: userView(state, user) }))) },
  // A password in it is ignored.
  { method: 'PATCH', path: '/api/users/:id/edit', answer: allowed(({ state }, _request, { id }) => withUser(state, id, (user) => authorized(state, { user: userView(state, user) }))) },
  { method: 'DELETE', path: '/api/users/:id/delete', answer: allowed(({ state }, _request, { id }) => withUser(state, id, (user) => {
    deleteUser(state, user);
    state.audit.push({ user: 'api', what: 'user delete' });
    return authorized(state, { user: { ...userView(state, user), id: null } });
  })) },
];

const notFound = (state: MauticState): Reply => ({ ...authorized(state, { errors: [{ code: 404, message: 'Item was not found.', details: [] }] }), status: 404 });

function withRole(state: MauticState, id: string | undefined, answer: (role: MauticRole) => Reply): Reply {
  const role = state.roles.find((one) => String(one.id) === id);
  return role === undefined ? notFound(state) : answer(role);
}

function withUser(state: MauticState, id: string | undefined, answer: (user: MauticUser) => Reply): Reply {
  const user = state.users.find((one) => String(one.id) === id);
  return user === undefined ? notFound(state) : answer(user);
}

function listed(state: MauticState, { query }: PracticeRequest, name: string, all: readonly unknown[]): Reply {
  const [start, limit] = [Number(query.get('start') ?? 0), Number(query.get('limit') ?? 30)];
  return authorized(state, { total: all.length, [name]: all.slice(start, start + limit) });
}

type Faults = Readonly<Record<string, readonly string[]>>;

/** `{"errors": [{code, message, details}]}`: the message names each field, `details` has them by field. */
function refused(state: MauticState, details: Faults): Reply {
  const message = Object.entries(details).map(([name, texts]) => `${name}: ${texts.join(', ')}`).join(', ');
  return { ...authorized(state, { errors: [{ code: 400, message, details }] }), status: 400 };
}

/** What can be given to a role, as far as n8n needs any of it; anything else is the server's fault. */
const permissions: Readonly<Record<string, readonly string[]>> = {
  'api:access': ['full'], 'api:clients': ['view', 'edit', 'create', 'delete', 'full'],
  'lead:leads': ['viewown', 'viewother', 'editown', 'editother', 'create', 'deleteown', 'deleteother', 'full'],
  'lead:lists': ['viewown', 'viewother', 'editown', 'editother', 'create', 'deleteown', 'deleteother', 'full'], 'lead:fields': ['view', 'full'],
  'campaign:campaigns': ['viewown', 'viewother', 'full'], 'email:emails': ['viewown', 'viewother', 'full'], 'stage:stages': ['view', 'full'],
  'webhook:webhooks': ['viewown', 'viewother', 'create', 'deleteown', 'full'], 'point:points': ['view', 'full'],
};

function permissionsOf(request: PracticeRequest): MauticRole['rawPermissions'] | 'unknown' {
  const raw = bodyMembers(request)['rawPermissions'];
  const given = Object.entries(typeof raw === 'object' && raw !== null ? raw as Record<string, readonly string[]> : {});
  return given.every(([name, levels]) => levels.every((level) => permissions[name]?.includes(level) === true)) ? Object.fromEntries(given) : 'unknown';
}

function newRole({ state }: Asker, request: PracticeRequest): Reply {
  const { name, description, isAdmin } = bodyMembers(request);
  const rawPermissions = permissionsOf(request);
  if (rawPermissions === 'unknown') return somethingBroke(500);
  if (typeof name !== 'string' || name === '') return refused(state, { name: ['A name is required.'] });
  const role: MauticRole = { id: nextId(state), name, description: typeof description === 'string' ? description : '', isAdmin: isAdmin === true, rawPermissions, dateAdded: state.now() };
  state.roles.push(role);
  state.audit.push({ user: 'api', what: 'role create' });
  return { ...created(state, `/api/roles/${role.id}`, { role: listedRole(state, role) }) };
}

const created = (state: MauticState, location: string, body: unknown): Reply => {
  const { headers, ...rest } = authorized(state, body);
  return { ...rest, status: 201, headers: { ...headers, location } };
};

/** Without rawPermissions every permission goes, and the answer still lists them. */
function editRole(state: MauticState, role: MauticRole, request: PracticeRequest): Reply {
  const { name, description, rawPermissions } = bodyMembers(request);
  const wanted = permissionsOf(request);
  if (wanted === 'unknown') return somethingBroke(500);
  if (typeof name === 'string') role.name = name;
  if (typeof description === 'string') role.description = description;
  const shown = listedRole(state, { ...role, rawPermissions: rawPermissions === undefined ? role.rawPermissions : wanted });
  role.rawPermissions = wanted;
  state.audit.push({ user: 'api', what: 'role update' });
  return authorized(state, { role: shown });
}

/** In use: 428; a client that was made under it: 500. */
function deleteRole(state: MauticState, role: MauticRole): Reply {
  if (state.users.some((user) => user.role === role)) return somethingBroke(428);
  if (state.clients.some((client) => client.role === role)) return somethingBroke(500);
  state.roles.splice(state.roles.indexOf(role), 1);
  state.audit.push({ user: 'api', what: 'role delete' });
  return authorized(state, { role: { ...listedRole(state, role), id: null } });
}

function newUser({ state }: Asker, request: PracticeRequest): Reply {
  const members = bodyMembers(request);
  const field = (key: string): string => typeof members[key] === 'string' ? members[key] : '';
  const plain = members['plainPassword'] as { readonly password?: string; readonly confirm?: string } | undefined;
  const role = state.roles.find((one) => one.id === members['role']);
  // 5 trips over its own message.
  if (!isSeven(state) && (plain?.password ?? '') !== (plain?.confirm ?? 'missing')) return somethingBroke(500);
  const faults = faultsOf(state, field, plain, role);
  if (role === undefined || Object.keys(faults).length > 0) return refused(state, faults);
  const user: MauticUser = {
    id: nextId(state), username: field('username'), email: field('email'), password: plain?.password ?? '', firstName: field('firstName'), lastName: field('lastName'),
    role, published: members['isPublished'] === true, dateAdded: state.now(), lastLogin: undefined,
  };
  state.users.push(user);
  state.audit.push({ user: 'api', what: 'user create' });
  return created(state, `/api/users/${user.id}`, { user: userView(state, user) });
}

function faultsOf(state: MauticState, field: (key: string) => string, plain: {
  readonly password?: string; readonly confirm?: string
} | undefined, role: MauticRole | undefined): Faults {
  const weak = 'Please enter a stronger password. Your password must use a combination of upper and lower case, special characters and numbers.';
  const password = plain?.password === undefined ? 'Password cannot be blank.' : plain.password !== plain.confirm ? 'Passwords do not match.' : isWeak(plain.password) ? weak : undefined;
  const taken = (key: 'email' | 'username'): boolean => state.users.some((one) => one[key] === field(key));
  return {
    ...(field('username') === '' ? { username: ['A username is required.'] } : taken('username') ? { username: ['Username is already in use. Please choose another.'] } : {}),
    ...(field('firstName') === '' ? { firstName: ['First name is required.'] } : {}),
    ...(field('lastName') === '' ? { lastName: ['Last name is required.'] } : {}),
    ...(/^\S+@\S+\.\S+$/.test(field('email')) ? taken('email') ? { email: ['Email is already in use. Please choose another.'] } : {} : { email: ['The email entered is invalid.'] }),
    ...(role === undefined ? { role: [isSeven(state) ? 'The selected choice is invalid.' : 'This value is not valid.'] } : {}),
    ...(password === undefined ? {} : { password: [password] }),
  };
}
