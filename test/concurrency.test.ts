/** Many tasks at once within their limits, and work that many ask for done together. */
import { describe, expect, it } from 'vitest';
import { Groups, inTurns } from '../src/concurrency.ts';

const turn = async (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

describe('tasks in turns', () => {
  it('keep to both limits, and give their results in the order in which they were asked for', async () => {
    const running = new Map<string, number>();
    const most = new Map<string, number>();
    const count = (group: string, by: number): void => {
      for (const name of [group, 'all']) {
        running.set(name, (running.get(name) ?? 0) + by);
        most.set(name, Math.max(most.get(name) ?? 0, running.get(name) ?? 0));
      }
    };
    const results = await inTurns(Array.from({ length: 200 }, (_, index) => {
      const group = `host-${index % 7}`;
      return { group, run: async () => {
        count(group, 1);
        await turn();
        count(group, -1);
        return index;
      } };
    }), { inAll: 16, perHost: 4 });
    expect(results).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(most.get('all')).toBe(16);
    expect(Math.max(...[0, 1, 2, 3, 4, 5, 6].map((host) => most.get(`host-${host}`) ?? 0))).toBe(4);
  });

  it('end with the first that throws', async () => {
    await expect(inTurns([{ group: 'a', run: async () => Promise.reject(new Error('gone')) }], { inAll: 2, perHost: 1 })).rejects.toThrow('gone');
  });
});

describe('work in groups', () => {
  it('takes whoever asks while one group is under way into the next, each with an outcome of its own', async () => {
    const sizes: number[] = [];
    const groups = new Groups<number, number>(async (items) => {
      sizes.push(items.length);
      await turn();
      return items.map((item) => (item % 2 === 0 ? { value: item * 10 } : { error: new Error(`odd ${item}`) }));
    });
    const outcomes = await Promise.allSettled([0, 1, 2, 3, 4].map((item) => groups.add(item)));
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))).toEqual([0, 'Error: odd 1', 20, 'Error: odd 3', 40]);
    expect(sizes).toEqual([1, 4]);
  });

  it('fails all of a group whose work fails, and goes on with the next', async () => {
    let calls = 0;
    const groups = new Groups<number, number>(async (items) => {
      await turn();
      if ((calls += 1) === 1) throw new Error('full disk');
      return items.map((value) => ({ value }));
    });
    await expect(groups.add(1)).rejects.toThrow('full disk');
    await expect(groups.add(2)).resolves.toBe(2);
  });
});
