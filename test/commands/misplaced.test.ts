/** Secrets that were given where none belongs: repeated nowhere, and the slip is told. */
import { describe, expect, it } from 'vitest';
import { secretLookalike } from '../../src/services/misplaced-secret.ts';
import { errorOf, identity, mattermostServer, script, storeMattermost } from './support.ts';

const token = 'q8zk3wexr5tnb7yp4dhc9gfjma';
const key = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIiwiaXNzIjoibjhuIn0.c2lnbmF0dXJlLW9mLWl0';
const clientSecret = '4k2j1h5g6f7d8s9a0q1w2e3r4t5y6u7i8o9p0z1x2c3v4b5n6m';

describe('a secret in the place of something else', () => {
  it.each([
    ['mattermost --url', token], ['mattermost --name', token], ['mattermost --username', token], ['mattermost --ca-file', token], ['mattermost --description', token],
    ['mattermost --proxy', token], ['get', token], ['rename chat', token], ['mattermost --url', `https://${token}/`], ['mattermost --url', identity], ['mautic --username', clientSecret],
    ['n8n --url', key], ['push n8n chat --into', key], ['mautic --n8n-callback-url', key], ['push', key], ['mattermost --output', 's.CAESIJlWh7pxo1d1Vj2kq9T3'],
  ])('%s is refused before anything, and not repeated', async (line, secret) => {
    const done = await script().run([...line.split(' '), secret, '--json', '--debug'], { secrets: [secret.replace(/^https:\/\/|\/$/g, '')] });
    const { code, message, hint } = errorOf(done);
    expect([code, message]).toEqual(['INPUT_INVALID', expect.stringContaining('looks like a secret')]);
    expect(hint).toContain('make a new one');
  });

  it.each([[token], ['mattermost', token], ['mattermost', '--token', token], ['mattermost', `--token=${token}`], ['mattermost', '--store', token], ['completion', token], ['export', '--format', key], ['list', '--', identity]])(
    '%j is not repeated where the line cannot be read', async (...line) => {
      expect((await script().run(line, { secrets: [token, key, identity] })).exitCode).toBe(2);
    });

  it.each(['qzkgwexrptnbcyptdhcggfjmha', 'qzkgwexreetnbcyp4dhacgafja'])('is told although it has hardly a digit: %s', async (secret) => {
    const done = await script().run(['mattermost', '--name', secret, '--json'], { secrets: [secret] });
    expect(errorOf(done)).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('looks like a secret') as string });
  });

  it('in a variable is told by the variable', async () => {
    const done = await script().run(['mattermost', '--json'], { env: { CREDSETUP_URL: token, CREDSETUP_TOKEN: 'x5tnb7yp4dhc9gfjmaq8zk3wer' }, secrets: [token] });
    expect(errorOf(done)).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(/^CREDSETUP_URL: .*looks like a secret/) as string });
  });

  it('in place of the Token ID is found before anything is ended', async () => {
    const server = await mattermostServer();
    const one = script();
    const stored = await storeMattermost(one, server);
    server.state.tokens.find((one) => one.token === stored)!.description = 'n8n';
    server.allowTokens('maker');
    for (const [given, says] of [[stored, /no token with this Token ID/], [`${stored}x`, /This is no Token ID/], ['../../x', /This is no Token ID/]] as const) {
      const done = await one.run(['remove', 'chat', '--revoke', '--yes', '--token-id', given, '--json'], { secrets: [stored] });
      expect(done.json()).toMatchObject({ results: [{ status: 'failed', error: { code: 'INPUT_INVALID', message: expect.stringMatching(says) as string } }] });
    }
    expect(server.log.filter(({ path }) => path.endsWith('/revoke'))).toEqual([]);
    const id = server.state.tokens.find((one) => one.token === stored)!.id;
    // As it is copied from the page.
    expect((await one.run(['remove', 'chat', '--revoke', '--yes', '--token-id', `Token ID: "${id}" `])).exitCode).toBe(0);
    expect(server.state.tokens).toEqual([]);
  });
});

describe('what only resembles a secret', () => {
  it.each([
    'chat', 'https://chat.example.com', 'mattermost-chat.example.com', 'abcdefghijklmnopqrstuvwxyz', 'mattermostproductionserver', 'mattermostserverproduction1',
    'https://chat.example.com/team/pl/q8zk3wexr5tnb7yp4dhc9gfjma', '01234567-89ab-cdef-0123-456789abcdef', 'n8n integration of the year 2026, made by the CRM team 7', '127.0.0.1:8065',
    '/home/ada/certificates/2026/authority-of-the-company-number-7.pem', '2026', 's.example.com', 'a'.repeat(60),
  ])('%j is none', (text) => expect(secretLookalike(text)).toBeUndefined());

  it('is looked at in no time, however long it is', () => {
    expect(secretLookalike('1a'.repeat(500_000))).toBeUndefined();
  });
});
