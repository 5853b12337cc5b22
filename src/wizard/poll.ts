/** Asks a server again and again whether a step is done, slower with time, and never more often than is polite. */
import { setTimeout as delay } from 'node:timers/promises';
import { isCredsetupError } from '../errors.ts';

/** Times that one step is asked for by itself; then on Enter only. */
const mostPolls = 20;
const firstPause = 2_000;
const longestPause = 30_000;

/** False when it was stopped before the time was over. */
type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<boolean>;

export class Poll {
  readonly ask: () => Promise<boolean>;
  readonly #sleep: Sleep;
  #left = mostPolls;
  #pause = firstPause;

  constructor(ask: () => Promise<boolean>, pause: Sleep = sleep) {
    this.ask = ask;
    this.#sleep = pause;
  }

  /** True when the server said that the step is done; false when it was stopped. A server that asks for rest ends it. */
  async untilDone(signal: AbortSignal): Promise<boolean> {
    while (this.#left > 0) {
      if (!await this.#sleep(this.#pause, signal)) return false;
      this.#left -= 1;
      this.#pause = Math.min(this.#pause * 1.25, longestPause);
      try {
        if (await this.ask()) return true;
      } catch (error) {
        // Not reached for a moment is no reason to end the wait; a limit or a firewall's answer is.
        if (!isCredsetupError(error) || !error.code.startsWith('CONNECTION_')) this.#left = 0;
      }
      if (signal.aborted) return false;
    }
    // Nothing more to ask by itself: Enter still asks.
    await aborted(signal);
    return false;
  }
}

const sleep: Sleep = async (milliseconds, signal) => {
  try {
    await delay(milliseconds, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
};

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => { resolve(); }, { once: true });
  });
}
