import { defineConfig } from 'vitest/config';

// Where the counts go, for .ci/run.
const report = process.env['CREDSETUP_TEST_REPORT'] ?? '';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Needs the real n8n: npm run test:n8n.
    exclude: ['test/n8n/**'],
    globalSetup: ['test/global-setup.ts'],
    setupFiles: ['test/seed.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores: the terminal and keychain tests start real programs.
    maxWorkers: 2,
    reporters: report === '' ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
