/** Ctrl-C between the answer with new tokens and their saving: the refresh token was spent for them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import type { MauticClient, PracticeMautic } from '../../src/practice/mautic.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { runWithSignIn } from './oauth.ts';
import { mauticServer, script } from './support.ts';
import { unusedPort } from '../ports.ts';

const port = await unusedPort();

async function signedIn(mautic: PracticeMautic, client: MauticClient) {
  const one = script();
  const args = ['mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', client.clientId, '--callback-port', String(port), '--name', 'crm'];
  await runWithSignIn(one, args, { CREDSETUP_CLIENT_SECRET: client.clientSecret });
  return one;
}

it('keeps the new refresh token when Ctrl-C comes while the server answers, and ends with 130 after that', async () => {
  const mautic = await mauticServer();
  const client = mautic.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' });
  const { run, env } = await signedIn(mautic, client);

  const refreshing = spawn(process.execPath, [programPath, 'refresh', 'crm'], { env: cleanEnvironment(env), stdio: 'ignore' });
  mautic.intercept = async (request, answer) => {
    const reply = await answer();
    if (!request.body.includes('grant_type=refresh_token')) return reply;
    // The old token is spent from here on.
    refreshing.kill('SIGINT');
    await new Promise((resolve) => { setImmediate(resolve); });
    return reply;
  };
  const [exitCode] = await once(refreshing, 'close') as [number];
  mautic.intercept = undefined;
  expect(exitCode).toBe(130);
  expect((await run(['refresh', 'crm'])).exitCode).toBe(0);
});
