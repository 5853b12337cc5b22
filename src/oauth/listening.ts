/** A node:http server for one sign-in: bound to a literal loopback address, narrow limits, ended at once. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CredsetupError } from '../errors.ts';
import { pageHeaders } from './redirect-page.ts';

export type LoopbackHost = '127.0.0.1' | '::1';

export interface Limits {
  /** Milliseconds until a connection must have sent its whole request; an idle one is ended then too. */
  readonly requestMs: number;
  /** Bytes of a request's head. */
  readonly headerBytes: number;
  /** Beyond it the oldest connection is ended, so that idle ones never keep the callback out. */
  readonly connections: number;
}

export const defaultLimits: Limits = { requestMs: 10_000, headerBytes: 16_384, connections: 128 };

export interface Listening {
  readonly port: number;
  /** Ends every connection at once; the port is free when it resolves. Safe to call twice. */
  close(): Promise<void>;
}

/** Takes the first free port. Throws PORT_IN_USE, naming the port and its option, when none is. */
export async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void, { ports, host, limits }: {
  readonly ports: readonly number[];
  readonly host: LoopbackHost;
  readonly limits: Limits;
}): Promise<Listening> {
  // Every answer ends its connection (pageHeaders), so there is no keep-alive to limit.
  const server = createServer({
    maxHeaderSize: limits.headerBytes, headersTimeout: limits.requestMs, requestTimeout: limits.requestMs,
    connectionsCheckingInterval: Math.min(1000, limits.requestMs), requireHostHeader: false,
  }, answer);
  const sockets = watchSockets(server, limits.connections);
  server.on('clientError', refuseBroken);
  // Node's own 417 would come without our headers. No browser expects anything (RFC 9110 §10.1.1).
  for (const event of ['checkExpectation', 'checkContinue']) server.on(event, refuseExpectation);
  let problem: Problem | undefined;
  for (const port of ports) {
    problem = await tryPort(server, port, host);
    if (problem === undefined) {
      let closing: Promise<void> | undefined;
      return { port: (server.address() as AddressInfo).port, close: () => (closing ??= end(server, sockets)) };
    }
  }
  throw portInUse(ports, host, problem?.code ?? '');
}

function watchSockets(server: Server, most: number): Set<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const [oldest] = sockets;
    if (sockets.size > most) oldest?.destroy();
  });
  return sockets;
}

function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(417, { ...pageHeaders, 'content-length': 0 }).end();
}

const broken: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** A request that is no HTTP, too large or too slow. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const headers = Object.entries(pageHeaders).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${broken[error.code ?? ''] ?? '400 Bad Request'}\r\n${headers}content-length: 0\r\n\r\n`, () => socket.destroy());
}

interface Problem {
  readonly code: string;
}

// Windows reserves ranges of ports and says EACCES for them: the next one may do.
const nextMayDo = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL']);

async function tryPort(server: Server, port: number, host: LoopbackHost): Promise<Problem | undefined> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', listening);
      if (error.code !== undefined && nextMayDo.has(error.code)) resolve({ code: error.code });
      else reject(error);
    };
    const listening = (): void => {
      server.off('error', failed);
      resolve(undefined);
    };
    server.once('error', failed).once('listening', listening);
    server.listen({ port, host, exclusive: true });
  });
}

async function end(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise<void>((resolve) => { server.close(() => resolve()); });
  for (const socket of sockets) socket.destroy();
  await closed;
}

function portInUse(ports: readonly number[], host: LoopbackHost, code: string): CredsetupError {
  const [first = 0, ...others] = ports;
  const authority = host === '::1' ? '[::1]' : host;
  const free = first >= 65_535 ? first - 1 : first + 1;
  if (others.length > 0) {
    return new CredsetupError('PORT_IN_USE', `The ports ${ports.join(', ')} are all in use.`, {
      hint: `Choose another with --callback-port PORT, and register http://${authority}:PORT/callback as the redirect URI.`,
    });
  }
  const why = code === 'EACCES' ? 'may not be used by this account' : code === 'EADDRNOTAVAIL' ? `cannot be used: this machine has no address ${host}` : 'is in use';
  return new CredsetupError('PORT_IN_USE', `Port ${first} ${why}.`, {
    hint: `End the program that uses it, or choose another with --callback-port ${free} and register http://${authority}:${free}/callback as the redirect URI.`,
  });
}
