import { defineConfig } from 'vitest/config';

/** `npm run test:kill`: each command that changes something is killed 200 times at random moments, Mautic's at each request; and eight processes work for a minute. */
export default defineConfig({
  test: {
    include: ['test/killed.test.ts', 'test/crowd.test.ts', 'test/commands/mautic-provisioning.test.ts'],
    env: { CREDSETUP_TEST_KILLS: process.env['CREDSETUP_TEST_KILLS'] ?? '200' },
    globalSetup: ['test/global-setup.ts'],
    setupFiles: ['test/seed.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    reporters: ['verbose'],
  },
});
