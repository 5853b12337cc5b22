/** Mattermost's calls for provisioning a token, against the practice server and against answers that it does not give by itself. */
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../src/http/client.ts';
import { mattermostPassword, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import type { Api } from '../../src/services/api.ts';
import { isAtLeast } from '../../src/services/mattermost/api.ts';
import { expiryOf, listTokens } from '../../src/services/mattermost/create-token.ts';
import { provisioning } from '../../src/services/mattermost/provisioning.ts';
import { apiOf } from '../../src/server/connection.ts';
import { mattermostServer } from '../commands/support.ts';

async function begin(options: MattermostOptions = {}): Promise<{
  readonly server: PracticeMattermost; readonly api: Api; readonly protectedOnes: string[];
  readonly signIn: (username: string, code?: string) => ReturnType<typeof provisioning.signIn>;
}> {
  const server = await mattermostServer({ tokensEnabled: true, ...options });
  const http = createHttpClient({ env: {}, signal: new AbortController().signal, debug: () => undefined, protect: () => undefined });
  const api = apiOf(server.url, http, { ignoreSslIssues: false, allowHttp: false, certificates: [] });
  const protectedOnes: string[] = [];
  return { server, api, protectedOnes, signIn: (username, mfaCode = '') => provisioning.signIn(api, { username, password: mattermostPassword, mfaCode }, (secret) => { protectedOnes.push(secret); }) };
}

describe('the sign-in', () => {
  it('protects the session token, and tells an admin', async () => {
    const { server, protectedOnes, signIn } = await begin();
    expect(await signIn('admin')).toMatchObject({ admin: true, isLogin: true, account: { username: 'admin' } });
    expect(protectedOnes).toEqual([server.state.sessions[0]!.token]);
  });

  it.each([
    ['api.user.login.use_auth_service.app_error', 'SIGN_IN_UNSUPPORTED', ''],
    ['api.context.mfa_required.app_error', 'MFA_REQUIRED', ''],
    // Servers that have one id for a missing and for a wrong code.
    ['mfa.validate_token.authenticate.app_error', 'MFA_REJECTED', '000000'],
    ['mfa.validate_token.authenticate.app_error', 'MFA_REQUIRED', ''],
    ['something.new', 'RESPONSE_INVALID', ''],
    ['constructor', 'RESPONSE_INVALID', ''],
    ['toString', 'RESPONSE_INVALID', ''],
    ['__proto__', 'RESPONSE_INVALID', ''],
    ['hasOwnProperty', 'RESPONSE_INVALID', ''],
  ])('takes %s for %s (code %j), and repeats nothing of the server', async (id, code, mfaCode) => {
    const { server, signIn } = await begin();
    server.intercept = () => ({ status: 401, headers: { 'x-version-id': '6.7.0.x' }, body: { id, message: 'token=geheim1234', detailed_error: 'token=geheim1234' } });
    const error: unknown = await signIn('maker', mfaCode).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify(error) + String(error)).not.toContain('geheim1234');
  });

  it('ends a login, and leaves a token that somebody gave', async () => {
    const { server, api, signIn } = await begin();
    await provisioning.signOut(api, await signIn('maker'));
    expect(server.state.sessions).toEqual([]);
    const { token } = server.makeToken('admin');
    server.log.length = 0;
    await provisioning.signOut(api, await provisioning.withToken!(api, token));
    expect(server.log.map(({ path }) => path)).toEqual(['/api/v4/users/me']);
  });
});

describe('the list of tokens', () => {
  it('is read to its end, page by page', async () => {
    const { server, api } = await begin();
    const pages = [200, 200, 3];
    server.intercept = (request) => ({ status: 200, body: Array.from({ length: pages[Number(request.query.get('page'))] ?? 0 }, (_, index) => ({ id: `${request.query.get('page') ?? ''}x${index}`.padEnd(26, 'z'), description: 'x' })) });
    expect(await listTokens(api, { authorization: 'Bearer x' }, 'x'.repeat(26))).toHaveLength(403);
  });

  it('is unknown to who may not see it', async () => {
    const { api, signIn } = await begin();
    expect(await provisioning.list(api, await signIn('joe'), 'x'.repeat(26))).toBeUndefined();
  });
});

describe('the expiry', () => {
  const at = (days: string, version = '11.9.0'): Date | undefined => expiryOf(days, version, new Date(0));

  it('is days from now', () => expect(at('2')?.getTime()).toBe(2 * 86_400_000));
  it('is none when it was not given', () => expect(at('')).toBeUndefined());
  it.each(['0', '-1', '1.5', 'soon', '36501'])('refuses %s', (days) => expect(() => at(days)).toThrow(expect.objectContaining({ code: 'EXPIRY_INVALID' })));
  it.each([['11.9.0', true], ['11.10.0', true], ['12.0.1', true], ['11.8.9', false], ['6.7.0', false]])('is known to %s: %s', (version, known) => expect(isAtLeast(version, 11, 9)).toBe(known));
});
