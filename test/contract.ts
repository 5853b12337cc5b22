/** docs/cli.md, read: what programs depend on stands there once. */
import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../docs/cli.md', import.meta.url), 'utf8');

/** The rows of the table under a heading, cell by cell. */
function table(heading: string): readonly (readonly string[])[] {
  const chapter = text.split(/^## /m).find((one) => one.startsWith(heading));
  if (chapter === undefined) throw new Error(`docs/cli.md has no chapter ${heading}`);
  return chapter.split('\n').filter((line) => line.startsWith('| ')).slice(1)
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
}

const codesIn = (cell = ''): string[] => [...cell.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].flatMap(([, code = '']) => code);

/** Each code with its exit code. Signals have numbers and no code. */
export const exitCodesOfContract: ReadonlyMap<string, number> = new Map(table('Exit codes').flatMap(([exit = '', means, codes]): [string, number][] => {
  if (/^\d+$/.test(exit)) return codesIn(codes).filter((code) => !code.startsWith('--')).map((code) => [code, Number(exit)]);
  if (exit.startsWith('125')) return [['COMMAND_NOT_EXECUTABLE', 126], ['COMMAND_NOT_FOUND', 127]];
  return codesIn(means).map((code) => [code, 130]);
}));

/** Every command by its first word. */
export const commandsOfContract: readonly string[] = [...new Set(table('Commands').flatMap(([cell = '']) => [...cell.matchAll(/`(?:credsetup )?([a-z][a-z0-9]*)/g)].map(([, word = '']) => word)))]
  .filter((word) => word !== 'credsetup');
