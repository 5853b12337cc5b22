/** Ctrl-C between the answer with new tokens and their saving: the refresh token was spent for them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { mauticPassword, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { authorizeAs } from '../../src/practice/person.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { mauticServer, script } from './support.ts';

const port = 18990 + (process.pid % 200);

async function signedIn(mautic: PracticeMautic, client: MauticClient) {
  const one = script();
  const env = { ...one.env, CREDSETUP_CLIENT_SECRET: client.clientSecret };
  const child = spawn(process.execPath, [programPath, 'mautic', '--method', 'oauth2', '--url', mautic.url, '--client-id', client.clientId, '--callback-port', String(port), '--login-timeout', '25', '--name', 'crm'], { env: cleanEnvironment(env), stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  for await (const part of child.stderr.setEncoding('utf8')) {
    text += String(part);
    const address = /^http:\S+\/oauth\/v2\/authorize\?\S+\n/m.exec(text)?.[0].trim();
    if (address === undefined) continue;
    text = '';
    const { redirectedTo } = await authorizeAs(address, { username: 'contacts', password: mauticPassword });
    await fetch(redirectedTo ?? '');
  }
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
