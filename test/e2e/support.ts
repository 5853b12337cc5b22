/**
 * The built wizard in a real terminal, with a home of its own: what the end-to-end tests share.
 * A shell around it tells its process, its exit code and the state that it leaves the terminal in.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { startMattermost, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { startMautic, type MauticOptions, type PracticeMautic } from '../../src/practice/mautic.ts';
import type { PracticeServer } from '../../src/practice/server.ts';
import { credsetup, programPath } from '../program.ts';
import { atTheEnd, folder } from '../endings.ts';
import { PtySession } from '../terminal/pty.ts';

export { atTheEnd, folder };

const sessions: PtySession[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.kill();
});

export interface WizardOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly patience?: number;
  readonly cwd?: string;
}

export interface Wizard {
  readonly session: PtySession;
  /** Where index, locks and encrypted file lie. */
  readonly home: string;
  /** The program's process, once it has started. */
  readonly pid: () => number;
  /** Waits for its end; the terminal must be as a shell needs it. */
  readonly left: (code: number) => Promise<void>;
  /** Command lines of this wizard's processes that still run. */
  readonly processes: () => string[];
}

// Where the terminal makes Ctrl-C a signal, the shell around gets it, too.
const line = `trap : INT; sh -c 'printf "\\033]9997;%d\\007" $$; exec "$@"' sh "$@"; echo "exit $?"; stty -a`;

/** Starts `credsetup` with these arguments. Without a D-Bus session in `env` there is no keychain. */
export function wizard(args: readonly string[], { env = {}, ...options }: WizardOptions = {}): Wizard {
  const home = env['CREDSETUP_HOME'] ?? join(folder(), 'data');
  // Children inherit it, whoever becomes their parent.
  const mark = `WIZARD_MARK=${randomUUID()}`;
  const session = new PtySession({
    command: 'sh', args: ['-c', line, 'sh', process.execPath, programPath, ...args], cwd: options.cwd ?? folder(), ...options,
    env: { HOME: folder(), CREDSETUP_HOME: home, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere', ...env, [mark.split('=')[0]!]: mark.split('=')[1]! },
  });
  sessions.push(session);
  return {
    session, home,
    pid: () => Number(/\u001b\]9997;(\d+)\u0007/.exec(session.raw)![1]),
    left: (code) => leftSane(session, code),
    processes: () => commandLines().filter(({ environment, words }) => environment.includes(mark) && words[0] === process.execPath).map(({ words }) => words.join(' ')),
  };
}

async function leftSane(session: PtySession, code: number): Promise<void> {
  await session.ended();
  expect(session.screen()).toContain(`exit ${code}\n`);
  const [before = '', after = ''] = session.raw.split(/exit \d+\r\n/);
  for (const mode of ['icanon', 'echo', 'isig', 'icrnl']) expect(after).toMatch(new RegExp(`(?<!-)\\b${mode}\\b`));
  expect(session.bracketsPastes).toBe(false);
  // Paste mode off and the cursor shown came last, whatever was drawn.
  expect(before.lastIndexOf('\u001b[?2004l')).toBeGreaterThanOrEqual(before.lastIndexOf('\u001b[?2004h'));
  expect(before.lastIndexOf('\u001b[?25h')).toBeGreaterThanOrEqual(before.lastIndexOf('\u001b[?25l'));
}

/** What /proc tells of every process that may be read: nothing when it has just ended. */
export function commandLines(): { readonly words: string[]; readonly environment: string }[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    try {
      return [{ words: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0'), environment: readFileSync(`/proc/${name}/environ`, 'utf8') }];
    } catch (error) {
      if (error instanceof Error && 'code' in error) return [];
      throw error;
    }
  });
}

/** The files below a folder, or none when it is not there. */
export function filesIn(path: string): string[] {
  try {
    return readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory()).map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Holds the answers to requests for this path until it is let go; what came meanwhile is counted. */
export function holdAnswers(server: PracticeServer, path: string): { readonly reached: Promise<void>; readonly letGo: () => void } {
  let letGo = (): void => undefined;
  let arrived = (): void => undefined;
  const gate = new Promise<void>((resolve) => { letGo = resolve; });
  const reached = new Promise<void>((resolve) => { arrived = resolve; });
  server.intercept = async (request, answer) => {
    if (!request.path.startsWith(path)) return answer();
    arrived();
    await gate;
    return answer();
  };
  return { reached, letGo };
}

/** A Mattermost with the account `maker` in a team, and a token of it. */
export async function mattermost(options: MattermostOptions = {}): Promise<{ readonly server: PracticeMattermost; readonly token: string }> {
  const server = await startMattermost(options);
  atTheEnd(() => server.close());
  server.state.siteUrl = server.url;
  server.joinTeam('maker');
  return { server, token: server.makeToken('maker').token };
}

export async function mautic(options: MauticOptions = {}): Promise<PracticeMautic> {
  const server = await startMautic(options);
  atTheEnd(() => server.close());
  return server;
}

/** Types an answer, sees it and sends it. */
export async function answer(session: PtySession, question: string, value: string): Promise<void> {
  await session.waitFor(`? ${question}`);
  session.type(value);
  await session.waitFor(`? ${question} ${value}`);
  session.press('enter');
}

/** Pastes a secret and sends it. */
export async function answerSecret(session: PtySession, question: string, secret: string): Promise<void> {
  await session.waitFor(`? ${question} (hidden, 0 characters)`);
  session.paste(secret);
  await session.waitFor(`? ${question} (hidden, ${Array.from(secret.trim()).length} characters)`);
  session.press('enter');
}

/** Past the question where the token comes from: the person has one. */
export async function toStep(session: PtySession): Promise<void> {
  await session.waitFor('❯ I have a token');
  session.press('enter');
}

/** Past the question how Mautic is set up: the person does it in its pages. */
export async function inItsPages(session: PtySession): Promise<void> {
  await session.waitFor('❯ Make');
  session.press('up');
  await session.waitFor('❯ I do it in Mautic\'s pages');
  session.press('enter');
}

/** From the first question to the one for the token. */
export async function toToken(session: PtySession, url: string): Promise<void> {
  await answer(session, 'Mattermost address', url);
  await toStep(session);
  await session.waitFor('Enter: I have it, go on');
  session.press('enter');
  await session.waitFor('? Access Token (hidden, 0 characters)');
}

/** Neither on the screen nor anywhere in what went to the terminal, in clear or as a header carries it. */
export function expectUnseen(session: PtySession, secret: string): void {
  for (const form of [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')]) expect(session.raw.includes(form)).toBe(false);
}

/** No credential in the index, and no lock left behind. */
export async function expectNothingSaved(home: string): Promise<void> {
  const listed = await credsetup(['list', '--json'], { env: { CREDSETUP_HOME: home } });
  expect(listed.json()['credentials'], listed.stderr).toEqual([]);
  expect(filesIn(home).filter((name) => name.includes('lock'))).toEqual([]);
}
