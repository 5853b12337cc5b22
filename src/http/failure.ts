/** From whatever undici, node and OpenSSL throw to a CredsetupError that says what to do. */
import { CredsetupError, type ErrorCode } from '../errors.ts';
import { insecureHint } from './address.ts';
import { certificateCodes, failures, lost, otherTls, tooLarge, tooSlow, type Failure, type Scene } from './failure-table.ts';
import type { Proxy } from './proxy.ts';

/** The proxy could not be used: it answered CONNECT with `status`, or failed with the cause. */
export class ProxyFailure extends Error {
  readonly status: number | undefined;

  constructor(status: number | undefined, cause: unknown) {
    super('the proxy failed', { cause });
    this.status = status;
  }
}

/** A name that stands for this machine led to another one. */
export class NotLoopbackFailure extends Error {
  readonly address: string | undefined;

  constructor(address: string | undefined) {
    super('not loopback');
    this.address = address;
  }
}

/** The whole request took too long, or its answer is too large. */
export class LimitFailure extends Error {
  readonly limit: 'time' | 'size';

  constructor(limit: 'time' | 'size') {
    super(`limit of ${limit}`);
    this.limit = limit;
  }
}

/** The server wants a certificate of its clients, however it said so. */
export class ClientCertificateFailure extends Error {
  readonly code = 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED';
}

/** Whether a failure can come from a client certificate that was not shown: an end without a word, or TLS 1.2's alert for many things. */
export function mayWantClientCertificate(error: unknown): boolean {
  return failureOf(error).code === 'CONNECTION_LOST' || codesOf(error).some((code) => code.endsWith('HANDSHAKE_FAILURE'));
}

/** An error with all its causes and, of an AggregateError, all its parts; cycles end it. */
export function chainOf(error: unknown): readonly Error[] {
  const found = new Set<Error>();
  const visit = (value: unknown): void => {
    if (!(value instanceof Error) || found.has(value) || found.size >= 50) return;
    found.add(value);
    if (value instanceof AggregateError) value.errors.forEach(visit);
    visit(value.cause);
  };
  visit(error);
  return [...found];
}

/** The codes in a failure, outermost first. A parser error is HTTP_PARSER besides its own code, if any. */
export function codesOf(error: unknown): readonly string[] {
  return chainOf(error).flatMap((part) => [
    ...('code' in part && typeof part.code === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(part.code) ? [part.code] : []),
    ...(part.name === 'HTTPParserError' ? ['HTTP_PARSER'] : []),
  ]);
}

/** Whether looking at the server's certificate would tell more about this failure. */
export function isAboutCertificate(error: unknown): boolean {
  const { code } = failureOf(error);
  return code.startsWith('TLS_') && !chainOf(error).some((part) => part instanceof ProxyFailure);
}

/**
 * A failure of a request as a CredsetupError with the codes of exits 3 and 4, URL_INSECURE,
 * RESPONSE_INVALID, or UNEXPECTED for a wrong use of undici. It has no `cause`: a library's error
 * can hold header values and pieces of an answer.
 */
export function translateFailure(error: unknown, scene: Scene, proxy: Proxy | undefined): CredsetupError {
  const parts = chainOf(error);
  const notLoopback = parts.find((part) => part instanceof NotLoopbackFailure);
  if (notLoopback !== undefined) return strayed(scene, notLoopback);
  const atProxy = parts.find((part) => part instanceof ProxyFailure);
  if (atProxy !== undefined && proxy !== undefined) return proxyFailure(atProxy, scene, proxy);
  const { code, message, hint } = failureOf(error);
  return new CredsetupError(code, message(scene), { hint: hint(scene).trim() });
}

const unexpected: Failure = {
  code: 'UNEXPECTED',
  message: ({ at }) => `The request to ${at} was built wrongly inside credsetup.`,
  hint: () => 'Run the same command with --debug and report what it prints; secrets are masked there.',
};

function failureOf(error: unknown): Failure {
  const limit = chainOf(error).find((part) => part instanceof LimitFailure);
  if (limit !== undefined) return limit.limit === 'time' ? tooSlow : tooLarge;
  const codes = new Set(codesOf(error));
  const known = Object.entries(failures).find(([code]) => codes.has(code));
  if (known !== undefined) return known[1];
  if ([...codes].some((code) => certificateCodes.has(code) || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_'))) return otherTls;
  return codes.has('UND_ERR_INVALID_ARG') || codes.has('UND_ERR_DESTROYED') || codes.has('UND_ERR_CLOSED') ? unexpected : lost;
}

function strayed({ host, at }: Scene, { address }: NotLoopbackFailure): CredsetupError {
  return new CredsetupError('URL_INSECURE', `${host} should be this machine, but ${at} led to ${address ?? 'another address'}; nothing was sent.`, { hint: insecureHint });
}

// ---------------------------------------------------------------- proxies

const proxyAnswers: Readonly<Record<number, { readonly says: string; readonly hint: (proxy: Proxy) => string }>> = {
  407: {
    says: 'asks for credentials (407), or refuses the ones it was given',
    hint: ({ at, source }) => `Put them into the environment: HTTPS_PROXY=http://user:password@${at}${source === '--proxy' ? ' (--proxy takes them from there)' : ''}, with other characters than letters and digits as %XX.`,
  },
  403: { says: 'does not allow the connection (403)', hint: () => 'Ask who runs it to allow this host and port; many proxies allow port 443 only.' },
  405: { says: 'does not do CONNECT (405)', hint: () => 'Check the proxy\'s address and port: a web server may listen there.' },
  502: { says: 'cannot reach the server (502)', hint: () => 'Check the address; the proxy may not know the name.' },
  503: { says: 'cannot reach the server (503)', hint: () => 'Check the address; the proxy may not know the name.' },
  504: { says: 'got no answer from the server in time (504)', hint: () => 'Check the address, or try again later.' },
};

const proxyReasons: Readonly<Partial<Record<ErrorCode, string>>> = {
  HOST_NOT_FOUND: 'its name is not known',
  CONNECTION_REFUSED: 'nothing listens there, or it cannot be reached',
  CONNECTION_TIMEOUT: 'it did not answer in time',
  CONNECTION_LOST: 'it closed the connection',
  RESPONSE_INVALID: 'what it answers is not HTTP',
  TLS_SELF_SIGNED: 'its own certificate signed itself or comes from an unknown CA',
  TLS_UNKNOWN_CA: 'its own certificate comes from an unknown CA',
  TLS_EXPIRED: 'its own certificate has expired',
  TLS_NOT_YET_VALID: 'its own certificate is not valid yet',
  TLS_HOST_MISMATCH: 'its own certificate is for another name',
  TLS_FAILED: 'it does not speak TLS; probably its address begins with http://',
};

const n8nProxy = 'n8n connects to the same address and needs the same proxy variables where it runs.';

function proxyFailure(failure: ProxyFailure, scene: Scene, proxy: Proxy): CredsetupError {
  const named = `The proxy ${proxy.at} (from ${proxy.source})`;
  const other = `--proxy URL names another proxy; NO_PROXY=${scene.host} goes without.`;
  if (failure.status !== undefined) {
    const answer = proxyAnswers[failure.status];
    const says = answer?.says ?? `answers ${failure.status}`;
    return new CredsetupError('PROXY_FAILED', `${named} ${says} when asked for ${scene.at}.`, {
      hint: `${answer?.hint(proxy) ?? 'Ask who runs it.'} ${other} ${n8nProxy}`,
    });
  }
  const { code } = failureOf(failure);
  const reason = proxyReasons[code] ?? 'it failed';
  const ca = code.startsWith('TLS_') ? 'NODE_EXTRA_CA_CERTS=FILE adds a CA for it; --ca-file and --ignore-ssl-issues are for the server alone. ' : '';
  return new CredsetupError('PROXY_FAILED', `${named} cannot be used for ${scene.at}: ${reason}.`, {
    hint: `Check its address and that it runs. ${ca}${other} ${n8nProxy}`,
  });
}
