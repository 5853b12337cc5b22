/**
 * Every failure of a connection that was measured (undici 7 on Node 20), as data: the library's
 * code, our code, what happened and what to do. The order is the order of choice when one failure
 * holds several codes, as a name with two addresses does. No library's message is ever repeated.
 */
import type { ErrorCode } from '../errors.ts';
import type { Place } from './address.ts';
import type { CertificateFacts } from './certificate.ts';
import { isLoopbackHost } from './loopback.ts';

/** How far a request came. */
export type Stage = 'connecting' | 'waiting' | 'reading';

/** What is known when a request failed. */
export interface Scene extends Place {
  /** ` through the proxy host:port`, or empty. */
  readonly via: string;
  readonly stage: Stage;
  readonly totalSeconds: number;
  readonly responseBytes: number;
  /** As the server sent it, its own first; empty when it could not be looked at. */
  readonly chain: readonly CertificateFacts[];
  /** A sentence about NODE_EXTRA_CA_CERTS, or empty. */
  readonly complaint: string;
  /** What --ca-file gave. */
  readonly given: readonly CertificateFacts[];
  /** Where this node reads no system store: the file with its certificates, or empty when there is none. Undefined where it reads it. */
  readonly unreadBundle: string | undefined;
  /** It is n8n that was asked: what n8n meets at this address is nothing to say then. */
  readonly toN8n: boolean;
  readonly now: Date;
}

export interface Failure {
  readonly code: ErrorCode;
  readonly message: (scene: Scene) => string;
  readonly hint: (scene: Scene) => string;
}

const n8nTrusts = ({ toN8n }: Scene): string => toN8n ? '' : 'n8n connects to the same address and needs the same: NODE_EXTRA_CA_CERTS=FILE where it runs, or "Ignore SSL Issues" in its credential where there is such a switch.';
const n8nGetsIt = ({ toN8n }: Scene): string => toN8n ? '' : 'n8n gets the same answer from the same address.';
const giveCa = (what: string): string => `give ${what} with --ca-file FILE, or turn the checks off for this address alone with --ignore-ssl-issues.`;
const n8nMeetsIt = ({ toN8n }: Scene): string => toN8n ? '' : 'n8n connects to the same address and meets the same certificate: there only "Ignore SSL Issues" in its credential helps, where there is such a switch.';

/** The ways around, and what n8n needs. */
function reach({ host, via, toN8n }: Scene): string {
  // What this computer means to an n8n elsewhere is no reason for anything that fails here.
  if (isLoopbackHost(host)) return '';
  const proxy = via === ''
    ? 'If this machine reaches the net through a proxy only, name it with --proxy URL or HTTPS_PROXY.'
    : `Without the proxy: NO_PROXY=${host}; with another: --proxy URL.`;
  return toN8n ? proxy : `${proxy} n8n connects to the same address, and must be able to reach it from where it runs.`;
}

const tryHttps = (scene: Scene): string => (scene.secure ? '' : 'The server may want https:// on this port: check the address. ');

/** The command that shows what a server sends. */
const showChain = ({ at, host }: Scene): string => `openssl s_client -connect ${at} -servername ${host} -showcerts </dev/null`;

function described(certificate: CertificateFacts | undefined): string {
  if (certificate === undefined) return '';
  return ` The certificate: for "${certificate.subject}", issued by "${certificate.issuer}", valid from ${certificate.from} to ${certificate.to}.`;
}

const leaf = ({ chain }: Scene): string => described(chain[0]);
const outOfDate = (scene: Scene, wrong: (certificate: CertificateFacts) => boolean): string => described(scene.chain.find(wrong) ?? scene.chain[0]);
const forgedByProxy = ({ via }: Scene): string => (via === '' ? '' : 'A proxy that opens TLS shows a certificate of its own CA. ');

const selfSigned: Failure = {
  code: 'TLS_SELF_SIGNED',
  message: (scene) => `${scene.at}${scene.via} shows a certificate that signed itself.${leaf(scene)}`,
  hint: (scene) => `If the server is yours, save its certificate (${showChain(scene)}) and ${giveCa('the file')} ${n8nTrusts(scene)}${scene.complaint}`,
};

const selfSignedInChain: Failure = {
  code: 'TLS_SELF_SIGNED',
  message: (scene) => `The certificate of ${scene.at}${scene.via} comes from a CA that signed itself and that ${scene.unreadBundle === undefined ? 'this machine' : 'Node.js'} does not know.${leaf(scene)}${ca(scene)}`,
  hint: (scene) => `${wrongCaFile(scene)}${unreadStore(scene)}${forgedByProxy(scene)}If you trust that CA, ${giveCa('its certificate')} ${n8nTrusts(scene)}${scene.complaint}`,
};

function ca({ chain }: Scene): string {
  const root = chain.find((certificate) => certificate.selfSigned);
  return root === undefined ? '' : ` The CA: "${root.subject}".`;
}

/** What --ca-file gave, when that is why it does not help; empty when it gave nothing. */
function wrongCaFile({ chain: [own], given }: Scene): string {
  if (given.length === 0) return '';
  const n8nToo = 'n8n\'s NODE_EXTRA_CA_CERTS needs the same.';
  if (own !== undefined && given.some(({ fingerprint }) => fingerprint === own.fingerprint)) {
    return `--ca-file gives the server's own certificate, which counts for nothing without the CA's: put the certificate of "${own.issuer}" (and of whoever issued that, up to one that signed itself) into the file. ${n8nToo} `;
  }
  const between = given.find(({ selfSigned }) => !selfSigned);
  if (between !== undefined) {
    return `--ca-file gives an intermediate, "${between.subject}", and a chain must end at a certificate that signed itself: put the one of "${between.issuer}" into the file too. ${n8nToo} `;
  }
  const names = given.slice(0, 3).map(({ subject }) => `"${subject}"`).join(', ');
  return `--ca-file gives ${names}, which did not issue this certificate${own === undefined ? '' : ` ("${own.issuer}" did)`}. `;
}

/** A CA that the company put into the system's store is not known to a node that does not read it. */
function unreadStore({ unreadBundle }: Scene): string {
  if (unreadBundle === undefined) return '';
  const bundle = unreadBundle === '' ? 'the file that your system keeps its CAs in' : unreadBundle;
  return `This Node.js does not read the system's store of CAs: if the CA is in there, set NODE_EXTRA_CA_CERTS=${bundle} or use Node.js 22.15 or later. `;
}

const unknownCa: Failure = {
  code: 'TLS_UNKNOWN_CA',
  message: (scene) => `The certificate of ${scene.at}${scene.via} cannot be traced to a CA that ${scene.unreadBundle === undefined ? 'this machine' : 'Node.js'} knows: the CA is a private one, or the server leaves out its intermediate certificate.${leaf(scene)}`,
  hint: (scene) => `${wrongCaFile(scene)}${unreadStore(scene)}${forgedByProxy(scene)}Check which: ${showChain(scene)} - when only one certificate comes although its issuer is a public CA, the server's administrator must add the intermediate ("full chain"). `
    + `For a private CA, ${giveCa('its certificate')} ${n8nTrusts(scene)}${scene.complaint}`,
};

const expired: Failure = {
  code: 'TLS_EXPIRED',
  message: (scene) => `A certificate of ${scene.at}${scene.via} has expired.${outOfDate(scene, ({ to }) => to < scene.now.toISOString())}`,
  hint: (scene) => `The server's administrator must renew it. Is this machine's clock right? It says ${scene.now.toISOString()}. --ignore-ssl-issues turns the checks off for this address alone. ${n8nMeetsIt(scene)}`,
};

const notYetValid: Failure = {
  code: 'TLS_NOT_YET_VALID',
  message: (scene) => `A certificate of ${scene.at}${scene.via} is not valid yet.${outOfDate(scene, ({ from }) => from > scene.now.toISOString())}`,
  hint: (scene) => `Probably this machine's clock is wrong: it says ${scene.now.toISOString()}. If it is right, the server needs another certificate; --ignore-ssl-issues turns the checks off for this address alone. ${n8nMeetsIt(scene)}`,
};

const hostMismatch: Failure = {
  code: 'TLS_HOST_MISMATCH',
  message: (scene) => {
    const names = scene.chain[0]?.names ?? [];
    const listed = names.length === 0 ? 'other names' : `${names.slice(0, 8).join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`;
    return `The certificate of ${scene.at}${scene.via} is not for ${scene.host}, but for ${listed}.${leaf(scene)}`;
  },
  hint: (scene) => `Use the address with a name that the certificate is for. --ca-file does not help here; --ignore-ssl-issues turns the checks off for this address alone. ${n8nMeetsIt(scene)}`,
};

const plainHttp: Failure = {
  code: 'TLS_FAILED',
  message: ({ at, via }) => `${at}${via} does not speak TLS; probably it is plain http on that port.`,
  hint: (scene) => `Check the port, or the address with http:// in place of https:// (outside this machine that needs --allow-http). ${n8nGetsIt(scene)}`,
};

const oldTls: Failure = {
  code: 'TLS_FAILED',
  message: ({ at, via }) => `${at}${via} and this program have no TLS version or cipher in common; the server is probably limited to TLS 1.0 or 1.1.`,
  hint: (scene) => `The server's administrator must turn TLS 1.2 or 1.3 on; --ignore-ssl-issues does not change the version. ${n8nGetsIt(scene)}`,
};

export const clientCertificate: Failure = {
  code: 'TLS_CLIENT_CERTIFICATE',
  message: ({ at, via }) => `${at}${via} wants a certificate of its clients, and credsetup has none to show.`,
  hint: ({ host, toN8n }) => `${toN8n ? '' : 'n8n has no place for one in this credential either. '}Ask who runs the server for a way without: another address for programs, or no client certificate for the paths of the API (nginx: ssl_verify_client off for ${host}).`,
};

export const otherTls: Failure = {
  code: 'TLS_FAILED',
  message: (scene) => `TLS with ${scene.at}${scene.via} failed.${leaf(scene)}`,
  hint: (scene) => `See what the server says: ${showChain(scene)}. When only its certificate is at fault: --ca-file FILE or --ignore-ssl-issues. ${n8nTrusts(scene)}${scene.complaint}`,
};

const unknownName: Failure = {
  code: 'HOST_NOT_FOUND',
  message: ({ host, at, via }) => `The name ${host} is not known (${at}${via}).`,
  hint: (scene) => `Check the address for a slip. ${reach(scene)}`,
};

const noNameServer: Failure = {
  code: 'HOST_NOT_FOUND',
  message: ({ host, at, via }) => `The name ${host} cannot be looked up now: no name server answers (${at}${via}).`,
  hint: (scene) => `Is this machine connected? ${reach(scene)}`,
};

const refused: Failure = {
  code: 'CONNECTION_REFUSED',
  message: ({ at, via }) => `${at}${via} refuses connections: nothing listens there.`,
  hint: (scene) => `Check the port and that the server runs. ${reach(scene)}`,
};

const unreachable: Failure = {
  code: 'CONNECTION_REFUSED',
  message: ({ at, via }) => `There is no way from this machine to ${at}${via}.`,
  hint: (scene) => `Is a VPN off, or a network down? ${reach(scene)}`,
};

const forbidden: Failure = {
  code: 'CONNECTION_REFUSED',
  message: ({ at, via }) => `This machine does not let programs connect to ${at}${via}: a local firewall or sandbox is in the way.`,
  hint: (scene) => `Allow the connection there. ${reach(scene)}`,
};

const cannotConnect: Failure = {
  code: 'CONNECTION_TIMEOUT',
  message: ({ at, via }) => `${at}${via} did not take the connection in time.`,
  hint: (scene) => `Check the address; a firewall that drops packets looks like this. --timeout SECONDS gives it longer. ${reach(scene)}`,
};

const progress: Readonly<Record<Stage, string>> = {
  connecting: 'did not take the connection',
  waiting: 'took the request and did not answer',
  reading: 'did not send its answer to the end',
};

export const tooSlow: Failure = {
  code: 'CONNECTION_TIMEOUT',
  message: ({ at, via, stage, totalSeconds }) => `${at}${via} ${progress[stage]} within ${totalSeconds} s.`,
  hint: (scene) => `The server may be busy: try again, or give it longer with --timeout SECONDS. ${reach(scene)}`,
};

const idle: Failure = { ...tooSlow, message: ({ at, via, stage }) => `${at}${via} ${progress[stage]} in time.` };

export const lost: Failure = {
  code: 'CONNECTION_LOST',
  message: ({ at, via, stage }) => `${at}${via} closed the connection ${stage === 'connecting' ? 'before it stood' : stage === 'waiting' ? 'without an answer' : 'in the middle of its answer'}.`,
  hint: (scene) => `${tryHttps(scene)}Try again; if it happens each time, look into the server's log or at what stands in between (firewall, gateway). ${reach(scene)}`,
};

const notHttp: Failure = {
  code: 'RESPONSE_INVALID',
  message: ({ at, via }) => `What ${at}${via} answers is not HTTP.`,
  hint: (scene) => `${tryHttps(scene)}Check the port: another service may listen there. ${n8nGetsIt(scene)}`,
};

export const tooLarge: Failure = {
  code: 'RESPONSE_INVALID',
  message: ({ at, via, responseBytes }) => `The answer of ${at}${via} is larger than ${responseBytes} bytes, far more than any answer this program asks for.`,
  hint: (scene) => `Check the address: it should be the service itself, not a file or a stream. ${n8nGetsIt(scene)}`,
};

const headersTooLarge: Failure = { ...tooLarge, message: ({ at, via }) => `The headers of ${at}${via}'s answer are larger than HTTP clients accept.` };

const undecodable: Failure = {
  code: 'RESPONSE_INVALID',
  message: ({ at, via }) => `The answer of ${at}${via} is compressed in a way that cannot be unpacked.`,
  hint: (scene) => `The server or a gateway in front of it damages its answers or names the wrong Content-Encoding. ${n8nGetsIt(scene)}`,
};

export const failures: Readonly<Record<string, Failure>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: selfSigned,
  SELF_SIGNED_CERT_IN_CHAIN: selfSignedInChain,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownCa,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownCa,
  UNABLE_TO_GET_ISSUER_CERT: unknownCa,
  CERT_HAS_EXPIRED: expired,
  CERT_NOT_YET_VALID: notYetValid,
  ERR_TLS_CERT_ALTNAME_INVALID: hostMismatch,
  HOSTNAME_MISMATCH: hostMismatch,
  // What node 20's and later OpenSSL say to an answer in plain text.
  ERR_SSL_WRONG_VERSION_NUMBER: plainHttp,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: plainHttp,
  ERR_SSL_UNSUPPORTED_PROTOCOL: oldTls,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: oldTls,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: clientCertificate,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: oldTls,
  ERR_SSL_SSL_TLS_ALERT_HANDSHAKE_FAILURE: oldTls,
  ENOTFOUND: unknownName,
  EAI_AGAIN: noNameServer,
  ECONNREFUSED: refused,
  UND_ERR_CONNECT_TIMEOUT: cannotConnect,
  ETIMEDOUT: cannotConnect,
  ENETUNREACH: unreachable,
  EHOSTUNREACH: unreachable,
  EADDRNOTAVAIL: unreachable,
  EACCES: forbidden,
  EPERM: forbidden,
  UND_ERR_HEADERS_TIMEOUT: idle,
  UND_ERR_BODY_TIMEOUT: idle,
  UND_ERR_HEADERS_OVERFLOW: headersTooLarge,
  UND_ERR_RES_EXCEEDED_MAX_SIZE: tooLarge,
  Z_DATA_ERROR: undecodable,
  HPE_INVALID_EOF_STATE: lost,
  HTTP_PARSER: notHttp,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: lost,
  UND_ERR_SOCKET: lost,
  ECONNRESET: lost,
  ECONNABORTED: lost,
  EPIPE: lost,
};

/** The verification codes of OpenSSL that have no sentence of their own. */
export const certificateCodes: ReadonlySet<string> = new Set([
  'CERT_SIGNATURE_FAILURE', 'CERT_REVOKED', 'CERT_CHAIN_TOO_LONG', 'CERT_UNTRUSTED', 'CERT_REJECTED', 'INVALID_CA',
  'INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED', 'UNABLE_TO_DECRYPT_CERT_SIGNATURE', 'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'ERROR_IN_CERT_NOT_BEFORE_FIELD', 'ERROR_IN_CERT_NOT_AFTER_FIELD', 'UNABLE_TO_GET_CRL', 'EE_KEY_TOO_SMALL',
  'CA_KEY_TOO_SMALL', 'CA_MD_TOO_WEAK', 'UNSPECIFIED', 'EPROTO',
]);
