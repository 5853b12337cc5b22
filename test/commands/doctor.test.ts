/** `doctor`: each fault is real, and has a fix. */
import { chmodSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { n8nApiKey, startN8n } from '../../src/practice/n8n.ts';
import { unusedPort } from '../ports.ts';
import { atTheEnd, folder, mattermostServer, script, storeMattermost, type Script } from './support.ts';

interface Check { readonly id: string; readonly status: string; readonly message: string; readonly fix?: string }

async function checks(one: Script, env: Readonly<Record<string, string>> = {}): Promise<Readonly<Record<string, Check>>> {
  const done = await one.run(['doctor', '--json'], { env });
  const list = done.json()['checks'] as Check[];
  for (const { id, status, fix } of list) if (status === 'warn' || status === 'fail') expect(fix, id).toMatch(/\S/);
  expect(done.exitCode).toBe(list.some(({ status }) => status === 'fail') ? 12 : 0);
  return Object.fromEntries(list.map((check) => [check.id, check]));
}

describe('doctor', () => {
  it('looks at everything that a set-up meets, and leaves a home that is not there alone', async () => {
    const one = script(join(folder(), 'none'));
    expect(Object.keys(await checks(one))).toEqual(['node', 'home', 'keychain', 'encrypted-file', 'vault', 'callback-port', 'browser', 'clipboard', 'proxy', 'ca-files', 'clock', 'n8n']);
  });

  it('finds nothing wrong with what is well', async () => {
    const one = script();
    await storeMattermost(one, await mattermostServer({ tokensEnabled: true }));
    expect(await checks(one)).toMatchObject({ node: { status: 'ok' }, home: { status: 'ok' }, 'encrypted-file': { status: 'ok' }, clock: { status: 'ok' }, n8n: { status: 'skip' } });
  });

  it('tells a home that others can open, an index that is damaged and a wrong identity', async () => {
    const one = script();
    await storeMattermost(one, await mattermostServer({ tokensEnabled: true }));
    chmodSync(one.home, 0o755);
    expect((await checks(one))['home']).toMatchObject({ status: 'warn', fix: `chmod 700 ${one.home}` });
    expect((await checks(one, { CREDSETUP_IDENTITY: 'AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ' }))['encrypted-file']).toMatchObject({ status: 'fail' });
    writeFileSync(join(one.home, 'index.json'), '{');
    expect((await checks(one))['home']).toMatchObject({ status: 'fail' });
  });

  it('tells a clock that is wrong, by the Date of a server', async () => {
    const one = script();
    const server = await mattermostServer({ tokensEnabled: true });
    await storeMattermost(one, server);
    server.intercept = async (_request, answer) => {
      const reply = await answer();
      return { ...reply, headers: { ...reply.headers, date: new Date(Date.now() + 3_600_000).toUTCString() } };
    };
    expect((await checks(one))['clock']).toMatchObject({ status: 'fail', message: expect.stringMatching(/seconds behind/) });
  });

  it('tells a port that is in use, a proxy that is none and a CA file that is none', async () => {
    // Where another program has it already, that is as good.
    const held = createServer().on('error', () => undefined).listen(18265, '127.0.0.1');
    await new Promise((resolve) => { held.once('listening', resolve).once('error', resolve); });
    atTheEnd(() => { held.close(); });
    const file = join(folder(), 'ca.pem');
    writeFileSync(file, 'nothing');
    expect(await checks(script(), { HTTPS_PROXY: 'geheim-no-address', NODE_EXTRA_CA_CERTS: file })).toMatchObject({
      'callback-port': { status: 'warn' }, proxy: { status: 'fail', fix: expect.stringContaining('HTTPS_PROXY') }, 'ca-files': { status: 'fail' },
    });
  });

  it('tells a home that cannot be made, and a proxy that nothing answers for', async () => {
    const port = await unusedPort();
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    const found = await checks(script(join(file, 'home')), { HTTPS_PROXY: `http://127.0.0.1:${port}` });
    expect(found['home']).toMatchObject({ status: 'fail', message: expect.stringContaining('cannot be made'), fix: expect.stringContaining('CREDSETUP_HOME') });
    expect(found['proxy']).toMatchObject({ status: 'fail', message: expect.stringContaining(`127.0.0.1:${port}`), fix: expect.stringContaining('unset HTTPS_PROXY') });
    const listening = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    atTheEnd(() => { listening.close(); });
    await once(listening, 'listening');
    expect((await checks(script(), { HTTPS_PROXY: `http://127.0.0.1:${(listening.address() as AddressInfo).port}` }))['proxy']).toMatchObject({ status: 'ok' });
  });

  it('tells a session without a keychain, a screen or a clipboard, and certificates that no program of Node checks', async () => {
    const none = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere', DISPLAY: '', WAYLAND_DISPLAY: '', BROWSER: '', WSL_DISTRO_NAME: '', CREDSETUP_STORE: 'keychain', NODE_TLS_REJECT_UNAUTHORIZED: '0' };
    expect(await checks(script(), none)).toMatchObject({
      keychain: { status: 'fail', fix: expect.stringContaining('--store file') }, browser: { status: 'warn', fix: expect.stringContaining('BROWSER') },
      clipboard: { status: 'warn', fix: expect.stringContaining('xclip') }, 'ca-files': { status: 'warn', fix: 'unset NODE_TLS_REJECT_UNAUTHORIZED' },
    });
    expect((await checks(script(), { ...none, BROWSER: process.execPath }))['browser']).toMatchObject({ status: 'ok' });
  });

  it('tells of each stored n8n whether it still takes its key, and one that is gone', async () => {
    const one = script();
    const [works, gone] = [await startN8n(), await startN8n()];
    atTheEnd(() => works.close());
    for (const [name, { url }] of [['works', works], ['gone', gone]] as const) {
      expect((await one.run(['n8n', '--url', url, '--name', name], { env: { CREDSETUP_API_KEY: n8nApiKey } })).exitCode).toBe(0);
    }
    await gone.close();
    const told = async (): Promise<string[]> => ((await one.run(['doctor', '--json'])).json()['checks'] as Check[]).filter(({ id }) => id === 'n8n').map(({ status, message }) => `${status} ${message}`);
    expect(await told()).toEqual([expect.stringMatching(/^fail gone: .*refuses/), expect.stringMatching(/^ok works/)]);
    works.state.keys.clear();
    expect((await told())[1]).toMatch(/^fail works: .*key/);
  });
});
