/** Answers of a token endpoint, put together at random: tokens that a header can carry, or an error of ours in which nothing of them stands. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpClient } from '../../src/context.ts';
import { createResponse } from '../../src/http/response.ts';
import { clientCredentials, exchangeCode, refreshTokens } from '../../src/oauth/tokens.ts';
import type { TokenEndpoint } from '../../src/oauth/tokens.ts';
import { isCredsetupError } from '../../src/errors.ts';
import { repairTokenAnswer } from '../../src/services/mautic/token-answer.ts';
import { allOf, plain } from '../http/harness.ts';
import { inputs } from '../generated.ts';

const state = 'Zs3k-state-of-this-sign-in_0123456789abcdefg';
const secrets = ['the-access-token-4711', 'the-refresh-token-4711', 'client-secret-4711', 'the-code-4711', 'the-old-refresh-4711'];

const value = fc.oneof(
  fc.constantFrom<unknown>('the-access-token-4711', 'the-refresh-token-4711', 'bearer', 'Bearer', 'mac', '', ' ', 'the-access-token-4711\r\nX: y', null, true, -1, 3600, 1e300, '3600', [], {}, ['the-access-token-4711'], '\u0000', 'ä'),
  fc.jsonValue({ maxDepth: 2 }),
);
const name = fc.constantFrom('access_token', 'refresh_token', 'token_type', 'expires_in', 'scope', 'error', 'error_description', 'errors', 'id_token', '__proto__', 'constructor', 'toString');
const fault = fc.record({ message: value, code: value, type: fc.oneof(value, fc.constantFrom('invalid_grant', 'invalid_client', 'api_disabled', 'access_denied', '__proto__', 'constructor')) }, { requiredKeys: [] });
const body = fc.oneof(
  fc.record({ scope: value, expires_in: value, refresh_token: value, extra: value }, { requiredKeys: [] }).map((more) => JSON.stringify({ access_token: 'the-access-token-4711', token_type: 'bearer', ...more })),
  fc.array(fc.tuple(name, value), { maxLength: 6 }).map((pairs) => JSON.stringify(Object.fromEntries([['access_token', 'the-access-token-4711'], ['token_type', 'bearer'], ...pairs]))),
  fc.array(fc.tuple(name, value), { maxLength: 6 }).map((pairs) => `{${pairs.map(([one, two]) => `${JSON.stringify(one)}:${JSON.stringify(two)}`).join(',')}}`),
  fc.array(fault, { maxLength: 2 }).map((errors) => JSON.stringify({ errors, access_token: 'the-access-token-4711' })),
  fc.json(), fc.string(),
  fc.nat(120).map((length) => '{"access_token":"the-access-token-4711","refresh_token":"the-refresh-token-4711","token_type":"bearer","expires_in":3600}'.slice(0, length)),
);

describe('a token answer', () => {
  it('is tokens that fit a header, or an error of ours without a word of it', async () => {
    let taken = 0;
    const requests = [
      (endpoint: TokenEndpoint) => exchangeCode({ ...endpoint, callbackUrl: `http://127.0.0.1:18265/callback?state=${state}&code=the-code-4711`, state, codeVerifier: 'v'.repeat(43) }),
      (endpoint: TokenEndpoint) => refreshTokens({ ...endpoint, refreshToken: 'the-old-refresh-4711' }),
      clientCredentials,
    ];
    const type = fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/html', '');
    const statuses = fc.constantFrom(200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500);
    const answer = fc.record({ text: body, status: statuses, contentType: type, ask: fc.constantFrom(...requests), repaired: fc.boolean() });
    await fc.assert(fc.asyncProperty(answer, async ({ text, status, contentType, ask, repaired }) => {
      const http: HttpClient = {
        send: async ({ url }) => createResponse(new URL(url), { status, headers: contentType === '' ? {} : { 'content-type': contentType }, body: Buffer.alloc(0) }, text),
        close: async () => undefined,
      };
      const given: string[] = [];
      const endpoint: TokenEndpoint = {
        tokenEndpoint: 'https://crm.example.com/oauth/v2/token', clientId: '1_abc', clientSecret: 'client-secret-4711', http, connection: plain,
        repair: repaired ? repairTokenAnswer : undefined, protect: (secret) => { given.push(secret); },
      };
      try {
        const tokens = await ask(endpoint);
        taken += 1;
        expect(status).toBe(200);
        for (const token of [tokens.accessToken, tokens.refreshToken]) {
          if (token === undefined) continue;
          expect(token).toMatch(/^[\x21-\x7e]+$/);
          expect(given).toContain(token);
        }
        if (tokens.expiresAt !== undefined) expect(Number.isNaN(Date.parse(tokens.expiresAt))).toBe(false);
      } catch (error) {
        if (!isCredsetupError(error)) throw error;
        expect(error.code).not.toBe('UNEXPECTED');
        for (const secret of secrets) expect(allOf(error)).not.toContain(secret);
      }
    }), inputs(500));
    expect(taken).toBeGreaterThan(0);
  });
});
