/** Warnings: of the connection each time before anything is sent, of the rest in full when they are new and in a word when they are known. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectionWarnings, openWarning } from '../../src/server/connection.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import { makeCertificates } from '../certificates.ts';
import { has } from '../tools.ts';
import { folder, mattermostServer, mauticServer, script, storeMattermost, storeMautic } from './support.ts';

const unchecked = /The certificate of 127\.0\.0\.1 is not checked: whoever stands in between can read and change everything\. \(TLS_UNCHECKED\)/g;

describe.runIf(has('openssl'))('TLS that is not checked', () => {
  it('is said once by every command that sends a secret over it, and before it does', async () => {
    const server = await mattermostServer({ tls: makeCertificates(join(folder(), 'certificates')).selfSigned });
    server.allowTokens('maker');
    const one = script();
    const { token } = server.makeToken('maker');
    const again = server.makeToken('maker').token;
    const env = { CREDSETUP_TOKEN: token };
    const lines: readonly (readonly [readonly string[], Readonly<Record<string, string>>])[] = [
      [['mattermost', '--url', server.url, '--name', 'chat', '--ignore-ssl-issues'], env],
      [['test', 'chat'], {}], [['test', '--all', '--json'], {}], [['edit', 'chat', '--url', `${server.url}/`], {}],
      [['export', 'chat', '--test'], {}], [['reconnect', 'chat'], { CREDSETUP_TOKEN: again }],
      [['rotate', 'chat', '--token-id', server.state.tokens.find((made) => made.token === again)!.id], {}], [['remove', 'chat', '--revoke', '--yes'], {}],
    ];
    for (const [args, more] of lines) {
      const { stderr, exitCode } = await one.run(args, { env: more, reveals: true });
      expect(exitCode, stderr).toBe(0);
      expect(stderr.match(unchecked), args.join(' ')).toHaveLength(1);
    }
    const refused = await one.run(['mattermost', '--url', server.url, '--name', 'other', '--ignore-ssl-issues'], { env: { CREDSETUP_TOKEN: 'q8zk3wexr5tnb7yp4dhc9gfjma' } });
    expect(refused.stderr).toMatch(/TLS_UNCHECKED[^]*TOKEN_REJECTED/);
  });
});

describe('a connection without encryption', () => {
  it('is warned about like TLS that is not checked, but not to this computer', () => {
    const plain = { ignoreSslIssues: false, allowHttp: true, certificates: [] };
    expect(openWarning(new URL('http://chat.example.com'), plain)?.code).toBe('NOT_ENCRYPTED');
    expect(openWarning(new URL('http://127.0.0.1:8065'), plain)).toBeUndefined();
    expect(openWarning(new URL('https://chat.example.com'), plain)).toBeUndefined();
    expect(connectionWarnings('http://chat.example.com', plain, findMethod(findService('mattermost'), 'access-token')).map(({ code }) => code)).toEqual(['NOT_ENCRYPTED']);
  });
});

describe('a warning that is known', () => {
  it('is a word at a test, an edit and a reconnection, and in full in show', async () => {
    const server = await mattermostServer();
    const one = script();
    await storeMattermost(one, server);
    const full = 'An n8n in a container or on another machine does not reach the server by that name.';
    const { token } = server.makeToken('maker');
    for (const args of [['test', 'chat'], ['edit', 'chat', '--url', `${server.url}/`], ['reconnect', 'chat']]) {
      const { stderr, exitCode } = await one.run(args, { env: { CREDSETUP_TOKEN: token } });
      expect(exitCode, stderr).toBe(0);
      expect(stderr, args[0]).toMatch(/! As before: .*N8N_LOOPBACK_ADDRESS/);
      expect(stderr).not.toContain(full);
    }
    expect((await one.run(['show', 'chat'])).stdout).toContain(full);
    expect((await one.run(['test', 'chat', '--json'])).json()).toMatchObject({ results: [{ credential: { warnings: expect.arrayContaining([expect.objectContaining({ message: expect.stringContaining(full) as string })]) as unknown } }] });
    expect((await one.run(['test', 'chat', '--json'])).stdout).not.toContain('"known"');
  });

  it('is in full again when it says something new', async () => {
    const server = await mauticServer();
    const one = script();
    await storeMautic(one, server);
    server.user('contacts').role.rawPermissions = {};
    const { stderr } = await one.run(['test', 'crm']);
    expect(stderr).toMatch(/contacts: not for this account; .*\(CAPABILITY_MISSING\)/);
    expect(stderr).toMatch(/As before: /);
    expect((await one.run(['test', 'crm'])).stderr).not.toContain('contacts: not');
  });
});

describe('a warning about the address', () => {
  it('is said once in a run, however many credentials are there', async () => {
    const server = await mattermostServer();
    const one = script();
    await storeMattermost(one, server);
    const { token } = server.makeToken('maker');
    const second = await one.run(['mattermost', '--url', server.url, '--name', 'second'], { env: { CREDSETUP_TOKEN: token } });
    expect(second.stderr.match(/N8N_LOOPBACK_ADDRESS/g)).toHaveLength(1);
    const { stderr, exitCode } = await one.run(['test', '--all']);
    expect(exitCode, stderr).toBe(0);
    expect(stderr.match(/✔ /g)).toHaveLength(2);
    expect(stderr.match(/N8N_LOOPBACK_ADDRESS/g)).toHaveLength(1);
  });
});
