/**
 * One of a crew that works on a team's store at once, as the program is wired: HOME ADDRESS TOKEN
 * ISSUER NUMBER SECONDS. Refreshes a credential that all share, whose token the issuer takes once;
 * notes on it; and makes, renames and removes credentials of its own. Prints what it did.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HttpClient, Vault } from '../../src/context.ts';
import { createHttpClient } from '../../src/http/client.ts';
import { createEncryptedFile } from '../../src/stores/encrypted-file.ts';
import { machineOf } from '../../src/stores/home.ts';
import { OpenBaoStore } from '../../src/stores/openbao/store.ts';
import { JoinedVault } from '../../src/team/joined.ts';
import { Known } from '../../src/team/known.ts';
import { TeamVault } from '../../src/team/vault.ts';
import { createVault } from '../../src/vault.ts';
import { credentialNamed, identity, now } from '../stores/credentials.ts';

const [folder = '', address = '', token = '', issuer = '', number = '', seconds = '1'] = process.argv.slice(2);
const { signal } = new AbortController();
const machine = machineOf(process);
const home = join(folder, 'home');
const said: string[] = [];

function joined(): Vault {
  let client: HttpClient | undefined;
  const file = async () => createEncryptedFile({ home, workerPath: '/nonexistent', now, identity: async () => identity, passphrase: async () => '' });
  return new JoinedVault({
    home: createVault({ home, machine, now, signal, stores: { file, keychain: file } }), known: new Known({ home, machine, signal }), leads: true,
    warn: (sentence) => { said.push(sentence); },
    team: async () => {
      const store = new OpenBaoStore({
        env: { BAO_ADDR: address, BAO_TOKEN: token }, tokenFile: undefined, protect: () => undefined, readFile: async (path) => await readFile(path, 'utf8'),
        http: async () => (client ??= createHttpClient({ env: {}, signal, debug: () => undefined, protect: () => undefined })),
      });
      return { vault: new TeamVault({ store, signal, warn: (sentence) => { said.push(sentence); } }), at: store.engine.place };
    },
  });
}

async function refresh(vault: Vault): Promise<void> {
  const seen = await vault.load('shared');
  await vault.withRefreshLock(seen.credential, async (proveWrite) => {
    const there = await vault.load('shared');
    if (there.secrets['token'] !== seen.secrets['token']) return;
    await proveWrite();
    const answer = await fetch(`${issuer}/spend/${there.secrets['token'] ?? ''}`, { method: 'POST' });
    if (!answer.ok) throw new Error(`the issuer refused ${there.secrets['token'] ?? ''}: ${answer.status}`);
    await vault.save({ ...there, secrets: { token: await answer.text() } }, ({ id }) => id === there.credential.id);
  });
}

const notes: string[] = [];
let mine: string | undefined;
let made = 0;
let rounds = 0;
const until = performance.now() + Number(seconds) * 1000;
while (performance.now() < until) {
  // A run of the program each time: nothing is remembered from the one before.
  const vault = joined();
  await refresh(vault);
  if (notes.length < 15) {
    const id = `${number}-${rounds}`;
    const note = { url: 'https://n8n.example.com', id, name: 'shared', type: 'x', at: '2026-03-01T12:00:00Z' };
    await vault.update('shared', (there) => ({ ...there, pushed: [...there.pushed ?? [], note] }));
    notes.push(id);
  }
  const own = `own-${number}-${rounds % 2}`;
  if (mine === undefined) {
    await vault.save(credentialNamed(own, `token-${number}-${rounds}`, { id: `id-${number}`, store: 'vault' }), () => false);
    made += 1;
    mine = own;
  } else if (rounds % 5 === 4) {
    await vault.remove(mine);
    mine = undefined;
  } else if (mine !== own) {
    await vault.rename(mine, own);
    mine = own;
  }
  rounds += 1;
  await vault.close();
}
process.stdout.write(JSON.stringify({ notes, mine, made, rounds, said }));
