import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Where the counts go, for .ci/run.
const report = process.env['CREDSETUP_TEST_REPORT'] ?? '';

/** Where the time goes, longest first: what starts the program again and again. A long file begun last would run alone. */
const longest = [
  'killed.test', 'stores/faults', 'commands/failed-writes', 'commands/echoed', 'exporters/copies', 'commands/mattermost-killed', 'commands/bad-input', 'commands/mattermost', 'commands/sign-in', 'commands/error-table', 'exporters/push',
  'commands/set-up', 'commands/reconnect', 'e2e/', 'vault-processes', 'commands/', 'exporters/', 'terminal/terminal', 'stores/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = longest.findIndex((part) => moduleId.includes(`/test/${part}`));
      return found < 0 ? longest.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Needs the real n8n: npm run test:n8n.
    exclude: ['test/n8n/**'],
    globalSetup: ['test/global-setup.ts'],
    setupFiles: ['test/seed.ts'],
    // No test waits this long for anything but a machine that is busy: a test that hangs is ended by it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores, and one file more: the terminal and keychain tests start real programs and wait for them.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    reporters: report === '' ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
