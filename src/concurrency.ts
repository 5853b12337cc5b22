/** Many tasks at once, with a limit in all and one for each group; and work that many ask for, done together. */

export interface Task<T> {
  readonly group: string;
  readonly run: () => Promise<T>;
}

export interface Limits {
  readonly inAll: number;
  readonly perHost: number;
}

/** Results in the order of the tasks. The first task that throws ends it. */
export async function inTurns<T>(tasks: readonly Task<T>[], limits: Limits): Promise<readonly T[]> {
  const waiting = new Map<string, Queue<T>>();
  for (const [index, task] of tasks.entries()) {
    const queue = waiting.get(task.group) ?? { tasks: [], next: 0, running: 0 };
    queue.tasks.push({ task, index });
    waiting.set(task.group, queue);
  }
  const results = new Map<number, T>();
  const worker = async (): Promise<void> => {
    for (;;) {
      const queue = [...waiting.values()].find(({ running }) => running < limits.perHost);
      const next = queue?.tasks[queue.next];
      // Whoever finishes a task of a full group starts the next one of it.
      if (queue === undefined || next === undefined) return;
      queue.next += 1;
      if (queue.next === queue.tasks.length) waiting.delete(next.task.group);
      queue.running += 1;
      results.set(next.index, await next.task.run());
      queue.running -= 1;
    }
  };
  await Promise.all(Array.from({ length: limits.inAll }, worker));
  return tasks.map((_, index) => results.get(index) as T);
}

interface Queue<T> {
  readonly tasks: { readonly task: Task<T>; readonly index: number }[];
  next: number;
  running: number;
}

export type Outcome<R> = { readonly value: R } | { readonly error: unknown };

interface Waiting<I, R> {
  readonly item: I;
  readonly resolve: (value: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Work whose cost is mostly the same for one as for many: whoever asks while a group is under way
 * goes with the next. With `rest`, a group begins no sooner than so many times the last one's
 * duration after its end, so that a long run spends a bounded part of its time on it.
 */
export class Groups<I, R> {
  readonly #work: (items: readonly I[]) => Promise<readonly Outcome<R>[]>;
  readonly #rest: number;
  #waiting: Waiting<I, R>[] = [];
  #working = false;
  #hurry: () => void = () => undefined;
  #hurried = false;

  /** @param work outcomes in the order of the items; what it throws is the outcome of each */
  constructor(work: (items: readonly I[]) => Promise<readonly Outcome<R>[]>, { rest = 0 }: { readonly rest?: number } = {}) {
    this.#work = work;
    this.#rest = rest;
  }

  async add(item: I): Promise<R> {
    return await new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#working) void this.#run();
    });
  }

  /** Nobody comes any more that would be worth waiting for. */
  hurry(): void {
    this.#hurried = true;
    this.#hurry();
  }

  async #run(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      const began = performance.now();
      await this.#together(this.#waiting.splice(0));
      await this.#pause((performance.now() - began) * this.#rest);
    }
    this.#working = false;
  }

  async #together(group: readonly Waiting<I, R>[]): Promise<void> {
    try {
      const outcomes = await this.#work(group.map(({ item }) => item));
      for (const [at, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[at] ?? { error: new TypeError('work without an outcome') };
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.value);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    if (this.#hurried || milliseconds < 1) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#hurry = () => { clearTimeout(timer); resolve(); };
    });
  }
}

/** What a task gives or throws. */
export function outcomeOf<R>(task: () => R): Outcome<R> {
  try {
    return { value: task() };
  } catch (error) {
    return { error };
  }
}

/** What a promise comes to; never rejects, so that it may be waited for late. */
export async function settled<R>(promise: Promise<R>): Promise<Outcome<R>> {
  return await promise.then((value) => ({ value }), (error: unknown) => ({ error }));
}

/** Throws what the task threw. */
export function valueOf<R>(outcome: Outcome<R>): R {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
