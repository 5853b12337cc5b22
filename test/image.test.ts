/**
 * The container image. No Docker is needed for this: the file system that the Dockerfile makes is
 * put together, with Node as it is here, and the program runs in it by chroot, as the image's user.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectNoSecret, folder, identity, mattermostServer } from './commands/support.ts';
import { root } from './docs/pages.ts';
import { has } from './tools.ts';

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ');
const last = dockerfile.slice(dockerfile.lastIndexOf('FROM '));
const env = Object.fromEntries([...(/^ENV (.*)$/m.exec(last)?.[1] ?? '').matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]));
// The user `node` of Node's own images.
const user = 1000;
let image: string;

/** What the dynamic linker needs for a program, at the places where it looks. */
function withLibraries(program: string, below: string): void {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  for (const [path = ''] of stdout.matchAll(/\/\S+(?= \()/g)) {
    mkdirSync(join(below, dirname(path)), { recursive: true });
    copyFileSync(path, join(below, path));
  }
}

/** As the Dockerfile's second stage leaves it. */
function build(): string {
  const made = folder();
  const home = join(made, 'usr/local/lib/node_modules/credsetup');
  for (const path of ['usr/local/bin', 'usr/bin', 'home/node', 'tmp', 'proc', 'data']) mkdirSync(join(made, path), { recursive: true });
  copyFileSync(process.execPath, join(made, 'usr/local/bin/node'));
  withLibraries(process.execPath, made);
  const { files, dependencies = {} } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly files: readonly string[]; readonly dependencies?: Readonly<Record<string, string>>
  };
  for (const file of [...files, 'package.json']) if (existsSync(join(root, file))) cpSync(join(root, file), join(home, file), { recursive: true });
  // --omit=optional: no keychain's addon.
  for (const name of Object.keys(dependencies)) cpSync(join(root, 'node_modules', name), join(home, 'node_modules', name), { recursive: true });
  symlinkSync('../lib/node_modules/credsetup/bin/credsetup.js', join(made, 'usr/local/bin/credsetup'));
  for (const path of ['data', 'home/node']) chownSync(join(made, path), user, user);
  chmodSync(join(made, 'data'), 0o700);
  chmodSync(made, 0o755);
  return made;
}

interface Said {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command in the image; its network is this machine's. */
async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Said> {
  const inside = 'mount -t proc proc "$1/proc" && image=$1 && shift && exec chroot --userspec=1000:1000 "$image" /usr/local/bin/node /usr/local/bin/credsetup "$@"';
  const child = spawn('unshare', ['--mount', 'sh', '-c', inside, 'sh', image, ...args], {
    env: { ...env, PATH: '/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin', HOME: '/home/node', ...more }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (part: string) => { stdout += part; });
  child.stderr.setEncoding('utf8').on('data', (part: string) => { stderr += part; });
  const [exitCode] = await once(child, 'close') as [number | null];
  return { exitCode, stdout, stderr };
}

describe('the Dockerfile', () => {
  it('makes an image of Node\'s slim base in which nobody is an administrator', () => {
    expect([...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base)).toEqual(['node:24-slim', 'node:24-slim']);
    expect(last).toMatch(/^USER node$/m);
    expect(last.indexOf('USER node')).toBeGreaterThan(last.lastIndexOf('RUN '));
    expect(last).toMatch(/^ENTRYPOINT \["credsetup"\]$/m);
    expect(last).toMatch(/^VOLUME \/data$/m);
    expect(env).toEqual({ CREDSETUP_CONTAINER: '1', CREDSETUP_HOME: '/data', CREDSETUP_STORE: 'file' });
  });

  it('takes nothing along that a checkout holds beside the source', () => {
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    const unwanted = readFileSync(join(root, '.gitignore'), 'utf8').trim().split('\n').map((line) => line.replace(/\/$/, ''));
    expect(['.git', ...unwanted].filter((path) => !ignored.includes(path))).toEqual([]);
  });
});

describe.skipIf(!has('chroot'))('the file system of the image', () => {
  beforeAll(() => { image = build(); });

  it('runs the program as a user who is no administrator, and keeps what it stores in the volume alone', async () => {
    const chat = await mattermostServer();
    const { token } = chat.makeToken('maker');
    const secrets = { CREDSETUP_MATTERMOST_TOKEN: token, CREDSETUP_IDENTITY: identity };
    const done = await run(['mattermost', '--url', chat.url, '--name', 'chat'], secrets);
    expect(done, done.stderr).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('Saved as chat in the encrypted file') });
    expectNoSecret(done.stdout + done.stderr, [token, identity]);
    expect(statSync(join(image, 'data/credentials.age')).uid).toBe(user);
    expect((await run(['get', 'chat'], { CREDSETUP_IDENTITY: identity })).stdout).toBe(`${token}\n`);
    expect(JSON.parse((await run(['store', '--json'], { CREDSETUP_IDENTITY: identity })).stdout)).toMatchObject({ store: 'file', works: true });
    expect(existsSync(join(image, 'home/node/.local'))).toBe(false);
  });

  it('has no keychain and says so, when somebody asks for one', async () => {
    const chat = await mattermostServer();
    const done = await run(['mattermost', '--url', chat.url, '--store', 'keychain', '--json'], { CREDSETUP_MATTERMOST_TOKEN: chat.makeToken('maker').token });
    expect(JSON.parse(done.stdout)).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' } });
  });

  it('does not start as somebody who may not write the volume, and loses nothing', async () => {
    const data = join(image, 'data');
    chownSync(data, 0, 0);
    try {
      expect(JSON.parse((await run(['list', '--json'])).stdout)).toHaveProperty('error');
    } finally {
      chownSync(data, user, user);
    }
    expect(JSON.parse((await run(['list', '--json'])).stdout)).toMatchObject({ credentials: [{ name: 'chat' }] });
  });
});
