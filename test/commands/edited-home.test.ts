/**
 * A home in other hands: an index that points elsewhere, records exchanged or rolled back, a copy, a
 * poisoned name. A listener counts what reaches it: nothing.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { mauticPassword, type PracticeMautic } from '../../src/practice/mautic.ts';
import type { PracticeMattermost } from '../../src/practice/mattermost.ts';
import { n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { startOpenBao } from '../../src/practice/openbao.ts';
import { atTheEnd, folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic, type Script } from './support.ts';

interface Index { entries: { key: string; credential: Record<string, unknown> }[] }

let [chat, crm, n8n] = [] as unknown as [PracticeMattermost, PracticeMautic, PracticeN8n];
let whole: string;
/** An export of it, and a list that names the same: what is brought in meets an index that says otherwise. */
let [exported, list] = ['', ''];
let elsewhere: string;
/** Bytes that reached the listener. */
let reached = 0;
const secrets: string[] = [n8nApiKey, mauticPassword];

beforeAll(async () => {
  [chat, crm, n8n] = [await mattermostServer({ tokensEnabled: true }), await mauticServer(), await startN8n()];
  const listener = createServer((socket) => socket.on('error', () => socket.destroy()).on('data', (data) => { reached += data.length; })).listen(0, '127.0.0.1');
  await new Promise((resolve) => { listener.once('listening', resolve); });
  atTheEnd(() => n8n.close());
  atTheEnd(() => { listener.close(); });
  elsewhere = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const one = script();
  secrets.push(await storeMattermost(one, chat), await storeMattermost(one, chat, 'other'));
  await storeMautic(one, crm);
  expect((await one.run(['n8n', '--url', n8n.url, '--name', 'work'], { env: { CREDSETUP_API_KEY: n8nApiKey }, secrets })).exitCode).toBe(0);
  const files = folder();
  exported = join(files, 'export.json');
  writeFileSync(exported, (await one.run(['export', 'chat', 'crm'], { reveals: true })).stdout);
  writeFileSync(join(files, 'token'), secrets.find((secret) => secret.length === 26)!);
  list = join(files, 'list.yaml');
  writeFileSync(list, `version: 1\ncredentials:\n  - {name: chat, service: mattermost, url: "${chat.url}", token: {file: token}}\n`);
  whole = one.home;
});

/** A home that somebody copied, with its index changed. */
function edited(change: (index: Index, home: string) => void): Script {
  const home = folder();
  cpSync(whole, home, { recursive: true });
  const path = join(home, 'index.json');
  const index = JSON.parse(readFileSync(path, 'utf8')) as Index;
  change(index, home);
  writeFileSync(path, JSON.stringify(index));
  return script(home);
}

const entry = (index: Index, name: string): Index['entries'][number] => index.entries.find(({ credential }) => credential['name'] === name)!;
const named = ['chat', 'crm', 'work'];

const edits: Readonly<Record<string, (index: Index, home: string) => void>> = {
  'every address': (index) => { for (const name of named) entry(index, name).credential['url'] = elsewhere; },
  'every address and the id': (index) => { for (const name of named) Object.assign(entry(index, name).credential, { url: elsewhere, id: '0d4a3a52-6d0e-4c0f-9a54-3d1b8f6f2c22' }); },
  'the service that a secret is of': (index) => { for (const name of named) Object.assign(entry(index, name).credential, { service: 'n8n', method: 'api-key', url: elsewhere }); },
  'the account and TLS settings beside the address': (index) => { for (const name of named) Object.assign(entry(index, name).credential, { url: elsewhere, ignoreSslIssues: true, allowHttp: true, fields: {} }); },
  'the keys of two records': (index) => {
    const [one, other] = [entry(index, 'chat'), entry(index, 'other')];
    [one.key, other.key] = [other.key, one.key];
    for (const name of named) entry(index, name).credential['url'] = elsewhere;
  },
  'the key to one that there is not': (index) => { for (const name of named) Object.assign(entry(index, name), { key: 'A'.repeat(entry(index, name).key.length) }, { credential: { ...entry(index, name).credential, url: elsewhere } }); },
  'names that are options and paths': (index) => { for (const [at, name] of ['--url=x', '../chat', 'chat\n::add-mask::x'].entries()) Object.assign(entry(index, named[at]!).credential, { name, url: elsewhere }); },
  'where a copy was pushed to': (index) => {
    for (const name of ['chat', 'crm']) entry(index, name).credential['pushed'] = [{ url: elsewhere, id: 'aaaaaaaaaaaaaaaa', name: 'chat', type: 'mattermostApi', at: '2026-01-01T00:00:00.000Z' }];
  },
  'everything, with the secrets of an older day': (index, home) => {
    for (const name of named) entry(index, name).credential['url'] = elsewhere;
    writeFileSync(join(home, 'credentials.age'), readFileSync(join(whole, 'credentials.age')));
  },
};

/** Edits that are tried with every command that sends something; the others with three of them. */
const everyCommand = new Set(['every address', 'where a copy was pushed to']);
const others = (): readonly (readonly string[])[] => [
  ['check', 'work', '--json'], ['push', 'work', 'chat', '--replace', '--run', '--json'], ['rotate', 'chat', '--run', '--json', '--grace', '0'],
    ['edit', 'chat', '--check-ssl', '--json'], ['import', exported, '--replace', '--json'],
    ['apply', list, '--secrets-dir', dirname(list), '--allow-host', new URL(chat.url).host, '--replace', '--json'],
];

it.each(Object.keys(edits))('with another hand in its index, which changed %s, sends nothing anywhere', async (kind) => {
  const one = edited(edits[kind]!);
  reached = 0;
  const runs: readonly (readonly string[])[] = [
    ['test', '--all', '--json'], ['push', 'work', 'chat', 'crm', '--json'], ['rotate', 'chat', '--json', '--grace', '0'],
    ...(everyCommand.has(kind) ? others() : []),
  ];
  for (const args of runs) {
    const done = await one.run(args, { secrets });
    // An entry that cannot be one is told, and the others are tested.
    if (args[0] === 'test' && kind !== 'where a copy was pushed to') expect(done.exitCode !== 0 || done.stderr.includes('damaged'), done.stderr).toBe(true);
  }
  expect(reached).toBe(0);
});

it('with another hand in what it knows of a team\'s store, and in what is public there, sends nothing anywhere', async () => {
  const bao = await startOpenBao();
  atTheEnd(() => bao.close());
  const env = { BAO_ADDR: bao.url, BAO_TOKEN: bao.rootToken };
  const one = script(folder(), env);
  const { token } = chat.makeToken('maker');
  const stored = await one.run(['mattermost', '--url', chat.url, '--name', 'chat', '--store', 'vault'], { env: { CREDSETUP_TOKEN: token } });
  expect(stored.exitCode, stored.stderr).toBe(0);
  const path = join(one.home, 'vault-index.json');
  writeFileSync(path, readFileSync(path, 'utf8').replaceAll(chat.url, elsewhere).replaceAll(bao.url, elsewhere));
  const metadata = `${bao.url}/v1/secret/metadata/credsetup/chat`;
  const headers = { 'x-vault-token': bao.rootToken };
  const { data } = await (await fetch(metadata, { headers })).json() as { data: { custom_metadata: Record<string, string> } };
  const changed = Object.fromEntries(Object.entries(data.custom_metadata).map(([name, value]) => [name, value.replaceAll(chat.url, elsewhere)]));
  expect(changed).not.toEqual(data.custom_metadata);
  await fetch(metadata, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify({ custom_metadata: changed }) });
  reached = 0;
  for (const args of [['list'], ['test', 'chat', '--json'], ['test', '--all', '--json'], ['rotate', 'chat', '--json', '--grace', '0'], ['edit', 'chat', '--check-ssl', '--json'], ['get', 'chat', '--json']]) {
    const done = await one.run(args, { secrets: [token, bao.rootToken] });
    if (args[0] !== 'list') expect(done.exitCode, `${args.join(' ')}: ${done.stdout}${done.stderr}`).not.toBe(0);
  }
  expect(reached).toBe(0);
  expect(chat.state.tokens.find((made) => made.token === token)?.active).toBe(true);
});
