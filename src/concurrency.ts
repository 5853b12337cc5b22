/** Many tasks at once, with a limit in all and one for each group. */

export interface Task<T> {
  readonly group: string;
  readonly run: () => Promise<T>;
}

/** Results in the order of the tasks. The first task that throws ends it. */
export async function inTurns<T>(tasks: readonly Task<T>[], limits: { readonly inAll: number; readonly perHost: number }): Promise<readonly T[]> {
  const waiting = tasks.map((task, index) => ({ task, index }));
  const running = new Map<string, number>();
  const results = new Map<number, T>();
  const worker = async (): Promise<void> => {
    for (;;) {
      const at = waiting.findIndex(({ task }) => (running.get(task.group) ?? 0) < limits.perHost);
      const next = at < 0 ? undefined : waiting.splice(at, 1)[0];
      // Whoever finishes a task of a full group starts the next one of it.
      if (next === undefined) return;
      const { task, index } = next;
      running.set(task.group, (running.get(task.group) ?? 0) + 1);
      results.set(index, await task.run());
      running.set(task.group, (running.get(task.group) ?? 1) - 1);
    }
  };
  await Promise.all(Array.from({ length: limits.inAll }, worker));
  return tasks.map((_, index) => results.get(index) as T);
}
