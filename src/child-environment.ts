/** Without CREDSETUP_*: those hold master secrets, and no program that we start has a use for them. */
export function childEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // Windows does not tell upper from lower case in names.
    if (value !== undefined && !name.toUpperCase().startsWith('CREDSETUP_')) kept[name] = value;
  }
  return kept;
}

const openTeamStore = new Set(['BAO_TOKEN', 'VAULT_TOKEN']);

/**
 * For what we start for ourselves (browser, clipboard, keychain): without the token of a team's store
 * either, which opens all of it. A command of `exec` is the person's own, and keeps it.
 */
export function helperEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(childEnvironment(env)).filter(([name]) => !openTeamStore.has(name.toUpperCase())));
}
