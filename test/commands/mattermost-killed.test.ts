/** Making and rotating a token, killed after any request: what is stored still works, and nothing is left beyond the next run. */
import { expect, it } from 'vitest';
import { expectOnlyStored, made, password, start, type Case } from './made-token.ts';

/** Ends the program by force when its `nth` request was carried out and before it is answered; false when it made fewer. */
async function killedAfter(nth: number, args: readonly string[], { server, one }: Case, env: Readonly<Record<string, string>> = {}): Promise<boolean> {
  let seen = 0;
  const running = start(args, one, env);
  server.intercept = async (_, answer) => {
    const reply = await answer();
    seen += 1;
    if (seen === nth) running.child.kill('SIGKILL');
    return reply;
  };
  await running.end;
  server.intercept = undefined;
  return seen >= nth && running.child.signalCode === 'SIGKILL';
}

/** As many as keep two cores busy while one waits for the other. */
const lanes = [0, 1, 2];

const commands: Readonly<Record<string, (url: string) => readonly string[]>> = {
  rotate: () => ['rotate', 'chat'],
  create: (url) => ['mattermost', '--create-token', '--username', 'maker', '--name', 'chat', '--replace', '--url', url],
};

it.each(Object.keys(commands))('%s leaves a stored secret that works, and nothing beyond the next run, killed after any request', async (kind) => {
  // Each goes on with the token that its last one left. Together they kill after every request, until a run makes fewer.
  const kills = await Promise.all(lanes.map(async (lane) => {
    const all = await made();
    const command = commands[kind]!(all.server.url);
    for (let nth = 1 + lane, killed = 0; ; nth += lanes.length, killed += 1) {
      const wasKilled = await killedAfter(nth, command, all, password);
      expect((await all.one.run(['test', 'chat'])).exitCode, `after request ${nth}`).toBe(0);
      const again = await all.one.run(command, { env: password });
      expect(again.exitCode, again.stderr).toBe(0);
      await expectOnlyStored(all);
      if (!wasKilled) return killed;
    }
  }));
  expect(kills.reduce((sum, one) => sum + one)).toBeGreaterThan(7);
}, 300_000);
