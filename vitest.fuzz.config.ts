import { longRun } from './test/long-run.ts';

/** `npm run test:fuzz`: the tests that take generated input, with 100,000 of each. */
export default longRun([
  'test/fuzz/*.test.ts', 'test/redaction.test.ts', 'test/given-value.test.ts', 'test/server/address.test.ts', 'test/terminal/escape.test.ts',
  'test/stores/index-file.test.ts', 'test/oauth/pasted-callback.test.ts', 'test/oauth/redirect-page.test.ts', 'test/http/cut-answers.test.ts',
], ['CREDSETUP_TEST_INPUTS', '100000']);
