/** What a file of tests opened is ended after its tests, the last first. */
import { rmSync } from 'node:fs';
import { afterAll } from 'vitest';
import { temporaryHome } from './program.ts';

const endings: (() => Promise<void> | void)[] = [];
afterAll(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Runs `end` after the tests of the file. */
export function atTheEnd(end: () => Promise<void> | void): void {
  endings.push(end);
}

/** A folder that is gone after the tests of the file. */
export function folder(): string {
  const made = temporaryHome();
  atTheEnd(() => { rmSync(made, { recursive: true, force: true }); });
  return made;
}
