/**
 * Standard output and error without the streams of Node, whose making costs a script's run a tenth
 * of its start: a file, a pipe or the null device is written to at once. A terminal, a socket, and a
 * pipe that is full for the moment get Node's stream, which waits for its reader.
 */
import { fstatSync, statSync, writeSync } from 'node:fs';
import type { WritableText } from './output.ts';

/** What is needed of Node's own stream. */
interface NodeStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string | Uint8Array, done?: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export class StandardStream implements WritableText {
  readonly #descriptor: number;
  readonly #open: () => NodeStream;
  readonly #listeners: ((error: Error) => void)[] = [];
  #stream: NodeStream | undefined;
  #direct: boolean | undefined;
  #failed = false;
  /** Node's stream was given something. */
  #handed = false;

  /** @param open Node's stream for the descriptor, made when it is needed */
  constructor(descriptor: number, open: () => NodeStream) {
    this.#descriptor = descriptor;
    this.#open = open;
  }

  get isTTY(): boolean {
    return couldBeTerminal(this.#descriptor) && this.#node().isTTY === true;
  }

  /** Of a terminal. */
  get columns(): number | undefined {
    return couldBeTerminal(this.#descriptor) ? this.#node().columns : undefined;
  }

  on(event: 'error', listener: (error: Error) => void): void {
    this.#listeners.push(listener);
    this.#stream?.on(event, listener);
  }

  write(text: string): void {
    this.#direct ??= takesAllAtOnce(this.#descriptor);
    if (this.#stream !== undefined || !this.#direct) this.#hand(text);
    else if (!this.#failed) this.#writeNow(Buffer.from(text));
  }

  /** Resolves when all is taken, or has failed and the listeners know. */
  async written(): Promise<void> {
    const stream = this.#stream;
    // An empty write would fail on a full disk although there was nothing to write.
    if (stream === undefined || !this.#handed) await new Promise((resolve) => { setImmediate(resolve); });
    // The stream tells of a failed write by an event, after the callback.
    else await new Promise<void>((resolve) => { stream.write('', () => { setImmediate(resolve); }); });
  }

  #hand(text: string | Uint8Array): void {
    this.#handed = true;
    this.#node().write(text);
  }

  #node(): NodeStream {
    if (this.#stream !== undefined) return this.#stream;
    const stream = this.#open();
    for (const listener of this.#listeners) stream.on('error', listener);
    this.#stream = stream;
    return stream;
  }

  #writeNow(bytes: Buffer): void {
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(this.#descriptor, bytes, done);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') {
        this.#hand(bytes.subarray(done));
        return;
      }
      this.#failed = true;
      // As a stream does: after the call that failed.
      setImmediate(() => { for (const listener of this.#listeners) listener(error as Error); });
    }
  }
}

/** False where it is none for certain. A descriptor that is closed is none. */
export function couldBeTerminal(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isCharacterDevice() && !isNull(stats.rdev);
  } catch {
    return false;
  }
}

function takesAllAtOnce(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isFile() || stats.isFIFO() || (stats.isCharacterDevice() && isNull(stats.rdev));
  } catch {
    return false;
  }
}

function isNull(device: number): boolean {
  // Windows has no device numbers, and asks its terminals in its own way.
  return device !== 0 && statSync('/dev/null', { throwIfNoEntry: false })?.rdev === device;
}
