/** A practice Mautic's API Credentials: the list, the form, what is made, changed and deleted by it. */
import { bodyPairs, html, type PracticeRequest, type Reply } from './server.ts';
import { broken, escaped, flashes, folder, forbidden, formToken, helpBlock, mustRevalidate, redirect } from './mautic-pages.ts';
import type { Visitor } from './mautic-configuration.ts';
import type { Route } from './routes.ts';
import { addClient, deleteClient, isSeven, may, type MauticClient, type MauticState } from './mautic-state.ts';

const perPage = 30;

export const clientRoutes: readonly Route<Visitor>[] = [
  { method: 'GET', path: '/s/credentials', answer: (visitor, request) => allowed(visitor, ['view', 'create'], () => list(visitor, 1, request)) },
  { method: 'GET', path: '/s/credentials/:page', answer: (visitor, request, { page = '' }) => page === 'new'
    ? allowed(visitor, ['create'], () => show(visitor, {}))
    : allowed(visitor, ['view', 'create'], () => list(visitor, Number(page), request)) },
  { method: 'POST', path: '/s/credentials/new', answer: (visitor, request) => allowed(visitor, ['create'], () => save(visitor, request, undefined)) },
  { method: 'GET', path: '/s/credentials/edit/:number', answer: (visitor, _request, { number }) => allowed(visitor, ['edit'], () => edit(visitor, number)) },
  { method: 'POST', path: '/s/credentials/edit/:number', answer: (visitor, request, { number }) => allowed(visitor, ['edit'], () => {
    const client = find(visitor, number);
    return client === undefined ? edit(visitor, number) : save(visitor, request, client);
  }) },
  { method: 'POST', path: '/s/credentials/delete/:number', answer: (visitor, _request, { number }) => allowed(visitor, ['delete'], () => remove(visitor, number)) },
  // A link of the list: it deletes nothing.
  { method: 'GET', path: '/s/credentials/delete/:number', answer: ({ state }) => redirect(state, `${folder(state)}/s/credentials`) },
  { method: 'POST', path: '/s/credentials/revoke/:number', answer: () => broken },
];

function allowed({ user }: Visitor, actions: readonly string[], answer: () => Reply): Reply {
  return may(user.role, 'api:clients', actions) ? answer() : forbidden;
}

function find({ state }: Visitor, number: string | undefined): MauticClient | undefined {
  return state.clients.find((client) => String(client.number) === number);
}

/** 7: thirty a page, past the end a redirect, what was searched for is kept; 5: always all. Newest last, as measured by name and number. */
function list({ state, session }: Visitor, page: number, request: PracticeRequest): Reply {
  const limit = request.query.get('limit');
  if (limit !== null) session.listLimit = Number(limit);
  session.listSearch = request.query.get('search') ?? session.listSearch ?? '';
  const all = isSeven(state) ? state.clients.filter(({ name }) => name.includes(session.listSearch ?? '')) : state.clients;
  const size = isSeven(state) ? session.listLimit ?? perPage : Infinity;
  const from = size === Infinity ? 0 : (page - 1) * size;
  const shown = all.slice(from, from + size);
  if (page > 1 && shown.length === 0) return redirect(state, `${folder(state)}/s/credentials/${Math.max(1, Math.ceil(all.length / size))}`);
  const at = folder(state);
  const rows = shown.map(({ number, name, clientId, clientSecret }) => `<tr><td><input type="checkbox" name="cb${number}" value="${number}"></td><td><a href="${at}/s/credentials/edit/${number}?tmpl=list">Edit</a></td><td><a href="${at}/s/credentials/delete/${number}${isSeven(state) ? '' : '?tmpl=list'}">Delete</a></td><td>${escaped(name)}</td><td><input type="text" readonly="" value="${clientId}"></td><td><input type="text" readonly="" value="${clientSecret}"></td></tr>`);
  return shell('API Credentials (Applications)', `${flashes(session)}<table><tbody>${rows.join('')}</tbody></table>`);
}

const shell = (title: string, body: string): Reply => html(200, `<!DOCTYPE html><html><head><meta charset="UTF-8"><title>${title} | Mautic</title></head><body>${body}</body></html>`, mustRevalidate);

interface Shown {
  readonly client?: MauticClient;
  readonly name?: string;
  readonly redirectUris?: string;
  /** For the whole form, for the name, for the redirect URIs. */
  readonly faults?: Readonly<Record<string, string>>;
  /** The form stays where it was sent to, made or not. */
  readonly made?: boolean;
}

function show(visitor: Visitor, { client, name = client?.name ?? '', redirectUris = client?.redirectUris.join(',') ?? '', faults = {} }: Shown): Reply {
  const { state, session } = visitor;
  const input = (label: string, key: string, value: string, more: string): string => {
    const control = `<label for="client_${key}">${label}</label><input type="text" id="client_${key}" name="client[${key}]" ${more}${value === '' ? '' : ` value="${escaped(value)}"`}>`;
    const fault = faults[key];
    return fault === undefined ? control : `<div class="has-error">${control}${helpBlock(state, escaped(fault))}</div>`;
  };
  const whole = faults[''];
  const top = whole === undefined ? '<div class="has-error"></div>' : `<div class="has-error">${helpBlock(state, whole)}</div>`.repeat(2);
  const mode = client === undefined ? '<label for="client_api_mode">Authorization Protocol</label><select id="client_api_mode" name="client[api_mode]"><option value="oauth2" selected="selected">OAuth 2</option></select>' : '';
  const values = client === undefined ? '' : input('Client ID', 'publicId', client.clientId, 'disabled="disabled"') + input('Client Secret', 'secret', client.clientSecret, 'disabled="disabled"');
  const buttons = `<button type="submit" name="client[buttons][apply]">Save</button><button type="submit" name="client[buttons][save]">Save &amp; Close</button><button type="submit" name="client[buttons][cancel]">Cancel</button>`;
  const unlock = client === undefined ? '' : `<input type="hidden" id="client_unlockModel" name="client[unlockModel]" value="api.client"><input type="hidden" id="client_unlockId" name="client[unlockId]" value="${client.number}">`;
  const action = `${folder(state)}/s/credentials/${client === undefined ? 'new' : `edit/${client.number}`}`;
  return shell('Credentials - Edit', `${flashes(session)}<form novalidate name="client" method="post" action="${action}">${top}${mode}${input('Name', 'name', name, 'required="required"')}${input('Redirect URI', 'redirectUris', redirectUris, 'required="required"')}${values}${buttons}${unlock}<input type="hidden" id="client__token" name="client[_token]" value="${formToken(session)}"></form>`);
}

function edit(visitor: Visitor, number: string | undefined): Reply {
  const client = find(visitor, number);
  if (client !== undefined) return show(visitor, { client });
  visitor.session.flashes.push({ text: `Client not found with an ID of <strong>${escaped(number ?? '')}</strong>.`, error: true });
  return redirect(visitor.state, `${folder(visitor.state)}/s/credentials`);
}

/** A new client, or an old one changed; the secret never. */
function save(visitor: Visitor, request: PracticeRequest, there: MauticClient | undefined): Reply {
  const { state, session, user } = visitor;
  const pairs = bodyPairs(request);
  const field = (key: string): string => pairs.find(([name]) => name === `client[${key}]`)?.[1] ?? '';
  const [name, redirectUris] = [field('name'), field('redirectUris')];
  const faults = faultsOf(visitor, pairs, there, name, redirectUris, field('_token'));
  if (Object.keys(faults).length > 0) return show(visitor, { ...(there === undefined ? {} : { client: there }), name, redirectUris, faults });
  const uris = redirectUris.split(',').map((uri) => uri.trim()).filter((uri) => uri !== '');
  const client = there ?? addClient(state, { name, redirectUris: uris, owner: user });
  client.name = name;
  client.redirectUris = uris;
  state.audit.push({ user: user.username, what: `client ${there === undefined ? 'create' : 'update'}` });
  tell(state, visitor, client, there === undefined);
  if (!pairs.some(([one]) => one === 'client[buttons][apply]')) return redirect(state, `${folder(state)}/s/credentials`);
  // Made all the same: the answer is the form behind it, which this account may not see.
  return may(user.role, 'api:clients', ['edit']) ? show(visitor, { client }) : { ...forbidden, body: String(forbidden.body).replace('<h1>', `${flashes(session).replaceAll('alert-growl ', 'alert-success ')}<h1>`) };
}

function tell(state: MauticState, { session }: Visitor, client: MauticClient, created: boolean): void {
  const link = `<a href="${folder(state)}/s/credentials/edit/${client.number}"><strong>${escaped(client.name)}</strong></a>`;
  const es = created ? `${escaped(client.name)} ha sido creado.` : `${escaped(client.name)} ha sido actualizado.`;
  session.flashes.push({ text: state.language === 'es' ? es : `${link} has been ${created ? 'created.' : 'updated!'}`, error: false });
}

function faultsOf(
  { state, session }: Visitor, pairs: readonly (readonly [string, string])[], there: MauticClient | undefined,
  name: string, redirectUris: string, token: string,
): Readonly<Record<string, string>> {
  const uris = redirectUris.split(',').map((uri) => uri.trim()).filter((uri) => uri !== '');
  const wrong = uris.find((uri) => !/^[a-z][a-z0-9+.-]*:\/\//i.test(uri));
  const known = ['name', 'redirectUris', '_token', 'buttons][apply', 'buttons][save', ...(there === undefined ? ['api_mode'] : ['unlockModel', 'unlockId', 'publicId', 'secret'])].map((key) => `client[${key}]`);
  const missing = (there === undefined ? ['api_mode', 'name', 'redirectUris'] : ['name', 'redirectUris']).some((key) => !pairs.some(([one]) => one === `client[${key}]`));
  const es = state.language === 'es';
  return {
    ...(session.formTokens.includes(token) ? {} : { '': 'The CSRF token is invalid. Please try to resubmit the form.' }),
    ...(pairs.every(([one]) => known.includes(one)) && !missing ? {} : { '': 'This form should not contain extra fields.' }),
    ...(name === '' ? { name: es ? 'Se requiere un nombre.' : 'A name is required.' } : {}),
    ...(wrong !== undefined ? { redirectUris: es ? `${wrong} no es una URI.` : `${wrong} is an invalid URI.` } : {}),
    ...(uris.length === 0 ? { redirectUris: 'A value is required.' } : {}),
  };
}

/** The same answer whether it was there or not; tokens and codes end with it. */
function remove(visitor: Visitor, number: string | undefined): Reply {
  const { state, session, user } = visitor;
  const client = find(visitor, number);
  session.flashes.push(client === undefined ? { text: `Client not found with an ID of <strong>${escaped(number ?? '')}</strong>.`, error: true } : { text: `<strong>${escaped(client.name)}</strong> has been deleted!`, error: false });
  if (client !== undefined) {
    deleteClient(state, client);
    state.audit.push({ user: user.username, what: 'client delete' });
  }
  return redirect(state, `${folder(state)}/s/credentials`);
}
