/**
 * What a server gives as an id is checked where it enters, by its service's one shape: of what is none, no path is made,
 * nothing is sent and nothing is kept.
 */
import { describe, expect, it } from 'vitest';
import { mattermostPassword, startMattermost, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { startMautic } from '../../src/practice/mautic.ts';
import type { Session } from '../../src/services/provisioning.ts';
import type { Api } from '../../src/services/api.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import { createAccount, findAccounts } from '../../src/services/mautic/pages/accounts.ts';
import { basic } from '../../src/services/mautic/api.ts';
import { apiOf } from '../../src/server/connection.ts';
import { after, failureOf, makeClient, plain } from '../http/harness.ts';

const hostile: readonly unknown[] = ['\ud800', '../../users', 'x'.repeat(300), '', 'a/b', 'A'.repeat(26), 'constructor', null, {}, { toString: 1 }, ['a'], true];

/** The members of an answer at any depth, with one of them changed. */
function withMember(value: unknown, member: string, to: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => withMember(one, member, to));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, key === member ? to : withMember(one, member, to)]));
}

const method = findMethod(findService('mattermost'), 'access-token');
const make = method.provisioning!;
const way = (id: string) => make.ways.find((one) => one.id === id)!;
const person = { username: 'admin', password: mattermostPassword };
const nothing = (): void => undefined;
let names = 0;
const newName = (): string => `robot${names += 1}`;

interface Chat {
  readonly server: PracticeMattermost;
  readonly api: Api;
  readonly session: Session;
}

async function chat(): Promise<Chat> {
  const server = await startMattermost({ tokensEnabled: true, botsEnabled: true });
  after(() => server.close());
  server.joinTeam('admin');
  const api = apiOf(server.url, makeClient(), plain);
  return { server, api, session: await make.signIn(api, person, nothing) };
}

const owner = (session: Session) => ({ id: session.account.id, username: 'admin', bot: false, created: false });

/** What is asked, where the answer is changed, which member of it, and how it is called. */
const asked: readonly (readonly [what: string, path: RegExp, member: string, ask: (one: Chat) => Promise<unknown>])[] = [
  ['the account of a token', /users\/me$/, 'id', ({ server, api }) => method.validate(api, { fields: {}, secrets: { token: server.makeToken('admin').token } })],
  ['a team, where channels are looked for', /me\/teams$/, 'id', ({ server, api }) => method.validate(api, { fields: {}, secrets: { token: server.makeToken('admin').token } })],
  ['the account that signs in', /users\/login$/, 'id', ({ api }) => make.signIn(api, person, nothing)],
  ['the account of an admin\'s token', /users\/me$/, 'id', ({ server, api }) => make.withToken!(api, server.makeToken('admin').token)],
  ['the account that an admin names', /users\/username\//, 'id', ({ api, session }) => make.owner(api, { ...session, isLogin: false }, way('own'), { username: 'maker' })],
  ['a bot that is there', /users\/username\//, 'id', async ({ api, session }) => {
    await make.owner(api, session, way('bot'), { bot: 'robot' });
    return make.owner(api, session, way('bot'), { bot: 'robot' });
  }],
  ['a bot that is made', /v4\/bots$/, 'user_id', ({ api, session }) => make.owner(api, session, way('bot'), { bot: newName() })],
  ['a token that is made', /\/tokens$/, 'id', ({ api, session }) => make.make(api, session, owner(session), { description: 'd', expiresAt: undefined }, nothing)],
  ['the secret of a token that is made', /\/tokens$/, 'token', ({ api, session }) => make.make(api, session, owner(session), { description: 'd', expiresAt: undefined }, nothing)],
  ['a token in the list', /\/tokens$/, 'id', ({ server, api, session }) => {
    server.makeToken('admin');
    return make.list(api, session, session.account.id);
  }],
  ['a team, where a bot is added', /me\/teams$/, 'id', ({ api, session }) => make.places(api, session)],
  ['a channel', /teams\/\w+\/channels$/, 'id', async ({ api, session }) => (await make.places(api, session))[0]!.inner!(api, session)],
];

describe.each(asked)('Mattermost\'s id of %s', (_, path, member, ask) => {
  it('is RESPONSE_INVALID when it is none, and nothing more is asked', async () => {
    const one = await chat();
    let then: string[] = [];
    for (const id of hostile) {
      one.server.intercept = async (request, own) => {
        then.push(request.path);
        const reply = await own();
        if (!path.test(request.path)) return reply;
        then = [];
        return { ...reply, body: withMember(reply.body, member, id) };
      };
      expect((await failureOf(ask(one))).code, JSON.stringify(id)).toBe('RESPONSE_INVALID');
      // A sign-in that cannot be used is ended, and capabilities are asked for side by side.
      expect(then.filter((asked) => !/logout$|\/users$|sessions$|me\/teams$/.test(asked)), JSON.stringify(id)).toEqual([]);
    }
  });
});

describe('a session of Mattermost', () => {
  it('whose token is none is RESPONSE_INVALID', async () => {
    const { server, api } = await chat();
    for (const token of ['', 'short', 'a b', 'x'.repeat(300), '../']) {
      server.intercept = async (request, own) => {
        const reply = await own();
        return request.path.endsWith('login') ? { ...reply, headers: { ...reply.headers, token } } : reply;
      };
      expect((await failureOf(make.signIn(api, person, nothing))).code, token).toBe('RESPONSE_INVALID');
    }
  });

  it('of an account that cannot be read is ended again', async () => {
    const { server, api, session } = await chat();
    await make.signOut(api, session);
    server.intercept = async (request, own) => {
      const reply = await own();
      return request.path.endsWith('login') ? { ...reply, body: withMember(reply.body, 'id', '\ud800') } : reply;
    };
    await failureOf(make.signIn(api, person, nothing));
    expect(server.state.sessions).toEqual([]);
  });
});

describe('Mautic\'s id', () => {
  async function mautic() {
    const server = await startMautic({ version: '7.0.0' });
    after(() => server.close());
    const admin = server.user('admin');
    return { server, api: apiOf(server.url, makeClient(), plain), authorization: basic('admin', admin.password), admin };
  }
  const change = (server: Awaited<ReturnType<typeof mautic>>['server'], path: RegExp, id: unknown): void => {
    server.intercept = async (request, own) => {
      const reply = await own();
      return path.test(request.path) ? { ...reply, body: withMember(reply.body, 'id', id) } : reply;
    };
  };
  // A user that client credentials act as has no id.
  const none = hostile.filter((id) => id !== null);

  it('of the account is RESPONSE_INVALID when it is none', async () => {
    const { server, api, admin } = await mautic();
    for (const id of [...none, 1.5, -1, 1e300]) {
      change(server, /users\/self$/, id);
      const validation = findMethod(findService('mautic'), 'basic').validate(api, { fields: { username: 'admin' }, secrets: { password: admin.password } });
      expect((await failureOf(validation)).code, JSON.stringify(id)).toBe('RESPONSE_INVALID');
    }
  });

  it.each([['role', /roles\/new$/], ['user', /users\/new$/]])('of a new %s is RESPONSE_INVALID when it is none', async (_, path) => {
    const { server, api, authorization } = await mautic();
    for (const [index, id] of hostile.entries()) {
      change(server, path, id);
      const made = createAccount(api, authorization, { username: `n8n-${index}`, password: 'aB3-aB3-aB3-aB3-x', mark: '0123456789ab', makesClient: false });
      expect((await failureOf(made)).code, JSON.stringify(id)).toBe('RESPONSE_INVALID');
    }
  });

  it.each([['users', /users$/], ['roles', /roles$/]])('in the list of %s is RESPONSE_INVALID when it is none', async (_, path) => {
    const { server, api, authorization } = await mautic();
    for (const id of hostile) {
      change(server, path, id);
      expect((await failureOf(findAccounts(api, authorization))).code, JSON.stringify(id)).toBe('RESPONSE_INVALID');
    }
  });

  it('is a number, which may be written as a text', async () => {
    const { server, api, admin } = await mautic();
    for (const id of [12, '12']) {
      change(server, /users\/self$/, id);
      const { account } = await findMethod(findService('mautic'), 'basic').validate(api, { fields: { username: 'admin' }, secrets: { password: admin.password } });
      expect(account.id).toBe('12');
    }
  });
});
