/**
 * Keeps what V8 compiles of dist/'s large files in a run of the commands that scripts run, against
 * a practice server on loopback: see load.cjs. Where that cannot be run, the program starts slower
 * and is otherwise the same.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const load = require('../dist/load.cjs');
// What was compiled with other flags than a start has is refused.
require('node:v8').setFlagsFromString = () => undefined;
const home = await mkdtemp(join(tmpdir(), 'credsetup-build-'));
try {
  const { startMattermost } = await import('../build/mattermost.js');
  const { newIdentity } = await import('../build/new-identity.js');
  const server = await startMattermost({ tokensEnabled: true });
  server.joinTeam('maker');
  for (const name of Object.keys(process.env)) if (name.startsWith('CREDSETUP_')) delete process.env[name];
  const variables = { CREDSETUP_HOME: home, CREDSETUP_STORE: 'file', CREDSETUP_IDENTITY: await newIdentity(), CREDSETUP_TOKEN: server.makeToken('maker').token };
  const { main } = load('main.cjs');
  const lines = [
    ['mattermost', '--url', server.url, '--allow-http', '--name', 'chat'],
    ['mattermost', '--url', server.url, '--allow-http', '--name', 'chat', '--replace'],
    ['list'], ['list', '--json'], ['get', 'chat'], ['exec', 'chat', '--', process.execPath, '--version'], ['test', 'chat'],
  ];
  for (const line of lines) {
    // A run takes the secret ones out of the process's environment.
    Object.assign(process.env, variables);
    const exitCode = await main(line);
    if (exitCode !== 0) throw new Error(`${line[0]} ended with ${exitCode}`);
  }
  for (const { script, filename } of load.loaded.values()) await writeFile(`${filename}.compiled`, script.createCachedData());
  await server.close();
} finally {
  await rm(home, { recursive: true, force: true });
}
process.exit(0);
