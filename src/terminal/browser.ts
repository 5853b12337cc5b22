/** Opens a page in the person's browser. The address is always printed too: this may not work. */
import { createRequire } from 'node:module';
import { platform } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { childEnvironment } from '../child-environment.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * `open` starts its child with the environment of whoever calls it, and takes none. A worker
 * has an environment of its own, so that is where it is called.
 */
const script = `
const { parentPort, workerData } = require('node:worker_threads');
import(workerData.open)
  .then(({ default: open }) => open(workerData.url))
  .then(() => parentPort.postMessage(true), () => parentPort.postMessage(false));
`;

/** Starts the browser with the address as one argument. False when there is none to start; never throws. */
export async function openBrowser(url: string, env: Env): Promise<boolean> {
  if (!isWebAddress(url) || !hasDisplay(platform(), env)) return false;
  return new Promise((resolve) => {
    try {
      const open = pathToFileURL(createRequire(import.meta.url).resolve('open')).href;
      const worker = new Worker(script, { eval: true, env: childEnvironment(env), workerData: { open, url }, stdout: true, stderr: true });
      worker.once('message', (opened) => resolve(opened === true));
      worker.once('error', () => resolve(false));
      worker.once('exit', () => resolve(false));
    } catch {
      // An installation without `open` prints the address all the same.
      resolve(false);
    }
  });
}

/** Whether it is an http(s) address without user info: nothing else reaches the system's opener. */
function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  // As given, too: an opener must not read a leading dash or space as something else.
  return /^https?:$/.test(protocol) && /^https?:\/\//i.test(text) && username === '' && password === '';
}

/**
 * Whether a browser here would show itself to the person. Over SSH it would open on another
 * machine's screen; without a display `open` says that it went well (measured), and nothing opens.
 */
export function hasDisplay(system: NodeJS.Platform, env: Env): boolean {
  const set = (name: string): boolean => env[name] !== undefined && env[name] !== '';
  if (set('SSH_CONNECTION') || set('SSH_CLIENT') || set('SSH_TTY')) return false;
  if (system === 'darwin' || system === 'win32') return true;
  return set('DISPLAY') || set('WAYLAND_DISPLAY') || set('WSL_DISTRO_NAME');
}
