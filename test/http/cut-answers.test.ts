/**
 * Every recorded answer that hands out a secret, or that can repeat one, cut at every byte: each is an
 * error of ours, and no six characters of the secret stand in it or in what `--debug` prints.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { HttpClient } from '../../src/context.ts';
import { isCredsetupError } from '../../src/errors.ts';
import { refreshTokens } from '../../src/oauth/tokens.ts';
import { apiOf } from '../../src/server/connection.ts';
import type { Api } from '../../src/services/api.ts';
import type { Owner, Session } from '../../src/services/provisioning.ts';
import { createToken } from '../../src/services/mattermost/create-token.ts';
import { repairTokenAnswer } from '../../src/services/mautic/token-answer.ts';
import { createN8nApi } from '../../src/services/n8n/api.ts';
import { requestsTo } from '../../src/services/n8n/requests.ts';
import { runInN8n } from '../../src/services/n8n/run.ts';
import { findMethod, findService } from '../../src/services/registry.ts';
import { Engine } from '../../src/stores/openbao/engine.ts';
import { allOf, expectNothingOf, makeClient, plain, serveBytes } from './harness.ts';

interface Recorded { readonly name: string; readonly response?: { readonly status: number; readonly body: unknown } }

function answersOf(file: string): ReadonlyMap<string, object> {
  const recorded = JSON.parse(readFileSync(new URL(`../wire/${file}.json`, import.meta.url), 'utf8')) as readonly Recorded[];
  return new Map(recorded.map(({ name, response }) => [name, Object(response?.body) as object]));
}

/** What hands a secret out, or repeats the one that it got. */
interface Handed {
  readonly name: string;
  readonly body: object;
  readonly secrets: readonly string[];
  readonly ask: (url: string, http: HttpClient) => Promise<unknown>;
  /** The request whose answer is cut; all, without it. The others get their own answers. */
  readonly cuts?: RegExp;
  readonly others?: readonly (readonly [RegExp, object])[];
}

const secretMember = /^(?:token|access_token|refresh_token)$/;
const secretsIn = (body: unknown): readonly string[] => Object.entries(Object(body) as object).flatMap(([name, value]: [string, unknown]) => (secretMember.test(name) && typeof value === 'string' && value.length >= 20 ? [value] : []));

const refresh: Handed['ask'] = (url, http) => refreshTokens({
  tokenEndpoint: `${url}/oauth/v2/token`, clientId: '1_abc', clientSecret: 'm7kq9wexr5tnb7yp4dhc9gfjmd', refreshToken: 'z1kq9wexr5tnb7yp4dhc9gfjmc', http, connection: plain, repair: repairTokenAnswer,
});
const makeToken: Handed['ask'] = (url, http) => {
  const [session, owner] = [{ authorization: 'Bearer x' }, { id: 'w5o8iq1x3jf6upmsr7ytkz9e4a' }] as unknown as [Session, Owner];
  return createToken(apiOf(url, http, plain), session, owner, { description: 'n8n', expiresAt: undefined }, () => undefined);
};

const membersOf = (body: object): string => Object.keys(body).join();

/** Of each file one answer with the same members is enough. */
function ofServices(): readonly Handed[] {
  const files = ['mattermost', 'mattermost-11', 'mattermost-11-expiry', 'mautic-5', 'mautic-7', 'mautic-forms-5', 'mautic-forms-7'];
  return files.flatMap((file) => {
    const handing = [...answersOf(file)].filter(([, body]) => secretsIn(body).length > 0);
    const different = handing.filter(([, body], at) => handing.findIndex(([, other]) => membersOf(other) === membersOf(body)) === at);
    return different.map(([name, body]) => ({ name: `${file} ${name}`, body, secrets: secretsIn(body), ask: file.startsWith('mautic') ? refresh : makeToken }));
  });
}

/** An n8n's answers hold no data of a credential; here they repeat it wherever they have room for words. */
function ofN8n(): readonly Handed[] {
  const [told, ran] = [answersOf('n8n'), answersOf('n8n-run')];
  const secret = 'q8zk3wexr5tnb7yp4dhc9gfjma';
  const key = 'n8n_api_f3kq9wexr5tnb7yp4dhc9gfjmb';
  const workflow = { ...ran.get('run-create'), id: 'aB3dE6gH9jK2mN5p' };
  const [[execution = {}] = []] = [(ran.get('run-mattermost-refused') as { data?: { data: { resultData: { error: object } } }[] }).data];
  const { error } = (execution as { data: { resultData: { error: object } } }).data.resultData;
  const repeated = { ...error, message: `refused ${secret}`, description: secret, messages: [secret], context: { request: { headers: { authorization: `Bearer ${secret}` } } } };
  const stored = { id: '6RcGsss9ROZ8p1Ax', name: 'chat', type: 'mattermostApi' };
  const api = (url: string, http: HttpClient): Api => apiOf(url, http, plain);
  const n8n = (url: string, http: HttpClient): ReturnType<typeof createN8nApi> => createN8nApi(api(url, http), key);
  const run: Handed['ask'] = (url, http) => {
    const requests = requestsTo(api(url, http), key);
    const kept = async (): Promise<void> => { await Promise.resolve(); };
    return runInN8n(stored, findMethod(findService('mattermost'), 'access-token').n8n.proof!, { service: 'Mattermost', url: 'https://chat.example.com', signsIn: false }, {
      requests, cleanUp: requests, notes: { begin: kept, made: kept, gone: kept }, mark: '0123456789ab', signal: new AbortController().signal, pause: kept,
    });
  };
  const secrets = [secret, key];
  return [
    { name: 'n8n create', body: { ...told.get('create'), data: { accessToken: secret, apiKey: key } }, secrets, ask: (url, http) => n8n(url, http).create({ name: 'chat', type: 'mattermostApi', data: { accessToken: secret } }) },
    { name: 'n8n change', body: { ...told.get('patch-data'), id: stored.id, data: { accessToken: secret, apiKey: key } }, secrets, ask: (url, http) => n8n(url, http).update(stored.id, { data: { accessToken: secret } }) },
    { name: 'n8n test', body: { ...told.get('test-refused'), message: `${secret} ${key}` }, secrets, ask: (url, http) => n8n(url, http).test(stored.id) },
    {
      name: 'n8n execution', body: { data: [{ ...execution, data: { resultData: { error: repeated } } }], nextCursor: key }, secrets, ask: run, cuts: /^GET \/api\/v1\/executions/,
      others: [[/^POST/, workflow], [/^DELETE/, workflow]],
    },
  ];
}

/** What an OpenBao keeps for a team, and what it signs in with. */
function ofOpenBao(): readonly Handed[] {
  const told = answersOf('openbao');
  const [token, secretId, kept] = ['s.f3kq9wexr5tnb7yp4dhc9gfjmb', '84896a0c-1347-aa90-a4f6-aca8b7558780', 'q8zk3wexr5tnb7yp4dhc9gfjma'];
  const read = told.get('read') as { data: object };
  const mount = told.get('mount')!;
  const signedIn = told.get('approle') as { auth: object };
  const engine = (url: string, http: HttpClient, env: Readonly<Record<string, string>>): Engine => new Engine({
    env: { BAO_ADDR: url, ...env }, tokenFile: undefined, protect: () => undefined, readFile: async () => '', http: async () => http,
  });
  return [
    {
      name: 'openbao read', body: { ...read, data: { ...read.data, data: { record: JSON.stringify({ version: 1, secrets: { token: kept } }) } } }, secrets: [kept, token],
      ask: (url, http) => engine(url, http, { BAO_TOKEN: token }).read('chat'), cuts: /^GET \/v1\/secret\/data/, others: [[/mounts/, mount]],
    },
    {
      name: 'openbao approle', body: { ...signedIn, auth: { ...signedIn.auth, client_token: token, accessor: secretId } }, secrets: [token, secretId], cuts: /^POST \/v1\/auth\/approle\/login/,
      ask: (url, http) => engine(url, http, { CREDSETUP_VAULT_ROLE_ID: '5f6c4d3a-3b0e-4f0c-9a54-3d1b8f6f2c11', CREDSETUP_VAULT_SECRET_ID: secretId }).check(), others: [[/mounts/, mount]],
    },
  ];
}

const handed = [...ofServices(), ...ofN8n(), ...ofOpenBao()];

it('are all of them', () => {
  expect(handed.length).toBeGreaterThanOrEqual(17);
  for (const { name, secrets, body } of handed) for (const secret of secrets.slice(0, 1)) expect(JSON.stringify(body), name).toContain(secret);
});

it.each(handed.map((one) => [one.name, one] as const))('cut anywhere, %s shows no six characters of a secret', async (_name, { body, secrets, ask, cuts, others = [] }) => {
  const every = (process.env['CREDSETUP_TEST_INPUTS'] ?? '') === '' ? 61 : 1;
  const text = JSON.stringify(body);
  let [cut, told, tried, reached] = [0, 0, 0, 0];
  const server = await serveBytes((socket) => socket.once('data', (data) => {
    const request = data.toString('latin1');
    const whole = cuts === undefined || cuts.test(request) ? undefined : others.find(([pattern]) => pattern.test(request))?.[1];
    if (whole === undefined) reached += 1;
    const sent = whole === undefined ? text.slice(0, cut) : JSON.stringify(whole);
    const length = whole === undefined ? told : Buffer.byteLength(sent);
    socket.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n${sent}`);
  }));
  const client = makeClient();
  for (cut = secrets.length % every; cut < text.length; cut += every) {
    // As a whole answer that is cut, and as one that announces more than comes.
    for (told of [cut, text.length]) {
      tried += 1;
      const error = await ask(`http://127.0.0.1:${server.port}`, client).then(() => undefined, (reason: unknown) => reason);
      expect(isCredsetupError(error), `at ${cut} of ${told}: ${String(error)}`).toBe(true);
      if (isCredsetupError(error)) expectNothingOf(allOf(error), secrets, `cut at ${cut}`);
    }
  }
  expectNothingOf(client.lines.join('\n'), secrets, 'what --debug prints');
  expect(reached).toBeGreaterThanOrEqual(tried);
  if (every === 1) console.log(`${tried} requests`);
}, 600_000);
