import { describe, expect, it } from 'vitest';
import { CredsetupError, type ErrorCode } from '../../src/errors.ts';
import { Poll } from '../../src/wizard/poll.ts';

/** A poll whose pauses take no time; it is stopped when it pauses for nothing any more. */
function polled(ask: (count: number) => boolean): { readonly poll: Poll; readonly pauses: number[]; readonly asked: () => number } {
  const pauses: number[] = [];
  let count = 0;
  const poll = new Poll(async () => {
    count += 1;
    return ask(count);
  }, async (milliseconds, { aborted }) => {
    pauses.push(milliseconds);
    return !aborted;
  });
  return { poll, pauses, asked: () => count };
}

async function stopped(poll: Poll): Promise<boolean> {
  const stop = new AbortController();
  const done = poll.untilDone(stop.signal);
  // Behind all that it does without waiting for anything.
  setImmediate(() => { stop.abort(); });
  return done;
}

const failing = (code: ErrorCode) => (): never => { throw new CredsetupError(code, 'made up'); };

describe('Polling for a step', () => {
  it('asks at most twenty times, the first after two seconds, then slower, and never more than 30 seconds apart', async () => {
    const { poll, pauses, asked } = polled(() => false);
    expect(await stopped(poll)).toBe(false);
    expect(asked()).toBe(20);
    expect(pauses[0]).toBe(2_000);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(Math.max(...pauses)).toBe(30_000);
  });

  it('does not begin anew when the wait begins anew, but still asks when it is told to', async () => {
    const { poll, asked } = polled(() => false);
    await stopped(poll);
    expect(await stopped(poll)).toBe(false);
    expect(asked()).toBe(20);
    expect(await poll.ask()).toBe(false);
    expect(asked()).toBe(21);
  });

  it('ends when the server says that the step is done', async () => {
    const { poll, asked } = polled((count) => count === 3);
    expect(await stopped(poll)).toBe(true);
    expect(asked()).toBe(3);
  });

  it.each(['RATE_LIMITED', 'GATEWAY_IN_FRONT'] as const)('is over after the first %s', async (code) => {
    const { poll, asked } = polled(failing(code));
    expect(await stopped(poll)).toBe(false);
    expect(asked()).toBe(1);
  });

  it('goes on when the server was not reached for a moment', async () => {
    const { poll, asked } = polled((count) => count > 2 || failing('CONNECTION_REFUSED')());
    expect(await stopped(poll)).toBe(true);
    expect(asked()).toBe(3);
  });
});
