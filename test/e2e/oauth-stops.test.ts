/** Ctrl-C wherever the wizard waits: nothing saved, no port, no lock, a sane terminal. And values that cannot be right. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startMautic, type PracticeMautic } from '../../src/practice/mautic.ts';
import { after } from '../http/harness.ts';
import { unusedPort } from '../ports.ts';
import { has } from '../tools.ts';
import { browse, expectClosed, Wizard } from './oauth-support.ts';

/** The way from the first question to the last, a step each. */
const way: readonly { readonly at: string; readonly goOn: (wizard: Wizard, server: PracticeMautic) => Promise<void> }[] = [
  { at: '? Mautic address', goOn: (wizard, server) => wizard.answer('Mautic address', server.url) },
  { at: '? How do you want to set up Mautic?', goOn: (wizard) => wizard.choose('How do you', 'I do it') },
  { at: '? How should the credential sign in?', goOn: (wizard) => wizard.choose('How should', 'OAuth2') },
  { at: '? Will n8n sign in with this client too?', goOn: (wizard) => wizard.choose('Will n8n', 'Yes') },
  { at: '? n8n\'s OAuth Callback URL', goOn: async (wizard) => { wizard.session.press('enter'); } },
  { at: 'waiting for Mautic: Enable the API', goOn: async (_wizard, server) => { server.state.apiEnabled = true; } },
  { at: 'Enter: I have it, go on', goOn: async (wizard) => { wizard.session.press('enter'); } },
  { at: '? Client ID', goOn: (wizard, server) => wizard.answer('Client ID', server.state.clients[0]!.clientId) },
  { at: '? Client Secret', goOn: (wizard, server) => wizard.answer('Client Secret', server.state.clients[0]!.clientSecret) },
  { at: 'waiting for the browser', goOn: async (wizard) => { wizard.session.press('enter'); } },
  { at: '? What does the browser show?', goOn: (wizard) => wizard.choose('What does', 'A page that cannot be reached') },
  { at: '? Address of that page', goOn: async (wizard) => {
    wizard.session.press('escape');
    await browse(await wizard.opened());
  } },
  { at: '? Signed in as contacts', goOn: (wizard) => wizard.choose('Signed in as contacts', 'Yes') },
  { at: '? Save as', goOn: async () => undefined },
];

async function begun(more: readonly string[] = []): Promise<{ readonly server: PracticeMautic; readonly port: number; readonly wizard: Wizard }> {
  const port = await unusedPort();
  const server = await startMautic({ apiEnabled: false });
  after(() => server.close());
  server.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' });
  return { server, port, wizard: new Wizard(['mautic', '--callback-port', String(port), ...more]) };
}

describe.skipIf(!has('terminal'))('Ctrl-C', () => {
  it.each(way.map(({ at }, index) => ({ at, index })))('at "$at"', async ({ index }) => {
    const { server, port, wizard } = await begun();
    for (const { at, goOn } of way.slice(0, index)) {
      await wizard.sees(at);
      await goOn(wizard, server);
    }
    await wizard.sees(way[index]!.at);
    wizard.session.press('ctrl-c');
    expect(await wizard.ends()).toBe(130);
    await wizard.sees('Nothing was saved.');
    await expectClosed(port);
    expect(wizard.session.bracketsPastes).toBe(false);
    // The cursor is shown again.
    expect(wizard.session.raw.lastIndexOf('\u001b[?25h')).toBeGreaterThanOrEqual(wizard.session.raw.lastIndexOf('\u001b[?25l'));
    const left = existsSync(wizard.home) ? readdirSync(wizard.home).filter((name) => name.includes('lock') || name.includes('tmp')) : [];
    expect(left).toEqual([]);
  });
});

describe.skipIf(!has('terminal'))('Client ID and Client Secret', () => {
  it('are asked for again, with what is wrong: spaces, no number, swapped, a wrong one', async () => {
    const { server, wizard } = await begun(['--url', 'http://127.0.0.1:1', '--method', 'oauth2', '--n8n-callback-url', 'http://localhost:5678/rest/oauth2-credential/callback']);
    wizard.session.kill();
    server.state.apiEnabled = true;
    const port = await unusedPort();
    const { clientId, clientSecret } = server.makeClient({ redirectUris: [`http://127.0.0.1:${port}/callback`], owner: 'contacts' });
    const asking = new Wizard(['mautic', '--url', server.url, '--method', 'oauth2', '--callback-port', String(port), '--n8n-callback-url', 'http://localhost:5678/rest/oauth2-credential/callback']);
    await asking.choose('Where does the client come from?', 'I do it');
    await asking.press('Enter: I have it, go on', 'enter');
    await asking.sees('? Client ID');
    asking.session.paste(clientId.replace('_', ' _'));
    asking.session.press('enter');
    await asking.sees('The Client ID has a space inside, after 1 characters.');
    asking.session.press('ctrl-u');
    const enter = async (id: string, secret: string): Promise<void> => {
      await asking.answer('Client ID', id);
      await asking.answer('Client Secret', secret);
    };
    await enter(clientId.replace(/^\d+_/, ''), clientSecret);
    await asking.sees('The Client ID begins with a number and an underscore');
    await enter(clientSecret, clientId);
    await asking.sees('Client ID and Client Secret are swapped.');
    expect(server.log.filter(({ path }) => path.startsWith('/oauth'))).toEqual([]);
    await enter(clientId, `${clientSecret.slice(0, -1)}#`);
    await asking.sees('(CLIENT_REJECTED)');
    await enter(clientId, clientSecret);
    await asking.sees('Mautic accepts this client');
    await browse(await asking.opened());
    await asking.sees('Is that the account that n8n should use?');
  });
});
