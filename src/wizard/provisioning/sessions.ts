/**
 * What a set-up has open at a service while it makes a secret there: sessions, requests on their
 * way, and what must be taken back. All of it is ended on every path out, a stop included.
 */
import { isCredsetupError, type CredsetupError } from '../../errors.ts';
import type { Provisioning, Session } from '../../services/provisioning.ts';
import type { Api } from '../../services/api.ts';
import { apiOf } from '../../server/connection.ts';
import type { Field } from '../../services/field.ts';
import { known, type Draft, type PlacedDraft } from '../draft.ts';
import type { OpenAtService } from './open-at-service.ts';

/** The draft's open, begun when first asked for. */
export function openOf(draft: PlacedDraft): OpenAtService {
  return draft.provisioning ??= {
    base: draft.base, provisioning: provisioningOf(draft), session: undefined, admin: undefined,
    codeWanted: false, expiryWanted: false, changes: [], pending: Promise.resolve(),
  };
}

/** How this method's secret is made. A stage that needs it stands only where it can. */
export function provisioningOf(draft: PlacedDraft): Provisioning {
  return known(draft.method.provisioning, 'provisioning');
}

/** What was given for a field that this provisioning may not have. */
export function valueOf({ values }: PlacedDraft, field: Field | undefined): string | undefined {
  return field === undefined ? undefined : values.get(field.key);
}

/** An Api whose requests are let to their end when the run is stopped. */
export async function openApi(draft: PlacedDraft): Promise<Api> {
  return apiOfOpen(draft, openOf(draft));
}

async function apiOfOpen(draft: Draft, open: OpenAtService): Promise<Api> {
  const { proxy, timeout } = draft.options;
  open.http ??= await draft.context.http({ proxy, timeout, outlivesStop: true });
  return apiOf(open.base, open.http, draft.connection);
}

/** One step at the server: nothing new is begun after a stop, and what was begun is waited for by `endSessions`. */
export async function step<T>(draft: PlacedDraft, message: string, task: (api: Api) => Promise<T>): Promise<T> {
  const open = openOf(draft);
  const api = await openApi(draft);
  draft.context.signal.throwIfAborted();
  const running = task(api);
  open.pending = running.catch((error: unknown) => error);
  const result = await (draft.terminal?.busy(message, () => running) ?? running);
  draft.context.signal.throwIfAborted();
  return result;
}

/** Ends every login that this run opened. Never throws: what could not be ended is told. */
export async function endSessions(draft: Draft): Promise<void> {
  const { provisioning: open } = draft;
  if (open === undefined) return;
  await open.pending;
  await endSession(draft, open, 'admin');
  await endSession(draft, open, 'session');
}

/** The sign-ins of another address or method are ended before one of them could be shown here. */
export async function leaveOther(draft: Draft): Promise<void> {
  const { provisioning: open, base, method } = draft;
  if (open === undefined || (open.base === base && open.provisioning === method?.provisioning)) return;
  await endSessions(draft);
  delete draft.provisioning;
}

/** Ends one login now. */
export async function endSession(draft: Draft, open: OpenAtService, which: 'admin' | 'session'): Promise<void> {
  const session = open[which];
  open[which] = undefined;
  if (session?.isLogin !== true) return;
  try {
    await open.provisioning.signOut(await apiOfOpen(draft, open), session);
  } catch (error) {
    if (!isCredsetupError(error)) throw error;
    tellOpenLogin(draft, open, session, error);
  }
}

function tellOpenLogin(draft: Draft, { provisioning }: OpenAtService, session: Session, error: CredsetupError): void {
  const { output } = draft.context;
  output.warn(`  ${output.style.caution('!')} The sign-in of ${session.account.username} could not be ended (${error.code}): ${error.message}`);
  output.warn(`    End it yourself: ${provisioning.words.endSignIn}.`);
}
