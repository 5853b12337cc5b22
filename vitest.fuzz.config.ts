import { defineConfig } from 'vitest/config';

/** `npm run test:fuzz`: the tests that take generated input, with 100,000 of each. One file after another. */
export default defineConfig({
  test: {
    include: [
      'test/fuzz/*.test.ts', 'test/redaction.test.ts', 'test/given-value.test.ts', 'test/server/address.test.ts', 'test/terminal/escape.test.ts',
      'test/stores/index-file.test.ts', 'test/oauth/pasted-callback.test.ts', 'test/oauth/redirect-page.test.ts',
    ],
    env: { CREDSETUP_TEST_INPUTS: process.env['CREDSETUP_TEST_INPUTS'] ?? '100000' },
    globalSetup: ['test/global-setup.ts'],
    setupFiles: ['test/seed.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    reporters: ['verbose'],
  },
});
