import { describe, expect, it } from 'vitest';
import { inFront, startGateway, type GatewayKind, type GatewayOptions } from '../../src/practice/gateways.ts';
import type { PracticeServer } from '../../src/practice/server.ts';
import { makeCertificates } from '../certificates.ts';
import { has } from '../tools.ts';
import { answer, atTheEnd, expectNothingSaved, folder, mattermost, mautic, wizard } from './support.ts';

async function gateway(kind: GatewayKind, options: GatewayOptions = {}): Promise<PracticeServer> {
  const server = await startGateway(kind, options);
  atTheEnd(() => server.close());
  return server;
}

/** Types an address that is refused: the question comes again, and proposes nothing that was wrong. */
async function refused(typed: string, said: string | RegExp, args: readonly string[] = ['mattermost']): Promise<string> {
  const { session, left, home } = wizard(args);
  await answer(session, 'Mattermost address', typed);
  await session.waitFor(said);
  await session.waitFor(/\? Mattermost address(?! \S*:\/\/)/);
  session.press('ctrl-c');
  await left(130);
  await expectNothingSaved(home);
  return session.screen();
}

describe.skipIf(!has('terminal'))('An address that leads elsewhere', () => {
  it('is offered when it proved to be the service, taken on yes, and asked for again on no', async () => {
    const { server } = await mattermost();
    const old = await gateway('redirect', { to: server.url });
    const { session, left } = wizard(['mattermost']);
    await answer(session, 'Mattermost address', old.url);
    await session.waitFor(`${old.url} redirects to ${server.url}.`);
    await session.waitFor(`? Use ${server.url}?`);
    session.press('down');
    await session.waitFor('❯ No, type another address');
    session.press('enter');
    await session.waitFor(/\? Mattermost address(?! http)/);
    session.type(old.url);
    await session.waitFor(`? Mattermost address ${old.url}`);
    session.press('enter');
    await session.waitFor(`❯ Yes, ${server.url}`);
    session.press('enter');
    await session.waitFor(`✔ Mattermost answers at ${server.url}`);
    await session.waitFor('❯ I have a token');
    session.press('ctrl-c');
    await left(130);
  });

  it.skipIf(!has('openssl'))('is never offered from https to http', async () => {
    const { server } = await mattermost();
    const { good, caFile } = makeCertificates(folder());
    const old = await gateway('redirect', { to: server.url, tls: good });
    const screen = await refused(old.url, 'redirects from https to', ['mattermost', '--ca-file', caFile]);
    expect(screen).not.toContain('? Use');
    expect(screen).toContain('(REDIRECTED)');
  });

  it('is named when it is another service, a web site or a gateway, and the question comes again', async () => {
    const other = await mautic();
    expect(await refused(`${other.url}/s/dashboard`, '(NOT_MATTERMOST)')).toContain('is a Mautic, not a Mattermost.');
    expect(await refused((await gateway('website')).url, '(NOT_MATTERMOST)')).toContain('no Mattermost answers there');
    expect(await refused((await gateway('oauth2-proxy-redirect')).url, '(GATEWAY_IN_FRONT)')).toContain('oauth2-proxy');
  });

  it('that was wrong does not end the wizard: the next one is taken', async () => {
    const { server } = await mattermost();
    const { session, left } = wizard(['mattermost']);
    server.intercept = inFront('basic-auth');
    await answer(session, 'Mattermost address', server.url);
    await session.waitFor('(GATEWAY_IN_FRONT)');
    await session.waitFor(/\? Mattermost address(?! http)/);
    server.intercept = undefined;
    session.type(server.url);
    await session.waitFor(`? Mattermost address ${server.url}`);
    session.press('enter');
    await session.waitFor(`✔ Mattermost answers at ${server.url}`);
    await session.waitFor('❯ I have a token');
    session.press('ctrl-c');
    await left(130);
  });
});

describe.skipIf(!has('terminal'))('An address that is not safe', () => {
  it('is refused with what it takes to use it: http://, a password in it', async () => {
    const screen = await refused('http://chat.example.com', '(URL_INSECURE)');
    expect(screen).toContain('--allow-http');
    const { session, left } = wizard(['mattermost']);
    await session.waitFor('? Mattermost address');
    session.paste('https://joe:s3cret@chat.example.com');
    await session.waitFor('@chat.example.com');
    session.press('enter');
    await session.waitFor('(URL_INVALID)');
    session.press('ctrl-c');
    await left(130);
  });

  it.skipIf(!has('openssl'))('is refused when its certificate is its own, naming both options', async () => {
    const { selfSigned } = makeCertificates(folder());
    const { server } = await mattermost({ tls: selfSigned });
    const screen = await refused(server.url, '(TLS_SELF_SIGNED)');
    expect(screen.replace(/\s+/g, ' ')).toMatch(/--ca-file.*--ignore-ssl-issues|--ignore-ssl-issues.*--ca-file/);
    const { session, left } = wizard(['mattermost', '--ignore-ssl-issues']);
    await answer(session, 'Mattermost address', server.url);
    await session.waitFor(`✔ Mattermost answers at ${server.url}`);
    session.press('ctrl-c');
    await left(130);
  });
});
