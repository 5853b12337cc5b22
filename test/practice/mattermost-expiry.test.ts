/**
 * What a real 11.10 answered about tokens that end and about rotation, one fact after the other
 * against one practice server: the server's state is in each fact's name, ids follow from answer to
 * question, and the clock stands where it stood then.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startMattermost, type PracticeMattermost } from '../../src/practice/mattermost.ts';

interface Fact {
  readonly name: string;
  readonly replay: 'facts';
  readonly request: { readonly method: string; readonly path: string; readonly as?: string; readonly body?: Readonly<Record<string, unknown>> | string };
  readonly response: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: unknown };
}

const facts = JSON.parse(readFileSync(new URL('../wire/mattermost-11-expiry.json', import.meta.url), 'utf8')) as Fact[];

const begin = 1_795_580_569_860;
const policyOn = 1_795_580_570_012;
const afterTheEnds = 1_795_580_574_806;

let clock = begin;
let server: PracticeMattermost;
/** Recorded ids and secrets to those of this run. */
const known = new Map<string, string>();
/** What the facts call the answers that gave a token. */
const called: Readonly<Record<string, string>> = {
  'create, no expires_at': 'never', 'create, +10 days': 'fut', 'policy 30: +29 days': 'ok30',
  'rotate, no policy, no expires_at (a token that had an end)': 'rot0', 'create, +3 s': 'soon', 'create, +3 s, never used before its end': 'soon2',
};
const tokens = new Map<string, { readonly id: string; readonly token: string }>();
const sessions = new Map<string, string>();
const accounts: Readonly<Record<string, string>> = { joe: 'joemwvmb5we', plain: 'plain', kim: 'kim', admin: 'admin', mfa: 'mfa', bot: 'botmwvmb5we' };

function bearer(as: string): string {
  const [, who = '', what] = /^(\S+) (session|secret)$/.exec(as) ?? [];
  if (what === 'secret') return tokens.get(who)!.token;
  const session = sessions.get(who) ?? server.makeSession(accounts[who]!);
  sessions.set(who, session);
  return session;
}

const filledPath = (path: string): string => path
  .replace(/<(\w+) token id>/, (_, name: string) => tokens.get(name)!.id)
  .replace(/<(\w+) id>/, (_, name: string) => server.user(accounts[name]!).id);

function filledBody(body: NonNullable<Fact['request']['body']>): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return text.replace(/"([a-z0-9]{26})"/g, (whole, id: string) => (known.has(id) ? JSON.stringify(known.get(id)) : whole));
}

/** The server's state as the name tells it, and what had happened since the fact before. */
async function bringAbout({ name }: Fact): Promise<void> {
  if (name.startsWith('policy 30')) clock = policyOn;
  server.state.maxTokenLifetimeDays = /policy 30/.test(name) || name.startsWith('non compliant') ? 30 : 0;
  server.state.tokensEnabled = !/while tokens are off|a bot token, past/.test(name);
  const fut = server.state.tokens.find(({ id }) => id === tokens.get('fut')?.id);
  if (fut !== undefined) fut.active = name !== 'rotate a disabled one';
  if (name === 'expired, used before') {
    await fetch(`${server.url}/api/v4/users/me`, { headers: { authorization: `Bearer ${tokens.get('soon')!.token}` } });
    clock = afterTheEnds;
  }
  // That server held more tokens than these facts made.
  if (name === 'non compliant count') for (let more = 0; more < 12; more += 1) server.makeToken('kim');
}

/** Members, types and values; ids and secrets by what they were before, times of changes by their form. */
function compare(actual: unknown, expected: unknown, where: string): void {
  if (typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual as object), where).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) compare((actual as Record<string, unknown>)[name], value, `${where}.${name}`);
  } else if (typeof expected === 'string' && /^[a-z0-9]{26}$/.test(expected)) {
    expect(actual, where).toMatch(/^[a-z0-9]{26}$/);
    expect(actual, where).toBe(known.get(expected) ?? actual);
    known.set(expected, actual as string);
  } else if (/\.(create_at|update_at|last_password_update)$/.test(where)) {
    expect(actual, where).toBeTypeOf('number');
  } else {
    expect(actual, where).toBe(expected);
  }
}

beforeAll(async () => {
  server = await startMattermost({ version: '11.10.0', botsEnabled: true, now: () => clock });
  const role = { roles: 'system_user system_user_access_token' };
  server.addUser({ username: accounts['joe']!, ...role });
  server.addUser({ username: accounts['plain']! });
  server.user('kim').roles = role.roles;
});
afterAll(() => server.close());

it('has every recorded fact', () => {
  expect(facts.map(({ replay }) => replay)).toEqual(Array.from({ length: 67 }, () => 'facts'));
});

for (const fact of facts) {
  it(fact.name.trim(), async () => {
    await bringAbout(fact);
    const { method, path, as, body } = fact.request;
    const response = await fetch(server.url + filledPath(path), {
      method, headers: { 'content-type': 'application/json', ...(as === undefined ? {} : { authorization: `Bearer ${bearer(as)}` }) }, ...(body === undefined ? {} : { body: filledBody(body) }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(fact.response.status);
    expect(response.headers.get('content-type')).toBe(fact.response.headers['content-type']);
    expect(response.headers.get('x-version-id')).toMatch(/^11\.10\.0\.\./);
    expect(response.headers.get('date')).toBe(new Date(clock).toUTCString());
    const told = JSON.parse(text) as Record<string, unknown>;
    compare(told, fact.response.body, fact.name);
    const name = called[fact.name];
    if (name !== undefined) tokens.set(name, { id: String(told['id']), token: String(told['token']) });
  });
}
