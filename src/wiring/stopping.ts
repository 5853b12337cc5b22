/** How a run is stopped: by a person, by the system, by an output that takes no more. */
import type { Context } from '../context.ts';
import { CredsetupError, isCredsetupError, type ErrorCode } from '../errors.ts';

/** What is left to the work to clean up after a stop, before the process ends without it. */
const graceMilliseconds = 2_000;

export const stops: readonly (readonly [NodeJS.Signals, ErrorCode])[] = [['SIGINT', 'CANCELLED'], ['SIGTERM', 'SIGTERM'], ['SIGHUP', 'SIGHUP']];

interface Stop {
  readonly stop: (code: ErrorCode) => void;
  readonly inOnePiece: Context['inOnePiece'];
}

/** The one way to stop the run. While something runs in one piece, the first stop waits for its end. */
export function createStop(stopper: AbortController): Stop {
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

/** Whether it is a stop that was asked for, and no failure. */
export function isStop(reason: unknown): boolean {
  return isCredsetupError(reason) && reason.exitCode > 128;
}

/** The work's result, or the reason why the person or the system stopped it. */
export async function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      // The work sees the signal too and cleans up; what hangs is not waited for long.
      const timer = setTimeout(() => { reject(signal.reason as Error); }, graceMilliseconds);
      work.catch(() => undefined).finally(() => { clearTimeout(timer); reject(signal.reason as Error); }).catch(() => undefined);
    }, { once: true });
  });
  return Promise.race([work.catch((error: unknown) => {
    // A task that was cut off by the stop may throw anything; what is told is the stop.
    if (signal.aborted && !(isStop(error))) throw signal.reason;
    throw error;
  }), stopped]);
}
