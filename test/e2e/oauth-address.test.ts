/** The address pasted from another machine, and the redirect server while the wizard waits. */
import { createConnection, type Socket } from 'node:net';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mauticPassword, startMautic, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import { authorizeAs } from '../../src/practice/person.ts';
import { folder } from '../commands/support.ts';
import { after } from '../http/harness.ts';
import { unusedPort } from '../ports.ts';
import { has } from '../tools.ts';
import { atSignIn, browse, expectClosed, signInArgs, Wizard } from './oauth-support.ts';

const account = 'Is that the account that n8n should use?';

async function mautic(options: MauticOptions = {}): Promise<PracticeMautic> {
  const server = await startMautic(options);
  after(() => server.close());
  return server;
}

/** What the browser on another machine ends at: nobody listens there. */
async function endsAt(address: string): Promise<string> {
  const visit = await authorizeAs(address, { username: 'contacts', password: mauticPassword });
  return visit.redirectedTo!;
}

async function paste(wizard: Wizard, address: string): Promise<void> {
  await wizard.press('waiting for the browser', 'enter');
  await wizard.choose('What does the browser show?', 'A page that cannot be reached');
  await wizard.answer('Address of that page', address);
}

describe.skipIf(!has('terminal'))('An address pasted from another machine', () => {
  it('is checked, each fault is told, and the wait goes on until the right one comes, with line ends in it', async () => {
    const { wizard, port } = await atSignIn(await mautic(), { args: ['--no-browser'] });
    const url = await wizard.printed();
    const state = new URL(url).searchParams.get('state')!;
    const right = await endsAt(url);
    await paste(wizard, right.slice(0, right.indexOf('&code')));
    await wizard.sees('The address is not whole');
    await paste(wizard, right.replace(state, 'x'.repeat(state.length)));
    await wizard.sees('This address comes from another sign-in');
    await paste(wizard, right.replace(`127.0.0.1:${port}`, 'crm.example.com'));
    await wizard.sees('This is an address of crm.example.com');
    await wizard.sees('(INPUT_INVALID)', 3);
    await paste(wizard, right.replace('&code', '\n  &code').replace('callback', 'call\nback'));
    await wizard.sees(`Signed in as contacts. ${account}`);
    // The code is in no line of the terminal.
    expect(wizard.session.raw).not.toContain(new URL(right).searchParams.get('code')!);
  });

  it.each(['access_denied', 'server_error'])('that carries error=%s ends that sign-in, and the next one works', async (error) => {
    const { wizard, port } = await atSignIn(await mautic(), { display: false });
    const state = new URL(await wizard.printed()).searchParams.get('state')!;
    await paste(wizard, `http://127.0.0.1:${port}/callback?error=${error}&state=${state}`);
    await wizard.sees(error === 'access_denied' ? '(AUTHORIZATION_DENIED)' : '(SERVER_ERROR)');
    await wizard.choose('What now?', 'Sign in once more');
    await paste(wizard, await endsAt(await wizard.printed(2)));
    await wizard.sees(account);
  });

  it('that comes too late starts the sign-in again by itself', async () => {
    let clock = Date.now();
    const { wizard } = await atSignIn(await mautic({ now: () => clock }), { args: ['--no-browser'] });
    await wizard.sees('within 30 seconds');
    const late = await endsAt(await wizard.printed());
    clock += 31_000;
    await paste(wizard, late);
    await wizard.sees('The code came too late');
    const again = await endsAt(await wizard.printed(2));
    clock += 29_000;
    await paste(wizard, again);
    await wizard.sees(account);
  });

  it('is asked for at once in the container image, and what is no address of this sign-in leads to the list of what else there may be', async () => {
    const { wizard } = await atSignIn(await mautic(), { display: false, env: { CREDSETUP_CONTAINER: '1' }, at: 'Address of that page' });
    await wizard.sees('it is this container that listens there');
    const right = await endsAt(await wizard.printed());
    await wizard.answer('Address of that page', right.replace(/state=./, 'state='));
    await wizard.sees('This address comes from another sign-in');
    await paste(wizard, right);
    await wizard.sees(account);
    expect(wizard.session.screen()).not.toContain('ssh -L');
  });

  it('comes with the address to open where the desktop\'s own opener fails, which says so by its exit code alone', async () => {
    const desktop = folder();
    for (const name of ['xdg-open', 'gio', 'x-www-browser']) writeFileSync(join(desktop, name), '#!/bin/sh\nexit 4\n', { mode: 0o755 });
    const { wizard } = await atSignIn(await mautic(), { env: { BROWSER: 'not-installed', PATH: `${desktop}:/usr/bin:/bin` } });
    await wizard.sees('No browser could be opened here.');
    expect(wizard.session.screen()).not.toContain('Your browser opens');
    await wizard.press('open it again', 'o');
    await wizard.sees('No browser could be opened here. The address: http://127.0.0.1:');
    await paste(wizard, await endsAt(await wizard.printed()));
    await wizard.sees(account);
  });

  it('over SSH comes with the line that leads the port there', async () => {
    const { wizard, port } = await atSignIn(await mautic(), { display: false, env: { SSH_CONNECTION: '10.0.0.1 2 10.0.0.2 22', USER: 'ada' } });
    await wizard.sees(`ssh -L ${port}:127.0.0.1:${port} ada@this-host`);
    // With the port led there, the browser's own callback arrives, and no cookie is asked for.
    expect((await fetch(await endsAt(await wizard.printed()))).ok).toBe(true);
    await wizard.sees(account);
  });
});

describe.skipIf(!has('terminal'))('While the wizard waits', () => {
  it('a flood of wrong callbacks ends nothing, and the right one comes through', async () => {
    const { wizard, port } = await atSignIn(await mautic());
    const startUrl = await wizard.opened();
    const wrong = ['callback?error=access_denied', 'callback?state=x&code=y', 'callback', 'other', 'start/x'];
    for (let wave = 0; wave < 5; wave += 1) {
      // More at once than the server keeps open would be cut off.
      const statuses = await Promise.all(Array.from({ length: 40 }, async (_, index) => (await fetch(`http://127.0.0.1:${port}/${wrong[index % wrong.length]!}`)).status));
      expect(statuses.every((status) => status >= 400 && status < 500)).toBe(true);
    }
    expect((await browse(startUrl)).callback?.ok).toBe(true);
    await wizard.sees(account);
  });

  it('connections that a browser keeps ready hold up neither the sign-in nor the end', async () => {
    const { wizard, port } = await atSignIn(await mautic());
    const ready = await Promise.all(Array.from({ length: 6 }, () => connected(port)));
    await browse(await wizard.opened());
    await wizard.sees(account);
    wizard.session.press('ctrl-c');
    expect(await wizard.ends()).toBe(130);
    await expectClosed(port);
    for (const socket of ready) if (!socket.closed) await once(socket, 'close');
  });

  it('a port that is in use is told with the option that changes it, and can be tried again', async () => {
    const server = await mautic();
    const port = await unusedPort();
    const other = createServer();
    await new Promise<void>((resolve) => { other.listen(port, '127.0.0.1', resolve); });
    const client = server.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`] });
    const wizard = new Wizard(signInArgs(server, client, port), { env: { CREDSETUP_CLIENT_SECRET: client.clientSecret } });
    await wizard.sees(/\(PORT_IN_USE\)\s+.*--callback-port/);
    await wizard.sees('? What now?');
    await new Promise((resolve) => { other.close(resolve); });
    await wizard.choose('What now?', 'Try again');
    expect((await browse(await wizard.opened())).callback?.ok).toBe(true);
    await wizard.sees(account);
  });

  it('the end of the time is a question', async () => {
    const { wizard } = await atSignIn(await mautic(), { args: ['--login-timeout', '1'] });
    await wizard.sees('(AUTHORIZATION_TIMEOUT)');
    await wizard.choose('What now?', 'Keep waiting');
    await wizard.opened();
    await wizard.sees('(AUTHORIZATION_TIMEOUT)', 2);
    await wizard.choose('What now?', 'Stop');
    expect(await wizard.ends()).toBe(14);
  });
});

async function connected(port: number): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port });
  socket.on('error', () => socket.destroy());
  after(() => { socket.destroy(); });
  await once(socket, 'connect');
  return socket;
}
