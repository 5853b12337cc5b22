import { build } from 'esbuild';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { has } from '../tools.ts';
import type { Step } from './fixture.ts';
import { PtySession, type PtyOptions } from './pty.ts';

const folder = mkdtempSync(join(tmpdir(), 'credsetup-terminal-'));
const program = join(folder, 'fixture.mjs');
const sessions: PtySession[] = [];
let count = 0;

interface Run {
  readonly session: PtySession;
  readonly answers: () => unknown[];
}

/** Runs the script; the shell around it tells what state it leaves the terminal in. */
function start(steps: readonly Step[], options: Partial<PtyOptions> = {}): Run {
  count += 1;
  const file = join(folder, `answers-${count}`);
  const line = `"${process.execPath}" "${program}" "$SCRIPT" "${file}"; echo "exit $?"; stty -a`;
  const session = new PtySession({ command: 'sh', args: ['-c', line], ...options, env: { SCRIPT: JSON.stringify(steps), ...options.env } });
  sessions.push(session);
  return { session, answers: () => readFileSync(file, 'utf8').trim().split('\n').map((text) => JSON.parse(text) as unknown) };
}

/** The program has ended with this code and left the terminal as a shell needs it. */
async function left(session: PtySession, code: number): Promise<void> {
  await session.ended();
  expect(session.screen()).toContain(`exit ${code}\n`);
  const [before = '', after = ''] = session.raw.split(/exit \d+\r\n/);
  expect(after).toMatch(/(?<!-)\bicanon\b/);
  expect(after).toMatch(/(?<!-)\becho\b/);
  expect(after).toMatch(/(?<!-)\bisig\b/);
  expect(session.bracketsPastes).toBe(false);
  // Whatever was drawn, these came last.
  const restored = before.lastIndexOf('\u001b[?2004l\u001b[?25h');
  expect(restored).toBeGreaterThan(before.lastIndexOf('\u001b[?2004h'));
  expect(restored).toBeGreaterThan(before.lastIndexOf('\u001b[?25l'));
}

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL('fixture.ts', import.meta.url))], outfile: program, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'warning',
    banner: { js: "import{createRequire as fixtureRequire}from'node:module';const require=fixtureRequire(import.meta.url);" },
  });
});
afterEach(() => {
  for (const session of sessions.splice(0)) session.kill();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!has('terminal'))('A question', () => {
  it('takes a typed answer, shows a proposal and gives it for Enter alone', async () => {
    const { session, answers } = start([{ do: 'text', message: 'Address' }, { do: 'text', message: 'Save as', initial: 'mautic-crm' }]);
    await session.waitFor('? Address');
    session.type('crm.example.org');
    await session.waitFor('? Address crm.example.org');
    session.press('backspace');
    session.type('X');
    session.press('enter');
    await session.waitFor('? Save as (mautic-crm)');
    session.press('enter');
    await left(session, 0);
    expect(session.screen()).toContain('✔ Address crm.example.orX\n✔ Save as mautic-crm\n');
    expect(answers()).toEqual([{ kind: 'value', value: 'crm.example.orX' }, { kind: 'value', value: 'mautic-crm' }]);
  });
});
