/**
 * Ports for what is started, or is not there, at a number that has to be known before: a Redirect
 * URI that is registered, an address where nothing listens.
 */
import { createServer } from 'node:net';

// Below the ports that a system gives to `listen(0)` and to outgoing connections, so that no other
// test is given one of these by chance; each worker has its own range.
const first = 10_000;
const width = 2000;
const ranges = 10;
const worker = Number(process.env['VITEST_POOL_ID'] ?? '0') % ranges;
let next = process.pid % width;

/** A port of 127.0.0.1 that nothing listens on. No two calls give the same one. */
export async function unusedPort(): Promise<number> {
  for (let tries = 0; tries < width; tries += 1) {
    const port = first + worker * width + next;
    next = (next + 1) % width;
    if (await free(port)) return port;
  }
  throw new Error(`every port from ${first + worker * width} on is taken`);
}

async function free(port: number): Promise<boolean> {
  // These are what the program takes by itself.
  if (port >= 18_265 && port <= 18_269) return false;
  const server = createServer().listen(port, '127.0.0.1');
  const bound = await new Promise<boolean>((resolve) => { server.once('listening', () => resolve(true)).once('error', () => resolve(false)); });
  if (bound) await new Promise((resolve) => { server.close(resolve); });
  return bound;
}
