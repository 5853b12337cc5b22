/**
 * What a command may touch: interfaces only. The real effects are wired in one place
 * (wiring/); tests pass their own.
 */
import type { Credential, FullCredential, Secrets, StoreKind } from './credential.ts';

// ---------------------------------------------------------------- output

/** The one sink for everything that leaves the program. */
export interface Output {
  /** Standard output, byte for byte: exports and single values. Nothing is masked or escaped. */
  data(text: string): void;
  /** How wide the terminal is that data goes to; undefined where it goes elsewhere. */
  dataColumns(): number | undefined;
  /** Standard output: one JSON document; control and invisible characters as \u escapes. Masked unless `secrets`. */
  json(document: unknown, options?: { readonly secrets?: boolean }): void;
  /** Standard error, a line or several, for people: masked, escaped, silent under --quiet. */
  say(text: string): void;
  /** As `say`, also under --quiet: warnings and errors. */
  warn(text: string): void;
  /** Standard error under --debug only, masked and escaped. */
  debug(text: string): void;
  /** From now on this value is masked wherever talk or errors are printed. */
  protect(secret: string): void;
  /** From now on this value is public: a secret that is a part of it is not masked there. */
  publish(value: string): void;
  /** Standard error, as they are: lines by which GitHub's runner masks these values. Only where it reads them. */
  maskAtRunner(values: readonly string[]): void;
  /** A server's text without the secrets of this run and without pieces of them, to be kept. */
  foreign(text: string): string;
  /** Text that may hold a server's words, harmless and masked, for tables on standard output. */
  plain(text: string): string;
  /** A last line of talk that the next one replaces and undefined takes away. One line that fits. */
  status(line: string | undefined): void;
  /** How it is told how far something is that takes its time. */
  readonly progress: 'bar' | 'lines' | 'none';
  /** Whether all is told where else the likeliest is. */
  readonly verbose: boolean;
  /** Colours for talk; each is the identity when colours are off. */
  readonly style: Style;
}

export type Paint = (text: string) => string;
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly caution: Paint;
  readonly accent: Paint;
}

// ---------------------------------------------------------------- terminal

/** `back`: the person pressed Esc. */
export type Answer<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'back' };

export interface TextQuestion {
  readonly message: string;
  /** Used when the answer is empty. */
  readonly initial?: string;
  /** A line of help below or beside the question. */
  readonly help?: string;
  /** Takes off what people add around such a value; without it, only what is not seen. */
  readonly clean?: (value: string) => string;
  /** A sentence when the (already cleaned) value is not acceptable. */
  readonly check?: (value: string) => string | undefined;
  /** A paste of several lines: refused by default, or joined by spaces into one value. */
  readonly lineEnds?: 'refuse' | 'join';
  /** Longer values are refused with their length named. Default 4096 characters. */
  readonly maxLength?: number;
  /** What was pasted just before the question came: taken as its answer where it can be one, else said and not shown. */
  readonly pasted?: string | undefined;
}

export interface Choice<T> {
  readonly value: T;
  readonly label: string;
  readonly note?: string;
}

export interface KeyHint {
  /** 'enter' or a single lower-case letter. */
  readonly key: string;
  readonly means: string;
}

export interface KeyQuestion {
  readonly message: string;
  readonly keys: readonly KeyHint[];
  readonly signal?: AbortSignal;
}

/** What came whole where a key was waited for: no key, but the thing itself that is to be had ready. */
export interface Pasted {
  readonly pasted: string;
}

/** What more can be shown of what was said. */
export interface More {
  /** As in "Show ...": `the 5 other causes`. */
  readonly what: string;
  readonly show: () => void;
}

/** The owner of standard input and of the prompts on standard error. */
export interface Terminal {
  text(question: TextQuestion): Promise<Answer<string>>;
  /** Nothing is shown but the number of characters. */
  secret(question: TextQuestion): Promise<Answer<string>>;
  choose<T>(question: { readonly message: string; readonly choices: readonly Choice<T>[]; readonly initial?: T }): Promise<Answer<T>>;
  /** A change is confirmed by a typed word, never by `y`. True when the word was typed. */
  typeWord(question: { readonly message: string; readonly word: string }): Promise<boolean>;
  /**
   * Waits for one of the keys, showing `message` with a spinner and the keys' meanings.
   * Resolves to the key, to 'back' on Esc, or to undefined when `signal` ended the wait. Of a
   * paste no letter is a key; that it was not taken is said.
   */
  waitKey(question: KeyQuestion): Promise<string | undefined>;
  /** As `waitKey`, where what is pasted is an answer. */
  waitKeyOrPaste(question: KeyQuestion): Promise<string | Pasted | undefined>;
  /** The next question offers it too, by a key or a choice of its own; whoever takes it is asked the same again. */
  offer(more: More): void;
  /** Shows `message` with a spinner while the task runs; typed input meanwhile is dropped. */
  busy<T>(message: string, task: () => Promise<T>): Promise<T>;
  /**
   * Shows a secret, which somebody asked for, until Enter: then it is neither on the screen nor above it.
   * Where nothing is drawn it stays.
   */
  showBriefly(shown: { readonly label: string; readonly value: string }): Promise<void>;
  /** Leaves the terminal as it was. Safe to call twice. */
  close(): void;
}

// ---------------------------------------------------------------- http

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, without user info. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as application/x-www-form-urlencoded. */
  readonly form?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  /** It is n8n itself that is asked; an error says nothing then of what n8n would meet there. */
  readonly toN8n?: boolean;
}

export interface HttpResponse {
  /** The request's URL. Redirects are never followed. */
  readonly url: string;
  readonly status: number;
  header(name: string): string | undefined;
  readonly text: string;
  /** The body as JSON; throws RESPONSE_INVALID when it is cut short or no JSON. */
  json(): unknown;
}

/** How one server is connected to. Applies to its origin alone. */
export interface Connection {
  readonly ignoreSslIssues: boolean;
  /** `http://` to an address that is not loopback. */
  readonly allowHttp: boolean;
  /** PEM texts, trusted beside the built-in and the system's roots. */
  readonly certificates: readonly string[];
  /** Shown to a server that asks who connects: PEM texts. */
  readonly identity?: { readonly certificate: string; readonly key: string };
}

export interface HttpClient {
  /** Throws CredsetupError with the codes of exits 3 and 4, URL_INSECURE or RESPONSE_INVALID. */
  send(request: HttpRequest, connection: Connection): Promise<HttpResponse>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------- vault

export interface Vault {
  /** The index: no secret is read, neither keychain nor encrypted file is touched; a team's store is asked where it is the index. By name. */
  list(): Promise<readonly Credential[]>;
  /** Entries of the index that are no credentials (any more): in the way of nothing but their own name. */
  damaged(): Promise<readonly { readonly name?: string; readonly why: string }[]>;
  /** From the index, compared without regard to case. Throws STORE_CORRUPT when the entry of that name is damaged. */
  find(name: string): Promise<Credential | undefined>;
  /**
   * Whole, with its secrets. Throws NOT_FOUND (naming the known names), SECRET_MISSING,
   * STORE_CORRUPT (index and store disagree about what the secret is bound to) and the store's errors.
   */
  load(name: string): Promise<FullCredential>;
  /**
   * Proves that a store can be written, read and emptied before a secret is asked for.
   * Throws STORE_UNAVAILABLE, STORE_LOCKED, STORE_TIMEOUT, STORE_CORRUPT, STORE_TOO_NEW,
   * STORE_UNWRITABLE, PASSPHRASE_REJECTED, INPUT_MISSING (no passphrase in a script).
   */
  prepare(store: StoreKind): Promise<void>;
  /**
   * Saves under the write lock, all or nothing: what it throws tells that nothing was saved, or by
   * `outcomeUnknown` that this cannot be known. When the name is taken, `mayReplace` decides
   * with what is there; false throws NAME_TAKEN. A replaced credential keeps its id and createdAt.
   */
  save(full: FullCredential, mayReplace: (there: Credential) => boolean): Promise<{ readonly status: 'created' | 'replaced'; readonly credential: Credential }>;
  /** Replaces what the index says of a validated credential; the secret stays as it is. */
  update(name: string, change: (there: Credential) => Credential): Promise<Credential>;
  /** Throws NOT_FOUND, NAME_TAKEN. */
  rename(from: string, to: string): Promise<Credential>;
  /** Secret and entry. Throws NOT_FOUND and the store's errors; the entry stays when the secret could not be deleted. A damaged entry gives undefined. */
  remove(name: string): Promise<Credential | undefined>;
  /**
   * Runs a task as the only one that refreshes this credential, across processes and, in a team's
   * store, across machines; whoever waited must load again inside, for the refresh token may be
   * spent. `proveWrite` proves that what the refresh gives can be kept, and is called before
   * anything is spent: what it throws is for the vault, which may begin the task anew.
   * Throws STORE_BUSY after 30 s, 90 in a team's store.
   */
  withRefreshLock<T>(credential: Pick<Credential, 'id' | 'name' | 'store'>, task: (proveWrite: () => Promise<void>) => Promise<T>): Promise<T>;
  /** Ends the keychain's child process. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------- journal

/** A secret that a run began to make at a service; gone from the journal when it is saved or ended. */
export interface Begun {
  /** In the description of what is made there. */
  readonly mark: string;
  readonly service: string;
  readonly url: string;
  readonly ownerId: string;
  /** Ends as soon as the new one is saved. */
  readonly old?: string;
  readonly at: string;
  /** The process that noted it, and the machine that its number means something on; the journal adds it. */
  readonly by?: string;
}

/** What was begun at services, so that the next run finds what a cut-off one left there. No secrets. */
export interface Journal {
  /** Runs a task as the only one of this home that makes or ends secrets at services. Throws STORE_BUSY after 30 s. */
  alone<T>(task: () => Promise<T>): Promise<T>;
  list(): Promise<readonly Begun[]>;
  add(begun: Begun): Promise<void>;
  remove(mark: string): Promise<void>;
  /** Whether who noted it still runs; undefined when that cannot be told from here. */
  isAtWork(begun: Begun): boolean | undefined;
}

// ---------------------------------------------------------------- the whole

export interface HttpOptions {
  /** `--proxy`. */
  readonly proxy?: string | undefined;
  /** `--timeout`, in seconds, for one request. */
  readonly timeout?: number | undefined;
  /** For what must be finished or undone at a server although the run was stopped. */
  readonly outlivesStop?: boolean;
}

/** What of a machine a set-up meets. */
export interface MachineFacts {
  /** Without the v. */
  readonly nodeVersion: string;
  /** CREDSETUP_HOME or the platform's data folder, and its mode; undefined where there is none yet. */
  readonly home: string;
  readonly homeMode: number | undefined;
  /** Whether the home, or the folder in which it would be made, can be written by this user. */
  readonly homeIsWritable: boolean;
  /** Whether something takes a connection there, within seconds. */
  readonly connects: (host: string, port: number) => Promise<boolean>;
  /** BROWSER names one that is there, or there are a screen and a program that opens one. */
  readonly canOpenBrowser: boolean;
  readonly hasClipboard: boolean;
  /** Whether this process could listen there on 127.0.0.1; it does so for that moment. */
  readonly portIsFree: (port: number) => Promise<boolean>;
}

export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly output: Output;
  /** Ends when the person or the system asked the program to stop; the reason is a CredsetupError. */
  readonly signal: AbortSignal;
  /** Whether questions may be asked. */
  readonly interactive: boolean;
  /** Why it is not, and what helps; empty when it is. */
  readonly notAsked: string;
  /** Whether standard output is a terminal. */
  readonly outputIsTerminal: boolean;
  /** Whether talk goes into a pipe, which is how a CI runner reads it. */
  readonly talkIsPiped: boolean;
  now(): Date;
  /** A stop that comes while the task runs waits for its end; a second one does not. For what must not be cut in two. */
  inOnePiece<T>(task: () => Promise<T>): Promise<T>;
  /** Only when `interactive`. One for the whole run. */
  terminal(): Promise<Terminal>;
  http(options: HttpOptions): Promise<HttpClient>;
  vault(): Promise<Vault>;
  journal(): Promise<Journal>;
  /** Standard input to its end as text; at most `limit` bytes. Throws INPUT_INVALID beyond. */
  readStdin(limit: number): Promise<string>;
  /**
   * A file as text. `source` is the option or variable that names it. Throws FILE_UNREADABLE, for
   * which the caller has a hint; a name that no file has is never repeated: it may be the secret itself.
   */
  readFile(path: string, limit: number, source: string): Promise<string>;
  /**
   * A file that really lies in the folder, whatever links say, as text.
   * Throws USAGE when it lies elsewhere, FILE_UNREADABLE, FILE_INVALID beyond `limit` bytes.
   */
  readFileIn(folder: string, path: string, limit: number, source: string): Promise<string>;
  /** Atomic and 0600; straight through to what is no regular file. Throws FILE_EXISTS, FILE_UNWRITABLE. */
  writeFile(path: string, text: string, options: { readonly overwrite: boolean }): Promise<void>;
  /** Whether `writeFile` could begin: finds out early, decides nothing. Throws FILE_EXISTS, FILE_UNWRITABLE. */
  checkTarget(path: string, options: { readonly overwrite: boolean }): Promise<void>;
  /** Whether a file of this path would lie in a git work tree. */
  isInWorkTree(path: string): Promise<boolean>;
  /**
   * Runs a program on this process's standard streams to its end, with this environment and no
   * other; signals are passed on to it. Its exit code, or 128 + the signal that ended it.
   * Throws COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE.
   */
  runCommand(call: { readonly command: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }): Promise<number>;
  /** docs/errors.md, as it is in the package. */
  errorsPage(): Promise<string>;
  /** What this machine has, for `doctor`. */
  machine(): Promise<MachineFacts>;
  /** False when nothing opens it, which takes seconds to be seen; never throws. */
  openBrowser(url: string): Promise<boolean>;
  /** False when this machine has no clipboard; never throws. */
  copyToClipboard(text: string): Promise<boolean>;
}

export type { Credential, FullCredential, Secrets, StoreKind };
