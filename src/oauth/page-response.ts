/** Answers of the redirect server: a page, or a redirect. All carry the same headers. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { outcomePage, pageHeaders, renderPage, type Outcome, type Page } from './redirect-page.ts';

export function sendPage(response: ServerResponse, status: number, page: Page, headers: Readonly<Record<string, string>> = {}): void {
  const html = Buffer.from(renderPage(page));
  response.writeHead(status, { ...pageHeaders, 'content-type': 'text/html; charset=utf-8', 'content-length': html.length, ...headers });
  response.end(html);
}

/** 303: the browser goes on with GET (RFC 9110 §15.4.4). */
export function sendRedirect(response: ServerResponse, location: string, headers: Readonly<Record<string, string>>): void {
  response.writeHead(303, { ...pageHeaders, 'content-length': 0, location, ...headers });
  response.end();
}

/**
 * The page that an accepted callback leads to, at an address without the code. The browser that
 * asks early waits for the result, so that the page says what is true.
 */
export class ResultPage {
  readonly path: string;
  readonly #waiting = new Set<ServerResponse>();
  readonly #fetched = new AbortController();
  #page: Page | undefined;

  constructor(nonce: string) {
    this.path = `/done/${nonce}`;
  }

  answer(response: ServerResponse): void {
    this.#waiting.add(response);
    response.once('close', () => {
      this.#waiting.delete(response);
      if (response.writableFinished) this.#fetched.abort();
    });
    this.#send();
  }

  /** Resolves when a browser has the page, after `milliseconds`, or when `ended` says so. The first outcome stays. */
  async finish(outcome: Outcome, milliseconds: number, ended: AbortSignal): Promise<void> {
    this.#page ??= outcomePage(outcome);
    this.#send();
    const enough = AbortSignal.any([this.#fetched.signal, ended]);
    if (enough.aborted) return;
    const timer = new AbortController();
    await Promise.race([once(enough, 'abort'), delay(milliseconds, undefined, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
  }

  #send(): void {
    if (this.#page === undefined) return;
    for (const response of this.#waiting) if (!response.headersSent) sendPage(response, 200, this.#page);
  }
}
