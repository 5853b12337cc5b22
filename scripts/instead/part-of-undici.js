/**
 * In place of undici's own index, which loads WebSocket, caches, mocks and, by asking for Headers,
 * Node's copy of fetch; a dispatcher for HTTP/1.1 is all that is used.
 */
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import connect from 'undici/lib/api/api-connect.js';

// As undici's index does for all of its methods: CONNECT is what a proxy is asked for.
Object.assign(Dispatcher.prototype, { connect });
export { default as Pool } from 'undici/lib/dispatcher/pool.js';
export { default as EnvHttpProxyAgent } from 'undici/lib/dispatcher/env-http-proxy-agent.js';
export { default as buildConnector } from 'undici/lib/core/connect.js';
