/** Opens a page in the person's browser. The address is always printed too: this may not work. */
import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { basename, win32 } from 'node:path';
import { helperEnvironment } from '../child-environment.ts';
import { isOnPath, type Env } from './on-path.ts';

/** A program and its arguments, the address among them. No shell reads either. */
interface Opener {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Env;
}

/** Milliseconds in which a failure shows itself. Measured: xdg-open gives up after 0.3 to 0.8 s; a browser in the foreground stays. */
const failsWithin = 3_000;

/** They need the terminal, which is ours, and without one they print the page to nobody and exit 0. */
const textBrowsers = new Set(['www-browser', 'w3m', 'lynx', 'links', 'links2', 'elinks']);

/** Whether an opener took the address: it ended well, or it is still running. Never throws. */
export async function openBrowser(url: string, env: Env): Promise<boolean> {
  if (!isWebAddress(url)) return false;
  for (const opener of browserOpeners(platform(), env, new URL(url).href)) {
    if (await started(opener)) return true;
  }
  return false;
}

/** Whether there is something to try. Starts nothing. */
export async function canOpenBrowser(system: NodeJS.Platform, env: Env): Promise<boolean> {
  return isOnPath(browserOpeners(system, env, 'http://127.0.0.1/').map(({ command }) => command), env);
}

/**
 * What to try, in order: what BROWSER names, as xdg-utils and Python read it (a list; %s is the
 * address, else it comes last), then the system's own way where a browser would show itself.
 * Whoever sets BROWSER says that it works there: editors that work on another machine over SSH
 * set it to a helper that opens the page on the person's own.
 */
export function browserOpeners(system: NodeJS.Platform, env: Env, url: string): readonly Opener[] {
  const windows = system === 'win32';
  const named = (env['BROWSER'] ?? '').split(windows ? ';' : ':').flatMap((line): Opener[] => {
    const [command = '', ...args] = words(windows ? line.replaceAll('\\', '\\\\') : line);
    if (command === '' || textBrowsers.has(basename(command))) return [];
    const filled = args.map((arg) => arg.replace(/%[s%]/g, (sign) => (sign === '%s' ? url : '%')));
    return [{ command, args: args.some((arg) => /%s/.test(arg.replaceAll('%%', ''))) ? filled : [...filled, url], env: helperEnvironment(env) }];
  });
  if (!hasDisplay(system, env)) return named;
  // What BROWSER names has failed by then: xdg-open would begin with it, and end there.
  const { BROWSER: _failed, ...rest } = helperEnvironment(env);
  return [...named, ...systemOpeners(system, env).map(([command = '', ...args]) => ({ command, args: [...args, url], env: rest }))];
}

function systemOpeners(system: NodeJS.Platform, env: Env): readonly (readonly string[])[] {
  if (system === 'darwin') return [['/usr/bin/open']];
  // By its whole path: Windows looks into the working folder first.
  if (system === 'win32') return [[win32.join(env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'rundll32.exe'), 'url.dll,FileProtocolHandler']];
  return [
    ...((env['WSL_DISTRO_NAME'] ?? '') === '' ? [] : [['wslview'], ['rundll32.exe', 'url.dll,FileProtocolHandler']]),
    ['xdg-open'], ['gio', 'open'], ['x-www-browser'],
  ];
}

/** A command line in words, with quotes and backslashes as a shell has them; nothing is expanded. A last `&` is the shell's. */
function words(line: string): readonly string[] {
  const found = [...line.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs)].map(([word]) => (
    word.replace(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs, (_all, escaped?: string, double?: string, single?: string) => escaped ?? double?.replace(/\\(["\\])/g, '$1') ?? single ?? '')
  ));
  return found.at(-1) === '&' ? found.slice(0, -1) : found;
}

async function started({ command, args, env }: Opener): Promise<boolean> {
  return new Promise<boolean>((resolve) => {
    // A group of its own: Ctrl-C at the wizard is not for the browser.
    const child = spawn(command, args, { env, stdio: 'ignore', detached: true, windowsHide: true });
    const timer = setTimeout(() => resolve(true), failsWithin);
    const end = (opened: boolean): void => {
      clearTimeout(timer);
      resolve(opened);
    };
    child.once('error', () => end(false));
    child.once('exit', (code) => end(code === 0));
    child.unref();
    // What cannot be started for want of memory or room is thrown, and not told by an event.
  }).catch(() => false);
}

/** Whether it is an http(s) address without user info: nothing else reaches an opener. */
function isWebAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  // As given, too: an opener must not read a leading dash or space as something else.
  return /^https?:$/.test(protocol) && /^https?:\/\//i.test(text) && username === '' && password === '';
}

/** Whether a browser that is started here shows itself to the person. Over SSH it would open on another machine's screen. */
export function hasDisplay(system: NodeJS.Platform, env: Env): boolean {
  const set = (name: string): boolean => env[name] !== undefined && env[name] !== '';
  if (set('SSH_CONNECTION') || set('SSH_CLIENT') || set('SSH_TTY')) return false;
  if (system === 'darwin' || system === 'win32') return true;
  return set('DISPLAY') || set('WAYLAND_DISPLAY') || set('WSL_DISTRO_NAME');
}
