import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmod, chown, link, lstat, mkdir, open, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CredsetupError } from '../../src/errors.ts';
import { isTemporaryOf, readRegular, writeAtomic, writeNew } from '../../src/stores/atomic.ts';
import { writeExport } from '../../src/stores/export-file.ts';
import { ensureHome, homeExists, sweepTemporaries } from '../../src/stores/home.ts';
import { buildEntries, type Built } from './built.ts';
import { failure, machine, temporaryFolder } from './support.ts';

const uid = machine.uid;
const root = uid === 0;
const linux = process.platform === 'linux';
let built: Built;
beforeAll(async () => { built = await buildEntries('test/stores/export-program'); });
afterAll(async () => { await built.remove(); });

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
    await writeExport(path, 'secret', { overwrite: false });
    expect(await readFile(path, 'utf8')).toBe('secret');
    expect(await modeOf(path)).toBe(0o600);
  });

  it('does not replace a file, unless asked to; then 0600 whatever it was', async () => {
    const path = join(await temporaryFolder(), 'export.json');
    await writeFile(path, 'old');
    await chmod(path, 0o644);
    await failure(writeExport(path, 'new', { overwrite: false }), 'FILE_EXISTS');
    expect(await readFile(path, 'utf8')).toBe('old');
    await writeExport(path, 'new', { overwrite: true });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await modeOf(path)).toBe(0o600);
  });

  it('does not write into the old file, which may have other names', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), 'old');
    await link(join(folder, 'file'), join(folder, 'other'));
    await writeExport(join(folder, 'file'), 'secret', { overwrite: true });
    expect(await readFile(join(folder, 'other'), 'utf8')).toBe('old');
  });

  it('refuses links to files and to nothing, and folders', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'target'), 'precious');
    await symlink('target', join(folder, 'link'));
    await symlink('nothing', join(folder, 'dangling'));
    for (const name of ['link', 'dangling', '.']) await failure(writeExport(join(folder, name), 'x', { overwrite: true }), 'FILE_UNWRITABLE');
    // --overwrite would not help, so it is not FILE_EXISTS.
    for (const name of ['link', '.']) await failure(writeExport(join(folder, name), 'x', { overwrite: false }), 'FILE_UNWRITABLE');
    expect(await readFile(join(folder, 'target'), 'utf8')).toBe('precious');
    expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true);
  });

  it.skipIf(!linux)('goes straight through a FIFO, more than a pipe holds, and leaves it a FIFO', async () => {
    const path = join(await temporaryFolder(), 'fifo');
    execFileSync('mkfifo', ['-m', '644', path]);
    const text = 'secret '.repeat(50_000);
    const writing = writeExport(path, text, { overwrite: false });
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
    const waiting = failure(writeExport(path, 'x', { overwrite: false, signal: stopper.signal }), 'CANCELLED');
    // Late enough to find it waiting for the reader.
    setTimeout(() => stopper.abort(stop), 100);
    expect(await waiting).toBe(stop);
  });

  it.skipIf(!linux)('to a reader that goes away is BROKEN_PIPE', async () => {
    const path = join(await temporaryFolder(), 'fifo');
    execFileSync('mkfifo', [path]);
    const writing = failure(writeExport(path, 'x'.repeat(1_000_000), { overwrite: false }), 'BROKEN_PIPE');
    const reader = await open(path, 'r');
    await reader.read(Buffer.alloc(10), 0, 10);
    await reader.close();
    await writing;
  });

  it.skipIf(!linux)('goes to /dev/null', async () => {
    await writeExport('/dev/null', 'x', { overwrite: false });
    expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  it.skipIf(!linux)('says that a device is full', async () => {
    expect((await failure(writeExport('/dev/full', 'x', { overwrite: false }), 'FILE_UNWRITABLE')).message).toContain('full');
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
});
