/** Waiting for a service that is there and still starts. */
import type { Terminal } from '../context.ts';
import { isCredsetupError } from '../errors.ts';
import { Poll } from './poll.ts';

/**
 * Asks with a spinner; while the answer is that the service starts, a person is shown that, and it
 * is asked again by itself and on Enter. Esc ends the wait with the error. In a script it is thrown at once.
 */
export async function onceStarted<T>(title: string, ask: () => Promise<T>, terminal: Terminal | undefined, signal: AbortSignal): Promise<T> {
  if (terminal === undefined) return ask();
  for (;;) {
    try {
      return await terminal.busy(`asking ${title}`, ask);
    } catch (error) {
      if (!isStarting(error)) throw error;
      if (await waitForKey(title, ask, terminal, signal) === 'back') throw error;
    }
  }
}

function isStarting(error: unknown): boolean {
  return isCredsetupError(error) && error.details.starting === true;
}

/** The key that was pressed; undefined when it seems to have started. */
async function waitForKey(title: string, ask: () => Promise<unknown>, terminal: Terminal, signal: AbortSignal): Promise<string | undefined> {
  const stop = new AbortController();
  // Any other answer, a refusal too, is for the next ask to tell.
  const started = (): Promise<boolean> => ask().then(() => true, (error: unknown) => !isStarting(error));
  const polled = new Poll(started).untilDone(AbortSignal.any([stop.signal, signal])).finally(() => { stop.abort(); });
  try {
    return await terminal.waitKey({ message: `${title} is starting`, keys: [{ key: 'enter', means: 'ask now' }], signal: stop.signal });
  } finally {
    stop.abort();
    await polled;
  }
}
