/** The real effects, wired in one place. `process` stands in this folder and in bin, nowhere else. */
import { resolve } from 'node:path';
import type { Context } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { whyNotAsked } from '../not-asked.ts';
import { Redactor } from '../redaction.ts';
import { inheritedDescriptors } from '../stores/descriptors.ts';
import { homePath } from '../stores/home-path.ts';
import { inAscii, inWords, isPlainMode, showsGlyphs } from '../terminal/glyphs.ts';
import { createOutput } from '../terminal/output.ts';
import { StandardStream } from '../terminal/standard-streams.ts';
import { noColors, useColor } from '../terminal/style.ts';
import { protectWords, takeSecretVariables } from './given-secrets.ts';
import { openHttp } from './network.ts';
import { isGiven, once, type Closers, type Parts, type RunOptions } from './parts.ts';
import { readStdin, readText } from './reading.ts';
import { createStop, isStop, stops, untilStopped } from './stopping.ts';
import { built, exportOptions, openJournal, openVault } from './stores.ts';
import { inputIsTerminal, isPipe, openTerminal, runInPlace } from './terminal.ts';

export interface Wiring {
  readonly context: Context;
  /** The work's result, or the reason why the person or the system stopped it. */
  untilStopped<T>(work: Promise<T>): Promise<T>;
  /** Standard output has taken what was written. Throws FILE_UNWRITABLE when it did not (a full disk). */
  written(): Promise<void>;
  /** A result is on standard output already: another document would make two. */
  readonly answered: () => boolean;
  /** Ends everything that would keep the process alive, and leaves the terminal as it was. */
  close(): Promise<void>;
}

/** Effects of one run. Nothing is loaded, opened or asked before it is used. */
export async function wire(options: RunOptions): Promise<Wiring> {
  const env = { ...process.env };
  const descriptors = inheritedDescriptors();
  const stopper = new AbortController();
  const redactor = new Redactor();
  takeSecretVariables(env, redactor);
  protectWords(process.argv.slice(2), redactor);
  const { stop, inOnePiece } = createStop(stopper);
  const child: Parts['child'] = { pass: undefined };
  for (const [signal, code] of stops) process.on(signal, () => { if (child.pass === undefined) stop(code); else child.pass(signal); });
  const stdout = new StandardStream(1, () => process.stdout);
  const stderr = new StandardStream(2, () => process.stderr);
  const plain = isPlainMode({ option: options.plain, env });
  const color = useColor({ isTTY: stderr.isTTY, noColorOption: !options.color || (plain && env['TERM'] !== 'dumb'), env });
  const ascii = stderr.isTTY && !showsGlyphs(env, process.platform);
  const output = createOutput({
    stdout, stderr, quiet: options.quiet, debug: options.debug, verbose: options.verbose, redactor,
    colors: color ? (await import('../terminal/colors.ts')).createColors() : noColors,
    columns: () => stderr.columns, dataColumns: () => (stdout.isTTY ? stdout.columns : undefined), drawing: !plain,
    // One document is all that a program reads; talk would be none of it.
    progress: stderr.isTTY ? (plain ? 'lines' : 'bar') : options.json ? 'none' : 'lines',
    ...(plain || ascii ? { fold: plain ? inWords : inAscii } : {}),
    onBrokenPipe: () => process.exit(exitCodes.BROKEN_PIPE),
    onWriteFailure: (error) => { stopper.abort(error); },
  });
  return assemble({ options, env, stopper, output, stdout, stderr, stop, inOnePiece, said: new Set(), descriptors, child });
}

function assemble(parts: Parts): Wiring {
  const { options, env, stopper: { signal }, output, stdout, stderr } = parts;
  const interactive = options.input && !isSet(env['CI']) && stderr.isTTY && inputIsTerminal();
  const closers: Closers = [];
  const terminal = once(() => openTerminal(parts, closers));
  const context: Context = {
    env, output, signal, interactive,
    notAsked: interactive ? '' : whyNotAsked({ input: options.input, ci: isSet(env['CI']), stdin: inputIsTerminal(), stderr: stderr.isTTY, env }),
    outputIsTerminal: stdout.isTTY,
    talkIsPiped: isPipe(2),
    now: () => new Date(),
    inOnePiece: parts.inOnePiece,
    terminal,
    http: (network) => openHttp(network, parts, closers),
    vault: once(() => Promise.resolve(openVault(context, parts, closers))),
    journal: once(() => openJournal(env, signal)),
    readStdin: (limit) => readStdin(limit, signal),
    readFile: (path, limit, source) => readText(path, limit, source, parts),
    readFileIn: async (folder, path, limit, source) => readText(await (await import('../stores/inside.ts')).realPathIn(folder, path), limit, source, parts),
    writeFile: async (path, text, { overwrite }) => {
      const { writeExport } = await import('../stores/export-file.ts');
      await writeExport(resolve(path), text, exportOptions(parts, overwrite));
    },
    checkTarget: async (path, { overwrite }) => {
      const { checkTarget } = await import('../stores/export-file.ts');
      await checkTarget(resolve(path), exportOptions(parts, overwrite));
    },
    runCommand: async (call) => {
      // The child gets the terminal as it was, and nothing of ours stays open beside it.
      await Promise.all(closers.splice(0).map(async (close) => close()));
      signal.throwIfAborted();
      return await runInPlace(call, parts);
    },
    isInWorkTree: async (path) => (await import('../stores/export-file.ts')).isInWorkTree(resolve(path)),
    errorsPage: async () => (await import('node:fs/promises')).readFile(built('errors.md'), 'utf8'),
    machine: async () => (await import('../machine-facts.ts')).machineFacts({ nodeVersion: process.versions.node, home: homePath(env, process.geteuid?.()), system: process.platform, env }),
    openBrowser: async (url) => (await import('../terminal/browser.ts')).openBrowser(url, env),
    copyToClipboard: async (text) => (await import('../terminal/clipboard.ts')).copyToClipboard(text, env),
  };
  return {
    context,
    untilStopped: (work) => untilStopped(work, signal),
    written: async () => {
      await stdout.written();
      // Once a result is written it is the result: a stop that comes then comes too late.
      if (signal.aborted && !(isStop(signal.reason) && output.answered())) throw signal.reason as Error;
    },
    answered: () => output.answered(),
    close: async () => {
      await Promise.all(closers.map(async (close) => close()));
    },
  };
}

/** `CI` counts unless it is empty, `0` or `false`. */
function isSet(value: string | undefined): boolean {
  return isGiven(value) && value !== '0' && value.toLowerCase() !== 'false';
}
