/** `push n8n NAME...`: creates stored credentials in an n8n by its public API. */
import type { Context } from '../context.ts';
import type { Credential, Pushed } from '../credential.ts';
import { CredsetupError, toCredsetupError } from '../errors.ts';
import { n8nCredential, n8nWarnings } from '../exporters/n8n.ts';
import { idTaken, type StoredInN8n } from '../services/n8n/api.ts';
import type { FreshDeps } from '../stored/fresh.ts';
import { gaveUp, giveUp } from '../stored/hand-over.ts';
import { refuseHandedOver } from '../stored/handed-over.ts';
import type { Result } from '../stored/result.ts';
import { methodOf } from '../services/registry.ts';
import type { push } from './catalog.ts';
import { name, names, networkOptions, type Run } from './command.ts';
import { checkNames, findEach, isFound } from './find-credentials.ts';
import { openN8n, type N8nTarget } from './push-target.ts';
import { exitCodeOf, reportResults } from './results.ts';

export const run: Run<typeof push> = async (call, context) => {
  if (name(call.args) !== 'n8n') throw new CredsetupError('USAGE', `There is nothing named ${JSON.stringify(name(call.args))} to push to.`, { hint: 'It is: credsetup push n8n NAME...' });
  const { all, replace, handOver } = call.options;
  const wanted = names(call.args, 1);
  checkNames(wanted, all);
  const vault = await context.vault();
  const found = all ? await vault.list() : await findEach(wanted, vault);
  const there = found.filter(isFound);
  const target = there.length === 0 ? undefined : await openN8n(there.map((one) => methodOf(one).n8n.type), call, context);
  const plan: Plan = {
    replace, handOver,
    deps: { vault, http: await context.http(networkOptions(call.options)), context },
  };
  const results: Result[] = [];
  for (const one of found) {
    results.push(isFound(one) && target !== undefined ? await pushOne(one, target, plan, context) : { name: one.name, status: 'failed', ...('error' in one ? { error: one.error } : {}) });
  }
  return reportResults(results, call, context, exitCodeOf(results, all || results.length > 1));
};

interface Plan {
  readonly replace: boolean;
  /** The sign-in goes too, and ours is given up. */
  readonly handOver: boolean;
  readonly deps: FreshDeps;
}

async function pushOne(credential: Credential, target: N8nTarget, { replace, handOver, deps }: Plan, context: Context): Promise<Result> {
  try {
    const before = credential.pushed?.find(({ url }) => url === target.base);
    if (before !== undefined && !replace) throw pushedBefore(credential, before);
    const method = methodOf(credential);
    const known = before === undefined ? undefined : await unchanged(credential, before, method.n8n.type, target);
    refuseHandedOver(credential);
    const full = handOver ? await giveUp(credential, target.base, deps) : await deps.vault.load(credential.name);
    const item = { full, method };
    for (const secret of Object.values(item.full.secrets)) context.output.protect(secret);
    const { name, type, data } = n8nCredential(item, { now: context.now(), handOver });
    const body = { name, type, data };
    const stored = known === undefined ? await target.api.create(body) : await target.api.update(known.id, body);
    if (stored === undefined || stored === idTaken) throw goneMeanwhile(target.base);
    await gaveUp(full, target.base, deps);
    const kept = await remember(credential, stored, target.base, context);
    const toConnect = method.n8n.tokens !== undefined && full.credential.handedOver === undefined;
    const reason = !toConnect ? {} : { reason: 'open it in n8n and press Connect: the sign-in is not part of it' };
    if (toConnect) context.output.say(`  In n8n, open ${kept.name} and press Connect.`);
    return { name: credential.name, status: known === undefined ? 'created' : 'replaced', ...reason, credential: { ...kept, warnings: n8nWarnings([item]).map(({ code, message }) => ({ code, message })) } };
  } catch (error) {
    if (context.signal.aborted) throw error;
    return { name: credential.name, status: 'failed', error: toCredsetupError(error).with({ name: credential.name }) };
  }
}

/** undefined when it is no more there. Throws NAME_TAKEN when what has the id now is something else. */
async function unchanged({ name: ours }: Credential, before: Pushed, type: string, { api, base }: N8nTarget): Promise<StoredInN8n | undefined> {
  const there = await api.find(before.id);
  if (there === undefined || (there.type === type && [before.name, ours].includes(there.name))) return there;
  throw new CredsetupError('NAME_TAKEN', `What was pushed to ${base} as ${before.name} is there now as ${JSON.stringify(there.name)} of the type ${there.type}; it was left as it is.`, {
    hint: 'Give it its old name in n8n, or delete it there; then push again with --replace.',
  });
}

function goneMeanwhile(url: string): CredsetupError {
  return new CredsetupError('RESPONSE_INVALID', `The credential was deleted in the n8n at ${url} while it was being replaced.`, { url, hint: 'Push it again with --replace.' });
}

function pushedBefore({ name: ours }: Credential, { url, id, name: theirs, at }: Pushed): CredsetupError {
  return new CredsetupError('NAME_TAKEN', `${ours} was pushed to ${url} on ${at.slice(0, 10)}, as ${theirs} (id ${id}).`, {
    hint: 'Add --replace to write it over there, also when it was deleted in n8n since.',
  });
}

/** The id that n8n chose, by which --replace finds it again. */
async function remember({ name: ours }: Credential, stored: StoredInN8n, url: string, context: Context): Promise<Credential> {
  const pushed: Pushed = { url, ...stored, at: context.now().toISOString() };
  try {
    return await (await context.vault()).update(ours, (one) => ({ ...one, pushed: [...(one.pushed ?? []).filter((other) => other.url !== url), pushed] }));
  } catch (error) {
    const { code, message, hint } = toCredsetupError(error);
    throw new CredsetupError(code, `${message} n8n has the credential now, under the id ${stored.id}, and that could not be kept here.`, {
      cause: error, hint: `${hint} Delete it in n8n before you push again, or it is there twice.`,
    });
  }
}
