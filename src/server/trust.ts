/** Whom a password may be told to. */
import { CredsetupError } from '../errors.ts';
import { isLoopbackHost } from '../http/loopback.ts';

/**
 * Whoever holds a password or changes a server must know whom they talk to. Throws USAGE.
 * Security: passwords, codes and repairs never go over unchecked TLS.
 */
export function checkTrusted(base: string | undefined, options: { readonly ignoreSslIssues: boolean }): void {
  const url = base === undefined || !URL.canParse(base) ? undefined : new URL(base);
  const clear = url?.protocol === 'http:' && !isLoopbackHost(url.hostname);
  if (!options.ignoreSslIssues && !clear) return;
  const option = options.ignoreSslIssues ? '--ignore-ssl-issues' : '--allow-http';
  throw new CredsetupError('USAGE', `A password, a multi-factor code or an admin's token is never sent over ${clear ? 'a connection that is not encrypted' : 'TLS that is not checked'} (${option}).`, {
    url: base, hint: clear ? 'Use the https:// address of the server, or make the token in its pages and give that.' : 'Leave --ignore-ssl-issues out and trust the server\'s authority with --ca-file FILE, or make the token in its pages and give that.',
  });
}
