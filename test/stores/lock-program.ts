/** A process that takes a lock: `hold` keeps it, `count N` adds one to a file N times under it. */
import { readFile, writeFile } from 'node:fs/promises';
import { machineOf } from '../../src/stores/home.ts';
import { withLock } from '../../src/stores/lock.ts';

const [path = '', what, times = '1'] = process.argv.slice(2);
const options = { machine: machineOf(process), staleMs: 1000, heartbeatMs: 100 };

if (what === 'hold') {
  await withLock(path, options, async () => {
    process.stdout.write('held\n');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });
}
for (let left = Number(times); what === 'count' && left > 0; left -= 1) {
  await withLock(path, options, async () => {
    const count = Number(await readFile(`${path}.count`, 'utf8'));
    await writeFile(`${path}.count`, String(count + 1));
  });
}
