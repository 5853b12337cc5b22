/**
 * `export --format n8n-overwrites`: what n8n takes in CREDENTIALS_OVERWRITE_DATA (or _FILE, or its
 * endpoint). Every user of that n8n then only presses Connect. Measured with n8n 2.41.1.
 */
import { CredsetupError } from '../errors.ts';
import { requiredValueOf, type Exporter, type Remarks } from './export.ts';

/** One JSON object and a line end: `{type: {clientId, clientSecret}}`. Throws UNSUPPORTED for what has no client, USAGE for two of a type. */
export const toN8nOverwrites: Exporter = (items) => {
  const types = new Map<string, Readonly<Record<string, unknown>>>();
  for (const { full, method: { n8n } } of items) {
    const { name } = full.credential;
    if (n8n.tokens === undefined) throw new CredsetupError('UNSUPPORTED', `${name} has no OAuth2 client, which is all that n8n's overwrites are for.`, { name, hint: 'Put it into n8n with credsetup push, or export it with --format n8n.' });
    if (types.has(n8n.type)) throw new CredsetupError('USAGE', `Two of them are of the type ${n8n.type}, and n8n takes one client for each type.`, { name, hint: 'Name one of them.' });
    // The address is each user's own to type.
    types.set(n8n.type, Object.fromEntries(n8n.fields.filter(({ from }) => from !== 'url').map(({ label, member, from }) => [member, requiredValueOf(from, label, full)])));
  }
  return `${JSON.stringify(Object.fromEntries(types), undefined, 2)}\n`;
};

/** What every user of that n8n gets by it, and who can read the client. */
export const overwritesRemarks: Remarks = (items, { file }) => {
  const types = items.map(({ method }) => method.n8n.title).join(' and ');
  const urls = items.map(({ full }) => full.credential.url).join(' and ');
  const where = file === undefined ? 'CREDENTIALS_OVERWRITE_DATA' : `CREDENTIALS_OVERWRITE_DATA_FILE=${file}`;
  return [
    { isWarning: false, text: `Give it to n8n in ${where}, and start it anew: every user of that n8n then types ${urls} in a credential of the type ${types}, and presses Connect.` },
    { isWarning: true, text: 'Whoever can read the environment, the file or the process of that n8n has the Client Secret, and with it what the account may that made the client. n8n does not show it to its users.' },
  ];
};
