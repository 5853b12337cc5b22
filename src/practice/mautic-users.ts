/** A practice Mautic's form of an account. Accounts and roles are made by the API; a password is changed here alone. */
import { bodyPairs, html, type PracticeRequest, type Reply } from './server.ts';
import { broken, flashes, folder, forbidden, formToken, helpBlock, mustRevalidate, redirect } from './mautic-pages.ts';
import type { Visitor } from './mautic-configuration.ts';
import { recordedPage } from './mautic-recorded.ts';
import type { Route } from './routes.ts';
import { deleteUser, isSeven, isWeak, nextId, type MauticUser } from './mautic-state.ts';

export const userRoutes: readonly Route<Visitor>[] = [
  { method: 'GET', path: '/s/users/new', answer: (visitor) => forAdmins(visitor, () => show(visitor, undefined, {})) },
  { method: 'POST', path: '/s/users/new', answer: (visitor, request) => forAdmins(visitor, () => save(visitor, request, undefined)) },
  { method: 'GET', path: '/s/users/edit/:id', answer: (visitor, _request, { id }) => forAdmins(visitor, () => edit(visitor, id, (user) => show(visitor, user, {}))) },
  { method: 'POST', path: '/s/users/edit/:id', answer: (visitor, request, { id }) => forAdmins(visitor, () => edit(visitor, id, (user) => save(visitor, request, user))) },
  { method: 'POST', path: '/s/users/delete/:id', answer: (visitor, _request, { id }) => forAdmins(visitor, () => edit(visitor, id, (user) => {
    deleteUser(visitor.state, user);
    return redirect(visitor.state, `${folder(visitor.state)}/s/users/1`);
  })) },
];

function forAdmins({ user }: Visitor, answer: () => Reply): Reply {
  return user.role.isAdmin ? answer() : forbidden;
}

/** Another admin has it open: a redirect and an error flash, as if it was not there. */
function edit(visitor: Visitor, id: string | undefined, answer: (user: MauticUser) => Reply): Reply {
  const user = visitor.state.users.find((one) => String(one.id) === id);
  if (user !== undefined && (user.checkedOutBy === undefined || user.checkedOutBy === visitor.user.id)) return answer(user);
  visitor.session.flashes.push({ text: user === undefined ? 'User not found.' : 'It is checked out by another user.', error: true });
  return redirect(visitor.state, `${folder(visitor.state)}/s/users/1`);
}

function show({ state, session }: Visitor, user: MauticUser | undefined, faults: Readonly<Record<string, string>>): Reply {
  const $ = recordedPage(state, user === undefined ? 'user-page' : 'user-page-made');
  const form = $('form[name=user]');
  const id = String(user?.id ?? '');
  form.attr('action', `${folder(state)}/s/users/${user === undefined ? 'new' : `edit/${id}`}`);
  $('#flashes').remove();
  form.before(flashes(session));
  if (user !== undefined) {
    const values: Readonly<Record<string, string>> = {
      firstName: user.firstName, lastName: user.lastName, username: user.username, email: user.email, unlockId: id,
    };
    for (const [key, value] of Object.entries(values)) $(`[name="user[${key}]"]`).attr('value', value);
  }
  const select = $('[name="user[role]"]').empty();
  for (const role of state.roles) select.append($('<option>').attr('value', String(role.id)).attr(role === user?.role ? { selected: 'selected' } : {}).text(role.name));
  $('[name="user[_token]"]').attr('value', formToken(session));
  for (const [key, text] of Object.entries(faults)) {
    const field = $(`[name="user${key}"]`).first();
    if (key === '') form.prepend(`<div class="has-error">${helpBlock(state, text)}</div>`);
    else field.replaceWith(`<div class="has-error">${$.html(field)}${helpBlock(state, text)}</div>`);
  }
  return html(200, $.html(), mustRevalidate);
}

/** `apply` leaves the account checked out by who sent it; `save` does not. */
function save(visitor: Visitor, request: PracticeRequest, there: MauticUser | undefined): Reply {
  const { state, session, user } = visitor;
  const pairs = bodyPairs(request);
  const field = (key: string): string => pairs.find(([name]) => name === `user${key}`)?.[1] ?? '';
  const [password, confirm, email, username] = [field('[plainPassword][password]'), field('[plainPassword][confirm]'), field('[email]'), field('[username]')];
  // Measured of a new account: 5 trips over its own message.
  if (password !== confirm && !isSeven(state)) return broken;
  const taken = (key: 'email' | 'username', value: string): boolean => state.users.some((one) => one !== there && one[key] === value);
  const role = state.roles.find((one) => String(one.id) === field('[role]'));
  const missing = ['[firstName]', '[lastName]', '[username]', '[email]'].filter((key) => field(key) === '');
  const faults: Readonly<Record<string, string>> = {
    ...Object.fromEntries(missing.map((key) => [key, 'A value is required.'])),
    ...(session.formTokens.includes(field('[_token]')) ? {} : { '': 'The CSRF token is invalid. Please try to resubmit the form.' }),
    ...(password !== confirm ? { '[plainPassword][password]': 'Passwords do not match.' } : {}),
    ...(isWeak(password) ? { '[plainPassword][password]': 'Please enter a stronger password. Your password must use a combination of upper and lower case, special characters and numbers.' } : {}),
    ...(there === undefined && password === '' ? { '[plainPassword][password]': 'Password cannot be blank.' } : {}),
    ...(taken('email', email) ? { '[email]': 'Email is already in use. Please choose another.' } : {}),
    ...(taken('username', username) ? { '[username]': 'Username is already in use. Please choose another.' } : {}),
    ...(role === undefined ? { '[role]': 'The selected choice is invalid.' } : {}),
  };
  if (role === undefined || Object.keys(faults).length > 0) return show(visitor, there, faults);
  const account: MauticUser = there ?? { id: nextId(state), username, email, password, firstName: '', lastName: '', role, published: true, dateAdded: state.now(), lastLogin: undefined };
  Object.assign(account, { username, email, role, firstName: field('[firstName]'), lastName: field('[lastName]'), published: field('[isPublished]') === '1', ...(password === '' ? {} : { password }) });
  if (there === undefined) state.users.push(account);
  state.audit.push({ user: user.username, what: `user ${there === undefined ? 'create' : 'update'}` });
  const stays = pairs.some(([name]) => name === 'user[buttons][apply]');
  delete account.checkedOutBy;
  if (stays) account.checkedOutBy = user.id;
  session.flashes.push({ text: `<a href="${folder(state)}/s/users/edit/${account.id}"><strong>account</strong></a> has been ${there === undefined ? 'created' : 'updated'}!`, error: false });
  return stays ? show(visitor, account, {}) : redirect(state, `${folder(state)}/s/users`);
}
