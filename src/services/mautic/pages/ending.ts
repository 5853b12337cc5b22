/** What is ended on every path out, whatever the path was. */
import { isCredsetupError } from '../../../errors.ts';

/**
 * Runs a task and then its end, a failure of the task included. The task's own error comes first;
 * that the end failed, too, is said beside it. Throws the end's error only where the task went well.
 */
export async function thenEnd<T>(task: () => Promise<T>, end: () => Promise<void>): Promise<T> {
  let result: T;
  try {
    result = await task();
  } catch (error) {
    throw await besideIt(error, end);
  }
  await end();
  return result;
}

/** The same, where what was opened is kept when the task goes well. */
export async function endIfFails<T>(task: () => Promise<T>, end: () => Promise<void>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw await besideIt(error, end);
  }
}

async function besideIt(error: unknown, end: () => Promise<void>): Promise<unknown> {
  try {
    await end();
    return error;
  } catch (failure) {
    if (!isCredsetupError(failure)) throw failure;
    return isCredsetupError(error) ? error.withHint(`${error.hint} Besides, what was open could not be ended (${failure.code}): ${failure.message}`.trim()) : error;
  }
}
