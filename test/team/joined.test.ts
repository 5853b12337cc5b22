/** Moves between the store at home and the team's, killed between any two requests to the engine. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Vault } from '../../src/context.ts';
import type { PracticeOpenBao } from '../../src/practice/openbao.ts';
import { createEncryptedFile } from '../../src/stores/encrypted-file.ts';
import { JoinedVault } from '../../src/team/joined.ts';
import { Known } from '../../src/team/known.ts';
import { createVault } from '../../src/vault.ts';
import { credentialNamed, identity, machine, now, temporaryFolder } from '../stores/support.ts';
import { machineAt, openBao, type MachineOptions } from './support.ts';

const { signal } = new AbortController();
/** A killed process's locks are another process's to take: here all are one, so they grow stale soon. */
const lock = { heartbeatMs: 20, staleMs: 200 };

function vaultAt(home: string, server: PracticeOpenBao, options: MachineOptions = {}): { readonly joined: Vault; readonly home: Vault; readonly team: Vault } {
  const file = async () => createEncryptedFile({ home, workerPath: '/nonexistent', now, identity: async () => identity, passphrase: async () => '' });
  const atHome = createVault({ home, machine, now, signal, lock, stores: { file, keychain: file } });
  const { vault: team } = machineAt(server, { lease: 1000, ...options });
  const at = { address: server.url, path: 'secret/credsetup' };
  const known = new Known({ home, machine, signal, lock });
  return { home: atHome, team, joined: new JoinedVault({ home: atHome, team: async () => ({ vault: team, at }), known, leads: false, warn: () => undefined }) };
}

it.each([['file', 'vault'], ['vault', 'file']] as const)('a move from %s to %s that was cut off anywhere keeps the secret and ends with one copy', async (from, to) => {
  for (let requests = 0; ; requests += 1) {
    expect(requests).toBeLessThan(40);
    const [server, home] = [await openBao(), join(await temporaryFolder(), 'home')];
    await vaultAt(home, server).joined.save(credentialNamed('chat', 't0', { store: from }), () => false);
    const { joined } = vaultAt(home, server, { requests });
    const move = async (): Promise<true> => {
      const full = await joined.load('chat');
      await joined.save({ ...full, credential: { ...full.credential, store: to } }, ({ id }) => id === full.credential.id);
      return true;
    };
    const finished = await Promise.race([move(), new Promise<false>((resolve) => { setTimeout(() => { resolve(false); }, 400); })]);

    // What a killed process held is not held any more: a copy of its home, without its locks.
    const next = vaultAt(finished ? home : await copyWithoutLocks(home), server);
    const there = await next.joined.load('chat');
    expect(there.secrets['token']).toBe('t0');
    const copies = [await next.home.find('chat'), await next.team.find('chat')].filter((one) => one !== undefined);
    expect(copies.map(({ store }) => store)).toEqual([there.credential.store]);
    expect(await next.joined.list()).toHaveLength(1);
    if (!finished) continue;
    expect(there.credential.store).toBe(to);
    return;
  }
});

async function copyWithoutLocks(home: string): Promise<string> {
  const { cp } = await import('node:fs/promises');
  const copy = join(await temporaryFolder(), 'home');
  await cp(home, copy, { recursive: true, filter: (path) => !path.endsWith('.lock') });
  return copy;
}
