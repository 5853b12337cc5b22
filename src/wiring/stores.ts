/** Where secrets are kept: this home's stores and the team's, opened when they are needed. */
import { fileURLToPath } from 'node:url';
import type { Context, Journal, Vault } from '../context.ts';
import { withCleanTexts } from '../kept-texts.ts';
import { createPassphrase, identityText } from '../passphrase.ts';
import type { ExportOptions } from '../stores/export-file.ts';
import { homePath, homePathIfAny, userFile } from '../stores/home-path.ts';
import { machineOf } from '../stores/home.ts';
import { JoinedVault, type JoinedOptions } from '../team/joined.ts';
import { Known } from '../team/known.ts';
import { createVault } from '../vault.ts';
import { openHttp } from './network.ts';
import { once, type Closers, type Parts } from './parts.ts';
import { isThere, readText } from './reading.ts';

/** The vault of this home, joined with the team's where there is one. */
export function openVault(context: Context, parts: Parts, closers: Closers): Vault {
  const { env, output, signal, interactive } = context;
  // Asked for when it is needed: what is kept nowhere needs no home.
  const home = (): string => homePath(env, process.geteuid?.());
  const machine = machineOf(process);
  const atHome = createVault({
    get home() { return home(); },
    machine, now: () => new Date(), signal,
    onDamaged: (damaged, path) => {
      for (const { name = 'one without a name', why } of damaged) output.warn(`${output.style.caution('!')} The entry ${name} of ${path} is damaged (${why}); it was left as it is, and the others work.`);
    },
    stores: {
      keychain: async () => (await import('../stores/keychain.ts')).createKeychain({
        childPath: built('keychain-child.js'), execPath: process.execPath, env, interactive, signal,
        service: env['CREDSETUP_KEYCHAIN_SERVICE'] ?? 'credsetup',
        onSlow: () => { output.say('  Waiting for the OS keychain. Is a dialog open that asks to unlock it?'); },
      }),
      file: async () => (await import('../stores/encrypted-file.ts')).createEncryptedFile({
        home: home(), workerPath: built('scrypt-worker.js'), signal, now: () => new Date(),
        identity: () => identityText(context), passphrase: createPassphrase(context),
      }),
    },
  });
  const vault = new JoinedVault({
    home: atHome, known: new Known({ get home() { return home(); }, machine, signal }), leads: env['CREDSETUP_STORE'] === 'vault',
    team: () => openTeam(context, parts, closers), warn: (sentence) => { output.warn(`  ${output.style.caution('!')} ${sentence}`); },
  });
  closers.push(() => vault.close());
  return withCleanTexts(vault, output);
}

/** Its own HTTP client: what is written there is written to its end although the run was stopped. */
async function openTeam({ env, output, signal }: Context, parts: Parts, closers: Closers): ReturnType<JoinedOptions['team']> {
  const { OpenBaoStore } = await import('../stores/openbao/store.ts');
  const { TeamVault } = await import('../team/vault.ts');
  const tokenFile = userFile('.vault-token', process.geteuid?.());
  const store = new OpenBaoStore({
    env, readFile: (path, limit, source) => readText(path, limit, source, parts),
    tokenFile: tokenFile !== undefined && isThere(tokenFile) ? tokenFile : undefined,
    http: once(() => openHttp({ ...parts.options.network, outlivesStop: true }, parts, closers)), protect: (secret) => { output.protect(secret); },
  });
  const vault = new TeamVault({ store, signal, warn: (sentence) => { output.warn(`  ${output.style.caution('!')} ${sentence}`); } });
  return { vault, at: store.engine.place };
}

/** What is being made at services, in this home. */
export async function openJournal(env: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<Journal> {
  const { createJournal } = await import('../stores/journal.ts');
  return createJournal({ home: homePath(env, process.geteuid?.()), machine: machineOf(process), signal });
}

/** Where the built chunks lie: this file is one of them. */
export function built(name: string): string {
  return fileURLToPath(new URL(import.meta.url.includes('/chunks/') ? `../${name}` : name, import.meta.url));
}

/** What an output may not be, and whose it is. */
export function exportOptions({ env, descriptors, stopper: { signal } }: Parts, overwrite: boolean): ExportOptions {
  return { overwrite, machine: machineOf(process), home: homePathIfAny(env, process.geteuid?.()), descriptors, signal };
}
