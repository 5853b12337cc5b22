import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, link, lstat, mkdir, open, readFile, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CredsetupError } from '../../src/errors.ts';
import { isTemporaryOf, readRegular, writeAtomic, writeNew } from '../../src/stores/atomic.ts';
import { checkTarget, writeExport, type ExportOptions } from '../../src/stores/export-file.ts';
import { ensureHome, homeExists, machineOf, sweepTemporaries } from '../../src/stores/home.ts';
import { tidyHome } from '../../src/stores/tidy.ts';
import { has } from '../tools.ts';
import { buildEntries, type Built } from './built.ts';
import { failure, machine, temporaryFolder } from './support.ts';

const uid = machine.uid;
const root = uid === 0;
const linux = process.platform === 'linux';
let built: Built;
beforeAll(async () => { built = await buildEntries('test/stores/export-program'); });
afterAll(async () => { await built.remove(); });

const descriptors = () => new Set([0, 1, 2]);

function exporting(overwrite: boolean, more: Partial<ExportOptions> = {}): ExportOptions {
  return { overwrite, machine, home: undefined, descriptors, ...more };
}

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe('an atomic write', () => {
  it('is whole, 0600 and leaves nothing beside it', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'file');
    await writeFile(path, 'old', { mode: 0o666 });
    await chmod(path, 0o666);
    await writeAtomic(path, 'new', { code: 'STORE_UNWRITABLE' });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await modeOf(path)).toBe(0o600);
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('refuses a symbolic link and a folder, and touches neither', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'target'), 'precious');
    await symlink('target', join(folder, 'link'));
    await mkdir(join(folder, 'folder'));
    for (const name of ['link', 'folder']) await failure(writeAtomic(join(folder, name), 'x', { code: 'STORE_UNWRITABLE' }), 'STORE_UNWRITABLE');
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe('precious');
    expect((await readdir(folder)).sort()).toEqual(['folder', 'link', 'target']);
  });

  it('to a new file leaves one that is there, even when it comes at the same moment', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'file');
    const wrote = await Promise.all(Array.from({ length: 10 }, (_, number) => writeNew(path, String(number), { code: 'FILE_UNWRITABLE' })));
    expect(wrote.filter((won) => won)).toHaveLength(1);
    expect(await readFile(path, 'utf8')).toBe(String(wrote.indexOf(true)));
    expect(await readdir(folder)).toEqual(['file']);
  });

  it.each([['/nonexistent/folder/file', 'does not exist'], ['/dev/null/file', 'no folder'], [`/tmp/${'x'.repeat(300)}`, 'too long']])('to %s says why it cannot be', async (path, why) => {
    expect((await failure(writeAtomic(path, 'x', { code: 'FILE_UNWRITABLE' }), 'FILE_UNWRITABLE')).message).toContain(why);
    expect((await failure(writeAtomic(path, 'x', { code: 'STORE_UNWRITABLE' }), 'STORE_UNWRITABLE')).message).toContain(why);
  });

  it.skipIf(!root || !linux)('on a full disk leaves the old file and no temporary one', async (context) => {
    const folder = await temporaryFolder();
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status !== 0) {
      console.log('skipped: this machine mounts nothing');
      context.skip();
    }
    try {
      const path = join(folder, 'file');
      await writeAtomic(path, 'old', { code: 'STORE_UNWRITABLE' });
      const error = await failure(writeAtomic(path, 'x'.repeat(100_000), { code: 'STORE_UNWRITABLE' }), 'STORE_UNWRITABLE');
      expect(error.message).toContain('disk is full');
      expect(await readFile(path, 'utf8')).toBe('old');
      expect(await readdir(folder)).toEqual(['file']);
    } finally {
      execFileSync('umount', [folder]);
    }
  });

  it.skipIf(!linux)('that hits a limit leaves the old file and no temporary one', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'file');
    await writeFile(path, 'old');
    // 512-byte blocks in sh; the signal of the limit is ignored, so that the write fails with EFBIG.
    const { stdout } = spawnSync('sh', ['-c', `trap '' XFSZ; ulimit -f 8; exec "${process.execPath}" "${built.path('export-program')}" "${path}" overwrite 100000`], { encoding: 'utf8' });
    expect(stdout).toContain('FILE_UNWRITABLE');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['file']);
  });

  it('removes what is written under no lock only when it lies there for long, whatever the clock', async () => {
    const folder = await temporaryFolder();
    const [old, future] = [new Date(Date.now() - 120_000), new Date(Date.now() + 3_600_000)];
    const names = ['.identity.age.0123456789abcdef.tmp', '..made-by-credsetup.0123456789abcdef.tmp', 'write.lock.0123456789abcdef.stale', 'refresh-1.lock.0123456789abcdef.stale'];
    for (const name of [...names, ...names.map((one) => one.replace('0123', '4567')), 'mine.stale', '.mine.age.0123456789abcdef.tmp', 'identity.age']) await writeFile(join(folder, name), '');
    for (const [at, name] of [...names, 'mine.stale', '.mine.age.0123456789abcdef.tmp', 'identity.age'].entries()) await utimes(join(folder, name), at % 2 === 0 ? old : future, at % 2 === 0 ? old : future);
    await sweepTemporaries(folder, ['index.json']);
    expect((await readdir(folder)).sort()).toEqual([...names.map((one) => one.replace('0123', '4567')), 'mine.stale', '.mine.age.0123456789abcdef.tmp', 'identity.age'].sort());
  });

  it('knows its own temporary files again and no others', async () => {
    const folder = await temporaryFolder();
    const left = '.index.json.0123456789abcdef.tmp';
    const others = ['.index.json.tmp', 'index.json', '.other.0123456789abcdef.tmp', '.index.json.0123456789abcdeX.tmp'];
    expect(isTemporaryOf('index.json', left)).toBe(true);
    for (const name of [left, ...others]) await writeFile(join(folder, name), '');
    await sweepTemporaries(folder, ['index.json']);
    expect((await readdir(folder)).sort()).toEqual([...others].sort());
  });
});

describe('reading a file of ours', () => {
  it('gives undefined where nothing is and refuses links, folders, FIFOs and what is too large', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), 'text');
    await symlink('file', join(folder, 'link'));
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    expect(await readRegular(join(folder, 'none'), 10)).toBeUndefined();
    expect((await readRegular(join(folder, 'file'), 10))?.toString()).toBe('text');
    for (const name of ['link', 'fifo', '.']) await failure(readRegular(join(folder, name), 10), 'STORE_UNWRITABLE');
    await failure(readRegular(join(folder, 'file'), 3), 'STORE_CORRUPT');
  });
});

describe('the home', () => {
  it('is made 0700 with its parents, whatever the umask', async () => {
    const home = join(await temporaryFolder(), 'a', 'b');
    expect(await homeExists(home, uid)).toBe(false);
    await ensureHome(home, uid);
    expect(await modeOf(home)).toBe(0o700);
    expect(await homeExists(home, uid)).toBe(true);
  });

  it('is narrowed again where credsetup made it', async () => {
    const home = join(await temporaryFolder(), 'home');
    await ensureHome(home, uid);
    await chmod(home, 0o755);
    await ensureHome(home, uid);
    expect(await modeOf(home)).toBe(0o700);
  });

  it('is left as wide as a person made it', async () => {
    const home = await temporaryFolder();
    await chmod(home, 0o755);
    await ensureHome(home, uid);
    expect(await modeOf(home)).toBe(0o755);
  });

  it.skipIf(process.platform !== 'linux')('that cannot be made where it should be is STORE_UNWRITABLE at once', async () => {
    await failure(ensureHome('/proc/none/home', uid), 'STORE_UNWRITABLE');
  });

  it('that is a file is STORE_UNWRITABLE', async () => {
    const home = join(await temporaryFolder(), 'home');
    await writeFile(home, '');
    await failure(homeExists(home, uid), 'STORE_UNWRITABLE');
    await failure(ensureHome(join(home, 'below'), uid), 'STORE_UNWRITABLE');
  });

  it('that belongs to another user is refused, for reading too', async () => {
    const home = await temporaryFolder();
    const error = await failure(homeExists(home, (uid ?? 0) + 1), 'STORE_UNWRITABLE');
    expect(error.message).toContain('another user');
  });

  it.skipIf(!root)('that really belongs to another user is refused, through a link too', async () => {
    const folder = await temporaryFolder();
    const home = join(folder, 'home');
    await mkdir(home);
    await chown(home, 12345, 12345);
    await symlink(home, join(folder, 'link'));
    await failure(ensureHome(home, uid), 'STORE_UNWRITABLE');
    await failure(ensureHome(join(folder, 'link'), uid), 'STORE_UNWRITABLE');
  });
});

describe('an export', () => {
  it('is a new file of 0600', async () => {
    const path = join(await temporaryFolder(), 'export.json');
    await writeExport(path, 'secret', exporting(false));
    expect(await readFile(path, 'utf8')).toBe('secret');
    expect(await modeOf(path)).toBe(0o600);
  });

  it('does not replace a file, unless asked to; then 0600 whatever it was', async () => {
    const path = join(await temporaryFolder(), 'export.json');
    await writeFile(path, 'old');
    await chmod(path, 0o644);
    await failure(writeExport(path, 'new', exporting(false)), 'FILE_EXISTS');
    expect(await readFile(path, 'utf8')).toBe('old');
    await writeExport(path, 'new', exporting(true));
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await modeOf(path)).toBe(0o600);
  });

  it('does not write into the old file, which may have other names', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), 'old');
    await link(join(folder, 'file'), join(folder, 'other'));
    await writeExport(join(folder, 'file'), 'secret', exporting(true));
    expect(await readFile(join(folder, 'other'), 'utf8')).toBe('old');
  });

  it('refuses links to files and to nothing, and folders', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'target'), 'precious');
    await symlink('target', join(folder, 'link'));
    await symlink('nothing', join(folder, 'dangling'));
    for (const name of ['link', 'dangling', '.']) await failure(writeExport(join(folder, name), 'x', exporting(true)), 'FILE_UNWRITABLE');
    // --overwrite would not help, so it is not FILE_EXISTS.
    for (const name of ['link', '.']) await failure(writeExport(join(folder, name), 'x', exporting(false)), 'FILE_UNWRITABLE');
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe('precious');
    expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true);
  });

  it.skipIf(!linux)('goes straight through a FIFO, more than a pipe holds, and leaves it a FIFO', async () => {
    const path = join(await temporaryFolder(), 'fifo');
    execFileSync('mkfifo', ['-m', '644', path]);
    const text = 'secret '.repeat(50_000);
    const writing = writeExport(path, text, exporting(false));
    let read = '';
    for await (const part of createReadStream(path, 'utf8')) read += String(part);
    await writing;
    expect(read).toBe(text);
    expect((await lstat(path)).isFIFO()).toBe(true);
    expect(await modeOf(path)).toBe(0o644);
  });

  it.skipIf(!linux)('to a FIFO that nobody reads stops with the run', async () => {
    const path = join(await temporaryFolder(), 'fifo');
    execFileSync('mkfifo', [path]);
    const stopper = new AbortController();
    const stop = new CredsetupError('CANCELLED', 'Stopped.', { hint: 'Again.' });
    const waiting = failure(writeExport(path, 'x', exporting(false, { signal: stopper.signal })), 'CANCELLED');
    // Late enough to find it waiting for the reader.
    setTimeout(() => stopper.abort(stop), 100);
    expect(await waiting).toBe(stop);
  });

  it.skipIf(!linux)('to a reader that goes away is BROKEN_PIPE', async () => {
    const path = join(await temporaryFolder(), 'fifo');
    execFileSync('mkfifo', [path]);
    const writing = failure(writeExport(path, 'x'.repeat(1_000_000), exporting(false)), 'BROKEN_PIPE');
    const reader = await open(path, 'r');
    await reader.read(Buffer.alloc(10), 0, 10);
    await reader.close();
    await writing;
  });

  it.skipIf(!linux)('goes to /dev/null', async () => {
    await writeExport('/dev/null', 'x', exporting(false));
    expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  it.skipIf(!linux)('says that a device is full', async () => {
    expect((await failure(writeExport('/dev/full', 'x', exporting(false)), 'FILE_UNWRITABLE')).message).toContain('full');
  });

  it.skipIf(!linux).each(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])('goes to %s, be it a socket, a pipe or a file that holds something', async (path) => {
    const program = [built.path('export-program'), path, 'new', '200000'];
    const wanted = 'x'.repeat(200_000);
    const socket = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
    let read = '';
    for await (const part of socket.stdout.setEncoding('utf8')) read += String(part);
    expect(read).toBe(wanted);
    const shell = spawnSync('sh', ['-c', `"${process.execPath}" "$@" | cat`, 'sh', ...program], { encoding: 'utf8', maxBuffer: 1e6 });
    expect(shell.stdout).toBe(wanted);
    const file = join(await temporaryFolder(), 'out');
    await writeFile(file, 'before ');
    spawnSync('sh', ['-c', `"${process.execPath}" "$@" >> "${file}"`, 'sh', ...program]);
    expect(await readFile(file, 'utf8')).toBe(`before ${wanted}`);
  });

  it('is not written over or beside what the home is made of, by whatever name or link', async () => {
    const folder = await temporaryFolder();
    const home = join(folder, 'home');
    await ensureHome(home, uid);
    for (const name of ['index.json', 'credentials.age']) await writeFile(join(home, name), name);
    await symlink(home, join(folder, 'linked'));
    await link(join(home, 'index.json'), join(folder, 'second'));
    await symlink(join(home, 'index.json'), join(folder, 'soft'));
    const paths = [
      ...['index.json', 'credentials.age', 'identity.age', 'journal.json', 'write.lock', 'journal.lock', 'refresh-x.lock', 'INDEX.JSON', '.made-by-credsetup', '.index.json.0123456789abcdef.tmp'].map((name) => join(home, name)),
      join(folder, 'linked', 'index.json'), join(folder, 'linked', 'identity.age'), join(home, '..', 'home', 'credentials.age'), join(folder, 'second'), join(folder, 'soft'),
    ];
    for (const path of paths) {
      for (const overwrite of [true, false]) {
        const error = await failure(writeExport(path, 'secret', exporting(overwrite, { home })), 'FILE_UNWRITABLE');
        expect(error.message, path).toContain('own files');
        await failure(checkTarget(path, exporting(overwrite, { home })), 'FILE_UNWRITABLE');
      }
    }
    expect((await readdir(home)).sort()).toEqual(['.made-by-credsetup', 'credentials.age', 'index.json']);
    for (const name of ['index.json', 'credentials.age']) expect(await readFile(join(home, name), 'utf8')).toBe(name);
    // A folder that somebody chose may hold other things too.
    await writeExport(join(home, 'export.json'), 'secret', exporting(false, { home }));
    const opened = await open(join(home, 'index.json'), 'a');
    await failure(writeExport(`/proc/self/fd/${opened.fd}`, 'secret', exporting(false, { home, descriptors: () => new Set([opened.fd]) })), 'FILE_UNWRITABLE');
    await opened.close();
  });

  it.skipIf(!linux)('goes to a descriptor that was inherited, by any name of it', async () => {
    const folder = await temporaryFolder();
    const program = `"${process.execPath}" "${built.path('export-program')}"`;
    await symlink('/dev/fd/3', join(folder, 'link'));
    for (const path of ['/dev/fd/3', '/proc/self/fd/3', '/dev/../dev/fd/3', '/proc/thread-self/fd/3', join(folder, 'link')]) {
      const said = spawnSync('bash', ['-c', `${program} "${path}" new 10 3> "${join(folder, 'out')}"`], { encoding: 'utf8' });
      expect([said.stdout, await readFile(join(folder, 'out'), 'utf8')], path).toEqual(['', 'x'.repeat(10)]);
    }
    const piped = spawnSync('bash', ['-c', `${program} /dev/fd/7 new 10 7>&1 | cat`], { encoding: 'utf8' });
    expect(piped.stdout).toBe('x'.repeat(10));
    const substituted = spawnSync('bash', ['-c', `${program} >(cat > "${join(folder, 'sub')}") new 10; wait; cat "${join(folder, 'sub')}"`], { encoding: 'utf8' });
    expect(substituted.stdout).toBe('x'.repeat(10));
  });

  it.skipIf(!linux)('goes to no descriptor that Node opened for itself, that was opened to be read, or that is not there', async () => {
    const program = `"${process.execPath}" "${built.path('export-program')}"`;
    const every = Array.from({ length: 40 }, (_, number) => number + 3).join(' ');
    const said = spawnSync('bash', ['-c', `exec 3</dev/null; for n in ${every}; do [ -e /dev/fd/$n ] && [ $n != 3 ] && continue; ${program} /dev/fd/$n new 10 </dev/null && echo; done`], { encoding: 'utf8' });
    expect(said.stderr).toBe('');
    expect([...new Set(said.stdout.trim().split('\n'))]).toEqual(['FILE_UNWRITABLE']);
  }, 60_000);

  it('that was killed leaves a file that the next one into that folder takes away, and no other', async () => {
    const folder = await temporaryFolder();
    const left = async (): Promise<string[]> => (await readdir(folder)).filter((file) => file.endsWith('.tmp'));
    const others = ['.credsetup-export-00000000-1-0123456789abcdef.tmp', '.mine.0123456789abcdef.tmp'];
    for (const name of others) await writeFile(join(folder, name), 'precious');
    do {
      const child = spawn(process.execPath, [built.path('export-program'), join(folder, 'big'), 'overwrite', '40000000'], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      while (child.exitCode === null && (await left()).length === others.length) await new Promise((resolve) => { setImmediate(resolve); });
      child.kill('SIGKILL');
      await ended;
    } while ((await left()).length === others.length);
    await writeExport(join(folder, 'small'), 'x', exporting(false));
    expect((await left()).sort()).toEqual(others.sort());
  }, 60_000);

  it('that was killed leaves nothing once a home was looked at, whatever folder it was for, and one that goes on is let alone', async () => {
    const [folder, home] = [await temporaryFolder(), await temporaryFolder()];
    const left = async (): Promise<string[]> => [...(await readdir(folder)).filter((file) => file.endsWith('.tmp')), ...await readdir(home)];
    let child: ChildProcess | undefined;
    do {
      child?.kill('SIGKILL');
      child = spawn(process.execPath, [built.path('export-program'), join(folder, 'big'), 'overwrite', '40000000', home], { stdio: 'ignore' });
      while (child.exitCode === null && (await left()).length < 2) await new Promise((resolve) => { setImmediate(resolve); });
      child.kill('SIGSTOP');
    } while ((await left()).length < 2);
    const ended = once(child, 'exit');
    const before = await left();
    await tidyHome(home, machineOf(process));
    expect(await left()).toEqual(before);
    child.kill('SIGKILL');
    await ended;
    await tidyHome(home, machineOf(process));
    expect(await left()).toEqual([]);
  }, 60_000);
});

describe.skipIf(!has('bindfs') || !root)('on a file system that keeps no rights', () => {
  async function withMount(args: readonly string[], task: (mounted: string, below: string) => Promise<void>): Promise<void> {
    const [below, mounted] = [await temporaryFolder(), await temporaryFolder()];
    execFileSync('bindfs', [...args, below, mounted]);
    try {
      await task(mounted, below);
    } finally {
      execFileSync('umount', [mounted]);
    }
  }

  const open = ['--chmod-ignore', '--perms=0777'];

  it('nothing secret is written, and what helps is said', async () => {
    await withMount(open, async (folder, below) => {
      for (const overwrite of [true, false]) {
        const error = await failure(writeExport(join(folder, 'export.json'), 'secret', exporting(overwrite)), 'FILE_UNWRITABLE');
        expect(error.message).toContain('keeps no rights');
        expect(error.hint).toContain('another file system');
      }
      expect(await readdir(below)).toEqual([]);
    });
  });

  it('no home is made, and none that was made is used further', async () => {
    await withMount(open, async (folder) => {
      const home = join(folder, 'home');
      const error = await failure(ensureHome(home, uid), 'STORE_UNWRITABLE');
      expect(error.hint).toContain('CREDSETUP_HOME');
      await writeFile(join(home, '.made-by-credsetup'), '');
      await failure(ensureHome(home, uid), 'STORE_UNWRITABLE');
      await failure(writeAtomic(join(home, 'index.json'), 'x', { code: 'STORE_UNWRITABLE' }), 'STORE_UNWRITABLE');
    });
  });

  it('that gives files away, no export is left to another user', async () => {
    await withMount(['--create-for-user=65534', '--chown-ignore'], async (folder, below) => {
      expect((await failure(writeExport(join(folder, 'export.json'), 'secret', exporting(false)), 'FILE_UNWRITABLE')).message).toContain('another user (65534)');
      expect(await readdir(below)).toEqual([]);
    });
  });

  it('where rights are set by the folder and tight, all is well', async () => {
    await withMount(['--chmod-ignore', '--perms=0600:a+X'], async (folder) => {
      await writeExport(join(folder, 'export.json'), 'secret', exporting(false));
      expect(await readFile(join(folder, 'export.json'), 'utf8')).toBe('secret');
    });
  });
});
