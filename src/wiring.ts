/** The real effects, wired in one place. `process` stands here and in bin, nowhere else. */
import { createReadStream, fstatSync, lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { Warning } from './credential.ts';
import type { Context, HttpClient, HttpOptions, Journal, Output, Terminal, Vault } from './context.ts';
import { CredsetupError, exitCodes, isCredsetupError, type ErrorCode } from './errors.ts';
import { withCleanTexts } from './kept-texts.ts';
import { decodedText } from './given-value.ts';
import { Redactor } from './redaction.ts';
import { createPassphrase, identityText } from './passphrase.ts';
import { JoinedVault, type JoinedOptions } from './team/joined.ts';
import { Known } from './team/known.ts';
import { createOutput, type Sink } from './terminal/output.ts';
import { couldBeTerminal, StandardStream } from './terminal/standard-streams.ts';
import { inheritedDescriptors } from './stores/descriptors.ts';
import type { ExportOptions } from './stores/export-file.ts';
import { secretLookalike } from './services/misplaced-secret.ts';
import { homePath, homePathIfAny, userFile } from './stores/home-path.ts';
import { machineOf } from './stores/home.ts';
import { inAscii, inWords, isPlainMode, showsGlyphs } from './terminal/glyphs.ts';
import { noColors, useColor } from './terminal/style.ts';
import type { TerminalOptions } from './terminal/terminal.ts';
// Nearly every command reads the index: in one chunk with the rest it is there at once.
import { openWarning } from './server/connection.ts';
import { whyNotAsked } from './not-asked.ts';
import { createVault } from './vault.ts';

export interface RunOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
  /** Nothing is drawn, see terminal/plain.ts. */
  readonly plain: boolean;
  readonly input: boolean;
  readonly version: string;
  /** `--proxy` and `--timeout`: for a store that is on another machine, too. */
  readonly network?: HttpOptions;
}

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

/** What is left to the work to clean up after a stop, before the process ends without it. */
const graceMilliseconds = 2_000;

const stops: readonly (readonly [NodeJS.Signals, ErrorCode])[] = [['SIGINT', 'CANCELLED'], ['SIGTERM', 'SIGTERM'], ['SIGHUP', 'SIGHUP']];

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
    colors: color ? (await import('./terminal/colors.ts')).createColors() : noColors,
    columns: () => stderr.columns, dataColumns: () => (stdout.isTTY ? stdout.columns : undefined), drawing: !plain,
    ...(plain || ascii ? { fold: plain ? inWords : inAscii } : {}),
    onBrokenPipe: () => process.exit(exitCodes.BROKEN_PIPE),
    onWriteFailure: (error) => { stopper.abort(error); },
  });
  return assemble({ options, env, stopper, output, stdout, stderr, stop, inOnePiece, said: new Set(), descriptors, child });
}

/**
 * undici's HTTP parser is one large WebAssembly function, which V8 optimizes after some twenty
 * calls. In a run of a second that never pays: it was 100 ms of processor time, a third of a run
 * with a request (measured). Node 20, 22 and 24 have the flag; one that V8 does not know it prints.
 */
function keepParserUnoptimized(): void {
  const version = Number.parseInt(process.versions.v8, 10);
  if (version >= 11 && version <= 13) setFlagsFromString('--wasm-tiering-budget=1000000000');
}

/** The one way to stop the run. While something runs in one piece, the first stop waits for its end. */
function createStop(stopper: AbortController): Pick<Parts, 'stop' | 'inOnePiece'> {
  const piece: { depth: number; waiting: ErrorCode | undefined } = { depth: 0, waiting: undefined };
  const abort = (code: ErrorCode): void => { stopper.abort(new CredsetupError(code, 'Stopped.', { hint: 'Run the same command again to go on.' })); };
  return {
    stop: (code) => {
      if (piece.depth === 0 || piece.waiting !== undefined) abort(code);
      else piece.waiting = code;
    },
    inOnePiece: async (task) => {
      piece.depth += 1;
      try {
        return await task();
      } finally {
        piece.depth -= 1;
        if (piece.depth === 0 && piece.waiting !== undefined) abort(piece.waiting);
      }
    },
  };
}

interface Parts {
  readonly options: RunOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stopper: AbortController;
  readonly output: Sink;
  readonly stdout: StandardStream;
  readonly stderr: StandardStream;
  readonly stop: (code: ErrorCode) => void;
  readonly inOnePiece: Context['inOnePiece'];
  /** Warnings of connections that were said. */
  readonly said: Set<string>;
  /** What was open for writing when the program was started. */
  readonly descriptors: () => ReadonlySet<number>;
  /** While a command runs in our place, signals are its own. */
  readonly child: { pass: ((signal: NodeJS.Signals) => void) | undefined };
}

function assemble(parts: Parts): Wiring {
  const { options, env, stopper: { signal }, output, stdout, stderr } = parts;
  const interactive = options.input && !isSet(env['CI']) && stderr.isTTY && inputIsTerminal();
  const closers: (() => Promise<void> | void)[] = [];
  const terminal = once(() => openTerminal(parts, closers));
  const context: Context = {
    env, output, signal, interactive,
    notAsked: interactive ? '' : whyNotAsked({ input: options.input, ci: isSet(env['CI']), stdin: inputIsTerminal(), stderr: stderr.isTTY, env }),
    outputIsTerminal: stdout.isTTY,
    talkIsTerminal: stderr.isTTY,
    talkIsPiped: isPipe(2),
    now: () => new Date(),
    inOnePiece: parts.inOnePiece,
    terminal,
    http: (network) => openHttp(network, parts, closers),
    vault: once(() => Promise.resolve(openVault(context, parts, closers))),
    journal: once(() => openJournal(env, signal)),
    readStdin: (limit) => readStdin(limit, signal),
    readFile: (path, limit, source) => readText(path, limit, source, parts),
    readFileIn: async (folder, path, limit, source) => readText(await (await import('./stores/inside.ts')).realPathIn(folder, path), limit, source, parts),
    writeFile: async (path, text, { overwrite }) => {
      const { writeExport } = await import('./stores/export-file.ts');
      await writeExport(resolve(path), text, exportOptions(parts, overwrite));
    },
    checkTarget: async (path, { overwrite }) => {
      const { checkTarget } = await import('./stores/export-file.ts');
      await checkTarget(resolve(path), exportOptions(parts, overwrite));
    },
    runCommand: async (call) => {
      // The child gets the terminal as it was, and nothing of ours stays open beside it.
      await Promise.all(closers.splice(0).map(async (close) => close()));
      signal.throwIfAborted();
      return await runInPlace(call, parts);
    },
    isInWorkTree: async (path) => (await import('./stores/export-file.ts')).isInWorkTree(resolve(path)),
    errorsPage: async () => (await import('node:fs/promises')).readFile(built('errors.md'), 'utf8'),
    machine: async () => (await import('./machine-facts.ts')).machineFacts({ nodeVersion: process.versions.node, home: homePath(env, process.geteuid?.()), system: process.platform, env }),
    openBrowser: async (url) => (await import('./terminal/browser.ts')).openBrowser(url, env),
    copyToClipboard: async (text) => (await import('./terminal/clipboard.ts')).copyToClipboard(text, env),
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

function isStop(reason: unknown): boolean {
  return isCredsetupError(reason) && reason.exitCode > 128;
}

async function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      // The work sees the signal too and cleans up; what hangs is not waited for long.
      const timer = setTimeout(() => { reject(signal.reason as Error); }, graceMilliseconds);
      work.catch(() => undefined).finally(() => { clearTimeout(timer); reject(signal.reason as Error); }).catch(() => undefined);
    }, { once: true });
  });
  return Promise.race([work.catch((error: unknown) => {
    // A task that was cut off by the stop may throw anything; what is told is the stop.
    if (signal.aborted && !(isCredsetupError(error) && error.exitCode > 128)) throw signal.reason;
    throw error;
  }), stopped]);
}

// Beside those that stop us: programs have uses of their own for these.
const passedOn: readonly NodeJS.Signals[] = process.platform === 'win32' ? [] : ['SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

async function runInPlace(call: Parameters<Context['runCommand']>[0], { child, stdout, stderr }: Parts): Promise<number> {
  const { runCommand } = await import('./terminal/command.ts');
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

async function openTerminal({ env, stopper, output, stop }: Parts, closers: (() => Promise<void> | void)[]): Promise<Terminal> {
  const { createTerminal } = await import('./terminal/terminal.ts');
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
    const { DrawnQuestions } = await import('./terminal/prompts.ts');
    return (stage) => new DrawnQuestions(stage, env);
  }
  const { PlainQuestions } = await import('./terminal/plain.ts');
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

/** Once a run, however many clients go that way. */
function sayOpenWay(warning: Warning | undefined, said: Set<string>, output: Output): void {
  if (warning === undefined || said.has(warning.message)) return;
  said.add(warning.message);
  output.warn(`  ${output.style.caution('!')} ${warning.message} (${warning.code})`);
}

async function openHttp(network: HttpOptions, parts: Parts, closers: (() => Promise<void> | void)[]): Promise<HttpClient> {
  const { env, stopper, output, said } = parts;
  const { createHttpClient } = await import('./http/client.ts');
  // Behind it: V8 takes no compiled code after a flag was changed.
  keepParserUnoptimized();
  const client = createHttpClient({
    proxy: network.proxy, timeoutSeconds: network.timeout, env, signal: network.outlivesStop === true ? new AbortController().signal : stopper.signal,
    debug: parts.options.debug ? (line) => { output.debug(line); } : undefined, protect: (secret) => { output.protect(secret); },
    opened: (url, connection) => { sayOpenWay(openWarning(url, connection), said, output); },
  });
  closers.push(() => client.close());
  return client;
}

function openVault(context: Context, parts: Parts, closers: (() => Promise<void> | void)[]): Vault {
  const { env, output, signal, interactive } = context;
  // Asked for when it is needed: what is kept nowhere needs no home.
  const home = (): string => homePath(env, process.geteuid?.());
  const machine = machineOf(process);
  const atHome = createVault({
    get home() { return home(); },
    machine, now: () => new Date(), signal,
    onDamaged: (damaged, path) => {
      for (const { name = 'one without a name', why } of damaged) output.warn(`${output.style.caution('!')} The entry ${name} of ${path} is damaged (${why}); it was left as it is, and the others work.`);
    },
    stores: {
      keychain: async () => (await import('./stores/keychain.ts')).createKeychain({
        childPath: built('keychain-child.js'), execPath: process.execPath, env: childEnvironment(env), interactive, signal,
        service: env['CREDSETUP_KEYCHAIN_SERVICE'] ?? 'credsetup',
        onSlow: () => { output.say('  Waiting for the OS keychain. Is a dialog open that asks to unlock it?'); },
      }),
      file: async () => (await import('./stores/encrypted-file.ts')).createEncryptedFile({
        home: home(), workerPath: built('scrypt-worker.js'), signal, now: () => new Date(),
        identity: () => identityText(context), passphrase: createPassphrase(context),
      }),
    },
  });
  const vault = new JoinedVault({
    home: atHome, known: new Known({ get home() { return home(); }, machine, signal }), leads: env['CREDSETUP_STORE'] === 'vault',
    team: () => openTeam(context, parts, closers), warn: (sentence) => { output.warn(`  ${output.style.caution('!')} ${sentence}`); },
  });
  closers.push(() => vault.close());
  return withCleanTexts(vault, output);
}

/** Its own HTTP client: what is written there is written to its end although the run was stopped. */
async function openTeam({ env, output, signal }: Context, parts: Parts, closers: (() => Promise<void> | void)[]): ReturnType<JoinedOptions['team']> {
  const { OpenBaoStore } = await import('./stores/openbao/store.ts');
  const { TeamVault } = await import('./team/vault.ts');
  const tokenFile = userFile('.vault-token', process.geteuid?.());
  const store = new OpenBaoStore({
    env, readFile: (path, limit, source) => readText(path, limit, source, parts),
    tokenFile: tokenFile !== undefined && isThere(tokenFile) ? tokenFile : undefined,
    http: once(() => openHttp({ ...parts.options.network, outlivesStop: true }, parts, closers)), protect: (secret) => { output.protect(secret); },
  });
  const vault = new TeamVault({ store, signal, warn: (sentence) => { output.warn(`  ${output.style.caution('!')} ${sentence}`); } });
  return { vault, at: store.engine.place };
}

async function openJournal(env: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<Journal> {
  const { createJournal } = await import('./stores/journal.ts');
  return createJournal({ home: homePath(env, process.geteuid?.()), machine: machineOf(process), signal });
}

function isPipe(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isFIFO() || stats.isSocket();
  } catch {
    // A closed one (2>&-) is read by nobody.
    return false;
  }
}

/** Where the built chunks lie: this file is one of them. */
function built(name: string): string {
  return fileURLToPath(new URL(import.meta.url.includes('/chunks/') ? `../${name}` : name, import.meta.url));
}

/** Master secrets stay with us: no child gets a CREDSETUP_ variable. */
function childEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.toUpperCase().startsWith('CREDSETUP_')));
}

function exportOptions({ env, descriptors, stopper: { signal } }: Parts, overwrite: boolean): ExportOptions {
  return { overwrite, machine: machineOf(process), home: homePathIfAny(env, process.geteuid?.()), descriptors, signal };
}

function inputIsTerminal(): boolean {
  return couldBeTerminal(0) && process.stdin.isTTY;
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

/** `CI` counts unless it is empty, `0` or `false`. */
function isSet(value: string | undefined): boolean {
  return isGiven(value) && value !== '0' && value.toLowerCase() !== 'false';
}

/**
 * Whatever a variable holds that is a secret is masked from the first line on; so is what stands
 * where the name of a file belongs and names none, for it may be the secret itself. The process
 * keeps neither in its own environment: a report of Node's (`--report-on-signal`) writes that to a file.
 */
function takeSecretVariables(env: Readonly<Record<string, string | undefined>>, redactor: Redactor): void {
  const take = (name: string, value: string): void => {
    redactor.protect(value);
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
    delete process.env[name];
  };
  for (const [name, value] of Object.entries(env)) {
    if (/^CREDSETUP_.*(PASSWORD|TOKEN|SECRET|PASSPHRASE|IDENTITY|API_KEY|MFA_CODE|SECRET_ID)$|^(BAO|VAULT)_TOKEN$/.test(name) && isGiven(value)) take(name, value);
    if (/^CREDSETUP_.*_FILE$/.test(name) && isGiven(value) && !isThere(value)) take(name, value);
    if (/^CREDSETUP_(?!.*_(CLIENT|ROLE)_ID$)|^(BAO|VAULT)_/.test(name) && isGiven(value) && secretLookalike(value) !== undefined) take(name, value);
  }
}

/** A secret that was given as a word of the command line, whatever becomes of it. Ids that are public look like one. */
function protectWords(words: readonly string[], redactor: Redactor): void {
  const end = words.indexOf('--');
  for (const [at, word] of (end < 0 ? words : words.slice(0, end)).entries()) {
    const value = word.replace(/^--[a-z-]+=/, '');
    if (!/^--(token|client)-id(=|$)/.test(value === word ? words[at - 1] ?? '' : word) && secretLookalike(value) !== undefined) redactor.protect(value);
  }
}

/** A link that leads nowhere is there too. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // Too long, with a NUL inside, or below what may not be entered: no file of the name was seen.
    return false;
  }
}

function readStdin(limit: number, signal: AbortSignal): Promise<string> {
  return textOf(process.stdin, limit, signal, () => new CredsetupError('INPUT_INVALID', `Standard input gave more than ${limit} bytes.`, { hint: 'Give the value alone.' }));
}

async function readText(path: string, limit: number, source: string, { output, stopper: { signal } }: Parts): Promise<string> {
  try {
    return await textOf(createReadStream(path), limit, signal, () => new CredsetupError('FILE_INVALID', `${path} has more than ${limit} bytes.`, { hint: 'Is it the right file?' }));
  } catch (error) {
    if (isCredsetupError(error)) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (isThere(path)) throw new CredsetupError('FILE_UNREADABLE', `${path} could not be read (${code}).`, { cause: error });
    output.protect(path);
    throw new CredsetupError('FILE_UNREADABLE', `${source} names no file that is there (${code}); what it gives has ${path.length} characters.`, { cause: error });
  }
}

/** A stream to its end. It is closed when the run is stopped: an open one would keep the process alive. */
async function textOf(stream: Readable, limit: number, signal: AbortSignal, tooLarge: () => CredsetupError): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  const stop = (): void => { stream.destroy(); };
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const part of stream) {
      const bytes = Buffer.from(part as Uint8Array);
      length += bytes.length;
      if (length > limit) throw tooLarge();
      parts.push(bytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return decodedText(Buffer.concat(parts));
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
