/**
 * The child process that talks to the OS keychain: keytar can hang on a wedged bus so that even
 * process.exit() hangs, and it can take the process down; here only this one goes.
 *
 * Requests come as lines of JSON on standard input, answers leave as lines on standard output,
 * in the same order. Never findCredentials or findPassword: they crash on a locked collection.
 */
import { createInterface } from 'node:readline';
import type * as KeytarModule from 'keytar';

export interface KeychainRequest {
  readonly id: number;
  readonly op: 'get' | 'set' | 'delete';
  readonly service: string;
  readonly account: string;
  /** For `set`. */
  readonly password?: string;
}

export type KeychainAnswer =
  | { readonly id: number; readonly value?: string }
  | { readonly id: number; readonly deleted: boolean }
  /** `load`: the addon is missing or does not load; `call`: the keychain said no. */
  | { readonly id: number; readonly failed: 'load' | 'call'; readonly message: string };

type Keytar = Pick<typeof KeytarModule, 'getPassword' | 'setPassword' | 'deletePassword'>;

let loaded: Promise<Keytar> | undefined;

/** A missing addon is an answer, not a crash. Its named imports fail at run time. */
async function load(): Promise<Keytar> {
  const module = await import('keytar') as unknown as { readonly default: Keytar };
  return module.default;
}

async function answer(request: KeychainRequest): Promise<KeychainAnswer> {
  const { id } = request;
  let keytar: Keytar;
  try {
    keytar = await (loaded ??= load());
  } catch (error) {
    return { id, failed: 'load', message: messageOf(error) };
  }
  try {
    return await call(keytar, request);
  } catch (error) {
    return { id, failed: 'call', message: messageOf(error) };
  }
}

async function call(keytar: Keytar, { id, op, service, account, password = '' }: KeychainRequest): Promise<KeychainAnswer> {
  switch (op) {
    case 'get': {
      const value = await keytar.getPassword(service, account);
      return value === null ? { id } : { id, value };
    }
    case 'set':
      await keytar.setPassword(service, account, password);
      return { id };
    case 'delete':
      return { id, deleted: await keytar.deletePassword(service, account) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// Ctrl-C reaches the whole process group. The parent decides what a write in progress comes to.
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined);

let waiting = 0;
let turn: Promise<unknown> = Promise.resolve();
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  waiting += 1;
  turn = turn.then(async () => {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as KeychainRequest))}\n`);
    waiting -= 1;
  });
});
lines.on('close', () => {
  // The parent closes after the last answer. If it is gone earlier, nobody is left to stop a call that hangs.
  if (waiting > 0) process.kill(process.pid, 'SIGKILL');
});
