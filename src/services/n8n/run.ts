/**
 * A run of our own: a workflow with the service's node, made, activated, its first finished
 * execution read, deactivated, deleted. The only proof that a credential works in n8n. Measured
 * with n8n 2.41.1: 0.3 to 1.7 s to the first execution, some 0.3 s until it can be deleted.
 */
import type { HttpResponse } from '../../context.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import { isObject } from '../answer.ts';
import type { N8nNode } from '../service.ts';
import type { StoredInN8n } from './api.ts';
import { verdictOfRun, type ExecutionError, type InN8n, type N8nVerdict } from './outcome.ts';
import { bodyOf, notN8n, type Requests } from './requests.ts';

/** A workflow of ours, noted so that a run that is cut off leaves nothing: `id` once n8n has said it. */
export interface RunNotes {
  begin(mark: string): Promise<void>;
  made(mark: string, id: string): Promise<void>;
  gone(mark: string): Promise<void>;
}

export interface RunDeps {
  readonly requests: Requests;
  /** As `requests`, for what must be removed although the program was stopped. */
  readonly cleanUp: Requests;
  readonly notes: RunNotes;
  readonly mark: string;
  readonly signal: AbortSignal;
  readonly pause: (milliseconds: number) => Promise<void>;
}

const workflows = '/api/v1/workflows';
/** How long an execution is waited for, in milliseconds, and how often n8n is asked. */
const patience = { execution: 30_000, removal: 15_000, between: 250 };

/** Its name in n8n says what it is, should somebody see it. */
export const workflowName = (mark: string): string => `credsetup check ${mark} (runs once, is deleted by itself)`;

/**
 * Runs the credential once. What was read is not looked at, and nothing of it is kept.
 * Throws what the requests throw, and after it removed the workflow. One that could not be
 * removed stays noted, and is named in SERVER_ERROR.
 */
export async function runInN8n(credential: StoredInN8n, node: N8nNode, about: InN8n, deps: RunDeps): Promise<N8nVerdict> {
  const { requests, notes, mark } = deps;
  await notes.begin(mark);
  const made = await requests.send('POST', workflows, 'workflow:create', workflowOf(credential, node, mark)).catch(async (error: unknown) => {
    // Refused: nothing was made. An answer that was lost may have made it, and the note stays.
    if (error instanceof Error && 'code' in error && ['PERMISSION_DENIED', 'API_KEY_REJECTED', 'UNSUPPORTED', 'CONNECTION_REFUSED', 'HOST_NOT_FOUND'].includes(String(error.code))) await notes.gone(mark);
    throw error;
  });
  const id = idOf(bodyOf(made, requests.base)['id'], requests.base);
  await notes.made(mark, id);
  try {
    deps.signal.throwIfAborted();
    const refused = await activate(id, requests);
    return refused ?? await firstExecution(id, about, deps);
  } finally {
    await removeWorkflow(id, deps);
    await notes.gone(mark);
  }
}

/** n8n may not take up a workflow that it took: that says nothing of the credential. */
async function activate(id: string, requests: Requests): Promise<N8nVerdict | undefined> {
  try {
    await requests.send('POST', `${workflows}/${id}/activate`, 'workflow:activate');
    return undefined;
  } catch (error) {
    if (!isCredsetupError(error) || error.code !== 'UNSUPPORTED') throw error;
    return { status: 'not-known', message: 'n8n did not activate the workflow of ours, so nobody has proved it. Its log says why.' };
  }
}

function workflowOf({ id, name }: StoredInN8n, { type, typeVersion, parameters, credentialType }: N8nNode, mark: string): unknown {
  return {
    name: workflowName(mark),
    settings: { executionOrder: 'v1', saveDataSuccessExecution: 'all', saveDataErrorExecution: 'all' },
    nodes: [
      {
        id: 'a', name: 'Each second', type: 'n8n-nodes-base.scheduleTrigger', typeVersion: 1.2, position: [0, 0],
        parameters: { rule: { interval: [{ field: 'seconds', secondsInterval: 1 }] } },
      },
      { id: 'b', name: 'Check', position: [200, 0], type, typeVersion, parameters, credentials: { [credentialType]: { id, name } } },
    ],
    connections: { 'Each second': { main: [[{ node: 'Check', type: 'main', index: 0 }]] } },
  };
}

async function firstExecution(id: string, about: InN8n, { requests, signal, pause }: RunDeps): Promise<N8nVerdict> {
  const end = Date.now() + patience.execution;
  while (Date.now() < end) {
    signal.throwIfAborted();
    const response = await requests.send('GET', `/api/v1/executions?workflowId=${id}&includeData=true&limit=1`, 'execution:list');
    const { data } = bodyOf(response, requests.base);
    const finished = (Array.isArray(data) ? data as readonly unknown[] : []).filter(isObject).find(({ stoppedAt }) => typeof stoppedAt === 'string');
    if (finished !== undefined) return verdictOfRun(errorIn(finished), about);
    await pause(patience.between);
  }
  return { status: 'not-known', message: `n8n did not run the workflow within ${patience.execution / 1000} s, so nobody has proved it. Its executions may be held up.` };
}

/** The node's error; one that n8n gives no reason for is an error all the same. */
function errorIn(execution: Record<string, unknown>): ExecutionError | undefined {
  if (execution['status'] === 'success') return undefined;
  const data = isObject(execution['data']) ? execution['data'] : {};
  const result = isObject(data['resultData']) ? data['resultData'] : {};
  const error = isObject(result['error']) ? result['error'] : {};
  const { httpCode, message } = error;
  return { httpCode: typeof httpCode === 'string' || typeof httpCode === 'number' ? String(httpCode) : undefined, message: typeof message === 'string' ? message : '' };
}

/** Takes a workflow of ours away: not there any more is done, too. Throws SERVER_ERROR that names it when n8n keeps it. */
export async function removeWorkflow(id: string, { cleanUp, pause }: Pick<RunDeps, 'cleanUp' | 'pause'>): Promise<void> {
  const path = `${workflows}/${idOf(id, cleanUp.base)}`;
  await cleanUp.send('POST', `${path}/deactivate`, 'workflow:deactivate');
  const end = Date.now() + patience.removal;
  for (;;) {
    // 409 while it is still being unpublished.
    const response = await cleanUp.send('DELETE', path, 'workflow:delete');
    if (isGone(response)) return;
    if (Date.now() >= end) throw stillThere(id, cleanUp.base);
    await pause(patience.between);
  }
}

const isGone = ({ status }: HttpResponse): boolean => status === 200 || status === 404;

function idOf(value: unknown, base: string): string {
  if (typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(value)) return value;
  throw notN8n(base);
}

function stillThere(id: string, base: string): CredsetupError {
  return new CredsetupError('SERVER_ERROR', `The workflow that credsetup made in the n8n at ${base} could not be removed.`, {
    service: 'n8n', url: base, hint: `Delete it there: ${base}/workflow/${id}. The next run tries it again.`,
  });
}
