/** What the runs have in common that try more than every day's: `npm run test:fuzz` and `npm run test:kill`. */
import { defineConfig } from 'vitest/config';

/**
 * One file after another, with the seed printed and time for all of it.
 *
 * @param amount the variable that says how many of each are tried, and how many without it
 */
export function longRun(include: readonly string[], [variable, many]: readonly [variable: string, many: string]): ReturnType<typeof defineConfig> {
  return defineConfig({
    test: {
      include: [...include],
      env: { [variable]: process.env[variable] ?? many },
      globalSetup: ['test/global-setup.ts'],
      setupFiles: ['test/seed.ts'],
      testTimeout: 3_600_000,
      hookTimeout: 60_000,
      maxWorkers: 1,
      reporters: ['verbose'],
    },
  });
}
