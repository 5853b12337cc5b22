/** `list`: the index, nothing else. */
import { howToSetUp } from '../services/map.ts';
import { table } from './table.ts';
import type { list } from './catalog.ts';
import type { Run } from './command.ts';

export const run: Run<typeof list> = async ({ json }, context) => {
  const { output } = context;
  const vault = await context.vault();
  const stored = await vault.list();
  // What is said of an end is the services' knowledge: loaded where there is an end.
  const ends = stored.some(({ expiresAt }) => expiresAt !== undefined) ? await import('../stored/expiry.ts') : undefined;
  const credentials = ends === undefined ? stored : stored.map((one) => ({ ...one, warnings: [...one.warnings, ...ends.expiryWarnings(one, context.now())] }));
  if (json) {
    const damaged = await vault.damaged();
    output.json({ credentials, ...(damaged.length === 0 ? {} : { damaged }) });
    return 0;
  }
  if (credentials.length === 0) {
    if ((await vault.damaged()).length > 0) return 0;
    output.say(`Nothing is stored yet. ${howToSetUp}`);
    return 0;
  }
  output.data(output.plain(table(
    ['NAME', 'SERVICE', 'METHOD', 'ADDRESS', 'ACCOUNT', 'VALIDATED', 'STORE', 'NOTES'],
    credentials.map((one) => [
      one.name, one.service, one.method, one.url, one.account.username ?? '', one.validatedAt.slice(0, 16).replace('T', ' '), one.store,
      [...one.warnings.filter(({ code }) => code === 'EXPIRES_SOON').map(() => 'ends soon'), one.signIn === undefined ? '' : 'n8n signs in', (one.pushed ?? []).length === 0 ? '' : `in n8n at ${(one.pushed ?? []).map(({ url }) => new URL(url).host).join(' and ')}`, one.handedOver === undefined ? '' : `handed over to ${one.handedOver.to}`, one.ignoreSslIssues ? 'TLS unchecked' : '', one.allowHttp && one.url.startsWith('http:') ? 'not encrypted' : ''].filter((note) => note !== '').join(', '),
    ]),
    output.dataColumns(),
  )));
  return 0;
};
