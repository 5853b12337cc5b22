/**
 * Generated input is new at every run, and a failure prints its seed. Where a run decides whether
 * a change lands (CI), the input is the same each time, so that a red run means the change.
 * CREDSETUP_TEST_SEED repeats a printed seed for all; a long run (CREDSETUP_TEST_INPUTS) prints its own.
 */
import fc from 'fast-check';

const long = (process.env['CREDSETUP_TEST_INPUTS'] ?? '') !== '';
const everyDay = (process.env['CI'] ?? '') === '' ? '' : '8252';
const given = process.env['CREDSETUP_TEST_SEED'] ?? (long ? String(Math.floor(Math.random() * 2 ** 31)) : everyDay);
if (long) console.log(`seed of the generated input: CREDSETUP_TEST_SEED=${given}`);
if (given !== '') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(given) });
