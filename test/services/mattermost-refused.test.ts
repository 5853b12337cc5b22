/** Why Mattermost lets nobody in: by what stands in front of it, by what it demands, and by what is known of a token that it took before. */
import { createServer, request as forward, type IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Credential } from '../../src/credential.ts';
import type { CredsetupError } from '../../src/errors.ts';
import { mattermostPassword, startMattermost, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { provisioning } from '../../src/services/mattermost/provisioning.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import type { Api } from '../../src/services/api.ts';
import type { Validation } from '../../src/services/service.ts';
import { apiOf } from '../../src/server/connection.ts';
import { after, failureOf, makeClient, plain } from '../http/harness.ts';

const method = findMethod(findService('mattermost'), 'access-token');
const day = 86_400_000;

async function mattermost(options: MattermostOptions = {}): Promise<PracticeMattermost> {
  const server = await startMattermost(options);
  after(() => server.close());
  return server;
}

const apiTo = (url: string): Api => apiOf(url, makeClient(), plain);
const validate = (url: string, token: string, stored?: Credential): Promise<Validation> =>
  method.validate(apiTo(url), { fields: {}, secrets: { token }, ...(stored === undefined ? {} : { stored: { credential: stored, now: new Date() } }) });
const causes = (error: CredsetupError): string[] => (error.details.causes ?? []).map(({ code }) => code);

/** A reverse proxy that leaves some headers of the request, or of the answer, out. */
async function proxyBefore(
  server: PracticeMattermost, { request = [], answer = [] }: { readonly request?: readonly string[]; readonly answer?: readonly string[] },
): Promise<string> {
  const without = (headers: IncomingHttpHeaders, names: readonly string[]): IncomingHttpHeaders => Object.fromEntries(
    Object.entries(headers).filter(([name]) => !names.includes(name)),
  );
  const proxy = createServer((incoming, outgoing) => {
    const passed = forward({ host: '127.0.0.1', port: server.port, method: incoming.method, path: incoming.url, headers: without(incoming.headers, request) }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, without(reply.headers, answer));
      reply.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => { proxy.listen(0, '127.0.0.1', resolve); });
  after(() => new Promise<void>((resolve) => { proxy.close(() => { resolve(); }); proxy.closeAllConnections(); }));
  const address = proxy.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

describe('a proxy in front of Mattermost that drops the Authorization header', () => {
  it.each(['6.7.0', '11.10.0'])('is named for certain on %s, by comparing two answers, and the token is sent once', async (version) => {
    const server = await mattermost({ version });
    const { token } = server.makeToken('maker');
    const url = await proxyBefore(server, { request: ['authorization'] });
    const error = await failureOf(validate(url, token));
    expect(error).toMatchObject({ code: 'AUTHORIZATION_HEADER_DROPPED', exitCode: 6 });
    expect(error.hint).toContain('nginx');
    expect(JSON.stringify(server.log)).not.toContain(token);
    expect(server.log).toHaveLength(2);
  });

  it('is the first of the causes where the proxy takes cookies away as well', async () => {
    const server = await mattermost({ version: '11.10.0' });
    const error = await failureOf(validate(await proxyBefore(server, { request: ['authorization', 'cookie'], answer: ['set-cookie'] }), server.makeToken('maker').token));
    expect(error.code).toBe('TOKEN_REJECTED');
    expect(causes(error)[0]).toBe('AUTHORIZATION_HEADER_DROPPED');
  });

  it('is not thought of where the token arrived', async () => {
    const server = await mattermost();
    const error = await failureOf(validate(await proxyBefore(server, {}), server.makeToken('maker').id));
    expect(error.code).toBe('TOKEN_REJECTED');
    expect(causes(error)).not.toContain('AUTHORIZATION_HEADER_DROPPED');
  });

  it('is named to an admin\'s token and to a sign-in that was just opened', async () => {
    const server = await mattermost();
    const api = apiTo(await proxyBefore(server, { request: ['authorization'] }));
    expect((await failureOf(provisioning.withToken!(api, server.makeToken('admin').token))).code).toBe('AUTHORIZATION_HEADER_DROPPED');
    const session = await provisioning.signIn(api, { username: 'maker', password: mattermostPassword }, () => undefined);
    const owner = { id: session.account.id, username: 'maker', bot: false, created: false };
    expect((await failureOf(provisioning.make(api, session, owner, { description: 'x', expiresAt: undefined }, () => undefined))).code).toBe('AUTHORIZATION_HEADER_DROPPED');
  });
});

describe('a Mattermost that enforces multi-factor authentication', () => {
  it('on an account without it is MFA_REQUIRED, and nothing is said to be validated', async () => {
    const server = await mattermost({ version: '11.10.0', enforceMfa: true });
    const error = await failureOf(validate(server.url, server.makeToken('maker').token));
    expect(error).toMatchObject({ code: 'MFA_REQUIRED', exitCode: 7 });
    expect(error.details.field).toBeUndefined();
    expect(error.hint).toContain('browser');
  });

  it('that answers so to the account itself is MFA_REQUIRED too', async () => {
    const server = await mattermost();
    server.intercept = () => ({ status: 401, headers: { 'x-version-id': '11.10.0..x.false' }, body: { id: 'api.context.mfa_required.app_error' } });
    expect((await failureOf(validate(server.url, 'abcdefghijklmnopqrstuvwx12'))).code).toBe('MFA_REQUIRED');
    expect((await failureOf(provisioning.withToken!(apiTo(server.url), 'abcdefghijklmnopqrstuvwx12'))).code).toBe('MFA_REQUIRED');
  });

  it('lets an account that has it and a bot in', async () => {
    const server = await mattermost({ version: '11.10.0', enforceMfa: true });
    server.addUser({ username: 'robot', isBot: true });
    for (const name of ['mfa', 'robot']) expect((await validate(server.url, server.makeToken(name).token)).account.username).toBe(name);
  });
});

describe('a stored token that Mattermost refuses', () => {
  const stored = (server: PracticeMattermost, more: Partial<Credential> = {}): Credential => ({
    id: '00000000-0000-4000-8000-000000000000', name: 'chat', service: 'mattermost', method: 'access-token', url: server.url, account: { username: 'maker' }, server: {}, fields: {}, store: 'file',
    createdAt: '2026-01-01T00:00:00Z', validatedAt: '2026-01-01T00:00:00Z', ignoreSslIssues: false, allowHttp: false, caCertificates: 0, warnings: [], ...more,
  });
  const made = { fields: { tokenId: 'abcdefghijklmnopqrstuvwxyz' } };
  const at = (days: number): string => new Date(Date.now() + days * day).toISOString();
  const session = { warnings: [{ code: 'SESSION_TOKEN', message: 'It ends by itself.' }] };

  it.each<[string, Partial<Credential>, readonly string[]]>([
    ['whose stored end has passed: that first', { ...made, expiresAt: at(-2) }, ['TOKEN_EXPIRED', 'TOKEN_REVOKED', 'TOKEN_DISABLED', 'TOKENS_DISABLED', 'ACCOUNT_DEACTIVATED']],
    ['that has an end to come', { ...made, expiresAt: at(2) }, ['TOKEN_REVOKED', 'TOKEN_DISABLED', 'TOKENS_DISABLED', 'ACCOUNT_DEACTIVATED']],
    ['that was made without an end', made, ['TOKEN_REVOKED', 'TOKEN_DISABLED', 'TOKENS_DISABLED', 'ACCOUNT_DEACTIVATED']],
    ['that was pasted', {}, ['SESSION_TOKEN_ENDED', 'TOKEN_REVOKED', 'TOKEN_DISABLED', 'TOKENS_DISABLED', 'ACCOUNT_DEACTIVATED', 'TOKEN_EXPIRED']],
    ['that was a login session\'s: that first', session, ['SESSION_TOKEN_ENDED', 'TOKEN_REVOKED', 'TOKEN_DISABLED', 'TOKENS_DISABLED', 'ACCOUNT_DEACTIVATED', 'TOKEN_EXPIRED']],
    ['of a bot, which works while tokens are off', { ...made, account: { username: 'n8n', bot: true } }, ['TOKEN_REVOKED', 'TOKEN_DISABLED', 'ACCOUNT_DEACTIVATED']],
    ['that is tried at another address', { ...made, url: 'https://chat.example.com' }, ['TOKEN_REVOKED', 'TOKEN_DISABLED', 'TOKENS_DISABLED', 'ACCOUNT_DEACTIVATED', 'WRONG_SERVER']],
  ])('has only the causes that what is known leaves: %s', async (_, more, expected) => {
    const server = await mattermost({ version: '11.10.0' });
    expect(causes(await failureOf(validate(server.url, 'abcdefghijklmnopqrstuvwx12', stored(server, more))))).toEqual(expected);
  });

  it('and has ended gives the day, and the command that makes a new one', async () => {
    const server = await mattermost({ version: '11.10.0' });
    const error = await failureOf(validate(server.url, 'abcdefghijklmnopqrstuvwx12', stored(server, { ...made, expiresAt: at(-2) })));
    expect(error.message).toContain(`It ended on ${at(-2).slice(0, 10)}`);
    expect(error.hint).toContain('credsetup rotate chat --username NAME');
  });

  it('is judged by the server\'s clock, whatever ours says', async () => {
    const server = await mattermost({ version: '11.10.0', now: () => Date.now() + 3 * day });
    expect(causes(await failureOf(validate(server.url, 'abcdefghijklmnopqrstuvwx12', stored(server, { ...made, expiresAt: at(2) }))))[0]).toBe('TOKEN_EXPIRED');
  });

  it('of a disabled bot says that enabling it is enough', async () => {
    const server = await mattermost();
    const error = await failureOf(validate(server.url, 'abcdefghijklmnopqrstuvwx12', stored(server, { account: { username: 'n8n', bot: true } })));
    expect(error.details.causes?.find(({ code }) => code === 'ACCOUNT_DEACTIVATED')?.message).toContain('works again once it is enabled');
  });
});
