import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CredsetupError } from '../../src/errors.ts';
import { withLock, type LockOptions } from '../../src/stores/lock.ts';
import { buildEntries, type Built } from './built.ts';
import { failure, machine, temporaryFolder } from './support.ts';

/** A hundredth of the real times. */
const quick: LockOptions = { machine, timeoutMs: 1500, heartbeatMs: 20, staleMs: 200 };
const nonce = '0123456789abcdef0123456789abcdef';

let built: Built;
beforeAll(async () => { built = await buildEntries('test/stores/lock-program'); });
afterAll(async () => { await built.remove(); });

async function lockPath(): Promise<string> {
  return join(await temporaryFolder(), 'write.lock');
}

/** A lock that some process of another machine holds or held. */
async function foreignLock(path: string, ageMs: number): Promise<void> {
  await writeFile(path, JSON.stringify({ pid: 4711, host: 'elsewhere', nonce }));
  const beat = new Date(Date.now() - ageMs);
  await utimes(path, beat, beat);
}

describe('a lock', () => {
  it('runs the task, gives its value, and is gone after it', async () => {
    const path = await lockPath();
    expect(await withLock(path, quick, async ({ stillHeld }) => [await stillHeld(), await readdir(join(path, '..'))])).toEqual([true, ['write.lock']]);
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('is gone after a task that fails', async () => {
    const path = await lockPath();
    await expect(withLock(path, quick, async () => { throw new Error('no'); })).rejects.toThrow('no');
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('lets one in at a time', async () => {
    const path = await lockPath();
    let inside = 0;
    let most = 0;
    await Promise.all(Array.from({ length: 8 }, () => withLock(path, { ...quick, timeoutMs: 20_000 }, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    })));
    expect(most).toBe(1);
  });

  it('lets one in at a time after its holder died, however many saw that at once, and takes it from none of them', async () => {
    const path = await lockPath();
    const dead = { ...machine, isAlive: (pid: number) => pid !== 4711 };
    let holder = '';
    await withLock(path, quick, async () => { holder = await readFile(path, 'utf8'); });
    for (let round = 0; round < 30; round += 1) {
      await writeFile(path, holder.replace(String(machine.pid), '4711'));
      let inside = 0;
      await Promise.all(Array.from({ length: 8 }, () => withLock(path, { ...quick, machine: dead, timeoutMs: 20_000 }, async ({ stillHeld }) => {
        inside += 1;
        expect(inside).toBe(1);
        expect(await stillHeld()).toBe(true);
        inside -= 1;
      })));
    }
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('keeps its heart beating as long as the task runs, so that nobody takes it over', async () => {
    const path = await lockPath();
    let held = true;
    await withLock(path, quick, async ({ stillHeld }) => {
      const error = await failure(withLock(path, { ...quick, timeoutMs: 800 }, async () => undefined), 'STORE_BUSY');
      expect(error.message).toContain(String(process.pid));
      expect(error.message).toContain(hostname());
      held = await stillHeld();
    });
    expect(held).toBe(true);
  });

  it('of another machine with a fresh heartbeat is busy, and stays', async () => {
    const path = await lockPath();
    await foreignLock(path, 0);
    const beating = setInterval(() => { const now = new Date(); utimes(path, now, now).catch(() => undefined); }, 20);
    try {
      const error = await failure(withLock(path, { ...quick, timeoutMs: 600 }, async () => undefined), 'STORE_BUSY');
      expect(error.message).toContain('4711 on elsewhere');
    } finally {
      clearInterval(beating);
    }
    expect(await readFile(path, 'utf8')).toContain('elsewhere');
  });

  it('of another machine that stopped beating is taken over', async () => {
    const path = await lockPath();
    await foreignLock(path, 60_000);
    expect(await withLock(path, quick, async () => 'mine')).toBe('mine');
  });

  it('of another machine whose clock is ahead is taken over when it stopped beating', async () => {
    const path = await lockPath();
    await foreignLock(path, -3_600_000);
    expect(await withLock(path, quick, async () => 'mine')).toBe('mine');
  });

  it('of another machine whose clock is behind is left to it while it beats', async () => {
    const path = await lockPath();
    await foreignLock(path, 3_600_000);
    let ticks = 0;
    const beating = setInterval(
      () => { ticks += 1; const late = new Date(Date.now() - 3_600_000 + ticks); utimes(path, late, late).catch(() => undefined); }, 10,
    );
    try {
      await failure(withLock(path, { ...quick, timeoutMs: 600 }, async () => undefined), 'STORE_BUSY');
    } finally {
      clearInterval(beating);
    }
  });

  it.each(['', '{', 'null', '{"pid":-1}', 'x'.repeat(5)])('that says “%s” counts by its heartbeat alone', async (text) => {
    const path = await lockPath();
    await writeFile(path, text);
    await failure(withLock(path, { ...quick, timeoutMs: 50, staleMs: 60_000 }, async () => undefined), 'STORE_BUSY');
    const old = new Date(Date.now() - 60_000);
    await utimes(path, old, old);
    expect(await withLock(path, quick, async () => 'mine')).toBe('mine');
  });

  it('whose take-over was killed, by a clock that was ahead, is free after one more wait by our own clock', async () => {
    const path = await lockPath();
    await foreignLock(path, 60_000);
    const guard = `${path}.takeover`;
    await writeFile(guard, '');
    const future = new Date(Date.now() + 3_600_000);
    await utimes(guard, future, future);
    expect(await withLock(path, { ...quick, timeoutMs: 20_000 }, async () => 'mine')).toBe('mine');
    expect(await readdir(dirname(path))).toEqual([]);
  });

  it('whose take-over is under way is left to whoever is at it', async () => {
    const path = await lockPath();
    await foreignLock(path, 60_000);
    await writeFile(`${path}.takeover`, '');
    await failure(withLock(path, { ...quick, staleMs: 60_000, timeoutMs: 300 }, async () => undefined), 'STORE_BUSY');
    expect(await readdir(dirname(path))).toHaveLength(2);
  });

  it('that was taken over makes a failed write STORE_BUSY: the files went with it', async () => {
    const path = await lockPath();
    const swept = new CredsetupError('STORE_UNWRITABLE', 'Cannot write: its folder does not exist.', { hint: 'Make it.' });
    await failure(withLock(path, quick, async () => {
      await foreignLock(path, 0);
      throw swept;
    }), 'STORE_BUSY');
    await rm(path);
    await failure(withLock(path, quick, async () => { throw swept; }), 'STORE_UNWRITABLE');
  });

  it('tells its holder when it was taken over', async () => {
    const path = await lockPath();
    expect(await withLock(path, quick, async ({ stillHeld }) => {
      await foreignLock(path, 0);
      return await stillHeld();
    })).toBe(false);
    // And what belongs to the new holder stays.
    expect(await readFile(path, 'utf8')).toContain('elsewhere');
  });

  it('tells its holder when it was removed', async () => {
    const path = await lockPath();
    expect(await withLock(path, quick, async ({ stillHeld }) => {
      await rm(path);
      return await stillHeld();
    })).toBe(false);
  });

  it('is not waited for after a stop', async () => {
    const path = await lockPath();
    await foreignLock(path, 0);
    const stopper = new AbortController();
    const stop = new CredsetupError('CANCELLED', 'Stopped.', { hint: 'Again.' });
    const waiting = failure(withLock(path, { machine, signal: stopper.signal }, async () => undefined), 'CANCELLED');
    setImmediate(() => stopper.abort(stop));
    expect(await waiting).toBe(stop);
  });

  it('that is a link or a folder is STORE_UNWRITABLE', async () => {
    const path = await lockPath();
    await symlink('/nonexistent', path);
    await failure(withLock(path, quick, async () => undefined), 'STORE_UNWRITABLE');
    await rm(path);
    await mkdir(path);
    await failure(withLock(path, quick, async () => undefined), 'STORE_UNWRITABLE');
  });

  it('in a folder that is not there is STORE_UNWRITABLE', async () => {
    await failure(withLock('/nonexistent/write.lock', quick, async () => undefined), 'STORE_UNWRITABLE');
  });
});

describe('locks of several processes', () => {
  it('of a process that was killed is taken over at once', async () => {
    const path = await lockPath();
    const child = spawn(process.execPath, [built.path('lock-program'), path, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const began = performance.now();
    await withLock(path, { machine }, async () => undefined);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('lose no step of eight that count in one file, with a dead holder in front of them', async () => {
    const path = await lockPath();
    await writeFile(path, JSON.stringify({ pid: 4711, host: 'elsewhere', nonce }));
    const old = new Date(Date.now() - 60_000);
    await utimes(path, old, old);
    await writeFile(`${path}.count`, '0');
    const codes = await Promise.all(Array.from({ length: 8 }, async () => {
      const child = spawn(process.execPath, [built.path('lock-program'), path, 'count', '20'], { stdio: ['ignore', 'ignore', 'inherit'] });
      const [code] = await once(child, 'exit') as [number];
      return code;
    }));
    expect(codes).toEqual(Array.from({ length: 8 }, () => 0));
    expect(await readFile(`${path}.count`, 'utf8')).toBe('160');
    expect(await readdir(join(path, '..'))).toEqual(['write.lock.count']);
  });
});
