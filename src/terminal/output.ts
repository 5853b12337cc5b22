/**
 * The one sink for everything that leaves the program: data on standard output, talk on
 * standard error, masked and harmless.
 */
import type { Output, Style } from '../context.ts';
import { CredsetupError } from '../errors.ts';
import { withoutMarks } from '../foreign.ts';
import type { Redactor } from '../redaction.ts';
import { escapeJson, escapeText, withoutRunnerCommands } from './escape.ts';
import { maskLines } from './runner-mask.ts';
import { noColors, type Colors } from './style.ts';
import { widthOf } from './width.ts';
import { wrap } from './wrap.ts';

/** What is needed of a standard stream. */
export interface WritableText {
  write(text: string): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface OutputOptions {
  readonly stdout: WritableText;
  readonly stderr: WritableText;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly verbose?: boolean;
  /** What talk is coloured with; see useColor. */
  readonly colors: Colors;
  /** Signs as the terminal shows them; absent: as they are. */
  readonly fold?: (text: string) => string;
  /** False: nothing is drawn over, the last line either. */
  readonly drawing?: boolean;
  readonly progress?: Output['progress'];
  /** Of the terminal that talk goes to; undefined where it goes elsewhere: then no line is broken. */
  readonly columns?: () => number | undefined;
  /** Of the terminal that data goes to. */
  readonly dataColumns?: () => number | undefined;
  readonly redactor: Redactor;
  /** The reader went away: end with BROKEN_PIPE's exit code and without a word. Called once. */
  readonly onBrokenPipe: () => void;
  /** Data could not be written for another reason (a full disk): the run has failed. */
  readonly onWriteFailure?: (error: CredsetupError) => void;
}

/** The output together with what the prompts need of it. */
export interface Sink extends Output {
  /** Text masked, harmless and with its colours: for prompts, which draw for themselves. */
  clean(text: string): string;
  /** As `clean`, without colours. */
  plain(text: string): string;
  /** Colours for text that went through `clean`. */
  readonly paint: Style;
  /** Signs as the terminal shows them, in text that went through `clean`. */
  readonly fold: (text: string) => string;
  /** Whether lines are drawn over. */
  readonly drawing: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
  /** Whether anything was written to standard output. */
  answered(): boolean;
  /**
   * A last line that is replaced by the next one and taken away by undefined. What is said
   * meanwhile goes above it. It must be one harmless line that fits the terminal's width.
   */
  status(line: string | undefined): void;
}

const colored = /\u001b\[[\d;]*m/g;

/** Makes the sink. Nothing else may write to these streams, save a prompt that is open. */
export function createOutput(options: OutputOptions): Sink {
  const { stdout, stderr, redactor, quiet, colors, drawing = true } = options;
  const fold = options.fold ?? ((text: string): string => text);
  let shown: string | undefined;
  let answered = false;

  watchForErrors(options);
  // Masked twice: escaping takes out characters that may have split a secret. A mark may have stood before or in a runner's command.
  const harmless = (text: string): string => withoutRunnerCommands(withoutMarks(redactor.maskOwn(escapeText(redactor.maskOwn(text)))));
  // A narrower terminal may have broken the line since it was drawn.
  const rubOut = (): string => {
    if (shown === undefined) return '';
    const rows = Math.ceil(widthOf(shown.replace(colored, '')) / (options.columns?.() ?? Infinity));
    return rows > 1 ? `\u001b[${rows - 1}A\r\u001b[J` : '\r\u001b[2K';
  };
  const talk = (text: string, columns?: number): void => {
    const cleaned = fold(colors.resolve(harmless(text)));
    stderr.write(`${rubOut()}${columns === undefined ? cleaned : wrap(cleaned, columns)}\n${shown ?? ''}`);
  };
  const speak = (text: string): void => talk(text, options.columns?.());

  return {
    answered: () => answered,
    data: (text) => {
      answered = true;
      stdout.write(text);
    },
    dataColumns: () => options.dataColumns?.(),
    json: (document, { secrets = false } = {}) => {
      const masked = secrets ? document : maskedDocument(document, redactor);
      answered = true;
      stdout.write(`${escapeJson(masked)}\n`);
    },
    say: (text) => {
      if (!quiet) speak(text);
    },
    warn: speak,
    debug: (text) => {
      if (options.debug) talk(colors.style.dim(text.replace(/^/gm, 'debug: ')));
    },
    maskAtRunner: (values) => { stderr.write(maskLines(values)); },
    protect: (secret) => redactor.protect(secret),
    publish: (value) => redactor.publish(value),
    foreign: (text) => redactor.mask(text),
    style: colors.style,
    verbose: options.verbose === true || options.debug,
    clean: (text) => fold(colors.resolve(harmless(text))),
    plain: (text) => harmless(colors.strip(text)),
    paint: colors.paint,
    progress: options.progress ?? 'none',
    fold, drawing, quiet,
    color: colors !== noColors,
    status: (line) => {
      if (line === shown || !drawing) return;
      stderr.write(`${rubOut()}${line ?? ''}`);
      shown = line;
    },
  };
}

/** Members whose values are words of ours, of a fixed list each: they are never masked, nor is any member's name. */
const ownWords = new Set([
  'service', 'method', 'grant', 'store', 'code', 'status', 'proof', 'field', 'option', 'variable', 'format', 'state',
  'createdAt', 'validatedAt', 'expiresAt', 'exportedAt', 'at',
]);
/** Members that hold what a server says and nothing of ours. */
const foreignWords = new Set(['account', 'server']);

type Masked = (text: string) => string;

/** The document as JSON would have it, with secrets masked where a server's words can stand. */
function maskedDocument(document: unknown, redactor: Redactor): unknown {
  return maskedValue(document, (text) => withoutMarks(redactor.maskOwn(text)), (text) => withoutMarks(redactor.mask(text)));
}

function maskedValue(value: unknown, own: Masked, foreign: Masked): unknown {
  if (typeof value === 'string') return own(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map((one) => maskedValue(one, own, foreign));
  return Object.fromEntries(Object.entries(value).map(([name, member]: [string, unknown]) => {
    if (ownWords.has(name) && typeof member === 'string') return [name, member];
    return [name, maskedValue(member, foreignWords.has(name) ? foreign : own, foreign)];
  }));
}

/** A stream reports a failed write by its error event; without a listener it would be a crash. */
function watchForErrors({ stdout, stderr, onBrokenPipe, onWriteFailure }: OutputOptions): void {
  let broken = false;
  const watch = (stream: WritableText, failed: (error: Error) => void): void => {
    stream.on('error', (error) => {
      if (broken) return;
      broken = true;
      if ('code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')) onBrokenPipe();
      else failed(error);
    });
  };
  watch(stdout, (error) => onWriteFailure?.(new CredsetupError('FILE_UNWRITABLE', 'Standard output could not be written.', {
    hint: 'Check that the disk is not full and that the target can be written.',
    cause: error,
  })));
  // Talk that nobody can read any more (a terminal that went away: EIO) fails nothing.
  watch(stderr, () => { broken = false; });
}
