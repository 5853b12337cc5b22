import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputs } from '../generated.ts';
import { outcomePage, renderPage, type Page } from '../../src/oauth/redirect-page.ts';
import { turnedAway, usedStart } from '../../src/oauth/turned-away.ts';
import { ask, authorizationUrl, begin, callback, otherState, right, startServer, state, type Told } from './support.ts';

const pages: Readonly<Record<string, Page>> = {
  'signed in': outcomePage({ ok: true }),
  'not signed in': outcomePage({ ok: false, message: 'Mautic refused the code.' }),
  'used before': usedStart.page,
  ...Object.fromEntries(Object.entries(turnedAway).map(([kind, { page }]) => [kind, page])),
};
const count = (text: string, part: RegExp): number => [...text.matchAll(new RegExp(part, 'g'))].length;

describe('the page', () => {
  it.each(Object.entries(pages))('"%s" has a language, a title, one heading, and a mark that is not read', (_name, page) => {
    const html = renderPage(page);
    expect(html).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
    expect(html).toContain(`<title>${page.heading} – credsetup</title>`);
    expect(count(html, /<h1>/)).toBe(1);
    expect(html).toContain(`<div role="status">\n<h1>${page.heading}</h1>`);
    expect(html).toMatch(/<svg [^>]*aria-hidden="true"/);
    expect(count(html, /<main/)).toBe(1);
    expect(html).toContain('@media (prefers-color-scheme: dark)');
  });

  it('says in words, not by colour, how it went', () => {
    expect(renderPage(outcomePage({ ok: true }))).toMatch(/Signed in[^]*You can close this tab and go back to the terminal\./);
    expect(renderPage(outcomePage({ ok: false, message: 'Mautic refused the code.' }))).toMatch(/Not signed in[^]*Mautic refused the code\.[^]*The terminal says what to do next/);
    const headings = new Set(Object.values(pages).map(({ heading }) => heading));
    expect(headings.size).toBeGreaterThanOrEqual(8);
  });

  it('holds no script, loads nothing and sends nothing', () => {
    for (const page of Object.values(pages)) {
      expect(renderPage(page)).not.toMatch(/<script|\son\w+=|<(?:img|link|iframe|form|a|object|embed|base)\b|url\(|@import|style=|https?:/i);
    }
  });

  it('escapes whatever it is told', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '</title><svg onload=alert(1)>', '&lt;', '\u202e\u0000\u001b[31m')), (text) => {
      const html = renderPage({ tone: 'failed', heading: text, text: [text] });
      const plain = renderPage({ tone: 'failed', heading: '', text: [''] });
      // The tags are the template's own, however hostile the text.
      expect(count(html, /[<>]/)).toBe(count(plain, /[<>]/));
      expect(html).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/);
    }), inputs(500));
  });

  it('never shows what a callback brought', async () => {
    const server = await startServer();
    const { cookie } = await begin(server);
    const probe = '%3Cscript%3Eprobe-text';
    for (const query of [`state=${probe}`, `state=${state}&${probe}=1&${probe}=2`, `state=${state}&error=x&code=${probe}`]) {
      expect((await ask(callback(server, query), { headers: { cookie } })).text).not.toContain('probe-text');
    }
    expect((await ask(`http://127.0.0.1:${server.port}/probe-text`)).text).not.toContain('probe-text');
  });
});

describe('every answer', () => {
  it('is kept by no cache, sends no Referer, and allows nothing but its own style', async () => {
    const server = await startServer();
    const { startUrl } = server.expect({ authorizationUrl, state });
    const start = await ask(startUrl);
    const cookie = String(start.headers['set-cookie']).split(';')[0]!;
    const accepted = await ask(right(server), { headers: { cookie } });
    const callbackCame = await server.waitForCallback({ timeoutMs: 1000 });
    const done = ask(new URL(String(accepted.headers['location']), server.redirectUri).href);
    await callbackCame.finish({ ok: true });
    const turned = await Promise.all([
      ask(`http://127.0.0.1:${server.port}/favicon.ico`), ask(startUrl), ask(callback(server, `state=${otherState}`)),
      ask(right(server), { headers: { host: 'evil.example' } }), ask(right(server), { headers: { origin: 'null' } }), ask(right(server), { method: 'POST' }),
      ask(right(server), { headers: { expect: 'x' } }), ask(right(server), { headers: { expect: '100-continue' } }),
    ]);
    for (const { headers, text, status } of [start, accepted, await done, ...turned]) {
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', 'connection': 'close' });
      const style = /<style>([^]*)<\/style>/.exec(text)?.[1];
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/);
      if (status === 303 || status === 417) expect(text).toBe('');
      else expect(headers['content-security-policy']).toContain(`'sha256-${createHash('sha256').update(style!).digest('base64')}'`);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('the end of a sign-in', () => {
  async function arrived(pageMs = 500): Promise<{ readonly server: Awaited<ReturnType<typeof startServer>>; readonly accepted: Told; readonly done: string }> {
    const server = await startServer({ pageMs });
    const { cookie } = await begin(server);
    const accepted = await ask(right(server), { headers: { cookie } });
    return { server, accepted, done: new URL(String(accepted.headers['location']), server.redirectUri).href };
  }

  it('leads to an address without code and state, and takes the cookie away', async () => {
    const { accepted, done } = await arrived();
    expect(done).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/done\/[\w-]{43}$/);
    expect(String(accepted.headers['set-cookie'])).toMatch(/^credsetup-\d+=; Path=\/callback; Max-Age=0;/);
  });

  it('is shown when it is known, and not before', async () => {
    const { server, done } = await arrived();
    const order: string[] = [];
    const page = ask(done).then((told) => {
      order.push('page');
      return told;
    });
    const came = await server.waitForCallback({ timeoutMs: 1000 });
    // The server has the request by now: it answers others that came later.
    expect((await ask(`http://127.0.0.1:${server.port}/favicon.ico`)).status).toBe(404);
    order.push('result');
    await came.finish({ ok: false, message: 'The code <came> too late.' });
    const told = await page;
    expect(order).toEqual(['result', 'page']);
    expect(told.status).toBe(200);
    expect(told.text).toContain('<p>The code &lt;came&gt; too late.</p>');
    await server.close();
  });

  it('is kept until the browser came for it, and no longer', async () => {
    const { server, done } = await arrived(60_000);
    const came = await server.waitForCallback({ timeoutMs: 1000 });
    let finished = false;
    const finishing = came.finish({ ok: true }).then(() => { finished = true; });
    expect(finished).toBe(false);
    expect((await ask(done)).text).toContain('<h1>Signed in</h1>');
    await finishing;
    expect(finished).toBe(true);
    // Reloaded before the server ends.
    expect((await ask(done)).text).toContain('<h1>Signed in</h1>');
  });

  it('does not wait for ever for a browser that never comes', async () => {
    const { server } = await arrived();
    const began = performance.now();
    await (await server.waitForCallback({ timeoutMs: 1000 })).finish({ ok: true });
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(400);
    expect(took).toBeLessThan(3000);
  });

  it('does not hold up the end of the server', async () => {
    const { server } = await arrived(60_000);
    const finishing = (await server.waitForCallback({ timeoutMs: 1000 })).finish({ ok: true });
    const began = performance.now();
    await server.close();
    await finishing;
    expect(performance.now() - began).toBeLessThan(400);
  });

  it('is masked by the redactor', async () => {
    const server = await startServer({ redact: (text) => text.replace('hunter2', '***') });
    const { cookie } = await begin(server);
    const { headers } = await ask(right(server), { headers: { cookie } });
    const finishing = (await server.waitForCallback({ timeoutMs: 1000 })).finish({ ok: false, message: 'It said hunter2.' });
    const { text } = await ask(new URL(String(headers['location']), server.redirectUri).href);
    await finishing;
    expect(text).toContain('It said ***.');
  });
});
