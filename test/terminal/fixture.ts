/**
 * A small program that asks what its script says, for the tests to drive in a terminal. Answers go
 * to a file, so that nothing but the prompts themselves can bring a secret onto the screen.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { CredsetupError, toCredsetupError, type ErrorCode } from '../../src/errors.ts';
import { Redactor } from '../../src/redaction.ts';
import { createOutput } from '../../src/terminal/output.ts';
import { createTerminal } from '../../src/terminal/terminal.ts';
import { createColors } from '../../src/terminal/colors.ts';
import { inAscii, inWords, isPlainMode, showsGlyphs } from '../../src/terminal/glyphs.ts';
import { PlainQuestions } from '../../src/terminal/plain.ts';
import { DrawnQuestions } from '../../src/terminal/prompts.ts';
import { noColors, useColor } from '../../src/terminal/style.ts';

export type Step =
  | { readonly do: 'text' | 'secret'; readonly message: string; readonly initial?: string; readonly help?: string; readonly maxLength?: number; readonly refuse?: string }
  | { readonly do: 'choose'; readonly message: string; readonly choices: readonly string[]; readonly initial?: string; readonly note?: string }
  | { readonly do: 'word'; readonly message: string; readonly word: string }
  | { readonly do: 'key'; readonly message: string; readonly keys: Readonly<Record<string, string>>; readonly endsAfter?: number }
  /** Ends when a BEL arrives on standard input: what was sent before it has arrived, too. */
  | { readonly do: 'gap' | 'busy'; readonly message: string; readonly says?: string; readonly ignoresStop?: boolean }
  /** The next question offers it. */
  | { readonly do: 'offer'; readonly message: string; readonly says: string }
  /** Blocks the event loop until the file is there. */
  | { readonly do: 'block'; readonly message: string; readonly file: string };

const [script = '[]', answers = ''] = process.argv.slice(2);
const steps = JSON.parse(script) as Step[];
const stopper = new AbortController();
const stop = (code: ErrorCode): void => stopper.abort(new CredsetupError(code, `Stopped (${code}). Nothing was saved.`));
const plain = isPlainMode({ option: false, env: process.env });
const output = createOutput({
  stdout: process.stdout, stderr: process.stderr, quiet: false, debug: false, redactor: new Redactor(),
  colors: useColor({ isTTY: process.stderr.isTTY, env: process.env, noColorOption: plain }) ? createColors() : noColors,
  columns: () => process.stderr.columns, drawing: !plain,
  ...(plain || !showsGlyphs(process.env, process.platform) ? { fold: plain ? inWords : inAscii } : {}),
  onBrokenPipe: () => process.exit(141),
});
const terminal = createTerminal({
  stdin: process.stdin, stderr: process.stderr, signal: stopper.signal, interrupt: () => stop('CANCELLED'), output,
  questions: (stage) => (plain ? new PlainQuestions({ ...stage, inEmacs: process.env['INSIDE_EMACS'] !== undefined }) : new DrawnQuestions(stage, process.env)),
});
process.on('SIGINT', () => stop('CANCELLED'));
process.on('SIGTERM', () => stop('SIGTERM'));
process.on('SIGHUP', () => stop('SIGHUP'));

async function bell({ ignoresStop = false }: { readonly ignoresStop?: boolean }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onData = (bytes: Buffer): void => {
      if (!bytes.includes(7)) return;
      process.stdin.removeListener('data', onData);
      resolve();
    };
    process.stdin.on('data', onData);
    if (!ignoresStop) stopper.signal.addEventListener('abort', () => reject(stopper.signal.reason as Error));
  });
}

async function run(step: Step): Promise<unknown> {
  switch (step.do) {
    case 'text':
    case 'secret': {
      const { do: kind, refuse, ...question } = step;
      return terminal[kind](refuse === undefined ? question : { ...question, check: (value) => (value === refuse ? 'That one is refused.' : undefined) });
    }
    case 'choose': {
      const { note } = step;
      const choices = step.choices.map((value) => ({ value, label: value, ...(note === undefined ? {} : { note }) }));
      return terminal.choose({ message: step.message, choices, ...(step.initial === undefined ? {} : { initial: step.initial }) });
    }
    case 'word':
      return terminal.typeWord(step);
    case 'key': {
      const keys = Object.entries(step.keys).map(([key, means]) => ({ key, means }));
      return await terminal.waitKey({ message: step.message, keys, ...(step.endsAfter === undefined ? {} : { signal: AbortSignal.timeout(step.endsAfter) }) }) ?? 'ended';
    }
    case 'offer':
      terminal.offer({ what: step.message, show: () => { output.say(step.says); } });
      return 'offered';
    case 'gap':
      output.say(step.message);
      return bell(step).then(() => 'over');
    case 'busy':
      return terminal.busy(step.message, async () => {
        if (step.says !== undefined) output.say(step.says);
        await bell(step);
        return 'done';
      });
    case 'block':
      output.say(step.message);
      while (!existsSync(step.file)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      return 'unblocked';
  }
}

try {
  output.say(`process ${process.pid}`);
  for (const step of steps) appendFileSync(answers, `${JSON.stringify(await run(step))}\n`);
  output.say('All asked.');
} catch (thrown) {
  const error = toCredsetupError(thrown);
  // A stopped run has given the terminal back by itself, before the error is said.
  if (!stopper.signal.aborted) terminal.close();
  output.warn(error.code === 'UNEXPECTED' ? String(thrown instanceof Error ? thrown.stack : thrown) : error.message);
  process.exitCode = error.exitCode;
} finally {
  if (!stopper.signal.aborted) terminal.close();
}
