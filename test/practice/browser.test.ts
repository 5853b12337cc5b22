/** A practice Mautic's pages take a browser the way that the real ones took it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMautic, mauticPassword, type MauticClient, type PracticeMautic } from '../../src/practice/mautic.ts';
import { authorizeAs } from '../../src/practice/person.ts';
import { recordedVisits } from './transcript.ts';

describe.each([['7.0.0', 'mautic-7.json'], ['5.1.0', 'mautic-5.json']])('Mautic %s', (version, file) => {
  const visits = recordedVisits(file);
  let server: PracticeMautic;
  let client: MauticClient;

  beforeAll(async () => {
    server = await startMautic({ version });
    client = server.makeClient({ redirectUris: ['http://127.0.0.1:53682/callback'] });
  });
  afterAll(() => server.close());

  it('has every recorded visit', () => {
    expect(visits.length).toBe(9);
  });
  for (const { name, browser } of visits) {
    it(name, async () => {
      const id = name === 'browser-unknown-client' ? '99_nope' : client.clientId;
      const here = (url: string): string => url.replace('https://mautic.example.com', server.url).replace('<client id>', id);
      const visit = await authorizeAs(here(browser.pages[0]!.url), {
        username: name === 'browser-bare' ? 'bare' : 'admin',
        password: name === 'browser-wrong-password' ? 'not the password' : mauticPassword,
        press: name === 'browser-deny' ? 'deny' : 'accept',
      });
      // The redirect URI's own answer is not the service's.
      const pages = browser.pages.filter(({ status, url }) => status !== undefined && url.startsWith('https://mautic.example.com'));
      expect(visit.pages).toEqual(pages.map(({ status, url }) => ({ status, url: here(url) })));
      expect(visit.consentPage).toBe(browser.consentPage);
      expect(visit.redirectedTo?.replace(/code=[^&]+/, 'code=<code>') ?? null).toBe(browser.redirectedTo);
      if (browser.redirectedTo === null) expect(visit.text).toBe(browser.pages.at(-1)!.text);
      else expect(server.state.codes.at(-1)!.code).toBe(new URL(visit.redirectedTo!).searchParams.get('code'));
    });
  }
});
