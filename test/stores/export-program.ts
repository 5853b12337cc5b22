/** A process that writes an export of N characters, and says the code when it fails. */
import { isCredsetupError } from '../../src/errors.ts';
import { writeExport } from '../../src/stores/export-file.ts';

const [path = '', mode, length = '1'] = process.argv.slice(2);
try {
  await writeExport(path, 'x'.repeat(Number(length)), { overwrite: mode === 'overwrite' });
} catch (error) {
  process.stdout.write(isCredsetupError(error) ? error.code : String(error));
}
