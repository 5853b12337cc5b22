/** The table of SECURITY.md: no empty cell, and everything that it names is there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const rows = read('SECURITY.md').split('\n').filter((line) => /^\| \d+ \|/.test(line)).map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()));

describe('the table of behaviours', () => {
  it('has every behaviour once, and no empty cell', () => {
    expect(rows.length).toBeGreaterThanOrEqual(44);
    expect(rows.map(([number]) => Number(number))).toEqual(rows.map((_, at) => at + 1));
    for (const cells of rows) {
      expect(cells, cells.join()).toHaveLength(5);
      expect(cells.filter((cell) => cell.length < 1 || /@|TODO|\?/.test(cell.replaceAll(/`[^`]*`|“[^”]*”/g, ''))), cells.join()).toEqual([]);
    }
  });

  it.each(rows as [string, string, string, string, string][])('names files that are there, and tests that are in them: %s %s', (_number, _behaviour, where = '', proof = '') => {
    const files = [...where.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);
    expect(files.length).toBeGreaterThan(0);
    for (const path of files) expect(existsSync(join(root, path)), path).toBe(true);
    const proofs = proof.split('; ').map((part) => /^`(test\/[\w/.-]+\.test\.ts)`: (“.+”)$/.exec(part));
    for (const one of proofs) {
      expect(one, proof).not.toBeNull();
      const source = read(one![1]!).replaceAll('\\\'', '\'');
      for (const title of one![2]!.slice(1, -1).split('”, “')) expect(source.includes(`'${title}'`), `${title} in ${one![1]!}`).toBe(true);
    }
  });
});
