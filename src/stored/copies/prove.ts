/** What a copy in n8n is good for: n8n's own test, and a run where that is wanted and allowed. */
import type { Context } from '../../context.ts';
import type { Credential, Pushed } from '../../credential.ts';
import { CredsetupError, isCredsetupError } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { capabilitiesOf } from '../../services/n8n/capabilities.ts';
import { verdictOfTest, type InN8n, type N8nVerdict } from '../../services/n8n/outcome.ts';
import { findService } from '../../services/registry.ts';
import type { Method } from '../../services/service.ts';
import type { StoredInN8n } from '../../services/n8n/api.ts';
import { pageOf, type OpenN8n } from './open.ts';
import { runCopy, type RunOptions } from './runs.ts';

/** `never`; `to-prove`: where n8n's test proves nothing and the key may; `always`: it was asked for. */
export type RunWish = 'never' | 'to-prove' | 'always';

export interface Asked {
  readonly stored: StoredInN8n;
  readonly method: Method;
  /** The service's name for people. */
  readonly service: string;
  /** The service's address as that n8n has it. */
  readonly url: string;
}

/** Of a copy that is no more there. */
export const deletedInN8n: N8nVerdict = { status: 'not-known', message: 'It was deleted in n8n.' };

/** Of a stored credential's copy. */
export function askedOf({ service, url }: Credential, stored: StoredInN8n, method: Method, urlInN8n: string | undefined): Asked {
  return { stored, method, service: findService(service).title, url: urlInN8n ?? url };
}

/**
 * Asks n8n. A key that may not is no failure: then nobody has proved it, and that is said.
 * Throws what the requests throw otherwise.
 */
export async function prove(
  { stored, method, service, url }: Asked, target: OpenN8n, wish: RunWish, context: Context, options: RunOptions = {},
): Promise<N8nVerdict> {
  const about: InN8n = { service, url, signsIn: method.n8n.tokens !== undefined };
  const verdict = await testThere(stored, about, target);
  const { proof } = method.n8n;
  const unproved = verdict.status === 'connected' || verdict.status === 'not-known';
  if (proof === undefined || wish === 'never' || verdict.status === 'not-connected') return verdict;
  if (wish === 'to-prove' && (!unproved || (await capabilitiesOf(target.api.requests))['run'] !== true)) return verdict;
  return runCopy(stored, proof, about, target, context, options);
}

async function testThere(stored: StoredInN8n, about: InN8n, { api }: OpenN8n): Promise<N8nVerdict> {
  try {
    const tested = await api.test(stored.id);
    return tested === undefined ? deletedInN8n : verdictOfTest(tested, about);
  } catch (error) {
    if (!isCredsetupError(error) || error.code !== 'PERMISSION_DENIED') throw error;
    return { status: 'not-known', message: 'Nobody has proved it: the API key lacks the scope credential:read, with which n8n would test it.' };
  }
}

/** What is kept with the copy. */
export function testOf({ status, proof, message }: N8nVerdict, now: Date): NonNullable<Pushed['test']> {
  return { status, ...(proof === undefined ? {} : { proof }), message, at: now.toISOString() };
}

/** As `inN8n` of a result has it. */
export interface InN8nResult {
  readonly url: string;
  readonly id: string;
  readonly status: N8nVerdict['status'];
  readonly proof?: 'test' | 'run';
  readonly message: string;
}

export function inN8nResult(base: string, id: string, { status, proof, message }: N8nVerdict): InN8nResult {
  return { url: base, id: foreign(id), status, ...(proof === undefined ? {} : { proof }), message };
}

/** N8N_TEST_FAILED for a copy that n8n cannot use. */
export function testFailed(name: string, base: string, id: string, { message, causes = [] }: N8nVerdict): CredsetupError {
  return new CredsetupError('N8N_TEST_FAILED', `The n8n at ${base} has ${name} and cannot use it: ${message}`, {
    name, service: 'n8n', url: base, causes, hint: `${causes[0]?.fix ?? 'Open it in n8n.'} The copy stays there: ${pageOf(base, id)}. Test it again with: credsetup test ${name} --in-n8n`,
  });
}
