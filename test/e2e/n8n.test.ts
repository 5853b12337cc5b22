/** The wizard for an n8n, on a real terminal. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { n8nApiKey, startN8n, type PracticeN8n } from '../../src/practice/n8n.ts';
import { identity } from '../commands/support.ts';
import { has } from '../tools.ts';
import { answer, answerSecret, atTheEnd, expectUnseen, folder, wizard } from './support.ts';

async function n8n(): Promise<PracticeN8n> {
  const server = await startN8n();
  atTheEnd(() => server.close());
  return server;
}

describe.skipIf(!has('terminal'))('The n8n wizard', () => {
  it('waits for an n8n that starts, shows the way to a key in n8n\'s words, and says how to push', async () => {
    const server = await n8n();
    server.state.mode = 'starting-api';
    const { session, left } = wizard(['n8n'], { env: { CREDSETUP_HOME: join(folder(), 'data'), CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity } });
    await answer(session, 'n8n address', `${server.url}/home/workflows`);
    await session.waitFor('n8n is starting');
    server.state.mode = 'running';
    await session.waitFor(`✔ n8n answers at ${server.url}`);
    await session.waitFor('Settings > n8n API > Create API key');
    await session.waitFor('under "Custom": credential:create');
    await session.waitFor('Enter: I have it, go on');
    session.press('enter');
    await answerSecret(session, 'API key', n8nApiKey);
    await session.waitFor('✔ create  ✔ read  ✔ update  ✔ delete  ✔ list  ✔ run');
    await answer(session, 'Save as', 'work');
    await session.waitFor('Put a credential there with: credsetup push work NAME');
    await left(0);
    expectUnseen(session, n8nApiKey);
    expect([server.state.credentials, server.state.workflows]).toEqual([[], []]);
  });
});
