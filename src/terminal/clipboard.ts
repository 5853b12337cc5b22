/** Copies a text, mostly a secret, to the person's clipboard by the system's own tool. */
import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { helperEnvironment } from '../child-environment.ts';
import { isOnPath, type Env } from './on-path.ts';

interface Tool {
  readonly command: string;
  readonly args: readonly string[];
  readonly encode: (text: string) => Buffer;
}

const timeLimit = 3_000;

const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');
// Without the mark clip.exe takes its input for the console's code page.
const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');

/** The tools to try on this machine, in order. */
export function clipboardTools(system: NodeJS.Platform, env: Env): Tool[] {
  const set = (name: string): boolean => env[name] !== undefined && env[name] !== '';
  if (system === 'darwin') return [{ command: 'pbcopy', args: [], encode: utf8 }];
  const windows = { command: 'clip.exe', args: [], encode: utf16 };
  if (system === 'win32') return [windows];
  return [
    ...(set('WAYLAND_DISPLAY') ? [{ command: 'wl-copy', args: [], encode: utf8 }] : []),
    ...(set('DISPLAY') ? [
      { command: 'xclip', args: ['-selection', 'clipboard'], encode: utf8 },
      { command: 'xsel', args: ['-b', '-i'], encode: utf8 },
    ] : []),
    ...(set('WSL_DISTRO_NAME') ? [windows] : []),
  ];
}

/** Puts the text on the clipboard. False when this machine has none or it fails; never throws. */
export async function copyToClipboard(text: string, env: Env): Promise<boolean> {
  for (const tool of clipboardTools(platform(), env)) {
    if (await feed(tool, text, helperEnvironment(env))) return true;
  }
  return false;
}

/** The text goes on standard input: arguments and environment can be read by others. */
async function feed({ command, args, encode }: Tool, text: string, env: Record<string, string>): Promise<boolean> {
  return new Promise((resolve) => {
    // xclip stays in the background to serve the clipboard and keeps what it inherits open:
    // only standard input is ours, and it is the first process's end that counts.
    const child = spawn(command, args, { env, stdio: ['pipe', 'ignore', 'ignore'], windowsHide: true });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve(false);
    }, timeLimit);
    const end = (done: boolean): void => {
      clearTimeout(timer);
      resolve(done);
    };
    child.once('error', () => end(false));
    child.once('exit', (code) => end(code === 0));
    // A tool that ends without reading breaks the pipe; its exit code tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(encode(text));
  });
}

/** Whether one of the tools is installed. Runs none: what is on the clipboard stays there. */
export async function hasClipboard(env: Env): Promise<boolean> {
  return isOnPath(clipboardTools(platform(), env).map(({ command }) => command), env);
}
