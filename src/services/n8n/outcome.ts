/**
 * What n8n's own test and a run of its node say of a credential, told as what it is. Source:
 * answers of n8n 2.41.1 for one credential of each state (facts: test/wire/n8n.json, n8n-run.json).
 */
import type { Cause } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import type { N8nTested } from './api.ts';

/** `connected`: it has a sign-in that nobody has proved. It is never `ok` without a run. */
export type VerdictStatus = 'ok' | 'failed' | 'connected' | 'not-connected' | 'not-known';

export interface N8nVerdict {
  readonly status: VerdictStatus;
  /** What it was learnt by; absent where nothing could be asked. */
  readonly proof?: 'test' | 'run';
  /** One sentence of ours; of n8n's words, at most a code. */
  readonly message: string;
  /** For `failed`, the most likely first. */
  readonly causes?: readonly Cause[];
}

/** What is asked about. */
export interface InN8n {
  /** The service's name for people. */
  readonly service: string;
  /** The service's address as this n8n has it. */
  readonly url: string;
  /** A sign-in that n8n keeps: its test only looks whether there is one. */
  readonly signsIn: boolean;
}

/** The error of an execution, as far as it is looked at. */
export interface ExecutionError {
  readonly httpCode: string | undefined;
  readonly message: string;
}

const notConnected = /not connected|without access token/i;

/** Of n8n's own test. */
export function verdictOfTest({ status, message }: N8nTested, about: InN8n): N8nVerdict {
  if (status === 'untested') return { status: 'not-known', message: `Nobody has proved it: ${message}.` };
  if (status === 'OK') {
    return about.signsIn
      ? { status: 'connected', proof: 'test', message: 'It has a sign-in; that the sign-in works nobody has proved.' }
      : { status: 'ok', proof: 'test', message: `n8n signed in to ${about.service} with it.` };
  }
  if (notConnected.test(message)) return needsConnect('test');
  // Of an HTTP answer its test says the status in words, of a connection the system's code.
  return failed('test', codeOfWords(message), about);
}

/** Of an execution of the service's node. */
export function verdictOfRun(error: ExecutionError | undefined, about: InN8n): N8nVerdict {
  if (error === undefined) return { status: 'ok', proof: 'run', message: `A workflow in n8n read from ${about.service} with it.` };
  if (notConnected.test(error.message)) return needsConnect('run');
  return failed('run', error.httpCode ?? codeOfWords(error.message), about);
}

function needsConnect(proof: 'test' | 'run', message = 'It was not connected to an account yet.'): N8nVerdict {
  return {
    status: 'not-connected', proof, message,
    causes: [{ code: 'N8N_NOT_CONNECTED', message, check: 'Open it in n8n.', fix: 'Press Connect there, and sign in.' }],
  };
}

/** Of one whose sign-in is of before: only a run tells whether it still holds, and where it does not, it is to be connected again. */
export function withStaleSignIn(verdict: N8nVerdict): N8nVerdict {
  const dead = verdict.status === 'connected' || verdict.causes?.[0]?.code === 'N8N_SIGN_IN_DEAD';
  return dead ? needsConnect(verdict.proof ?? 'test', 'The sign-in that n8n has there is of before, and ended: it is to be connected again.') : verdict;
}

/** The statuses that a credential's test meets, in the words that HTTP servers have for them (RFC 9110 §15). */
const words: ReadonlyMap<string, string> = new Map([
  ['unauthorized', '401'], ['forbidden', '403'], ['not found', '404'], ['bad request', '400'], ['too many requests', '429'],
  ['internal server error', '500'], ['bad gateway', '502'], ['service unavailable', '503'], ['gateway timeout', '504'],
]);

function codeOfWords(message: string): string | undefined {
  const known = words.get(message.trim().toLowerCase());
  return known ?? /^Received HTTP status code: (\d{3})$/.exec(message)?.[1] ?? /^[A-Z][A-Z0-9_]{2,60}$/.exec(message)?.[0];
}

function failed(proof: 'test' | 'run', code: string | undefined, about: InN8n): N8nVerdict {
  const cause = causeOf(code, about);
  return { status: 'failed', proof, message: cause.message, causes: [cause] };
}

/** Of TLS: a certificate that is not trusted, is for another name, or has ended. Source: Node's and OpenSSL's codes. */
const tlsCode = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE/;
/** Of a connection that did not come to be or was lost. Source: Node's codes of libuv and of its HTTP client. */
const networkCode = /^(E[A-Z_]{3,}|UND_ERR_|ERR_)/;

function causeOf(code: string | undefined, { service, url, signsIn }: InN8n): Cause {
  const said = code === undefined ? '' : ` (${foreign(code)})`;
  const status = /^\d{3}$/.test(code ?? '') ? Number(code) : undefined;
  if (status === undefined && code !== undefined && tlsCode.test(code)) {
    return {
      code: 'N8N_DISTRUSTS_CERTIFICATE', message: `n8n does not trust the certificate at ${url}${said}.`,
      check: `Compare with this computer: credsetup test says whether it trusts it here.`,
      fix: 'Where n8n runs: set NODE_EXTRA_CA_CERTS to the authority\'s certificate and restart n8n.',
    };
  }
  if (status === undefined && code !== undefined && networkCode.test(code)) return outOfReach(url, said);
  if (signsIn && (status === 400 || status === 401)) {
    return {
      code: 'N8N_SIGN_IN_DEAD', message: `The sign-in that n8n keeps is dead: ${service} renews it no more${said}.`,
      check: 'It ends when it was not used for some days, when the client was changed or deleted, or when a copy of it was renewed elsewhere.',
      fix: 'Open the credential in n8n and press Connect; where the client was changed, push it first.',
    };
  }
  if (status === 401) {
    return {
      code: 'N8N_REFUSED_BY_SERVICE', message: `${service} refused what n8n has${said}.`,
      check: 'Somebody may have edited the copy in n8n, or the secret was changed or revoked since it was written there.', fix: 'Push it again, with --replace.',
    };
  }
  if (status === 403) {
    return {
      code: 'N8N_LACKS_PERMISSION', message: `${service} lets it sign in and not do what n8n's node does${said}.`,
      check: `Look at the account's rights in ${service}.`, fix: `Ask an admin of ${service} to give the account the right.`,
    };
  }
  if (status !== undefined) return answersOtherwise(url, service, said);
  return {
    code: 'N8N_REFUSED_BY_SERVICE', message: `n8n could not use it, and its reason is none that is known here.`,
    check: 'Open the credential in n8n: it shows its own words there.', fix: 'Repair what it says, then test it again.',
  };
}

function outOfReach(url: string, said: string): Cause {
  return {
    code: 'N8N_CANNOT_REACH', message: `n8n cannot reach ${url}${said}.`,
    check: 'In a container, localhost is the container itself; in Docker Compose a service has the name that the file gives it.',
    fix: 'Give the address by which that n8n reaches it: credsetup push TARGET NAME --replace --url-in-n8n URL',
  };
}

function answersOtherwise(url: string, service: string, said: string): Cause {
  return {
    code: 'N8N_CANNOT_REACH', message: `What n8n reaches at ${url} does not answer it as ${service} should${said}.`,
    check: 'From where n8n runs, the address may lead to something else, or to a gateway in front; or the service fails.',
    fix: 'Ask who runs that n8n what the address leads to there, or give another one with --url-in-n8n URL.',
  };
}
