import { longRun } from './test/long-run.ts';

/** `npm run test:kill`: each command that changes something is killed 200 times at random moments, Mautic's at each request; and eight processes work for a minute. */
export default longRun(['test/killed.test.ts', 'test/crowd.test.ts', 'test/commands/mautic-provisioning.test.ts'], ['CREDSETUP_TEST_KILLS', '200']);
