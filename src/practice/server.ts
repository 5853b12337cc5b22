/** A tiny HTTP server on the loopback address, shared by the practice services. */
import { createServer as createHttpServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { once } from 'node:events';
import { createServer as createNetServer, type AddressInfo, type Server as NetServer } from 'node:net';

/** A request as the services see it: the folder prefix is taken off. */
export interface PracticeRequest {
  /** The server's own address, as in PracticeServer. */
  readonly url: string;
  readonly method: string;
  /** Without folder prefix and query. */
  readonly path: string;
  /** As it was sent: folder prefix, path and query. */
  readonly target: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly authorization: string | undefined;
  readonly cookies: ReadonlyMap<string, string>;
  readonly body: string;
}

/** An answer. A body that is no string is sent as JSON. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
  /** The connection ends without an answer, as if it was lost on the way. */
  readonly hangUp?: boolean;
}

export type Answer = (request: PracticeRequest) => Reply | Promise<Reply>;

/** Stands before the service: may answer itself, change the answer, delay it or lose it. */
export type Intercept = (request: PracticeRequest, answer: () => Promise<Reply>) => Reply | Promise<Reply>;

/** One request that reached the server. */
export interface LoggedRequest {
  readonly method: string;
  /** As it was sent: folder prefix, path and query. */
  readonly path: string;
  readonly authorization?: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ServerOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** The name in `url`; the server listens on 127.0.0.1 alone. Default 127.0.0.1. */
  readonly hostname?: string;
  /** A folder such as `/mautic` that the service lies in. */
  readonly prefix?: string;
  /** PEM texts: makes it an https server. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly intercept?: Intercept;
  /** Takes `LIST /path` for `GET /path?list=true`, without TLS and as the first request of a connection. */
  readonly listMethod?: boolean;
}

export interface PracticeServer {
  /** Without a trailing slash, the folder prefix included. */
  readonly url: string;
  readonly port: number;
  /** Every request in the order of arrival. Tests may empty it. */
  readonly log: LoggedRequest[];
  /** Asked before the service itself; may be changed while the server runs. */
  intercept: Intercept | undefined;
  /** Ends the server and every connection. Safe to call twice. */
  close(): Promise<void>;
}

/** The members of a JSON or form body, `{}` when it holds none. */
export function bodyMembers(request: PracticeRequest): Readonly<Record<string, unknown>> {
  if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true) {
    return Object.fromEntries(new URLSearchParams(request.body));
  }
  const value = parsed(request.body);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : {};
}

/** A member of the body as text, '' when it is missing or no string. */
export function bodyText(request: PracticeRequest, name: string): string {
  const value = bodyMembers(request)[name];
  return typeof value === 'string' ? value : '';
}

/** The names and values of a form, urlencoded or multipart, in the order sent; files and anything else are left out. */
export function bodyPairs({ headers, body }: PracticeRequest): readonly (readonly [string, string])[] {
  const type = headers['content-type'] ?? '';
  if (type.startsWith('application/x-www-form-urlencoded')) return [...new URLSearchParams(body)];
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)/.exec(type)?.[1];
  if (boundary === undefined) return [];
  return body.split(`--${boundary}`).slice(1, -1).flatMap((part): (readonly [string, string])[] => {
    const [head = '', ...rest] = part.split('\r\n\r\n');
    const name = /name="([^"]*)"/.exec(head)?.[1];
    return name === undefined || head.includes('filename=') ? [] : [[name, rest.join('\r\n\r\n').replace(/\r\n$/, '')]];
  });
}

/** User name and password of an `Authorization: Basic` header. */
export function basicCredentials(authorization: string | undefined): { readonly user: string; readonly password: string } | undefined {
  const encoded = /^basic +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? { user: text, password: '' } : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The token of an `Authorization: Bearer` header; an empty one is none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+)\s*$/i.exec(authorization ?? '')?.[1];
}

/** A web page. */
export function html(status: number, body: string, headers: Reply['headers'] = {}): Reply {
  return { status, headers: { 'content-type': 'text/html; charset=UTF-8', ...headers }, body };
}

/** Starts a server; rejects with the system's error (EADDRINUSE) when the port is taken. */
export async function startServer(answer: Answer, options: ServerOptions = {}): Promise<PracticeServer> {
  const prefix = options.prefix ?? '';
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    const served = read(incoming, prefix, practice.url).then(async (request) => {
      practice.log.push(logged(request));
      const own = async (): Promise<Reply> => isInside(request, prefix) ? answer(request) : notHere;
      send(response, await (practice.intercept?.(request, own) ?? own()));
    });
    served.catch((error: unknown) => {
      // A fault of the double itself: visible as such, never as an answer of the service.
      if (!response.headersSent) response.writeHead(599, { 'content-type': 'text/plain' });
      response.end(`practice server: ${String(error)}`);
    });
  };
  const server = options.tls === undefined ? createHttpServer(listener) : createHttpsServer({ key: options.tls.key, cert: options.tls.cert }, listener);
  const front = options.listMethod === true && options.tls === undefined ? listTaker(server) : server;
  front.listen(options.port ?? 0, '127.0.0.1');
  await once(front, 'listening');
  const { port } = front.address() as AddressInfo;
  const origin = `${options.tls === undefined ? 'http' : 'https'}://${options.hostname ?? '127.0.0.1'}:${port}`;
  const practice: PracticeServer = { url: origin + prefix, port, log: [], intercept: options.intercept, close: () => end(front, server) };
  return practice;
}

async function end(front: NetServer, server: Server): Promise<void> {
  if (!front.listening) return;
  const closed = once(front, 'close');
  front.close();
  front.emit('ending');
  server.closeAllConnections();
  await closed;
}

/** Stands before a server whose parser refuses a method that it does not know. */
function listTaker(server: Server): NetServer {
  const front = createNetServer((socket) => {
    // A client that goes away, or stays, without having said anything.
    socket.on('error', () => { socket.destroy(); });
    front.once('ending', () => { socket.destroy(); });
    socket.once('data', (first: Buffer) => {
      socket.pause();
      const text = first.toString('latin1').replace(/^LIST (\S+) /, (_, target: string) => `GET ${target}${target.includes('?') ? '&' : '?'}list=true `);
      server.emit('connection', socket);
      socket.unshift(Buffer.from(text, 'latin1'));
      socket.resume();
    });
  });
  return front.setMaxListeners(0);
}

/** Whether the request is for the folder that the service lies in. */
function isInside({ target }: PracticeRequest, prefix: string): boolean {
  return ['/', '?'].some((mark) => target.startsWith(prefix + mark)) || target === prefix;
}

const notHere = html(404, '<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n', { 'content-type': 'text/html' });

async function read(incoming: IncomingMessage, prefix: string, url: string): Promise<PracticeRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const target = incoming.url ?? '/';
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const cookies = (incoming.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('=', 2) as [string, string?]);
  return {
    url,
    method: incoming.method ?? 'GET',
    path: path.slice(prefix.length) || '/',
    target,
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
    headers: incoming.headers,
    authorization: incoming.headers.authorization,
    cookies: new Map(cookies.map(([name, value]) => [name, value ?? ''])),
    body: Buffer.concat(chunks).toString('utf8'),
  };
}

function logged({ method, target, authorization, headers, body }: PracticeRequest): LoggedRequest {
  return { method, path: target, ...(authorization === undefined ? {} : { authorization }), headers, body };
}

function send(response: ServerResponse, reply: Reply): void {
  if (reply.hangUp === true) {
    response.destroy();
    return;
  }
  const text = reply.body === undefined ? '' : typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
  const type = typeof reply.body === 'string' || reply.body === undefined ? {} : { 'content-type': 'application/json' };
  response.writeHead(reply.status, { ...type, ...reply.headers, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // No JSON: the services answer as if nothing was sent.
  }
}
