/**
 * The practice Mautic's own pages, and its API of roles and accounts, answer every recorded request
 * as the real 7.0.0 and 5.1.0 did: status, address of a redirect, JSON, and of a page its forms
 * with their fields, its errors and what it tells of the request before.
 */
import { load, type CheerioAPI } from 'cheerio';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mauticPassword, startMautic, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { nextId, openSession } from '../../src/practice/mautic-state.ts';

type Pairs = readonly (readonly [string, string])[];
interface Exchange {
  readonly name: string;
  readonly note?: string;
  readonly replay: string;
  readonly server: { readonly api: boolean; readonly basic: boolean };
  readonly request: {
    readonly method: string; readonly path: string; readonly session?: string; readonly authorization?: string;
    readonly form?: Pairs; readonly formAs?: string; readonly formChanges?: Pairs; readonly formWithout?: readonly string[];
    readonly body?: Readonly<Record<string, unknown>>;
  };
  readonly response: { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body?: unknown };
}

/** What the practice Mautic leaves out, and why. */
const left: Readonly<Record<string, string>> = Object.fromEntries([
  ...['role-page-api-off', 'role-page-api-access-while-off', 'role-page', 'role-page-made', 'role-page-no-name', 'role-page-delete-in-use', 'role-page-delete-in-use-then', 'role-page-delete', 'role-edit-locked', 'role-edit-locked-then']
    .map((name) => [name, 'roles are made by the API alone: the pages lock them and leave api:* out while the API is off']),
  ['login-wrong-csrf-then', 'on 7 the dashboard, on 5 the login page: looked at in the sign-in tests'],
]);

describe.each([['7.0.0', 'mautic-forms-7.json'], ['5.1.0', 'mautic-forms-5.json']])('Mautic %s', (version, file) => {
  const all = JSON.parse(readFileSync(new URL(`../wire/${file}`, import.meta.url), 'utf8')) as Exchange[];
  const exchanges = all.filter(({ replay, name }) => replay === 'http' && left[name] === undefined);
  const saved = all.find(({ name }) => name === 'config-save')!.request.form!;
  let server: PracticeMautic;
  let client: MauticClient;
  let other: MauticClient;
  let bearer = '';
  let code = '';
  let refresh = '';
  /** Of the recorded server to this one. */
  const ids = new Map<string, string>();
  const jars = new Map<string, string>();

  /** A session as the recording names it, signed in as it says. */
  function jar(name: string | undefined): string {
    const key = name ?? 'nobody';
    const there = jars.get(key);
    const open = there === undefined ? undefined : server.state.browsers.get(there);
    const own = accounts[key];
    if (open?.signedIn !== undefined && own !== undefined) return there!;
    const { id, session } = openSession(server.state, new Map());
    if (own !== undefined) session.signedIn = server.user(own);
    jars.set(key, id);
    return id;
  }
  const accounts: Readonly<Record<string, string>> = {
    'admin': 'admin', 'apionly': 'apionly', 'n8n': 'n8n', "the one of admin's /s/login": 'admin',
    'an account with api:clients create': 'creator', 'an account with api:clients full': 'maker',
  };

  /** What happened at the real server before some of the exchanges, beside the switches. */
  const before: Readonly<Record<string, () => void>> = {
    'client-page': () => { server.state.browsers.get(jar('admin'))!.flashes.push({ text: 'Configuration successfully updated', error: false }); },
    'client-list': () => { clearFlashes(); },
    'oauth-no-session-login-sent': atOAuth,
    'oauth-own-session-login-page': () => { server.state.browsers.get(jar("the one of admin's /s/login"))!.lastUsername = 'admin'; },
    'oauth-no-session-then': () => signedInAtOAuth('admin', [version.startsWith('7') ? 1 : 0]),
    'oauth-again-same-session-authorize': () => signedInAtOAuth('admin', [1]),
    'oauth-no-session-accepted': () => signedInAtOAuth('admin', []),
    'oauth-again-same-session-accepted': () => signedInAtOAuth('admin', []),
    'oauth-bare-then': () => signedInAtOAuth('bare', []),
    'oauth-bare-accepted': () => signedInAtOAuth('bare', []),
    'oauth-denied-then': () => signedInAtOAuth('admin', []),
    'oauth-denied-rejected': () => signedInAtOAuth('admin', []),
    'oauth-other-redirect-then': () => signedInAtOAuth('admin', [1]),
    'oauth-other-redirect-accepted': () => signedInAtOAuth('admin', [1]),
    'oauth-unknown-client-then': () => signedInAtOAuth('admin', []),
    'login-wrong-password-then': () => told({ text: 'x', error: true }),
    'oauth-wrong-password-then': () => { server.state.browsers.get(own())!.refused = true; },
    'login-weak-password-right-then': () => { told({ text: 'x', error: true }); server.state.browsers.get(own())!.mustReset = true; },
    'login-weak-password-wrong-then': () => {
      told({ text: 'x', error: true });
      server.state.browsers.get(own())!.mustReset = version.startsWith('5');
    },
    'login-deactivated-then': () => told({ text: 'x', error: true }),
    'client-made-by-account-with-create-only': () => {
      clearFlashes();
      server.addUser('creator', { 'api:clients': ['create'] });
    },
    'client-made-by-account-with-full': () => { server.addUser('maker', { 'api:clients': ['full'] }); },
    'client-credentials-not-allowed': () => { client = server.state.clients.at(-1)!; },
    'client-delete': () => { clearFlashes(); },
    'self-after-client-deleted': () => {
      bearer = 'gone';
      client = other;
    },
    'user-delete-itself': () => {
      authorization('Basic <second:right password>');
      ids.set(/\/(\d+)\//.exec(all.find(({ name }) => name === 'user-delete-itself')!.request.path)![1]!, String(server.user('second').id));
    },
    'user-page': () => {
      clearFlashes();
      const role = { ...server.user('bare').role, id: nextId(server.state), name: 'n8n' };
      server.state.roles.push(role);
      ids.set(all.find(({ name }) => name === 'user-page-made')!.request.form!.find(([key]) => key === 'user[role]')![1], String(role.id));
    },
    'config-file-not-writable-page': () => { server.state.configNotWritable = true; clearFlashes(); },
    'config-switches-restricted-remove-page': () => { server.state.configNotWritable = false; server.state.switchesRestricted = 'remove'; },
    'config-switches-restricted-mask-page': () => {
      server.state.switchesRestricted = 'mask';
      Object.assign(server.state, { apiEnabled: false, basicEnabled: false });
      clearFlashes();
    },
    'config-switches-restricted-mask-sent': () => { clearFlashes(); },
    'config-forced-off-sent': () => { server.state.switchesRestricted = 'no'; server.state.apiForcedOff = true; },
    'client-made-account-in-spanish': () => { server.state.apiForcedOff = false; server.state.language = 'es'; clearFlashes(); },
    'not-installed-s-login': () => { server.state.notInstalled = true; },
    'database-away-s-login': () => { server.state.notInstalled = false; server.state.offline = true; },
    'saml-dashboard': () => { server.state.offline = false; server.state.saml = true; },
    'config-session-gone': () => { server.state.saml = false; },
    'config-write-fails': () => { server.state.diskFull = true; clearFlashes(); },
  };
  const clearFlashes = (): void => { server.state.browsers.get(jar('admin'))!.flashes.length = 0; };
  /** The login of an authorization request that was made before. */
  function atOAuth(): void {
    const { id, session } = openSession(server.state, new Map());
    session.target = `/oauth/v2/authorize?client_id=${client.clientId}&redirect_uri=http%3A%2F%2F127.0.0.1%3A18265%2Fcallback&response_type=code&state=st4te-of-ours-0123456789`;
    jars.set('next', id);
  }
  const own = (): string => jars.get('its own, not signed in') ?? jar('its own, not signed in');
  const told = (flash: { text: string; error: boolean }): void => { server.state.browsers.get(jar('its own, not signed in'))!.flashes.push(flash); };
  /** The cookie of the next request belongs to an account that signed in at the authorization's login. */
  function signedInAtOAuth(username: string, allowedBy: readonly number[]): void {
    const { id, session } = openSession(server.state, new Map());
    session.user = server.user(username);
    client.allowedBy.splice(0, Infinity, ...allowedBy.filter((one) => one > 0));
    jars.set('next', id);
  }

  beforeAll(async () => {
    server = await startMautic({ version });
    // One that lies there already, and one that the recording deletes.
    client = server.makeClient({ name: 'older' });
    other = server.makeClient({ name: 'to delete' });
    ids.set(deleted(all), String(other.number));
  });
  afterAll(() => server.close());

  it('leaves nothing out but the pages of roles', () => {
    expect(all.filter(({ replay }) => replay === 'http').length - exchanges.length).toBe(Object.keys(left).length);
  });

  for (const exchange of exchanges) {
    it(exchange.name, async () => {
      const { name, request } = exchange;
      Object.assign(server.state, { apiEnabled: exchange.server.api, basicEnabled: exchange.server.basic });
      before[name]?.();
      const cookie = jars.get('next') ?? (name.endsWith('-then') && request.session === 'its own, not signed in' ? own() : jar(request.session));
      jars.delete('next');
      const { path, body, headers } = sent(exchange, cookie);
      const response = await fetch(server.url + path, { method: request.method, headers, body, redirect: 'manual' });
      keepSession(request.session, response);
      await compare(exchange, response, cookie);
    });
  }

  /** The request of this run: its own tokens, passwords, numbers. */
  function sent({ name, request }: Exchange, cookie: string): { path: string; body: string | null; headers: Record<string, string> } {
    const session = server.state.browsers.get(cookie)!;
    session.formTokens.push('good');
    const headers: Record<string, string> = { cookie: `mautic_session=${cookie}`, ...authorization(request.authorization) };
    if (request.body !== undefined) return { path: mapped(request.path), body: JSON.stringify(filled(request.body)), headers: { ...headers, 'content-type': 'application/json' } };
    const as = request.formAs === undefined ? request.form : changed(request.formChanges ?? [], request.formWithout ?? []);
    if (as === undefined) return { path: mapped(request.path), body: null, headers };
    const pairs = as.map(([key, value]): [string, string] => [key, value === 'wrong' ? 'wrong' : key.endsWith('[_token]') || key === '_csrf_token' ? name.includes('wrong-csrf') || value === 'x' ? 'wrong' : 'good' : valueOf(value)]);
    return { path: mapped(request.path), body: new URLSearchParams(pairs).toString(), headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } };
  }

  function changed(changes: Pairs, without: readonly string[]): Pairs {
    return saved.filter(([key]) => !without.includes(key)).map(([key, value]) => [key, changes.find(([one]) => one === key)?.[1] ?? value]);
  }

  function valueOf(value: string): string {
    if (/^<wrong password>$/.test(value)) return 'Not-The-Password1';
    if (/^<.*password.*>$/.test(value)) return mauticPassword;
    if (/^\d+_[a-z0-9]{40,}$/.test(value)) return client.clientId;
    if (/^[a-z0-9]{45,55}$/.test(value)) return client.clientSecret;
    if (/^[A-Za-z0-9]{80,}$/.test(value)) return refresh === '' ? code : refresh;
    return ids.get(value) ?? value;
  }

  const mapped = (path: string): string => path.replace(/\d+_[a-z0-9]{40,}/, client.clientId).replace(/\/(\d+)(?=\/|$)/, (_all, id: string) => `/${ids.get(id) ?? id}`);

  function filled(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(body).map(([key, value]) => {
      if (key === 'role') return [key, Number(ids.get(String(value)) ?? value)];
      if (key !== 'plainPassword') return [key, value];
      return [key, Object.fromEntries(Object.entries(value as Record<string, string>).map(([one, text]) => [one, valueOf(text)]))];
    }));
  }

  function authorization(described: string | undefined): Record<string, string> {
    if (described === undefined) return {};
    const account = /^Basic <(\S+):(right|wrong) password>$/.exec(described);
    if (account !== null) {
      const username = account[1]!;
      const there = server.state.users.find((one) => one.username === username);
      if (there === undefined) Object.assign(server.addUser(username, {}), { role: server.user('admin').role });
      return { authorization: `Basic ${Buffer.from(`${username}:${mauticPassword}`).toString('base64')}` };
    }
    return { authorization: `Bearer ${bearer}` };
  }

  function keepSession(session: string | undefined, response: Response): void {
    const renewed = response.headers.getSetCookie().map((line) => /^mautic_session=([^;]+)/.exec(line)?.[1]).find((id) => id !== undefined);
    if (renewed !== undefined) jars.set(session ?? 'nobody', renewed);
  }

  async function compare({ name, request, response: expected }: Exchange, response: Response, cookie: string): Promise<void> {
    const text = await response.text();
    expect(response.status, text.slice(0, 300)).toBe(expected.status);
    remember(name, request, expected, response, text);
    const location = expected.headers['location'];
    expect(anyValue(response.headers.get('location')?.replace(server.url, 'https://mautic.example.com') ?? undefined), 'Location').toBe(anyValue(typeof location === 'string' ? location : undefined));
    expect(response.headers.get('content-type')?.split(';')[0]).toBe(String(expected.headers['content-type']).split(';')[0]);
    if (typeof expected.body === 'string' && expected.body !== '') comparePage(load(text), load(expected.body), cookie);
    else if (typeof expected.body === 'object' && expected.body !== null) compareMembers(JSON.parse(text), expected.body, name);
  }

  /** Numbers of this run for those of the recording. */
  function remember(name: string, { path }: Exchange['request'], expected: Exchange['response'], response: Response, text: string): void {
    if (name === 'client-made') {
      client = server.state.clients.at(-1)!;
      ids.set(/edit\/(\d+)"/.exec(String(expected.body))![1]!, String(client.number));
    }
    if (['role-new', 'user-new'].includes(name)) {
      const [was, is] = [String(expected.headers['location']), response.headers.get('location')!].map((one) => /\d+$/.exec(one)![0]);
      ids.set(was!, is!);
    }
    if (name === 'user-page-made') ids.set(/users\/edit\/(\d+)"/.exec(String(expected.body))![1]!, /users\/edit\/(\d+)"/.exec(text)![1]!);
    if (path.startsWith('/oauth/v2/token') && response.status === 200) {
      const body = JSON.parse(text) as { access_token: string; refresh_token?: string };
      bearer = body.access_token;
      refresh = body.refresh_token ?? refresh;
    }
    code = new URL(response.headers.get('location') ?? '/', server.url).searchParams.get('code') ?? code;
  }
});

/** The number of the client that the recording deletes. */
const deleted = (all: readonly Exchange[]): string => /\d+$/.exec(all.find(({ name }) => name === 'client-delete')!.request.path)![0];

/** An address without what differs from run to run. */
const anyValue = (text: string | undefined): string | undefined => text?.replace(/\/\d+$/, '/N').replace(/client_id=[^&]+/, 'client_id=ID').replace(/code=[^&]+/, 'code=CODE');

function compareMembers(actual: unknown, expected: unknown, where: string): void {
  if (Array.isArray(expected)) {
    expect(Array.isArray(actual), where).toBe(true);
    const [one, other] = [(actual as unknown[])[0], expected[0]];
    if (typeof other === 'object') compareMembers(one, other, `${where}[0]`);
    else expect(actual, where).toEqual(expected);
  } else if (typeof expected === 'object' && expected !== null) {
    // A language that nobody chose is there or not.
    expect(Object.keys(actual as object).filter((key) => key !== 'locale' || key in expected), where).toEqual(Object.keys(expected));
    // What a role may do was changed on the way, by requests that were not recorded.
    for (const [key, value] of Object.entries(expected).filter(([one]) => one !== 'rawPermissions')) compareMembers((actual as Record<string, unknown>)[key], value, `${where}.${key}`);
  } else if (['code', 'type', 'isAdmin', 'isPublished', 'username', 'expires_in', 'message'].some((key) => where.endsWith(`.${key}`))) {
    expect(String(actual).replace(/\[\d+\]/, '[n]'), where).toBe(String(expected).replace(/\[\d+\]/, '[n]'));
  } else if (expected !== null && actual !== null) {
    expect(typeof actual, where).toBe(typeof expected);
  }
}

interface Control {
  readonly tag: string; readonly type: string | undefined; readonly value: string | undefined; readonly checked: boolean; readonly disabled: boolean
}

/** Every form of the recorded page is there with every field of it; errors, alerts and flashes are where they were. */
function comparePage(actual: CheerioAPI, expected: CheerioAPI, cookie: string): void {
  for (const form of expected('form').toArray().map((one) => expected(one))) {
    const found = actual(`form[name="${form.attr('name')!}"]`);
    expect(found.length, `form ${form.attr('name')!}`).toBe(1);
    expect(anyValue(found.attr('action'))).toBe(anyValue(form.attr('action')));
    const there = controls(actual, found);
    for (const [name, control] of controls(expected, form)) expect(there.get(name), `${name} (${cookie.length} characters of cookie)`).toEqual(control);
  }
  expect(errors(actual)).toEqual(errors(expected));
  expect(actual('.alert-growl').length, 'flashes').toBe(expected('.alert-growl').length);
  expect(actual('.alert-growl--error').length, 'error flashes').toBe(expected('.alert-growl--error').length);
  expect(actual('a.text-danger').attr('href')).toBe(expected('a.text-danger').attr('href'));
  expect(outside(actual)).toBe(outside(expected));
}

const outside = ($: CheerioAPI): number => $('.alert-danger').toArray().filter((one) => $(one).closest('form').length === 0).length;

/** By name and, of a radio, value; in order where a name repeats. */
function controls($: CheerioAPI, form: ReturnType<CheerioAPI>): Map<string, Control> {
  const all = form.find('input[name], select[name], textarea[name], button[name]').toArray();
  return new Map(all.map((one) => {
    const field = $(one);
    const name = field.attr('name')!;
    const type = field.attr('type');
    const value = ['radio', 'checkbox', 'submit'].includes(type ?? '') ? field.attr('value') : undefined;
    return [`${name}=${type === 'radio' ? value ?? '' : ''}`, { tag: one.tagName, type, value, checked: field.attr('checked') !== undefined, disabled: field.attr('disabled') !== undefined }];
  }));
}

/** The names in error, '' for a whole form's; the empty block of every client form is none. */
function errors($: CheerioAPI): string[] {
  return $('.has-error').toArray().map((one) => $(one)).filter((one) => one.find('.help-block').text().trim() !== '').map((one) => one.find('[name]').first().attr('name') ?? '').sort();
}
