/** Real servers on loopback, a client that remembers what it said, and the error that a promise ends with. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type LookupFunction, type Server as TcpServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, expect } from 'vitest';
import type { Connection, HttpClient } from '../../src/context.ts';
import { CredsetupError, errorDocument, isCredsetupError } from '../../src/errors.ts';
import { withoutMarks } from '../../src/foreign.ts';
import { createHttpClient, type HttpClientOptions } from '../../src/http/client.ts';
import type { Pair } from '../certificates.ts';

const endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Runs `end` after the test. */
export function after(end: () => Promise<void> | void): void {
  endings.push(end);
}

export const plain: Connection = { ignoreSslIssues: false, allowHttp: false, certificates: [] };

export interface TestServer {
  readonly port: number;
  /** `http://127.0.0.1:port`, or https. */
  readonly url: string;
  readonly requests: readonly IncomingMessage[];
  readonly bodies: readonly string[];
  /** Once no connection is open; for ever when one stays. */
  allClosed(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const answerEmptyObject: Handler = (_request, response) => {
  response.setHeader('content-type', 'application/json').end('{}');
};

/** An HTTP server, with TLS when it gets a pair. */
export async function serve(handler: Handler = answerEmptyObject, tls?: Pair, host = '127.0.0.1'): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  const bodies: string[] = [];
  const listener: Handler = (request, response) => {
    requests.push(request);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      bodies.push(Buffer.concat(chunks).toString());
      handler(request, response);
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  const port = await listen(server, host);
  const allClosed = async (): Promise<void> => {
    const connections = (): Promise<number> => new Promise((resolve) => { server.getConnections((_error, count) => resolve(count)); });
    while (await connections() > 0) await new Promise((resolve) => { setImmediate(resolve); });
  };
  return { port, requests, bodies, allClosed, url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}` };
}

/** A server that does with each connection what `onSocket` says. */
export async function serveBytes(onSocket: (socket: Socket) => void): Promise<{ readonly port: number; readonly connections: () => number }> {
  let connections = 0;
  const server = createTcpServer((socket) => {
    connections += 1;
    socket.on('error', () => socket.destroy());
    onSocket(socket);
  });
  return { port: await listen(server, '127.0.0.1'), connections: () => connections };
}

async function listen(server: TcpServer, host: string): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => { server.listen(0, host, resolve); });
  after(() => new Promise<void>((resolve) => {
    for (const socket of sockets) socket.destroy();
    server.close(() => resolve());
  }));
  return (server.address() as AddressInfo).port;
}

/** Resolves every name to one address, without asking any name server. */
export function lookupAs(address: string): LookupFunction {
  const family = address.includes(':') ? 6 : 4;
  return (_name, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

/** Fails as the system's resolver does. */
export function lookupFailing(code: string): LookupFunction {
  return (name, _options, callback) => callback(Object.assign(new Error(`getaddrinfo ${code} ${name}`), { code }), '');
}

export interface TestClient extends HttpClient {
  readonly lines: readonly string[];
  readonly secrets: readonly string[];
}

/** A client with an empty environment; closed after the test. */
export function makeClient(options: Partial<HttpClientOptions> = {}): TestClient {
  const lines: string[] = [];
  const secrets: string[] = [];
  const client = createHttpClient({
    env: {},
    signal: new AbortController().signal,
    // As the sink shows it: whose words are whose is marked for it alone.
    debug: (line) => lines.push(withoutMarks(line)),
    protect: (secret) => secrets.push(secret),
    ...options,
  });
  after(() => client.close());
  return { ...client, lines, secrets };
}

/** The CredsetupError that a promise ends with; fails the test when it ends otherwise. */
export async function failureOf(promise: Promise<unknown>): Promise<CredsetupError> {
  try {
    await promise;
  } catch (error) {
    if (isCredsetupError(error)) return error;
    throw error;
  }
  return expect.fail('it should have failed');
}

/** The error as the sink shows it, without the marks of whose words are whose. */
export async function shownFailureOf(promise: Promise<unknown>): Promise<CredsetupError> {
  const error = await failureOf(promise);
  const { code, message, hint, details } = error;
  return withoutMarks(message + hint) === message + hint ? error : new CredsetupError(code, withoutMarks(message), { ...details, hint: withoutMarks(hint) });
}

/** Everything that an error could print, by any way. */
export function allOf(error: CredsetupError): string {
  return `${JSON.stringify(errorDocument(error))} ${inspect(error, { depth: 8 })}`;
}

/** A promise that is opened from outside. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => { open = resolve; });
  return { opened, open };
}

/** No six characters in a row of a secret stand in the text. */
export function expectNothingOf(text: string, secrets: readonly string[], where: string): void {
  for (const secret of secrets) {
    for (let at = 0; at + 6 <= secret.length; at += 1) expect(text.includes(secret.slice(at, at + 6)), `${secret.slice(at, at + 6)} of ${where} stands in ${text}`).toBe(false);
  }
}
