import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpResponse } from '../../src/context.ts';
import { CredsetupError } from '../../src/errors.ts';
import { withoutMarks } from '../../src/foreign.ts';
import { limitsFor } from '../../src/http/exchange.ts';
import { throwForStatus } from '../../src/http/status.ts';
import { allOf, failureOf, makeClient, plain, serve, type TestClient } from './harness.ts';
import { unusedPort } from '../ports.ts';

const secret = 'token-that-must-not-leak';

/** One answer with this status, type and body. */
async function answered(body: string, { status = 200, type = 'application/json', headers = {} }: { status?: number; type?: string; headers?: Record<string, string | string[]> } = {}): Promise<{ response: HttpResponse; client: TestClient }> {
  const server = await serve((_request, response) => response.writeHead(status, { 'content-type': type, ...headers }).end(body));
  const client = makeClient();
  return { client, response: await client.send({ method: 'GET', url: `${server.url}/api/v4/users?token=${secret}&page=1`, headers: { authorization: `Bearer ${secret}` } }, plain) };
}

function thrownBy(action: () => unknown): CredsetupError {
  try {
    action();
  } catch (error) {
    // As the sink shows it: whose words are whose is marked for it alone.
    if (error instanceof CredsetupError) {
      return new CredsetupError(error.code, withoutMarks(error.message), { ...error.details, hint: withoutMarks(error.hint) });
    }
  }
  return expect.fail('it should have thrown a CredsetupError');
}

describe('the limits', () => {
  it('grow with --timeout, wherever a hint names it', () => {
    expect(limitsFor(30)).toEqual({ connectMs: 10_000, headersMs: 30_000, bodyMs: 15_000, totalMs: 30_000, responseBytes: 5_242_880 });
    expect(limitsFor(120)).toMatchObject({ connectMs: 40_000, headersMs: 120_000, bodyMs: 60_000, totalMs: 120_000 });
    expect(limitsFor(5)).toMatchObject({ connectMs: 10_000, totalMs: 5000 });
  });
});

describe('a request', () => {
  it('sends JSON, a form, or nothing, with the path and query as given', async () => {
    const server = await serve();
    const client = makeClient();
    await client.send({ method: 'POST', url: `${server.url}/a%20b/c?d=e%26f#fragment`, json: { grüße: 'ä' } }, plain);
    await client.send({ method: 'PUT', url: server.url, form: { a: 'b c', 'd&': 'ä=' } }, plain);
    await client.send({ method: 'DELETE', url: server.url, headers: { Accept: 'text/plain', 'User-Agent': 'else' } }, plain);
    expect(server.bodies).toEqual(['{"grüße":"ä"}', 'a=b+c&d%26=%C3%A4%3D', '']);
    expect(server.requests.map(({ method, url, headers }) => [method, url, headers['content-type'], headers.accept, headers['user-agent']])).toEqual([
      ['POST', '/a%20b/c?d=e%26f', 'application/json', '*/*', 'credsetup'],
      ['PUT', '/', 'application/x-www-form-urlencoded', '*/*', 'credsetup'],
      ['DELETE', '/', undefined, 'text/plain', 'else'],
    ]);
  });

  it.each([301, 302, 303, 307, 308])('never follows a redirect: %i is an answer', async (status) => {
    const elsewhere = await serve();
    const { response } = await answered('', { status, headers: { location: `${elsewhere.url}/else` } });
    expect(response.status).toBe(status);
    expect(response.header('Location')).toBe(`${elsewhere.url}/else`);
    expect(elsewhere.requests).toHaveLength(0);
  });

  it.each([200, 204, 400, 401, 403, 404, 429, 500, 503])('makes no error of the status %i', async (status) => {
    expect((await answered('{}', { status })).response.status).toBe(status);
  });
});

describe('headers of an answer', () => {
  it('are found whatever their case, several as one, cookies by lines, and undefined when absent', async () => {
    const { response } = await answered('{}', { headers: { 'X-Version-Id': '9.5', 'x-many': ['a', 'b'], 'set-cookie': ['a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT', 'b=2'] } });
    expect(response.header('x-VERSION-id')).toBe('9.5');
    expect(response.header('x-many')).toBe('a, b');
    expect(response.header('set-cookie')?.split('\n')).toHaveLength(2);
    expect(response.header('token')).toBeUndefined();
  });
});

describe('json()', () => {
  it.each([
    ['', 'empty'], ['{"token":"abc', 'cut short'], ['[1,2', 'cut short'], ['<!DOCTYPE html><title>Sign in</title>', 'a web page'], ['token-that-must-not-leak', 'not'], ['{"a":1}}', 'not'],
  ])('says what is wrong with %j, with type and length, without repeating it', async (body, words) => {
    const { response } = await answered(body, { type: 'text/html; charset=utf-8' });
    const error = thrownBy(() => response.json());
    expect(error.code).toBe('RESPONSE_INVALID');
    expect(error.message).toContain(`is ${words} (status 200, text/html; charset=utf-8, ${body.length} characters)`);
    expect(error.hint.includes('A web page came')).toBe(words === 'a web page');
    expect(error.hint).toContain('n8n');
    if (body.length > 3) expect(allOf(error)).not.toContain(body.slice(0, 8));
  });

  it('gives back any JSON value, a byte order mark before it or not', async () => {
    const server = await serve((request, response) => response.end(Buffer.from(request.headers['x-body'] as string, 'base64')));
    const client = makeClient();
    await fc.assert(fc.asyncProperty(fc.jsonValue(), fc.boolean(), async (value, mark) => {
      const body = `${mark ? '\ufeff' : ''}${JSON.stringify(value)}`;
      const response = await client.send({ method: 'GET', url: server.url, headers: { 'x-body': Buffer.from(body).toString('base64') } }, plain);
      expect(response.json()).toEqual(JSON.parse(JSON.stringify(value)));
    }), { numRuns: 50 });
  });
});

describe('statuses that mean later', () => {
  it.each([
    ['120', 'Retry-After: in 120 s', 'Try again in 120 s'], ['Wed, 21 Oct 2099 07:28:00 GMT', 'Retry-After: after 2099-10-21T07:28:00.000Z', 'after 2099'], ['soon\u0007', '(429)', 'in a few minutes'],
  ])('name the Retry-After %j of a 429', async (value, message, hint) => {
    const response: HttpResponse = { url: 'https://service.test/', status: 429, text: '', header: () => value, json: () => undefined };
    const error = thrownBy(() => throwForStatus(response));
    expect(error.code).toBe('RATE_LIMITED');
    expect(error.message).toContain('service.test:443');
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it.each([[500, 'Internal Server Error'], [502, 'Bad Gateway'], [503, 'Unavailable'], [504, 'Gateway Timeout'], [599, 'status 599']])('name what %i is', async (status, words) => {
    const error = thrownBy(() => throwForStatus({ url: 'http://127.0.0.1:8065/', status, text: '', header: () => undefined, json: () => undefined }));
    expect(error.code).toBe('SERVER_ERROR');
    expect(error.message).toContain(words);
    expect(error.message).toContain('127.0.0.1:8065');
  });

  it('are these alone', () => {
    for (const status of [200, 204, 301, 400, 401, 403, 404, 418]) {
      expect(() => throwForStatus({ url: 'https://service.test/', status, text: '', header: () => undefined, json: () => undefined })).not.toThrow();
    }
  });
});

describe('the debug log', () => {
  it('shows the shape of an answer, never its contents or a value of the query', async () => {
    const body = JSON.stringify({ id: 'u1', token: secret, [`${secret} `]: 1, nested: { hidden: 1 } });
    const { client } = await answered(body, { headers: { token: secret } });
    expect(client.lines).toHaveLength(1);
    expect(client.lines[0]).toMatch(new RegExp(`^GET http://127\\.0\\.0\\.1:\\d+/api/v4/users\\?token&page: 200, application/json, ${body.length} bytes, members id token \\? nested, \\d+ ms$`));
  });

  it.each([
    ['Mattermost', { id: 'api.context.session_expired.app_error', message: secret, status_code: 401 }, 'error api.context.session_expired.app_error'],
    ['OAuth', { error: 'invalid_grant', error_description: secret }, 'error invalid_grant'],
    ['Mautic', { errors: [{ message: secret, code: 401, type: 'access_denied' }] }, 'error access_denied, error 401'],
  ])('names the error of %s', async (_service, body, words) => {
    const { client } = await answered(JSON.stringify(body), { status: 401 });
    expect(client.lines[0]).toContain(words);
    expect(client.lines[0]).not.toContain(secret);
  });

  it('shows a list by its length and first member', async () => {
    const { client } = await answered('[{"id":"a"},{"id":"b"}]');
    expect(client.lines[0]).toContain('members [2] id');
  });

  it('has one line for a failure too, with its codes', async () => {
    const client = makeClient();
    await failureOf(client.send({ method: 'POST', url: `http://127.0.0.1:${await unusedPort()}/login?code=${secret}`, json: { password: secret } }, plain));
    expect(client.lines).toHaveLength(1);
    expect(client.lines[0]).toMatch(/^POST http:\/\/127\.0\.0\.1:\d+\/login\?code: CONNECTION_REFUSED ECONNREFUSED, \d+ ms$/);
  });

  it('never holds a part of any body', async () => {
    const server = await serve((request, response) => response.setHeader('content-type', 'application/json').writeHead(Number(request.headers['x-status'])).end(Buffer.from(request.headers['x-body'] as string, 'base64')));
    const client = makeClient();
    const hidden = fc.constantFrom(secret, `${secret} and more`);
    const record = fc.record({ token: hidden, list: fc.array(hidden), error_description: hidden });
    await fc.assert(fc.asyncProperty(record, fc.constantFrom(200, 401, 500), async (value, status) => {
      await client.send({ method: 'GET', url: server.url, headers: { 'x-status': String(status), 'x-body': Buffer.from(JSON.stringify(value)).toString('base64') } }, plain);
      expect(client.lines.join()).not.toContain(secret);
    }), { numRuns: 30 });
  });
});
