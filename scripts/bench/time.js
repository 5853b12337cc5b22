/**
 * What a program costs in processor time, its own and the system's, which a busy machine changes
 * little: as the ratio to a bare `node -e 0` that took turns with it. Linux counts the time of
 * children that have ended in hundredths of a second, so many runs are counted together. Where there
 * is no /proc, the time on the clock stands for it.
 */
import { readFileSync } from 'node:fs';

/** Milliseconds that this process's ended children took; undefined without /proc. */
function childrenTime() {
  try {
    // proc(5): cutime and cstime are the 16th and 17th; the second is in parentheses and may hold spaces.
    const fields = readFileSync('/proc/self/stat', 'latin1').replace(/^.*\) /, '').split(' ');
    return (Number(fields[13]) + Number(fields[14])) * 10;
  } catch {
    return undefined;
  }
}

/**
 * Runs each so many times, in turns of three.
 *
 * @param runs each a function that runs a program to its end
 * @returns milliseconds each took in all its runs
 */
export async function timesOf(runs, rounds) {
  const times = runs.map(() => 0);
  for (const run of runs) await run();
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, run] of runs.entries()) {
      const [began, clock] = [childrenTime(), performance.now()];
      for (let again = 0; again < 3; again += 1) await run();
      times[index] += began === undefined ? performance.now() - clock : childrenTime() - began;
    }
  }
  return times;
}
