/**
 * Servers that mean harm, over real sockets, asked by everything that sends a secret: Mattermost, both
 * ways into Mautic and its pages, n8n, a token request, a team's store. Each ends with an error of ours,
 * costs bounded time and memory, leads no secret elsewhere and gets none shown.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { HttpClient } from '../../src/context.ts';
import { isCredsetupError, type CredsetupError } from '../../src/errors.ts';
import { refreshTokens } from '../../src/oauth/tokens.ts';
import { Redactor } from '../../src/redaction.ts';
import { apiOf } from '../../src/server/connection.ts';
import { signInToPages } from '../../src/services/mautic/pages/sign-in.ts';
import { repairTokenAnswer } from '../../src/services/mautic/token-answer.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import { OpenBaoStore } from '../../src/stores/openbao/store.ts';
import { makeCertificates } from '../certificates.ts';
import { has } from '../tools.ts';
import { after, allOf, expectNothingOf, makeClient, plain, serveBytes, type TestClient } from './harness.ts';

const sent = {
  token: 'q8zk3wexr5tnb7yp4dhc9gfjma', password: 'Practice-7&ü4711', accessToken: 'f3kq9wexr5tnb7yp4dhc9gfjmb',
  refreshToken: 'z1kq9wexr5tnb7yp4dhc9gfjmc', clientSecret: 'm7kq9wexr5tnb7yp4dhc9gfjmd',
};
const refresh = (url: string, http: HttpClient): Promise<unknown> => refreshTokens({
  tokenEndpoint: `${url}/oauth/v2/token`, clientId: '1_abc', clientSecret: sent.clientSecret, refreshToken: sent.refreshToken, http, connection: plain, repair: repairTokenAnswer,
});
type Ask = (url: string, http: HttpClient) => Promise<unknown>;
const validate = (service: string, method: string, fields: object, secrets: Readonly<Record<string, string>>): Ask => (url, http) =>
  findMethod(findService(service), method).validate(apiOf(url, http, plain), { fields, secrets });

/** Everything that sends a secret to a server, as the program does it. */
const askers: Readonly<Record<string, Ask>> = {
  'a Mattermost token': validate('mattermost', 'access-token', {}, { token: sent.token }),
  'Mautic\'s basic auth': validate('mautic', 'basic', { username: 'ada' }, { password: sent.password }),
  'Mautic\'s access token': validate('mautic', 'oauth2', { clientId: '1_abc' }, { accessToken: sent.accessToken, clientSecret: sent.clientSecret }),
  'Mautic\'s token endpoint': refresh,
  'Mautic\'s pages': (url, http) => signInToPages(apiOf(url, http, plain), { username: 'admin', password: sent.password }),
  'an n8n\'s API key': validate('n8n', 'api-key', {}, { apiKey: sent.token }),
  'a team\'s store': (url, http) => new OpenBaoStore({
    env: { BAO_ADDR: url, BAO_TOKEN: sent.token }, tokenFile: undefined, protect: () => undefined, readFile: async () => '', http: async () => http,
  }).read('chat'),
};

/** How each ends: led elsewhere, refused beside a place to go, refused in words that are the secrets. */
const ends: Readonly<Record<string, readonly [redirected: string, refused: string, repeated: string]>> = {
  'a Mattermost token': ['REDIRECTED', 'GATEWAY_IN_FRONT', 'TOKEN_REJECTED'],
  'Mautic\'s basic auth': ['REDIRECTED', 'PASSWORD_REJECTED', 'RESPONSE_INVALID'],
  'Mautic\'s access token': ['REDIRECTED', 'RESPONSE_INVALID', 'RESPONSE_INVALID'],
  'Mautic\'s token endpoint': ['REDIRECTED', 'GATEWAY_IN_FRONT', 'RESPONSE_INVALID'],
  'Mautic\'s pages': ['GATEWAY_IN_FRONT', 'GATEWAY_IN_FRONT', 'GATEWAY_IN_FRONT'],
  'an n8n\'s API key': ['REDIRECTED', 'NOT_N8N', 'API_KEY_REJECTED'],
  'a team\'s store': ['STORE_STANDBY', 'STORE_UNAVAILABLE', 'STORE_UNAVAILABLE'],
};

/** The error that it ends with; an answer that is taken is no error. */
async function endOf(asked: Promise<unknown>): Promise<CredsetupError | undefined> {
  try {
    await asked;
    return undefined;
  } catch (error) {
    if (isCredsetupError(error)) return error;
    throw error;
  }
}

/** A listener that must get nothing. */
async function trap(): Promise<{ readonly port: number; readonly bytes: () => number }> {
  let bytes = 0;
  const { port } = await serveBytes((socket) => socket.on('data', (data) => { bytes += data.length; }));
  return { port, bytes: () => bytes };
}

const answer = (head: string, body: string | Buffer = ''): Buffer => Buffer.concat([Buffer.from(`${head.replaceAll('\n', '\r\n')}\r\n\r\n`), Buffer.from(body)]);
const ok = 'HTTP/1.1 200 OK\ncontent-type: application/json';
/** What is sent for as long as the other side takes it. */
const endless = (start: string, piece: string) => (socket: Socket): void => {
  socket.write(start);
  const more = (): void => { while (!socket.destroyed && socket.write(piece)); };
  socket.on('drain', more);
  more();
};
const drop = (socket: Socket): void => {
  const timer = setInterval(() => socket.write('x'), 50);
  socket.once('close', () => clearInterval(timer));
};
const whole = (bytes: Buffer) => (socket: Socket): void => { socket.end(bytes); };

const hostile: Readonly<Record<string, (socket: Socket) => void>> = {
  'a body that never ends': endless('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[', '0,'.repeat(50_000)),
  'a body of a byte now and then': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n');
    drop(socket);
  },
  'headers of a byte now and then': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nx-');
    drop(socket);
  },
  'headers without an end': endless('HTTP/1.1 200 OK\r\n', `x-filler: ${'y'.repeat(1000)}\r\n`),
  'interim answers without an end': endless('', 'HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n'.repeat(100)),
  'nothing at all': () => undefined,
  'a bomb of gzip': whole(answer(`${ok}\ncontent-encoding: gzip\nconnection: close`, gzipSync(Buffer.alloc(20_000_000)))),
  'a bomb in a bomb': whole(answer(`${ok}\ncontent-encoding: gzip, gzip\nconnection: close`, gzipSync(gzipSync(Buffer.alloc(10_000_000))))),
  'a bomb of JSON': whole(answer(`${ok}\nconnection: close`, '['.repeat(1_000_000))),
  'JSON with very many members': whole(answer(`${ok}\nconnection: close`, `{${Array.from({ length: 50_000 }, (_, at) => `"${at}":0`).join(',')}}`)),
  'members of every object': whole(answer(`${ok}\nconnection: close`, '{"__proto__":{"id":"x","username":"y"},"constructor":{"prototype":{}},"id":"__proto__","username":"constructor","data":{"__proto__":[]},"errors":[{"type":"__proto__","code":"constructor"}]}')),
  'a length that is too long': whole(answer(`${ok}\ncontent-length: 5000`, '{"id":"x"}')),
  'a length that is too short': whole(answer(`${ok}\ncontent-length: 3`, '{"id":"x"}')),
  'two lengths': whole(answer(`${ok}\ncontent-length: 3\ncontent-length: 10`, '{"id":"x"}')),
  'a length below zero': whole(answer(`${ok}\ncontent-length: -1`, '{}')),
  'chunks that lie': whole(answer(`${ok}\ntransfer-encoding: chunked`, 'fffffffff\r\n{}\r\n0\r\n\r\n')),
  'a status that is none': whole(answer('HTTP/1.1 999999 ?', '{}')),
  'no HTTP': whole(Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')),
  'a close in the middle': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"id":');
    socket.destroySoon();
  },
  'a reset': (socket) => { socket.resetAndDestroy(); },
  'a redirect to itself': whole(answer('HTTP/1.1 302 Found\nlocation: /\nconnection: close')),
  'ids with slashes, escapes and commands of runners': whole(answer(`${ok}\nx-version-id: 10.5.0\nconnection: close`, JSON.stringify({ id: '../../users/x', username: '\u001b[31m::add-mask::x\r\n::set-output name=a::b', email: '\u202e', roles: '##[error]x', name: '::stop-commands::x', data: { data: { record: '\u001b]0;x\u0007' } } }))),
};

describe.each(Object.keys(askers))('%s', (asker) => {
  it('costs bounded time and memory, whatever answers', async () => {
    const before = process.memoryUsage().rss;
    let most = 0;
    for (const [name, answers] of Object.entries(hostile)) {
      const server = await serveBytes((socket) => socket.once('data', () => { answers(socket); }));
      const client = makeClient({ limits: { connectMs: 5000, headersMs: 150, bodyMs: 150, totalMs: 300 } });
      const error = await endOf(askers[asker]!(`http://127.0.0.1:${server.port}`, client));
      if (error !== undefined) expect(error.code, name).not.toBe('UNEXPECTED');
      expectNothingOf(shownOf(error, client), Object.values(sent), name);
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    // Of the test's own bombs, too, which it holds whole.
    expect(most).toBeLessThan(1_000_000_000);
    if ((process.env['CREDSETUP_TEST_INPUTS'] ?? '') !== '') console.log(`${asker}: ${Object.keys(hostile).length} hostile servers, ${Math.round(most / 1e6)} MB at most beside ${Math.round(before / 1e6)} MB`);
  }, 120_000);

  it('is led nowhere else by a server that redirects', async () => {
    const other = await trap();
    const places = [
      `http://127.0.0.1:${other.port}/`, `http://localhost:${other.port}/x`, `//127.0.0.1:${other.port}/`, `https://127.0.0.1:${other.port}/`, `http://ada:secret@127.0.0.1:${other.port}/`, `\\\\127.0.0.1:${other.port}\\x`,
    ];
    for (const status of [301, 302, 307, 401]) {
      for (const place of places) {
        const server = await serveBytes((socket) => socket.once('data', () => { whole(answer(`HTTP/1.1 ${status} Moved\nlocation: ${place}\nwww-authenticate: Basic\nconnection: close`))(socket); }));
        const client = makeClient();
        const error = await endOf(askers[asker]!(`http://127.0.0.1:${server.port}`, client));
        expect(error?.code, `${status} ${place}`).toBe(ends[asker]?.[status === 401 ? 1 : 0]);
        expectNothingOf(shownOf(error, client), Object.values(sent), place);
      }
    }
    expect(other.bytes()).toBe(0);
  }, 120_000);

  it('shows none of it when the refusal repeats it', async () => {
    const dresses = [(text: string) => text, encodeURIComponent, (text: string) => Buffer.from(text).toString('base64'), (text: string) => Buffer.from(text).toString('hex')];
    for (const dress of dresses) {
      const words = Object.values(sent).map(dress).join(' ');
      const members = { id: words, message: words, detailed_error: words, error: words, error_description: words };
      const body = JSON.stringify({ ...members, errors: [words, { message: words, type: words, code: words }] });
      const server = await serveBytes((socket) => socket.once('data', () => { whole(answer(`HTTP/1.1 401 ${words.replace(/[^ -~]/g, '')}\ncontent-type: application/json\nx-request-id: ${words.replace(/[^ -~]/g, '')}\nconnection: close`, body))(socket); }));
      const client = makeClient();
      const error = await endOf(askers[asker]!(`http://127.0.0.1:${server.port}`, client));
      expect(error?.code).toBe(ends[asker]?.[2]);
      const shown = shownOf(error, client);
      for (const secret of Object.values(sent)) expect(shown).not.toContain(dress(secret));
    }
  });
});

/** What a person and `--debug` are shown, with the secrets known that were sent. */
function shownOf(error: CredsetupError | undefined, client: TestClient): string {
  const redactor = new Redactor();
  for (const secret of Object.values(sent)) redactor.protect(secret);
  return redactor.mask(`${error === undefined ? '' : allOf(error)}\n${client.lines.join('\n')}`);
}

describe.skipIf(!has('openssl'))('a server whose certificate changes', () => {
  it('between two requests is asked for nothing more', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'credsetup-hostile-'));
    after(() => { rmSync(dir, { recursive: true }); });
    const certificates = makeCertificates(dir);
    const got: string[] = [];
    const pairs = [certificates.good, certificates.selfSigned];
    const servers = await Promise.all(pairs.map(async (pair) => {
      const server = createTlsServer(pair, (request, response) => {
        got.push(String(request.headers.authorization));
        response.writeHead(200, { 'connection': 'close', 'content-type': 'application/json' }).end('{}');
      });
      await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
      after(() => { server.close(); });
      return (server.address() as AddressInfo).port;
    }));
    let connections = 0;
    const front = createServer((socket) => {
      const behind = connect(servers[Math.min(connections, 1)]!, '127.0.0.1');
      connections += 1;
      socket.on('error', () => behind.destroy()).pipe(behind).on('error', () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => { front.listen(0, '127.0.0.1', resolve); });
    after(() => { front.close(); });
    const url = `https://127.0.0.1:${(front.address() as AddressInfo).port}/api`;
    const [client, trusting] = [makeClient(), { ...plain, certificates: [certificates.ca] }];
    const ask = (): Promise<unknown> => client.send({ method: 'GET', url, headers: { authorization: `Bearer ${sent.token}` } }, trusting);
    await ask();
    expect((await endOf(ask()))?.exitCode).toBe(4);
    expect(got).toEqual([`Bearer ${sent.token}`]);
  });
});
