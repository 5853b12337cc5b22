/**
 * What of a server's words is kept. A server that gives the token back as the account's name would
 * have it stand in the index, in clear, for `list` and `show` to print: so before a credential is
 * kept, each text of the server is looked through for the secrets in hand.
 */
import type { Output, Vault } from './context.ts';
import type { Account, Credential, FullCredential, Pushed } from './credential.ts';

/** The vault, of which nothing is kept that a server says with a secret in it, and whose names and addresses are known to be public. */
export function withCleanTexts(vault: Vault, output: Output): Vault {
  const known = (credential: Credential): Credential => {
    for (const value of publicValues(credential)) output.publish(value);
    return credential;
  };
  return {
    ...vaultMethods(vault),
    list: async () => (await vault.list()).map(known),
    find: async (name) => {
      const found = await vault.find(name);
      return found === undefined ? undefined : known(found);
    },
    load: async (name) => {
      const full = await vault.load(name);
      known(full.credential);
      return full;
    },
    save: (full, mayReplace) => {
      known(full.credential);
      return vault.save(cleanFull(full, output), mayReplace);
    },
    update: (name, change) => vault.update(name, (there) => cleanCredential(change(known(there)), output)),
    rename: async (from, to) => known(await vault.rename(from, to)),
  };
}

/** A class's methods are no members of its own: a spread would lose them. */
function vaultMethods(vault: Vault): Pick<Vault, 'damaged' | 'prepare' | 'remove' | 'withRefreshLock' | 'close'> {
  return {
    damaged: () => vault.damaged(), prepare: (store) => vault.prepare(store), remove: (name) => vault.remove(name),
    withRefreshLock: (id, task) => vault.withRefreshLock(id, task), close: () => vault.close(),
  };
}

/** What a person chose or typed in the open. */
function publicValues({ name, url, fields: { username, clientId, redirectUri } }: Credential): readonly string[] {
  return [name, url, username, clientId, redirectUri].filter((value) => value !== undefined);
}

function cleanFull(full: FullCredential, output: Output): FullCredential {
  for (const [key, value] of Object.entries(full.secrets)) if (!key.endsWith('ExpiresAt')) output.protect(value);
  const { tokenId } = full.credential.fields;
  const fields = tokenId === undefined ? full.credential.fields : { ...full.credential.fields, tokenId: output.foreign(tokenId) };
  return { ...full, credential: { ...cleanCredential(full.credential, output), fields } };
}

/** `fields` stay: the secret is bound to them. */
function cleanCredential(credential: Credential, output: Output): Credential {
  const { account, server, warnings, pushed } = credential;
  return {
    ...credential,
    account: cleanAccount(account, output),
    server: server.version === undefined ? server : { version: output.foreign(server.version) },
    warnings: warnings.map(({ code, message }) => ({ code, message: output.plain(message) })),
    ...(pushed === undefined ? {} : { pushed: pushed.map((one) => cleanCopy(one, output)) }),
  };
}

/** What n8n said of its test is in our words, with a code of its at most. */
function cleanCopy(copy: Pushed, output: Output): Pushed {
  const { id, name, test } = copy;
  const cleanTest = test === undefined ? {} : { test: { ...test, message: output.plain(test.message) } };
  return { ...copy, id: output.foreign(id), name: output.foreign(name), ...cleanTest };
}

/** The account as it is kept and shown. */
export function cleanAccount(account: Account, output: Pick<Output, 'foreign'>): Account {
  return Object.fromEntries(Object.entries(account).map(([key, value]: [string, unknown]) => [key, typeof value === 'string' ? output.foreign(value) : value]));
}
