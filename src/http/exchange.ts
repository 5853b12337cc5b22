/** One request and its answer on a dispatcher, within limits. */
import type { Dispatcher } from 'undici';
import { LimitFailure } from './failure.ts';
import type { Stage } from './failure-table.ts';
import type { WireRequest } from './wire.ts';

/** Milliseconds, and bytes of a response body, before and after decompression. */
export interface Limits {
  readonly connectMs: number;
  readonly headersMs: number;
  /** Between two pieces of the body. */
  readonly bodyMs: number;
  readonly totalMs: number;
  readonly responseBytes: number;
}

/**
 * The limits for `--timeout SECONDS`. All but the size grow with it, so that the option helps
 * wherever a hint names it; connecting gets ten seconds at least.
 */
export function limitsFor(timeoutSeconds: number): Limits {
  const totalMs = timeoutSeconds * 1000;
  return { connectMs: Math.max(10_000, totalMs / 3), headersMs: totalMs, bodyMs: totalMs / 2, totalMs, responseBytes: 5 * 1024 * 1024 };
}

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface Flight {
  readonly stage: Stage;
  readonly answer: Promise<Answer>;
}

/**
 * Sends a request. Written on undici's `dispatch`, since its `request` cannot be ended before it
 * is connected (measured: its promise stays open to the connect limit) and does not tell how far
 * it came. The answer rejects with undici's errors or a LimitFailure; a redirect is an answer like
 * any other. Destroying the dispatcher ends it.
 */
export function startExchange(dispatcher: Dispatcher, wire: WireRequest, limits: Limits): Flight {
  const flight: { stage: Stage; ended: Error | undefined; controller?: Dispatcher.DispatchController } = { stage: 'connecting', ended: undefined };
  const answer = new Promise<Answer>((resolve, reject) => {
    const end = (reason: Error): void => {
      clearTimeout(timer);
      flight.ended ??= reason;
      flight.controller?.abort(flight.ended);
      reject(reason);
    };
    const timer = setTimeout(() => end(new LimitFailure('time')), limits.totalMs);
    const handler = collect(flight, limits.responseBytes, end, (whole) => {
      clearTimeout(timer);
      resolve(whole);
    });
    const { origin, path, method, headers, body } = wire;
    try {
      dispatcher.dispatch({ origin, path, method, headers, body: body ?? null, headersTimeout: limits.headersMs, bodyTimeout: limits.bodyMs }, handler);
    } catch (error) {
      end(error instanceof Error ? error : new Error('dispatch failed'));
    }
  });
  return { get stage() { return flight.stage; }, answer };
}

function collect(
  flight: { stage: Stage; readonly ended: Error | undefined; controller?: Dispatcher.DispatchController },
  limit: number,
  fail: (reason: Error) => void,
  done: (answer: Answer) => void,
): Dispatcher.DispatchHandler {
  const chunks: Buffer[] = [];
  let size = 0;
  let head = { status: 0, headers: {} as Headers };
  const grow = (bytes: number): void => {
    size += bytes;
    if (size > limit) fail(new LimitFailure('size'));
  };
  return {
    onRequestStart(controller) {
      flight.controller = controller;
      flight.stage = 'waiting';
      if (flight.ended !== undefined) controller.abort(flight.ended);
    },
    onResponseStart(_controller, status, headers) {
      if (status < 200) return;
      flight.stage = 'reading';
      head = { status, headers };
      if (Number(headers['content-length'] ?? 0) > limit) fail(new LimitFailure('size'));
    },
    onResponseData(_controller, chunk) {
      chunks.push(chunk);
      grow(chunk.length);
    },
    onResponseEnd() {
      done({ ...head, body: Buffer.concat(chunks) });
    },
    onResponseError(_controller, error) {
      fail(error);
    },
  };
}
