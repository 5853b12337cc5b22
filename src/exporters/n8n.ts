/**
 * `export --format n8n`: what `n8n import:credentials --input=FILE` reads. Measured with n8n
 * 2.41.1: an array of {id, name, type, data}, all four needed, `data` a plain object; `data` as
 * text is accepted and breaks every later export of that n8n.
 */
import { createHash } from 'node:crypto';
import type { FullCredential, Warning } from '../credential.ts';
import type { N8nTokens } from '../services/service.ts';
import { requiredValueOf, type Exporter, type ExportItem, type ExportOptions, type Remark, type Remarks } from './export.ts';

/** One credential as n8n takes it, by file or by its API. */
export interface N8nCredential {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A JSON array and a line end. */
export const toN8n: Exporter = (items, options) => `${JSON.stringify(items.map((item) => n8nCredential(item, options)), undefined, 2)}\n`;

/** Exactly the members that the type has. */
export function n8nCredential({ full, method: { n8n } }: ExportItem, { now, handOver }: Pick<ExportOptions, 'now' | 'handOver'>): N8nCredential {
  const { fields, tokens } = n8n;
  const data: Record<string, unknown> = Object.fromEntries(fields.map(({ label, member, from }) => [member, requiredValueOf(from, label, full)]));
  if (handOver && tokens !== undefined) data[tokens.member] = tokenData(tokens, full, now);
  return { id: idOf(full.credential.id), name: full.credential.name, type: n8n.type, data };
}

// The column holds 36 characters; the same id again replaces the credential there.
const longestId = 36;

function idOf(id: string): string {
  return id.length <= longestId ? id : createHash('sha256').update(id).digest('hex').slice(0, longestId);
}

/** The token response as n8n stores it, RFC 6749 §5.1: needed are an access token, even an ended one, and the refresh token. */
function tokenData(tokens: N8nTokens, full: FullCredential, now: Date): Readonly<Record<string, unknown>> {
  const ends = Date.parse(full.secrets[tokens.expiresAt] ?? '');
  return {
    access_token: requiredValueOf({ secret: tokens.accessToken }, 'access token', full),
    refresh_token: requiredValueOf({ secret: tokens.refreshToken }, 'refresh token', full),
    token_type: 'bearer',
    ...(Number.isNaN(ends) ? {} : { expires_in: Math.max(0, Math.floor((ends - now.getTime()) / 1000)) }),
  };
}

const told = /^(N8N_.*|CLIENT_ACTS_AS_ADMIN)$/;

/** What who imports it into n8n should know of each credential. */
export function n8nWarnings(items: readonly ExportItem[]): readonly (Warning & { readonly name: string })[] {
  return items.flatMap(
    ({ full: { credential: { name, warnings } } }) => warnings.filter(({ code }) => told.test(code)).map((warning) => ({ ...warning, name })),
  );
}

/** What is left to do there, and what n8n does not say by itself. */
export const n8nRemarks: Remarks = (items, { file, handOver }) => {
  // Said in full when it was set up, and in show.
  const known = items.flatMap((item): Remark[] => {
    const codes = n8nWarnings([item]).map(({ code }) => code);
    return codes.length === 0 ? [] : [{ isWarning: true, text: `${item.full.credential.name}, as before: ${codes.join(', ')}` }];
  });
  const toConnect = handOver ? [] : items.filter(({ method }) => method.n8n.tokens !== undefined).map(({ full }) => full.credential.name);
  return [
    ...known,
    ...(toConnect.length === 0 ? [] : [{ isWarning: false, text: `In n8n, open ${toConnect.join(', ')} and press Connect: the sign-in is not part of the export.` }]),
    { isWarning: false, text: `Import it with: n8n import:credentials --input=${file ?? '/dev/stdin'}\nThe line "Successfully imported ${items.length === 1 ? '1 credential' : `${items.length} credentials`}." proves that it worked; exit code 0 alone does not.` },
  ];
};
