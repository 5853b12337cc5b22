/** A forward proxy on loopback that maps every CONNECT to one server, for tests. */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Pair } from './certificates.ts';

export interface ProxyOptions {
  /** The loopback port that every tunnel leads to, whatever it was asked for. */
  readonly target?: number;
  /** `user:password` that it asks for. */
  readonly credentials?: string;
  /** Answers every CONNECT with this status. */
  readonly status?: number;
  /** Instead of an answer to CONNECT: close, hang, or bytes that are no HTTP. */
  readonly instead?: 'close' | 'hang' | 'garbage';
  /** Speaks TLS itself. */
  readonly tls?: Pair;
}

export interface TestProxy {
  readonly port: number;
  /** `http://127.0.0.1:port` (or https). */
  readonly url: string;
  /** Everything it was asked for, in order: `service.test:443`, or `GET http://...` for a plain request. */
  readonly asked: readonly string[];
  /** The Proxy-Authorization headers that came. */
  readonly authorizations: readonly string[];
  /** Once no connection is open; for ever when one stays. */
  allClosed(): Promise<void>;
  close(): Promise<void>;
}

export async function startProxy(options: ProxyOptions = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const authorizations: string[] = [];
  const sockets = new Set<Duplex>();
  const server: Server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => socket.destroy())));
  server.on('request', (request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(501).end();
  });
  server.on('connect', (request, socket: Duplex) => {
    asked.push(request.url ?? '');
    const given = request.headers['proxy-authorization'];
    if (given !== undefined) authorizations.push(given);
    const expected = options.credentials === undefined ? undefined : `Basic ${Buffer.from(options.credentials).toString('base64')}`;
    tunnel(socket, expected === given || expected === undefined ? options : { status: 407 }, sockets);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  return {
    port, asked, authorizations, url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    async allClosed() {
      const connections = (): Promise<number> => new Promise((resolve) => { server.getConnections((_error, count) => resolve(count)); });
      while (await connections() > 0) await new Promise((resolve) => { setImmediate(resolve); });
    },
    close: () => new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    }),
  };
}

/** Keeps the connection, as real proxies do: closing it is the client's part. */
function refuse(socket: Duplex, status: number): void {
  socket.write(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
  socket.on('end', () => socket.end()).resume();
}

function tunnel(socket: Duplex, { status, instead, target }: ProxyOptions, sockets: Set<Duplex>): void {
  socket.on('error', () => socket.destroy());
  if (instead === 'hang') return;
  if (instead === 'close') { socket.destroy(); return; }
  if (instead === 'garbage') { socket.end('220 mail.example.com ESMTP\r\n'); return; }
  if (status !== undefined || target === undefined) { refuse(socket, status ?? 502); return; }
  const onward = connect(target, '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    socket.pipe(onward).pipe(socket);
  });
  sockets.add(onward);
  onward.on('error', () => socket.destroy());
  onward.on('close', () => socket.destroy());
  socket.on('close', () => onward.destroy());
}
