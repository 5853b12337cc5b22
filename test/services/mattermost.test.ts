import { describe, expect, it } from 'vitest';
import { errorDocument, isCredsetupError } from '../../src/errors.ts';
import { inFront, type GatewayKind } from '../../src/practice/gateways.ts';
import { startMattermost, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import type { ServerState } from '../../src/services/api.ts';
import type { Validation } from '../../src/services/service.ts';
import { apiOf } from '../../src/server/connection.ts';
import { after, allOf, failureOf, makeClient, plain } from '../http/harness.ts';

const service = findService('mattermost');
const method = findMethod(service, 'access-token');

async function mattermost(options: MattermostOptions = {}): Promise<PracticeMattermost> {
  const server = await startMattermost(options);
  after(() => server.close());
  return server;
}

const inspect = (server: PracticeMattermost): Promise<ServerState> => service.inspect(apiOf(server.url, makeClient(), plain), method, undefined);
const validate = (server: PracticeMattermost, token: string): Promise<Validation> => method.validate(
  apiOf(server.url, makeClient(), plain), { fields: {}, secrets: { token } },
);
const sent = (server: PracticeMattermost, token: string): number => server.log.filter(({ authorization }) => authorization === `Bearer ${token}`).length;
const codes = ({ warnings }: Pick<Validation, 'warnings'>): string[] => warnings.map(({ code }) => code);

describe('a token that Mattermost accepts', () => {
  it('tells the account, the version, and what n8n can do with it', async () => {
    const server = await mattermost({ version: '10.5.2' });
    server.joinTeam('maker');
    const { token } = server.makeToken('maker');
    expect(await validate(server, token)).toEqual({
      account: { id: server.user('maker').id, username: 'maker', email: 'maker@example.org', admin: false, bot: false },
      version: '10.5.2', capabilities: { teams: true, channels: true, posts: true, users: true }, warnings: [],
    });
  });

  it('of an account without a team can neither post nor work in channels', async () => {
    const server = await mattermost();
    expect((await validate(server, server.makeToken('kim').token)).capabilities).toEqual({ teams: true, channels: false, posts: false, users: true });
  });

  it('of a system admin is warned about', async () => {
    const server = await mattermost();
    const validation = await validate(server, server.makeToken('admin').token);
    expect(validation.account.admin).toBe(true);
    expect(codes(validation)).toEqual(['ADMIN_ACCOUNT']);
  });

  it('of a bot works although personal access tokens are off', async () => {
    const server = await mattermost({ tokensEnabled: false });
    server.addUser({ username: 'robot', isBot: true, displayName: 'Robot' });
    const validation = await validate(server, server.makeToken('robot').token);
    expect(validation.account).toMatchObject({ username: 'robot', name: 'Robot', bot: true, admin: false });
    expect(codes(validation)).toEqual([]);
  });

  it('of a login session is warned about where it is known, and nothing is said where it is not', async () => {
    const server = await mattermost();
    expect(codes(await validate(server, server.makeSession('kim')))).toEqual(['SESSION_TOKEN']);
    // A personal access token that was used: the list of sessions does not say which one is ours.
    await validate(server, server.makeToken('kim').token);
    expect(codes(await validate(server, server.makeSession('kim')))).toEqual([]);
  });
});

describe('a token that Mattermost refuses', () => {
  const states: readonly (readonly [string, (server: PracticeMattermost) => string])[] = [
    ['a Token ID', (server) => server.makeToken('maker').id],
    ['made up', () => 'abcdefghijklmnopqrstuvwx12'],
    ['disabled', (server) => Object.assign(server.makeToken('maker'), { active: false }).token],
    ['revoked', (server) => {
      const { token } = server.makeToken('maker');
      server.state.tokens.length = 0;
      return token;
    }],
    ['of a deactivated account', (server) => {
      const { token } = server.makeToken('maker');
      server.deactivate('maker');
      return token;
    }],
    ['made before tokens were turned off', (server) => {
      const { token } = server.makeToken('maker');
      server.state.tokensEnabled = false;
      return token;
    }],
    ['expired', (server) => Object.assign(server.makeToken('maker'), { expiresAt: 1 }).token],
    ['of a session that has ended', (server) => {
      const token = server.makeSession('kim');
      server.state.sessions.length = 0;
      return token;
    }],
  ];

  it.each(states)('(%s) has all causes in order, each with how to check and repair it, and is sent once', async (_state, prepare) => {
    const server = await mattermost({ version: '11.9.0' });
    const token = prepare(server);
    const error = await failureOf(validate(server, token));
    expect(error).toMatchObject({ code: 'TOKEN_REJECTED', details: { field: 'token', service: 'mattermost', url: server.url } });
    expect(error.hint).toContain('not the Token ID');
    const causes = error.details.causes ?? [];
    expect(causes.map(({ code }) => code)).toEqual(['TOKEN_ID_PASTED', 'SESSION_TOKEN_ENDED', 'TOKEN_REVOKED', 'TOKEN_DISABLED', 'TOKENS_DISABLED', 'ACCOUNT_DEACTIVATED', 'TOKEN_EXPIRED', 'WRONG_SERVER']);
    for (const cause of causes) expect(Object.values<string>({ ...cause }).every((text) => text.trim() !== '')).toBe(true);
    expect(sent(server, token)).toBe(1);
    expect(server.log).toHaveLength(1);
  });

  it('has no causes that the server\'s version rules out', async () => {
    const error = await failureOf(validate(await mattermost({ version: '10.11.0' }), 'abcdefghijklmnopqrstuvwx12'));
    expect(error.details.causes?.map(({ code }) => code)).not.toContain('TOKEN_EXPIRED');
  });

  it('is not repeated although a server in developer mode repeats it', async () => {
    const server = await mattermost({ developerMode: true });
    const token = server.makeToken('maker').id;
    const error = await failureOf(validate(server, token));
    expect(allOf(error)).not.toContain(token);
    expect(JSON.stringify(errorDocument(error))).not.toContain('token=');
  });
});

describe('something between us and Mattermost', () => {
  const kinds: Readonly<Partial<Record<GatewayKind, string>>> = {
    'basic-auth': 'GATEWAY_IN_FRONT', 'authelia-401': 'GATEWAY_IN_FRONT', firewall: 'RESPONSE_INVALID', 'cloudflare-challenge': 'RESPONSE_INVALID', 'oauth2-proxy-redirect': 'RESPONSE_INVALID',
    website: 'RESPONSE_INVALID', 'json-cut': 'RESPONSE_INVALID', 'rate-limit': 'RATE_LIMITED', maintenance: 'SERVER_ERROR', 'bad-gateway': 'SERVER_ERROR', 'hang-up': 'CONNECTION_LOST',
  };

  it.each(Object.entries(kinds) as [GatewayKind, string][])('(%s) that answers the token is %s, and the token is sent once', async (kind, code) => {
    const server = await mattermost();
    server.intercept = inFront(kind);
    const { token } = server.makeToken('maker');
    const error = await failureOf(validate(server, token));
    expect(error.code, error.message).toBe(code);
    expect(error.hint).not.toBe('');
    expect(sent(server, token)).toBe(1);
  });

  it('that answers only some of the questions behind the token never makes the token invalid', async () => {
    const server = await mattermost();
    server.joinTeam('maker');
    const firewall = inFront('firewall');
    server.intercept = (request, answer) => (/sessions|teams|per_page/.test(request.target) ? firewall(request) : answer());
    expect((await validate(server, server.makeToken('maker').token)).capabilities).toEqual({ teams: false, channels: false, posts: false, users: false });
  });

  it('that answers with names of several lines or without end gets one line with an end', async () => {
    const server = await mattermost();
    const { token } = server.makeToken('maker');
    const maker = server.user('maker');
    maker.username = 'maker\n\u2028✔ Saved';
    expect((await validate(server, token)).account.username).toBe('maker ✔ Saved');
    maker.username = 'x'.repeat(100_000);
    expect((await validate(server, token)).account.username).toHaveLength(500);
  });

  it('whose ids lead to other addresses is asked for nothing there', async () => {
    const api = apiOf('http://127.0.0.1:9', makeClient(), plain);
    for (const path of ['/api/v4/users/../x', '/api/v4/users/..', '/api/v4/./x', '/api/v4/users/..?x']) {
      expect((await failureOf(api.send({ method: 'GET', path }))).code).toBe('RESPONSE_INVALID');
    }
  });

  it.each([301, 302, 303, 307, 308])('that moves while it is asked (%i) is REDIRECTED, with its new address, and the token is not sent on', async (status) => {
    const server = await mattermost();
    const next = await mattermost();
    const { token } = server.makeToken('maker');
    for (const moved of ['/api/v4/users/me', '/api/v4/users/me/teams', '/api/v4/users/me/sessions']) {
      server.intercept = (request, answer) => (request.path === moved ? { status, headers: { location: `${next.url}${request.target}` }, body: '' } : answer());
      expect(await failureOf(validate(server, token))).toMatchObject({ code: 'REDIRECTED', exitCode: 5, message: expect.stringContaining(next.url), details: { location: next.url, field: 'url' } });
    }
    expect(next.log).toEqual([]);
  });

  it('that answers with another service\'s JSON is no account', async () => {
    for (const body of [null, [], 'text', 5, {}, { id: 5, username: 'x' }, { id: '', username: 'x' }]) {
      const server = await mattermost();
      server.intercept = () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
      expect((await failureOf(validate(server, server.makeToken('maker').token))).code).toBe('RESPONSE_INVALID');
    }
  });
});

describe('what Mattermost says before any secret is sent', () => {
  it('is its version and the address that it believes it has', async () => {
    const server = await mattermost({ version: '9.11.3' });
    server.state.siteUrl = `${server.url}/`;
    expect(await inspect(server)).toMatchObject({ version: '9.11.3', warnings: [] });
    server.state.siteUrl = 'https://chat.example.com';
    const state = await inspect(server);
    expect(codes(state)).toEqual(['SITE_URL_DIFFERS']);
    expect(state.warnings[0]?.message).toContain('https://chat.example.com');
    server.state.siteUrl = '';
    expect(codes(await inspect(server))).toEqual([]);
    expect(server.log.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it('is an error when it is something else', async () => {
    const server = await mattermost();
    server.intercept = inFront('website');
    const error = await inspect(server).catch((thrown: unknown) => thrown);
    expect(isCredsetupError(error) && error.code).toBe('RESPONSE_INVALID');
  });
});
