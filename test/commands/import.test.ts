/** `import`, and `refresh --all` and `test --expiring` for a timer. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import type { PracticeMautic } from '../../src/practice/mautic.ts';
import { refreshes, storeOAuth2 } from './oauth.ts';
import { allScopes, n8nApiKey, startN8n } from '../../src/practice/n8n.ts';
import { atTheEnd, errorOf, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from './support.ts';

interface Entry { name: string; url: string; id: string; secrets: Record<string, string>; [member: string]: unknown }
interface Document { version: number; credentials: Entry[]; [member: string]: unknown }

let chat: PracticeMattermost;
let crm: PracticeMautic;
let token: string;
let password: string;
let exported: string;
beforeAll(async () => {
  [chat, crm] = [await mattermostServer({ tokensEnabled: true }), await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true })];
  const from = script();
  token = await storeMattermost(from, chat);
  password = await storeMautic(from, crm);
  exported = (await from.run(['export', '--all'], { reveals: true })).stdout;
});

let to: Script;
beforeEach(() => {
  to = script();
  chat.log.length = 0;
  crm.log.length = 0;
});

const requests = (): number => chat.log.length + crm.log.length;
const known = () => ({ secrets: [token, password] });
const statuses = (finished: { json(): Record<string, unknown> }): Record<string, string> =>
  Object.fromEntries((finished.json()['results'] as { name: string; status: string; error?: { code: string } }[]).map(({ name, status, error }) => [name, error?.code ?? status]));

/** The exported document, changed, in a file. */
function file(change: (document: Document) => void = () => undefined): string {
  const document = JSON.parse(exported) as Document;
  change(document);
  const path = join(folder(), 'export.json');
  writeFileSync(path, JSON.stringify(document));
  return path;
}

function entry(document: Document, name: string): Entry {
  return document.credentials.find((one) => one.name === name)!;
}

async function names(one: Script): Promise<string[]> {
  return ((await one.run(['list', '--json'])).json()['credentials'] as { name: string }[]).map(({ name }) => name);
}

describe('import', () => {
  it('stores what was exported, validated, with id and name as they were; a second time it is unchanged and nothing is sent', async () => {
    expect(statuses(await to.run(['import', file(), '--json'], known()))).toEqual({ chat: 'created', crm: 'created' });
    const again = (await to.run(['export', '--all'], { reveals: true })).json() as unknown as Document;
    const before = JSON.parse(exported) as Document;
    expect(again.credentials.map(({ id, name, secrets }) => [id, name, secrets])).toEqual(
      before.credentials.map(({ id, name, secrets }) => [id, name, secrets]),
    );
    const sent = requests();
    expect(statuses(await to.run(['import', file(), '--json'], known()))).toEqual({ chat: 'unchanged', crm: 'unchanged' });
    expect(requests()).toBe(sent);
  });

  it('reads standard input', async () => {
    expect(statuses(await to.run(['import', '-', '--json'], { ...known(), stdin: exported }))).toEqual({ chat: 'created', crm: 'created' });
  });

  it('says with --dry-run what it would do, and sends and stores nothing', async () => {
    const { exitCode, stderr } = await to.run(['import', file(), '--dry-run'], known());
    expect([exitCode, requests(), await names(to)]).toEqual([0, 0, []]);
    expect(stderr).toMatch(/chat {2}created: dry run/);
  });

  it('stores nothing at all when one is refused, and the others with --partial', async () => {
    const path = file((document) => { entry(document, 'crm').secrets['password'] = 'wrong-all-along'; });
    const whole = await to.run(['import', path, '--json'], known());
    expect([whole.exitCode, statuses(whole), await names(to)]).toEqual([12, { chat: 'skipped', crm: 'PASSWORD_REJECTED' }, []]);
    const partial = await to.run(['import', path, '--partial', '--json'], known());
    expect([partial.exitCode, statuses(partial), await names(to)]).toEqual([12, { chat: 'created', crm: 'PASSWORD_REJECTED' }, ['chat']]);
  });

  it('sends a refused secret once, however many entries hold it', async () => {
    const path = file((document) => {
      const one = { ...entry(document, 'crm'), secrets: { password: 'wrong-all-along' } };
      document.credentials = Array.from({ length: 30 }, (_, index) => ({ ...one, name: `crm-${index}` }));
    });
    const done = await to.run(['import', path, '--json'], known());
    expect(new Set(Object.values(statuses(done)))).toEqual(new Set(['PASSWORD_REJECTED']));
    expect(crm.log.filter(({ authorization }) => authorization === `Basic ${Buffer.from('contacts:wrong-all-along').toString('base64')}`)).toHaveLength(1);
  });

  it('replaces a secret that changed, and nothing that another account or address has under the name', async () => {
    await to.run(['import', file(), '--json'], known());
    const { token: newToken } = chat.makeToken('maker');
    expect(statuses(await to.run(['import', file((document) => { entry(document, 'chat').secrets['token'] = newToken; }), '--json'], { secrets: [newToken] }))).toMatchObject({ chat: 'replaced', crm: 'unchanged' });
    const { token: others } = chat.makeToken('joe');
    const other = file((document) => { entry(document, 'chat').secrets['token'] = others; });
    expect(statuses(await to.run(['import', other, '--json'], { secrets: [others] }))).toMatchObject({ chat: 'NAME_TAKEN' });
    const elsewhere = await mattermostServer({ tokensEnabled: true });
    const moved = file((document) => { entry(document, 'chat').url = elsewhere.url; });
    expect(statuses(await to.run(['import', moved, '--json'], known()))).toMatchObject({ chat: 'NAME_TAKEN' });
    expect(elsewhere.log).toEqual([]);
    expect((await to.run(['get', 'chat'], { reveals: true })).stdout).toBe(`${newToken}\n`);
  });

  it.each<[string, (one: Entry) => void, string]>([
    ['a name that is a path', (one) => { one.name = '../../etc'; }, 'NAME_INVALID'],
    ['a password in the address', (one) => { one.url = 'https://user:geheim1234@chat.example.com'; }, 'FILE_INVALID'],
    ['an address that is none', (one) => { one.url = 'javascript:alert(1)'; }, 'FILE_INVALID'],
    ['an address without TLS', (one) => { one.url = 'http://chat.example.com'; }, 'URL_INSECURE'],
    ['an address without TLS that was allowed once', (one) => { one.url = 'http://chat.example.com'; one['allowHttp'] = true; }, 'INPUT_MISSING'],
    ['a certificate that nobody checks', (one) => { one['ignoreSslIssues'] = true; }, 'INPUT_MISSING'],
    ['an authority of its own', (one) => { one['caCertificates'] = 1; }, 'INPUT_MISSING'],
    ['a token with a line end', (one) => { one.secrets['token'] = 'abc\ndef'; }, 'INPUT_INVALID'],
    ['a secret of another method', (one) => { one.secrets['clientSecret'] = 'x'; }, 'INPUT_INVALID'],
    ['no secret', (one) => { one.secrets = {}; }, 'INPUT_INVALID'],
    ['a service of the future', (one) => { one['service'] = 'slack'; }, 'UNSUPPORTED'],
    ['a member that is no text', (one) => { one.secrets['token'] = 5 as never; }, 'FILE_INVALID'],
    ['an id that is a path', (one) => { one.id = '../x'; }, 'FILE_INVALID'],
  ])('refuses %s, and connects to nobody', async (_, change, code) => {
    const done = await to.run(['import', file((document) => { change(entry(document, 'chat')); }), '--json'], known());
    expect(Object.values(statuses(done))).toContain(code);
    expect([done.exitCode, requests(), await names(to)]).toEqual([12, code === 'URL_INSECURE' ? requests() : 0, []]);
  });

  it.each<[string, (text: string) => string, string]>([
    ['cut short', (text) => text.slice(0, 200), 'FILE_INVALID'],
    ['from the future', (text) => text.replace('"version": 1', '"version": 2'), 'FILE_TOO_NEW'],
    ['without a version', (text) => text.replace('"version": 1,', ''), 'FILE_INVALID'],
    ['something else', () => '[]', 'FILE_INVALID'],
    ['empty', () => '', 'FILE_INVALID'],
    ['without a credential', () => '{"version":1,"credentials":[]}', 'FILE_INVALID'],
    ['with a name twice', (text) => text.replace('"name": "crm"', '"name": "CHAT"'), 'FILE_INVALID'],
  ])('refuses a file that is %s, repeating nothing of it', async (_, change, code) => {
    const path = join(folder(), 'export.json');
    writeFileSync(path, change(exported));
    const done = await to.run(['import', path, '--json'], known());
    expect(errorOf(done)).toMatchObject({ code });
    expect(requests()).toBe(0);
  });

  it('names the one wrong entry of a thousand, and sends none of the others', async () => {
    const path = file((document) => {
      const one = entry(document, 'chat');
      document.credentials = Array.from({ length: 1000 }, (_, index) => ({ ...one, name: `chat-${index}`, secrets: { token: index === 640 ? 'two words' : token } }));
    });
    const done = await to.run(['import', path, '--json'], known());
    const results = statuses(done);
    expect([done.exitCode, results['chat-640'], new Set(Object.values(results))]).toEqual([12, 'INPUT_INVALID', new Set(['skipped', 'INPUT_INVALID'])]);
    expect([requests(), await names(to)]).toEqual([0, []]);
  });

  it('gives an entry an id of its own when another name has it already', async () => {
    await to.run(['import', file(), '--json'], known());
    const path = file((document) => { document.credentials = [{ ...entry(document, 'chat'), name: 'chat-again' }]; });
    expect(statuses(await to.run(['import', path, '--json'], known()))).toEqual({ 'chat-again': 'created' });
    const ids = ((await to.run(['list', '--json'])).json()['credentials'] as { id: string }[]).map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
  });

  it('ignores members that it does not know', async () => {
    expect(statuses(await to.run(['import', file((document) => { document['comment'] = 'x'; entry(document, 'chat')['colour'] = 'blue'; }), '--json'], known()))).toEqual({ chat: 'created', crm: 'created' });
  });

  it('never spends a refresh token: an access token that ended is told as such', async () => {
    const from = script();
    await storeOAuth2(from, crm, { name: 'signed-in' });
    const document = (await from.run(['export', 'signed-in', '--hand-over'], { reveals: true })).json() as unknown as Document;
    const path = join(folder(), 'export.json');
    writeFileSync(path, JSON.stringify(document));
    const before = refreshes(crm);
    expect(statuses(await to.run(['import', path, '--json']))).toEqual({ 'signed-in': 'created' });
    document.credentials[0]!.secrets['accessTokenExpiresAt'] = '2020-01-01T00:00:00Z';
    document.credentials[0]!.name = 'ended';
    for (const [says, given] of [['may still hold', {}], ['no refresh token', { refreshToken: undefined }]] as const) {
      Object.assign(document.credentials[0]!.secrets, given);
      writeFileSync(path, JSON.stringify(document));
      const done = await to.run(['import', path, '--json']);
      const [{ error }] = done.json()['results'] as [{ error: object }];
      // Nobody refused it, so nothing says that somebody did.
      expect(error).toMatchObject({ code: 'UNSUPPORTED', exitCode: 2, message: expect.stringContaining(says) as string, hint: expect.stringContaining('credsetup reconnect ended') as string });
    }
    expect([refreshes(crm), await names(to)]).toEqual([before, ['signed-in']]);
  });

  it('takes back what it had stored when a later entry cannot be stored, and what was there before is there again', async () => {
    await to.run(['import', file(), '--json'], known());
    const [replaced, fresh] = [chat.makeToken('maker').token, chat.makeToken('maker').token];
    // Its server takes it, and no store does: of more than 2,560 bytes.
    const [flow, large] = [await startN8n(), `${n8nApiKey}${'a'.repeat(2600)}`];
    atTheEnd(() => flow.close());
    flow.state.keys.set(large, allScopes);
    const path = file((document) => {
      const one = entry(document, 'chat');
      document.credentials = [
        { ...one, secrets: { token: replaced } }, { ...one, name: 'new', secrets: { token: fresh } },
        { ...one, name: 'flow', service: 'n8n', method: 'api-key', url: flow.url, secrets: { apiKey: large } },
      ];
    });
    const before = (await to.run(['export', '--all'], { reveals: true })).json()['credentials'];
    const done = await to.run(['import', path, '--json'], { secrets: [replaced, fresh, large] });
    expect([done.exitCode, statuses(done)]).toEqual([12, { chat: 'skipped', new: 'skipped', flow: 'SECRET_TOO_LARGE' }]);
    expect((await to.run(['export', '--all'], { reveals: true })).json()['credentials']).toEqual(before);
  });
});

describe('for a timer', () => {
  it('refreshes every sign-in with --all, and with --older-than only those that were not renewed for so long', async () => {
    await storeOAuth2(to, crm, { name: 'one' });
    await storeMattermost(to, chat);
    const before = refreshes(crm);
    const all = await to.run(['refresh', '--all', '--json']);
    expect([all.exitCode, statuses(all), refreshes(crm) - before]).toEqual([0, { one: 'ok', chat: 'skipped' }, 1]);
    expect(statuses(await to.run(['refresh', '--all', '--older-than', '7', '--json']))).toEqual({ one: 'skipped', chat: 'skipped' });
    const index = join(to.home, 'index.json');
    const eightDaysAgo = new Date(Date.now() + 6 * 86_400_000).toISOString();
    writeFileSync(index, readFileSync(index, 'utf8').replace(/"expiresAt": "[^"]+"/, `"expiresAt": "${eightDaysAgo}"`));
    expect(statuses(await to.run(['refresh', '--all', '--older-than', '7', '--json']))).toEqual({ one: 'ok', chat: 'skipped' });
    expect(refreshes(crm) - before).toBe(2);
  });

  it('fails with 9 for what ends soon, and with 12 when something else fails too', async () => {
    await storeOAuth2(to, crm, { name: 'one' });
    await storeMattermost(to, chat);
    expect((await to.run(['test', '--all', '--expiring', '3', '--json'])).exitCode).toBe(0);
    const soon = await to.run(['test', '--all', '--expiring', '20', '--json']);
    expect([soon.exitCode, statuses(soon)]).toEqual([9, { one: 'EXPIRES_SOON', chat: 'ok' }]);
    chat.state.tokens.length = 0;
    expect((await to.run(['test', '--all', '--expiring', '20', '--json'])).exitCode).toBe(12);
  });
});
