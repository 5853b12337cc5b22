/** What of this machine a set-up meets. */
import { access, constants, stat } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { dirname } from 'node:path';
import type { MachineFacts } from './context.ts';
import { canOpenBrowser } from './terminal/browser.ts';
import { hasClipboard } from './terminal/clipboard.ts';

/** Looks, and changes nothing. */
export async function machineFacts({ nodeVersion, home, system, env }: {
  readonly nodeVersion: string; readonly home: string; readonly system: NodeJS.Platform; readonly env: Readonly<Record<string, string | undefined>>;
}): Promise<MachineFacts> {
  // A home that is not there, or cannot be looked at, has no mode; reading the index says which.
  const there = await stat(home).catch(() => undefined);
  return {
    nodeVersion, home, homeMode: system === 'win32' ? 0 : there?.mode, homeIsWritable: await isWritable(home), portIsFree, connects,
    canOpenBrowser: await canOpenBrowser(system, env), hasClipboard: await hasClipboard(env),
  };
}

/** As the system decides it: rights, and a file system that may only be read. */
async function isWritable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    const above = dirname(folder);
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && above !== folder && isWritable(above);
  }
}

const patience = 3_000;

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new Socket();
    const end = (reached: boolean) => (): void => { socket.destroy(); resolve(reached); };
    socket.setTimeout(patience, end(false)).once('error', end(false)).once('connect', end(true)).connect(port, host);
  });
}

function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => { resolve(false); });
    server.listen(port, '127.0.0.1', () => { server.close(() => { resolve(true); }); });
  });
}
