/** The only home of undici: how one origin is connected to, directly or through a proxy. */
import { setMaxListeners } from 'node:events';
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { buildConnector, EnvHttpProxyAgent, Pool, type Dispatcher } from 'undici';
import { NotLoopbackFailure, ProxyFailure } from './failure.ts';
import { isLoopbackAddress } from './loopback.ts';
import type { Proxy } from './proxy.ts';

export interface RouteOptions {
  /** Nothing is checked at the target; the proxy's own TLS always is. */
  readonly ignoreSslIssues: boolean;
  /** The connected socket must be this machine's, or nothing is sent. */
  readonly loopbackOnly: boolean;
  readonly proxy: Proxy | undefined;
  readonly noProxy: string;
  /** Trust for the target; not needed for http://. */
  readonly target: SecureContext | undefined;
  /** Trust for an https:// proxy: a connection's own certificates are not for it. */
  readonly roots: SecureContext | undefined;
  /** For a TCP connection and its TLS handshake, and for a proxy's answer to CONNECT. */
  readonly connectMs: number;
  readonly lookup: LookupFunction | undefined;
}

export interface Route {
  readonly dispatcher: Dispatcher;
  /** The proxy that this route went through; NO_PROXY is undici's to read, so only known afterwards. */
  proxy(): Proxy | undefined;
  /** Ends every connection at once, those that are being made too. */
  destroy(): Promise<void>;
}

/**
 * A dispatcher for one origin. `rejectUnauthorized` is set on every way, since undici and node
 * otherwise obey NODE_TLS_REJECT_UNAUTHORIZED; the proxy values are explicit strings, since undici
 * otherwise reads process.env.
 */
export function createRoute(options: RouteOptions): Route {
  const { proxy, lookup, connectMs: timeout } = options;
  // undici's own destroy leaves a socket that is connecting to its time limit (measured).
  const sockets = new AbortController();
  setMaxListeners(0, sockets.signal);
  const common = { timeout, signal: sockets.signal, ...(lookup === undefined ? {} : { lookup }) };
  const target = { ...common, ...trust(options.target), rejectUnauthorized: !options.ignoreSslIssues };
  const toProxy = { ...common, ...trust(options.roots), rejectUnauthorized: true };
  let proxied = false;
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: proxy?.uri ?? '',
    httpsProxy: proxy?.uri ?? '',
    noProxy: options.noProxy,
    ...(proxy?.authorization === undefined ? {} : { token: proxy.authorization }),
    connect: options.loopbackOnly ? loopbackOnly(buildConnector(target)) : buildConnector(target),
    requestTls: target,
    proxyTls: toProxy,
    clientFactory: (url, poolOptions: Pool.Options) => {
      const pool = new ProxyPool(url, { ...poolOptions, headersTimeout: timeout });
      pool.used = () => { proxied = true; };
      return pool;
    },
  });
  return {
    dispatcher,
    proxy: () => (proxied ? proxy : undefined),
    async destroy() {
      await dispatcher.destroy();
      sockets.abort();
    },
  };
}

function trust(secureContext: SecureContext | undefined): { readonly secureContext?: SecureContext } {
  return secureContext === undefined ? {} : { secureContext };
}

function loopbackOnly(connect: buildConnector.connector): buildConnector.connector {
  return (to, callback) => connect(to, (...[error, socket]) => {
    if (error !== null) callback(error, null);
    else if (isLoopbackAddress(socket.remoteAddress ?? '')) callback(null, socket);
    else {
      callback(new NotLoopbackFailure(socket.remoteAddress), null);
      socket.destroy();
    }
  });
}

/**
 * The connections to a proxy. Whatever fails up to its answer to CONNECT is the proxy's fault. The
 * error has no code: with UND_ERR_SOCKET, from a proxy that closes instead of answering, undici
 * tries again without end (measured).
 */
class ProxyPool extends Pool {
  used: () => void = () => undefined;

  override connect(options: Omit<Dispatcher.ConnectOptions, 'origin'>): Promise<Dispatcher.ConnectData>;
  override connect(options: Omit<Dispatcher.ConnectOptions, 'origin'>, callback: (error: Error | null, data: Dispatcher.ConnectData) => void): void;
  override async connect(options: Omit<Dispatcher.ConnectOptions, 'origin'>): Promise<Dispatcher.ConnectData> {
    this.used();
    const answer = await super.connect(options).catch((error: unknown) => { throw new ProxyFailure(undefined, error); });
    if (answer.statusCode === 200) return answer;
    answer.socket.on('error', () => undefined).destroy();
    throw new ProxyFailure(answer.statusCode, undefined);
  }
}
