/**
 * How long a start takes, as the ratio of medians to a bare `node -e 0` in one run. Fails beyond
 * the limits. The three take turns, so that a busy moment of the machine meets all of them.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const rounds = 41;
const program = fileURLToPath(new URL('../bin/credsetup.js', import.meta.url));
const runs = [
  { name: 'node -e 0', args: ['-e', '0'] },
  { name: '--version', args: [program, '--version'], limit: 1.25 },
  { name: '--help', args: [program, '--help'], limit: 1.5 },
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

const times = runs.map(() => []);
for (const run of runs) measure(run);
for (let round = 0; round < rounds; round += 1) {
  for (const [index, run] of runs.entries()) times[index].push(measure(run));
}

const medians = times.map((list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]);
let failed = false;
for (const [index, { name, limit }] of runs.entries()) {
  const ratio = medians[index] / medians[0];
  const tooSlow = limit !== undefined && ratio > limit;
  failed ||= tooSlow;
  console.log(`${name.padEnd(20)} ${medians[index].toFixed(1).padStart(7)} ms  ratio ${ratio.toFixed(2)}${limit === undefined ? '' : `  limit ${limit.toFixed(2)}${tooSlow ? '  TOO SLOW' : ''}`}`);
}
process.exitCode = failed ? 1 : 0;
