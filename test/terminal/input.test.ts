import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InputOwner, type OpenEvent, type TerminalInput } from '../../src/terminal/input-owner.ts';
import { InputParser, type InputEvent } from '../../src/terminal/input-parser.ts';
import { characters, clean, lengthOf } from '../../src/terminal/paste.ts';
import { cut, widthOf } from '../../src/terminal/width.ts';

function parse(...pieces: string[]): InputEvent[] {
  const events: InputEvent[] = [];
  const parser = new InputParser((event) => events.push(event));
  for (const piece of pieces) parser.push(piece);
  return events;
}

/** Events with neighbouring texts joined: how text is cut is not what matters. */
function joined(events: readonly InputEvent[]): InputEvent[] {
  return events.reduce<InputEvent[]>((result, event) => {
    const last = result.at(-1);
    if (event.kind === 'text' && last?.kind === 'text') return [...result.slice(0, -1), { kind: 'text', text: last.text + event.text }];
    return [...result, event];
  }, []);
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('What a terminal sends', () => {
  it('means the same however it is cut into pieces', () => {
    const part = fc.oneof(
      fc.constantFrom('\u001b[A', '\u001bOB', '\u001b[1;5C', '\u001b[3~', '\u007f', '\u0015', '\u001b[200~pasted \u001b[A\r\ntext\u0003\u001b[201~', '\u001b[200~\u001b[201~', '\u001b]11;rgb:0/0/0\u0007', '\u001b[?62;c', 'ü€🔑'),
      fc.string({ unit: fc.constantFrom(...Array.from('abc [~2010;')), maxLength: 6 }),
    );
    fc.assert(fc.property(fc.array(part, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 12 }), (parts, cuts) => {
      const whole = parts.join('');
      const places = [...new Set(cuts.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b)
        // The decoder before the parser never cuts a character in two, and a Ctrl-C that comes alone is one.
        .filter((place) => !/[\ud800-\udbff]/.test(whole[place - 1] ?? '') && whole[place] !== '\u0003' && whole[place - 1] !== '\u0003');
      const pieces = [...places, whole.length].map((place, index) => whole.slice(places[index - 1] ?? 0, place)).filter((piece) => piece !== '');
      expect(joined(parse(...pieces))).toEqual(joined(parse(whole)));
    }), { numRuns: 2000 });
  });

  it('is a paste as one value, whatever is in it', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 50 }).filter((text) => !text.includes('\u001b[201~')), (text) => {
      expect(parse(`\u001b[200~${text}\u001b[201~`)).toEqual([{ kind: 'paste-begins' }, { kind: 'paste', text, length: lengthOf(text) }]);
    }));
  });

  it('is counted whole and kept only in part when a paste is huge', () => {
    const events = parse('\u001b[200~', ...Array.from({ length: 50 }, () => 'x'.repeat(10_000)), '\u001b[201~');
    expect(events[1]).toMatchObject({ kind: 'paste', length: 500_000 });
    expect(events[1]?.kind === 'paste' && events[1].text.length).toBe(256 * 1024);
  });

  it('is Esc when nothing follows, and an arrow when the rest comes in time', () => {
    const events: InputEvent[] = [];
    const parser = new InputParser((event) => events.push(event));
    parser.push('\u001b');
    expect(events).toEqual([]);
    vi.advanceTimersByTime(50);
    expect(events).toEqual([{ kind: 'key', name: 'escape' }]);
    parser.push('\u001b');
    vi.advanceTimersByTime(40);
    parser.push('[');
    vi.advanceTimersByTime(400);
    parser.push('D');
    expect(events[1]).toEqual({ kind: 'key', name: 'left' });
    parser.push('\u001b[');
    vi.advanceTimersByTime(1_000);
    expect(events).toHaveLength(2);
  });

  it('is Esc twice, Alt with a key, or an unknown key', () => {
    expect(parse('\u001b\u001b[A')).toEqual([{ kind: 'key', name: 'escape' }, { kind: 'key', name: 'up' }]);
    expect(parse('\u001bx', 'y')).toEqual([{ kind: 'text', text: 'y' }]);
    expect(parse('\u001b[15~\u001b[<0;1;1M\u001a\u0000\u009b')).toEqual([]);
  });

  it('is one Enter for a carriage return with a line feed', () => {
    expect(parse('a\r\n')).toHaveLength(2);
    expect(parse('a\r', '\n')).toHaveLength(2);
    expect(parse('\n\n')).toHaveLength(2);
  });

  it('is Ctrl-C alone also in a paste that never ends', () => {
    expect(parse('\u001b[200~abc', '\u0003', 'x')).toEqual([{ kind: 'paste-begins' }, { kind: 'interrupt' }, { kind: 'text', text: 'x' }]);
  });
});

describe('A pasted value', () => {
  const unseen = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r', '\u00a0', '\u200b', '\u200d', '\ufeff', '\u2060', '\u202f', '\u2028', '\u0085', '\u00ad'), maxLength: 6 });
  const value = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 30 }).filter((text) => text.trim() === text && text !== '');

  it('loses what is not seen around it, and nothing else', () => {
    fc.assert(fc.property(unseen, value, unseen, (before, text, after) => {
      expect(clean(before + text + after)).toEqual({ value: text });
    }));
  });

  it('is refused for what is not seen inside it, by name and place, without a word of it', () => {
    fc.assert(fc.property(value, unseen.filter((text) => /[^ ]/.test(text)), value, (before, inside, after) => {
      const cleaned = clean(before + inside + after);
      const spaces = /^ */.exec(inside)?.[0].length ?? 0;
      expect('refusal' in cleaned && cleaned.refusal).toMatch(new RegExp(`^an? [a-z -]+ after ${characters(lengthOf(before) + spaces)}$`));
    }));
  });

  it('is counted as people count', () => {
    expect(lengthOf('ab🔑é')).toBe(4);
    expect([characters(1), characters(0), characters(102_400)]).toEqual(['1 character', '0 characters', '102,400 characters']);
  });
});

describe('A line', () => {
  it('is cut to the width in columns', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 10, max: 50 }), (text, columns) => {
      const line = cut(text, columns);
      expect(widthOf(line)).toBeLessThanOrEqual(columns);
      expect(line).not.toContain('\n');
    }));
    expect(cut('one\n  two', 80)).toBe('one two');
  });
});

class Stdin extends EventEmitter {
  isRaw = false;
  paused = true;
  setRawMode(raw: boolean): void {
    this.isRaw = raw;
  }
  resume(): void {
    this.paused = false;
  }
  pause(): void {
    this.paused = true;
  }
}

describe('The owner of standard input', () => {
  function own(): { owner: InputOwner; stdin: Stdin; written: string[]; interrupt: ReturnType<typeof vi.fn<() => void>> } {
    const stdin = new Stdin();
    const written: string[] = [];
    const interrupt = vi.fn<() => void>();
    const owner = new InputOwner(stdin satisfies TerminalInput, { write: (text) => written.push(text) }, interrupt);
    return { owner, stdin, written, interrupt };
  }

  it('gives the terminal back as it was, once', () => {
    const { owner, stdin, written } = own();
    owner.stop();
    expect(written).toEqual([]);
    owner.start();
    owner.start();
    expect([stdin.isRaw, stdin.paused, stdin.listenerCount('data')]).toEqual([true, false, 1]);
    owner.stop();
    owner.stop();
    expect([stdin.isRaw, stdin.paused, stdin.listenerCount('data')]).toEqual([false, true, 0]);
    expect(written).toEqual(['\u001b[?2004h', '\u001b[?2004l\u001b[?25h']);
  });

  it('puts characters together whose bytes arrive apart', () => {
    const { owner, stdin } = own();
    owner.start();
    const events: InputEvent[] = [];
    owner.open((event) => { if (event.kind !== 'redraw') events.push(event); });
    for (const byte of Buffer.from('ü🔑')) stdin.emit('data', Buffer.from([byte]));
    expect(joined(events)).toEqual([{ kind: 'text', text: 'ü🔑' }]);
  });

  it('lets nothing through after the answer in the same piece', () => {
    const { owner, stdin } = own();
    owner.start();
    const events: OpenEvent[] = [];
    const close = owner.open((event) => {
      events.push(event);
      if (event.kind === 'key') close();
    });
    stdin.emit('data', Buffer.from('\r\u001b[A\u001b[200~x\u001b[201~'));
    expect(events).toEqual([{ kind: 'key', name: 'enter' }]);
  });

  it.each(['end', 'close', 'error'])('tells an open question of the %s, and each one after it', async (name) => {
    const { owner, stdin } = own();
    owner.start();
    const events: OpenEvent[] = [];
    owner.open((event) => events.push(event))();
    stdin.emit(name, new Error('EIO'));
    expect(events).toEqual([]);
    owner.open((event) => events.push(event));
    await Promise.resolve();
    expect(events).toEqual([{ kind: 'end' }]);
  });

  it('hears Ctrl-C while nothing is asked', () => {
    const { owner, stdin, interrupt } = own();
    owner.start();
    stdin.emit('data', Buffer.from('\u0003'));
    expect(interrupt).toHaveBeenCalledTimes(1);
  });
});
