/** Combinations that nobody recorded: they follow from state as the facts say. */
import { describe, expect, it } from 'vitest';
import { mattermostMfaCode, mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import { authorizeAs } from '../../src/practice/person.ts';
import { basic, get, mattermost, mautic, post, send, type Told } from './asking.ts';

describe('a practice Mattermost', () => {
  const signIn = async (server: PracticeMattermost, username: string, password = mattermostPassword, token = ''): Promise<Told> =>
    post(`${server.url}/api/v4/users/login`, { login_id: username, password, token });
  const me = async (server: PracticeMattermost, token: string): Promise<Told> => get(`${server.url}/api/v4/users/me`, `Bearer ${token}`);

  it('repeats the token in the detail of a 401 in developer mode alone', async () => {
    const server = await mattermost({ developerMode: true });
    expect((await me(server, 'madeuptoken')).body['detailed_error']).toContain('madeuptoken');
    server.state.developerMode = false;
    expect((await me(server, 'madeuptoken')).text).not.toContain('madeuptoken');
  });

  it('locks an account after the allowed number of wrong passwords and wrong codes, whatever comes then', async () => {
    const server = await mattermost({ attempts: 3 });
    await signIn(server, 'mfa', 'wrong');
    await signIn(server, 'mfa', mattermostPassword, '000000');
    expect((await signIn(server, 'mfa')).body['id']).toBe('mfa.validate_token.authenticate.app_error');
    await signIn(server, 'mfa', 'wrong');
    expect((await signIn(server, 'mfa', mattermostPassword, mattermostMfaCode)).body['id']).toBe('api.user.check_user_login_attempts.too_many.app_error');
  });

  it('forgets wrong passwords after a right one', async () => {
    const server = await mattermost({ attempts: 2 });
    await signIn(server, 'joe', 'wrong');
    expect((await signIn(server, 'joe')).status).toBe(200);
    await signIn(server, 'joe', 'wrong');
    expect((await signIn(server, 'joe')).status).toBe(200);
  });

  it('asks for no code while multi-factor authentication is off, and takes the email address as a name', async () => {
    const server = await mattermost({ mfa: false });
    expect((await signIn(server, 'mfa@example.org')).status).toBe(200);
    server.state.signInWithEmail = false;
    expect((await signIn(server, 'mfa@example.org')).body['id']).toBe('api.user.login.invalid_credentials_username');
  });

  it('knows no password of an account that signs in elsewhere', async () => {
    const server = await mattermost({ sso: ['saml'] });
    expect((await signIn(server, 'gitlab')).body['id']).toBe('api.user.login.invalid_credentials_sso');
    expect((await signIn(server, 'joe')).status).toBe(200);
  });

  it('answers one 401 for a token that is disabled, revoked, switched off, expired or of a deactivated account', async () => {
    let clock = Date.now();
    const server = await mattermost({ version: '11.9.0', now: () => clock });
    const { id, token } = server.makeToken('maker');
    const session = `Bearer ${server.makeSession('maker')}`;
    expect((await me(server, token)).status).toBe(200);
    server.state.tokensEnabled = false;
    expect((await me(server, token)).status).toBe(401);
    server.state.tokensEnabled = true;
    const expiring = await post(`${server.url}/api/v4/users/me/tokens`, { description: 'x', expires_at: clock + 1000 }, session);
    expect((await me(server, String(expiring.body['token']))).status).toBe(200);
    clock += 2000;
    expect((await me(server, String(expiring.body['token']))).status).toBe(401);
    expect((await post(`${server.url}/api/v4/users/tokens/revoke`, { token_id: id }, session)).status).toBe(200);
    expect((await me(server, token)).status).toBe(401);
    const other = server.makeToken('joe').token;
    server.deactivate('joe');
    expect((await me(server, other)).body['id']).toBe('api.context.session_expired.app_error');
  });

  it('wants an expiry of personal access tokens where it is limited, of bots never', async () => {
    const server = await mattermost({ version: '11.9.0', maxTokenLifetimeDays: 30, botsEnabled: true });
    const admin = `Bearer ${server.makeSession('admin')}`;
    const make = async (user: string, expiry?: number): Promise<unknown> => (await post(`${server.url}/api/v4/users/${user}/tokens`, { description: 'x', expires_at: expiry }, admin)).body['id'];
    expect(await make('me')).toBe('app.user_access_token.expires_at_required.app_error');
    expect(await make('me', Date.now() + 31 * 86_400_000)).toBe('app.user_access_token.expires_at_too_far.app_error');
    expect(await make('me', 1)).toBe('app.user_access_token.expires_at_in_past.app_error');
    const bot = await post(`${server.url}/api/v4/bots`, { username: 'n8n' }, admin);
    expect(await make(String(bot.body['user_id']))).toMatch(/^[a-z0-9]{26}$/);
    expect((await post(`${server.url}/api/v4/bots`, { username: 'n8n' }, admin)).body['id']).toBe('app.user.save.username_exists.app_error');
  });

  it('gives a new secret at once from 11.10 on, and knows no such call before', async () => {
    const server = await mattermost({ version: '11.10.0' });
    const { id, token } = server.makeToken('maker');
    const rotated = await post(`${server.url}/api/v4/users/tokens/rotate`, { token_id: id }, `Bearer ${token}`);
    expect(rotated.body['id']).toBe(id);
    expect((await me(server, token)).status).toBe(401);
    expect((await me(server, String(rotated.body['token']))).status).toBe(200);
    server.state.version = '6.7.0';
    expect((await post(`${server.url}/api/v4/users/tokens/rotate`, { token_id: id }, `Bearer ${token}`)).status).toBe(404);
  });

  it('deletes what has ended by its hourly job, and revives before that what is rotated', async () => {
    let clock = 1_800_000_000_000;
    const server = await mattermost({ version: '11.10.0', now: () => clock });
    const session = `Bearer ${server.makeSession('maker')}`;
    const made = await post(`${server.url}/api/v4/users/me/tokens`, { description: 'x', expires_at: clock + 1000 }, session);
    const rotate = async (): Promise<Told> => post(`${server.url}/api/v4/users/tokens/rotate`, { token_id: made.body['id'], expires_at: clock + 1000 }, session);
    clock += 2000;
    expect((await rotate()).status).toBe(200);
    clock += 2000;
    server.deleteEndedTokens();
    expect((await rotate()).body['id']).toBe('app.user_access_token.get_by_user.app_error');
  });

  it('takes a multi-factor code once from 10.4 on, the one that activated it included, and as often as it is good before', async () => {
    const old = await mattermost();
    const server = await mattermost({ version: '11.10.0' });
    for (const status of [200, 200]) expect((await signIn(old, 'mfa', mattermostPassword, mattermostMfaCode)).status).toBe(status);
    for (const status of [200, 401]) expect((await signIn(server, 'mfa', mattermostPassword, mattermostMfaCode)).status).toBe(status);
    const session = { authorization: `Bearer ${server.makeSession('kim')}` };
    await send(`${server.url}/api/v4/users/${server.user('kim').id}/mfa`, { method: 'PUT', headers: session, body: '{"activate":true,"code":"135791"}' });
    expect((await signIn(server, 'kim', mattermostPassword, '135791')).body['id']).toBe('api.user.check_user_mfa.bad_code.app_error');
  });

  it('lets an account without multi-factor authentication see itself alone where it is enforced, and a bot everything', async () => {
    const server = await mattermost({ enforceMfa: true });
    server.addUser({ username: 'robot', isBot: true });
    const ask = async (name: string, path: string): Promise<number> => (await get(`${server.url}/api/v4/${path}`, `Bearer ${server.makeToken(name).token}`)).status;
    expect([await ask('joe', 'users/me'), await ask('joe', 'users/me/teams'), await ask('mfa', 'users/me/teams'), await ask('robot', 'users/me/teams')]).toEqual([200, 401, 200, 200]);
  });

  it('signs nobody in whose email address is not verified, once it demands that', async () => {
    const server = await mattermost({ verifiedEmail: true });
    expect((await signIn(server, 'unverified')).body['id']).toBe('api.user.login.not_verified.app_error');
    expect((await signIn(server, 'kim')).status).toBe(200);
  });

  it('lists sessions newest first, and none of a token that ended', async () => {
    const server = await mattermost({ now: () => 1_800_000_000_000 });
    const first = `Bearer ${server.makeSession('maker')}`;
    const { id, token } = server.makeToken('maker');
    await me(server, token);
    const types = async (): Promise<unknown[]> => (JSON.parse((await get(`${server.url}/api/v4/users/me/sessions`, first)).text) as { props: { type?: string } }[]).map(({ props }) => props.type);
    expect(await types()).toEqual(['UserAccessToken', undefined]);
    await post(`${server.url}/api/v4/users/tokens/disable`, { token_id: id }, first);
    expect(await types()).toEqual([undefined]);
  });

  it('keeps one account from ending the tokens of another', async () => {
    const server = await mattermost();
    const { id } = server.makeToken('joe');
    expect((await post(`${server.url}/api/v4/users/tokens/revoke`, { token_id: id }, `Bearer ${server.makeSession('maker')}`)).status).toBe(403);
  });

  it('answers 200 to settings that it drops', async () => {
    const server = await mattermost({ tokensEnabled: false, configReadOnly: true });
    const admin = { authorization: `Bearer ${server.makeSession('admin')}` };
    const patch = await send(`${server.url}/api/v4/config/patch`, { method: 'PUT', headers: admin, body: '{"ServiceSettings":{"EnableUserAccessTokens":true}}' });
    expect(patch.status).toBe(200);
    expect(server.state.tokensEnabled).toBe(false);
  });

  it('shows teams and their channels to members', async () => {
    const server = await mattermost();
    server.joinTeam('joe', 'sales');
    const token = `Bearer ${server.makeToken('joe').token}`;
    const teams = JSON.parse((await get(`${server.url}/api/v4/users/me/teams`, token)).text) as { id: string; name: string }[];
    expect(teams.map(({ name }) => name)).toEqual(['sales']);
    expect((await get(`${server.url}/api/v4/users/me/teams/${teams[0]!.id}/channels`, token)).text).toContain('town-square');
    expect((await get(`${server.url}/api/v4/users/me/teams/${teams[0]!.id}/channels`, `Bearer ${server.makeToken('kim').token}`)).status).toBe(403);
  });

  it('changes the hash in X-Version-Id with its settings', async () => {
    const server = await mattermost();
    const hash = async (): Promise<string | null> => (await get(`${server.url}/api/v4/system/ping`)).headers.get('x-version-id');
    const first = await hash();
    expect(await hash()).toBe(first);
    server.state.botsEnabled = true;
    expect(await hash()).not.toBe(first);
  });
});

describe('a practice Mautic', () => {
  const self = async (server: PracticeMautic, authorization?: string): Promise<Told> => get(`${server.url}/api/users/self`, authorization);
  const error = ({ body }: Told): unknown => (body['errors'] as { type?: string }[])[0]!.type;
  const token = async (server: PracticeMautic, form: Readonly<Record<string, string>>): Promise<Told> => send(`${server.url}/oauth/v2/token`, { method: 'POST', body: new URLSearchParams(form) });

  it('answers a lost header as if nothing was sent, HTTP basic auth on or off', async () => {
    const server = await mautic({ headerDropped: true });
    for (const basicEnabled of [true, false]) {
      server.state.basicEnabled = basicEnabled;
      for (const authorization of [basic('admin', mauticPassword), basic('credsetup-probe', 'x'), 'Bearer x']) {
        const told = await self(server, authorization);
        expect([told.status, error(told)]).toEqual([401, 'access_denied']);
      }
    }
  });

  it('tells by three made-up requests what is on', async () => {
    const server = await mautic({ apiEnabled: false });
    expect(error(await self(server, 'Bearer x'))).toBe('api_disabled');
    expect((await get(`${server.url}/oauth/v2/authorize_login`)).status).toBe(403);
    server.state.apiEnabled = true;
    expect(error(await self(server, 'Bearer x'))).toBe('invalid_grant');
    expect((await self(server, basic('credsetup-probe', 'x'))).status).toBe(401);
    server.state.basicEnabled = false;
    expect((await self(server, basic('credsetup-probe', 'x'))).status).toBe(403);
  });

  it('shows by a made-up code whether the client is right', async () => {
    const server = await mautic();
    const { clientId, clientSecret } = server.makeClient();
    const probe = { grant_type: 'authorization_code', code: 'x', client_id: clientId };
    expect(error(await token(server, { ...probe, client_secret: clientSecret }))).toBe('invalid_grant');
    expect(error(await token(server, { ...probe, client_secret: 'x' }))).toBe('invalid_client');
  });

  it('keeps a code good for 30 seconds, through a wrong redirect URI, and for one client', async () => {
    let clock = Date.now();
    const server = await mautic({ now: () => clock });
    const client = server.makeClient({ redirectUris: ['http://127.0.0.1:1/callback'] });
    const other = server.makeClient();
    const code = server.makeCode(client, 'contacts');
    const form = { grant_type: 'authorization_code', code, redirect_uri: 'http://127.0.0.1:1/callback', client_id: client.clientId, client_secret: client.clientSecret };
    expect(error(await token(server, { ...form, client_id: other.clientId, client_secret: other.clientSecret }))).toBe('invalid_grant');
    expect(error(await token(server, { ...form, redirect_uri: 'http://localhost:1/callback' }))).toBe('redirect_uri_mismatch');
    clock += 29_000;
    const { body } = await token(server, form);
    expect((await self(server, `Bearer ${String(body['access_token'])}`)).body['username']).toBe('contacts');
    const late = server.makeCode(client, 'contacts');
    clock += 30_000;
    expect((await token(server, { ...form, code: late })).text).toContain('The authorization code has expired');
  });

  it('takes a redirect URI that continues a registered one, letters\' case ignored, host and port exactly equal', async () => {
    const server = await mautic();
    const client = server.makeClient({ redirectUris: ['http://127.0.0.1:1', 'http://n8n.example.com/Callback'] });
    const back = async (redirectUri: string): Promise<string | undefined> => (await authorizeAs(
      `${server.url}/oauth/v2/authorize?${new URLSearchParams({ client_id: client.clientId, redirect_uri: redirectUri, response_type: 'code' }).toString()}`,
      { username: 'admin', password: mauticPassword },
    )).redirectedTo;
    expect(await back('http://n8n.example.com/callback/more')).toMatch(/^http:\/\/n8n\.example\.com\/callback\/more\?code=/);
    expect(await back('http://127.0.0.1:18')).toBeUndefined();
    expect(await back('http://127.0.0.1:1/x')).toContain('/x?code=');
  });

  it('ends a refresh token with its first use and leaves the access token until it expires', async () => {
    let clock = Date.now();
    const server = await mautic({ accessTokenMinutes: 5, refreshTokenDays: 1, now: () => clock });
    const client = server.makeClient();
    const tokens = server.makeTokens(client, 'admin');
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refreshToken, client_id: client.clientId, client_secret: client.clientSecret };
    const { body } = await token(server, form);
    expect(body['expires_in']).toBe(300);
    expect(error(await token(server, form))).toBe('invalid_grant');
    expect((await self(server, `Bearer ${tokens.accessToken}`)).status).toBe(200);
    clock += 300_000;
    expect(error(await self(server, `Bearer ${tokens.accessToken}`))).toBe('invalid_grant');
    clock += 86_400_000;
    expect((await token(server, { ...form, refresh_token: String(body['refresh_token']) })).text).toContain('Refresh token has expired');
  });

  it('lets a client act by itself as an admin when an admin made it, and not at all otherwise', async () => {
    const server = await mautic();
    const ownToken = async (owner: string): Promise<Told> => {
      const { clientId, clientSecret } = server.makeClient({ owner, name: 'client' });
      return token(server, { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret });
    };
    const { body } = await ownToken('admin');
    expect((await self(server, `Bearer ${String(body['access_token'])}`)).body['username']).toBe('client [1]');
    expect(error(await ownToken('contacts'))).toBe('unauthorized_client');
  });

  it('answers each list by the role', async () => {
    const server = await mautic();
    server.addUser('hooker', { 'webhook:webhooks': ['full'], 'campaign:campaigns': ['viewown'] });
    const statuses = async (user: string): Promise<number[]> => Promise.all(['contacts', 'companies', 'segments', 'campaigns', 'hooks']
      .map(async (list) => (await get(`${server.url}/api/${list}?limit=1`, basic(user, mauticPassword))).status));
    expect(await statuses('admin')).toEqual([200, 200, 200, 200, 200]);
    expect(await statuses('contacts')).toEqual([200, 200, 403, 403, 403]);
    expect(await statuses('hooker')).toEqual([403, 403, 403, 200, 200]);
  });

  it('lies in a folder, and is not beside it', async () => {
    const server = await mautic({ prefix: '/mautic' });
    const root = new URL(server.url).origin;
    expect(server.url).toBe(`${root}/mautic`);
    expect((await self(server)).status).toBe(401);
    expect((await get(`${root}/api/users/self`)).status).toBe(404);
    expect((await get(`${root}/mailer/api/users/self`)).status).toBe(404);
    expect((await get(server.url)).headers.get('location')).toBe('/mautic/s/dashboard');
    expect((await get(`${server.url}/oauth/v2/authorize?client_id=x`)).headers.get('location')).toBe(`${server.url}/oauth/v2/authorize_login`);
  });
});
