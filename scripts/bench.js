/**
 * How long a start takes, as the ratio of medians to a bare `node -e 0` in one run. Fails beyond
 * the limits. All take turns, so that a busy moment of the machine meets each of them; a machine
 * that is busy all the time still spoils a median, so what is too slow is measured again, twice at most.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const rounds = 61;
const attempts = 3;
const program = fileURLToPath(new URL('../bin/credsetup.js', import.meta.url));
const runs = [
  { name: 'node -e 0', args: ['-e', '0'] },
  { name: '--version', args: [program, '--version'], limit: 1.25 },
  { name: '--help', args: [program, '--help'], limit: 1.5 },
  // Without a limit, to see what a command costs.
  { name: 'mattermost --help', args: [program, 'mattermost', '--help'] },
  { name: 'list (empty)', args: [program, 'list', '--json'] },
];
// NODE_EXTRA_CA_CERTS costs every start of Node 20 some 40 ms.
const { NODE_EXTRA_CA_CERTS: _dropped, NODE_OPTIONS: _options, ...env } = process.env;
const childEnv = { ...env, CREDSETUP_HOME: fileURLToPath(new URL('../build/no-such-home', import.meta.url)) };

function measure({ args }) {
  const started = process.hrtime.bigint();
  const { status } = spawnSync(process.execPath, args, { env: childEnv, stdio: 'ignore' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  return Number(process.hrtime.bigint() - started) / 1e6;
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}

/** Prints a line for each run; true when all kept to their limits. */
function bench() {
  const times = runs.map(() => []);
  for (const run of runs) measure(run);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, run] of runs.entries()) times[index].push(measure(run));
  }
  const medians = times.map(median);
  const ratios = medians.map((one) => one / medians[0]);
  for (const [index, { name, limit }] of runs.entries()) {
    const verdict = limit === undefined ? '' : `  limit ${limit.toFixed(2)}${ratios[index] > limit ? '  TOO SLOW' : ''}`;
    console.log(`${name.padEnd(20)} ${medians[index].toFixed(1).padStart(7)} ms  ratio ${ratios[index].toFixed(2)}${verdict}`);
  }
  return runs.every(({ limit }, index) => limit === undefined || ratios[index] <= limit);
}

let kept = bench();
for (let attempt = 2; !kept && attempt <= attempts; attempt += 1) {
  console.log(`\nBeyond a limit: measured again (${attempt} of ${attempts}).`);
  kept = bench();
}
process.exitCode = kept ? 0 : 1;
