/**
 * Whom we trust. `ca` replaces node's built-in roots and NODE_EXTRA_CA_CERTS (measured), so
 * every context is made from all of them, with a connection's own certificates beside.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';
import type { Connection } from '../context.ts';

export interface Authorities {
  /** The PEM texts of all that is trusted with `certificates`. */
  trusted(certificates: readonly string[]): Promise<readonly string[]>;
  /** A context that trusts the built-in roots, the system's, NODE_EXTRA_CA_CERTS's and `certificates` (PEM), and shows `identity` to who asks. */
  context(certificates: readonly string[], identity?: Connection['identity']): Promise<tls.SecureContext>;
  /** The system's file of CAs that this node does not read by itself; empty when none is known, undefined when it reads the store. */
  unreadBundle(): string | undefined;
  /** What is wrong with NODE_EXTRA_CA_CERTS, as a sentence; known after the first context. */
  complaint(): string | undefined;
}

/** Debian, Fedora, openSUSE, Alpine and macOS. */
const bundles = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/ca-bundle.pem', '/etc/ssl/cert.pem'];

/** Reads nothing before the first context is asked for: 144 roots take 30 ms. */
export function createAuthorities(extraFile: string | undefined, debug: (line: string) => void): Authorities {
  const contexts = new Map<string, tls.SecureContext>();
  let complaint: string | undefined;
  let roots: Promise<readonly string[]> | undefined;

  const readRoots = async (): Promise<readonly string[]> => {
    const extra = await readExtra(extraFile);
    complaint = extra.complaint;
    if (complaint !== undefined) debug(complaint);
    return [...new Set([...tls.rootCertificates, ...systemRoots(debug), ...extra.pem])];
  };

  const trusted = async (certificates: readonly string[]): Promise<readonly string[]> => {
    roots ??= readRoots();
    return [...await roots, ...certificates];
  };

  return {
    trusted,
    complaint: () => complaint,
    unreadBundle: () => ((tls as NewerTls).getCACertificates === undefined ? bundles.find((path) => existsSync(path)) ?? '' : undefined),
    async context(certificates, identity) {
      const key = [...certificates, identity?.certificate, identity?.key].join('\n');
      const known = contexts.get(key);
      if (known !== undefined) return known;
      const context = tls.createSecureContext(
        { ca: [...await trusted(certificates)], ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }) },
      );
      contexts.set(key, context);
      return context;
    },
  };
}

// An empty variable is not set.
async function readExtra(file: string | undefined): Promise<{ pem: readonly string[]; complaint?: string }> {
  if (file === undefined || file === '') return { pem: [] };
  try {
    const pem = await readFile(file, 'utf8');
    if (/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/.test(pem)) return { pem: [pem] };
    return { pem: [], complaint: 'NODE_EXTRA_CA_CERTS names a file without a PEM certificate.' };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return { pem: [], complaint: `NODE_EXTRA_CA_CERTS names a file that cannot be read (${code}).` };
  }
}

interface NewerTls {
  readonly getCACertificates?: (type: 'system') => readonly string[];
}

/** The system's roots, from Node 22.15 on; none before. */
function systemRoots(debug: (line: string) => void): readonly string[] {
  try {
    return (tls as NewerTls).getCACertificates?.('system') ?? [];
  } catch (error) {
    debug(`The system's certificates cannot be read (${error instanceof Error ? error.name : typeof error}).`);
    return [];
  }
}
