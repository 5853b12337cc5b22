/** A practice n8n's workflows of a schedule and one node, and their executions: as far as a run of ours needs them. */
import { randomUUID } from 'node:crypto';
import { refusal, told } from './n8n-answers.ts';
import { withScope, type N8nRoute, type Scope } from './n8n-credentials.ts';
import { newId, type N8nData, type N8nExecution, type N8nNode, type N8nState, type N8nWorkflow } from './n8n-state.ts';
import { useCredential } from './n8n-use.ts';
import { bodyMembers, type PracticeRequest, type Reply } from './server.ts';

type Parts = Readonly<Record<string, string>>;

export const workflowRoutes: readonly N8nRoute[] = [
  { method: 'POST', path: '/api/v1/workflows', answer: withScope('workflow:create', create) },
  { method: 'GET', path: '/api/v1/workflows', answer: withScope('workflow:list', byName) },
  { method: 'POST', path: '/api/v1/workflows/:id/activate', answer: withScope('workflow:activate', activate) },
  { method: 'POST', path: '/api/v1/workflows/:id/deactivate', answer: withScope('workflow:deactivate', deactivate) },
  { method: 'DELETE', path: '/api/v1/workflows/:id', answer: withScope('workflow:delete', remove) },
  { method: 'GET', path: '/api/v1/executions', answer: withScope('execution:list', executions) },
];

/** No workflow is set off any more. */
export function stopAll({ workflows }: N8nState): void {
  for (const one of workflows) clearInterval(one.timer);
}

function create({ state }: Scope, request: PracticeRequest): Reply {
  const body = bodyMembers(request);
  const missing = ['name', 'nodes', 'connections', 'settings'].find((member) => body[member] === undefined);
  if (missing !== undefined) return refusal(400, `request/body must have required property '${missing}'`);
  const now = new Date().toISOString();
  const one: N8nWorkflow = {
    id: newId(), name: String(body['name']), nodes: body['nodes'] as readonly N8nNode[], connections: body['connections'], settings: body['settings'],
    createdAt: now, updatedAt: now, active: false, triggerCount: 0, timer: undefined, unpublishedAt: 0,
  };
  state.workflows.push(one);
  return told({ ...view(one), staticData: null, pinData: null, meta: null, tags: [], shared: shared(state, one), activeVersion: null, parentFolder: null });
}

function byName({ state }: Scope, { query }: PracticeRequest): Reply {
  const data = state.workflows.filter(({ name }) => name === query.get('name')).slice(0, Number(query.get('limit') ?? 100));
  return told({ data: data.map(view), nextCursor: null });
}

function activate({ state }: Scope, _: PracticeRequest, parts: Parts): Reply {
  return found(state, parts, 'You do not have permission to activate this workflow. Ask the owner to share it with you.', (one) => {
    one.active = true;
    one.timer ??= setInterval(() => setOff(state, one), state.second).unref();
    const { id: workflowId, nodes, connections, createdAt, updatedAt } = one;
    const history = [{ id: 1, workflowId, versionId: randomUUID(), event: 'activated', userId: randomUUID(), createdAt }];
    const activeVersion = {
      versionId: randomUUID(), workflowId, nodes, connections, nodeGroups: [], authors: 'Olive Owner', name: null, description: null, autosaved: false, createdAt, updatedAt,
      workflowPublishHistory: history,
    };
    return told({ ...view(one), staticData: null, pinData: null, meta: null, activeVersion });
  });
}

function deactivate({ state }: Scope, _: PracticeRequest, parts: Parts): Reply {
  return found(state, parts, 'You do not have permission to deactivate this workflow. Ask the owner to share it with you.', (one) => {
    clearInterval(one.timer);
    one.timer = undefined;
    if (one.active) one.unpublishedAt = Date.now() + state.unpublishing;
    one.active = false;
    return told({ ...view(one), staticData: staticData(one), pinData: null, meta: null, shared: shared(state, one), activeVersion: null });
  });
}

function remove({ state }: Scope, _: PracticeRequest, parts: Parts): Reply {
  return found(state, parts, 'Not Found', (one) => {
    if (one.active) return refusal(409, 'Cannot delete a published workflow. Unpublish it before deleting.');
    if (Date.now() < one.unpublishedAt) return refusal(409, 'Workflow is still being unpublished. Please try again in a few moments.');
    state.workflows.splice(state.workflows.indexOf(one), 1);
    const others = state.executions.filter(({ workflowId }) => workflowId !== one.id);
    state.executions.splice(0, state.executions.length, ...others);
    return told({ ...view(one), staticData: staticData(one), pinData: null, meta: null, shared: shared(state, one) });
  });
}

/** The newest first. What still runs is not told of, as n8n does it in one process. */
function executions({ state }: Scope, { query }: PracticeRequest): Reply {
  const workflowId = query.get('workflowId');
  const withData = query.get('includeData') === 'true';
  const all = state.executions.filter((one) => one.stoppedAt !== undefined && (workflowId === null || one.workflowId === workflowId)).reverse();
  return told({ data: all.slice(0, Number(query.get('limit') ?? 100)).map((one) => executionView(one, withData)), nextCursor: null });
}

function executionView({ id, workflowId, startedAt, stoppedAt, status, error, output }: N8nExecution, withData: boolean): N8nData {
  const resultData = { ...(error === undefined ? {} : { error }), lastNodeExecuted: 'Check', ...(error === undefined ? { runData: { Check: [{ data: { main: [[{ json: output }]] } }] } } : {}) };
  return { id, finished: status === 'success', mode: 'trigger', status, startedAt, stoppedAt, workflowId, ...(withData ? { data: { resultData } } : {}) };
}

let lastExecution = 0;

function setOff(state: N8nState, workflow: N8nWorkflow): void {
  if (!state.executionsCome) return;
  lastExecution += 1;
  const one: N8nExecution = {
    id: String(lastExecution), workflowId: workflow.id, startedAt: new Date().toISOString(), stoppedAt: undefined, status: 'running', error: undefined, output: undefined,
  };
  workflow.triggerCount = 1;
  state.executions.push(one);
  void execute(state, workflow, one);
}

/** The one node that has a credential. */
async function execute(state: N8nState, { nodes }: N8nWorkflow, one: N8nExecution): Promise<void> {
  const [used] = nodes.flatMap(({ credentials = {} }) => Object.values(credentials));
  const credential = state.credentials.find(({ id }) => id === used?.id);
  const missing = { level: 'error', name: 'NodeOperationError', message: `Credential with ID "${used?.id ?? ''}" does not exist for type`, context: {} };
  const { error, output } = credential === undefined ? { error: missing, output: undefined } : await useCredential(state, credential);
  Object.assign(one, { error, output, status: error === undefined ? 'success' : 'error', stoppedAt: new Date().toISOString() });
}

function found({ workflows }: N8nState, { id }: Parts, missing: string, go: (one: N8nWorkflow) => Reply): Reply {
  const one = workflows.find((other) => other.id === id);
  return one === undefined ? refusal(404, missing) : go(one);
}

function view({ id, name, active, createdAt, updatedAt, triggerCount, nodes, connections, settings }: N8nWorkflow): N8nData {
  return {
    id, name, description: null, active, activeVersionId: active ? randomUUID() : null, createdAt, updatedAt,
    isArchived: false, versionId: randomUUID(), versionCounter: 1,
    sourceWorkflowId: null, triggerCount, nodes, connections, nodeGroups: [], settings,
  };
}

const staticData = ({ triggerCount }: N8nWorkflow): unknown => triggerCount === 0 ? null : { 'node:Each second': { recurrenceRules: [null], recurrenceRuleSignatures: [null] } };

function shared({ projects }: N8nState, { id: workflowId, createdAt, updatedAt }: N8nWorkflow): readonly unknown[] {
  const projectId = projects[0] ?? '';
  const project = {
    id: projectId, name: 'Olive Owner <owner@example.com>', type: 'personal', icon: null, description: null, customTelemetryTags: [], creatorId: randomUUID(), createdAt, updatedAt,
  };
  return [{ role: 'workflow:owner', workflowId, projectId, project, createdAt, updatedAt }];
}
