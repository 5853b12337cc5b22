/** How a server is reached: options into a Connection, and an Api bound to a base URL. */
import type { Connection, Context, HttpClient } from '../context.ts';
import { CredsetupError, isCredsetupError } from '../errors.ts';
import type { Warning } from '../credential.ts';
import type { Api } from '../services/api.ts';
import type { Method } from '../services/service.ts';
import { isLoopbackHost } from '../http/loopback.ts';

export interface ConnectionOptions {
  readonly caFiles: readonly string[];
  readonly ignoreSslIssues: boolean;
  readonly allowHttp: boolean;
}

const mostBytes = 1024 * 1024;
const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Checked TLS, with no authority beside the system's: what holds where nobody said anything else. */
export const checkedConnection: Connection = { ignoreSslIssues: false, allowHttp: false, certificates: [] };

/** Throws FILE_UNREADABLE, FILE_INVALID. */
export async function readConnection(options: ConnectionOptions, context: Context): Promise<Connection> {
  const texts = await Promise.all(options.caFiles.map((path) => readCertificates(path, context)));
  return { ignoreSslIssues: options.ignoreSslIssues, allowHttp: options.allowHttp, certificates: [...new Set(texts.flat())] };
}

const hint = '--ca-file takes the certificate of the authority in PEM form (a text with -----BEGIN CERTIFICATE-----).';

async function readCertificates(path: string, context: Context): Promise<readonly string[]> {
  const text = await context.readFile(path, mostBytes, '--ca-file').catch((error: unknown) => {
    throw isCredsetupError(error) ? error.with({ hint }) : error;
  });
  return certificatesIn(text, path);
}

/** The certificates in a file's text, one at least. Throws FILE_INVALID. */
export async function certificatesIn(text: string, path: string): Promise<readonly string[]> {
  const found = text.match(block) ?? [];
  const { X509Certificate } = await import('node:crypto');
  for (const pem of found) {
    try {
      new X509Certificate(pem);
    } catch (error) {
      throw new CredsetupError('FILE_INVALID', `A certificate in ${path} is damaged.`, { hint, cause: error });
    }
  }
  if (found.length === 0) throw new CredsetupError('FILE_INVALID', `${path} holds no certificate.`, { hint });
  return found;
}

/** An Api of one base URL. */
export function apiOf(base: string, http: HttpClient, connection: Connection): Api {
  return {
    base,
    send: async ({ path, ...request }) => {
      if (dotSegment.test(path)) throw strangeId(base);
      return await http.send({ ...request, url: base + path }, connection);
    },
  };
}

// encodeURIComponent leaves `..` as it is, and URLs take it as the way up (RFC 3986 §5.2.4).
const dotSegment = /\/\.{1,2}(?=[/?]|$)/;

function strangeId(base: string): CredsetupError {
  return new CredsetupError('RESPONSE_INVALID', `${base} gave an id that would lead to another of its addresses; nothing was asked there.`, {
    url: base, hint: 'No such server makes ids like that. Open the address in a browser, and ask its admin what answers there.',
  });
}

/** What everybody in between can do; said before the first request of every run that goes that way. */
export function openWarning({ protocol, hostname }: URL, { ignoreSslIssues }: Connection): Warning | undefined {
  const can = 'whoever stands in between can read and change everything.';
  if (ignoreSslIssues) return { code: 'TLS_UNCHECKED', message: `The certificate of ${hostname} is not checked: ${can}` };
  return protocol === 'http:' && !isLoopbackHost(hostname) ? { code: 'NOT_ENCRYPTED', message: `The connection to ${hostname} is not encrypted: ${can}` } : undefined;
}

/** What the way to the server means for the credential, and for n8n, which must go the same way. */
export function connectionWarnings(base: string, connection: Connection, method: Method): readonly Warning[] {
  const { hostname } = new URL(base);
  const open = openWarning(new URL(base), connection);
  const warnings: Warning[] = open === undefined ? [] : [open];
  if (connection.ignoreSslIssues) {
    if (!method.n8n.tlsOption) {
      warnings.push({ code: 'N8N_NO_TLS_OPTION', message: `n8n's credential "${method.n8n.title}" has no option to ignore SSL issues: there it needs a valid certificate, or the authority's in NODE_EXTRA_CA_CERTS.` });
    }
  }
  if (connection.certificates.length > 0) {
    warnings.push({ code: 'N8N_NEEDS_CA', message: `n8n needs the same certificate authority: set NODE_EXTRA_CA_CERTS=/path/to/ca.pem where n8n runs and restart it.` });
  }
  if (isLoopbackHost(hostname)) {
    warnings.push({ code: 'N8N_LOOPBACK_ADDRESS', message: `${hostname} means this computer. An n8n in a container or on another machine does not reach the server by that name.` });
  }
  return warnings;
}
