/**
 * What a server, a file or a clipboard sends is of any length and any shape, and a pattern that
 * goes back over it again and again stops the program: no time limit and no signal reaches it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const src = new URL('../src/', import.meta.url).pathname;

interface Found {
  readonly where: string;
  readonly pattern: RegExp;
}

/** Every pattern that is written as one in the sources that are shipped. */
function patterns(): readonly Found[] {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts') && !path.startsWith('practice'));
  return files.flatMap((path) => {
    const file = ts.createSourceFile(path, readFileSync(join(src, path), 'utf8'), ts.ScriptTarget.Latest);
    const found: Found[] = [];
    const visit = (node: ts.Node): void => {
      if (ts.isRegularExpressionLiteral(node)) {
        const end = node.text.lastIndexOf('/');
        const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
        found.push({ where: `${path}:${line + 1} ${node.text}`, pattern: new RegExp(node.text.slice(1, end), node.text.slice(end + 1)) });
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
  });
}

const general = [' ', '\n', '\r\n', '\t', 'a', 'A', '0', '/', '\\', '.', '-', '_', '=', '"', '\'', '<', '>', '&', '%', '%41', '#', '##', ':', ': ', 'a ', 'a.', '/a', ' a\n', '{a', '\u001b[', '\u001b]', '\u00a0', '\u200b', '[', '(', '\u{1f600}'];

/** The pattern's own words, which lead into its repeated parts. */
function words({ source }: RegExp): readonly string[] {
  return [...source.matchAll(/(?:\\.|[^\\()[\]{}?*+|^$.])+/g)].map(([text]) => text.replace(/\\([^a-zA-Z])/g, '$1').replace(/\\./g, ' ')).filter((text) => text.length > 1).slice(0, 4);
}

// Only a script of its own can be stopped while it searches.
const sandbox = createContext({});
const search = new Script('new RegExp(source, flags).test(text); text.replace(new RegExp(source, flags + "g"), "")');

/** Milliseconds of CPU for one search and one replacement; Infinity when it was stopped. */
function cost(pattern: RegExp, text: string): number {
  Object.assign(sandbox, { source: pattern.source, flags: pattern.flags.replace('g', ''), text });
  const before = process.cpuUsage();
  try {
    search.runInContext(sandbox, { timeout: 2000 });
  } catch (error) {
    // It comes from the other context, whose Error is another class.
    if ((error as { readonly code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return Infinity;
    throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The first text on which the pattern takes far more than four times as long when it is four times as long. */
function slowOn(pattern: RegExp, length: number): string | undefined {
  for (const pump of [...general, ...words(pattern)]) {
    for (const end of ['', '\u0001', 'x']) {
      const text = (times: number): string => pump.repeat(Math.ceil((times * length) / pump.length)) + end;
      const four = cost(pattern, text(4));
      // A linear one takes less than a millisecond; what is slow once may have waited for the machine.
      if (four > 40 && four > cost(pattern, text(1)) * 8 && cost(pattern, text(4)) > 40) return `${JSON.stringify(pump)}, then ${JSON.stringify(end)}`;
    }
  }
  return undefined;
}

describe('a pattern', () => {
  const found = patterns();

  it('is found by this test wherever it stands', () => {
    expect(found.length).toBeGreaterThan(120);
    expect(found.map(({ where }) => where).join('\n')).toMatch(/gateway\.ts.*<input/);
  });

  it('that is quadratic, or worse, would be found', () => {
    expect(slowOn(/<input[^>]+type=password/i, 4000)).toBeDefined();
    expect(slowOn(/\s+$/, 4000)).toBeDefined();
    expect(slowOn(/a(?:\r\n?|\n)+b/, 4000)).toBeUndefined();
    expect(slowOn(/(?:\r\n?|\n)+b/, 4000)).toBeDefined();
  });

  it.each(found.map((one) => [one.where, one.pattern] as const))('takes four times as long for a text of four times the length: %s', (_, pattern) => {
    expect(slowOn(pattern, 4000)).toBeUndefined();
  });
});
