/** A step asks to have a value ready. What is pasted there is that value, and none of its letters is a key. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mauticPassword, startMautic } from '../../src/practice/mautic.ts';
import { n8nApiKey, startN8n } from '../../src/practice/n8n.ts';
import { authorizeAs } from '../../src/practice/person.ts';
import { identity } from '../commands/support.ts';
import { unusedPort } from '../ports.ts';
import type { PtySession } from '../terminal/pty.ts';
import { has } from '../tools.ts';
import { atSignIn, signInArgs, Wizard } from './oauth-support.ts';
import { answer, atTheEnd, expectUnseen, folder, mattermost, toStep, wizard } from './support.ts';

const inFile = { CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: identity };

/** The ways in which the same value arrives. */
const arrivals: readonly (readonly [how: string, send: (session: PtySession, value: string) => void])[] = [
  ['in brackets', (session, value) => { session.paste(value); }],
  ['in brackets, with line ends around it', (session, value) => { session.paste(`\n ${value} \n`); }],
  ['without brackets', (session, value) => { session.type(value); }],
  ['without brackets, with a line end behind it', (session, value) => { session.type(`${value}\r`); }],
  ['without brackets, in two pieces', (session, value) => { session.type(value.slice(0, 1)); session.type(value.slice(1)); }],
];

/** A token whose letters are the step's keys. */
const keysIn = (token: string): string => `mo${token.slice(2)}`;

describe.skipIf(!has('terminal'))('A value that is pasted at its step', () => {
  it.each([
    ...arrivals.map(([how, send]) => [how, [] as string[], send] as const),
    ['in plain mode', ['--plain'], (session: PtySession, value: string) => { session.type(`${value}\r`); }] as const,
  ])('is the Access Token, %s: hidden, and no key', async (_how, more, send) => {
    const { server } = await mattermost();
    const token = keysIn(server.makeToken('maker').token);
    server.state.tokens.at(-1)!.token = token;
    const { session, left } = wizard(['mattermost', '--name', 'chat', '--store', 'none', ...more], { env: {} });
    if (more.length === 0) {
      await answer(session, 'Mattermost address', server.url);
      await toStep(session);
    } else {
      await session.waitFor(/Mattermost address:$/);
      session.type(`${server.url}\r`);
      await session.waitFor(/back\):$/);
      session.type('\r');
    }
    await session.waitFor('Enter: I have it, go on');
    send(session, token);
    await session.waitFor(more.length === 0 ? '✔ Access Token hidden, 26 characters' : 'Access Token (hidden): (26 characters)');
    await session.waitFor('Signed in as maker');
    expect(session.screen()).not.toContain('Please allow me');
    expect(session.screen()).not.toContain('No browser could be opened');
    expectUnseen(session, token);
    session.press('ctrl-c');
    await left(130);
  });

  it('and can be none is told why and not shown, and the question waits', async () => {
    const { server, token } = await mattermost();
    const { session, left } = wizard(['mattermost', '--name', 'chat', '--store', 'none'], { env: {} });
    await answer(session, 'Mattermost address', server.url);
    await toStep(session);
    await session.waitFor('Enter: I have it, go on');
    session.paste(`Token ID: ${token}`);
    await session.waitFor('? Access Token (hidden, 0 characters)');
    await session.waitFor('> ');
    expectUnseen(session, token);
    session.paste(token);
    session.press('enter');
    await session.waitFor('Signed in as maker');
    session.press('ctrl-c');
    await left(130);
  });

  it('is the API key of an n8n', async () => {
    const server = await startN8n();
    atTheEnd(() => server.close());
    const { session, left } = wizard(['n8n'], { env: { ...inFile, CREDSETUP_HOME: join(folder(), 'data') } });
    await answer(session, 'n8n address', server.url);
    await session.waitFor('Enter: I have it, go on');
    session.type(`${n8nApiKey}\r`);
    await session.waitFor('✔ API key hidden');
    await answer(session, 'Save as', 'work');
    await session.waitFor('Put a credential there with: credsetup push work NAME');
    await left(0);
    expectUnseen(session, n8nApiKey);
  });

  it('is the Client ID of Mautic, after which the Client Secret is asked for; a Client Secret in its place is not shown', async () => {
    const server = await startMautic({ apiEnabled: true });
    atTheEnd(() => server.close());
    const port = await unusedPort();
    const client = server.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`] });
    const args = signInArgs(server, client, port).filter((word, at, all) => word !== '--client-id' && all[at - 1] !== '--client-id');
    const setUp = new Wizard(args);
    await setUp.choose('Where does the client come from?', 'I do it in Mautic');
    await setUp.sees('Enter: I have it, go on');
    setUp.session.paste(client.clientSecret);
    await setUp.sees('they belong to it. What was pasted was not taken.');
    await setUp.sees('? Client ID');
    expectUnseen(setUp.session, client.clientSecret);
    setUp.session.press('escape');
    await setUp.sees(/2 of 2 [^]*2 of 2 [^]*Enter: I have it, go on/);
    setUp.session.paste(`${client.clientId}\n`);
    await setUp.sees(`✔ Client ID ${client.clientId}`);
    await setUp.answer('Client Secret', client.clientSecret);
    await setUp.sees('Mautic accepts this client');
  });

  it('where the browser is waited for is the address that it ended at', async () => {
    const server = await startMautic();
    atTheEnd(() => server.close());
    const { wizard: setUp } = await atSignIn(server, { display: false });
    const { redirectedTo } = await authorizeAs(await setUp.printed(), { username: 'contacts', password: mauticPassword });
    await setUp.sees('waiting for the browser');
    setUp.session.paste(redirectedTo!.slice(0, redirectedTo!.indexOf('&code')));
    await setUp.sees(/The address is not whole[^]*waiting for the browser/);
    setUp.session.paste(redirectedTo!.replace('&code', '\n&code'));
    await setUp.sees('Is that the account that n8n should use?');
    expect(setUp.session.raw).not.toContain(new URL(redirectedTo!).searchParams.get('code')!);
  });

  it('where only the server says that it is done is no answer, which is said, and no key', async () => {
    const server = await startMautic({ apiEnabled: false });
    atTheEnd(() => server.close());
    const { session, left } = wizard(['mautic', '--method', 'basic', '--url', server.url, '--store', 'none'], { env: {} });
    await session.waitFor('❯ Make');
    session.press('down');
    await session.waitFor('❯ I do it');
    session.press('enter');
    await session.waitFor('m: message for your admin');
    session.type('mosmosmos');
    await session.waitFor('What was pasted is not asked for here; it was not taken.');
    expect(session.screen()).not.toContain('Please enable');
    expect(session.screen()).not.toContain('mosmos');
    session.press('ctrl-c');
    await left(130);
  });
});
