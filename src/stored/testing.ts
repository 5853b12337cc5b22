/** Validates stored credentials with their servers, many at once, and keeps what was found. */
import { Groups, settled, valueOf } from '../concurrency.ts';
import type { Context, HttpClient, HttpOptions, Vault } from '../context.ts';
import type { Credential, FullCredential } from '../credential.ts';
import { isCredsetupError, toCredsetupError, type CredsetupError } from '../errors.ts';
import { validatedClient } from '../server/client-alone.ts';
import { apiOf } from '../server/connection.ts';
import { validated } from '../server/validation.ts';
import { findMethod, findService } from '../services/registry.ts';
import type { Api } from '../services/api.ts';
import type { Method, Validation } from '../services/service.ts';
import { expiryWarnings } from './expiry.ts';
import { fresh } from './fresh.ts';
import { livesElsewhere } from './handed-over.ts';
import { inTurnsShown, manyAtOnce } from './progress.ts';
import type { Result } from './result.ts';
import { revalidated } from './revalidated.ts';


/** Validates each; results by name. A failure is a result, never thrown. */
export async function testAll(credentials: readonly Credential[], options: HttpOptions, context: Context): Promise<ReadonlyMap<string, Result>> {
  const vault = await context.vault();
  // The index is written whole: beside the tests, for many at once, and for a tenth of the time at most.
  const notes = new Groups<Note, Credential>((all) => Promise.all(all.map(({ name, change }) => settled(vault.update(name, change)))), { rest: 9 });
  const tests: Tests = { context, vault, http: await context.http(options), apis: new Map(), asked: new Map(), notes };
  const tested = await inTurnsShown(credentials.map((credential) => ({
    group: new URL(credential.url).host, name: credential.name,
    run: async () => {
      const told = await testOne(credential, tests);
      return { name: credential.name, result: settled(told()) };
    },
  })), manyAtOnce, context);
  notes.hurry();
  return new Map(await Promise.all(tested.map(async ({ name, result }) => [name, valueOf(await result)] as const)));
}

/** What the tests of one run share. */
interface Tests {
  readonly context: Context;
  readonly vault: Vault;
  readonly http: HttpClient;
  /** By address and connection: a server is probed once, however many of its credentials are refused. */
  readonly apis: Map<string, Api>;
  /** By all that is sent: the same secret under two names is asked about once, so that a refused one is not sent again. */
  readonly asked: Map<string, Promise<Validation>>;
  readonly notes: Groups<Note, Credential>;
}

/** What was found of a credential, to be kept. */
interface Note {
  readonly name: string;
  readonly change: (there: Credential) => Credential;
}

/** Asks the server; what is given back keeps what was found, and does not hold up the next test. */
async function testOne(there: Credential, tests: Tests): Promise<() => Promise<Result>> {
  const started = performance.now();
  const elsewhere = livesElsewhere(there);
  if (elsewhere !== undefined) return () => Promise.resolve({ name: there.name, status: 'skipped', reason: elsewhere });
  const validated = await settled(validate(there, tests));
  if (tests.context.signal.aborted) valueOf(validated);
  const durationMs = Math.round(performance.now() - started);
  return async () => {
    try {
      const change = valueOf(validated);
      const credential = withExpiry(await tests.notes.add({ name: there.name, change }), tests.context.now());
      const reason = there.signIn === undefined ? {} : { reason: 'the client is accepted; only n8n signs in with it, which credsetup test --in-n8n asks' };
      return { name: there.name, status: 'ok', ...reason, durationMs, credential, known: there.warnings };
    } catch (error) {
      if (tests.context.signal.aborted) throw error;
      return { name: there.name, status: 'failed', durationMs, error: asResult(toCredsetupError(error), there) };
    }
  };
}

function withExpiry(credential: Credential, now: Date): Credential {
  return { ...credential, warnings: [...credential.warnings, ...expiryWarnings(credential, now)] };
}

/** What the set-up's hint cannot know: how this stored credential gets a new secret. */
function asResult(error: CredsetupError, { name, service, url }: Credential): CredsetupError {
  const known = error.with({ name, service, url });
  if (error.exitCode !== 7) return known;
  return known.withHint(error.hint.includes('reconnect') ? error.hint : `${error.hint} Then run: credsetup reconnect ${name}`);
}

/** What the server's answers change of the stored credential. */
async function validate(there: Credential, tests: Tests): Promise<Note['change']> {
  const { context } = tests;
  const service = findService(there.service);
  const method = findMethod(service, there.method);
  const { credential, secrets, certificates } = await (there.signIn === undefined ? fresh(there.name, tests) : tests.vault.load(there.name));
  for (const secret of Object.values(secrets)) context.output.protect(secret);
  const connection = { ignoreSslIssues: credential.ignoreSslIssues, allowHttp: credential.allowHttp, certificates };
  const presented = { fields: credential.fields, secrets };
  const server = JSON.stringify([credential.url, connection]);
  const api = kept(tests.apis, server, () => apiOf(credential.url, tests.http, connection));
  const validate = (): Promise<Validation> => credential.signIn !== undefined
    ? validatedClient(presented, { service, method, base: credential.url, http: tests.http, connection, context })
    : validated(method, api, { ...presented, stored: { credential, now: context.now() } }, context.output);
  const validation = await kept(tests.asked, JSON.stringify([server, service.id, method.id, presented]), validate)
    .catch((error: unknown) => renewAndAskAgain(error, { credential: there, secrets, certificates }, method, api, tests));
  return (one) => revalidated(one, { service, method, url: one.url, connection, validation, now: context.now() });
}

/** A server may end an access token before its time; one renewal shows whether the sign-in still holds. */
async function renewAndAskAgain(error: unknown, refused: FullCredential, method: Method, api: Api, tests: Tests): Promise<Validation> {
  if (method.oauth === undefined || !isCredsetupError(error) || error.code !== 'TOKEN_REJECTED') throw error;
  const renewed = await fresh(refused.credential.name, tests, { renew: 'now', refused: refused.secrets['accessToken'] });
  return validated(method, api, { fields: renewed.credential.fields, secrets: renewed.secrets }, tests.context.output);
}

/** What a map holds for a key, made when it is not there yet. */
function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
