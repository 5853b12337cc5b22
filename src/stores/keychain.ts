/**
 * The OS keychain: keytar in one child process a run (see keychain-child.ts), started by the
 * first call and ended by close(). Secrets pass on its standard input, never in its arguments.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { platform } from 'node:os';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { helperEnvironment } from '../child-environment.ts';
import type { KeychainAnswer, KeychainRequest } from './keychain-child.ts';
import { callFailed, childDied, loadFailed, timedOut } from './keychain-errors.ts';
import { checkValue, probe, type SecretStore } from './store.ts';

export interface KeychainOptions {
  /** Node's own executable. */
  readonly execPath: string;
  /** The built `keychain-child.js`. */
  readonly childPath: string;
  /** The environment for the child; CREDSETUP_* is taken out here again, for it may hold master secrets. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The service name in the keychain. */
  readonly service?: string | undefined;
  /** On a terminal an unlock dialog may be open somewhere: then it waits longer. */
  readonly interactive: boolean;
  /** Called once a run when an interactive call takes longer than `slowMs`. */
  readonly onSlow?: (() => void) | undefined;
  /** Ends every call at once; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, for tests: the limit without and with a terminal (5,000 and 120,000), and until onSlow (2,000). */
  readonly limits?: { readonly script?: number; readonly person?: number; readonly slow?: number };
}

type Child = ChildProcessByStdio<Writable, Readable, null>;
type RequestBody = Omit<KeychainRequest, 'id' | 'service'>;

interface Waiting {
  resolve(answer: KeychainAnswer): void;
  reject(error: unknown): void;
}

/** The store in the OS keychain. */
export function createKeychain(options: KeychainOptions): SecretStore {
  return new Keychain(options);
}

class Keychain implements SecretStore {
  readonly kind = 'keychain';
  /** A dialog of the keychain's own is not our question. */
  readonly asks = false;
  readonly #options: KeychainOptions;
  readonly #waiting = new Map<number, Waiting>();
  #child: Child | undefined;
  /** Why the child was ended: later calls fail at once with it, until prepare() tries again. */
  #broken: Error | undefined;
  /** Whether any call failed since the child was started. */
  #failed = false;
  #lastId = 0;
  #saidSlow = false;

  constructor(options: KeychainOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    await Promise.resolve();
  }

  async prepare(): Promise<void> {
    // The keychain's service may have been started anew meanwhile, and libsecret clings to the old one.
    if (this.#failed) await this.close();
    this.#failed = false;
    this.#broken = undefined;
    await probe(this);
  }

  async read(key: string): Promise<string | undefined> {
    const answer = await this.#call({ op: 'get', account: key });
    return 'value' in answer ? answer.value : undefined;
  }

  async write(key: string, value: string): Promise<void> {
    checkValue(value);
    await this.#call({ op: 'set', account: key, password: value });
  }

  async delete(key: string): Promise<boolean> {
    const answer = await this.#call({ op: 'delete', account: key });
    return 'deleted' in answer && answer.deleted;
  }

  /** A locked keychain says null and false for everything; only a write makes it tell. */
  async confirmAbsence(): Promise<void> {
    await probe(this);
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), 500);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      child.stdin.end();
      if (child.exitCode !== null || child.signalCode !== null) {
        clearTimeout(timer);
        resolve();
      }
    });
  }

  // -------------------------------------------------------------- the child

  async #call(body: RequestBody): Promise<KeychainAnswer> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    if (this.#broken !== undefined) throw this.#broken;
    const stop = (): void => this.#end(signal?.reason instanceof Error ? signal.reason : childDied('stopped'));
    signal?.addEventListener('abort', stop, { once: true });
    const stopTimers = this.#startTimers();
    try {
      return failureOrAnswer(await this.#ask(body));
    } catch (error) {
      this.#failed = true;
      throw error;
    } finally {
      stopTimers();
      signal?.removeEventListener('abort', stop);
    }
  }

  async #ask(body: RequestBody): Promise<KeychainAnswer> {
    const child = this.#child ??= this.#start();
    this.#lastId += 1;
    const id = this.#lastId;
    const request: KeychainRequest = { id, service: this.#options.service ?? 'credsetup', ...body };
    return await new Promise<KeychainAnswer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      hold(child, true);
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  #start(): Child {
    const { execPath, childPath, env } = this.#options;
    const child = spawn(execPath, [childPath], { env: helperEnvironment(env), stdio: ['pipe', 'pipe', 'ignore'], windowsHide: true });
    createInterface({ input: child.stdout }).on('line', (line) => this.#answered(line));
    child.once('error', (error) => this.#died(child, error.message));
    child.once('close', (code, signal) => this.#died(child, signal ?? `exit code ${code ?? 'unknown'}`));
    // It ended while a request was on its way; 'close' tells the rest.
    child.stdin.on('error', () => undefined);
    return child;
  }

  #answered(line: string): void {
    const answer = answerIn(line);
    if (answer === undefined) {
      this.#end(childDied('it said something else than an answer'));
      return;
    }
    this.#waiting.get(answer.id)?.resolve(answer);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0 && this.#child !== undefined) hold(this.#child, false);
  }

  #died(child: Child, how: string): void {
    if (this.#child !== child) return;
    this.#end(childDied(how));
  }

  /** Ends the child and every call with this reason. SIGKILL: on a wedged bus it hears nothing else. */
  #end(reason: Error): void {
    this.#broken = reason;
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const call of waiting) call.reject(reason);
  }

  #startTimers(): () => void {
    const { interactive, limits = {} } = this.#options;
    const limit = interactive ? limits.person ?? 120_000 : limits.script ?? 5000;
    const end = setTimeout(() => this.#end(timedOut(Math.ceil(limit / 1000))), limit);
    const slow = interactive ? setTimeout(() => this.#slow(), limits.slow ?? 2000) : undefined;
    return () => {
      clearTimeout(end);
      clearTimeout(slow);
    };
  }

  #slow(): void {
    if (this.#saidSlow) return;
    this.#saidSlow = true;
    this.#options.onSlow?.();
  }
}

/** An idle child must not keep the program running, one at work must. */
function hold(child: Child, held: boolean): void {
  const handles = [child, child.stdin, child.stdout].filter((handle) => handle === child || handle instanceof Socket) as (Child | Socket)[];
  for (const handle of handles) {
    if (held) handle.ref();
    else handle.unref();
  }
}

function answerIn(line: string): KeychainAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(line);
    const answers = typeof answer === 'object' && answer !== null && 'id' in answer && typeof answer.id === 'number';
    return answers ? answer as KeychainAnswer : undefined;
  } catch {
    // A line of somebody else's: node's own warning, say.
    return undefined;
  }
}

function failureOrAnswer(answer: KeychainAnswer): KeychainAnswer {
  if (!('failed' in answer)) return answer;
  throw answer.failed === 'load' ? loadFailed(answer.message, platform()) : callFailed(answer.message);
}

