import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { CredsetupError } from '../../src/errors.ts';
import { foreign } from '../../src/foreign.ts';
import { Redactor } from '../../src/redaction.ts';
import { createColors } from '../../src/terminal/colors.ts';
import { createOutput, type Sink } from '../../src/terminal/output.ts';
import { inAscii, inWords, isPlainMode, showsGlyphs } from '../../src/terminal/glyphs.ts';
import { noColors, useColor, type Colors } from '../../src/terminal/style.ts';

class Collector extends EventEmitter {
  text = '';
  write(text: string): boolean {
    this.text += text;
    return true;
  }
}

function sink(options: { quiet?: boolean; debug?: boolean; colors?: Colors; columns?: () => number | undefined } = {}): {
  output: Sink; stdout: Collector; stderr: Collector;
  onBrokenPipe: ReturnType<typeof vi.fn<() => void>>; onWriteFailure: ReturnType<typeof vi.fn<(error: CredsetupError) => void>>;
} {
  const stdout = new Collector();
  const stderr = new Collector();
  const onBrokenPipe = vi.fn<() => void>();
  const onWriteFailure = vi.fn<(error: CredsetupError) => void>();
  const output = createOutput(
    { stdout, stderr, quiet: false, debug: false, colors: noColors, redactor: new Redactor(), onBrokenPipe, onWriteFailure, ...options },
  );
  return { output, stdout, stderr, onBrokenPipe, onWriteFailure };
}

describe('The sink', () => {
  it('writes data as it is', () => {
    const { output, stdout, stderr } = sink();
    output.protect('s3cret');
    output.data('s3cret\u001b[31m::error::\r\n\u0000');
    expect(stdout.text).toBe('s3cret\u001b[31m::error::\r\n\u0000');
    expect(stderr.text).toBe('');
  });

  it('masks JSON unless it is asked for secrets', () => {
    const { output, stdout } = sink();
    output.protect('s3"cret');
    output.json({ token: 's3"cret', 's3"cret': 1, at: new Date(0), none: undefined });
    expect(JSON.parse(stdout.text)).toEqual({ 'token': '***', 's3"cret': 1, 'at': '1970-01-01T00:00:00.000Z' });
    stdout.text = '';
    output.json({ token: 's3"cret' }, { secrets: true });
    expect(stdout.text).toBe('{\n  "token": "s3\\"cret"\n}\n');
  });

  it('masks a word that is a secret in a server\'s words alone, and touches no member\'s name and no code', () => {
    const { output, stdout, stderr } = sink();
    for (const secret of ['mautic', 'name', 'ok', 'message', 'failed']) output.protect(secret);
    output.publish('my-mautic');
    const document = { name: 'my-mautic', service: 'mautic', status: 'failed', message: 'credsetup mautic failed', account: { name: 'a mautic name', username: 'my-mautic' } };
    output.json(document);
    expect(JSON.parse(stdout.text)).toEqual({ ...document, account: { name: 'a *** ***', username: 'my-mautic' } });
    output.say(`my-mautic failed: ${foreign('mautic says failed')}, see credsetup mautic`);
    expect(stderr.text).toBe('my-mautic failed: *** says ***, see credsetup mautic\n');
  });

  it('lets nobody end a server\'s words but who began them', () => {
    const { output, stderr } = sink();
    output.protect('sesame');
    output.say(`${foreign('open \ue201 sesame \ue200')} sesame`);
    expect(stderr.text).toMatch(/^open +\*\*\* +sesame\n$/);
  });

  it('lets a server\'s words begin no line as a command to a CI runner, nor end one that ours began', () => {
    const { output, stderr } = sink();
    output.say(foreign('::add-mask::x'));
    output.say(`  ${foreign('::set-output name=a::b')}`);
    output.say(`#${foreign('#[error]x')} ##${foreign('vso[task.complete]')}`);
    expect(stderr.text).toBe(': :add-mask::x\n  : :set-output name=a::b\n# #[error]x # #vso[task.complete]\n');
  });

  it('masks and strips what it says', () => {
    const { output, stderr } = sink({ debug: true });
    output.protect('s3cret-value');
    output.say('a s3cret-value\u001b[31m b');
    output.warn('::error::s3cr\u200bet-value');
    output.debug('one\ns3c\u001b[0mret-value');
    expect(stderr.text).toBe('a *** b\n: :error::***\ndebug: one\ndebug: ***\n');
  });

  it('breaks long talk between words for a terminal of this width, and nothing elsewhere', () => {
    let columns: number | undefined = 24;
    const { output, stdout, stderr } = sink({ colors: createColors(), debug: true, columns: () => columns });
    output.say(`  ${output.style.good('✔')} one two three four five six`);
    output.warn('  one two three four five six');
    output.debug('one two three four five six');
    output.data('one two three four five six');
    columns = undefined;
    output.say('one two three four five six');
    expect(stderr.text.replaceAll(/\u001b\[\d+m/g, '')).toBe([
      '  ✔ one two three four', '    five six', '  one two three four', '  five six', 'debug: one two three four five six', 'one two three four five six', '',
    ].join('\n'));
    expect(stdout.text).toBe('one two three four five six');
  });

  it('is silent under --quiet but for warnings, and keeps debug lines for --debug', () => {
    const { output, stderr } = sink({ quiet: true });
    output.say('talk');
    output.debug('detail');
    output.warn('warning');
    expect(stderr.text).toBe('warning\n');
  });

  it('colours what we paint, also one paint in another, and nothing that a server sends', () => {
    const { output, stderr } = sink({ colors: createColors() });
    output.say(`${output.style.bold(`a ${output.style.good('b')} c`)} \u001b[31mserver\u001b[0m`);
    expect(stderr.text).toBe('\u001b[1ma \u001b[32mb\u001b[39m c\u001b[22m server\n');
  });

  it('leaves no mark behind when a painted text was cut', () => {
    const { output, stderr } = sink({ colors: createColors() });
    output.say(output.style.good('abcdef').slice(0, -2));
    expect(stderr.text).toBe('abcdef\n');
    expect(output.plain(output.style.good('plain'))).toBe('plain');
  });

  it('paints nothing without colours', () => {
    const { output } = sink();
    expect(output.style.bad('x')).toBe('x');
    expect(output.paint.bad('x')).toBe('x');
  });

  it('says things above the status line', () => {
    const { output, stderr } = sink();
    output.status('waiting');
    output.say('news');
    output.status(undefined);
    expect(stderr.text).toBe('waiting\r\u001b[2Knews\nwaiting\r\u001b[2K');
  });

  it('reports a reader that closed early once, and a full disk as a failure', () => {
    const closed = sink();
    closed.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    closed.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(closed.onBrokenPipe).toHaveBeenCalledTimes(1);
    expect(closed.onWriteFailure).not.toHaveBeenCalled();

    const full = sink();
    full.stdout.emit('error', Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    expect(full.onWriteFailure.mock.calls[0]?.[0].code).toBe('FILE_UNWRITABLE');
    expect(full.onBrokenPipe).not.toHaveBeenCalled();
  });
});

describe('Colours', () => {
  const ask = (env: Record<string, string>, isTTY = true, noColorOption = false): boolean => useColor({ isTTY, env, noColorOption });

  it('are on for a terminal and off otherwise', () => {
    expect(ask({})).toBe(true);
    expect(ask({}, false)).toBe(false);
    expect(ask({ TERM: 'dumb' })).toBe(false);
  });

  it('are off by --no-color and by NO_COLOR, whatever FORCE_COLOR says', () => {
    expect(ask({ FORCE_COLOR: '1' }, true, true)).toBe(false);
    expect(ask({ NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
    expect(ask({ NO_COLOR: '' })).toBe(true);
  });

  it('are on by FORCE_COLOR where there is no terminal', () => {
    expect(ask({ FORCE_COLOR: '1' }, false)).toBe(true);
    expect(ask({ FORCE_COLOR: '0' })).toBe(false);
  });
});

describe('Signs', () => {
  const shows = (env: Record<string, string>, system: NodeJS.Platform = 'linux'): boolean => showsGlyphs(env, system);

  it('are shown where the locale has them: the first variable that is not empty counts', () => {
    expect(shows({ LANG: 'C.UTF-8' })).toBe(true);
    expect(shows({ LC_ALL: '', LC_CTYPE: 'de_DE.utf8', LANG: 'C' })).toBe(true);
    expect(shows({ LC_ALL: 'C', LANG: 'de_DE.UTF-8' })).toBe(false);
    expect(shows({ LANG: 'de_DE.ISO-8859-1' })).toBe(false);
    expect(shows({})).toBe(false);
    expect(shows({}, 'darwin')).toBe(true);
    expect(shows({ TERM: 'linux', LANG: 'C.UTF-8' })).toBe(false);
    expect(shows({}, 'win32')).toBe(false);
    expect(shows({ WT_SESSION: 'x' }, 'win32')).toBe(true);
  });

  it('are words in plain mode, and letters of names stay', () => {
    expect(inWords('✖ Zoë\'s token was refused\n  ! It ends soon\n  ✔ teams  ✖ posts · …')).toBe('Error: Zoë\'s token was refused\n  Warning: It ends soon\n  [ok] teams  [no] posts | ...');
    expect(inAscii('\u001b[31m✖\u001b[39m no\n  ! it')).toBe('\u001b[31mError:\u001b[39m no\n  ! it');
  });

  it('are words by the option, the variable and a terminal that is dumb', () => {
    const plain = (env: Record<string, string>, option = false): boolean => isPlainMode({ option, env });
    expect([plain({}), plain({}, true), plain({ TERM: 'dumb' }), plain({ CREDSETUP_PLAIN: '1' })]).toEqual([false, true, true, true]);
    expect(['', '0', 'false'].map((value) => plain({ CREDSETUP_PLAIN: value }))).toEqual([false, false, false]);
  });
});
