/** The policies that the chapter for teams gives, as it gives them: each does what it says, and no more. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Capability, Rule } from '../../src/practice/openbao-state.ts';
import type { PracticeOpenBao } from '../../src/practice/openbao.ts';
import { credentialNamed, failure } from '../stores/support.ts';
import { machineAt, openBao, type Machine } from './support.ts';

const chapter = readFileSync(new URL('../../docs/stores-and-teams.md', import.meta.url), 'utf8');

/** The rules of a block that begins with the name of its file. */
function policy(file: string): readonly Rule[] {
  const block = new RegExp(`\`\`\`hcl\\n# ${file}\\n([^\`]*)\`\`\``).exec(chapter)?.[1] ?? '';
  const rules = [...block.matchAll(/^path "([^"]+)" \{ capabilities = \[([^\]]*)\] \}$/gm)].map(([, path = '', list = '']) => (
    { path, capabilities: [...list.matchAll(/"([a-z]+)"/g)].map(([, word]) => word as Capability) }));
  expect(rules.length, `the rules of ${file}`).toBe(block.trim().split('\n').length);
  return rules;
}

const chat = credentialNamed('chat', 't0', { store: 'vault' });
const as = (server: PracticeOpenBao, file: string): Machine => machineAt(server, { token: server.makeToken(policy(file)) });

async function stored(): Promise<PracticeOpenBao> {
  const server = await openBao();
  await machineAt(server).vault.save(chat, () => true);
  return server;
}

async function rotate({ vault }: Machine): Promise<void> {
  const full = await vault.load('chat');
  await vault.withRefreshLock(full.credential, async (proveWrite) => {
    const there = await vault.load('chat');
    await proveWrite();
    await vault.save({ ...there, credential: { ...there.credential, validatedAt: '2026-03-02T00:00:00Z' }, secrets: { token: 't1' } }, () => true);
  });
}

describe('the policy in the docs', () => {
  it('for a person allows all of it, with nothing to complain of', async () => {
    const server = await openBao();
    const one = as(server, 'person.hcl');
    await one.vault.prepare('vault');
    await one.vault.save(chat, () => false);
    await rotate(one);
    await one.vault.rename('chat', 'talk');
    expect((await one.vault.list()).map(({ name }) => name)).toEqual(['talk']);
    await one.vault.remove('talk');
    expect(await one.vault.list()).toEqual([]);
    expect(one.said).toEqual([]);
  });

  it('for a CI job uses and refreshes, with nothing to complain of, and makes and removes none', async () => {
    const server = await stored();
    const one = as(server, 'ci.hcl');
    expect((await one.vault.list()).map(({ name }) => name)).toEqual(['chat']);
    await rotate(one);
    expect(one.said).toEqual([]);
    expect(server.peek('credsetup/chat')!.data['token']).toBe('t1');
    await failure(one.vault.save(credentialNamed('new', 'x', { store: 'vault', id: 'another' }), () => true), 'STORE_FORBIDDEN');
    await failure(one.vault.remove('chat'), 'STORE_FORBIDDEN');
  });

  it('for n8n reads and lists, and writes nothing', async () => {
    const server = await stored();
    const token = server.makeToken(policy('n8n.hcl'));
    const ask = async (path: string, method = 'GET'): Promise<number> => (await fetch(`${server.url}/v1/${path}`, { method, headers: { 'x-vault-token': token }, ...(method === 'GET' ? {} : { body: '{"data":{}}' }) })).status;
    expect([await ask('auth/token/lookup-self'), await ask('secret/metadata/credsetup/?list=true'), await ask('secret/data/credsetup/chat')]).toEqual([200, 200, 200]);
    expect([await ask('secret/data/credsetup/chat', 'POST'), await ask('secret/metadata/credsetup/chat', 'DELETE'), await ask('secret/destroy/credsetup/chat', 'POST')]).toEqual([403, 403, 403]);
  });
});
