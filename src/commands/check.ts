/** `check TARGET`: what an n8n holds of the types that we know, ours or not, and whether it works there. */
import type { Context } from '../context.ts';
import type { Credential } from '../credential.ts';
import { exitCodes, isCredsetupError, type CredsetupError } from '../errors.ts';
import { foreign, withoutMarks } from '../foreign.ts';
import type { StoredInN8n } from '../services/n8n/api.ts';
import { capabilityScopes, requireScopes } from '../services/n8n/capabilities.ts';
import type { N8nVerdict } from '../services/n8n/outcome.ts';
import { services } from '../services/registry.ts';
import type { Method, Service } from '../services/service.ts';
import { atOnceInN8n, copyIn, whyAway, type OpenN8n } from '../stored/copies/open.ts';
import { prove } from '../stored/copies/prove.ts';
import { inTurnsShown } from '../stored/progress.ts';
import type { check } from './catalog.ts';
import { name, networkOptions, type Run } from './command.ts';
import { openN8n } from './push-target.ts';
import { offerRepairs, type Dead } from './repair-in-n8n.ts';
import { table } from './table.ts';

interface Checked extends StoredInN8n {
  readonly ours?: string;
  readonly status: N8nVerdict['status'];
  readonly proof?: 'test' | 'run';
  readonly message: string;
}

export const run: Run<typeof check> = async (call, context) => {
  const target = await openN8n([], { ...call, target: name(call.args) }, context);
  await requireScopes(target.api.requests, [...capabilityScopes.list, ...capabilityScopes.read, ...(call.options.run ? capabilityScopes.run : [])]);
  const types = typesOfServices();
  const known = await (await context.vault()).list();
  const listed = (await target.api.list(new Set(types.keys()))).flatMap((stored) => {
    const type = types.get(stored.type);
    return type === undefined ? [] : [{ stored, type }];
  });
  const checked = await checkEach(listed, { target, known, toRun: call.options.run, away: undefined }, context);
  print(checked, target, call.json, context);
  const dead = checked.filter(({ status }) => status === 'failed').flatMap((one): Dead[] => {
    const type = types.get(one.type);
    return type === undefined ? [] : [{ ...one, id: withoutMarks(one.id), ...type }];
  });
  if (dead.length === 0) return 0;
  const { caFile: caFiles, ignoreSslIssues, allowHttp } = call.options;
  const reach = { caFiles, ignoreSslIssues, allowHttp, ...networkOptions(call.options) };
  const repaired = call.json || !context.interactive ? new Set() : await offerRepairs(dead, target, reach, context);
  return dead.every(({ id }) => repaired.has(id)) ? 0 : exitCodes.N8N_TEST_FAILED;
};

interface TypeOfOurs { readonly service: Service; readonly method: Method }

/** n8n's types to who describes them. */
function typesOfServices(): ReadonlyMap<string, TypeOfOurs> {
  return new Map(services.flatMap((service) => service.methods.map((method) => [method.n8n.type, { service, method }] as const)));
}

interface Checking {
  readonly target: OpenN8n;
  readonly known: readonly Credential[];
  readonly toRun: boolean;
  /** Why this n8n answers nothing any more. */
  away: CredsetupError | undefined;
}

async function checkEach(
  listed: readonly { readonly stored: StoredInN8n; readonly type: TypeOfOurs }[], checking: Checking, context: Context,
): Promise<readonly Checked[]> {
  return inTurnsShown(listed.map(({ stored, type }) => ({
    group: checking.target.base, name: foreign(stored.name), run: () => checkOne(stored, type, checking, context),
  })), { inAll: atOnceInN8n, perHost: atOnceInN8n }, context);
}

async function checkOne(stored: StoredInN8n, { service, method }: TypeOfOurs, checking: Checking, context: Context): Promise<Checked> {
  const { target, known } = checking;
  const ours = known.find((one) => copyIn(one, target.base)?.id === stored.id);
  // Its data cannot be read back: of one that is not ours the address is not known.
  const url = (ours === undefined ? undefined : copyIn(ours, target.base))?.urlInN8n ?? ours?.url ?? 'the address that it has in n8n';
  const verdict = await ask({ stored, method, service: service.title, url }, checking, context);
  const { status, proof, message } = verdict;
  const there = { name: foreign(stored.name), id: foreign(stored.id), type: stored.type };
  return { ...there, ...(ours === undefined ? {} : { ours: ours.name }), status, ...(proof === undefined ? {} : { proof }), message };
}

async function ask(asked: Parameters<typeof prove>[0], checking: Checking, context: Context): Promise<N8nVerdict> {
  const { target, toRun, away } = checking;
  if (away !== undefined) return { status: 'not-known', message: `It was not asked about: ${away.message}` };
  try {
    return await prove(asked, target, toRun ? 'always' : 'never', context);
  } catch (error) {
    if (!isCredsetupError(error) || context.signal.aborted || error.exitCode === 7) throw error;
    checking.away ??= await whyAway(error, target);
    return { status: 'not-known', message: `It could not be asked: ${error.message}` };
  }
}

function print(checked: readonly Checked[], { base, name: stored }: OpenN8n, json: boolean, { output }: Context): void {
  if (json) {
    output.json({ n8n: { url: base, ...(stored === undefined ? {} : { name: stored }) }, credentials: checked });
    return;
  }
  if (checked.length === 0) {
    output.say(`The n8n at ${base} holds no credential of a type that credsetup knows.`);
    return;
  }
  output.data(output.plain(table(
    ['NAME', 'ID', 'TYPE', 'OURS', 'STATUS', 'BY', 'WHAT'],
    checked.map((one) => [one.name, one.id, one.type, one.ours ?? '', one.status, one.proof ?? '', one.message].map((cell) => output.plain(cell))),
    output.dataColumns(),
  )));
  const broken = checked.filter(({ status }) => status === 'failed');
  for (const { id, name: theirs, ours } of broken) output.say(`  Repair ${theirs} in place: credsetup push ${stored ?? 'n8n'} ${ours ?? 'NAME'} --into ${id}`);
  if (checked.some(({ status }) => status === 'connected')) output.say('  connected: n8n has a sign-in, and nobody has proved it; --run does.');
}
