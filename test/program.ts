/**
 * The built program, run as a script runs it: real arguments, real variables, real streams, a
 * home of its own. What it printed is checked for the secrets that it was given.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const programPath = fileURLToPath(new URL('../bin/credsetup.js', import.meta.url));

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as JSON; throws with the text when it is none. */
  json(): Record<string, unknown> & {
    readonly error: { readonly code: string; readonly exitCode: number; readonly message: string; readonly hint: string; readonly [member: string]: unknown }
  };
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

/** A folder that is gone when the machine restarts at the latest; the system's temporary folder is the system's to clean. */
export function temporaryHome(): string {
  return mkdtempSync(join(tmpdir(), 'credsetup-test-'));
}

/** This process's variables without any that would change what is tested. */
export function cleanEnvironment(more: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const dropped = /^(CREDSETUP_|BAO_|VAULT_|CI$|NO_COLOR$|FORCE_COLOR$|NODE_OPTIONS$|NODE_TLS|NODE_EXTRA|https?_proxy$|no_proxy$|all_proxy$|DBUS_|VITEST)/i;
  const env = Object.entries(process.env).filter(([name]) => !dropped.test(name));
  const given = Object.entries(more).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(env as [string, string][]), ...Object.fromEntries(given) };
}

/** Runs `credsetup` with these arguments to its end. */
export function credsetup(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [programPath, ...args], {
      env: cleanEnvironment(options.env), ...(options.cwd === undefined ? {} : { cwd: options.cwd }), stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: string[] = [];
    const err: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin ?? '');
    child.once('error', reject);
    child.once('close', (exitCode) => {
      const stdout = out.join('');
      resolve({
        exitCode, stdout, stderr: err.join(''),
        json: () => {
          try {
            return JSON.parse(stdout) as ReturnType<Finished['json']>;
          } catch (error) {
            throw new Error(`standard output is no JSON document: ${JSON.stringify(stdout)}\nstandard error: ${err.join('')}`, { cause: error });
          }
        },
      });
    });
  });
}
