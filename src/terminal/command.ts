/** Runs a program in the place of ours: its streams are our streams, and what we are told by a signal is told to it. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CredsetupError } from '../errors.ts';

export interface CommandOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** All that it gets; ours is not added. */
  readonly env: Readonly<Record<string, string>>;
  /** Called with how to pass a signal on, as soon as there is somebody to pass it to. */
  readonly onStart: (pass: (signal: NodeJS.Signals) => void) => void;
}

/**
 * The program's own exit code, or 128 + the signal that ended it.
 *
 * @throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE
 */
export function runCommand({ command, args, env, onStart }: CommandOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: 'inherit' });
    onStart((signal) => void child.kill(signal));
    child.once('error', (error) => {
      // A signal that could not be delivered is reported here too, to a program that runs.
      if (child.pid === undefined) reject(notStarted(command, error));
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

function notStarted(command: string, error: Error): CredsetupError {
  const code = 'code' in error ? String(error.code) : 'unknown';
  if (code === 'ENOENT') {
    return new CredsetupError('COMMAND_NOT_FOUND', `${JSON.stringify(command)} was not found.`, {
      cause: error, hint: 'Name a program in PATH or the path to one. For a shell\'s own words: credsetup exec NAME -- sh -c \'...\'',
    });
  }
  return new CredsetupError('COMMAND_NOT_EXECUTABLE', `${JSON.stringify(command)} could not be started (${code}).`, {
    cause: error, hint: code === 'E2BIG' ? 'Its arguments and variables together are too long for this system.' : 'Check that it is a program that you may execute (chmod +x).',
  });
}
