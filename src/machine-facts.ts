/** What of this machine a set-up meets. */
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
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
    nodeVersion, home, homeMode: system === 'win32' ? 0 : there?.mode, portIsFree,
    canOpenBrowser: await canOpenBrowser(system, env), hasClipboard: await hasClipboard(env),
  };
}

function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => { resolve(false); });
    server.listen(port, '127.0.0.1', () => { server.close(() => { resolve(true); }); });
  });
}
