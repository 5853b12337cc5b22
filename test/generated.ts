/**
 * How much generated input a property gets. `npm test` tries a few hundred in seconds; `npm run
 * test:fuzz` tries 100,000 of each (or CREDSETUP_TEST_INPUTS) and prints the seed, which
 * CREDSETUP_TEST_SEED repeats.
 */
const wanted = Number(process.env['CREDSETUP_TEST_INPUTS'] ?? '0');

/** `few` for every day, or as many as were asked for. */
export function inputs(few: number): { readonly numRuns: number } {
  return { numRuns: Number.isSafeInteger(wanted) && wanted > 0 ? wanted : few };
}
