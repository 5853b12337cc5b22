/** The redirect server over real sockets: of anything that is sent, the one right request is accepted, once, and nothing comes back of what was sent. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputs } from '../generated.ts';
import { ask, begin, callback, open, otherState, right, startServer, state } from '../oauth/support.ts';

/** Stands in every request, in places where a careless page would show it. */
const mark = 'Reflected7Mark';

const parameter = fc.tuple(
  fc.constantFrom('state', 'code', 'error', 'error_description', 'iss', 'State', 'stat%65', 'state[]', '__proto__', mark),
  fc.constantFrom('=', '', '%3D'),
  fc.constantFrom(state, otherState, state.slice(0, -1), `${state}x`, state.toUpperCase(), `%${state}`, '', `<script>${mark}</script>`, 'access_denied', `${mark}%0d%0aSet-Cookie:a=b`, '%', '%ff', '\u00e9', mark),
).map((parts) => parts.join(''));
const query = fc.array(parameter, { maxLength: 5 }).map((parts) => parts.join('&'));
const path = fc.constantFrom('/callback', '/callback/', '/Callback', '//callback', '/%63allback', '/', '/done', `/start/${mark}`, '/start/', `/${mark}`, '*', 'http://evil.example/callback', `/callback#${mark}`);
const method = fc.constantFrom('GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'get', mark);
const header = fc.constantFrom(
  (port: number) => `Host: 127.0.0.1:${port}`, (port: number) => `Host: localhost:${port}`, () => `Host: ${mark}`, () => `Origin: https://${mark}.example`, () => `Cookie: ${mark}=${mark}`,
  () => `Cookie: credsetup=${mark}`, () => 'Transfer-Encoding: chunked', () => 'Content-Length: 5', () => 'Content-Length: -1', () => 'Connection: Upgrade', () => 'Upgrade: websocket',
  () => 'Expect: 100-continue', () => `X-${mark}: ${'y'.repeat(200)}`, () => ': empty', () => 'folded:\r\n more', () => `Referer: http://${mark}/`,
);
const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '');
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r');
const request = fc.record({
  method, path, query, version, lineEnd, headers: fc.array(header, { maxLength: 5 }), own: fc.boolean(), junk: fc.option(fc.uint8Array({ maxLength: 20 })),
});

/** What came back; the server may end the connection at any time, or keep it open. */
async function sent(port: number, bytes: Buffer): Promise<string> {
  const socket = await open(port);
  let text = '';
  socket.setEncoding('latin1').on('data', (more: string) => { text += more; });
  const closed = new Promise((resolve) => { socket.once('close', resolve); });
  socket.end(bytes);
  await closed;
  return text;
}

describe('the redirect server', () => {
  it('accepts nothing that is not the right request, and gives no byte of it back', async () => {
    const server = await startServer({ limits: { requestMs: 60_000 } });
    const { cookie } = await begin(server);
    const accepted: unknown[] = [];
    const waiting = server.waitForCallback({ timeoutMs: 2 ** 31 - 1 }).then((one) => { accepted.push(one); });
    await fc.assert(fc.asyncProperty(request, async (one) => {
      const lines = [`${one.method} ${one.path}?${one.query} ${one.version}`, ...(one.own ? [`Host: 127.0.0.1:${server.port}`] : []), ...one.headers.map((make) => make(server.port))];
      const told = await sent(server.port, Buffer.concat([Buffer.from(lines.join(one.lineEnd) + one.lineEnd + one.lineEnd), one.junk ?? new Uint8Array()]));
      expect(told).not.toContain(mark);
      expect(told).not.toContain(state.slice(0, 12));
      // Without the browser's cookie nothing is right.
      expect(accepted).toEqual([]);
      expect(told).not.toMatch(/^HTTP\/1\.1 (?:200|303)/m);
    }), inputs(300));
    expect((await ask(right(server), { headers: { cookie } })).status).toBe(303);
    await waiting;
    expect(accepted).toHaveLength(1);
  });

  it('accepts with the cookie exactly those that have one state, the right one, and one code or one error, and only the first', async () => {
    const server = await startServer();
    let { cookie } = await begin(server);
    const word = fc.constantFrom('c', 'the-code', '', 'two words', 'access_denied', '<', '%0a', '\u00e9');
    const name = fc.constantFrom('state', 'code', 'code', 'error', 'iss');
    const brought = fc.array(fc.tuple(name, fc.oneof(word, fc.constant(state), fc.constant(state), fc.constant(otherState))), { maxLength: 4 });
    let taken = 0;
    await fc.assert(fc.asyncProperty(brought, async (pairs) => {
      const values = (wanted: string): string[] => pairs.filter(([one]) => one === wanted).map(([, text]) => text);
      const named = pairs.map(([one]) => one);
      // RFC 6749 appendix A.11 and A.7: what a code and an error may consist of.
      const [codes, errors] = [values('code'), values('error')];
      const code = codes.length === 1 && errors.length === 0 && /^[\x20-\x7e]+$/.test(codes[0]!);
      const error = errors.length === 1 && codes.length === 0 && /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(errors[0]!);
      const shouldBe = new Set(named).size === named.length && values('state')[0] === state && (code || error);
      const { status } = await ask(callback(server, pairs.map(([one, text]) => `${one}=${encodeURIComponent(text)}`).join('&')), { headers: { cookie } });
      expect(status === 303, JSON.stringify(pairs)).toBe(shouldBe);
      if (status !== 303) return;
      taken += 1;
      expect((await ask(right(server), { headers: { cookie } })).status).toBe(409);
      ({ cookie } = await begin(server));
    }), inputs(300));
    expect(taken).toBeGreaterThan(0);
  });
});
