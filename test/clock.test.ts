/** A clock that is wrong and is set right: what was reckoned by it is not believed, and what it dated is in nobody's way. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { placeName } from '../src/stores/lock.ts';
import { refreshes, storeOAuth2 } from './commands/oauth.ts';
import { mattermostServer, mauticServer, script, storeMattermost, type Script } from './commands/support.ts';
import { has } from './tools.ts';

const farAway = 400 * 86_400_000;

/** The variables by which a process lives so many days away; the measured times stay as they are. */
function clockOf(days: number): Readonly<Record<string, string>> {
  const { stdout } = spawnSync('faketime', ['-f', '+0d', 'sh', '-c', 'printf %s "$LD_PRELOAD"'], { encoding: 'utf8' });
  return { LD_PRELOAD: stdout, FAKETIME: `${days < 0 ? '' : '+'}${days}d`, FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' };
}

const at = (one: Script, days: number): Script => script(one.home, clockOf(days));

describe.skipIf(!has('faketime'))('a clock that was a year ahead', () => {
  it('and is right now: the token that it dated is renewed, and so is a sign-in that nobody used since', async () => {
    const [crm, one] = [await mauticServer(), script()];
    await storeOAuth2(one, crm);
    expect((await at(one, 400).run(['refresh', 'crm'])).exitCode).toBe(0);
    const before = refreshes(crm);
    expect((await one.run(['get', 'crm', 'access-token'], { reveals: true })).exitCode).toBe(0);
    expect(refreshes(crm) - before).toBe(1);
    // By now the right clock dated it.
    expect((await one.run(['get', 'crm', 'access-token'], { reveals: true })).exitCode).toBe(0);
    expect(refreshes(crm) - before).toBe(1);
    expect((await at(one, 400).run(['refresh', 'crm'])).exitCode).toBe(0);
    expect((await one.run(['refresh', '--all', '--older-than', '7', '--json'])).json()).toMatchObject({ results: [{ name: 'crm', status: 'ok' }] });
    expect(refreshes(crm) - before).toBe(3);
  });

  it('leaves no lock in the way and no file, whatever date they have', async () => {
    const [chat, one] = [await mattermostServer({ tokensEnabled: true }), script()];
    const token = await storeMattermost(one, chat);
    const then = new Date(Date.now() + farAway);
    const left = (name: string, text: string): void => {
      writeFileSync(join(one.home, name), text);
      for (const file of readdirSync(one.home)) utimesSync(join(one.home, file), then, then);
    };
    left('write.lock', JSON.stringify({ pid: 999_999_999, host: placeName(), nonce: '0123456789abcdef0123456789abcdef' }));
    const renamed = await one.run(['rename', 'chat', 'talk']);
    expect(renamed.exitCode, renamed.stderr).toBe(0);
    for (const name of ['write.lock.takeover', 'refresh-7f0c3a52-6d0e-4c0f-9a54-3d1b8f6f2c11.lock.0123456789abcdef.stale', '.identity.age.0123456789abcdef.tmp']) left(name, '');
    expect((await one.run(['get', 'talk'], { reveals: true })).stdout.trim()).toBe(token);
    expect(readdirSync(one.home).filter((name) => /lock|tmp/.test(name))).toEqual([]);
  });
});

describe.skipIf(!has('faketime'))('a clock that is a year behind', () => {
  it('keeps what works in use, says no nonsense and loses nothing', async () => {
    const [crm, one] = [await mauticServer(), script()];
    await storeOAuth2(one, crm);
    const behind = at(one, -400);
    const got = await behind.run(['get', 'crm', 'access-token'], { reveals: true });
    expect(got.exitCode, got.stderr).toBe(0);
    expect(crm.state.accessTokens.some(({ token }) => token === got.stdout.trim())).toBe(true);
    for (const args of [['list'], ['show', 'crm'], ['test', 'crm'], ['rename', 'crm', 'customers']]) {
      const done = await behind.run(args);
      expect(done.exitCode, done.stderr).toBe(0);
      expect(done.stdout + done.stderr).not.toMatch(/NaN|Invalid|-\d+ (?:day|hour|minute)/);
    }
    expect((await one.run(['test', 'customers'])).exitCode).toBe(0);
    expect(JSON.parse(readFileSync(join(one.home, 'index.json'), 'utf8'))).toMatchObject({ entries: [{ credential: { name: 'customers' } }] });
  });
});
