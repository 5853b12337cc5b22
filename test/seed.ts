/**
 * Generated input is new at every run, and a failure prints its seed. Where a run decides whether
 * a change lands (CI), the input is the same each time, so that a red run means the change.
 * CREDSETUP_TEST_SEED repeats a printed seed for all.
 */
import fc from 'fast-check';

const given = process.env['CREDSETUP_TEST_SEED'] ?? ((process.env['CI'] ?? '') === '' ? '' : '8252');
if (given !== '') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(given) });
