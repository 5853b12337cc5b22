/** A process that writes an export of N characters, perhaps with a home, and says the code when it fails. */
import { isCredsetupError } from '../../src/errors.ts';
import { inheritedDescriptors } from '../../src/stores/descriptors.ts';
import { writeExport } from '../../src/stores/export-file.ts';
import { machineOf } from '../../src/stores/home.ts';

const [path = '', mode, length = '1', home] = process.argv.slice(2);
try {
  await writeExport(path, 'x'.repeat(Number(length)), { overwrite: mode === 'overwrite', machine: machineOf(process), home, descriptors: inheritedDescriptors() });
} catch (error) {
  process.stdout.write(isCredsetupError(error) ? error.code : String(error));
}
