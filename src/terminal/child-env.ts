/** The environment that children of the terminal get. */

/** Without CREDSETUP_*: those hold master secrets, and a browser or a clipboard tool has no use for them. */
export function childEnv(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // Windows does not tell upper from lower case in names.
    if (value !== undefined && !name.toUpperCase().startsWith('CREDSETUP_')) kept[name] = value;
  }
  return kept;
}
