/** The exact requests of each flow: none is made twice, and none is made that a flow does not need. */
import { describe, expect, it } from 'vitest';
import { n8nApiKey, startN8n } from '../../src/practice/n8n.ts';
import type { PracticeServer } from '../../src/practice/server.ts';
import { made } from './made-token.ts';
import { storeOAuth2 } from './oauth.ts';
import { atTheEnd, mattermostServer, mauticServer, script, storeMattermost, storeMautic } from './support.ts';

type Log = Pick<PracticeServer, 'log'>;

/**
 * What was sent since it was last asked, `+` before what carries a secret. Sorted, for some go
 * together. What a browser asks is a person's. Fails for two that are the same to the last byte.
 */
function sent(...servers: readonly Log[]): readonly string[] {
  return sentWith(0, ...servers);
}

/** `repeated`: so many are the same as another, for a reason that stands there. */
function sentWith(repeated: number, ...servers: readonly Log[]): readonly string[] {
  const requests = servers.flatMap(({ log }) => log.splice(0)).filter(({ path }) => !path.startsWith('/oauth/v2/authorize'));
  const whole = requests.map(({ method, path, headers, body }) => JSON.stringify([method, path, headers.authorization, headers['x-n8n-api-key'], body]));
  expect(whole.filter((one, index) => whole.indexOf(one) !== index)).toHaveLength(repeated);
  return requests.map(({ method, path, headers, body }) => {
    const secret = headers.authorization !== undefined || headers['x-n8n-api-key'] !== undefined || /client_secret|password/.test(body);
    return `${secret ? '+' : ''}${method} ${path.replace(/[A-Za-z0-9]{16,}(?=[/?]|$)/g, 'ID')}`;
  }).sort();
}

const ofMattermost = ['+GET /api/v4/users/me', '+GET /api/v4/users/me/sessions', '+GET /api/v4/users/me/teams', '+GET /api/v4/users?per_page=1'];
const lists = ['campaigns', 'companies', 'contacts', 'hooks', 'segments'].map((one) => `+GET /api/${one}?limit=1`);
const ofMautic = [...lists, '+GET /api/users/self'];
/** Asked without a secret, and with one that is nobody's: whether the API is on, and the way in that was chosen. */
const probed = ['+GET /api/users/self', 'GET /api/users/self'];
const anonymous = 'GET /api/v1/credentials/schema/httpBasicAuth';
const scopes = [
  '+DELETE /api/v1/credentials/none', '+DELETE /api/v1/workflows/none', '+GET /api/v1/credentials/none', `+${anonymous}`,
  '+GET /api/v1/credentials?limit=1', '+GET /api/v1/executions?limit=1', '+PATCH /api/v1/credentials/none', '+POST /api/v1/credentials',
  '+POST /api/v1/workflows', '+POST /api/v1/workflows/none/activate', '+POST /api/v1/workflows/none/deactivate',
];
const sorted = (...lines: readonly (string | readonly string[])[]): readonly string[] => lines.flat().sort();
/** n8n's own test asks the service. */
const byN8n = '+GET /api/v4/users';

describe('each request is made once', () => {
  it('by a Mattermost token: set up, got, tested, pushed, pushed again and looked at', async () => {
    const [one, chat, n8n] = [script(), await mattermostServer({ tokensEnabled: true }), await startN8n()];
    atTheEnd(() => n8n.close());
    await storeMattermost(one, chat);
    expect(sent(chat)).toEqual(sorted(ofMattermost, 'GET /api/v4/config/client?format=old', 'GET /api/v4/system/ping'));
    expect((await one.run(['n8n', '--url', n8n.url, '--name', 'flow'], { env: { CREDSETUP_API_KEY: n8nApiKey } })).exitCode).toBe(0);
    expect(sent(n8n)).toEqual(sorted(scopes, anonymous));
    const [schema, test] = ['+GET /api/v1/credentials/schema/mattermostApi', '+POST /api/v1/credentials/ID/test'];
    const over = ['+GET /api/v1/credentials/none', '+PATCH /api/v1/credentials/none', '+POST /api/v1/credentials'];
    for (const [args, requests] of [
      [['get', 'chat'], []], [['list'], []], [['show', 'chat'], []], [['exec', 'chat', '--', 'true'], []],
      [['test', 'chat'], ofMattermost], [['test', 'flow'], scopes],
      [['push', 'flow', 'chat'], [byN8n, schema, '+POST /api/v1/credentials', test]],
      // Its scopes, and by other bodies what this n8n can: written whole it would lose what a person put there.
      [['push', 'flow', 'chat', '--replace'], [byN8n, schema, ...over, '+PATCH /api/v1/credentials/none', '+POST /api/v1/credentials', '+GET /api/v1/credentials/ID', '+PATCH /api/v1/credentials/ID', test]],
      [['test', 'chat', '--in-n8n'], [...ofMattermost, byN8n, test]],
    ] as const) {
      expect((await one.run(args, { reveals: true })).exitCode, args.join(' ')).toBe(0);
      expect([args, sent(chat, n8n)]).toEqual([args, sorted(requests)]);
    }
  });

  it('by each way into Mautic: set up, got, tested, refreshed and pushed', async () => {
    const [one, crm, n8n] = [script(), await mauticServer({ version: '7.0.0', apiEnabled: true, basicEnabled: true }), await startN8n()];
    atTheEnd(() => n8n.close());
    await storeMautic(one, crm, 'basic');
    expect(sent(crm)).toEqual(sorted(probed, '+GET /api/users/self', ofMautic));
    const { clientId, clientSecret } = crm.makeClient({ redirectUris: ['http://127.0.0.1:18265/callback'], owner: 'admin' });
    const job = ['mautic', '--method', 'oauth2', '--grant', 'client-credentials', '--url', crm.url, '--client-id', clientId, '--name', 'job'];
    expect((await one.run(job, { env: { CREDSETUP_CLIENT_SECRET: clientSecret } })).exitCode).toBe(0);
    // Whose role the client has is asked before the token is validated: each is a question of its own, with the same words.
    expect(sentWith(1, crm)).toEqual(sorted(probed, '+POST /oauth/v2/token', '+GET /api/users/self', '+GET /api/users/self'));
    await storeOAuth2(one, crm, { name: 'signed-in' });
    // The client, and whether it signs in for itself, before somebody is sent to the browser; then the code.
    const token = '+POST /oauth/v2/token';
    expect(sent(crm)).toEqual(sorted(probed, ofMautic, token, token, token));
    await one.run(['n8n', '--url', n8n.url, '--name', 'flow'], { env: { CREDSETUP_API_KEY: n8nApiKey } });
    sent(n8n);
    for (const [args, requests] of [
      [['get', 'signed-in'], []], [['get', 'job'], []], [['exec', 'signed-in', '--', 'true'], []],
      [['test', 'basic'], ofMautic], [['test', 'signed-in'], ofMautic], [['test', 'job'], ['+GET /api/users/self']],
      [['refresh', 'signed-in'], ['+POST /oauth/v2/token']], [['refresh', 'job'], ['+POST /oauth/v2/token']],
      [['push', 'flow', 'signed-in'], ['+GET /api/v1/credentials/schema/mauticOAuth2Api', '+POST /api/v1/credentials', '+POST /api/v1/credentials/ID/test', 'GET /rest/settings']],
    ] as const) {
      expect((await one.run(args, { reveals: true })).exitCode, args.join(' ')).toBe(0);
      expect([args, sent(crm, n8n)]).toEqual([args, sorted(requests)]);
    }
  });

  it('by a token that is made, rotated and ended at the service', async () => {
    const { one, server } = await made();
    expect(sent(server)).toEqual(sorted(
      ofMattermost, 'GET /api/v4/config/client?format=old', '+GET /api/v4/config/client?format=old', 'GET /api/v4/system/ping',
      '+POST /api/v4/users/login', '+POST /api/v4/users/ID/tokens', '+POST /api/v4/users/logout',
    ));
    expect((await one.run(['rotate', 'chat'])).exitCode).toBe(0);
    const listed = '+GET /api/v4/users/ID/tokens?page=0&per_page=200';
    // Whose token it is, and whose the new one; all are listed once, for the old one's end and what a cut-off run left.
    expect(sent(server)).toEqual(sorted(ofMattermost, '+GET /api/v4/users/me', listed, '+POST /api/v4/users/ID/tokens', '+POST /api/v4/users/tokens/revoke'));
    expect((await one.run(['remove', 'chat', '--revoke', '--yes'])).exitCode).toBe(0);
    expect(sent(server)).toEqual(sorted('+GET /api/v4/users/me', '+POST /api/v4/users/tokens/revoke'));
  });
});
