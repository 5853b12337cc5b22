import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CredsetupError } from '../../src/errors.ts';
import { createAuthorities } from '../../src/http/authorities.ts';
import { makeCertificates, type Certificates } from '../certificates.ts';
import { has } from '../tools.ts';
import { after, allOf, gate, lookupAs, makeClient, plain, serve, serveBytes, shownFailureOf as failureOf } from './harness.ts';
import { unusedPort } from '../ports.ts';

const secret = 'token-that-must-not-leak';
const headers = { authorization: `Bearer ${secret}` };
const lookup = lookupAs('127.0.0.1');

describe.skipIf(!has('openssl'))('TLS', () => {
  const dir = mkdtempSync(join(tmpdir(), 'credsetup-tls-'));
  let certificates: Certificates;
  beforeAll(() => { certificates = makeCertificates(dir); });
  afterAll(() => rmSync(dir, { recursive: true }));

  const trusting = (): typeof plain => ({ ...plain, certificates: [certificates.ca] });

  /** Asks a server with that certificate and gives the error back; nothing secret may have arrived or be told. */
  async function refusal(kind: 'selfSigned' | 'withRoot' | 'good' | 'chained' | 'incomplete' | 'expired' | 'expiredChain' | 'notYetValid' | 'wrongHost' | 'ofOtherCa', connection = plain): Promise<CredsetupError> {
    const server = await serve(undefined, certificates[kind]);
    const client = makeClient({ lookup });
    const error = await failureOf(client.send({ method: 'GET', url: `https://service.test:${server.port}/api`, headers }, connection));
    expect(server.requests).toHaveLength(0);
    expect(allOf(error) + client.lines.join()).not.toContain(secret);
    expect(error.message).toContain(`service.test:${server.port}`);
    expect(error.hint).toContain('--ignore-ssl-issues');
    expect(error.hint).toContain('n8n');
    expect(error.exitCode).toBe(4);
    return error;
  }

  it('names a certificate that signed itself, and the ways out', async () => {
    const error = await refusal('selfSigned');
    expect(error.code).toBe('TLS_SELF_SIGNED');
    expect(error.message).toContain('for "Self Made", issued by "Self Made", valid from 20');
    expect(error.hint).toContain('--ca-file FILE');
    expect(error.hint).toContain('NODE_EXTRA_CA_CERTS=FILE');
  });

  it('names the unknown CA whose root the server sends along', async () => {
    const error = await refusal('withRoot');
    expect(error.code).toBe('TLS_SELF_SIGNED');
    expect(error.message).toContain('for "service.test", issued by "Test Root"');
    expect(error.message).toContain('The CA: "Test Root"');
  });

  it.each(['good', 'ofOtherCa'] as const)('says of an unknown CA both what it may be and how to check it (%s)', async (kind) => {
    const error = await refusal(kind);
    expect(error.code).toBe('TLS_UNKNOWN_CA');
    expect(error.message).toMatch(/a private one, or the server leaves out its intermediate/);
    expect(error.message).toContain(`issued by "${kind === 'good' ? 'Test Root' : 'Other Root'}"`);
    expect(error.hint).toMatch(/openssl s_client -connect service\.test:\d+ -servername service\.test/);
    expect(error.hint).toContain('--ca-file FILE');
  });

  it('does not take a missing intermediate for a known CA', async () => {
    const error = await refusal('incomplete', trusting());
    expect(error.code).toBe('TLS_UNKNOWN_CA');
    expect(error.message).toContain('issued by "Test Intermediate"');
  });

  it('names the dates of an expired certificate', async () => {
    const error = await refusal('expired', trusting());
    expect(error.code).toBe('TLS_EXPIRED');
    expect(error.message).toContain('valid from 2020-01-01T00:00:00.000Z to 2021-01-01T00:00:00.000Z');
  });

  it('names the intermediate when that is what has expired', async () => {
    const error = await refusal('expiredChain', trusting());
    expect(error.code).toBe('TLS_EXPIRED');
    expect(error.message).toContain('for "Ended Intermediate", issued by "Test Root", valid from 2020-01-01T00:00:00.000Z');
  });

  it('names the certificate of the name that was asked for, where a server has several', async () => {
    const server = tls.createServer(certificates.wrongHost);
    server.on('tlsClientError', () => undefined);
    server.addContext('service.test', certificates.expired);
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    after(() => { server.close(); });
    const { port } = server.address() as { port: number };
    const error = await failureOf(makeClient({ lookup }).send({ method: 'GET', url: `https://service.test:${port}/` }, trusting()));
    expect(error.code).toBe('TLS_EXPIRED');
    expect(error.message).toContain('to 2021-01-01T00:00:00.000Z');
  });

  it('suspects the local clock when a certificate is not valid yet', async () => {
    const error = await refusal('notYetValid', trusting());
    expect(error.code).toBe('TLS_NOT_YET_VALID');
    expect(error.message).toContain('valid from 2090-01-01T00:00:00.000Z');
    expect(error.hint).toContain('clock');
  });

  it('names the names that a certificate for another host is for', async () => {
    const error = await refusal('wrongHost', trusting());
    expect(error.code).toBe('TLS_HOST_MISMATCH');
    expect(error.message).toContain('is not for service.test, but for other.test, elsewhere.test.');
  });

  describe('a client certificate that the server wants', () => {
    const wanting = (version: tls.SecureVersion) => new Promise<number>((resolve) => {
      const server = createServer({ ...certificates.good, ca: certificates.ca, requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version }, (_request, response) => response.end('let in'));
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
      after(() => { server.close(); });
    });
    const asked = async (port: number): Promise<CredsetupError> => {
      const error = await failureOf(makeClient({ lookup }).send({ method: 'GET', url: `https://service.test:${port}/api`, headers }, trusting()));
      expect(error).toMatchObject({ code: 'TLS_CLIENT_CERTIFICATE', exitCode: 4, message: expect.stringContaining(`service.test:${port} wants a certificate of its clients`) });
      expect(error.hint).toMatch(/n8n has no place for one/);
      expect(allOf(error)).not.toContain(secret);
      return error;
    };

    it.each(['TLSv1.2', 'TLSv1.3'] as const)('is named, by %s', async (version) => { await asked(await wanting(version)); });

    it('is not suspected where a server has no cipher in common, or hangs up', async () => {
      const server = createServer({ ...certificates.good, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0' });
      await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
      after(() => { server.close(); });
      const client = makeClient({ lookup });
      const hangUp = await serve((request) => request.socket.destroy(), certificates.good);
      expect((await failureOf(client.send({ method: 'GET', url: `https://service.test:${hangUp.port}/` }, trusting()))).code).toBe('CONNECTION_LOST');
      expect((await failureOf(client.send({ method: 'GET', url: `https://service.test:${(server.address() as AddressInfo).port}/` }, trusting()))).code).toBe('TLS_FAILED');
    });

    it.skipIf(!has('nginx'))('is named by a real nginx, with TLS 1.2 and 1.3', async () => {
      const { cert, key } = certificates.good;
      for (const [name, text] of [['n.pem', cert], ['n.key', key]] as const) writeFileSync(join(dir, name), text);
      for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const port = await unusedPort();
        writeFileSync(join(dir, 'nginx.conf'), `pid ${dir}/nginx.pid; error_log ${dir}/error.log; daemon off; master_process off;
events {}
http { access_log off; client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
server { listen 127.0.0.1:${port} ssl; ssl_certificate ${dir}/n.pem; ssl_certificate_key ${dir}/n.key; ssl_protocols ${version}; ssl_client_certificate ${certificates.caFile}; ssl_verify_client on; location / { return 200 "let in"; } } }
`);
        const nginx = spawn('nginx', ['-c', join(dir, 'nginx.conf'), '-p', dir], { stdio: 'ignore' });
        try {
          while (!await listens(port)) await new Promise((resolve) => { setTimeout(resolve, 20); });
          await asked(port);
        } finally {
          nginx.kill();
          await once(nginx, 'exit');
        }
      }
    });
  });

  describe('a CA that is not the right one', () => {
    it('is told from the server\'s own certificate, given in its place', async () => {
      const { cert } = certificates.good;
      const { hint } = await refusal('good', { ...plain, certificates: [cert] });
      expect(hint).toMatch(/^--ca-file gives the server's own certificate, .*put the certificate of "Test Root"/);
    });

    it('is told from an intermediate, which ends no chain', async () => {
      const intermediate = certificates.chained.cert.slice(certificates.chained.cert.indexOf('-----END CERTIFICATE-----') + 26);
      for (const kind of ['chained', 'incomplete'] as const) {
        const { hint } = await refusal(kind, { ...plain, certificates: [intermediate] });
        expect(hint).toMatch(/^--ca-file gives an intermediate, "Test Intermediate", .*put the one of "Test Root" into the file too/);
      }
    });

    it('is named beside the one that issued the certificate', async () => {
      const { hint } = await refusal('ofOtherCa', trusting());
      expect(hint).toMatch(/^--ca-file gives "Test Root", which did not issue this certificate \("Other Root" did\)/);
    });

    it('is looked for in the system\'s store only by a Node that reads it', async () => {
      const { hint, message } = await refusal('good');
      const reads = 'getCACertificates' in tls;
      expect(message.includes('that this machine knows')).toBe(reads);
      expect(/does not read the system's store of CAs: .* NODE_EXTRA_CA_CERTS=(\/\S+|the file).* or use Node\.js 22\.15 or later/.test(hint)).toBe(!reads);
      if (!reads && existsSync('/etc/ssl/certs/ca-certificates.crt')) expect(hint).toContain('NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt');
    });
  });

  it('does not trust another CA because one is given', async () => {
    expect((await refusal('ofOtherCa', trusting())).code).toBe('TLS_UNKNOWN_CA');
  });

  it('stays checked when NODE_TLS_REJECT_UNAUTHORIZED is 0', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    after(() => { vi.unstubAllEnvs(); });
    expect((await refusal('selfSigned')).code).toBe('TLS_SELF_SIGNED');
    const server = await serve(undefined, certificates.selfSigned);
    const client = makeClient({ lookup, env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
    expect((await failureOf(client.send({ method: 'GET', url: `https://service.test:${server.port}/`, headers }, plain))).code).toBe('TLS_SELF_SIGNED');
    expect(server.requests).toHaveLength(0);
  });

  it('accepts the CA file, also for 127.0.0.1 and for a chain', async () => {
    const client = makeClient({ lookup });
    for (const [kind, host] of [['good', 'service.test'], ['good', '127.0.0.1'], ['good', 'localhost'], ['chained', 'service.test']] as const) {
      const server = await serve(undefined, certificates[kind]);
      const response = await client.send({ method: 'GET', url: `https://${host}:${server.port}/`, headers }, trusting());
      expect(response.status).toBe(200);
    }
  });

  it('trusts the CA file beside NODE_EXTRA_CA_CERTS, not in its place', async () => {
    const extra = join(dir, 'extra.pem');
    writeFileSync(extra, certificates.otherCa);
    const ours = await serve(undefined, certificates.good);
    const theirs = await serve(undefined, certificates.ofOtherCa);
    const client = makeClient({ lookup, env: { NODE_EXTRA_CA_CERTS: extra } });
    for (const { port } of [ours, theirs]) {
      expect((await client.send({ method: 'GET', url: `https://service.test:${port}/` }, trusting())).status).toBe(200);
    }
  });

  it('trusts all built-in roots beside the CA file and NODE_EXTRA_CA_CERTS', async () => {
    const trusted = await createAuthorities(certificates.caFile, () => undefined).trusted([certificates.otherCa]);
    expect(tls.rootCertificates.length).toBeGreaterThan(100);
    expect(trusted).toEqual(expect.arrayContaining([...tls.rootCertificates, certificates.ca, certificates.otherCa]));
  });

  it.each([['missing.pem', 'cannot be read (ENOENT)'], ['openssl.cnf', 'without a PEM certificate']])('says in the hint that NODE_EXTRA_CA_CERTS=%s is of no use', async (file, complaint) => {
    const server = await serve(undefined, certificates.good);
    const client = makeClient({ lookup, env: { NODE_EXTRA_CA_CERTS: join(dir, file) } });
    const error = await failureOf(client.send({ method: 'GET', url: `https://service.test:${server.port}/` }, plain));
    expect(error.hint).toContain(complaint);
    expect(client.lines.join()).toContain(complaint);
  });

  it('ignores issues only for the request that says so, also at the same origin and at the same time', async () => {
    const server = await serve(undefined, certificates.selfSigned);
    const other = await serve(undefined, certificates.wrongHost);
    const client = makeClient({ lookup });
    const loose = { ...plain, ignoreSslIssues: true };
    const get = (port: number, connection: typeof plain): Promise<number> => client.send({ method: 'GET', url: `https://service.test:${port}/` }, connection).then(({ status }) => status);
    expect(await get(server.port, loose)).toBe(200);
    expect((await failureOf(get(server.port, plain))).code).toBe('TLS_SELF_SIGNED');
    expect((await failureOf(get(other.port, trusting()))).code).toBe('TLS_HOST_MISMATCH');
    const both = await Promise.all([get(server.port, loose), failureOf(get(server.port, plain))]);
    expect(both[0]).toBe(200);
    expect(both[1].code).toBe('TLS_SELF_SIGNED');
    expect(server.requests).toHaveLength(2);
    expect(other.requests).toHaveLength(0);
  });

  it('keeps the certificates of one connection from another to the same origin', async () => {
    const server = await serve(undefined, certificates.good);
    const client = makeClient({ lookup });
    const request = { method: 'GET', url: `https://service.test:${server.port}/` } as const;
    expect((await client.send(request, trusting())).status).toBe(200);
    expect((await failureOf(client.send(request, plain))).code).toBe('TLS_UNKNOWN_CA');
  });

  it('recognises plain http on an https port', async () => {
    const server = await serve();
    const began = performance.now();
    const error = await failureOf(makeClient().send({ method: 'GET', url: `https://127.0.0.1:${server.port}/`, headers }, plain));
    expect(error.code).toBe('TLS_FAILED');
    expect(error.message).toContain('plain http');
    expect(performance.now() - began).toBeLessThan(2500);
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
  });

  it('recognises a server that speaks old TLS only', async () => {
    const old = tls.createServer({ ...certificates.good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' });
    old.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => { old.listen(0, '127.0.0.1', resolve); });
    after(() => { old.close(); });
    const { port } = old.address() as { port: number };
    const error = await failureOf(makeClient().send({ method: 'GET', url: `https://127.0.0.1:${port}/` }, trusting()));
    expect(error.code).toBe('TLS_FAILED');
    expect(error.message).toContain('TLS 1.0 or 1.1');
  });

  it('sends nothing when the connection stands after the time is over', async () => {
    const arrived = gate();
    const settled = gate();
    let held: Socket | undefined;
    const late = createServer(certificates.good, () => {
      requests += 1;
      settled.open();
    });
    let requests = 0;
    const server = await serveBytes((socket) => {
      held = socket;
      socket.once('close', settled.open);
      socket.pause();
      arrived.open();
    });
    const sending = failureOf(makeClient({ lookup, timeoutSeconds: 0.4, limits: { connectMs: 20_000 } }).send({ method: 'GET', url: `https://service.test:${server.port}/`, headers }, trusting()));
    await arrived.opened;
    expect((await sending).code).toBe('CONNECTION_TIMEOUT');
    late.emit('connection', held);
    await settled.opened;
    expect(requests).toBe(0);
  });

  it('does not wait for ever for a certificate to name', async () => {
    let seen = 0;
    const secure = tls.createServer(certificates.selfSigned);
    secure.on('tlsClientError', () => undefined);
    // The first connection gets its handshake, the second, which only looks, gets nothing.
    const server = await serveBytes((socket) => {
      seen += 1;
      if (seen === 1) secure.emit('connection', socket);
    });
    const client = makeClient({ lookup, timeoutSeconds: 0.5 });
    const error = await failureOf(client.send({ method: 'GET', url: `https://service.test:${server.port}/` }, plain));
    expect(error.code).toBe('TLS_SELF_SIGNED');
    expect(error.message).not.toContain('issued by');
    expect(seen).toBe(2);
  });

  it('ends at once on Ctrl-C while it looks at a certificate', async () => {
    const controller = new AbortController();
    const reason = new CredsetupError('CANCELLED', 'Stopped.');
    let seen = 0;
    const secure = tls.createServer(certificates.selfSigned);
    secure.on('tlsClientError', () => undefined);
    const server = await serveBytes((socket) => {
      seen += 1;
      if (seen === 1) secure.emit('connection', socket);
      else controller.abort(reason);
    });
    const began = performance.now();
    const client = makeClient({ lookup, signal: controller.signal });
    expect(await failureOf(client.send({ method: 'GET', url: `https://service.test:${server.port}/` }, plain))).toBe(reason);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}
