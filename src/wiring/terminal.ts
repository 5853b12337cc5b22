/** The terminal of a run: whether there is one, what draws on it, and who has it while a command runs. */
import { fstatSync } from 'node:fs';
import type { Context, Terminal } from '../context.ts';
import type { Sink } from '../terminal/output.ts';
import { couldBeTerminal } from '../terminal/standard-streams.ts';
import type { TerminalOptions } from '../terminal/terminal.ts';
import { isGiven, type Closers, type Parts } from './parts.ts';

/** Whether somebody can type. */
export function inputIsTerminal(): boolean {
  return couldBeTerminal(0) && process.stdin.isTTY;
}

/** Whether the descriptor leads to another program. */
export function isPipe(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isFIFO() || stats.isSocket();
  } catch {
    // A closed one (2>&-) is read by nobody.
    return false;
  }
}

/** The terminal, left as it was found when the run ends. */
export async function openTerminal({ env, stopper, output, stop }: Parts, closers: Closers): Promise<Terminal> {
  const { createTerminal } = await import('../terminal/terminal.ts');
  const opened = createTerminal({
    stdin: process.stdin, stderr: process.stderr, signal: stopper.signal, output,
    questions: await questionsFor(output, env),
    interrupt: () => { stop('CANCELLED'); }, onSuspension,
  });
  closers.push(() => { opened.close(); });
  return opened;
}

/** What draws loads Inquirer.js's engine; nothing else does. */
async function questionsFor({ drawing }: Sink, env: Parts['env']): Promise<TerminalOptions['questions']> {
  if (drawing) {
    const { DrawnQuestions } = await import('../terminal/prompts.ts');
    return (stage) => new DrawnQuestions(stage, env);
  }
  const { PlainQuestions } = await import('../terminal/plain.ts');
  return (stage) => new PlainQuestions({ ...stage, inEmacs: isGiven(env['INSIDE_EMACS']) });
}

/** A stop from elsewhere leaves the terminal to the shell first; what comes back is set anew. Windows stops no process so. */
function onSuspension({ stopping, continued }: { readonly stopping: () => void; readonly continued: () => void }): () => void {
  if (process.platform === 'win32') return () => undefined;
  const stopSelf = (): void => {
    stopping();
    // Ours is in the place of the default, which would have stopped us.
    process.kill(process.pid, 'SIGSTOP');
  };
  process.on('SIGTSTP', stopSelf);
  process.on('SIGCONT', continued);
  return () => {
    process.removeListener('SIGTSTP', stopSelf);
    process.removeListener('SIGCONT', continued);
  };
}

// Beside those that stop us: programs have uses of their own for these.
const passedOn: readonly NodeJS.Signals[] = process.platform === 'win32' ? [] : ['SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

/** Runs a command in our place, with signals passed on. Resolves to its exit code. */
export async function runInPlace(call: Parameters<Context['runCommand']>[0], { child, stdout, stderr }: Parts): Promise<number> {
  const { runCommand } = await import('../terminal/command.ts');
  const onTerminal = inputIsTerminal() || stdout.isTTY || stderr.isTTY;
  const onStart = (pass: (signal: NodeJS.Signals) => void): void => {
    child.pass = (signal) => {
      // The terminal's own keys reach the whole group: passed on, the child would get them twice.
      if (!onTerminal || (signal !== 'SIGINT' && signal !== 'SIGQUIT')) pass(signal);
    };
    for (const signal of passedOn) process.on(signal, child.pass);
  };
  return await runCommand({ ...call, onStart });
}
