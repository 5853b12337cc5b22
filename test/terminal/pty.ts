/**
 * A program in a real terminal: a pseudoterminal for it and a screen model for what it draws.
 * Waiting is for output; a wait that takes too long fails with the screen printed.
 */
import pty from '@lydell/node-pty';
import xterm from '@xterm/headless';

export interface PtyOptions {
  readonly command: string;
  readonly args?: readonly string[];
  /** Added to PATH, HOME, LANG and TERM: nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly columns?: number;
  readonly rows?: number;
  /** In milliseconds, for each wait. */
  readonly patience?: number;
}

export interface Exit {
  /** As a shell sees it: 128 and the signal's number when a signal ended the program. */
  readonly code: number;
}

/**
 * The program runs under a shell that reports its process and its exit code through the terminal
 * itself, as sequences that no terminal knows. So the end comes after all output: a
 * pseudoterminal's own exit event may come before the last of it.
 */
const shell = `trap : INT TERM HUP
sh -c 'printf "\\033]9998;%d\\007" $$; exec "$@"' sh "$@"
printf "\\033]9999;%d\\007" $?
read -r rest`;
const reports = /\u001b\]999([89]);(\d+)\u0007/g;

const keys = {
  'enter': '\r', 'escape': '\u001b', 'backspace': '\u007f', 'tab': '\t', 'delete': '\u001b[3~',
  'up': '\u001b[A', 'down': '\u001b[B', 'right': '\u001b[C', 'left': '\u001b[D',
  'ctrl-c': '\u0003', 'ctrl-d': '\u0004', 'ctrl-t': '\u0014', 'ctrl-u': '\u0015', 'ctrl-z': '\u001a',
} as const;

export class PtySession {
  /** Resolves when the program has ended and all of its output was taken in. */
  readonly exit: Promise<Exit>;
  readonly #terminal: pty.IPty;
  readonly #screen: xterm.Terminal;
  readonly #patience: number;
  readonly #watchers = new Set<() => void>();
  #raw = '';

  constructor(options: PtyOptions) {
    const { columns = 100, rows = 40, patience = 25_000 } = options;
    this.#patience = patience;
    this.#screen = new xterm.Terminal({ cols: columns, rows, scrollback: 5000, allowProposedApi: true });
    this.#terminal = pty.spawn('sh', ['-c', shell, 'sh', options.command, ...(options.args ?? [])], {
      name: options.env?.['TERM'] ?? 'xterm-256color', cols: columns, rows, cwd: options.cwd ?? process.cwd(),
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', LANG: 'C.UTF-8', ...options.env },
    });
    this.#terminal.onData((data) => {
      this.#raw += data;
      this.#screen.write(data, () => this.#changed());
    });
    // The terminal's own answers (where the cursor is, who it is) go back as in a real one.
    this.#screen.onData((data) => this.#terminal.write(data));
    this.exit = new Promise((resolve) => {
      this.#watchers.add(() => {
        const code = this.#report('9');
        if (code !== undefined) resolve({ code });
      });
    });
    void this.exit.then(() => this.#changed());
  }

  /** The program's process, as soon as it has started. */
  get pid(): number | undefined {
    return this.#report('8');
  }

  /** Everything that was written to the terminal, control sequences included. */
  get raw(): string {
    return this.#raw.replace(reports, '');
  }

  /** The text on the screen and above it, without trailing spaces and empty lines at the end. */
  screen(): string {
    const { active } = this.#screen.buffer;
    return Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? '').join('\n').trimEnd();
  }

  /** Waits until the screen shows it, `times` times. */
  async waitFor(wanted: string | RegExp, times = 1): Promise<void> {
    await this.#until(() => this.#count(wanted) >= times, `${String(wanted)}${times > 1 ? ` ${times} times` : ''}`);
  }

  /** Waits until the transcript holds it. */
  async waitForRaw(wanted: string): Promise<void> {
    await this.#until(() => this.#raw.includes(wanted), JSON.stringify(wanted));
  }

  /** Waits until a prompt has put the cursor to its place, behind so much of the transcript. */
  async drawnSince(length: number): Promise<void> {
    await this.#until(() => /\u001b\[\d+G$/.test(this.raw.slice(length)), 'a prompt that is drawn anew');
  }

  /** Bytes as they are: what a keyboard would send. */
  type(text: string): void {
    this.#terminal.write(text);
  }

  /** Bytes that need not be whole characters. */
  typeBytes(bytes: Buffer): void {
    // Typed as text, but it goes to a socket as it is.
    this.#terminal.write(bytes as unknown as string);
  }

  /** As a terminal pastes: line ends become carriage returns, brackets around it when the program asked for them. */
  paste(text: string): void {
    const pasted = text.replace(/\r?\n/g, '\r');
    this.type(this.#screen.modes.bracketedPasteMode ? `\u001b[200~${pasted}\u001b[201~` : pasted);
  }

  press(key: keyof typeof keys): void {
    this.type(keys[key]);
  }

  /** Whether the program has asked for bracketed pastes. */
  get bracketsPastes(): boolean {
    return this.#screen.modes.bracketedPasteMode;
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.#screen.resize(columns, rows);
  }

  /** The exit, or a failure with the screen when the program does not end. */
  async ended(): Promise<Exit> {
    let exit: Exit | undefined;
    void this.exit.then((value) => { exit = value; });
    await this.#until(() => exit !== undefined, 'the end of the program');
    return exit!;
  }

  /** Closes the terminal, as its window does: nothing can be read from it any more. */
  hangUp(): void {
    // Of every Unix pseudoterminal, but not of the interface that Windows has, too.
    (this.#terminal as pty.IPty & { destroy(): void }).destroy();
  }

  /** Ends the program if it still runs. */
  kill(): void {
    try {
      this.#terminal.kill('SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }

  #report(kind: '8' | '9'): number | undefined {
    const found = [...this.#raw.matchAll(reports)].find((report) => report[1] === kind)?.[2];
    return found === undefined ? undefined : Number(found);
  }

  #count(wanted: string | RegExp): number {
    const pattern = typeof wanted === 'string' ? wanted : new RegExp(wanted, wanted.flags.includes('g') ? wanted.flags : `${wanted.flags}g`);
    return typeof pattern === 'string' ? this.screen().split(pattern).length - 1 : [...this.screen().matchAll(pattern)].length;
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  async #until(reached: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        settle();
      };
      const check = (): void => {
        if (reached()) end(resolve);
      };
      const timer = setTimeout(() => end(() => reject(new Error(`waited ${this.#patience} ms for ${what}; the screen shows:\n${this.screen()}`))), this.#patience);
      this.#watchers.add(check);
      // The exit's own callback may come after this one.
      void this.exit.then(() => setImmediate(check));
      check();
    });
  }
}
