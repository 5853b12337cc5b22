import { defineConfig } from 'vitest/config';

/** `npm run test:n8n`: against the real n8n, which is large and comes from the registry. */
export default defineConfig({
  test: { include: ['test/n8n/*.test.ts'], globalSetup: ['test/global-setup.ts'], testTimeout: 300_000, hookTimeout: 1_200_000 },
});
