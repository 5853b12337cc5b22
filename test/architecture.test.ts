/** What the house promises of itself: the core knows no service, and what is declared is used. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { commands } from '../src/commands/catalog.ts';
import { services } from '../src/services/all.ts';
import { serviceLines } from '../src/services/map.ts';

const source = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).map((file) => join(source, file));
const read = (file: string): ts.SourceFile => ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);

/** Every text and name of a file, without its comments. */
function words(file: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node)) {
      found.push(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(read(file));
  return found;
}

describe('the core', () => {
  it('knows no service by name: its words stand in its folder and its lines in the two lists', () => {
    // n8n is where credentials go as well as a service; its name is the core's too.
    const names = serviceLines.filter(({ id }) => id !== 'n8n').map(({ id }) => new RegExp(id, 'i'));
    const home = new RegExp(`^(services/(${serviceLines.map(({ id }) => id).join('|')})/|services/(map|all)\\.ts|practice/)`);
    const strangers = files.filter((file) => !home.test(relative(source, file))).flatMap((file) => words(file)
      // Codes are the contract's.
      .filter((word) => !/^NOT_[A-Z0-9]+$/.test(word) && names.some((name) => name.test(word)))
      .map((word) => `${relative(source, file)}: ${word}`));
    expect(strangers).toEqual([]);
  });

  it('has the same services on the command line as behind it', () => {
    const behind = services.map(({ id, title, methods }) => ({ id, title, methods: methods.map((method) => method.id) }));
    expect(behind).toEqual(serviceLines.map(({ id, title, methods }) => ({ id, title, methods })));
  });
});

/** A command's own file and what it imports of its room. */
function filesOf(command: string, seen = new Set<string>()): ReadonlySet<string> {
  const setUp = serviceLines.some(({ id }) => id === command);
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, other = ''] of readFileSync(join(source, 'commands', file), 'utf8').matchAll(/from '\.\/([a-z0-9-]+\.ts)'/g)) if (!['catalog.ts', 'command.ts', 'option.ts'].includes(other)) visit(other);
  };
  visit(setUp ? 'set-up.ts' : `${command}.ts`);
  return seen;
}

describe('an option that is declared', () => {
  it.each(commands.map((command) => [command.name, command] as const))('of %s is read by its run', (name, { options, without = [] }) => {
    const names = new Set([...filesOf(name)].flatMap((file) => {
      const found: string[] = [];
      const visit = (node: ts.Node): void => {
        if (ts.isPropertyAccessExpression(node)) found.push(node.name.text);
        if (ts.isBindingElement(node)) found.push((node.propertyName ?? node.name).getText());
        ts.forEachChild(node, visit);
      };
      visit(read(join(source, 'commands', file)));
      return found;
    }));
    // What every command passes on to the network as it is, by networkOptions.
    const passedOn = ['proxy', 'timeout'];
    expect(Object.keys(options).filter((key) => !without.includes(key) && !passedOn.includes(key) && !names.has(key))).toEqual([]);
  });
});
