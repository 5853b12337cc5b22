/** The files under src/ form no circle, whether they import values, types, or later by import(). */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const source = fileURLToPath(new URL('../src', import.meta.url));

type Imports = ReadonlyMap<string, readonly string[]>;

/** What each file under a folder imports of the others, as compilers see it. */
function importsUnder(folder: string): Imports {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).sort();
  return new Map(files.map((file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(folder, file), 'utf8'));
    return [file, importedFiles.filter(({ fileName }) => /^\..*\.ts$/.test(fileName)).map(({ fileName }) => join(dirname(file), fileName))];
  }));
}

/** The first circle that is met: a file, what it imports, and so on, back to it. */
function circleIn(imports: Imports): readonly string[] | undefined {
  const done = new Set<string>();
  const follow = (file: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const found = follow(next, [...way, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const found = follow(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

it('finds a circle of any length, and none where two ways meet', () => {
  const met = new Map([['a', ['b', 'c']], ['b', ['d']], ['c', ['d']], ['d', []]]);
  expect(circleIn(met)).toBeUndefined();
  expect(circleIn(new Map([...met, ['d', ['e']], ['e', ['b']]]))).toEqual(['b', 'd', 'e', 'b']);
  expect(circleIn(new Map([['a', ['a']]]))).toEqual(['a', 'a']);
});

it('the files of src/ import one another in no circle, types included', () => {
  const imports = importsUnder(source);
  const edges = [...imports.values()].flat();
  // Each import leads to a file that was read: a name that is none would hide a circle.
  expect(edges.filter((file) => !imports.has(file))).toEqual([]);
  expect(edges.length).toBeGreaterThan(imports.size);
  expect(imports.get('main.ts')).toContain('run.ts');
  expect(circleIn(imports)?.join(' → ')).toBeUndefined();
});
