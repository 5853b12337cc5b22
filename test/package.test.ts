/** The package as it is published: what the tarball holds, and that it installs and runs. */
import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Linter } from 'eslint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands, optionsOf } from '../src/commands/catalog.ts';
import { cleanEnvironment } from './program.ts';
import { has } from './tools.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const windows = process.platform === 'win32';
// Node starts npm's script itself: npm is a shell script on Windows, and npm_execpath is set under `npm test` only.
const npm = process.env['npm_execpath'];

interface PackageJson {
  readonly version: string;
  readonly files: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
}

let folder: string;
let files: readonly string[];
let installed: string;

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}

function npmRun(args: readonly string[], cwd: string): Promise<{ readonly stdout: string }> {
  const env = cleanEnvironment({ npm_config_fund: 'false', npm_config_audit: 'false', npm_config_update_notifier: 'false' });
  return npm === undefined ? run('npm', [...args], { cwd, env, shell: windows }) : run(process.execPath, [npm, ...args], { cwd, env });
}

/** All files below a folder, as paths from it with forward slashes. */
async function filesBelow(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1).replaceAll('\\', '/'));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credsetup package '));
  // The build is there (global-setup.ts), and building again would take it from under the other tests.
  const { stdout } = await npmRun(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], root);
  const packed = JSON.parse(stdout) as readonly { readonly filename: string; readonly files: readonly { readonly path: string }[] }[];
  files = packed[0]!.files.map(({ path }) => path);
  const prefix = join(folder, 'prefix');
  await mkdir(prefix);
  // The harder case: no script of a dependency runs. `npm run test:install` installs with them, too.
  await npmRun(['install', '--ignore-scripts', '--global', '--prefix', prefix, join(folder, packed[0]!.filename)], folder);
  installed = join(prefix, ...(windows ? [] : ['lib']), 'node_modules', 'credsetup');
}, 240_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('the tarball', () => {
  it('holds what package.json lists, and nothing else', async () => {
    const { files: listed } = await readJson<PackageJson>(join(root, 'package.json'));
    expect([...new Set(files.map((path) => path.split('/')[0]))].sort()).toEqual([...listed, 'package.json'].sort());
    expect(listed.filter((one) => ['src', 'test', 'build', 'scripts', '.ci', '.github'].includes(one))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['bin/credsetup.js', 'dist/main.cjs', 'dist/run.js', 'dist/help.txt', 'dist/keychain-child.js', 'dist/scrypt-worker.js', 'dist/THIRD-PARTY-LICENSES.txt']));
  });

  it('holds no practice server, no test and no source', async () => {
    expect(files.filter((path) => /practice|demo|\.test\.|\.ts$|\.map$/.test(path))).toEqual([]);
    const texts = await Promise.all(files.filter((path) => path.startsWith('dist/')).map((path) => readFile(join(installed, path), 'utf8')));
    expect(texts.filter((text) => text.includes('src/practice'))).toEqual([]);
  });

  it('names no folder of the machine that built it', async () => {
    for (const path of await filesBelow(installed)) {
      if (path.startsWith('node_modules/')) continue;
      const text = await readFile(join(installed, path), 'utf8');
      expect(text.includes(root), path).toBe(false);
      expect(text.includes(tmpdir() + '/credsetup'), path).toBe(false);
    }
  });

  it('starts with compiled code that is none, or of another version, as without any', async () => {
    const copy = join(folder, 'other code');
    await cp(installed, copy, { recursive: true });
    const compiled = (await filesBelow(join(copy, 'dist'))).filter((path) => path.endsWith('.compiled'));
    expect(compiled).toContain('main.cjs.compiled');
    for (const path of compiled) await writeFile(join(copy, 'dist', path), 'no code at all');
    const { stdout } = await run(process.execPath, [join(copy, 'bin', 'credsetup.js'), 'list', '--json'], { env: cleanEnvironment({ CREDSETUP_HOME: join(folder, 'nowhere') }) });
    expect(JSON.parse(stdout)).toEqual({ credentials: [] });
  });

  it('runs no script when it is installed', async () => {
    const { scripts } = await readJson<PackageJson>(join(root, 'package.json'));
    // npm runs prepare for a checkout, never for a published package.
    expect(Object.keys(scripts).filter((name) => /^(?:pre|post)?(?:install|prepare|publish|pack|uninstall)$|^prepublishOnly$|^dependencies$/.test(name))).toEqual(['prepare']);
  });

  it('has a lock file that names no place to download from', async () => {
    const text = await readFile(join(root, 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(text) as { readonly packages: Readonly<Record<string, { readonly resolved?: string }>> };
    expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
    expect(text).not.toMatch(/"resolved"/);
  });
});

describe('what is installed', () => {
  it('is nothing that the bundle holds already', async () => {
    const licences = await readFile(join(installed, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    const bundled = new Set([...licences.matchAll(/^((?:@[\w.-]+\/)?[\w.-]+) \d+\.\d+\.\d+\S* \([\w.-]+\)$/gm)].map(([, name]) => name));
    const names = (await filesBelow(join(installed, 'node_modules'))).flatMap((path) => /^(?:.*node_modules\/)?((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1] ?? []);
    expect(names).toContain('keytar');
    expect(names.filter((name) => bundled.has(name))).toEqual([]);
  });

  it('has a manual page that names every command and option, and completions for three shells', async () => {
    const { man } = await readJson<{ readonly man: string }>(join(root, 'package.json'));
    const page = (await readFile(join(installed, man), 'utf8')).replaceAll('\\-', '-');
    for (const command of commands) {
      expect(page).toContain(`.SS credsetup ${command.name}`);
      for (const { flags } of optionsOf(command)) expect(page, command.name).toContain(flags);
    }
    expect(files).toEqual(expect.arrayContaining(['dist/completions/credsetup.bash', 'dist/completions/_credsetup', 'dist/completions/credsetup.fish']));
    expect(spawnSync('bash', ['-n', join(installed, 'dist/completions/credsetup.bash')]).status).toBe(0);
  });
});

describe('the bill of materials', () => {
  interface Component {
    readonly name: string; readonly version: string; readonly purl: string; readonly licenses: readonly unknown[];
    readonly hashes: readonly { readonly alg: string; readonly content: string }[];
  }
  const bill = () => readJson<{ readonly bomFormat: string; readonly specVersion: string; readonly components: readonly Component[] }>(join(installed, 'dist/bill-of-materials.cdx.json'));

  it('is CycloneDX and names every package that is bundled or installed, with licence and checksum', async () => {
    const { bomFormat, specVersion, components } = await bill();
    expect([bomFormat, specVersion]).toEqual(['CycloneDX', '1.6']);
    const licences = await readFile(join(installed, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    const bundled = [...licences.matchAll(/^((?:@[\w.-]+\/)?[\w.-]+) (\d+\.\d+\.\d+\S*) \([\w.-]+\)$/gm)].map(([, name, version]) => `${name} ${version}`);
    expect(bundled.length).toBeGreaterThan(20);
    expect(components.map(({ name, version }) => `${name} ${version}`)).toEqual(expect.arrayContaining(bundled));
    expect(components.map(({ name }) => name)).toEqual(expect.arrayContaining(['undici', '@github/keytar']));
    for (const one of components) {
      expect(one.purl).toBe(`pkg:npm/${one.name.replace('@', '%40')}@${one.version}`);
      expect(one.licenses, one.name).toHaveLength(1);
      expect(one.hashes, one.name).toEqual([{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }]);
    }
  });

  it('says what each direct dependency is for, in the account of the house', async () => {
    const { dependencies, optionalDependencies, devDependencies } = await readJson<Record<string, Readonly<Record<string, string>>>>(join(root, 'package.json'));
    const account = await readFile(join(root, 'docs/architecture.md'), 'utf8');
    const table = account.slice(account.indexOf('## Dependencies'));
    const named = [...table.matchAll(/^\| (.+?) \| .{15,} \|$/gm)].flatMap(([, names]) => [...(names ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name));
    expect(Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies }).filter((name) => !named.includes(name))).toEqual([]);
    const versions = Object.values(devDependencies!);
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});

describe('the installed program', () => {
  const credsetup = (...args: readonly string[]) => {
    const command = windows ? join(folder, 'prefix', 'credsetup.cmd') : join(folder, 'prefix', 'bin', 'credsetup');
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: folder, encoding: 'utf8', shell: windows, env: cleanEnvironment({ CREDSETUP_HOME: join(folder, 'its home') }),
    });
    return { status, stdout, stderr };
  };

  it('says its version', async () => {
    const { version } = await readJson<PackageJson>(join(root, 'package.json'));
    expect(credsetup('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    expect(credsetup('-V').stdout).toBe(`${version}\n`);
  });

  it('shows its help, the same with and without loading the program', () => {
    const help = credsetup('--help');
    expect(help.status).toBe(0);
    expect(help.stdout).toContain('Usage: credsetup');
    expect(credsetup('--quiet', '--help').stdout.startsWith(help.stdout.trimEnd())).toBe(true);
  });

  it.skipIf(!has('keychain'))('finds the keychain\'s addon although no install script ran', () => {
    const { status, stderr } = spawnSync(process.execPath, ['-e', 'require("keytar")'], { cwd: installed, encoding: 'utf8', env: cleanEnvironment() });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('runs a command from a folder with spaces', () => {
    const { status, stdout, stderr } = credsetup('list', '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ credentials: [] });
  });
});

describe('the starting file', () => {
  const bin = join(root, 'bin', 'credsetup.js');

  it('is written in ES5, so that an old Node reads it to the end', async () => {
    const text = await readFile(bin, 'utf8');
    expect(new Linter().verify(text, { languageOptions: { ecmaVersion: 5, sourceType: 'script' } })).toEqual([]);
    expect(new Linter().verify(`${text}\nconst late = 1;`, { languageOptions: { ecmaVersion: 5, sourceType: 'script' } })).toHaveLength(1);
  });

  it.each(['0.12.18', '8.17.0', '18.20.8', '20.18.3'])('says on Node %s which one it needs', async (version) => {
    // The rest of process stays: the file is to read the version first and load nothing.
    const faked = join(folder, `node-${version}.cjs`);
    await writeFile(faked, `Object.defineProperty(process, 'versions', { value: { node: '${version}' } });\nrequire(${JSON.stringify(bin)});\n`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [faked, '--version'], { encoding: 'utf8', env: cleanEnvironment() });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(`credsetup needs Node.js 20.19 or later; this is ${version}.\nInstall a newer one from https://nodejs.org and run the same command again.\n`);
  });

  it('needs the Node that package.json names', async () => {
    const { engines } = await readJson<PackageJson>(join(root, 'package.json'));
    expect(engines.node).toBe('>=20.19.0');
  });

  it.skipIf(windows)('ends with 141 and no message when the reader of the help left', async () => {
    const script = '{ sleep 0.3; "$0" "$1" --help; } | true; echo "${PIPESTATUS[0]}"';
    const { stdout, stderr } = await run('bash', ['-c', script, process.execPath, bin], { env: cleanEnvironment() });
    expect({ stdout, stderr }).toEqual({ stdout: '141\n', stderr: '' });
  });
});

describe('the README', () => {
  const readme = () => readFile(join(root, 'README.md'), 'utf8');

  it('begins with the two commands that prove the checkout', async () => {
    const shown = [...(await readme()).matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) => block!.trim().split('\n'));
    expect(shown.slice(0, 2)).toEqual(['npm ci && npm run demo', 'npm cit']);
  });

  it('installs nothing by a name that anybody can take: each command that installs credsetup names the packed file', async () => {
    const { stdout } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'docs', 'Dockerfile', 'src', 'scripts', '.ci', '.github', 'schema', 'bin'], { cwd: root });
    const lines = (await Promise.all(stdout.trim().split('\n').map(async (path) => (await readFile(join(root, path), 'utf8')).split('\n').map((line) => `${path}: ${line}`)))).flat();
    const { version } = await readJson<PackageJson>(join(root, 'package.json'));
    const installs = lines.filter((line) => /\b(npm|pnpm|yarn|bun)\b.*\b(i|install|add|exec|x|dlx|up|update)\b.*credsetup|\b(npx|bunx)\b.*credsetup/.test(line));
    expect(installs.length).toBeGreaterThan(1);
    expect(installs.filter((line) => !new RegExp(`npm install -g \\./(tools/)?credsetup-${version.replaceAll('.', '\\.')}\\.tgz$`).test(line))).toEqual([]);
    expect((await readFile(join(installed, 'README.md'), 'utf8'))).toContain(`npm install -g ./credsetup-${version}.tgz`);
  });
});
