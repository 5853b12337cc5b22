/** The wizard is stopped from elsewhere and goes on, under a shell with job control, as by `kill -TSTP` and `fg`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { programPath } from '../program.ts';
import { has } from '../tools.ts';
import { PtySession } from '../terminal/pty.ts';
import { atTheEnd, folder, mattermost } from './support.ts';

async function begun(args: readonly string[]): Promise<{ readonly session: PtySession; readonly stop: (signal: 'TSTP' | 'STOP') => Promise<void> }> {
  const session = new PtySession({
    command: 'bash', args: ['--norc', '--noprofile', '-i'], cwd: folder(), patience: 12_000,
    env: { HOME: folder(), PS1: 'shell> ', CREDSETUP_HOME: join(folder(), 'data'), DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' },
  });
  atTheEnd(() => { session.kill(); });
  await session.waitFor('shell>');
  session.type(`'${process.execPath}' '${programPath}' ${args.join(' ')}\r`);
  let stops = 0;
  return {
    session,
    async stop(signal) {
      stops += 1;
      process.kill(processOf(args), `SIG${signal}`);
      await session.waitFor('Stopped', stops);
      session.type('stty -a; fg\r');
    },
  };
}

/** The wizard's process, by its arguments: the address is this test's alone. */
function processOf(args: readonly string[]): number {
  const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).find((name) => {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      return words[1] === programPath && args.every((word) => words.includes(word));
    } catch (error) {
      if (error instanceof Error && 'code' in error) return false;
      throw error;
    }
  });
  if (found === undefined) throw new Error('the wizard does not run');
  return Number(found);
}

describe.skipIf(!has('terminal'))('a wizard that was stopped and goes on', () => {
  it.each(['TSTP', 'STOP'] as const)('at a hidden question shows nothing of what is typed next, and asks again (SIG%s)', async (signal) => {
    const { server, token } = await mattermost();
    const { session, stop } = await begun(['mattermost', '--url', server.url, '--store', 'none']);
    await session.waitFor('Where does the token come from?');
    session.press('enter');
    await session.waitFor('Enter: I have it, go on');
    session.press('enter');
    await session.waitFor('? Access Token');
    session.type(token.slice(0, 10));
    await session.waitFor('10 characters');
    await stop(signal);
    await session.waitFor('Stopped and continued. What was typed before is still here.');
    // Drawn once, right below the line that the shell wrote.
    expect(session.screen().slice(session.screen().lastIndexOf('shell> '))).toMatch(/[^\n]\n\? Access Token \(hidden, 10 characters\)\n> Stopped and continued[^?]*$/);
    // The shell had its terminal back while it ran, where the program was told before.
    if (signal === 'TSTP') expect(session.raw).toMatch(/(?<!-)\becho\b/);
    session.type(token.slice(10));
    await session.waitFor('26 characters');
    session.press('enter');
    await session.waitFor('✔ Signed in as maker');
    expect(session.raw).not.toContain(token.slice(10));
    expect(session.raw).not.toContain(token.slice(0, 10));
  });

  it('at a list draws it again, with the same choice', async () => {
    const { server } = await mattermost();
    const { session, stop } = await begun(['mattermost', '--url', server.url, '--store', 'none']);
    await session.waitFor('Where does the token come from?');
    await stop('TSTP');
    await session.waitFor('Where does the token come from?', 2);
    expect(session.screen().slice(session.screen().lastIndexOf('shell> '))).not.toMatch(/\n\n\? Where/);
    session.press('enter');
    await session.waitFor('Enter: I have it, go on');
  });
});
