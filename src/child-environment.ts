/** Without CREDSETUP_*: those hold master secrets, and no program that we start has a use for them. */
export function childEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // Windows does not tell upper from lower case in names.
    if (value !== undefined && !name.toUpperCase().startsWith('CREDSETUP_')) kept[name] = value;
  }
  return kept;
}
