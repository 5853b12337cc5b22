/** Runs in an n8n, noted in the journal: what a cut-off run left there is taken away by the next one. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Begun, Context, Journal } from '../../context.ts';
import { isCredsetupError } from '../../errors.ts';
import { isObject } from '../../services/answer.ts';
import type { StoredInN8n } from '../../services/n8n/api.ts';
import { about as n8n } from '../../services/n8n/fields.ts';
import type { InN8n, N8nVerdict } from '../../services/n8n/outcome.ts';
import { removeWorkflow, runInN8n, workflowName, type RunNotes } from '../../services/n8n/run.ts';
import type { N8nNode } from '../../services/service.ts';
import { newMark } from '../marked-secret.ts';
import { sameN8n, type OpenN8n } from './open.ts';

/** In place of an owner: what is noted is a workflow; `old` is its id, once it is known. */
const workflow = 'workflow';
/** A run lasts less: an older note is a cut-off run's, also of a machine whose processes are not seen from here. */
const longestRun = 120_000;

export interface RunOptions {
  /** The journal's lock is held already. */
  readonly alone?: boolean;
  /** A run was asked for. */
  readonly always?: boolean;
}

/** One run of a credential there. Throws what the requests throw, after the workflow is gone. */
export async function runCopy(
  stored: StoredInN8n, node: N8nNode, about: InN8n, target: OpenN8n, context: Context, { alone = false }: RunOptions = {},
): Promise<N8nVerdict> {
  const journal = await context.journal();
  return runInN8n(stored, node, about, {
    requests: target.api.requests, cleanUp: target.cleanUp, mark: newMark(), signal: context.signal,
    notes: notesIn(journal, alone, (mark) => ({ mark, service: n8n.id, url: target.base, ownerId: workflow, at: context.now().toISOString() })),
    pause: async (milliseconds) => { await delay(milliseconds); },
  });
}

function notesIn(journal: Journal, alone: boolean, entry: (mark: string) => Begun): RunNotes {
  const locked = (task: () => Promise<void>): Promise<void> => alone ? task() : journal.alone(task);
  return {
    begin: (mark) => locked(() => journal.add(entry(mark))),
    made: (mark, id) => locked(async () => {
      await journal.remove(mark);
      await journal.add({ ...entry(mark), old: id });
    }),
    gone: (mark) => locked(() => journal.remove(mark)),
  };
}

/** Takes away the workflows that cut-off runs left in this n8n. */
export async function sweepRuns(target: OpenN8n, context: Context): Promise<void> {
  const journal = await context.journal();
  // One of a time to come is of a clock that was wrong.
  const cutOff = (one: Begun): boolean => journal.isAtWork(one) === false || Math.abs(context.now().getTime() - Date.parse(one.at)) > longestRun;
  const left = (await journal.list()).filter((one) => one.service === n8n.id && one.ownerId === workflow && sameN8n(one.url, target.base) && cutOff(one));
  for (const one of left) {
    try {
      await takeAway(one, target, context);
      await journal.alone(() => journal.remove(one.mark));
    } catch (error) {
      if (!isCredsetupError(error) || context.signal.aborted) throw error;
      context.output.warn(`  ${context.output.style.caution('!')} A workflow that an earlier run left in n8n could not be removed: ${error.message}`);
    }
  }
}

async function takeAway({ mark, old }: Begun, target: OpenN8n, context: Context): Promise<void> {
  const id = old ?? await idByName(workflowName(mark), target);
  if (id === undefined) {
    context.output.warn(`  ${context.output.style.caution('!')} An earlier run may have left a workflow in the n8n at ${target.base}: delete it there if you see "${workflowName(mark)}". It is not active.`);
    return;
  }
  await removeWorkflow(id, { cleanUp: target.cleanUp, pause: async (milliseconds) => { await delay(milliseconds); } });
  context.output.say(`  ${context.output.style.good('✔')} Removed a workflow that an earlier run left in n8n.`);
}

/** A key that may list workflows finds it. */
async function idByName(name: string, { api: { requests } }: OpenN8n): Promise<string | undefined> {
  const response = await requests.ask('GET', `/api/v1/workflows?limit=1&name=${encodeURIComponent(name)}`);
  const body: unknown = response.status === 200 ? response.json() : undefined;
  const [first] = isObject(body) && Array.isArray(body['data']) ? body['data'] as readonly unknown[] : [];
  return isObject(first) && first['name'] === name && typeof first['id'] === 'string' ? first['id'] : undefined;
}
