/** What the tests share of a token that credsetup made at a Mattermost. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { mattermostPassword, type MattermostOptions, type PracticeMattermost } from '../../src/practice/mattermost.ts';
import { cleanEnvironment, programPath } from '../program.ts';
import { mattermostServer, script, type Script } from './support.ts';

export const password = { CREDSETUP_PASSWORD: mattermostPassword };

/** A server, and a home that holds a token of it. */
export interface Case { readonly server: PracticeMattermost; readonly one: Script }

/** A token that credsetup made, stored as `chat`. */
export async function made(options: MattermostOptions = {}, username = 'maker', args: readonly string[] = []): Promise<Case> {
  const server = await mattermostServer({ tokensEnabled: true, botsEnabled: true, ...options });
  const one = script();
  const done = await one.run(['mattermost', '--url', server.url, '--create-token', '--username', username, '--name', 'chat', ...args], { env: password });
  expect(done.exitCode, done.stderr).toBe(0);
  return { server, one };
}

export function journalOf({ home }: Script): unknown[] {
  const path = join(home, 'journal.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { begun: unknown[] }).begun : [];
}

/** The stored secret is the one that is at the server, no other is there, and it works. */
export async function expectOnlyStored({ server, one }: Case): Promise<void> {
  const stored = (await one.run(['get', 'chat'], { reveals: true })).stdout.trim();
  expect(server.state.tokens.map(({ token }) => token)).toEqual([stored]);
  expect((await one.run(['test', 'chat'])).exitCode).toBe(0);
  expect(journalOf(one)).toEqual([]);
}

/** A run that can be stopped. */
export function start(
  args: readonly string[], one: Script, env: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; readonly end: Promise<number | null> } {
  const child = spawn(process.execPath, [programPath, ...args], { env: cleanEnvironment({ ...one.env, ...env }), stdio: 'ignore' });
  return { child, end: new Promise((resolve) => { child.once('close', resolve); }) };
}
