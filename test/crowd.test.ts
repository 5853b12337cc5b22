/**
 * Many processes in one home at once: nothing is lost, nothing doubled, and a token is renewed once.
 * Short by itself; `npm run test:kill` has eight of them at work for a minute.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { refreshes, storeOAuth2 } from './commands/oauth.ts';
import { folder, mattermostServer, mauticServer, script, storeMattermost } from './commands/support.ts';
import { expectTidy, killSeed, kills, randomFrom, runUntil, storedIn } from './killed-runs.ts';

const long = kills(0) > 0;
const [processes, milliseconds, readers] = long ? [8, 60_000, 50] : [2, 0, 3];

it.each([false, true])('processes that set up, refresh, rename and remove lose and double nothing (some of them killed: %s)', async (killing) => {
  const [chat, crm, one, given] = [await mattermostServer({ tokensEnabled: true }), await mauticServer(), script(), folder()];
  await storeOAuth2(one, crm);
  const until = Date.now() + milliseconds;
  /** What each process knows to be stored: names with their tokens. */
  const expected = new Map<string, string>();
  let [runs, killed] = [0, 0];
  await Promise.all(Array.from({ length: processes }, async (_, worker) => {
    const random = randomFrom(killSeed + worker);
    const path = join(given, `token-${worker}`);
    /** Done, and no matter how often it is begun: a run that was killed is begun again. */
    const done = async (args: readonly string[], again: readonly number[] = []): Promise<void> => {
      for (let tries = 0; ; tries += 1) {
        const moment = killing && tries === 0 && random() < 0.4 ? { event: 1 + Math.floor(random() * 12), milliseconds: Math.floor(random() * 20) } : undefined;
        const { exitCode, stderr } = await runUntil(one, [], { args }, moment);
        runs += 1;
        if (exitCode === null) killed += 1;
        else {
          expect([0, ...(tries > 0 ? again : [])], `seed ${killSeed}, ${args.join(' ')}: ${stderr}`).toContain(exitCode);
          return;
        }
      }
    };
    for (let round = 0; round === 0 || Date.now() < until; round += 1) {
      const [first, then] = [`chat-${worker}-${round}`, `talk-${worker}-${round}`];
      const { token } = chat.makeToken('maker');
      writeFileSync(path, token);
      await done(['mattermost', '--url', chat.url, '--name', first, '--token-file', path]);
      // A rename or a removal that was killed may be done already: then the name is not there.
      await done(['rename', first, then], [11]);
      if (round % 2 === 1) await done(['remove', then, '--yes'], [11]);
      else expected.set(then, token);
      if (worker === 0 && !killing) await done(['refresh', 'crm']);
    }
  }));
  const stored = await storedIn(one.home);
  const refreshToken = stored.get('crm')?.secrets['refreshToken'];
  expect(crm.state.refreshTokens.some(({ token }) => token === refreshToken)).toBe(true);
  expect(Object.fromEntries([...stored].filter(([name]) => name !== 'crm').map(([name, { secrets }]) => [name, secrets['token']]))).toEqual(Object.fromEntries(expected));
  await expectTidy(one.home, `seed ${killSeed}`);
  if (long) console.log(`seed ${killSeed}: ${runs} runs of ${processes} processes, ${killed} killed, ${expected.size} stored; lost 0, doubled 0`);
}, 60_000 + milliseconds * 4);

it('a token that is about to end is renewed once, however many want it', async () => {
  const [crm, one] = [await mauticServer({ accessTokenMinutes: 1 }), script()];
  await storeOAuth2(one, crm);
  await storeMattermost(one, await mattermostServer({ tokensEnabled: true }));
  crm.state.accessTokenMinutes = 60;
  const before = refreshes(crm);
  const all = await Promise.all(Array.from({ length: readers }, () => one.run(['get', 'crm'], { reveals: true })));
  expect(new Set(all.map(({ exitCode, stdout }) => `${exitCode} ${stdout.trim()}`)).size).toBe(1);
  expect(all[0]?.exitCode).toBe(0);
  expect(refreshes(crm) - before).toBe(1);
}, 60_000 + readers * 5000);
