/** A redirect server for a test, and raw ways to talk to it. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { startRedirectServer, type RedirectServer, type RedirectServerOptions } from '../../src/oauth/redirect-server.ts';
import { after } from '../http/harness.ts';

/** As long as a real one: 256 bits. */
export const state = 'Zs3k-state-of-this-sign-in_0123456789abcdefg';
export const otherState = 'Zs3k-state-of-this-sign-in_0123456789abcdefh';
export const authorizationUrl = `https://crm.example.com/oauth/v2/authorize?client_id=1_abc&state=${state}`;

export interface TestServer extends RedirectServer {
  readonly lines: readonly string[];
  readonly secrets: readonly string[];
}

/** On a free port; closed after the test. */
export async function startServer(options: Partial<RedirectServerOptions> = {}): Promise<TestServer> {
  const lines: string[] = [];
  const secrets: string[] = [];
  const server = await startRedirectServer({
    ports: [0], signal: new AbortController().signal, pageMs: 500,
    debug: (line) => lines.push(line), protect: (secret) => secrets.push(secret), ...options,
  });
  after(() => server.close());
  return Object.assign(server, { lines, secrets });
}

export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One request with exactly these headers, over a connection of its own. */
export async function ask(url: string, { method = 'GET', headers = {} }: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {}): Promise<Told> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => { text += piece; });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on('error', reject);
    });
    request.on('error', reject).end();
  });
}

/** Opens the start page as a browser does; the cookie that it brings back. */
export async function begin(server: RedirectServer): Promise<{ readonly cookie: string }> {
  const { startUrl } = server.expect({ authorizationUrl, state });
  const told = await ask(startUrl);
  return { cookie: String(told.headers['set-cookie']).split(';')[0] ?? '' };
}

export const callback = (server: RedirectServer, query: string): string => `${server.redirectUri}?${query}`;
export const right = (server: RedirectServer, code = 'the-code'): string => callback(server, `state=${state}&code=${code}`);

/** A connection on which a test writes what it likes. */
export async function open(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host });
  socket.on('error', () => socket.destroy());
  after(() => { socket.destroy(); });
  await once(socket, 'connect');
  return socket;
}

/** Writes bytes and gives what came back until the server ended the connection. */
export async function raw(port: number, bytes: string): Promise<string> {
  const socket = await open(port);
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => { text += piece; });
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

/** Whether a connection is refused: nothing listens there. */
export async function isRefused(port: number, host: string): Promise<boolean> {
  const socket = connect({ port, host });
  return new Promise((resolve) => {
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}
