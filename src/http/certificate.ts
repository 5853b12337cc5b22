/** A look at the certificate that a server shows: to name it in an error, never to trust it. */
import { X509Certificate } from 'node:crypto';
import { isIP, type LookupFunction } from 'node:net';
import * as tls from 'node:tls';
import { foreign } from '../foreign.ts';

/** Names are the server's text: cleaned of control characters and cut. Times are RFC 3339 in UTC. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** The host names and addresses that it is for. */
  readonly names: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly selfSigned: boolean;
  /** SHA-256, as OpenSSL writes it. */
  readonly fingerprint: string;
}

export interface LookOptions {
  readonly host: string;
  readonly port: number;
  readonly lookup?: LookupFunction | undefined;
  readonly milliseconds: number;
  readonly signal: AbortSignal;
}

/**
 * The chain that a server sends, its own certificate first; empty when it could not be seen. One
 * TLS handshake without checks, over which nothing is sent. Never throws.
 */
export function lookAtCertificates({ host, port, lookup, milliseconds, signal }: LookOptions): Promise<readonly CertificateFacts[]> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host, port, rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(lookup === undefined ? {} : { lookup }),
    });
    const end = (chain: readonly CertificateFacts[]): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      socket.destroy();
      resolve(chain);
    };
    const giveUp = (): void => end([]);
    const timer = setTimeout(giveUp, milliseconds);
    signal.addEventListener('abort', giveUp);
    socket.on('error', giveUp);
    socket.once('secureConnect', () => end(chainOf(socket.getPeerCertificate(true))));
  });
}

function chainOf(leaf: tls.DetailedPeerCertificate): readonly CertificateFacts[] {
  const chain: CertificateFacts[] = [];
  const seen = new Set<string>();
  let next: Partial<tls.DetailedPeerCertificate> | undefined = leaf;
  while (next?.fingerprint256 !== undefined && !seen.has(next.fingerprint256) && chain.length < 10) {
    seen.add(next.fingerprint256);
    chain.push(factsOf(next as tls.DetailedPeerCertificate));
    next = next.issuerCertificate;
  }
  return chain;
}

function factsOf(certificate: tls.DetailedPeerCertificate): CertificateFacts {
  const alternatives = (certificate.subjectaltname ?? '').split(', ').filter((name) => /^(?:DNS|IP Address):/.test(name));
  const names = alternatives.map((name) => clean(name.replace(/^[^:]*:/, '')));
  const subject = nameOf(certificate.subject);
  return {
    subject: subject === '' ? names[0] ?? 'no name' : subject,
    issuer: nameOf(certificate.issuer),
    names: names.length === 0 && subject !== '' ? [subject] : names,
    from: moment(certificate.valid_from),
    to: moment(certificate.valid_to),
    selfSigned: JSON.stringify(certificate.subject) === JSON.stringify(certificate.issuer),
    fingerprint: certificate.fingerprint256,
  };
}

/** What stands in certificates that somebody gave, which were checked when they were read. */
export function factsOfGiven(certificates: readonly string[]): readonly CertificateFacts[] {
  return certificates.map((pem) => factsOf(new X509Certificate(pem).toLegacyObject() as tls.DetailedPeerCertificate));
}

/** node types every part as a string, but an absent one is undefined and a repeated one an array. */
function nameOf(name: Readonly<Partial<Record<'CN' | 'O' | 'OU', string | readonly string[]>>>): string {
  const part = name.CN ?? name.O ?? name.OU ?? '';
  return clean(typeof part === 'string' ? part : part.join(', '));
}

function clean(text: string): string {
  const visible = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '');
  return visible === '' ? '' : foreign(visible.length > 100 ? `${visible.slice(0, 100)}…` : visible);
}

function moment(text: string): string {
  const time = Date.parse(text);
  return Number.isNaN(time) ? clean(text) : new Date(time).toISOString();
}
