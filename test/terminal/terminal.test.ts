import { build } from 'esbuild';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

const secret: Step = { do: 'secret', message: 'Token' };
const token = 'xq7j4tz1ebn5pqdvnsa3k8yrwh';

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

  it('lets the proposal be edited after Tab, with the cursor keys', async () => {
    const { session, answers } = start([{ do: 'text', message: 'Save as', initial: 'mautic' }]);
    await session.waitFor('? Save as (mautic)');
    session.press('tab');
    await session.waitFor('? Save as mautic');
    session.press('left');
    session.type('s');
    await session.waitFor('? Save as mautisc');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'value', value: 'mautisc' }]);
  });

  it('shows the number of characters of a secret, and takes Backspace and Ctrl-U', async () => {
    const { session, answers } = start([secret]);
    await session.waitFor('? Token (hidden, 0 characters)');
    session.type('pass');
    await session.waitFor('(hidden, 4 characters)');
    session.press('backspace');
    await session.waitFor('(hidden, 3 characters)');
    session.press('ctrl-u');
    await session.waitFor('(hidden, 0 characters)');
    session.paste(token);
    await session.waitFor('? Token (hidden, 26 characters)');
    // inquirer's own password prompt reveals the value at Ctrl-T.
    session.press('ctrl-t');
    session.press('left');
    session.press('enter');
    await left(session, 0);
    expect(session.screen()).toContain('✔ Token hidden, 26 characters\n');
    expect(session.raw).not.toContain(token);
    expect(session.raw).not.toContain('pas');
    expect(answers()).toEqual([{ kind: 'value', value: token }]);
  });

  it('asks again for a value that its check refuses: a text stays to be put right, a secret goes', async () => {
    const { session, answers } = start([
      { do: 'text', message: 'Address', refuse: 'wrong' },
      { do: 'secret', message: 'Token', refuse: 'wrong' },
    ]);
    await session.waitFor('? Address');
    session.type('wrong');
    session.press('enter');
    await session.waitFor('> That one is refused.');
    session.type('er');
    session.press('enter');
    await session.waitFor('? Token (hidden, 0 characters)');
    session.type('wrong');
    await session.waitFor('(hidden, 5 characters)');
    session.press('enter');
    await session.waitFor(/> That one is refused\.\s*$/);
    await session.waitFor('(hidden, 0 characters)');
    session.paste('right');
    await session.waitFor('(hidden, 5 characters)');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'value', value: 'wronger' }, { kind: 'value', value: 'right' }]);
  });

  it('does not take an empty answer where nothing is proposed', async () => {
    const { session, answers } = start([{ do: 'text', message: 'Address', help: 'Where you sign in.' }]);
    await session.waitFor('Where you sign in.');
    session.press('enter');
    await session.waitFor('> Nothing was typed.');
    session.paste('\u200b \u00a0');
    await session.waitFor('> The paste was empty.');
    session.type('a');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'value', value: 'a' }]);
  });

  it('gives back at Esc, and leaves no trace of the question', async () => {
    const { session, answers } = start([
      { do: 'text', message: 'Question one' }, secret, { do: 'choose', message: 'Question three', choices: ['a', 'b'] },
      { do: 'key', message: 'Question four', keys: { enter: 'go on' } }, { do: 'word', message: 'Question five', word: 'delete' },
    ]);
    for (const shown of ['? Question one', '? Token', '? Question three', 'Question four', '? Question five']) {
      await session.waitFor(shown);
      session.press('escape');
    }
    await left(session, 0);
    expect(session.screen()).not.toContain('Question');
    expect(answers()).toEqual([{ kind: 'back' }, { kind: 'back' }, { kind: 'back' }, 'back', false]);
  });

  it('lets a choice be made by arrows, also when they arrive in pieces, and by digits', async () => {
    const choose: Step = { do: 'choose', message: 'Method', choices: ['OAuth2', 'Basic auth', 'None'], note: 'a note' };
    const { session, answers } = start([choose, { ...choose, message: 'Again', initial: 'None' }]);
    await session.waitFor('❯ OAuth2      a note');
    session.press('down');
    await session.waitFor('❯ Basic auth  a note');
    for (const piece of ['\u001b', '[', 'B']) session.type(piece);
    await session.waitFor('❯ None');
    session.press('up');
    await session.waitFor('❯ Basic auth');
    session.press('enter');
    await session.waitFor(/Again[^]*❯ None/);
    session.type('1');
    await session.waitFor('❯ OAuth2');
    session.press('enter');
    await left(session, 0);
    expect(session.screen()).toContain('✔ Method Basic auth\n✔ Again OAuth2\n');
    expect(answers()).toEqual([{ kind: 'value', value: 'Basic auth' }, { kind: 'value', value: 'OAuth2' }]);
  });

  it('shows hostile text of a server without its sequences, marks and commands', async () => {
    const { session } = start([{ do: 'text', message: 'Go to \u001b[2J\u001b[31m\u202eevil\u200b?', initial: 'a\u001b[5mb' }]);
    await session.waitFor('? Go to evil? (ab)');
    session.press('ctrl-c');
    await left(session, 130);
    for (const hostile of ['\u001b[2J', '\u001b[31m', '\u001b[5m', '\u202e', '\u200b']) expect(session.raw).not.toContain(hostile);
  });
});

describe.skipIf(!has('terminal'))('What more can be shown', () => {
  const more: Step = { do: 'offer', message: 'the other cause', says: 'It may be old.' };

  it('comes by a key at a hidden value and where a key is waited for, and by a choice in a list; the question is put again', async () => {
    const { session, answers } = start([
      more, secret, more, { do: 'choose', message: 'What now?', choices: ['Try again', 'Stop'] }, more, { do: 'key', message: 'waiting', keys: { enter: 'check now' } }, secret,
    ]);
    await session.waitFor('? Token (hidden, 0 characters)\nDown: show the other cause');
    session.press('down');
    await session.waitFor('It may be old.\n? Token (hidden, 0 characters)');
    expect(session.screen()).not.toContain('Down:');
    session.type('x\r');
    await session.waitFor('? What now?\n❯ Try again\n  Stop\n  Show the other cause');
    session.press('up');
    await session.waitFor('❯ Show');
    session.press('enter');
    await session.waitFor('It may be old.\n? What now?\n❯ Try again\n  Stop\n\n');
    session.press('enter');
    await session.waitFor('v: show the other cause');
    session.type('v');
    await session.waitFor(/It may be old\.\n.*waiting {3}Enter: check now *$/);
    session.press('enter');
    await session.waitFor('? Token (hidden, 0 characters)');
    session.press('down');
    session.type('y\r');
    await left(session, 0);
    expect(answers()).toEqual(['offered', { kind: 'value', value: 'x' }, 'offered', { kind: 'value', value: 'Try again' }, 'offered', 'enter', { kind: 'value', value: 'y' }]);
  });
});

describe.skipIf(!has('terminal'))('In 30 columns', () => {
  it('a question, its choices and its keys are broken between words, and an answer without room stands below', async () => {
    const address = 'https://mautic.example.org/somewhere/else';
    const { session } = start([
      { do: 'choose', message: 'Have it run once in a workflow of ours, removed again?', choices: ['Yes', 'No'] },
      { do: 'text', message: 'Mautic address', initial: address }, { do: 'key', message: 'waiting', keys: { enter: 'check now', m: 'message for your admin' } },
    ], { columns: 30 });
    await session.waitFor('? Have it run once in a\n  workflow of ours, removed\n  again?\n❯ Yes\n  No\n\nUp and Down: choose\nEnter: take it · Esc: back');
    session.press('enter');
    await session.waitFor('✔ Have it run once in a\n  workflow of ours, removed\n  again? Yes\n? Mautic address\n(https://');
    session.press('enter');
    await session.waitFor(`✔ Mautic address\n${address.slice(0, 30)}\n${address.slice(30)}\nEnter: check now\nm: message for your admin\n`);
  });
});

describe.skipIf(!has('terminal'))('A paste', () => {
  it('is one value, without what stood around it', async () => {
    const { session, answers } = start([secret, { do: 'text', message: 'Address' }, { do: 'text', message: 'Next' }]);
    await session.waitFor('? Token');
    session.paste(`\n\u00a0 ${token}\u200b \ufeff\t\n\n`);
    await session.waitFor('(hidden, 26 characters)');
    session.press('enter');
    await session.waitFor('? Address');
    session.paste(' crm.example.com/ü€🔑 \n');
    await session.waitFor('? Address crm.example.com/ü€🔑');
    session.press('enter');
    await session.waitFor('? Next');
    session.type('x');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([token, 'crm.example.com/ü€🔑', 'x'].map((value) => ({ kind: 'value', value })));
  });

  const wrong: readonly (readonly [string, string])[] = [
    ['a line end', '\n'], ['a tab', '\t'], ['a no-break or other unusual space', '\u00a0'], ['an invisible character', '\u200b'],
    ['an invisible character', '\ufeff'], ['an invisible character', '\u202e'], ['a control character', '\u0001'],
  ];
  it.each(wrong)('is not taken with %s inside, and neither answers this question nor the next', async (name, character) => {
    const { session, answers } = start([secret, { do: 'text', message: 'Next' }]);
    await session.waitFor('? Token');
    session.paste(`first-secret${character}second-secret\n`);
    await session.waitFor(`> The paste has ${name} after 12 characters and was not taken.`);
    expect(session.screen()).toContain('(hidden, 0 characters)');
    session.paste(token);
    await session.waitFor('(hidden, 26 characters)');
    session.press('enter');
    await session.waitFor('? Next');
    session.type('x');
    session.press('enter');
    await left(session, 0);
    expect(session.raw).not.toMatch(/first|second/);
    expect(answers()).toEqual([{ kind: 'value', value: token }, { kind: 'value', value: 'x' }]);
  });

  it('of several lines is one value also in a terminal that does not bracket pastes', async () => {
    const { session, answers } = start([secret, { do: 'text', message: 'Next' }]);
    await session.waitFor('? Token');
    session.type('first-secret\rsecond-secret\r');
    await session.waitFor('> The paste has a line end after 12 characters');
    session.press('escape');
    await session.waitFor('? Next');
    session.press('escape');
    await left(session, 0);
    expect(session.raw).not.toMatch(/first|second/);
    expect(answers()).toEqual([{ kind: 'back' }, { kind: 'back' }]);
  });

  it.each(['secret', 'text'] as const)('of 100 KB into a %s is refused with its length, and not printed', async (kind) => {
    const { session } = start([{ do: kind, message: 'Value' }]);
    await session.waitFor('? Value');
    const before = session.raw.length;
    session.paste('a'.repeat(102_400));
    await session.waitFor('> The paste has 102,400 characters: at most 4,096 characters are taken.');
    expect(session.raw.length - before).toBeLessThan(2_000);
    session.press('escape');
    await left(session, 0);
  });

  it('as long as a value may be is taken and drawn once', async () => {
    const { session, answers } = start([{ do: 'text', message: 'Value' }, secret]);
    await session.waitFor('? Value');
    const value = 'v'.repeat(4_096);
    session.paste(value);
    await session.waitForRaw('vvvv');
    session.press('enter');
    await session.waitFor('? Token');
    const before = session.raw.length;
    expect(before).toBeLessThan(40_000);
    session.paste(value);
    await session.waitFor('(hidden, 4,096 characters)');
    session.type('x');
    await session.waitFor('> 4,097 characters are too many: at most 4,096 characters are taken.');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'value', value }, { kind: 'value', value }]);
  });

  it('whose characters arrive in pieces is whole', async () => {
    const { session, answers } = start([secret]);
    await session.waitFor('? Token');
    const bytes = Buffer.from('\u001b[200~pass€🔑wörd\n\u001b[201~');
    // Latin-1 text would be encoded again: the pieces are bytes, one at a time.
    for (const byte of bytes) session.typeBytes(Buffer.from([byte]));
    await session.waitFor('(hidden, 10 characters)');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'value', value: 'pass€🔑wörd' }]);
  });

  it('does nothing at a choice', async () => {
    const { session, answers } = start([{ do: 'choose', message: 'Method', choices: ['a', 'b'] }]);
    await session.waitFor('❯ a');
    session.paste('b\n');
    session.type('2');
    await session.waitFor('❯ b');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'value', value: 'b' }]);
  });
});

describe.skipIf(!has('terminal'))('A confirmation', () => {
  const word: Step = { do: 'word', message: 'Remove it?', word: 'delete' };

  it('is given by the typed word alone', async () => {
    const { session, answers } = start([word, { ...word, message: 'Sure?' }, { ...word, message: 'Really?' }]);
    await session.waitFor('? Remove it?');
    session.type('y');
    session.press('enter');
    await session.waitFor('> That is not the word.');
    session.press('ctrl-u');
    session.type('delete');
    session.press('enter');
    await session.waitFor('? Sure?');
    session.press('enter');
    await session.waitFor('? Really?');
    session.type('no');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([true, false, false]);
  });

  it.each(['y\n', 'delete\n', 'delete'])('is not given by a pasted %j', async (pasted) => {
    const { session, answers } = start([word]);
    await session.waitFor('? Remove it?');
    session.paste(pasted);
    await session.waitFor('> The word is typed, not pasted.');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([false]);
  });

  it('is not given by what was typed before it was asked', async () => {
    const file = join(folder, 'unblock-word');
    const { session, answers } = start([{ do: 'text', message: 'One' }, { do: 'block', message: 'Blocked.', file }, word]);
    await session.waitFor('? One');
    session.press('escape');
    await session.waitFor('Blocked.');
    session.type('delete\r');
    writeFileSync(file, '');
    await session.waitFor('? Remove it?');
    session.press('escape');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'back' }, 'unblocked', false]);
  });
});

describe.skipIf(!has('terminal'))('Between two questions', () => {
  it('nothing that is typed or pasted is echoed or used', async () => {
    const { session, answers } = start([{ do: 'text', message: 'One' }, { do: 'gap', message: 'Working.' }, { do: 'text', message: 'Two' }]);
    await session.waitFor('? One');
    session.type('a');
    session.press('enter');
    await session.waitFor('Working.');
    session.paste(`${token}\ny\n`);
    session.type('typed-ahead\r\u0007');
    await session.waitFor('? Two');
    session.type('b');
    session.press('enter');
    await left(session, 0);
    expect(session.raw).not.toContain(token.slice(0, 4));
    expect(session.raw).not.toContain('typed');
    expect(answers()).toEqual([{ kind: 'value', value: 'a' }, 'over', { kind: 'value', value: 'b' }]);
  });

  it('a paste that goes on into the next question is dropped whole', async () => {
    const { session, answers } = start([{ do: 'text', message: 'One' }, { do: 'gap', message: 'Working.' }, secret]);
    await session.waitFor('? One');
    session.type('a');
    session.press('enter');
    await session.waitFor('Working.');
    // The BEL ends the gap in the middle of the paste.
    session.type('\u001b[200~begun-too-early\u0007');
    await session.waitFor('? Token');
    session.type('the-rest\r\u001b[201~');
    session.paste(token);
    await session.waitFor('(hidden, 26 characters)');
    session.press('enter');
    await left(session, 0);
    expect(session.raw).not.toContain('The paste has');
    expect(answers()).toEqual([{ kind: 'value', value: 'a' }, 'over', { kind: 'value', value: token }]);
  });

  it('what was typed while the program could not listen is dropped', async () => {
    const file = join(folder, 'unblock-text');
    const { session, answers } = start([{ do: 'text', message: 'One' }, { do: 'block', message: 'Blocked.', file }, { do: 'text', message: 'Two' }]);
    await session.waitFor('? One');
    session.type('a');
    session.press('enter');
    await session.waitFor('Blocked.');
    session.type('typed-ahead\r');
    writeFileSync(file, '');
    await session.waitFor('? Two');
    session.type('b');
    session.press('enter');
    await left(session, 0);
    expect(session.raw).not.toContain('typed');
    expect(answers()).toEqual([{ kind: 'value', value: 'a' }, 'unblocked', { kind: 'value', value: 'b' }]);
  });
});

describe.skipIf(!has('terminal'))('Waiting', () => {
  const key: Step = { do: 'key', message: 'waiting for Mautic', keys: { enter: 'check now', o: 'open the page', m: 'message for your admin' } };

  it('shows what it waits for with the keys, and takes one of them', async () => {
    const { session, answers } = start([key, { ...key, message: 'waiting again' }]);
    await session.waitFor(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] waiting for Mautic {3}Enter: check now · o: open the page · m: message for your admin/);
    session.paste('o');
    await session.waitFor(/was not taken[^]*waiting for Mautic/);
    session.type('M');
    await session.waitFor('waiting again');
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual(['m', 'enter']);
    expect(session.screen()).not.toContain('waiting');
  });

  it('ends by its signal', async () => {
    const { session, answers } = start([{ do: 'key', message: 'waiting', keys: { enter: 'now' }, endsAfter: 100 }]);
    await left(session, 0);
    expect(answers()).toEqual(['ended']);
  });

  it('redraws one line, cut to the width, with the keys above where they do not fit', async () => {
    const { session } = start([key, { do: 'busy', message: `A message that is much longer than this narrow terminal is wide, ${'漢'.repeat(30)}` }], { columns: 50 });
    await session.waitFor('⠹ waiting for Mautic');
    expect(session.screen()).toContain('Enter: check now');
    session.press('enter');
    await session.waitFor('⠼ A message');
    expect(session.screen().split('\n').filter((line) => line.includes('A message'))).toHaveLength(1);
    expect(session.screen()).toContain('…');
    session.type('\u0007');
    await left(session, 0);
    expect(session.screen()).not.toContain('A message');
  });

  it('says what is said meanwhile above the line', async () => {
    const { session } = start([{ do: 'busy', message: 'checking', says: 'Is a dialog open?' }]);
    await session.waitFor(/Is a dialog open\?\n\S checking/);
    session.type('\u0007');
    await left(session, 0);
    expect(session.screen()).toContain('Is a dialog open?\nAll asked.');
  });

  it('stands still without colours', async () => {
    const { session, answers } = start([key, { do: 'busy', message: 'checking' }], { env: { NO_COLOR: '1' } });
    await session.waitFor('waiting for Mautic');
    await session.waitFor('o: open the page');
    session.press('enter');
    await session.waitFor('checking');
    session.type('\u0007');
    await left(session, 0);
    expect(session.raw).not.toContain('⠋');
    expect(session.raw.split('checking')).toHaveLength(2);
    expect(answers()).toEqual(['enter', 'done']);
  });
});

describe.skipIf(!has('terminal'))('A terminal that becomes another width', () => {
  // The screen model of these tests is the one of that terminal.
  const env = { TERM_PROGRAM: 'vscode' };
  const help = 'The address of the page that you see when you open it in your browser, whatever page that is.';
  const patience = { timeout: 20_000 };

  it('has an open question drawn anew, once, with what was typed', async () => {
    const { session, answers } = start([{ do: 'text', message: 'The address of that page', help }], { columns: 100, env });
    await session.waitFor('? The address of that page');
    session.type('crm.example.org/of/a/folder');
    await session.waitFor('of/a/folder');
    for (const columns of [40, 100, 30, 60]) {
      const before = session.raw.length;
      session.resize(columns, 30);
      await session.drawnSince(before);
      // Each line once, whatever broke it. What is drawn may come in pieces.
      await expect.poll(() => session.screen().replace(/\s/g, ''), patience).toMatch(new RegExp(`^process\\d+\\?Theaddressofthatpagecrm\\.example\\.org/of/a/folder${help.replace(/\s/g, '')}$`));
    }
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'value', value: 'crm.example.org/of/a/folder' }]);
  });

  it('has an open list drawn anew with the same choice, and a hidden value keeps its length', async () => {
    const { session, answers } = start([{ do: 'choose', message: 'Which one?', choices: ['first', 'second', 'third'], note: help }, secret], { columns: 100, env });
    await session.waitFor('❯ first');
    session.press('down');
    await session.waitFor('❯ second');
    for (const columns of [40, 80]) {
      const before = session.raw.length;
      session.resize(columns, 40);
      await session.drawnSince(before);
      await expect.poll(() => ['? Which one?', '❯', '❯ second'].map((text) => session.screen().split(text).length), patience).toEqual([2, 2, 2]);
    }
    session.press('enter');
    await session.waitFor('? Token (hidden, 0 characters)');
    session.type(token);
    await session.waitFor('26 characters');
    const before = session.raw.length;
    session.resize(24, 40);
    await session.drawnSince(before);
    await expect.poll(() => session.screen().split('Token').length, patience).toBe(2);
    session.press('enter');
    await left(session, 0);
    expect(answers()).toEqual([{ kind: 'value', value: 'second' }, { kind: 'value', value: token }]);
  });

  it('has what is waited for drawn on one line', async () => {
    const { session } = start([{ do: 'key', keys: { enter: 'check now', o: 'open the page' }, message: 'waiting for Mautic to say that the API is on' }], { columns: 100, env });
    await session.waitFor('o: open the page');
    session.resize(50, 30);
    await session.waitFor(/^Enter: .*\n(?:.*\n)?. waiting for Mautic to say that the API is on$/);
    session.press('enter');
    await left(session, 0);
  });
});

const kinds: readonly (readonly [string, Step, string])[] = [
  ['a text', { do: 'text', message: 'Open' }, '? Open'],
  ['a secret', { do: 'secret', message: 'Open' }, '? Open'],
  ['a choice', { do: 'choose', message: 'Open', choices: ['a', 'b'] }, '❯ a'],
  ['a confirmation', { do: 'word', message: 'Open', word: 'delete' }, '? Open'],
  ['a key', { do: 'key', message: 'Open', keys: { enter: 'go on' } }, 'Open'],
];
const waits: readonly (readonly [string, Step, string])[] = [
  ['a task', { do: 'busy', message: 'Open' }, 'Open'],
  ['a task that does not listen', { do: 'busy', message: 'Open', ignoresStop: true }, 'Open'],
  ['no question', { do: 'gap', message: 'Open' }, 'Open'],
];

describe.skipIf(!has('terminal'))('The end', () => {
  const first: Step = { do: 'text', message: 'First' };
  async function opened(step: Step, shown: string): Promise<PtySession> {
    const { session } = start([first, step]);
    await session.waitFor('? First');
    session.type('a');
    session.press('enter');
    await session.waitFor(shown);
    return session;
  }

  it.each([...kinds, ...waits])('by Ctrl-C at %s leaves the terminal as it was', async (_, step, shown) => {
    const session = await opened(step, shown);
    session.press('ctrl-c');
    await left(session, 130);
    expect(session.screen()).toContain('Stopped (CANCELLED). Nothing was saved.');
  });

  it.each([...kinds, ...waits])('by SIGTERM or SIGHUP at %s leaves the terminal as it was', async (_, step, shown) => {
    for (const [signal, code] of [['SIGTERM', 143], ['SIGHUP', 129]] as const) {
      const session = await opened(step, shown);
      process.kill(Number(/process (\d+)/.exec(session.screen())?.[1]), signal);
      await left(session, code);
      expect(session.screen()).toContain(`Stopped (${signal}). Nothing was saved.`);
    }
  });

  it.each(kinds)('of input at %s is an error that names the question', async (_, step, shown) => {
    const session = await opened(step, shown);
    session.press('ctrl-d');
    await left(session, 2);
    expect(session.screen()).toContain('The input ended at the question "Open". Nothing was saved.');
  });

  it('by a program that just ends gives the terminal back', async () => {
    const { session } = start([first]);
    await session.waitFor('? First');
    // Ctrl-Z would stop the program and leave the terminal raw: it does nothing.
    session.press('ctrl-z');
    session.type('a');
    session.press('enter');
    await left(session, 0);
  });
});
