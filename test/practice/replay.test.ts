/**
 * The practice servers answer every recorded request as the real servers did. The exchanges are
 * made in the recorded order against one server each: what an earlier one changed is there later.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMattermost, mattermostMfaCode, mattermostPassword, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { startMautic, mauticPassword, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { compareResponse, recorded, StandIns, type Exchange } from './transcript.ts';

async function request(url: string, { method, path, body, form }: Exchange['request'], authorization: string | undefined): Promise<Response> {
  const headers = { ...(authorization === undefined ? {} : { authorization }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const content = body === undefined ? (form === undefined ? null : new URLSearchParams(form)) : JSON.stringify(body);
  return fetch(url + path, { method, headers, body: content, redirect: 'manual' });
}

describe.each([
  ['6.7.0', 'mattermost.json', 'x040abcdefghijklmnopqrstuv'],
  ['11.10.0', 'mattermost-11.json', 'x041abcdefghijklmnopqrstuv'],
])('Mattermost %s', (version, file, kim) => {
  const exchanges = recorded(file);
  const standIns = new StandIns();
  const session = new Map<string, string>();
  let server: PracticeMattermost;
  let token: { readonly id: string; readonly token: string };

  /** The credential that `authorization` describes, made when it is first needed, as then. */
  const credentials: Readonly<Record<string, () => string | Promise<string>>> = {
    'joe session': () => once('joe', () => signIn('joe')),
    'admin session': () => once('admin', () => signIn('admin')),
    'joe session, allowed to make tokens': () => once('joe, allowed', () => {
      server.allowTokens('joe');
      return signIn('joe');
    }),
    'personal access token': () => token.token,
    'Token ID': () => token.id,
    'made up': () => 'abcdefghijklmnopqrstuvwxyz',
    "deactivated account's personal access token": () => server.makeToken('gone').token,
    'bot token': () => server.state.tokens.find(({ userId }) => userId === server.user('bot').id)?.token ?? '',
  };
  const once = async (name: string, make: () => Promise<string>): Promise<string> => {
    const value = session.get(name) ?? await make();
    session.set(name, value);
    return value;
  };
  const signIn = async (username: string): Promise<string> => {
    const body = { login_id: username, password: mattermostPassword };
    const response = await request(server.url, { method: 'POST', path: '/api/v4/users/login', body }, undefined);
    return response.headers.get('token')!;
  };
  const values: Readonly<Record<string, string>> = { '<password>': mattermostPassword, '<wrong>': 'not the password', '<totp>': mattermostMfaCode };

  /** What happened at the real server before some of the exchanges, beside the switches. */
  const before: Readonly<Record<string, () => void>> = {
    'me-ok': () => {
      token = server.state.tokens[0]!;
    },
    'users-with-pat': () => {
      // A bot of an earlier measurement, the first by its name, on the newer server alone.
      if (version !== '6.7.0') server.addUser({ username: 'a', email: 'a@localhost', isBot: true });
    },
    'me-tokens-turned-off': () => {
      server.state.tokens[0]!.active = true;
    },
    'login-wrong-sso': () => {
      server.state.sso = ['gitlab'];
    },
    'login-wrong-username-only': () => {
      server.state.sso = [];
      server.state.signInWithEmail = false;
    },
    'login-wrong-email-only': () => {
      server.state.signInWithEmail = true;
      server.state.signInWithUsername = false;
    },
    'config-patch-no-permission': () => {
      server.state.signInWithUsername = true;
    },
  };
  // Recorded as off, but the exchange before had turned it on: its X-Version-Id says so too.
  const turnedOnBefore = ['roles-patch-ok', 'roles-patch-no-permission', 'logout'];

  beforeAll(async () => {
    server = await startMattermost({ version });
    standIns.set('x002abcdefghijklmnopqrstuv', server.user('joe').id);
    standIns.set('x010abcdefghijklmnopqrstuv', server.user('admin').id);
    standIns.set(kim, server.user('kim').id);
  });
  afterAll(() => server.close());

  it('has every recorded request', () => {
    expect(exchanges.length).toBe(47);
  });
  for (const exchange of exchanges) {
    it(exchange.name, async () => {
      const { tokens, bots, mfa, attempts } = exchange.server;
      Object.assign(server.state, { tokensEnabled: tokens === true || turnedOnBefore.includes(exchange.name), botsEnabled: bots, mfa, attempts });
      before[exchange.name]?.();
      const described = /^Bearer <(.*)>$/.exec(exchange.request.authorization ?? '')?.[1];
      const credential = described === undefined ? undefined : `Bearer ${await credentials[described]!()}`;
      const body = exchange.request.body === undefined ? {} : { body: filled(exchange.request.body, values, standIns) };
      const response = await request(server.url, { ...exchange.request, path: standIns.fill(exchange.request.path), ...body }, credential);
      await compareResponse(response, exchange, standIns, server.url);
    });
  }
});

/** A recorded body with passwords, codes and ids of this run. */
function filled(body: Readonly<Record<string, unknown>>, values: Readonly<Record<string, string>>, standIns: StandIns): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, typeof value === 'string' ? values[value] ?? standIns.fill(value) : value]));
}

describe.each([['7.0.0', 'mautic-7.json'], ['5.1.0', 'mautic-5.json']])('Mautic %s', (version, file) => {
  const exchanges = recorded(file);
  const standIns = new StandIns();
  const minute = 60_000;
  const day = 1440 * minute;
  let clock = Date.now();
  let server: PracticeMautic;
  let client: MauticClient;
  let code = '';
  /** Of the last answer that had them, and of the one before. */
  const access: string[] = [];
  const refresh: string[] = [];
  let clientCredentials = '';

  const redirectUri = 'http://127.0.0.1:53682/callback';
  const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

  function credential(described: string): string {
    const account = /^Basic <(\S+):(right|wrong) password>$/.exec(described);
    if (account !== null) return basic(account[1]!, account[2] === 'right' ? mauticPassword : 'not the password');
    const known: Readonly<Record<string, string>> = {
      'Basic <client id:client secret>': basic(client.clientId, client.clientSecret),
      'Bearer <made up>': 'Bearer abcdefghijklmnopqrstuvwxyz',
      'Bearer <access token>': `Bearer ${access.at(-1)!}`,
      'Bearer <access token>, dropped on the way': `Bearer ${access.at(-1)!}`,
      'Bearer <access token from before the refresh>': `Bearer ${access.at(-2)!}`,
      'Bearer <access token of client_credentials>': `Bearer ${clientCredentials}`,
      'Bearer <expired access token>': `Bearer ${access.at(-1)!}`,
      'Bearer <access token of a deleted client>': `Bearer ${access.at(-1)!}`,
    };
    if (known[described] === undefined) throw new Error(`no credential for ${described}`);
    return known[described];
  }

  /** What happened at the real server before some of the exchanges, beside the switches. */
  const before: Readonly<Record<string, () => void>> = {
    'token-wrong-code': () => {
      code = 'made-up';
    },
    'token-code-expired': () => {
      code = server.makeCode(client, 'admin');
      clock += 32_000;
    },
    'token-wrong-redirect': () => {
      code = server.makeCode(client, 'admin');
    },
    'token-refresh-again': () => {
      refresh.push(refresh.at(-2)!);
    },
    'token-refresh-wrong-secret': () => {
      refresh.pop();
    },
    'authorization-dropped': () => {
      server.state.headerDropped = true;
    },
    'self-expired': () => {
      server.state.headerDropped = false;
      clock += 61 * minute;
    },
    'token-refresh-expired': () => {
      clock += 14 * day;
    },
    'basic-unpublished': () => {
      server.user('contacts').published = false;
    },
    'self-client-deleted': () => {
      access.push(server.makeTokens(client, 'admin').accessToken);
      server.deleteClient(client);
    },
  };

  /** Tokens of an answer, for the exchanges after it. */
  async function keep(response: Response, { grant_type: grant }: Readonly<Record<string, string>>): Promise<void> {
    const body = await response.json() as { access_token?: string; refresh_token?: string };
    if (body.access_token === undefined) return;
    if (grant === 'client_credentials') clientCredentials = body.access_token;
    else access.push(body.access_token);
    if (body.refresh_token !== undefined) refresh.push(body.refresh_token);
  }

  beforeAll(async () => {
    server = await startMautic({ version, now: () => clock });
    client = server.makeClient({ redirectUris: [redirectUri] });
  });
  afterAll(() => server.close());

  it('has every recorded request', () => {
    expect(exchanges.length).toBe(60);
  });
  for (const exchange of exchanges) {
    it(exchange.name, async () => {
      Object.assign(server.state, { apiEnabled: exchange.server['api'], basicEnabled: exchange.server['basic'] });
      before[exchange.name]?.();
      const { authorization, path, form } = exchange.request;
      const values: Readonly<Record<string, string>> = {
        '<client id>': client.clientId, '<client secret>': client.clientSecret, '<code>': code, '<refresh token>': refresh.at(-1) ?? '', '<wrong>': 'wrong',
      };
      const sent = form === undefined ? {} : { form: Object.fromEntries(Object.entries(form).map(([name, value]) => [name, values[value] ?? value])) };
      const described = authorization === undefined ? undefined : credential(authorization);
      const response = await request(server.url, { ...exchange.request, path: path.replace('<client id>', client.clientId), ...sent }, described);
      if (form !== undefined) await keep(response.clone(), form);
      await compareResponse(response, exchange, standIns, server.url);
    });
  }
});
