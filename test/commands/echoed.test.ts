/** Secrets that a server gives back, and secrets that are words: what is kept, what is printed, and what stays as it is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import type { PracticeMautic } from '../../src/practice/mautic.ts';
import { errorOf, mattermostServer, mauticServer, script } from './support.ts';

const token = 'q8zk3wexr5tnb7yp4dhc9gfjma';

/** What a server makes of the token before it gives it back; none of it may be kept or printed. */
const dresses: readonly (readonly [string, (secret: string) => string])[] = [
  ['as it is', (secret) => secret],
  ['its first ten characters', (secret) => secret.slice(0, 10)],
  ['twenty from its middle', (secret) => secret.slice(3, 23)],
  ['its end', (secret) => `user-${secret.slice(-12)}`],
  ['base64', (secret) => Buffer.from(secret).toString('base64')],
  ['base64 that is cut', (secret) => Buffer.from(`x:${secret}`).toString('base64').slice(6, 24)],
  ['base64url of a header', (secret) => Buffer.from(`Bearer ${secret}`).toString('base64url')],
  ['hex digits', (secret) => Buffer.from(secret).toString('hex')],
  ['capital hex digits, cut', (secret) => Buffer.from(secret).toString('hex').toUpperCase().slice(7, 31)],
];

/** No eight characters of the token, nor the same in hex or base64, stand in a text. */
function expectNothingOf(text: string, secret: string): void {
  const forms = [secret, Buffer.from(secret).toString('hex'), ...[0, 1, 2].map((before) => Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]).toString('base64url').slice(before + 1, 30))];
  const lower = text.toLowerCase();
  for (const form of forms) {
    const size = form.length > 40 ? 16 : form === secret ? 8 : 11;
    for (let at = 0; at + size <= form.length; at += 1) {
      const piece = form.slice(at, at + size);
      expect((/^[0-9a-f]{16}$/.test(piece) ? lower : text.replaceAll('+', '-').replaceAll('/', '_')).includes(piece), `${piece} stands in: ${text}`).toBe(false);
    }
  }
}

describe('a token that the server gives back', () => {
  let chat: PracticeMattermost;
  beforeAll(async () => { chat = await mattermostServer({ version: '6.7.0' }); });

  const user = { id: 'w5o8iq1x3jf6upmsr7ytkz9e4a', username: 'maker', email: 'maker@example.org', first_name: '', last_name: '', roles: 'system_user', is_bot: false };

  const answerWith = (member: string, dressed: string): void => {
    chat.intercept = (request, own) => (request.path === '/api/v4/users/me' ? { status: 200, headers: { 'x-version-id': '6.7.0.x' }, body: { ...user, [member]: dressed } } : request.path.startsWith('/api/v4/users') ? { status: 200, body: [] } : own());
  };

  it.each(dresses)('%s, as user name, email or name, is neither kept nor printed', async (_, dress) => {
    for (const [index, member] of ['username', 'email', 'first_name'].entries()) {
      answerWith(member, dress(token));
      const one = script();
      const store = index % 2 === 0 ? ['--json'] : ['--debug'];
      const done = await one.run(['mattermost', '--url', chat.url, '--name', 'chat', ...store], { env: { CREDSETUP_TOKEN: token } });
      expect(done.exitCode, done.stderr).toBe(0);
      const printed = [done.stdout, done.stderr];
      for (const args of [['list'], ['show', 'chat', '--json']]) printed.push((await one.run(args)).stdout);
      printed.push(readFileSync(join(one.home, 'index.json'), 'utf8'));
      for (const text of printed) expectNothingOf(text, token);
      expect(printed[3]).toContain('***');
    }
  }, 60_000);

  it('as the id of the account, which it has the shape of, is neither kept nor printed; in another dress it is no id', async () => {
    const one = script();
    for (const [index, [, dress]] of dresses.entries()) {
      answerWith('id', dress(token));
      const done = await one.run(['mattermost', '--url', chat.url, '--name', 'chat', '--json', '--debug'], { env: { CREDSETUP_TOKEN: token } });
      if (index === 0) expect(done.json()).toMatchObject({ account: { id: '***' } });
      else expect(errorOf(done).code).toBe('RESPONSE_INVALID');
      for (const text of [done.stdout, done.stderr, readFileSync(join(one.home, 'index.json'), 'utf8')]) expectNothingOf(text, token);
    }
  });

  it.each(dresses)('%s, as error id, member or content type, is not printed', async (_, dress) => {
    const id = dress(token).replace(/[+/=]/g, '');
    chat.intercept = (request, own) => (request.authorization === undefined ? own()
      : { status: 403, headers: { 'x-version-id': '6.7.0.x', 'content-type': `application/json;x=${id}` }, body: { id, [id]: 1, message: id } });
    const done = await script().run(['mattermost', '--url', chat.url, '--name', 'chat', '--debug', '--json'], { env: { CREDSETUP_TOKEN: token } });
    expect(errorOf(done).code).toBe('PERMISSION_DENIED');
    for (const text of [done.stdout, done.stderr]) expectNothingOf(text, token);
  });

  it('in the address that it redirects to is not printed', async () => {
    chat.intercept = (request, own) => (request.authorization === undefined ? own() : { status: 302, headers: { location: `https://${token.slice(0, 14)}.example.com/${token.slice(14)}` }, body: '' });
    const done = await script().run(['mattermost', '--url', chat.url, '--name', 'chat', '--debug', '--json'], { env: { CREDSETUP_TOKEN: token } });
    expect(errorOf(done).code).toBe('REDIRECTED');
    for (const text of [done.stdout, done.stderr]) expectNothingOf(text, token);
  });
});

describe('a password that is a word', () => {
  let crm: PracticeMautic;
  // 7 takes no weak password.
  beforeAll(async () => { crm = await mauticServer({ version: '5.1.0' }); });

  const setUp = (password: string, name: string, more: readonly string[]) => {
    crm.user('contacts').password = password;
    const one = script();
    return { one, done: one.run(['mautic', '--method', 'basic', '--url', crm.url, '--username', 'contacts', '--name', name, ...more], { env: { CREDSETUP_PASSWORD: password }, reveals: true, weak: true }) };
  };

  it.each(['mautic', 'name', 'service', 'basic', 'file', 'message', 'code', 'contacts', 'http', 'true', '127', 'INPUT_INVALID', 'credential', 'store'])('%j changes nothing of what is ours in JSON', async (password) => {
    const plain = (await setUp('R4nd0m-and-long-enough', 'my-crm', ['--json']).done).json();
    const { one, done } = setUp(password, 'my-crm', ['--json']);
    const told = (await done).json();
    const same = ['id', 'createdAt', 'validatedAt'];
    expect({ ...told, ...Object.fromEntries(same.map((key) => [key, plain[key]])) }).toEqual(plain);
    expect((await one.run(['show', 'my-crm', '--json'], { reveals: true })).json()).toMatchObject({ service: 'mautic', method: 'basic', name: 'my-crm', url: crm.url });
  });

  it.each([['mautic', 'my-mautic'], ['mautic7', 'my-mautic7'], ['saved', 'crm'], ['encrypted', 'crm']])('%j is not told by what is said of %s', async (password, name) => {
    const { done } = setUp(password, name, []);
    const { stderr, exitCode } = await done;
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(`Saved as ${name} in the encrypted file.`);
    expect(stderr).not.toContain('***');
  });

  it('is masked where a server says it', async () => {
    crm.user('contacts').password = 'sesame';
    Object.assign(crm.user('contacts'), { firstName: 'open', lastName: 'sesame' });
    const one = script();
    const done = await one.run(['mautic', '--method', 'basic', '--url', crm.url, '--username', 'contacts', '--name', 'crm', '--json'], { env: { CREDSETUP_PASSWORD: 'sesame' } });
    expect(done.json()).toMatchObject({ account: { username: 'contacts', name: 'open ***' } });
    expect(readFileSync(join(one.home, 'index.json'), 'utf8')).not.toContain('sesame');
  });
});
