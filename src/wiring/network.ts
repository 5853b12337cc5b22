/** The HTTP client of a run, and what is said of the ways that it takes. */
import { setFlagsFromString } from 'node:v8';
import type { HttpClient, HttpOptions, Output } from '../context.ts';
import type { Warning } from '../credential.ts';
// Nearly every command reads the index: in one chunk with the rest it is there at once.
import { openWarning } from '../server/connection.ts';
import type { Closers, Parts } from './parts.ts';

/**
 * undici's HTTP parser is one large WebAssembly function, which V8 optimizes after some twenty
 * calls. In a run of a second that never pays: it was 100 ms of processor time, a third of a run
 * with a request (measured). Node 20, 22 and 24 have the flag; one that V8 does not know it prints.
 */
function keepParserUnoptimized(): void {
  const version = Number.parseInt(process.versions.v8, 10);
  if (version >= 11 && version <= 13) setFlagsFromString('--wasm-tiering-budget=1000000000');
}

/** Once a run, however many clients go that way. */
function sayOpenWay(warning: Warning | undefined, said: Set<string>, output: Output): void {
  if (warning === undefined || said.has(warning.message)) return;
  said.add(warning.message);
  output.warn(`  ${output.style.caution('!')} ${warning.message} (${warning.code})`);
}

/** A client that is closed with the run. */
export async function openHttp(network: HttpOptions, parts: Parts, closers: Closers): Promise<HttpClient> {
  const { env, stopper, output, said } = parts;
  const { createHttpClient } = await import('../http/client.ts');
  // Behind it: V8 takes no compiled code after a flag was changed.
  keepParserUnoptimized();
  const client = createHttpClient({
    proxy: network.proxy, timeoutSeconds: network.timeout, env, signal: network.outlivesStop === true ? new AbortController().signal : stopper.signal,
    debug: parts.options.debug ? (line) => { output.debug(line); } : undefined, protect: (secret) => { output.protect(secret); },
    opened: (url, connection) => { sayOpenWay(openWarning(url, connection), said, output); },
  });
  closers.push(() => client.close());
  return client;
}
